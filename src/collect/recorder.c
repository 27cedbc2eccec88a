#include "collect/recorder.h"

#include "base/reader.h"
#include "collect/cpu.h"
#include "collect/cpu_perf.h"
#include "collect/gather.h"
#include "collect/moment.h"
#include "collect/session.h"
#include "collect/target.h"
#include "collect/wire_read.h"
#include "sym/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_HZ 100
#define FLIGHT_BYTES (64u << 20) /* a process */
#define DEFAULT_HEAP_RATE (512u << 10)
#define DEFAULT_BLOCK_RATE 10000
#define DEFAULT_MUTEX_FRACTION 1
/* CPU time that no sample speaks of is worth a note above both of these. */
#define UNSEEN_MIN_NS 500000000u
#define UNSEEN_MIN_SHARE 5 /* a fifth of all */

struct recorder {
    struct recorder_request request;
    bool cpu_by_perf;
    bool has_session;
    struct session session;     /* of libsonde in the processes */
    struct native_trace *trace; /* NULL: none */
    struct err turns_why;       /* why the kernel does not tell when its threads run */
    struct cpu_perf *perf;
    struct gather *perf_gather;
    pid_t pid;
    uint64_t start_unix_ns, start_ns, duration_ns;
    bool goes_on; /* the profiles are made while the command runs */
    char main_file[sizeof((struct wire_header *)0)->exe]; /* "" until recorder_end */
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The samples a second that timers can give: one a tick. */
static unsigned tick_hz(void)
{
    struct timespec ts;
    if (clock_getres(CLOCK_MONOTONIC_COARSE, &ts) != 0 || ts.tv_sec || ts.tv_nsec <= 0)
        return 100;
    return (unsigned)(1000000000u / (unsigned long)ts.tv_nsec);
}

static bool wants_cpu(const struct recorder *r)
{
    return r->request.kinds & 1u << WIRE_CPU;
}

/* The kinds that only libsonde in the process can record. */
static bool wants_more(const struct recorder *r)
{
    return r->request.kinds & ~(1u << WIRE_CPU);
}

/* A program that cannot be preloaded: its CPU time by perf events, and nothing else. */
static bool choose_outside(struct recorder *r, const struct target *target, struct diag *diag,
                           struct err *err)
{
    bool kernel, is_go = target->kind == TARGET_GO;
    const char *what = is_go ? "a Go program" : "statically linked";
    struct err why;
    if (!wants_cpu(r))
        return err_set(err, ERR_UNSUPPORTED, "'%s' is %s: only its CPU profile can be recorded%s",
                       target->path, what,
                       is_go ? " from outside; let it write its own (runtime/pprof)" : "");
    r->cpu_by_perf = cpu_perf_permitted(&kernel, &why);
    if (!r->cpu_by_perf && is_go)
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s' is a Go program: let it write its own profile (runtime/pprof, "
                       "net/http/pprof), or permit perf events: %s",
                       target->path, why.msg);
    if (!r->cpu_by_perf)
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s' is statically linked: link it with libsonde.a and call "
                       "sonde_start_cpu_profile, or permit perf events: %s",
                       target->path, why.msg);
    diag_add(diag, "'%s' is %s: recorded by perf events%s", target->path, what,
             kernel ? "" : ", without the time spent in the kernel");
    if (wants_more(r))
        diag_add(diag, "'%s' is %s: nothing but its CPU profile is recorded", target->path, what);
    r->request.kinds = 1u << WIRE_CPU;
    return true;
}

static void tell_unseen(const struct recorder *r, const struct target *target, struct diag *diag)
{
    const char *name = r->request.kinds & 1u << WIRE_HEAP ? target_own_malloc(target) : NULL;
    if (name)
        diag_add(diag, "'%s' has an allocator of its own in it (%s): what it allocates is not seen",
                 target->path, name);
    if ((r->request.kinds & (1u << WIRE_BLOCK | 1u << WIRE_MUTEX)) && target_own_futex(target))
        diag_add(diag,
                 "'%s' has locks that make their own system calls (futex): waits for those are "
                 "not seen",
                 target->path);
}

