#include "collect/attach_cpu.h"

#include "collect/cpu.h"
#include "collect/gather.h"
#include "collect/go_cpu_labels.h"
#include "collect/perf_feed.h"
#include "collect/track.h"
#include "os/proc.h"
#include "sym/resolve.h"

#include <time.h>

#define DEFAULT_HZ 100
#define ROUND_MS 100
/* CPU time that no sample speaks of is worth a note above both of these. */
#define UNSEEN_MIN_NS 500000000u
#define UNSEEN_MIN_SHARE 4 /* a quarter of all */

struct attach {
    const struct attach_cpu_request *request;
    struct proc proc; /* unless it is the system */
    struct gather *gather;
    struct track *track;
    struct perf *events;
    struct perf_feed feed;
    struct go_cpu_labels *labels; /* or NULL */
    uint64_t n_lost;              /* for want of memory */
    bool kernel;                  /* its time is sampled too */
    bool has_used;
    uint64_t used_ns; /* by the process before */
    uint64_t start_unix_ns, start_ns;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void release(struct attach *a)
{
    perf_feed_release(&a->feed);
    perf_free(a->events);
    go_cpu_labels_free(a->labels);
    track_free(a->track);
    gather_free(a->gather);
    proc_release(&a->proc);
}

/* What the process has used up to now, of what can be sampled; false: not known. */
static bool find_used(const struct attach *a, uint64_t *ns)
{
    uint64_t user, system;
    if (!a->request->pid || !proc_cpu(&a->proc, &user, &system))
        return false;
    *ns = a->kernel ? user + system : user;
    return true;
}

/* The maps are read twice: before, to see what the events have to bring; and again when these
 * tell of all that is mapped later. */
static bool begin(struct attach *a, struct err *err)
{
    const struct attach_cpu_request *request = a->request;
    unsigned hz = request->hz ? request->hz : DEFAULT_HZ;
    struct perf_options options = {
        .pid = request->pid, .period_ns = 1000000000u / hz, .children = !request->no_children};
    const struct track_options track_options = {.scope =
                                                    request->pid ? TRACK_PROCESS : TRACK_SYSTEM,
                                                .root = request->pid,
                                                .children = options.children,
                                                .period_ns = options.period_ns};
    bool everything;
    if ((request->pid && !proc_open(&a->proc, request->pid, err)) ||
        !(a->gather = gather_new(&collect_cpu, err)) ||
        !(a->track = track_new(a->gather, &track_options, err)) ||
        (request->pid && !track_adopt_root(a->track, err)))
        return false;
    if (request->go && !(a->labels = go_cpu_labels_new(request->go, a->gather, err)))
        return false;
    if (a->labels)
        options.bpf_program = go_cpu_labels_program(a->labels);
    options.small_stack = request->pid && track_is_pure_go(a->track);
    (void)perf_permitted(&a->kernel, NULL);
    a->has_used = find_used(a, &a->used_ns);
    a->start_unix_ns = now_ns(CLOCK_REALTIME);
    a->start_ns = now_ns(CLOCK_MONOTONIC);
    if (!(a->events = perf_attach(&options, &everything, err)) ||
        (request->pid && !track_adopt_root(a->track, err)))
        return false;
    track_set_events(a->track, perf_period_ns(a->events), everything);
    return true;
}

static void tell_status(const struct attach *a, struct recorder_status *status)
{
    const struct track_counts *counts = track_counts(a->track);
    *status = (struct recorder_status){.n_processes = counts->n_processes};
    status->counts[WIRE_CPU] =
        (struct recorder_counts){.n_samples = counts->n_samples,
                                 .n_dropped = counts->n_lost + a->feed.n_lost + a->n_lost,
                                 .n_truncated = counts->n_truncated};
}

static void take(void *arg, const struct perf_record *record)
{
    struct attach *a = arg;
    if (record->kind != PERF_SAMPLE || !a->labels) {
        track_record(a->track, record);
        return;
    }
    const int64_t values[] = {1, (int64_t)perf_period_ns(a->events)};
    a->n_lost += !track_sample(a->track, record, values, go_cpu_labels_of(a->labels, record), NULL);
}

static void take_round(struct attach *a, uint64_t limit_ns)
{
    if (a->labels)
        go_cpu_labels_round(a->labels);
    perf_feed_round(&a->feed, a->events, limit_ns, take, a);
}

/* Until the time is over, or all has ended.  Returns the time it took. */
static uint64_t record(struct attach *a, struct recorder_status *status, struct diag *diag)
{
    const struct attach_cpu_request *request = a->request;
    for (;;) {
        uint64_t past = now_ns(CLOCK_MONOTONIC) - a->start_ns, left = UINT64_MAX;
        bool runs = !request->pid || proc_runs(&a->proc);
        if (request->duration_ns)
            left = past < request->duration_ns ? request->duration_ns - past : 0;
        tell_status(a, status);
        if (!left || (request->go_on && !request->go_on(request->arg, status)))
            return past;
        if (!runs && track_n_running(a->track) == 0) {
            diag_add(diag, "process %d (%s) has ended after %.1fs: recorded up to then",
                     (int)request->pid, a->proc.comm, (double)past / 1e9);
            return past;
        }
        perf_wait(a->events, left / 1000000 < ROUND_MS ? (int)(left / 1000000) + 1 : ROUND_MS);
        take_round(a, perf_feed_settled_ns());
    }
}

static void tell_unseen(const struct attach *a, struct diag *diag)
{
    uint64_t used, seen = track_counts(a->track)->n_samples * perf_period_ns(a->events);
    if (!a->has_used || !find_used(a, &used) || used < a->used_ns)
        return;
    used -= a->used_ns;
    if (seen >= used || used - seen < UNSEEN_MIN_NS || used - seen < used / UNSEEN_MIN_SHARE)
        return;
    diag_add(
        diag,
        "%.2fs of %.2fs CPU time were not seen: of threads that ran for less than %.1f ms each; "
        "a higher -F, or CAP_PERFMON, shows them",
        (double)(used - seen) / 1e9, (double)used / 1e9, (double)perf_period_ns(a->events) / 1e6);
}

static void tell_notes(const struct attach *a, struct diag *diag)
{
    struct err why;
    unsigned n = track_n_unreadable(a->track, &why);
    if (n)
        diag_add(diag, "the code of %u process%s is not named: %s", n, n == 1 ? "" : "es", why.msg);
    uint64_t n_lost = track_counts(a->track)->n_lost + a->feed.n_lost + a->n_lost;
    if (n_lost)
        diag_add(diag, "%llu samples were lost: sonde came too late to take them",
                 (unsigned long long)n_lost);
    else
        tell_unseen(a, diag);
    if (!a->kernel)
        diag_add(diag, "without the time spent in the kernel (kernel.perf_event_paranoid is above "
                       "1, and CAP_PERFMON is not there)");
}

struct profile *attach_cpu(const struct attach_cpu_request *request, struct recorder_status *status,
                           struct diag *diag, struct err *err)
{
    struct attach a = {.request = request};
    struct profile *profile = NULL;
    *status = (struct recorder_status){0};
    if (!begin(&a, err)) {
        release(&a);
        return NULL;
    }
    uint64_t duration_ns = record(&a, status, diag);
    perf_stop(a.events);
    take_round(&a, UINT64_MAX);
    track_finish(a.track);
    tell_status(&a, status);
    tell_notes(&a, diag);
    const struct gather_header header = {.period = perf_period_ns(a.events),
                                         .time_unix_ns = a.start_unix_ns,
                                         .duration_ns = duration_ns,
                                         .main_file = track_main_file(a.track)};
    const struct resolve_options options = {
        .debuginfod = request->debuginfod, .locate = track_locate, .locate_arg = a.track};
    profile = gather_seal(a.gather, &header, diag, err);
    const char *way = a.labels ? go_cpu_labels_tell(a.labels, diag) : NULL;
    if (profile && way)
        (void)profile_add_comment(profile, str_of(way));
    if (profile)
        profile = resolve_profile(profile, &options, diag, err);
    release(&a);
    return profile;
}
