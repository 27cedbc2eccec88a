#include "os/perf.h"

#include "base/reader.h"

#include <errno.h>
#include <poll.h>
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
#define BUILD_ID_BYTES_MAX 20  /* of the kernel's record */

/* Registers in the order of their numbers, as the kernel delivers them. */
#if defined(__x86_64__)
#define REG_FP 6
#define REG_SP 7
#define REG_PC 8
#define REGS (1u << REG_FP | 1u << REG_SP | 1u << REG_PC)
#elif defined(__aarch64__)
#define REG_FP 29
#define REG_LR 30
#define REG_SP 31
#define REG_PC 32
#define REGS (1ull << REG_FP | 1ull << REG_LR | 1ull << REG_SP | 1ull << REG_PC)
#endif

struct ring {
    int fd;
    uint8_t *map; /* a control page, then the data */
};

struct perf {
    struct ring *rings;
    struct pollfd *polls;
    size_t n_rings;
    size_t page_bytes, data_bytes;
    uint8_t *whole; /* a record that wraps around the ring's end */
};

static int event_open(const struct perf_event_attr *attr, pid_t pid, int cpu)
{
    struct perf_event_attr copy = *attr; /* the kernel writes its size there */
    return (int)syscall(SYS_perf_event_open, &copy, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/* What kernel and permissions allow. */
struct features {
    bool kernel, build_id;
};

static struct perf_event_attr make_attr(const struct perf_options *options,
                                        const struct features *features, size_t stack_bytes)
{
    return (struct perf_event_attr){
        .size = sizeof(struct perf_event_attr),
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = 1000000000u / options->hz,
        .sample_type = SAMPLE_TYPE,
        .sample_regs_user = REGS,
        .sample_stack_user = (uint32_t)stack_bytes,
        .disabled = 1,
        .enable_on_exec = 1,
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
}

static int paranoid_level(void)
{
    AUTO_FILE file = {0};
    if (!file_read(&file, "/proc/sys/kernel/perf_event_paranoid", NULL) || !file.len)
        return -1;
    char text[16];
    snprintf(text, sizeof text, "%.*s", (int)(file.len < 15 ? file.len : 15),
             (const char *)file.data);
    return atoi(text);
}

static bool set_denied(struct err *err, int e)
{
    int level = paranoid_level();
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

/* The best set that an event on ourselves is granted; false with errno's value in
 * *e when none is. */
static bool probe(const struct perf_options *options, struct features *features, int *e)
{
    static const struct features sets[] = {{true, true}, {true, false}, {false, true}, {0}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct perf_event_attr attr = make_attr(options, &sets[i], STACK_BYTES_MIN);
        AUTO_FD fd = event_open(&attr, 0, -1);
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
    const struct perf_options options = {.hz = 100, .children = true};
    struct features features;
    int e;
    if (!probe(&options, &features, &e))
        return set_denied(err, e);
    *kernel = features.kernel;
    return true;
}

static void close_rings(struct perf *perf)
{
    for (size_t i = 0; i < perf->n_rings; i++) {
        munmap(perf->rings[i].map, perf->page_bytes + perf->data_bytes);
        close(perf->rings[i].fd);
    }
    perf->n_rings = 0;
}

/* An event and ring on each processor; an errno, nothing left open, on failure. */
static int open_rings(struct perf *perf, const struct perf_options *options,
                      const struct features *features, long n_cpus)
{
    size_t stack_bytes = STACK_BYTES_A_SECOND / options->hz;
    if (stack_bytes > perf->data_bytes / 64)
        stack_bytes = perf->data_bytes / 64;
    if (stack_bytes > STACK_BYTES_MAX)
        stack_bytes = STACK_BYTES_MAX;
    if (stack_bytes < STACK_BYTES_MIN)
        stack_bytes = STACK_BYTES_MIN;
    struct perf_event_attr attr = make_attr(options, features, stack_bytes & ~(size_t)7);
    attr.wakeup_watermark = (uint32_t)(perf->data_bytes / 4);
    for (int cpu = 0; cpu < n_cpus; cpu++) {
        int fd = event_open(&attr, options->pid, cpu), e = errno;
        if (fd < 0 && e == ENODEV) /* the processor is switched off */
            continue;
        void *map = MAP_FAILED;
        if (fd >= 0) {
            map = mmap(NULL, perf->page_bytes + perf->data_bytes, PROT_READ | PROT_WRITE,
                       MAP_SHARED, fd, 0);
            e = errno;
        }
        if (map == MAP_FAILED) {
            if (fd >= 0)
                close(fd);
            close_rings(perf);
            return e;
        }
        perf->polls[perf->n_rings] = (struct pollfd){.fd = fd, .events = POLLIN};
        perf->rings[perf->n_rings++] = (struct ring){fd, map};
    }
    return perf->n_rings ? 0 : ENODEV;
}

struct perf *perf_new(const struct perf_options *options, struct err *err)
{
    struct features features;
    int e;
    if (!probe(options, &features, &e)) {
        set_denied(err, e);
        return NULL;
    }
    long n_cpus = sysconf(_SC_NPROCESSORS_CONF);
    struct perf *perf = calloc(1, sizeof *perf);
    if (perf) {
        perf->rings = calloc((size_t)n_cpus, sizeof *perf->rings);
        perf->polls = calloc((size_t)n_cpus, sizeof *perf->polls);
        perf->whole = malloc(RECORD_BYTES_MAX);
    }
    if (!perf || !perf->rings || !perf->polls || !perf->whole) {
        perf_free(perf);
        err_nomem(err);
        return NULL;
    }
    perf->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    /* The memory that rings may lock is limited a user; take what is granted. */
    for (size_t pages = RING_PAGES_MAX; pages >= RING_PAGES_MIN; pages /= 2) {
        perf->data_bytes = pages * perf->page_bytes;
        e = open_rings(perf, options, &features, n_cpus);
        if (e != EPERM && e != ENOMEM)
            break;
    }
    if (!e)
        return perf;
    err_sys(err, e,
            "cannot open perf events (ring buffers are limited by "
            "kernel.perf_event_mlock_kb)");
    perf_free(perf);
    return NULL;
}

void perf_free(struct perf *perf)
{
    if (!perf)
        return;
    close_rings(perf);
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
}

static void drain_ring(struct perf *perf, struct ring *ring,
                       void (*take)(void *arg, const struct perf_event_header *record), void *arg)
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
    __atomic_store_n(&control->data_tail, head, __ATOMIC_RELEASE);
}

void perf_drain(struct perf *perf, void (*take)(void *arg, const struct perf_event_header *record),
                void *arg)
{
    for (size_t i = 0; i < perf->n_rings; i++)
        drain_ring(perf, &perf->rings[i], take, arg);
}

/* Decoding. */

uint64_t perf_record_time(const struct perf_event_header *record)
{
    struct cursor c = cursor_of(record, record->size);
    size_t skip = record->type == PERF_RECORD_SAMPLE
                      ? sizeof *record + 16 /* ip, pid and tid */
                      : record->size - 8u;  /* the last of what sample_id_all adds */
    cursor_bytes(&c, skip);
    return cursor_u64(&c);
}

/* A NUL-terminated text at the cursor. */
static struct str text_of(struct cursor *c)
{
    const char *p = (const char *)c->p;
    return (struct str){p, strnlen(p, cursor_left(c))};
}

static void decode_map(struct cursor *c, uint16_t misc, struct perf_record *record)
{
    record->start = cursor_u64(c);
    uint64_t bytes = cursor_u64(c);
    record->offset = cursor_u64(c);
    struct str id = cursor_bytes(c, 24); /* device, inode and generation, or the build id */
    cursor_bytes(c, 8);                  /* protection and flags */
    if ((misc & PERF_RECORD_MISC_MMAP_BUILD_ID) && id.len &&
        (uint8_t)id.p[0] <= BUILD_ID_BYTES_MAX) {
        record->n_build_id = (uint8_t)id.p[0];
        record->build_id = (const uint8_t *)id.p + 4;
    }
    record->name = text_of(c);
    if (c->bad || __builtin_add_overflow(record->start, bytes, &record->limit))
        record->kind = PERF_NONE;
}

static void decode_regs(struct cursor *c, struct perf_record *record)
{
    uint64_t abi = cursor_u64(c);
    if (abi == PERF_SAMPLE_REGS_ABI_NONE)
        return;
    record->has_regs = abi == PERF_SAMPLE_REGS_ABI_64;
    record->fp = cursor_u64(c);
#ifdef REG_LR
    record->lr = cursor_u64(c);
#endif
    record->sp = cursor_u64(c);
    record->pc = cursor_u64(c);
}

static void decode_sample(struct cursor *c, struct perf_record *record)
{
    cursor_bytes(c, 8); /* ip: the chain begins with it */
    record->pid = (pid_t)cursor_u32(c);
    record->tid = (pid_t)cursor_u32(c);
    cursor_bytes(c, 8); /* time */
    uint64_t n_chain = cursor_u64(c);
    struct str chain = {"", 0};
    if (n_chain <= cursor_left(c) / 8)
        chain = cursor_bytes(c, n_chain * 8);
    else
        c->bad = true;
    record->chain = (const void *)chain.p;
    record->n_chain = chain.len / 8;
    decode_regs(c, record);
    uint64_t n_room = cursor_u64(c);
    struct str stack = cursor_bytes(c, n_room);
    uint64_t n_used = n_room ? cursor_u64(c) : 0;
    record->stack = (const uint8_t *)stack.p;
    record->n_stack = n_used < stack.len ? n_used : stack.len;
    if (c->bad)
        record->kind = PERF_NONE;
}

void perf_decode(const struct perf_event_header *raw, struct perf_record *record)
{
    struct cursor c = cursor_of(raw, raw->size);
    cursor_bytes(&c, sizeof *raw);
    *record = (struct perf_record){0};
    if (raw->type == PERF_RECORD_SAMPLE) {
        record->kind = PERF_SAMPLE;
        decode_sample(&c, record);
        return;
    }
    if (raw->type == PERF_RECORD_LOST) {
        record->kind = PERF_LOST;
        cursor_bytes(&c, 8); /* id */
        record->n_lost = cursor_u64(&c);
        return;
    }
    record->pid = (pid_t)cursor_u32(&c);
    switch (raw->type) {
    case PERF_RECORD_MMAP2:
        record->kind = PERF_MAP;
        record->tid = (pid_t)cursor_u32(&c);
        decode_map(&c, raw->misc, record);
        break;
    case PERF_RECORD_COMM:
        record->kind = PERF_COMM;
        record->tid = (pid_t)cursor_u32(&c);
        record->exec = raw->misc & PERF_RECORD_MISC_COMM_EXEC;
        record->name = text_of(&c);
        break;
    case PERF_RECORD_FORK:
    case PERF_RECORD_EXIT:
        record->kind = raw->type == PERF_RECORD_FORK ? PERF_FORK : PERF_EXIT;
        record->parent_pid = (pid_t)cursor_u32(&c);
        record->tid = (pid_t)cursor_u32(&c);
        break;
    default:
        break;
    }
    if (c.bad)
        record->kind = PERF_NONE;
}