/* Which way to take for this program and rate. */
static bool choose(struct recorder *r, const struct target *target, struct diag *diag,
                   struct err *err)
{
    bool kernel;
    struct err why;
    switch (target->kind) {
    case TARGET_SECURE:
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s' changes its user or privileges (setuid, setgid or file capabilities): "
                       "such a program can only be recorded by root or by the user it runs as",
                       target->path);
    case TARGET_FOREIGN:
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s' is a program for another machine or word size: it cannot be recorded",
                       target->path);
    case TARGET_STATIC:
    case TARGET_GO:
        return choose_outside(r, target, diag, err);
    case TARGET_DYNAMIC:
        tell_unseen(r, target, diag);
        break;
    case TARGET_UNKNOWN:
        break;
    }
    if (!wants_cpu(r) || r->request.hz <= tick_hz())
        return true;
    r->cpu_by_perf = cpu_perf_permitted(&kernel, &why);
    if (!r->cpu_by_perf)
        diag_add(diag,
                 "%u Hz is above this kernel's timer tick and perf events are not permitted: "
                 "samples come %u times a second, each counted as often as it stands for; %s",
                 r->request.hz, tick_hz(), why.msg);
    else if (!kernel)
        diag_add(diag, "recorded by perf events, without the time spent in the kernel "
                       "(kernel.perf_event_paranoid is above 1)");
    return true;
}

void recorder_free(struct recorder *r)
{
    if (!r)
        return;
    native_trace_free(r->trace);
    cpu_perf_free(r->perf);
    gather_free(r->perf_gather);
    session_release(&r->session);
    free(r);
}

/* What libsonde is to record. */
static uint32_t session_kinds(const struct recorder *r)
{
    uint32_t kinds = r->cpu_by_perf ? r->request.kinds & ~(1u << WIRE_CPU) : r->request.kinds;
    /* A trace has CPU samples in it. */
    return kinds & 1u << WIRE_TRACE ? kinds | 1u << WIRE_CPU : kinds;
}

struct recorder *recorder_new(const struct recorder_request *request, struct diag *diag,
                              struct err *err)
{
    struct recorder *r = calloc(1, sizeof *r);
    if (!r) {
        err_nomem(err);
        return NULL;
    }
    r->request = *request;
    r->request.hz = request->hz ? request->hz : DEFAULT_HZ;
    r->request.heap_rate = request->heap_rate ? request->heap_rate : DEFAULT_HEAP_RATE;
    r->request.block_rate = request->block_rate ? request->block_rate : DEFAULT_BLOCK_RATE;
    r->request.mutex_fraction =
        request->mutex_fraction ? request->mutex_fraction : DEFAULT_MUTEX_FRACTION;
    struct target target;
    target_inspect(&target, request->argv[0]);
    bool ok = choose(r, &target, diag, err);
    if (ok && r->cpu_by_perf)
        ok = (r->perf_gather = gather_new(&collect_cpu, err)) != NULL;
    if (ok && session_kinds(r)) {
        const struct session_options options = {.kinds = session_kinds(r),
                                                .hz = r->request.hz,
                                                .heap_rate = r->request.heap_rate,
                                                .block_rate = r->request.block_rate,
                                                .mutex_fraction = r->request.mutex_fraction,
                                                .children = r->request.children,
                                                .flight_bytes =
                                                    r->request.flight_ns ? FLIGHT_BYTES : 0,
                                                .moments = r->request.moments};
        ok = r->has_session = session_open(&r->session, &options, err);
        if (ok && (r->request.kinds & 1u << WIRE_TRACE))
            ok = (r->trace = native_trace_new(&r->session, r->request.flight_ns, err)) != NULL;
    }
    if (ok)
        return r;
    recorder_free(r);
    return NULL;
}

char *const *recorder_environment(struct recorder *r, char **pid_slot)
{
    *pid_slot = r->session.pid_slot;
    return r->has_session ? r->session.envp : environ;
}

