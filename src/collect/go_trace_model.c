#include "collect/go_trace_model.h"

#include "base/map.h"
#include "base/vec.h"
#include "go/go_goroutines.h"
#include "go/go_trace_points.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define SPARE_THREAD 0 /* of ours: what happened while nobody looked is put there */
#define GAP_REASON "not recorded"

enum state { RUNNABLE, RUNNING, SYSCALL, WAITING, GONE };

struct goroutine {
    uint64_t id, seq, generation; /* generation: in which its status was told */
    enum state state;
    uint32_t m;     /* RUNNING, SYSCALL; NONE */
    uint32_t stack; /* found with; 0 */
    bool is_found;  /* only that, until an event tells more */
    bool is_seen;   /* used by `compare` of a snapshot */
};

struct thread {
    uint64_t id;
    uint32_t g, p;   /* NONE */
    uint32_t leaves; /* the goroutine that is back from a system call, without a processor; NONE */
};

struct processor {
    uint64_t id, seq, generation;
    enum state state; /* RUNNING, SYSCALL; RUNNABLE: idle */
    uint32_t m;       /* NONE: idle */
};

struct go_trace_model {
    unsigned minor;
    struct trace_writer *writer;
    struct go_trace_stacks *stacks;
    VEC(struct goroutine) gs;
    VEC(struct thread) ms;
    VEC(struct processor) ps;
    struct map g_of_id, m_of_id, p_of_id;
    uint64_t generation, now, gc_seq;
    bool gc_is_on, has_gap, failed;
    uint32_t stopper; /* the goroutine that has stopped the world; NONE */
    uint32_t stop_reason;
    uint32_t reasons[256]; /* strings, by wait reason; 0: not made yet */
    struct go_trace_counts counts;
};

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
    return t;
}

