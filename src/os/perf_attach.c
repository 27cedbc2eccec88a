/* Perf events on what runs already.
 *
 * An event that new threads inherit needs to be one of a processor.  So a process has an event
 * for each thread and processor; those of a processor share a ring.  Each of them begins with a
 * whole period before its first sample, so that threads that live for less are never seen.  Where
 * it is permitted, one event a processor, for all processes, is more exact, and cheaper with many
 * threads. */
#include "os/perf_ring.h"

#include "base/map.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SMALL_STACK_BYTES 1024
#define SWITCH_STACK_BYTES 8192 /* there may be many a second */
/* An event a processor is also an interruption of those that the process does not run on. */
#define CPUS_FEW 12
#define CPUS_A_THREAD 4
#define PASSES 16 /* over the list of threads, while new ones appear */
#define SPARE_DESCRIPTORS 64
#define RING_NS 5000000000u

struct attach {
    const struct perf_options *options;
    struct perf_features features;
    VEC(pid_t) tids;
    struct map known; /* tids, those that inherited too */
    bool failed;      /* for want of memory */
};

/* The threads that are not known yet; false: the process has ended. */
static bool list_threads(struct attach *a)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/task", (int)a->options->pid);
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    a->tids.n = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        pid_t tid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
        if (tid > 0 && map_get(&a->known, (uint64_t)tid) == MAP_NONE && !vec_push(&a->tids, tid))
            a->failed = true;
    }
    closedir(dir);
    return true;
}

static void know(struct attach *a, pid_t tid)
{
    a->failed |= !map_put(&a->known, (uint64_t)tid, 0);
}

static struct ring *ring_of(struct perf *perf, int cpu)
{
    if (perf->n_rings > (size_t)cpu && perf->rings[cpu].cpu == cpu)
        return &perf->rings[cpu];
    for (size_t i = 0; i < perf->n_rings; i++)
        if (perf->rings[i].cpu == cpu)
            return &perf->rings[i];
    return NULL;
}

int perf_add_event(struct perf *perf, int fd, int cpu)
{
    struct ring *ring = ring_of(perf, cpu);
    if (!ring)
        return perf_add_ring(perf, fd, cpu);
    if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) != 0 || !vec_push(&perf->more, fd)) {
        int e = errno;
        close(fd);
        return e ? e : ENOMEM;
    }
    return 0;
}

/* Takes `fd` over. */
static int add_event(struct perf *perf, const struct perf_options *options, int fd, int cpu)
{
    /* Without it there are samples all the same. */
    if (options->bpf_program > 0)
        (void)ioctl(fd, PERF_EVENT_IOC_SET_BPF, options->bpf_program);
    return perf_add_event(perf, fd, cpu);
}

/* A thread that has ended is fine. */
static int open_thread(struct perf *perf, const struct perf_options *options,
                       struct perf_event_attr *attr, pid_t tid)
{
    for (int cpu = 0; cpu < perf->n_cpus; cpu++) {
        int fd = perf_open_event(attr, tid, cpu), e = errno;
        if (fd < 0 && e == ENODEV) /* the processor is switched off */
            continue;
        if (fd < 0 && e == ESRCH)
            return 0;
        if (fd >= 0)
            e = add_event(perf, options, fd, cpu);
        if (e)
            return e;
    }
    return 0;
}

static void take_fork(void *arg, const struct perf_event_header *raw)
{
    struct perf_record record;
    if (raw->type != PERF_RECORD_FORK)
        return;
    perf_decode(raw, &record);
    if (record.kind == PERF_FORK)
        know(arg, record.tid);
}

static struct perf_event_attr attr_of(const struct perf *perf, const struct attach *a)
{
    const struct perf_options *options = a->options;
    size_t n_stack =
        options->small_stack ? SMALL_STACK_BYTES : perf_stack_bytes(perf, options->period_ns);
    if (options->switches && n_stack > SWITCH_STACK_BYTES)
        n_stack = SWITCH_STACK_BYTES;
    struct perf_event_attr attr = perf_make_attr(options, &a->features, n_stack);
    attr.wakeup_watermark = (uint32_t)(perf->data_bytes / 4);
    return attr;
}

/* Every thread, until no new ones are found: one that a thread with events began inherited them,
 * which a record in the rings tells. */