bool recorder_attach(struct recorder *r, pid_t pid, struct err *err)
{
    r->pid = pid;
    r->start_unix_ns = now_ns(CLOCK_REALTIME);
    r->start_ns = now_ns(CLOCK_MONOTONIC);
    if (r->cpu_by_perf)
        r->perf = cpu_perf_new(pid, r->request.hz, r->request.children, r->perf_gather, err);
    r->turns_why = (struct err){0};
    if (r->trace)
        (void)native_trace_watch(r->trace, pid, r->request.children, &r->turns_why);
    if (r->trace && !native_trace_start(r->trace, err))
        return false;
    return r->perf || !r->cpu_by_perf;
}

/* The files of one process follow each other: one for each image it exec'ed. */
static void add_header(struct recorder_status *status, const struct wire_header *header,
                       pid_t *last_pid)
{
    for (unsigned k = 0; k < WIRE_KINDS; k++) {
        status->counts[k].n_samples += header->counts[k].n_samples;
        status->counts[k].n_dropped += header->counts[k].n_dropped;
        status->counts[k].n_truncated += header->counts[k].n_truncated;
    }
    status->n_processes += header->pid != *last_pid;
    *last_pid = header->pid;
}

void recorder_status(struct recorder *r, struct recorder_status *status)
{
    *status = (struct recorder_status){0};
    if (r->perf)
        cpu_perf_status(r->perf, status);
    if (!r->has_session)
        return;
    AUTO_ARENA arena;
    arena_init(&arena);
    char **files = session_files(&r->session, &arena, NULL);
    struct wire_header header;
    pid_t last_pid = 0;
    status->n_processes = 0;
    for (size_t i = 0; files && files[i]; i++)
        if (wire_peek(files[i], &header, NULL))
            add_header(status, &header, &last_pid);
}

/* What all files tell together. */
static void look_at_session(struct recorder *r, unsigned *n_running, struct diag *diag)
{
    AUTO_ARENA arena;
    arena_init(&arena);
    char **files = session_files(&r->session, &arena, NULL);
    uint64_t main_start = 0, n_timer_failures = 0, n_labels_lost = 0;
    for (size_t i = 0; files && files[i]; i++) {
        struct wire_header header;
        if (!wire_peek(files[i], &header, NULL)) /* read_session tells of it */
            continue;
        n_timer_failures += header.n_timer_failures;
        n_labels_lost += header.n_labels_lost;
        /* What the command became last, where shells and wrappers exec it. */
        if (header.pid == r->pid && header.start_monotonic_ns >= main_start) {
            struct str exe = wire_exe(&header);
            snprintf(r->main_file, sizeof r->main_file, "%.*s", (int)exe.len, exe.p);
            main_start = header.start_monotonic_ns;
        }
        *n_running += moment_runs(files, i, &header);
    }
    if (n_timer_failures)
        diag_add(diag, "%llu thread(s) not sampled: the system gave them no timer",
                 (unsigned long long)n_timer_failures);
    if (n_labels_lost)
        diag_add(diag, "%llu samples are without their labels: no memory for more sets of them",
                 (unsigned long long)n_labels_lost);
}

/* Before main, a process spends some milliseconds in exec and the dynamic linker,
 * after it some in the kernel's clearing up: most of what a short one uses. */
static void note_unseen(uint64_t cpu_ns, uint64_t seen_ns, struct diag *diag)
{
    uint64_t unseen = cpu_ns > seen_ns ? cpu_ns - seen_ns : 0;
    if (unseen < UNSEEN_MIN_NS || unseen < cpu_ns / UNSEEN_MIN_SHARE)
        return;
    bool kernel;
    char way[80] = "";
    if (cpu_perf_permitted(&kernel, NULL))
        snprintf(way, sizeof way, "; -F %u, above the timer tick, records them by perf events",
                 tick_hz() + 1);
    diag_add(diag,
             "%.2fs of %.2fs CPU time were not seen: the starts and ends of processes, or "
             "processes that cannot be preloaded (static, Go, setuid, valgrind's)%s",
             (double)unseen / 1e9, (double)cpu_ns / 1e9, way);
}