void go_trace_model_free(struct go_trace_model *t)
{
    if (!t)
        return;
    vec_release(&t->gs);
    vec_release(&t->ms);
    vec_release(&t->ps);
    map_release(&t->g_of_id);
    map_release(&t->m_of_id);
    map_release(&t->p_of_id);
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

/* --- events --- */

/* No two at the same time: Go's parser finds the order of such as depend on each other, but among
 * equal times not always. */
static void emit_on(struct go_trace_model *t, uint64_t thread, enum gotrace_type type,
                    const uint64_t *args, size_t n)
{
    trace_writer_event(t->writer, thread, t->now++, type, args, n);
    t->counts.n_events++;
}

#define ARGS(...) (uint64_t[]){__VA_ARGS__}, sizeof(uint64_t[]){__VA_ARGS__} / 8
static void emit(struct go_trace_model *t, uint32_t m, enum gotrace_type type, const uint64_t *args,
                 size_t n)
{
    emit_on(t, t->ms.items[m].id, type, args, n);
}

static uint32_t string(struct go_trace_model *t, const char *text)
{
    return trace_writer_string(t->writer, text, strlen(text));
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
        t->reasons[reason] = string(t, reason_text(go_wait_reason(t->minor, reason)));
    return t->reasons[reason];
}

/* --- who there is --- */

static uint32_t find_m(struct go_trace_model *t, uint64_t id)
{
    uint32_t m = map_get(&t->m_of_id, id);
    if (m != MAP_NONE)
        return m;
    m = (uint32_t)t->ms.n;
    if (vec_push(&t->ms, (struct thread){.id = id, .g = NONE, .p = NONE, .leaves = NONE}) &&
        map_put(&t->m_of_id, id, m))
        return m;
    t->failed = true;
    return NONE;
}

static uint32_t find_p(struct go_trace_model *t, uint64_t id)
{
    uint32_t p = map_get(&t->p_of_id, id);
    if (p != MAP_NONE)
        return p;
    p = (uint32_t)t->ps.n;
    if (vec_push(&t->ps, (struct processor){.id = id, .state = GONE, .m = NONE}) &&
        map_put(&t->p_of_id, id, p))
        return p;
    t->failed = true;
    return NONE;
}

static uint32_t find_g(struct go_trace_model *t, uint64_t id)
{
    return id ? map_get(&t->g_of_id, id) : NONE;
}

static uint32_t add_g(struct go_trace_model *t, uint64_t id, enum state state)
{
    uint32_t g = find_g(t, id);
    if (g != NONE) {
        t->gs.items[g] = (struct goroutine){.id = id, .state = state, .m = NONE};
        return g;
    }
    g = (uint32_t)t->gs.n;
    if (vec_push(&t->gs, (struct goroutine){.id = id, .state = state, .m = NONE}) &&
        map_put(&t->g_of_id, id, g))
        return g;
    t->failed = true;
    return NONE;
}

static bool exists(const struct go_trace_model *t, uint32_t g)
{
    return g != NONE && t->gs.items[g].state != GONE && !t->gs.items[g].is_found;
}

/* --- statuses, once a generation and before the first event --- */

static void tell_p(struct go_trace_model *t, uint32_t p, enum state state)
{
    static const uint8_t statuses[] = {[RUNNABLE] = GOTRACE_PROC_IDLE,
                                       [RUNNING] = GOTRACE_PROC_RUNNING,
                                       [SYSCALL] = GOTRACE_PROC_SYSCALL};
    struct processor *it = &t->ps.items[p];
    if (it->generation == t->generation)
        return;
    it->state = state;
    it->generation = t->generation;
    it->seq = 0;
    emit_on(t, it->m == NONE ? TRACE_WRITE_NO_THREAD : t->ms.items[it->m].id, GOTRACE_PROC_STATUS,
            ARGS(it->id, statuses[state]));
}

static void tell_g(struct go_trace_model *t, uint32_t g)
{
    static const uint8_t statuses[] = {[RUNNABLE] = GOTRACE_GO_RUNNABLE,
                                       [RUNNING] = GOTRACE_GO_RUNNING,
                                       [SYSCALL] = GOTRACE_GO_SYSCALL,
                                       [WAITING] = GOTRACE_GO_WAITING};
    struct goroutine *it = &t->gs.items[g];
    if (it->generation == t->generation)
        return;
    it->generation = t->generation;
    it->seq = 0;
    bool is_bound = it->m != NONE && (it->state == RUNNING || it->state == SYSCALL);
    uint64_t thread = is_bound ? t->ms.items[it->m].id : TRACE_WRITE_NO_THREAD;
    if (it->stack && it->state != RUNNING)
        emit_on(t, thread, GOTRACE_GO_STATUS_STACK,
                ARGS(it->id, thread, statuses[it->state], it->stack));
    else
        emit_on(t, thread, GOTRACE_GO_STATUS, ARGS(it->id, thread, statuses[it->state]));
    it->stack = 0;
}

static void tell_m(struct go_trace_model *t, uint32_t m)
{
    const struct thread *it = &t->ms.items[m];
    if (it->p != NONE)
        tell_p(t, it->p, t->ps.items[it->p].state);
    if (it->g != NONE)
        tell_g(t, it->g);
}

/* --- processors --- */

static void release_p(struct go_trace_model *t, uint32_t p)
{
    t->ms.items[t->ps.items[p].m].p = NONE;
    t->ps.items[p].m = NONE;
    t->ps.items[p].state = RUNNABLE;
}

/* Its own thread gives it up. */
static void stop_p(struct go_trace_model *t, uint32_t m)
{
    uint32_t p = t->ms.items[m].p;
    if (p == NONE)
        return;
    tell_m(t, m);
    emit(t, m, GOTRACE_PROC_STOP, NULL, 0);
    release_p(t, p);
}

/* Thread m finds it with another thread. */
static void take_away_p(struct go_trace_model *t, uint32_t p, uint32_t m)
{
    uint32_t owner = t->ps.items[p].m;
    if (owner == NONE)
        return;
    if (owner == m || t->ps.items[p].state != SYSCALL) {
        stop_p(t, owner);
        return;
    }
    tell_m(t, owner);
    emit(t, m, GOTRACE_PROC_STEAL,
         ARGS(t->ps.items[p].id, ++t->ps.items[p].seq, t->ms.items[owner].id));
    release_p(t, p);
}

static void bind_p(struct go_trace_model *t, uint32_t p, uint32_t m, enum state state)
{
    t->ps.items[p].m = m;
    t->ps.items[p].state = state;
    t->ms.items[m].p = p;
}

/* Thread m takes it. */
static void start_p(struct go_trace_model *t, uint32_t p, uint32_t m)
{
    if (t->ms.items[m].p == p)
        return;
    stop_p(t, m);
    if (t->ps.items[p].state == GONE)
        tell_p(t, p, RUNNABLE);
    take_away_p(t, p, m);
    tell_p(t, p, RUNNABLE);
    emit(t, m, GOTRACE_PROC_START, ARGS(t->ps.items[p].id, ++t->ps.items[p].seq));
    bind_p(t, p, m, RUNNING);
}

/* Thread m was found with it; `state` is that of one that was not known. */
static void have_p(struct go_trace_model *t, uint64_t id, uint32_t m, enum state state)
{
    uint32_t p = find_p(t, id);
    if (p == NONE || t->ms.items[m].p == p)
        return;
    if (t->ps.items[p].state == GONE && t->ms.items[m].p == NONE) {
        bind_p(t, p, m, state);
        tell_p(t, p, state);
        return;
    }
    t->counts.n_repairs++;
    start_p(t, p, m);
}

static uint32_t idle_p(struct go_trace_model *t)
{
    for (uint32_t p = 0; p < t->ps.n; p++)
        if (t->ps.items[p].m == NONE)
            return p;
    return NONE;
}

/* --- goroutines --- */

static void unbind_g(struct go_trace_model *t, uint32_t g, enum state state)
{
    struct goroutine *it = &t->gs.items[g];
    if (it->m != NONE && t->ms.items[it->m].g == g)
        t->ms.items[it->m].g = NONE;
    it->m = NONE;
    it->state = state;
    if (state == GONE && t->stopper == g)
        t->stopper = NONE;
}

/* Can the thread do something?  With a processor, and no goroutine in a system call. */
static bool is_able(const struct go_trace_model *t, uint32_t m)
{
    const struct thread *it = &t->ms.items[m];
    return it->p != NONE && t->ps.items[it->p].state == RUNNING &&
           (it->g == NONE || t->gs.items[it->g].state == RUNNING);
}

static uint32_t able_m(struct go_trace_model *t)
{
    for (uint32_t m = 0; m < t->ms.n; m++)
        if (is_able(t, m))
            return m;
    uint32_t p = idle_p(t), m = find_m(t, SPARE_THREAD);
    if (p == NONE || m == NONE)
        return NONE;
    start_p(t, p, m);
    return m;
}

static void leave_spare(struct go_trace_model *t)
{
    uint32_t m = map_get(&t->m_of_id, SPARE_THREAD);
    if (m != MAP_NONE)
        stop_p(t, m);
}

static void create(struct go_trace_model *t, uint32_t m, uint64_t id, enum state state,
                   uint32_t start, uint32_t stack)
{
    tell_m(t, m);
    uint32_t g = add_g(t, id, state);
    if (g == NONE)
        return;
    t->gs.items[g].generation = t->generation;
    emit(t, m, state == WAITING ? GOTRACE_GO_CREATE_BLOCKED : GOTRACE_GO_CREATE,
         ARGS(id, start, stack));
}

/* The goroutine, which is known from then on: in the first generation it was there in `state`
 * before, later it came unseen.  NONE: it cannot be told of. */
static uint32_t meet(struct go_trace_model *t, uint64_t id, enum state state, uint32_t m)
{
    uint32_t g = find_g(t, id);
    if (exists(t, g))
        return g;
    if (t->generation > 1) {
        uint32_t able = able_m(t);
        if (able == NONE) {
            t->counts.n_dropped++;
            return NONE;
        }
        t->counts.n_repairs++;
        create(t, able, id, RUNNABLE, 0, 0);
        leave_spare(t);
        return find_g(t, id);
    }
    if (g == NONE && (g = add_g(t, id, state)) == NONE)
        return NONE;
    struct goroutine *it = &t->gs.items[g];
    it->is_found = false;
    it->state = state;
    it->generation = 0;
    it->m = NONE;
    if (state == RUNNING || state == SYSCALL) {
        if (m == NONE || t->ms.items[m].g != NONE) {
            it->state = state == RUNNING ? RUNNABLE : WAITING;
        } else {
            it->m = m;
            tell_m(t, m);
            t->ms.items[m].g = g;
        }
    }
    tell_g(t, g);
    return g;
}

static void unblock(struct go_trace_model *t, uint32_t g, uint32_t m, uint32_t stack)
{
    tell_g(t, g);
    if (m != NONE)
        tell_m(t, m);
    emit_on(t, m == NONE ? TRACE_WRITE_NO_THREAD : t->ms.items[m].id, GOTRACE_GO_UNBLOCK,
            ARGS(t->gs.items[g].id, ++t->gs.items[g].seq, stack));
    t->gs.items[g].state = RUNNABLE;
}

/* Out of a system call that has cost it its processor. */
static void leave_syscall(struct go_trace_model *t, uint32_t g)
{
    uint32_t m = t->gs.items[g].m;
    uint32_t p = t->ms.items[m].p;
    if (p != NONE && t->ps.items[p].state == SYSCALL)
        stop_p(t, m);
    tell_m(t, m);
    emit(t, m, GOTRACE_GO_SYSCALL_END_BLOCKED, NULL, 0);
    unbind_g(t, g, RUNNABLE);
}

static bool has_running_p(const struct go_trace_model *t, uint32_t m)
{
    return t->ms.items[m].p != NONE && t->ps.items[t->ms.items[m].p].state == RUNNING;
}

/* A goroutine that runs needs a processor for what it does: an idle one, or another thread's, which
 * gets it back when it is seen with it.  False: there is none. */
static bool need_p(struct go_trace_model *t, uint32_t m)
{
    if (has_running_p(t, m))
        return true;
    uint32_t p = idle_p(t);
    for (uint32_t i = 0; p == NONE && i < t->ps.n; i++)
        if (t->ps.items[i].state == RUNNING)
            p = i;
    if (p == NONE) {
        t->counts.n_dropped++;
        return false;
    }
    t->counts.n_repairs++;
    start_p(t, p, m);
    return true;
}

/* It runs no more.  False: that cannot be told. */
static bool stop_g(struct go_trace_model *t, uint32_t g, enum gotrace_type type, uint32_t reason,
                   uint32_t stack)
{
    uint32_t m = t->gs.items[g].m;
    if (!need_p(t, m))
        return false;
    tell_m(t, m);
    emit(t, m, type, ARGS(reason, stack));
    unbind_g(t, g, type == GOTRACE_GO_BLOCK ? WAITING : RUNNABLE);
    return true;
}

/* From whatever it was to runnable, or waiting. */
static bool settle(struct go_trace_model *t, uint32_t g)
{
    if (t->gs.items[g].state == SYSCALL)
        leave_syscall(t, g);
    else if (t->gs.items[g].state == RUNNING)
        return stop_g(t, g, GOTRACE_GO_STOP, string(t, "preempted"), 0);
    return true;
}

static bool start_g(struct go_trace_model *t, uint32_t g, uint32_t m)
{
    uint32_t other = t->ms.items[m].g;
    if (other == g && t->gs.items[g].state == RUNNING)
        return true;
    if (other != NONE && !settle(t, other))
        return false;
    if (!settle(t, g) || !need_p(t, m))
        return false;
    if (t->gs.items[g].state == WAITING) {
        t->counts.n_repairs++;
        unblock(t, g, m, 0);
    }
    tell_m(t, m);
    tell_g(t, g);
    emit(t, m, GOTRACE_GO_START, ARGS(t->gs.items[g].id, ++t->gs.items[g].seq));
    t->gs.items[g].state = RUNNING;
    t->gs.items[g].m = m;
    t->ms.items[m].g = g;
    return true;
}

/* The goroutine was found running on this thread.  NONE: that cannot be told. */
static uint32_t have_running(struct go_trace_model *t, uint64_t id, uint32_t m)
{
    uint32_t g = meet(t, id, RUNNING, m);
    if (g == NONE || (t->ms.items[m].g == g && t->gs.items[g].state == RUNNING))
        return g;
    if (t->ms.items[m].leaves != g)
        t->counts.n_repairs++;
    t->ms.items[m].leaves = NONE;
    return start_g(t, g, m) ? g : NONE;
}

/* --- hits --- */

static void begin_syscall(struct go_trace_model *t, uint64_t id, uint32_t m, uint32_t stack)
{
    uint32_t g = have_running(t, id, m);
    if (g == NONE || !need_p(t, m))
        return;
    struct processor *p = &t->ps.items[t->ms.items[m].p];
    tell_m(t, m);
    emit(t, m, GOTRACE_GO_SYSCALL_BEGIN, ARGS(++p->seq, stack));
    t->gs.items[g].state = SYSCALL;
    p->state = SYSCALL;
}

/* Back on a processor, or without one. */
static void end_syscall(struct go_trace_model *t, uint64_t id, uint32_t m, bool has_p)
{
    uint32_t g = meet(t, id, SYSCALL, m);
    if (g == NONE || t->gs.items[g].state != SYSCALL || t->gs.items[g].m != m)
        return; /* told of already */
    uint32_t p = t->ms.items[m].p;
    if (has_p && p != NONE && t->ps.items[p].state == SYSCALL) {
        tell_m(t, m);
        emit(t, m, GOTRACE_GO_SYSCALL_END, NULL, 0);
        t->gs.items[g].state = RUNNING;
        t->ps.items[p].state = RUNNING;
        return;
    }
    leave_syscall(t, g);
    if (has_p && has_running_p(t, m))
        start_g(t, g, m);
    else
        t->ms.items[m].leaves = g;
}

static void destroy(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m)
{
    uint32_t g = NONE;
    if (hit->from == GO_STATUS_SYSCALL)
        g = meet(t, hit->goid, SYSCALL, m);
    if (g == NONE || t->gs.items[g].state != SYSCALL)
        g = have_running(t, hit->goid, m);
    if (g == NONE)
        return;
    if (t->gs.items[g].state == SYSCALL) { /* cgo's, which ends with its callback */
        uint32_t on = t->gs.items[g].m;
        stop_p(t, on);
        tell_m(t, on);
        emit(t, on, GOTRACE_GO_DESTROY_SYSCALL, NULL, 0);
    } else {
        if (t->gs.items[g].state != RUNNING || !need_p(t, m))
            return;
        tell_m(t, m);
        emit(t, m, GOTRACE_GO_DESTROY, NULL, 0);
    }
    unbind_g(t, g, GONE);
}

static void create_by_hit(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m,
                          uint64_t start)
{
    if (exists(t, find_g(t, hit->goid))) {
        t->counts.n_repairs++;
        return;
    }
    if (hit->to == GO_STATUS_SYSCALL) {
        if (t->ms.items[m].g != NONE && !settle(t, t->ms.items[m].g))
            return;
        tell_m(t, m);
        emit(t, m, GOTRACE_GO_CREATE_SYSCALL, ARGS(hit->goid));
        uint32_t g = add_g(t, hit->goid, SYSCALL);
        if (g != NONE) {
            t->gs.items[g].generation = t->generation;
            t->gs.items[g].m = m;
            t->ms.items[m].g = g;
        }
        return;
    }
    uint32_t on = m;
    if (hit->current_goid && hit->current_goid != hit->goid)
        have_running(t, hit->current_goid, m);
    if (!is_able(t, m) && (on = able_m(t)) == NONE) {
        t->counts.n_dropped++;
        return;
    }
    create(t, on, hit->goid, hit->to == GO_STATUS_WAITING ? WAITING : RUNNABLE,
           go_trace_start(t->stacks, start), go_trace_stack(t->stacks, hit->stack, hit->n_stack));
}

static void wake(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m)
{
    uint32_t g = meet(t, hit->goid, WAITING, NONE);
    if (hit->current_goid && hit->current_goid != hit->goid)
        have_running(t, hit->current_goid, m);
    if (g == NONE || t->gs.items[g].state == RUNNABLE)
        return;
    if (t->gs.items[g].state != WAITING) {
        t->counts.n_repairs++;
        if (t->gs.items[g].state == SYSCALL || t->gs.items[g].m == NONE) {
            settle(t, g);
            return;
        }
        if (!stop_g(t, g, GOTRACE_GO_BLOCK, string(t, "unspecified"), 0))
            return;
    }
    unblock(t, g, m, go_trace_stack(t->stacks, hit->stack, hit->n_stack));
}

static void run(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m)
{
    uint32_t g = meet(t, hit->goid, RUNNABLE, NONE);
    if (g == NONE)
        return;
    if (t->gs.items[g].state == RUNNING || t->ms.items[m].g != NONE)
        t->counts.n_repairs++;
    start_g(t, g, m);
}

static void pause(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m)
{
    enum go_trace_caller caller = go_trace_caller_of(t->stacks, hit->caller);
    if (caller == GO_TRACE_NO_P) { /* told of when it came back, unless it lost it after that */
        uint32_t back = find_g(t, hit->goid);
        if (exists(t, back) && t->gs.items[back].state == RUNNING && t->gs.items[back].m == m)
            stop_g(t, back, GOTRACE_GO_STOP, string(t, "preempted"), 0);
        return;
    }
    /* The runtime has goroutines wait that run, so that the collector can look at them. */
    if (hit->to == GO_STATUS_WAITING && caller != GO_TRACE_PARK)
        return;
    uint32_t g = have_running(t, hit->goid, m);
    if (g == NONE)
        return;
    uint32_t stack = go_trace_stack(t->stacks, hit->stack, hit->n_stack);
    if (hit->to == GO_STATUS_WAITING)
        stop_g(t, g, GOTRACE_GO_BLOCK, reason_string(t, hit->wait_reason), stack);
    else
        stop_g(t, g, GOTRACE_GO_STOP,
               string(t, go_trace_is_gosched(t->stacks, hit->stack, hit->n_stack)
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
    else if (from == GO_STATUS_RUNNING && to == GO_STATUS_SYSCALL)
        begin_syscall(t, hit->goid, m, go_trace_stack(t->stacks, hit->stack, hit->n_stack));
    else if (from == GO_STATUS_SYSCALL)
        end_syscall(t, hit->goid, m, to == GO_STATUS_RUNNING && hit->p != UPROBE_NO_NUMBER);
    else if (from == GO_STATUS_RUNNING)
        pause(t, hit, m);
}

static void take_p(struct go_trace_model *t, uint64_t id, uint32_t m)
{
    uint32_t p = find_p(t, id), g = t->ms.items[m].leaves;
    if (p == NONE)
        return;
    start_p(t, p, m);
    if (g != NONE && t->gs.items[g].state == RUNNABLE && t->ps.items[p].state == RUNNING)
        start_g(t, g, m);
    t->ms.items[m].leaves = NONE;
}

static void idle(struct go_trace_model *t, uint64_t id, uint32_t m)
{
    uint32_t p = find_p(t, id);
    if (p == NONE)
        return;
    if (t->ps.items[p].state == GONE)
        tell_p(t, p, RUNNABLE);
    else
        take_away_p(t, p, m);
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
    uint32_t g = have_running(t, hit->current_goid, m);
    if (g == NONE || !need_p(t, m))
        return;
    tell_m(t, m);
    uint32_t stack = go_trace_stack(t->stacks, hit->stack, hit->n_stack);
    if (t->stopper == NONE) {
        t->stop_reason = string(t, reasons[reason < n ? reason : 0]);
        emit(t, m, GOTRACE_STW_BEGIN, ARGS(t->stop_reason, stack));
        t->stopper = g;
    }
    if (caller == GO_TRACE_GC_BEGIN && !t->gc_is_on) {
        emit(t, m, GOTRACE_GC_BEGIN, ARGS(++t->gc_seq, stack));
        t->gc_is_on = true;
    }
}

/* Where the goroutine is that can tell of the end; NONE: nowhere. */
static uint32_t running_on(struct go_trace_model *t, uint32_t g)
{
    return g != NONE && t->gs.items[g].state == RUNNING && has_running_p(t, t->gs.items[g].m)
               ? t->gs.items[g].m
               : NONE;
}

static void end_gc(struct go_trace_model *t, uint32_t m)
{
    if (!t->gc_is_on || m == NONE)
        return;
    tell_m(t, m);
    emit(t, m, GOTRACE_GC_END, ARGS(++t->gc_seq));
    t->gc_is_on = false;
}

static void end_stop(struct go_trace_model *t)
{
    uint32_t m = running_on(t, t->stopper);
    if (m == NONE)
        return;
    tell_m(t, m);
    trace_writer_keep_string(t->writer, t->stop_reason);
    emit(t, m, GOTRACE_STW_END, NULL, 0);
    t->stopper = NONE;
}

static void start_world(struct go_trace_model *t, const struct uprobe_hit *hit, uint32_t m)
{
    uint32_t current = hit->current_goid ? have_running(t, hit->current_goid, m) : NONE;
    if (go_trace_caller_of(t->stacks, hit->caller) == GO_TRACE_GC_FINISH)
        end_gc(t, running_on(t, current));
    end_stop(t);
}

void go_trace_model_hit(struct go_trace_model *t, const struct uprobe_hit *hit, uint64_t start)
{
    uint32_t m = hit->thread ? find_m(t, hit->thread) : NONE;
    if (m == NONE) {
        t->counts.n_dropped++;
        return;
    }
    if (hit->time_ns > t->now)
        t->now = hit->time_ns;
    bool is_return = hit->kind == GO_TRACE_SYSCALL_END ||
                     (hit->kind == GO_TRACE_STATUS && hit->from == GO_STATUS_SYSCALL);
    if (hit->p != UPROBE_NO_NUMBER && hit->kind != GO_TRACE_P_TAKEN && hit->kind != GO_TRACE_P_IDLE)
        have_p(t, hit->p, m, is_return && !exists(t, find_g(t, hit->goid)) ? SYSCALL : RUNNING);
    switch ((enum go_trace_point_kind)hit->kind) {
    case GO_TRACE_STATUS:
        change(t, hit, m, start);
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
    case GO_TRACE_N_POINTS:
        break;
    }
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
    uint32_t g = meet(t, found->goid, state, NONE);
    if (g == NONE)
        return;
    t->gs.items[g].is_seen = true;
    uint32_t m = found->thread ? find_m(t, found->thread) : NONE;
    if (state == WAITING) {
        if (t->gs.items[g].state == RUNNABLE && (m = able_m(t)) != NONE &&
            t->ms.items[m].g == NONE && start_g(t, g, m))
            stop_g(t, g, GOTRACE_GO_BLOCK, string(t, GAP_REASON), found->stack);
        return;
    }
    if (t->gs.items[g].state == WAITING)
        unblock(t, g, NONE, 0);
    if (state == RUNNABLE || m == NONE)
        return;
    if (found->p != UPROBE_NO_NUMBER)
        have_p(t, found->p, m, RUNNING);
    if (start_g(t, g, m) && state == SYSCALL) {
        begin_syscall(t, found->goid, m, 0);
        if (found->p == UPROBE_NO_NUMBER)
            stop_p(t, m);
    }
}

/* One that has ended while nobody looked. */
static void bury(struct go_trace_model *t, uint32_t g)
{
    uint32_t m = find_m(t, SPARE_THREAD), p = idle_p(t);
    if (m == NONE || (t->ms.items[m].p == NONE && p == NONE))
        return;
    if (t->ms.items[m].p == NONE)
        start_p(t, p, m);
    if (t->gs.items[g].state == WAITING)
        unblock(t, g, m, 0);
    if (!start_g(t, g, m))
        return;
    emit(t, m, GOTRACE_GO_DESTROY, NULL, 0);
    unbind_g(t, g, GONE);
}

void go_trace_model_begin(struct go_trace_model *t, const struct go_trace_found *found, size_t n,
                          bool whole, uint64_t time_ns)
{
    t->generation = trace_writer_begin(t->writer);
    t->now = time_ns > t->now ? time_ns : t->now;
    if (t->generation == 1) {
        for (size_t i = 0; i < n; i++) {
            enum state state = state_of(found[i].status);
            uint32_t g = state == GONE ? NONE : add_g(t, found[i].goid, state);
            if (g == NONE)
                continue;
            t->gs.items[g].is_found = true;
            t->gs.items[g].stack = found[i].stack;
            t->gs.items[g].m = found[i].thread ? find_m(t, found[i].thread) : NONE;
            t->gs.items[g].seq = found[i].p; /* until it is met */
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
        uint32_t g = find_g(t, found[i].goid);
        if (g != NONE)
            t->gs.items[g].is_seen = state_of(found[i].status) != GONE;
    }
    /* First those that have ended: processors are still idle. */
    for (uint32_t g = 0; whole && g < n_before; g++)
        if (t->gs.items[g].state != GONE && !t->gs.items[g].is_seen)
            bury(t, g);
    leave_spare(t);
    for (size_t i = 0; i < n; i++)
        if (state_of(found[i].status) != GONE)
            catch_up(t, &found[i]);
    leave_spare(t);
    t->counts.n_repairs = n_repairs;
}

/* One of the first generation of which no event told. */
static void tell_found(struct go_trace_model *t, uint32_t g)
{
    struct goroutine *it = &t->gs.items[g];
    uint64_t p_id = it->seq;
    uint32_t m = it->m;
    it->is_found = false;
    it->seq = 0;
    if (it->state == RUNNING || it->state == SYSCALL) {
        bool is_free = m != NONE && t->ms.items[m].g == NONE;
        if (is_free && it->state == RUNNING && t->ms.items[m].p == NONE) {
            uint32_t p = p_id == UPROBE_NO_NUMBER ? NONE : find_p(t, p_id);
            is_free = p != NONE && t->ps.items[p].state == GONE;
            if (is_free)
                have_p(t, p_id, m, RUNNING);
        }
        if (!is_free) { /* it is not where it was found: nothing is known */
            it->state = GONE;
            return;
        }
        if (it->state == SYSCALL && t->ms.items[m].p != NONE)
            stop_p(t, m);
        tell_m(t, m);
        t->ms.items[m].g = g;
    } else {
        it->m = NONE;
    }
    tell_g(t, g);
}

static void tell_all_found(struct go_trace_model *t)
{
    for (uint32_t g = 0; g < t->gs.n && !t->failed; g++)
        if (t->gs.items[g].is_found)
            tell_found(t, g);
}

void go_trace_model_gap(struct go_trace_model *t, uint64_t time_ns)
{
    uint32_t reason = string(t, GAP_REASON);
    t->now = time_ns > t->now ? time_ns : t->now;
    t->has_gap = true;
    tell_all_found(t);
    for (uint32_t m = 0; m < t->ms.n && t->gc_is_on; m++)
        end_gc(t, running_on(t, t->ms.items[m].g));
    end_stop(t);
    for (uint32_t m = 0; m < t->ms.n; m++) {
        uint32_t g = t->ms.items[m].g;
        if (g != NONE && t->gs.items[g].state == SYSCALL)
            leave_syscall(t, g);
        else if (g != NONE)
            stop_g(t, g, GOTRACE_GO_BLOCK, reason, 0);
        stop_p(t, m);
        t->ms.items[m].leaves = NONE;
    }
    uint32_t spare = find_m(t, SPARE_THREAD);
    for (uint32_t g = 0; g < t->gs.n && spare != NONE; g++) {
        if (t->gs.items[g].state != RUNNABLE)
            continue;
        if (start_g(t, g, spare))
            stop_g(t, g, GOTRACE_GO_BLOCK, reason, 0);
    }
    leave_spare(t);
}

void go_trace_model_end(struct go_trace_model *t, uint64_t time_ns)
{
    t->now = time_ns > t->now ? time_ns : t->now;
    tell_all_found(t);
    for (uint32_t p = 0; p < t->ps.n; p++)
        if (t->ps.items[p].state != GONE)
            tell_p(t, p, t->ps.items[p].state);
    for (uint32_t g = 0; g < t->gs.n; g++)
        if (t->gs.items[g].state != GONE)
            tell_g(t, g);
}