static int open_process(struct perf *perf, void *arg)
{
    struct attach *a = arg;
    struct perf_event_attr attr = attr_of(perf, a);
    int e = 0;
    map_release(&a->known);
    map_init(&a->known);
    for (int pass = 0; pass < PASSES && !e && list_threads(a) && a->tids.n; pass++) {
        if (pass) { /* the record is written a little after the thread is listed */
            nanosleep(&(struct timespec){0, 1000000}, NULL);
            perf_peek(perf, take_fork, a);
        }
        for (size_t i = 0; i < a->tids.n && !e; i++) {
            pid_t tid = a->tids.items[i];
            if (pass && map_get(&a->known, (uint64_t)tid) != MAP_NONE)
                continue;
            e = open_thread(perf, a->options, &attr, tid);
            know(a, tid);
        }
    }
    if (!e && !perf->n_rings)
        e = ESRCH;
    if (a->failed)
        e = ENOMEM;
    if (e)
        perf_close_rings(perf);
    return e;
}

static int open_system(struct perf *perf, void *arg)
{
    struct perf_event_attr attr = attr_of(perf, arg);
    /* Room for some seconds: with much to do, and all processors busy, we may come late. */
    uint64_t room = perf->data_bytes * perf->period_ns / RING_NS;
    if (attr.sample_stack_user > room)
        attr.sample_stack_user = room < 4096 ? 4096 : (uint32_t)room & ~7u;
    attr.sample_period = perf->period_ns;
    attr.inherit = attr.inherit_thread = 0;
    attr.exclude_idle = 1;
    for (int cpu = 0; cpu < perf->n_cpus; cpu++) {
        int fd = perf_open_event(&attr, -1, cpu), e = errno;
        if (fd < 0 && e == ENODEV)
            continue;
        if (fd >= 0)
            e = add_event(perf, ((struct attach *)arg)->options, fd, cpu);
        if (e) {
            perf_close_rings(perf);
            return e;
        }
    }
    return perf->n_rings ? 0 : ENODEV;
}

static bool may_all(const struct attach *a)
{
    struct perf_event_attr attr = perf_make_attr(a->options, &a->features, 0);
    attr.inherit = attr.inherit_thread = 0;
    attr.disabled = 1;
    int fd = perf_open_event(&attr, -1, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* An event is a descriptor. */
static void raise_limit(size_t n_events)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < n_events + SPARE_DESCRIPTORS &&
        limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool set_failure(const struct attach *a, size_t n_threads, int e, struct err *err)
{
    pid_t pid = a->options->pid;
    if (e == ESRCH)
        return err_set(err, ERR_INPUT, "process %d has ended", (int)pid);
    if (!pid && (e == EACCES || e == EPERM))
        return err_set(err, ERR_PERM,
                       "all processes: not permitted (kernel.perf_event_paranoid is %d); be root, "
                       "have CAP_PERFMON, or 'sysctl kernel.perf_event_paranoid=0'",
                       perf_paranoid_level());
    if (e == EACCES || (e == EPERM && perf_paranoid_level() > 2))
        return err_set(err, ERR_PERM,
                       "cannot record the CPU time of process %d: not permitted; be root or its "
                       "user, or have CAP_PERFMON",
                       (int)pid);
    if (e == EMFILE || e == ENFILE)
        return err_set(err, ERR_PERM,
                       "process %d has %zu threads: too many events for the limit of descriptors; "
                       "have CAP_PERFMON, or raise it ('ulimit -n')",
                       (int)pid, n_threads);
    return perf_no_rings(err, e);
}

struct perf *perf_attach(const struct perf_options *options, bool *everything, struct err *err)
{
    struct attach a = {.options = options};
    int e;
    if (!perf_probe(options, &a.features, &e)) {
        if (options->switches && (e == EACCES || e == EPERM))
            err_set(err, ERR_PERM,
                    "when threads wait is not permitted to be seen (kernel.perf_event_paranoid is "
                    "%d); be root, have CAP_PERFMON, or 'sysctl kernel.perf_event_paranoid=1'",
                    perf_paranoid_level());
        else
            perf_denied(err, e);
        return NULL;
    }
    struct perf *perf = perf_new_empty(err);
    if (!perf)
        return NULL;
    map_init(&a.known);
    if (options->pid)
        list_threads(&a);
    size_t n_threads = a.tids.n;
    bool is_wide = (uint64_t)perf->n_cpus <= CPUS_FEW + CPUS_A_THREAD * (uint64_t)n_threads;
    *everything = !options->pid || (is_wide && !options->switches && may_all(&a));
    perf->period_ns = options->period_ns;
    if (*everything) /* these clocks run on while a program sleeps: keep out of step with it */
        perf->period_ns += options->period_ns / 99;
    else
        raise_limit(n_threads * (size_t)perf->n_cpus);
    e = perf_fit_rings(perf, *everything ? open_system : open_process, &a);
    vec_release(&a.tids);
    map_release(&a.known);
    if (!e)
        return perf;
    set_failure(&a, n_threads, e, err);
    perf_free(perf);
    return NULL;
}
