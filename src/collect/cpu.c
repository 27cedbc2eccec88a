#include "collect/cpu.h"

#include "base/reader.h"
#include "collect/cpu_perf.h"
#include "collect/gather.h"
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
/* CPU time that no sample speaks of is worth a note above both of these. */
#define UNSEEN_MIN_NS 500000000u
#define UNSEEN_MIN_SHARE 5 /* a fifth of all */

struct cpu {
    struct collector collector;
    unsigned hz;
    bool children, by_perf;
    struct session session; /* of the timers in the processes */
    struct cpu_perf *perf;
    struct gather *gather;
    pid_t pid;
    uint64_t start_unix_ns, start_ns;
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

/* Which way to take for this program and rate. */
static bool choose(struct cpu *cpu, const struct target *target, struct diag *diag, struct err *err)
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
        cpu->by_perf = cpu_perf_permitted(&kernel, &why);
        if (!cpu->by_perf && target->kind == TARGET_GO)
            return err_set(err, ERR_UNSUPPORTED,
                           "'%s' is a Go program: let it write its own profile (runtime/pprof, "
                           "net/http/pprof), or permit perf events: %s",
                           target->path, why.msg);
        if (!cpu->by_perf)
            return err_set(err, ERR_UNSUPPORTED,
                           "'%s' is statically linked: link it with libsonde.a and call "
                           "sonde_start_cpu_profile, or permit perf events: %s",
                           target->path, why.msg);
        diag_add(diag, "'%s' is %s: recorded by perf events%s", target->path,
                 target->kind == TARGET_GO ? "a Go program" : "statically linked",
                 kernel ? "" : ", without the time spent in the kernel");
        return true;
    case TARGET_DYNAMIC:
    case TARGET_UNKNOWN:
        break;
    }
    if (cpu->hz <= tick_hz())
        return true;
    cpu->by_perf = cpu_perf_permitted(&kernel, &why);
    if (!cpu->by_perf)
        diag_add(diag,
                 "%u Hz is above this kernel's timer tick and perf events are not permitted: "
                 "samples come %u times a second, each counted as often as it stands for; %s",
                 cpu->hz, tick_hz(), why.msg);
    else if (!kernel)
        diag_add(diag, "recorded by perf events, without the time spent in the kernel "
                       "(kernel.perf_event_paranoid is above 1)");
    return true;
}

static void cpu_close(struct collector *collector)
{
    struct cpu *cpu = (struct cpu *)collector;
    cpu_perf_free(cpu->perf);
    gather_free(cpu->gather);
    session_release(&cpu->session);
    free(cpu);
}

static struct collector *cpu_open(const struct collect_request *request, struct diag *diag,
                                  struct err *err)
{
    struct cpu *cpu = calloc(1, sizeof *cpu);
    if (!cpu) {
        err_nomem(err);
        return NULL;
    }
    cpu->collector.ops = &collect_cpu;
    cpu->hz = request->hz ? request->hz : DEFAULT_HZ;
    cpu->children = request->children;
    struct target target;
    target_inspect(&target, request->argv[0]);
    cpu->gather = gather_new(err);
    if (cpu->gather && choose(cpu, &target, diag, err) &&
        (cpu->by_perf || session_open(&cpu->session, cpu->hz, cpu->children, err)))
        return &cpu->collector;
    cpu_close(&cpu->collector);
    return NULL;
}

static char *const *cpu_environment(struct collector *collector, char **pid_slot)
{
    struct cpu *cpu = (struct cpu *)collector;
    *pid_slot = cpu->session.pid_slot;
    return cpu->by_perf ? environ : cpu->session.envp;
}

static bool cpu_attach(struct collector *collector, pid_t pid, struct err *err)
{
    struct cpu *cpu = (struct cpu *)collector;
    cpu->pid = pid;
    cpu->start_unix_ns = now_ns(CLOCK_REALTIME);
    cpu->start_ns = now_ns(CLOCK_MONOTONIC);
    if (!cpu->by_perf)
        return true;
    cpu->perf = cpu_perf_new(pid, cpu->hz, cpu->children, cpu->gather, err);
    return cpu->perf != NULL;
}

/* The files of one process follow each other: one for each image it exec'ed. */
static void add_header(struct collect_status *status, const struct wire_header *header,
                       pid_t *last_pid)
{
    status->n_samples += header->n_samples;
    status->n_dropped += header->n_dropped;
    status->n_truncated += header->n_truncated;
    status->n_processes += header->pid != *last_pid;
    *last_pid = header->pid;
}

