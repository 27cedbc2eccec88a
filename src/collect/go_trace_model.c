#include "collect/go_trace_model.h"

#include "collect/go_trace_state.h"
#include "go/go_goroutines.h"
#include "go/go_trace_points.h"

#include <stdlib.h>
#include <string.h>

#define GAP_REASON "not recorded"

struct go_trace_model *go_trace_model_new(unsigned minor, struct trace_writer *writer,
                                          struct go_trace_stacks *stacks, struct err *err)
{
    struct go_trace_model *t = calloc(1, sizeof *t);
    if (!t) {
        err_nomem(err);
        return NULL;
    }
    t->minor = minor;
    t->writer = writer;
    t->stacks = stacks;
    t->stopper = NONE;
    map_init(&t->g_of_id);
    map_init(&t->m_of_id);
    map_init(&t->p_of_id);
    map_init(&t->tasks);
    return t;
}

void go_trace_model_free(struct go_trace_model *t)
{
    if (!t)
        return;
    vec_release(&t->gs);
    vec_release(&t->ms);
    vec_release(&t->ps);
    vec_release(&t->regions);
    map_release(&t->g_of_id);
    map_release(&t->m_of_id);
    map_release(&t->p_of_id);
    map_release(&t->tasks);
    free(t);
}

bool go_trace_model_failed(const struct go_trace_model *t)
{
    return t->failed;
}

