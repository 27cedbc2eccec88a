#include "collect/live.h"

#include "collect/attach_block.h"
#include "collect/attach_cpu.h"
#include "collect/attach_threads.h"
#include "collect/collect.h"
#include "go/go_kind.h"
#include "go/go_rates.h"
#include "model/merge.h"
#include "os/core.h"
#include "os/mem.h"
#include "os/tasks.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_NS 50000000ull /* between looks at whether it still runs */
#define NS_PER_S 1000000000ull
/* Where nobody says how long. */
#define CPU_SECONDS 30 /* as net/http/pprof has it */
#define WAIT_SECONDS 10
#define UNTIL_STOPPED 1e6 /* seconds: for as long as it takes */
#define READING_SHARE 50  /* readings on the way take at most one in so many parts of the time */

struct live {
    struct proc proc;      /* pid 0: a core file, or the system */
    struct mem *mem;       /* NULL: the system */
    struct go_program *go; /* NULL: not a Go program */
    struct err closed;     /* why there is nothing but a CPU profile */
    bool may_write;
};

/* What is asked for, on its way. */
struct take {
    struct live *live;
    const struct live_options *options;
    struct go_rates *rates; /* NULL: nothing is written */
    double seconds;
    bool has_begun; /* options->began was called */
    struct work *works;
    size_t n_works;
    uint64_t next_reading_ns; /* when what is read at the end is read on the way again */
    struct diag *diag;
};

/* --- kinds --- */

const char *live_kind(const char *name)
{
    const struct collect_ops *kind = collect_find(name);
    const struct go_kind_ops *go = go_kind_find(name);
    return strcmp(name, "profile") == 0 ? "cpu" : kind ? kind->name : go ? go->name : NULL;
}

void live_each_kind(void (*fn)(void *arg, const char *name, const char *help), void *arg)
{
    for (size_t i = 0; collect_registry[i]; i++)
        fn(arg, collect_registry[i]->name, collect_registry[i]->help);
    for (size_t i = 0; go_kind_registry[i]; i++)
        if (!collect_find(go_kind_registry[i]->name))
            fn(arg, go_kind_registry[i]->name, go_kind_registry[i]->help);
}

static bool is_core(const struct live *live)
{
    return live->mem && core_info(live->mem);
}

/* --- opening --- */

static struct live *give_up(struct live *live)
{
    live_free(live);
    return NULL;
}

static struct live *new_live(bool may_write, struct err *err)
{
    struct live *live = calloc(1, sizeof *live);
    if (live)
        live->may_write = may_write;
    else
        err_nomem(err);
    return live;
}

/* With its memory open: a Go program is looked into.  Where that is not permitted, or it is one
 * that we do not know, there is its CPU profile still. */
static struct live *look(struct live *live, const struct err *why, struct err *err)
{
    live->closed = *why;
    if (live->mem && go_program_is(live->mem))
        live->go = go_program_open(live->mem, &live->closed);
    enum err_code code = live->closed.code;
    if (code == ERR_NONE || (!is_core(live) && (code == ERR_PERM || code == ERR_UNSUPPORTED)))
        return live;
    err_set(err, code, "%s", live->closed.msg);
    return give_up(live);
}

struct live *live_open_process(pid_t pid, bool write, struct err *err)
{
    struct live *live = new_live(write, err);
    if (!live || pid == 0)
        return live;
    if (!proc_open(&live->proc, pid, err))
        return give_up(live);
    struct err why = {0};
    live->mem = mem_of_process(&live->proc, write, &why);
    return look(live, &why, err);
}

struct live *live_open_core(const char *path, const char *exe, struct err *err)
{
    struct live *live = new_live(false, err);
    if (!live)
        return NULL;
    struct err why = {0};
    live->mem = mem_of_core(path, exe, &why);
    return look(live, &why, err);
}

void live_free(struct live *live)
{
    if (!live)
        return;
    go_program_free(live->go);
    mem_free(live->mem);
    proc_release(&live->proc);
    free(live);
}

bool live_is_go(const struct live *live)
{
    return live->go != NULL;
}

/* For how many seconds a profile of this kind is collected where nobody says it; 0: it is that
 * of a moment.  With `enable`, of one that may have to be switched on. */
