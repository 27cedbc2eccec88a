#include "os/perf_ring.h"

#include "base/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE_TYPE                                                                                \
    (PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CALLCHAIN |                 \
     PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER)
#define RING_PAGES_MAX 2048 /* 8 MiB; the mlock limit leaves users 512 KiB as a rule */
#define RING_PAGES_MIN 16
#define STACK_BYTES_MAX 32768
#define STACK_BYTES_MIN 4096
/* Copies of stacks a second and processor; more would be felt. */
#define STACK_BYTES_A_SECOND (64u << 20)
#define RECORD_BYTES_MAX 65536 /* its size is a u16 */

int perf_open_event(const struct perf_event_attr *attr, pid_t pid, int cpu)
{
    struct perf_event_attr copy = *attr; /* the kernel writes its size there */
    return (int)syscall(SYS_perf_event_open, &copy, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

struct perf_event_attr perf_make_attr(const struct perf_options *options,
                                      const struct perf_features *features, size_t stack_bytes)
{
    uint64_t no_stack = stack_bytes ? 0 : PERF_SAMPLE_STACK_USER;
    struct perf_event_attr attr = {
        .size = sizeof(struct perf_event_attr),
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = options->period_ns,
        .sample_type = SAMPLE_TYPE & ~no_stack,
        .sample_regs_user = REGS,
        .sample_stack_user = (uint32_t)stack_bytes,
        .inherit = 1,
        .exclude_kernel = !features->kernel,
        .exclude_callchain_kernel = !features->kernel,
        .exclude_hv = 1,
        .mmap = 1,
        .mmap2 = 1,
        .comm = 1,
        .comm_exec = 1,
        .task = 1,
        .sample_id_all = 1,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .watermark = 1,
        .inherit_thread = !options->children,
        .build_id = features->build_id,
    };
    if (options->switches) {
        attr.config = PERF_COUNT_SW_CONTEXT_SWITCHES;
        attr.sample_period = 1;
        attr.context_switch = 1;
        attr.exclude_kernel = 0; /* that is where it happens */
        attr.exclude_callchain_kernel = 1;
    }
    if (options->only_turns)
        attr = (struct perf_event_attr){
            .size = sizeof(struct perf_event_attr),
            .type = PERF_TYPE_SOFTWARE,
            .config = PERF_COUNT_SW_DUMMY,
            .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
            .inherit = 1,
            .exclude_kernel = 1,
            .exclude_hv = 1,
            .context_switch = 1,
            .sample_id_all = 1,
            .use_clockid = 1,
            .clockid = CLOCK_MONOTONIC,
            .watermark = 1,
            .inherit_thread = !options->children,
        };
    return attr;
}

int perf_paranoid_level(void)
{
    AUTO_FILE file = {0};
    if (!file_read(&file, "/proc/sys/kernel/perf_event_paranoid", NULL) || !file.len)
        return -1;
    char text[16];
    snprintf(text, sizeof text, "%.*s", (int)(file.len < 15 ? file.len : 15),
             (const char *)file.data);
    return atoi(text);
}

bool perf_denied(struct err *err, int e)
{
    int level = perf_paranoid_level();
    if (e == ENOSYS || e == ENOENT || e == EOPNOTSUPP)
        return err_set(err, ERR_UNSUPPORTED, "this kernel has no perf events");
    if ((e == EACCES || e == EPERM) && level > 2)
        return err_set(err, ERR_PERM,
                       "kernel.perf_event_paranoid is %d; 'sysctl kernel.perf_event_paranoid=1' "
                       "as root, or the capability CAP_PERFMON for sonde, permits it",
                       level);
    if (e == EACCES || e == EPERM)
        return err_set(err, ERR_PERM,
                       "perf_event_open is forbidden (kernel.perf_event_paranoid is %d; a "
                       "container's seccomp filter?)",
                       level);
    return err_sys(err, e, "perf_event_open");
}

bool perf_probe(const struct perf_options *options, struct perf_features *features, int *e)
{
    static const struct perf_features sets[] = {{true, true}, {true, false}, {false, true}, {0}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (options->switches && !sets[i].kernel)
            continue;
        struct perf_event_attr attr = perf_make_attr(options, &sets[i], STACK_BYTES_MIN);
        AUTO_FD fd = perf_open_event(&attr, 0, -1);
        if (fd >= 0) {
            *features = sets[i];
            return true;
        }
        *e = errno;
    }
    return false;
}

bool perf_permitted(bool *kernel, struct err *err)
{
    const struct perf_options options = {.period_ns = 10000000, .children = true};
    struct perf_features features;
    int e;
    if (!perf_probe(&options, &features, &e))
        return perf_denied(err, e);
    *kernel = features.kernel;
    return true;
}

void perf_close_rings(struct perf *perf)
{
    for (size_t i = 0; i < perf->more.n; i++)
        close(perf->more.items[i]);
    vec_clear(&perf->more);
    for (size_t i = 0; i < perf->n_rings; i++) {
        munmap(perf->rings[i].map, perf->page_bytes + perf->data_bytes);
        close(perf->rings[i].fd);
    }
    perf->n_rings = 0;
}

size_t perf_stack_bytes(const struct perf *perf, uint64_t period_ns)
{
    uint64_t bytes = period_ns * STACK_BYTES_A_SECOND / 1000000000u;
    if (bytes > perf->data_bytes / 64)
        bytes = perf->data_bytes / 64;
    if (bytes > STACK_BYTES_MAX)
        bytes = STACK_BYTES_MAX;
    if (bytes < STACK_BYTES_MIN)
        bytes = STACK_BYTES_MIN;
    return bytes & ~(size_t)7;
}

int perf_add_ring(struct perf *perf, int fd, int cpu)
{
    void *map =
        mmap(NULL, perf->page_bytes + perf->data_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        int e = errno;
        close(fd);
        return e;
    }
    perf->polls[perf->n_rings] = (struct pollfd){.fd = fd, .events = POLLIN};
    perf->rings[perf->n_rings++] = (struct ring){fd, cpu, map};
    return 0;
}

/* The command, before its first instruction. */
struct command {
    const struct perf_options *options;
    const struct perf_features *features;
};

/* An event and ring on each processor; an errno, nothing left open, on failure. */
static int open_command(struct perf *perf, void *arg)
{
    const struct command *command = arg;
    const struct perf_options *options = command->options;
    struct perf_event_attr attr =
        perf_make_attr(options, command->features, perf_stack_bytes(perf, options->period_ns));
    attr.disabled = attr.enable_on_exec = !options->only_turns;
    attr.wakeup_watermark = (uint32_t)(perf->data_bytes / 4);
    for (int cpu = 0; cpu < perf->n_cpus; cpu++) {
        int fd = perf_open_event(&attr, options->pid, cpu), e = errno;
        if (fd < 0 && e == ENODEV) /* the processor is switched off */
            continue;
        if (fd >= 0)
            e = perf_add_ring(perf, fd, cpu);
        if (e) {
            perf_close_rings(perf);
            return e;
        }
    }
    return perf->n_rings ? 0 : ENODEV;
}

struct perf *perf_new_empty(struct err *err)
{
    long n_cpus = sysconf(_SC_NPROCESSORS_CONF);
    struct perf *perf = calloc(1, sizeof *perf);
    if (perf) {
        perf->n_cpus = n_cpus;
        perf->rings = calloc((size_t)n_cpus, sizeof *perf->rings);
        perf->polls = calloc((size_t)n_cpus, sizeof *perf->polls);
        perf->whole = malloc(RECORD_BYTES_MAX);
        perf->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    }
    if (perf && perf->rings && perf->polls && perf->whole)
        return perf;
    perf_free(perf);
    err_nomem(err);
    return NULL;
}

/* The memory that rings may lock is limited a user; take what is granted. */
int perf_fit_rings(struct perf *perf, int (*open)(struct perf *perf, void *arg), void *arg)
{
    int e = 0;
    for (size_t pages = RING_PAGES_MAX; pages >= RING_PAGES_MIN; pages /= 2) {
        perf->data_bytes = pages * perf->page_bytes;
        e = open(perf, arg);
        if (e != EPERM && e != ENOMEM)
            break;
    }
    return e;
}

bool perf_no_rings(struct err *err, int e)
{
    return err_sys(err, e,
                   "cannot open perf events (ring buffers are limited by "
                   "kernel.perf_event_mlock_kb)");
}

uint64_t perf_period_ns(const struct perf *perf)
{
    return perf->period_ns;
}

struct perf *perf_new(const struct perf_options *options, struct err *err)
{
    struct perf_features features;
    int e;
    if (!perf_probe(options, &features, &e)) {
        perf_denied(err, e);
        return NULL;
    }
    struct perf *perf = perf_new_empty(err);
    if (!perf)
        return NULL;
    perf->period_ns = options->period_ns;
    e = perf_fit_rings(perf, open_command, &(struct command){options, &features});
    if (!e)
        return perf;
    perf_no_rings(err, e);
    perf_free(perf);
    return NULL;
}

void perf_free(struct perf *perf)
{
    if (!perf)
        return;
    perf_close_rings(perf);
    vec_release(&perf->more);
    free(perf->rings);
    free(perf->polls);
    free(perf->whole);
    free(perf);
}

void perf_wait(struct perf *perf, int timeout_ms)
{
    size_t n_open = 0;
    poll(perf->polls, perf->n_rings, timeout_ms);
    for (size_t i = 0; i < perf->n_rings; i++) {
        if (perf->polls[i].revents & POLLHUP) /* all its processes have ended */
            perf->polls[i].fd = -1;
        n_open += perf->polls[i].fd >= 0;
    }
    if (!n_open) {
        struct timespec rest = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};
        nanosleep(&rest, NULL);
    }
}

void perf_stop(struct perf *perf)
{
    for (size_t i = 0; i < perf->n_rings; i++)
        ioctl(perf->rings[i].fd, PERF_EVENT_IOC_DISABLE, 0);
    for (size_t i = 0; i < perf->more.n; i++)
        ioctl(perf->more.items[i], PERF_EVENT_IOC_DISABLE, 0);
}

/* Without `keep`, what was taken makes room. */
static void read_ring(struct perf *perf, struct ring *ring, bool keep, perf_take_fn *take,
                      void *arg)
{
    struct perf_event_mmap_page *control = (void *)ring->map;
    const uint8_t *data = ring->map + perf->page_bytes;
    uint64_t head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = control->data_tail;
    while (head - tail >= sizeof(struct perf_event_header)) {
        size_t at = tail % perf->data_bytes, before_end = perf->data_bytes - at;
        const struct perf_event_header *record = (const void *)(data + at);
        if (record->size < sizeof *record || record->size > head - tail)
            break;
        size_t size = record->size;
        if (size > before_end) {
            memcpy(perf->whole, record, before_end);
            memcpy(perf->whole + before_end, data, size - before_end);
            record = (const void *)perf->whole;
        }
        take(arg, record);
        tail += size;
    }
    if (!keep)
        __atomic_store_n(&control->data_tail, head, __ATOMIC_RELEASE);
}

void perf_drain(struct perf *perf, perf_take_fn *take, void *arg)
{
    for (size_t i = 0; i < perf->n_rings; i++)
        read_ring(perf, &perf->rings[i], false, take, arg);
}

void perf_peek(struct perf *perf, perf_take_fn *take, void *arg)
{
    for (size_t i = 0; i < perf->n_rings; i++)
        read_ring(perf, &perf->rings[i], true, take, arg);
}