struct go_trace_counts go_trace_model_counts(const struct go_trace_model *t)
{
    return t->counts;
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Go's tracer has other words for why a goroutine waits. */
static const char *reason_text(const char *wait)
{
    static const struct {
        const char *prefix, *reason;
    } reasons[] = {
        {"chan receive (nil", "forever"},
        {"chan send (nil", "forever"},
        {"select (no cases)", "forever"},
        {"panicwait", "forever"},
        {"IO wait", "network"},
        {"select", "select"},
        {"chan receive", "chan receive"},
        {"chan send", "chan send"},
        {"sync.Cond.Wait", "sync.(*Cond).Wait"},
        {"sync.", "sync"},
        {"semacquire", "sync"},
        {"sleep", "sleep"},
        {"GC assist wait", "GC mark assist wait for work"},
        {"GC sweep wait", "GC background sweeper wait"},
        {"GC weak to strong wait", "GC weak to strong wait"},
        {"wait for GC cycle", "wait until GC ends"},
        {"preempted", "preempted"},
        {"debug call", "wait for debug call"},
        {"GC scavenge wait", "system goroutine wait"},
        {"GC worker (idle)", "system goroutine wait"},
        {"finalizer wait", "system goroutine wait"},
        {"cleanup wait", "system goroutine wait"},
        {"force gc (idle)", "system goroutine wait"},
        {"GOMAXPROCS updater (idle)", "system goroutine wait"},
        {"timer goroutine (idle)", "system goroutine wait"},
        {"trace reader (blocked)", "system goroutine wait"},
    };
    if (begins(wait, "synctest"))
        return "synctest";
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (begins(wait, reasons[i].prefix))
            return reasons[i].reason;
    return "unspecified";
}

static uint32_t reason_string(struct go_trace_model *t, uint8_t reason)
{
    if (!t->reasons[reason])
        t->reasons[reason] = go_trace_text(t, reason_text(go_wait_reason(t->minor, reason)));
    return t->reasons[reason];
}

/* --- hits --- */

static void begin_syscall(struct go_trace_model *t, uint64_t id, uint32_t m, uint32_t stack)
{
    uint32_t g = go_trace_have_running(t, id, m);
    if (g == NONE || !go_trace_need_p(t, m))
        return;
    struct processor *p = &t->ps.items[t->ms.items[m].p];
    go_trace_tell_m(t, m);
    go_trace_emit(t, m, GOTRACE_GO_SYSCALL_BEGIN, ARGS(++p->seq, stack));
    t->gs.items[g].state = SYSCALL;
    p->state = SYSCALL;
}

/* Back on a processor, or without one. */
static void end_syscall(struct go_trace_model *t, uint64_t id, uint32_t m, bool has_p)
{
    uint32_t g = go_trace_meet(t, id, SYSCALL, m);
    if (g == NONE || t->gs.items[g].state != SYSCALL || t->gs.items[g].m != m)
        return; /* told of already */
    uint32_t p = t->ms.items[m].p;
    if (has_p && p != NONE && t->ps.items[p].state == SYSCALL) {
        go_trace_tell_m(t, m);
        go_trace_emit(t, m, GOTRACE_GO_SYSCALL_END, NULL, 0);
        t->gs.items[g].state = RUNNING;
        t->ps.items[p].state = RUNNING;
        return;
    }
    go_trace_leave_syscall(t, g);
    if (has_p && go_trace_has_running_p(t, m))
        go_trace_start_g(t, g, m);
    else
        t->ms.items[m].leaves = g;
}

static void destroy(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m)
{
    uint32_t g = NONE;
    if (hit->from == GO_STATUS_SYSCALL)
        g = go_trace_meet(t, hit->goid, SYSCALL, m);
    if (g == NONE || t->gs.items[g].state != SYSCALL)
        g = go_trace_have_running(t, hit->goid, m);
    if (g == NONE)
        return;
    if (t->gs.items[g].state == SYSCALL) { /* cgo's, which ends with its callback */
        uint32_t on = t->gs.items[g].m;
        go_trace_stop_p(t, on);
        go_trace_tell_m(t, on);
        go_trace_emit(t, on, GOTRACE_GO_DESTROY_SYSCALL, NULL, 0);
    } else {
        if (t->gs.items[g].state != RUNNING || !go_trace_need_p(t, m))
            return;
        go_trace_tell_m(t, m);
        go_trace_emit(t, m, GOTRACE_GO_DESTROY, NULL, 0);
    }
    go_trace_unbind_g(t, g, GONE);
}

static void create_by_hit(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m,
                          uint64_t start)
{
    if (go_trace_exists(t, go_trace_find_g(t, hit->goid))) {
        t->counts.n_repairs++;
        return;
    }
    if (hit->to == GO_STATUS_SYSCALL) {
        if (t->ms.items[m].g != NONE && !go_trace_settle(t, t->ms.items[m].g))
            return;
        go_trace_tell_m(t, m);
        go_trace_emit(t, m, GOTRACE_GO_CREATE_SYSCALL, ARGS(hit->goid));
        uint32_t g = go_trace_add_g(t, hit->goid, SYSCALL);
        if (g != NONE) {
            t->gs.items[g].generation = t->generation;
            t->gs.items[g].m = m;
            t->ms.items[m].g = g;
        }
        return;
    }
    uint32_t on = m;
    if (hit->current_goid && hit->current_goid != hit->goid)
        go_trace_have_running(t, hit->current_goid, m);
    if (!go_trace_is_able(t, m) && (on = go_trace_able_m(t)) == NONE) {
        t->counts.n_dropped++;
        return;
    }
    go_trace_create(t, on, hit->goid, hit->to == GO_STATUS_WAITING ? WAITING : RUNNABLE,
                    go_trace_start(t->stacks, start),
                    go_trace_stack(t->stacks, hit->stack, hit->n_stack));
}

static void wake(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m)
{
    uint32_t g = go_trace_meet(t, hit->goid, WAITING, NONE);
    if (g != NONE && begins(go_wait_reason(t->minor, hit->wait_reason), "GC worker"))
        t->gs.items[g].is_worker = true;
    if (hit->current_goid && hit->current_goid != hit->goid)
        go_trace_have_running(t, hit->current_goid, m);
    if (g == NONE || t->gs.items[g].state == RUNNABLE)
        return;
    if (t->gs.items[g].state != WAITING) {
        t->counts.n_repairs++;
        if (t->gs.items[g].state == SYSCALL || t->gs.items[g].m == NONE) {
            go_trace_settle(t, g);
            return;
        }
        if (!go_trace_stop_g(t, g, GOTRACE_GO_BLOCK, go_trace_text(t, "unspecified"), 0))
            return;
    }
    go_trace_unblock(t, g, m, go_trace_stack(t->stacks, hit->stack, hit->n_stack));
}

/* As Go's tracer marks what marks for the collector. */
static void label_worker(struct go_trace_model *t, uint32_t g, uint32_t m, unsigned mode)
{
    static const char *const labels[] = {NULL, "GC (dedicated)", "GC (fractional)", "GC (idle)"};
    if (t->gs.items[g].is_worker && mode && mode < sizeof labels / sizeof *labels)
        go_trace_emit(t, m, GOTRACE_GO_LABEL, ARGS(go_trace_text(t, labels[mode])));
}

static void run(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m)
{
    uint32_t g = go_trace_meet(t, hit->goid, RUNNABLE, NONE);
    if (g == NONE)
        return;
    if (t->gs.items[g].state == RUNNING || t->ms.items[m].g != NONE)
        t->counts.n_repairs++;
    if (go_trace_start_g(t, g, m))
        label_worker(t, g, m, hit->mode);
}

/* Does it begin to mark for the collector? */
static bool is_assist(const struct go_trace_model *t, const struct uprobe_hit *hit,
                      enum go_trace_caller caller)
{
    return caller == GO_TRACE_ASSIST || /* up to Go 1.19; then casGToWaiting calls for it */
           (caller != GO_TRACE_PARK &&
            begins(go_wait_reason(t->minor, hit->wait_reason), "GC assist marking"));
}

static void end_assist(struct go_trace_model *t, const struct uprobe_hit *hit)
{
    uint32_t g = go_trace_find_g(t, hit->goid);
    if (go_trace_exists(t, g))
        go_trace_end_assist(t, g);
}

static void pause(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m)
{
    enum go_trace_caller caller = go_trace_caller_of(t->stacks, hit->caller);
    if (caller == GO_TRACE_NO_P) { /* told of when it came back, unless it lost it after that */
        uint32_t back = go_trace_find_g(t, hit->goid);
        if (go_trace_exists(t, back) && t->gs.items[back].state == RUNNING &&
            t->gs.items[back].m == m)
            go_trace_stop_g(t, back, GOTRACE_GO_STOP, go_trace_text(t, "preempted"), 0);
        return;
    }
    /* The runtime has goroutines wait that run, so that the collector can look at them. */
    bool assists = hit->to == GO_STATUS_WAITING && is_assist(t, hit, caller);
    if (hit->to == GO_STATUS_WAITING && caller != GO_TRACE_PARK && !assists)
        return;
    uint32_t g = go_trace_have_running(t, hit->goid, m);
    if (g == NONE)
        return;
    uint32_t stack = go_trace_stack(t->stacks, hit->stack, hit->n_stack);
    if (assists) {
        go_trace_begin_assist(t, g, stack);
        return;
    }
    if (hit->to == GO_STATUS_WAITING)
        go_trace_stop_g(t, g, GOTRACE_GO_BLOCK, reason_string(t, hit->wait_reason), stack);
    else
        go_trace_stop_g(t, g, GOTRACE_GO_STOP,
                        go_trace_text(t, go_trace_is_gosched(t->stacks, hit->stack, hit->n_stack)
                                             ? "runtime.Gosched"
                                             : "preempted"),
                        stack);
}

static bool is_dead(unsigned status)
{
    return status == GO_STATUS_DEAD || status == GO_STATUS_DEADEXTRA;
}

static void change(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m,
                   uint64_t start)
{
    unsigned from = hit->from, to = hit->to;
    if (!hit->goid)
        return;
    if (is_dead(from) && !is_dead(to))
        create_by_hit(t, hit, m, start);
    else if (is_dead(to))
        destroy(t, hit, m);
    else if (from == GO_STATUS_RUNNABLE && to == GO_STATUS_RUNNING)
        run(t, hit, m);
    else if (from == GO_STATUS_WAITING && to == GO_STATUS_RUNNABLE)
        wake(t, hit, m);
    else if (from == GO_STATUS_WAITING && to == GO_STATUS_RUNNING)
        end_assist(t, hit);
    else if (from == GO_STATUS_RUNNING && to == GO_STATUS_SYSCALL)
        begin_syscall(t, hit->goid, m, go_trace_stack(t->stacks, hit->stack, hit->n_stack));
    else if (from == GO_STATUS_SYSCALL)
        end_syscall(t, hit->goid, m, to == GO_STATUS_RUNNING && hit->p != UPROBE_NO_NUMBER);
    else if (from == GO_STATUS_RUNNING)
        pause(t, hit, m);
}

static void take_p(struct go_trace_model *t, uint64_t id, uint32_t m)
{
    uint32_t p = go_trace_find_p(t, id), g = t->ms.items[m].leaves;
    if (p == NONE)
        return;
    go_trace_start_p(t, p, m);
    if (g != NONE && t->gs.items[g].state == RUNNABLE && t->ps.items[p].state == RUNNING)
        go_trace_start_g(t, g, m);
    t->ms.items[m].leaves = NONE;
}

static void idle(struct go_trace_model *t, uint64_t id, uint32_t m)
{
    uint32_t p = go_trace_find_p(t, id);
    if (p == NONE)
        return;
    if (t->ps.items[p].state == GONE)
        go_trace_tell_p(t, p, RUNNABLE);
    else
        go_trace_take_away_p(t, p, m);
}

static void stop_world(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m)
{
    static const char *const reasons[] = {
        "unknown",
        "GC mark termination",
        "GC sweep termination",
        "write heap dump",
        "goroutine profile",
        "goroutine profile cleanup",
        "all goroutines stack trace",
        "read mem stats",
        "AllThreadsSyscall",
        "GOMAXPROCS",
        "start trace",
        "stop trace",
    };
    enum go_trace_caller caller = go_trace_caller_of(t->stacks, hit->caller);
    size_t n = sizeof reasons / sizeof *reasons, reason = (uint8_t)hit->arg;
    if (caller == GO_TRACE_GC_EITHER && !t->gc_is_on)
        caller = GO_TRACE_GC_BEGIN;
    if (t->minor < 21) /* it is not told why */
        reason = caller == GO_TRACE_GC_BEGIN ? 2 : caller == GO_TRACE_GC_EITHER ? 1 : 0;
    uint32_t g = go_trace_have_running(t, hit->current_goid, m);
    if (g == NONE || !go_trace_need_p(t, m))
        return;
    go_trace_tell_m(t, m);
    uint32_t stack = go_trace_stack(t->stacks, hit->stack, hit->n_stack);
    if (t->stopper == NONE) {
        t->stop_reason = go_trace_text(t, reasons[reason < n ? reason : 0]);
        go_trace_emit(t, m, GOTRACE_STW_BEGIN, ARGS(t->stop_reason, stack));
        t->stopper = g;
    }
    if (caller == GO_TRACE_GC_BEGIN && !t->gc_is_on) {
        go_trace_emit(t, m, GOTRACE_GC_BEGIN, ARGS(++t->gc_seq, stack));
        t->gc_is_on = true;
    }
}

/* Where the goroutine is that can tell of the end; NONE: nowhere. */
static uint32_t running_on(struct go_trace_model *t, uint32_t g)
{
    return g != NONE && t->gs.items[g].state == RUNNING &&
                   go_trace_has_running_p(t, t->gs.items[g].m)
               ? t->gs.items[g].m
               : NONE;
}

static void end_gc(struct go_trace_model *t, uint32_t m)
{
    if (!t->gc_is_on || m == NONE)
        return;
    go_trace_tell_m(t, m);
    go_trace_emit(t, m, GOTRACE_GC_END, ARGS(++t->gc_seq));
    t->gc_is_on = false;
}

static void end_stop(struct go_trace_model *t)
{
    uint32_t m = running_on(t, t->stopper);
    if (m == NONE)
        return;
    go_trace_tell_m(t, m);
    trace_writer_keep_string(t->writer, t->stop_reason);
    go_trace_emit(t, m, GOTRACE_STW_END, NULL, 0);
    t->stopper = NONE;
}

static void start_world(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m)
{
    uint32_t current = hit->current_goid ? go_trace_have_running(t, hit->current_goid, m) : NONE;
    if (go_trace_caller_of(t->stacks, hit->caller) == GO_TRACE_GC_FINISH)
        end_gc(t, running_on(t, current));
    end_stop(t);
}

/* The program's regions of a goroutine are one within the other, each in a call of WithRegion. */
static void mark_region(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t g,
                        uint32_t text, uint32_t stack)
{
    bool is_begin = hit->second == 0;
    bool is_old = go_trace_has_old_region(t, g) && hit->n_stack < UPROBE_FRAMES_MAX;
    size_t n = is_old ? go_trace_regions_on(t->stacks, hit->stack, hit->n_stack) : 0;
    size_t n_others = n - (n > 0);
    if (is_old)
        go_trace_keep_regions(t, g, is_begin ? n_others : n);
    if (is_begin) {
        go_trace_begin_region(t, g, hit->arg, text, stack);
        return;
    }
    if (go_trace_end_region(t, g, hit->arg, text, stack))
        return;
    if (is_old) /* the one that was there before is another one */
        go_trace_keep_regions(t, g, n_others);
    if (t->n_gaps) /* it began while nobody looked */
        return;
    if (t->gs.items[g].region)
        t->counts.n_dropped++;
    else /* it began before the trace */
        go_trace_emit(t, t->gs.items[g].m, GOTRACE_USER_REGION_END, ARGS(hit->arg, text, stack));
}

/* Go's parser refuses one that begins again before its end. */
static void begin_task(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m,
                       uint32_t text, uint32_t stack)
{
    if (map_get(&t->tasks, hit->arg) != MAP_NONE)
        t->counts.n_dropped++;
    else if (!map_put(&t->tasks, hit->arg, 0))
        t->failed = true;
    else
        go_trace_emit(t, m, GOTRACE_USER_TASK_BEGIN, ARGS(hit->arg, hit->second, text, stack));
}

/* What the program says of itself. */
static void mark(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m,
                 const uint32_t *texts)
{
    uint32_t g = hit->current_goid ? go_trace_have_running(t, hit->current_goid, m) : NONE;
    if (g == NONE || !go_trace_need_p(t, m))
        return;
    uint32_t stack = go_trace_stack(t->stacks, hit->stack, hit->n_stack);
    go_trace_tell_m(t, m);
    switch (hit->kind) {
    case GO_TRACE_TASK_BEGIN:
        begin_task(t, hit, m, texts[0], stack);
        break;
    case GO_TRACE_TASK_END:
        map_remove(&t->tasks, hit->arg);
        go_trace_emit(t, m, GOTRACE_USER_TASK_END, ARGS(hit->arg, stack));
        break;
    case GO_TRACE_REGION:
        mark_region(t, hit, g, texts[0], stack);
        break;
    default:
        go_trace_emit(t, m, GOTRACE_USER_LOG, ARGS(hit->arg, texts[0], texts[1], stack));
    }
}

void go_trace_model_hit(struct go_trace_model *t, const struct uprobe_hit *hit,
                        const struct go_trace_details *details)
{
    uint32_t m = hit->thread ? go_trace_find_m(t, hit->thread) : NONE;
    if (m == NONE) {
        t->counts.n_dropped++;
        return;
    }
    if (hit->time_ns > t->now)
        t->now = hit->time_ns;
    go_trace_end_off(t, m);
    bool is_return = hit->kind == GO_TRACE_SYSCALL_END ||
                     (hit->kind == GO_TRACE_STATUS && hit->from == GO_STATUS_SYSCALL);
    if (hit->p != UPROBE_NO_NUMBER && hit->kind != GO_TRACE_P_TAKEN && hit->kind != GO_TRACE_P_IDLE)
        go_trace_have_p(t, hit->p, m,
                        is_return && !go_trace_exists(t, go_trace_find_g(t, hit->goid)) ? SYSCALL
                                                                                        : RUNNING);
    switch ((enum go_trace_point_kind)hit->kind) {
    case GO_TRACE_STATUS:
        change(t, hit, m, details->start);
        break;
    case GO_TRACE_SYSCALL_BEGIN:
        if (hit->goid)
            begin_syscall(t, hit->goid, m, go_trace_stack(t->stacks, hit->stack, hit->n_stack));
        break;
    case GO_TRACE_SYSCALL_END:
        if (hit->goid)
            end_syscall(t, hit->goid, m, hit->p != UPROBE_NO_NUMBER);
        break;
    case GO_TRACE_P_TAKEN:
        take_p(t, (uint32_t)hit->arg, m);
        break;
    case GO_TRACE_P_IDLE:
        idle(t, (uint32_t)hit->arg, m);
        break;
    case GO_TRACE_STOP_WORLD:
        if (hit->current_goid)
            stop_world(t, hit, m);
        break;
    case GO_TRACE_START_WORLD:
        start_world(t, hit, m);
        break;
    case GO_TRACE_TASK_BEGIN:
    case GO_TRACE_TASK_END:
    case GO_TRACE_REGION:
    case GO_TRACE_LOG:
        mark(t, hit, m, details->texts);
        break;
    case GO_TRACE_N_POINTS:
        break;
    }
}

void go_trace_model_off(struct go_trace_model *t, const struct bpf_gap *gap)
{
    uint32_t m = map_get(&t->m_of_id, gap->thread);
    if (m == MAP_NONE)
        return;
    if (gap->to_ns > t->now)
        t->now = gap->to_ns;
    go_trace_begin_off(t, m,
                       go_trace_text(t, gap->is_ready ? GOTRACE_OFF_READY : GOTRACE_OFF_WAITS),
                       gap->from_ns);
    if (gap->to_ns)
        go_trace_end_off(t, m);
}

/* --- generations --- */

static enum state state_of(unsigned status)
{
    switch (status) {
    case GO_STATUS_RUNNABLE:
        return RUNNABLE;
    case GO_STATUS_RUNNING:
    case GO_STATUS_COPYSTACK:
        return RUNNING;
    case GO_STATUS_SYSCALL:
        return SYSCALL;
    case GO_STATUS_WAITING:
    case GO_STATUS_PREEMPTED:
    case GO_STATUS_LEAKED:
        return WAITING;
    default:
        return GONE;
    }
}

/* After a gap: one that there was before, or has come meanwhile, as it was found. */
static void catch_up(struct go_trace_model *t, const struct go_trace_found *found)
{
    enum state state = state_of(found->status);
    uint32_t g = go_trace_meet(t, found->goid, state, NONE);
    if (g == NONE)
        return;
    t->gs.items[g].is_seen = true;
    uint32_t m = found->thread ? go_trace_find_m(t, found->thread) : NONE;
    if (state == WAITING) {
        if (t->gs.items[g].state == RUNNABLE && (m = go_trace_able_m(t)) != NONE &&
            t->ms.items[m].g == NONE && go_trace_start_g(t, g, m))
            go_trace_stop_g(t, g, GOTRACE_GO_BLOCK, go_trace_text(t, GAP_REASON), found->stack);
        return;
    }
    if (t->gs.items[g].state == WAITING)
        go_trace_unblock(t, g, NONE, 0);
    if (state == RUNNABLE || m == NONE)
        return;
    if (found->p != UPROBE_NO_NUMBER)
        go_trace_have_p(t, found->p, m, RUNNING);
    if (go_trace_start_g(t, g, m) && state == SYSCALL) {
        begin_syscall(t, found->goid, m, 0);
        if (found->p == UPROBE_NO_NUMBER)
            go_trace_stop_p(t, m);
    }
}

/* One that has ended while nobody looked. */
static void bury(struct go_trace_model *t, uint32_t g)
{
    uint32_t m = go_trace_find_m(t, SPARE_THREAD), p = go_trace_idle_p(t);
    if (m == NONE || (t->ms.items[m].p == NONE && p == NONE))
        return;
    if (t->ms.items[m].p == NONE)
        go_trace_start_p(t, p, m);
    if (t->gs.items[g].state == WAITING)
        go_trace_unblock(t, g, m, 0);
    if (!go_trace_start_g(t, g, m))
        return;
    go_trace_emit(t, m, GOTRACE_GO_DESTROY, NULL, 0);
    go_trace_unbind_g(t, g, GONE);
}

void go_trace_model_begin(struct go_trace_model *t, const struct go_trace_found *found, size_t n,
                          bool whole, uint64_t time_ns)
{
    t->generation = trace_writer_begin(t->writer);
    t->now = time_ns > t->now ? time_ns : t->now;
    t->began = t->now;
    if (t->generation == 1) {
        for (size_t i = 0; i < n; i++) {
            enum state state = state_of(found[i].status);
            uint32_t g = state == GONE ? NONE : go_trace_add_g(t, found[i].goid, state);
            if (g == NONE)
                continue;
            t->gs.items[g].is_found = true;
            t->gs.items[g].stack = found[i].stack;
            t->gs.items[g].m = found[i].thread ? go_trace_find_m(t, found[i].thread) : NONE;
            t->gs.items[g].seq = found[i].p; /* until it is met */
            if (state == RUNNING && t->gs.items[g].m != NONE)
                t->ms.items[t->gs.items[g].m].found = g;
        }
        return;
    }
    if (!t->has_gap)
        return;
    t->has_gap = false;
    uint64_t n_repairs = t->counts.n_repairs; /* what follows is none */
    for (size_t i = 0; i < t->gs.n; i++)
        t->gs.items[i].is_seen = false;
    size_t n_before = t->gs.n;
    for (size_t i = 0; i < n; i++) {
        uint32_t g = go_trace_find_g(t, found[i].goid);
        if (g != NONE)
            t->gs.items[g].is_seen = state_of(found[i].status) != GONE;
    }
    /* First those that have ended: processors are still idle. */
    for (uint32_t g = 0; whole && g < n_before; g++)
        if (t->gs.items[g].state != GONE && !t->gs.items[g].is_seen)
            bury(t, g);
    go_trace_leave_spare(t);
    for (size_t i = 0; i < n; i++)
        if (state_of(found[i].status) != GONE)
            catch_up(t, &found[i]);
    go_trace_leave_spare(t);
    t->counts.n_repairs = n_repairs;
}

static void tell_all_found(struct go_trace_model *t)
{
    for (uint32_t g = 0; g < t->gs.n && !t->failed; g++)
        if (t->gs.items[g].is_found)
            go_trace_tell_found(t, g);
}

void go_trace_model_gap(struct go_trace_model *t, uint64_t time_ns)
{
    uint32_t reason = go_trace_text(t, GAP_REASON);
    t->now = time_ns > t->now ? time_ns : t->now;
    t->has_gap = true;
    t->n_gaps++;
    tell_all_found(t);
    for (uint32_t m = 0; m < t->ms.n && t->gc_is_on; m++)
        end_gc(t, running_on(t, t->ms.items[m].g));
    end_stop(t);
    for (uint32_t m = 0; m < t->ms.n; m++) {
        uint32_t g = t->ms.items[m].g;
        if (g != NONE && t->gs.items[g].state == SYSCALL)
            go_trace_leave_syscall(t, g);
        else if (g != NONE)
            go_trace_stop_g(t, g, GOTRACE_GO_BLOCK, reason, 0);
        go_trace_stop_p(t, m);
        t->ms.items[m].leaves = NONE;
    }
    uint32_t spare = go_trace_find_m(t, SPARE_THREAD);
    for (uint32_t g = 0; g < t->gs.n && spare != NONE; g++) {
        if (t->gs.items[g].state != RUNNABLE)
            continue;
        if (go_trace_start_g(t, g, spare))
            go_trace_stop_g(t, g, GOTRACE_GO_BLOCK, reason, 0);
    }
    go_trace_leave_spare(t);
}

void go_trace_model_end(struct go_trace_model *t, uint64_t time_ns)
{
    t->now = time_ns > t->now ? time_ns : t->now;
    tell_all_found(t);
    for (uint32_t p = 0; p < t->ps.n; p++)
        if (t->ps.items[p].state != GONE)
            go_trace_tell_p(t, p, t->ps.items[p].state);
    for (uint32_t g = 0; g < t->gs.n; g++)
        if (t->gs.items[g].state != GONE)
            go_trace_tell_g(t, g);
}