void recorder_moment(struct recorder *r, struct diag *diag)
{
    unsigned n_running = 0;
    struct diag notes; /* those are for the end */
    r->duration_ns = now_ns(CLOCK_MONOTONIC) - r->start_ns;
    r->goes_on = true;
    if (!r->has_session)
        return;
    if (r->request.kinds & 1u << WIRE_GOROUTINE)
        moment_ask(&r->session, diag);
    diag_init(&notes);
    look_at_session(r, &n_running, &notes);
    diag_release(&notes);
}

void recorder_end(struct recorder *r, uint64_t cpu_ns, struct diag *diag)
{
    unsigned n_running = 0;
    struct str main_file = STR("");
    r->duration_ns = now_ns(CLOCK_MONOTONIC) - r->start_ns;
    r->goes_on = moment_is_alive(r->pid);
    if (r->perf)
        cpu_perf_finish(r->perf, &main_file, &n_running);
    snprintf(r->main_file, sizeof r->main_file, "%.*s", (int)main_file.len, main_file.p);
    if (r->has_session)
        look_at_session(r, &n_running, diag);
    if (n_running)
        diag_add(diag, "%u process%s of the command still run%s: recorded up to now", n_running,
                 n_running == 1 ? "" : "es", n_running == 1 ? "s" : "");
    if (!wants_cpu(r) || r->perf || !r->request.children)
        return;
    struct recorder_status status;
    recorder_status(r, &status);
    const struct recorder_counts *cpu = &status.counts[WIRE_CPU];
    note_unseen(cpu_ns, (cpu->n_samples + cpu->n_dropped) * (1000000000u / r->request.hz), diag);
}

/* Take every wire file's rows of the gather's kind in. */
static bool read_session(struct recorder *r, const struct collect_ops *kind, struct gather *gather,
                         struct diag *diag, struct err *err)
{
    AUTO_ARENA arena;
    arena_init(&arena);
    struct wire_reader reader = {.kind = kind, .gather = gather, .main_pid = r->pid};
    char **files = session_files(&r->session, &arena, err);
    for (size_t i = 0; files && files[i]; i++) {
        struct wire_header header;
        struct err why;
        if (r->goes_on && kind->is_moment && wire_peek(files[i], &header, NULL) &&
            !moment_runs(files, i, &header))
            continue; /* it has no threads any more */
        if (!wire_read(&reader, files[i], &header, diag, &why))
            diag_add(diag, "a process is left out: %s", why.msg);
    }
    wire_reader_release(&reader);
    return files != NULL;
}

struct profile *recorder_profile(struct recorder *r, const struct collect_ops *kind,
                                 struct diag *diag, struct err *err)
{
    const struct wire_header asked = {.period_ns = 1000000000u / r->request.hz,
                                      .heap_rate = r->request.heap_rate};
    const struct gather_header header = {.period = kind->period ? kind->period(&asked) : 1,
                                         .time_unix_ns = r->start_unix_ns,
                                         .duration_ns = r->duration_ns,
                                         .main_file = str_of(r->main_file)};
    bool by_perf = kind->wire == WIRE_CPU && r->cpu_by_perf;
    struct gather *gather = by_perf ? r->perf_gather : gather_new(kind, err);
    struct profile *profile = NULL;
    if (gather && (by_perf || read_session(r, kind, gather, diag, err)))
        profile = gather_seal(gather, &header, diag, err);
    if (!by_perf)
        gather_free(gather);
    const struct resolve_options options = {.debuginfod = true};
    return profile ? resolve_profile(profile, &options, diag, err) : NULL;
}

bool recorder_trace(struct recorder *r, int fd, struct native_trace_result *result,
                    struct diag *diag, struct err *err)
{
    if (r->trace && r->turns_why.code)
        diag_add(diag, "%s", r->turns_why.msg);
    return r->trace ? native_trace_write(r->trace, r->pid, fd, result, diag, err)
                    : err_set(err, ERR_UNSUPPORTED, "no trace of this program can be recorded");
}