static void cpu_status(struct collector *collector, struct collect_status *status)
{
    struct cpu *cpu = (struct cpu *)collector;
    *status = (struct collect_status){0};
    if (cpu->by_perf) {
        cpu_perf_status(cpu->perf, status);
        return;
    }
    AUTO_ARENA arena;
    arena_init(&arena);
    char **files = session_files(&cpu->session, &arena, NULL);
    struct wire_header header;
    pid_t last_pid = 0;
    for (size_t i = 0; files && files[i]; i++)
        if (wire_peek(files[i], &header, NULL))
            add_header(status, &header, &last_pid);
}

/* Alive, and not a zombie that nobody waits for. */
static bool still_runs(pid_t pid)
{
    char path[32], stat[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
    if (n <= 0)
        return false;
    stat[n] = '\0';
    const char *paren = strrchr(stat, ')'); /* the name in front may hold anything */
    return paren && paren[1] == ' ' && paren[2] != 'Z' && paren[2] != 'X';
}

/* Take in every wire file. */
static bool read_session(struct cpu *cpu, char *main_file, size_t main_file_size,
                         unsigned *n_running, struct collect_status *status, struct diag *diag,
                         struct err *err)
{
    AUTO_ARENA arena;
    arena_init(&arena);
    struct wire_reader reader = {.gather = cpu->gather, .main_pid = cpu->pid};
    char **files = session_files(&cpu->session, &arena, err);
    pid_t last_pid = 0, running = 0;
    uint64_t main_start = 0, n_timer_failures = 0;
    for (size_t i = 0; files && files[i]; i++) {
        struct wire_header header;
        struct err why;
        if (!wire_read(&reader, files[i], &header, diag, &why)) {
            diag_add(diag, "a process is left out: %s", why.msg);
            continue;
        }
        add_header(status, &header, &last_pid);
        n_timer_failures += header.n_timer_failures;
        /* What the command became last, where shells and wrappers exec it. */
        if (header.pid == cpu->pid && header.start_monotonic_ns >= main_start) {
            struct str exe = wire_exe(&header);
            snprintf(main_file, main_file_size, "%.*s", (int)exe.len, exe.p);
            main_start = header.start_monotonic_ns;
        }
        if (header.state == WIRE_RUNNING && header.pid != running && still_runs(header.pid)) {
            running = header.pid;
            ++*n_running;
        }
    }
    wire_reader_release(&reader);
    if (n_timer_failures)
        diag_add(diag, "%llu threads were not sampled: the system gave them no timer",
                 (unsigned long long)n_timer_failures);
    return files != NULL;
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

static bool cpu_finish(struct collector *collector, uint64_t cpu_ns, struct collect_result *result,
                       struct diag *diag, struct err *err)
{
    struct cpu *cpu = (struct cpu *)collector;
    *result = (struct collect_result){0};
    struct gather_header header = {
        .period_ns = 1000000000u / cpu->hz,
        .time_unix_ns = cpu->start_unix_ns,
        .duration_ns = now_ns(CLOCK_MONOTONIC) - cpu->start_ns,
    };
    char main_file[sizeof((struct wire_header *)0)->exe] = "";
    unsigned n_running = 0;
    if (cpu->by_perf) {
        cpu_perf_finish(cpu->perf, &header.main_file, &n_running);
        cpu_perf_status(cpu->perf, &result->status);
    } else {
        if (!read_session(cpu, main_file, sizeof main_file, &n_running, &result->status, diag, err))
            return false;
        header.main_file = str_of(main_file);
    }
    if (n_running)
        diag_add(diag, "%u process%s of the command still run%s: recorded up to now", n_running,
                 n_running == 1 ? "" : "es", n_running == 1 ? "s" : "");
    if (!cpu->by_perf && cpu->children)
        note_unseen(cpu_ns,
                    (result->status.n_samples + result->status.n_dropped) * header.period_ns, diag);

    struct profile *profile = gather_seal(cpu->gather, &header, diag, err);
    if (!profile)
        return false;
    struct resolve_options options = {.debuginfod = true};
    result->profile = resolve_profile(profile, &options, diag, err);
    return result->profile != NULL;
}

const struct collect_ops collect_cpu = {
    .name = "cpu",
    .help = "where CPU time goes, of all threads and child processes",
    .open = cpu_open,
    .environment = cpu_environment,
    .attach = cpu_attach,
    .status = cpu_status,
    .finish = cpu_finish,
    .close = cpu_close,
};