static double usual_seconds(const struct live *live, const char *kind, bool enable)
{
    const struct go_kind_ops *go = live->go ? go_kind_find(kind) : NULL;
    if (is_core(live))
        return 0;
    if (strcmp(kind, "cpu") == 0)
        return CPU_SECONDS;
    bool is_switched = go && enable && go->rate != GO_N_GLOBALS;
    return is_switched || (!live->go && strcmp(kind, "block") == 0) ? WAIT_SECONDS : 0;
}

/* --- taking --- */

/* A part on its way. */
struct work {
    struct live_part *part;
    bool is_cpu;
    bool is_threads;            /* of a native program */
    struct attach_block *block; /* the same; or NULL */
    const struct go_kind_ops *go;
    struct profile *before; /* what is subtracted in the end; or NULL */
    struct profile *last;   /* what there is if it cannot be read in the end; or NULL */
    uint64_t last_ns;       /* when that was read */
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static bool is_stopped(const struct live_options *options)
{
    return options->stop && options->stop(options->arg);
}

static void tell_begun(struct take *take)
{
    const struct live_options *options = take->options;
    if (options->began && !take->has_begun)
        options->began(options->arg, take->seconds < UNTIL_STOPPED ? take->seconds : 0);
    take->has_begun = true;
}

static struct go_options go_options(const struct take *take, const struct live_part *part)
{
    return (struct go_options){.gc = take->options->gc,
                               .consistent = take->options->consistent,
                               .debug = part->debug,
                               .rates = take->rates,
                               .stop = take->options->stop,
                               .stop_arg = take->options->arg};
}

static struct profile *read_go(const struct take *take, const struct work *work, struct diag *diag,
                               struct err *err)
{
    const struct go_options options = go_options(take, work->part);
    return work->go->profile(take->live->go, &options, diag, err);
}

/* What is read at the end is read on the way too, where that costs the program nothing: it may
 * have ended by then.  Seldom enough to cost us little. */
static void read_on_the_way(struct take *take)
{
    uint64_t start = now_ns();
    if (start < take->next_reading_ns)
        return;
    for (size_t i = 0; i < take->n_works; i++) {
        struct work *work = &take->works[i];
        struct diag unheard;
        struct err err = {0};
        if (!work->last)
            continue;
        diag_init(&unheard);
        struct profile *profile = read_go(take, work, &unheard, &err);
        diag_release(&unheard);
        if (!profile)
            continue;
        profile_free(work->last);
        work->last = profile;
        work->last_ns = start;
    }
    uint64_t now = now_ns(), pause = READING_SHARE * (now - start);
    take->next_reading_ns = now + (pause > NS_PER_S ? pause : NS_PER_S);
}

/* Until the time is over, the program has ended, or nobody wants more. */
static void wait_until(struct take *take, uint64_t end)
{
    uint64_t now;
    while ((now = now_ns()) < end && proc_runs(&take->live->proc) && !is_stopped(take->options)) {
        read_on_the_way(take);
        uint64_t ns = end - now < LOOK_NS ? end - now : LOOK_NS;
        nanosleep(&(struct timespec){0, (long)ns}, NULL);
    }
}

static bool go_on(void *arg, const struct recorder_status *status)
{
    struct take *take = arg;
    (void)status;
    tell_begun(take);
    read_on_the_way(take);
    return !is_stopped(take->options);
}

/* The CPU profile of the time that is waited anyway. */
static void take_cpu(struct take *take, struct live_part *part)
{
    struct recorder_status status;
    const struct attach_cpu_request request = {.pid = take->live->proc.pid,
                                               .go = take->live->go,
                                               .hz = take->options->hz,
                                               .no_children = take->options->no_children,
                                               .duration_ns = (uint64_t)(take->seconds * 1e9),
                                               .go_on = go_on,
                                               .arg = take};
    part->profile = attach_cpu(&request, &status, take->diag, &part->err);
}

/* Why there is no such profile. */
static void refuse(const struct live *live, struct live_part *part)
{
    if (live->closed.code)
        part->err = live->closed;
    else if (part->debug)
        err_set(&part->err, ERR_UNSUPPORTED, "the profile %s has no text", part->kind);
    else if (!live->mem)
        err_set(&part->err, ERR_UNSUPPORTED, "of the whole system there is the CPU profile only");
    else if (is_core(live))
        err_set(&part->err, ERR_UNSUPPORTED, "%s has no profile %s%s", mem_name(live->mem),
                part->kind, live->go ? "" : ": it is not of a Go program; there is goroutine");
    else if (live->go)
        err_set(&part->err, ERR_UNSUPPORTED, "Go programs have no profile %s", part->kind);
    else
        err_set(&part->err, ERR_UNSUPPORTED,
                "%s is no Go program: for its profile %s it has to run under libsonde from the "
                "start (sonde record -e %s -- COMMAND)",
                mem_name(live->mem), part->kind, part->kind);
}

/* Has it counted, or does it count?  What an earlier --enable has counted is no answer to what
 * happens now. */
static bool check_rate(const struct take *take, const struct go_kind_ops *kind, bool is_delta,
                       struct err *err)
{
    struct err off = {0};
    if (is_delta)
        return go_rates_check_now(take->live->go, kind, err);
    if (!go_rates_check(take->live->go, kind, err))
        return false;
    if (!go_rates_check_now(take->live->go, kind, &off) && off.code == ERR_UNSUPPORTED &&
        !is_core(take->live))
        diag_add(take->diag, "%s; what it counted when it was on is shown", off.msg);
    return true;
}

/* Is it read on the way too?  Not what costs the program something. */
static bool is_read_on_the_way(const struct take *take, const struct work *work)
{
    return take->seconds > 0 && take->live->proc.pid && !work->part->debug &&
           !take->options->consistent && !take->options->gc && !take->options->enable;
}

static void begin(const struct take *take, struct work *work)
{
    struct live_part *part = work->part;
    work->is_cpu = strcmp(part->kind, "cpu") == 0 && !part->debug && !is_core(take->live);
    if (work->is_cpu)
        return;
    work->go = take->live->go ? go_kind_find(part->kind) : NULL;
    bool is_native = take->live->mem && !take->live->go && !take->live->closed.code;
    work->is_threads = is_native && strcmp(part->kind, "goroutine") == 0;
    if (work->is_threads)
        return;
    if (is_native && take->live->proc.pid && strcmp(part->kind, "block") == 0 && !part->debug) {
        const struct attach_block_request request = {.pid = take->live->proc.pid,
                                                     .rate_ns = part->rate,
                                                     .duration_ns = (uint64_t)(take->seconds * 1e9),
                                                     .no_children = take->options->no_children};
        work->block = attach_block_begin(&request, &part->err);
        return;
    }
    if (!work->go) {
        refuse(take->live, part);
        return;
    }
    if (part->debug && !work->go->text) {
        refuse(take->live, part);
        return;
    }
    if (take->options->enable && work->go->rate != GO_N_GLOBALS &&
        !go_rates_enable(take->rates, work->go, part->rate, take->diag, &part->err))
        return;
    /* What cannot be had is told before anything is collected. */
    const struct go_options options = go_options(take, part);
    bool is_delta = work->go->has_delta && take->seconds > 0 && !is_core(take->live) &&
                    !part->debug && !part->whole;
    if (!check_rate(take, work->go, is_delta, &part->err) ||
        (work->go->check && !work->go->check(take->live->go, &options, &part->err)))
        return;
    if (is_delta)
        work->before = read_go(take, work, take->diag, &part->err);
    if (!part->err.code && is_read_on_the_way(take, work)) {
        work->last = read_go(take, work, take->diag, &part->err);
        work->last_ns = now_ns();
    }
}

static void take_threads(const struct take *take, struct live_part *part)
{
    const struct attach_threads_options options = {.consistent = take->options->consistent};
    if (!part->debug)
        part->profile = attach_threads(take->live->mem, &options, take->diag, &part->err);
    else if (!attach_threads_text(take->live->mem, &options, part->debug, &part->text, take->diag,
                                  &part->err))
        buf_clear(&part->text);
}

static void finish_text(const struct take *take, const struct work *work)
{
    struct live_part *part = work->part;
    struct go_options options = go_options(take, part);
    if (!work->go->text(take->live->go, &options, &part->text, take->diag, &part->err))
        buf_clear(&part->text);
}

static void finish(const struct take *take, struct work *work)
{
    struct live_part *part = work->part;
    if (part->err.code || work->is_cpu)
        return;
    if (work->is_threads) {
        take_threads(take, part);
        return;
    }
    if (work->block) {
        part->profile = attach_block_end(work->block, take->diag, &part->err);
        return;
    }
    if (part->debug) {
        finish_text(take, work);
        return;
    }
    struct profile *after = read_go(take, work, take->diag, &part->err);
    if (!after && work->last && !proc_runs(&take->live->proc)) {
        diag_add(take->diag, "%s: %s; it is as it was %.1f s before the end was seen", part->kind,
                 part->err.msg, (double)(now_ns() - work->last_ns) / 1e9);
        part->err = (struct err){0};
        after = work->last;
        work->last = NULL;
    }
    if (after && work->before) {
        int64_t time_nanos = after->time_nanos;
        part->profile = merge_difference(&after, work->before, NULL, false, &part->err);
        if (part->profile) { /* as net/http/pprof has it */
            part->profile->time_nanos = work->before->time_nanos;
            part->profile->duration_nanos = time_nanos - work->before->time_nanos;
        }
        profile_free(after);
    } else {
        part->profile = after;
    }
}

/* Is there something left that takes time? */
static bool is_waited_for(const struct take *take, const struct work *works, size_t n)
{
    const struct live_options *options = take->options;
    for (size_t i = 0; i < n; i++) {
        const struct live_part *part = works[i].part;
        if (!part->err.code &&
            (options->seconds > 0 || usual_seconds(take->live, part->kind, options->enable) > 0))
            return !is_core(take->live);
    }
    return false;
}

static void note_if_stopped(const struct take *take)
{
    const struct proc *proc = &take->live->proc;
    char state = tasks_state(proc, proc->pid);
    if (state == 'T' || state == 't')
        diag_add(take->diag, "process %d (%s) is stopped: nothing happens in it until it goes on",
                 (int)proc->pid, proc->comm);
}

static void take_all(struct take *take, struct live_part *parts, struct work *works, size_t n)
{
    struct live_part *cpu = NULL;
    take->works = works;
    take->n_works = n;
    for (size_t i = 0; i < n; i++) {
        works[i].part = &parts[i];
        begin(take, &works[i]);
        if (works[i].is_cpu)
            cpu = &parts[i];
    }
    uint64_t start = now_ns(), end = start + (uint64_t)(take->seconds * 1e9);
    take->next_reading_ns = start + NS_PER_S;
    if (cpu)
        take_cpu(take, cpu);
    if (take->live->proc.pid && is_waited_for(take, works, n)) {
        tell_begun(take);
        wait_until(take, end);
    }
    if (take->live->proc.pid && take->seconds > 0)
        note_if_stopped(take);
    for (size_t i = 0; i < n; i++) {
        finish(take, &works[i]);
        attach_block_free(works[i].block);
        profile_free(works[i].before);
        profile_free(works[i].last);
    }
}

/* What only Go's profiles know of. */
static void note_ignored(const struct live *live, const struct live_part *parts, size_t n,
                         const struct live_options *options, struct diag *diag)
{
    bool any = false;
    for (size_t i = 0; i < n; i++)
        any |= !parts[i].err.code;
    if (any && live->mem && !live->go && !live->closed.code && (options->gc || options->enable))
        diag_add(diag, "%s is no Go program: %s%s%s no difference", mem_name(live->mem),
                 options->gc ? "gc" : "", options->gc && options->enable ? " and " : "",
                 !options->enable ? " makes"
                 : options->gc    ? "enable make"
                                  : "enable makes");
}

void live_take(struct live *live, struct live_part *parts, size_t n,
               const struct live_options *options, struct diag *diag)
{
    struct take take = {
        .live = live, .options = options, .seconds = options->seconds, .diag = diag};
    struct work *works = calloc(n, sizeof *works);
    struct err err = {0};
    bool ok = works || err_nomem(&err);
    for (size_t i = 0; i < n && options->seconds <= 0; i++) {
        double seconds = usual_seconds(live, parts[i].kind, options->enable);
        if (seconds > 0 && options->until_stopped)
            seconds = UNTIL_STOPPED;
        take.seconds = seconds > take.seconds ? seconds : take.seconds;
    }
    if (ok && live->may_write && live->go)
        ok = (take.rates = go_rates_open(live->go, &err)) != NULL;
    for (size_t i = 0; i < n; i++) {
        parts[i].profile = NULL;
        parts[i].text = (struct buf){0};
        parts[i].err = err;
    }
    if (ok)
        take_all(&take, parts, works, n);
    note_ignored(live, parts, n, options, diag);
    if (take.rates && !go_rates_restore(take.rates, &err))
        diag_add(diag, "%s", err.msg);
    go_rates_free(take.rates);
    free(works);
}
