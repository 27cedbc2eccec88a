#include "collect/go_trace_state.h"

#include <string.h>

/* --- events --- */

/* No two at the same time: Go's parser finds the order of such as depend on each other, but among
 * equal times not always. */
static void emit_on(struct go_trace_model *t, uint64_t thread, enum gotrace_type type,
                    const uint64_t *args, size_t n)
{
    trace_writer_event(t->writer, thread, t->now++, type, args, n);
    t->counts.n_events++;
}

void go_trace_emit(struct go_trace_model *t, uint32_t m, enum gotrace_type type,
                   const uint64_t *args, size_t n)
{
    emit_on(t, t->ms.items[m].id, type, args, n);
}

uint32_t go_trace_text(struct go_trace_model *t, const char *text)
{
    return trace_writer_string(t->writer, text, strlen(text));
}

/* --- who there is --- */

uint32_t go_trace_find_m(struct go_trace_model *t, uint64_t id)
{
    uint32_t m = map_get(&t->m_of_id, id);
    if (m != MAP_NONE)
        return m;
    m = (uint32_t)t->ms.n;
    if (vec_push(&t->ms,
                 (struct thread){.id = id, .g = NONE, .p = NONE, .leaves = NONE, .found = NONE}) &&
        map_put(&t->m_of_id, id, m))
        return m;
    t->failed = true;
    return NONE;
}

uint32_t go_trace_find_p(struct go_trace_model *t, uint64_t id)
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

uint32_t go_trace_find_g(struct go_trace_model *t, uint64_t id)
{
    return id ? map_get(&t->g_of_id, id) : NONE;
}

uint32_t go_trace_add_g(struct go_trace_model *t, uint64_t id, enum state state)
{
    uint32_t g = go_trace_find_g(t, id);
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

bool go_trace_exists(const struct go_trace_model *t, uint32_t g)
{
    return g != NONE && t->gs.items[g].state != GONE && !t->gs.items[g].is_found;
}

/* --- statuses, once a generation and before the first event --- */

void go_trace_tell_p(struct go_trace_model *t, uint32_t p, enum state state)
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

void go_trace_tell_g(struct go_trace_model *t, uint32_t g)
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

void go_trace_tell_m(struct go_trace_model *t, uint32_t m)
{
    const struct thread *it = &t->ms.items[m];
    if (it->p != NONE)
        go_trace_tell_p(t, it->p, t->ps.items[it->p].state);
    if (it->g != NONE)
        go_trace_tell_g(t, it->g);
}

/* --- processors --- */

static void release_p(struct go_trace_model *t, uint32_t p)
{
    t->ms.items[t->ps.items[p].m].p = NONE;
    t->ps.items[p].m = NONE;
    t->ps.items[p].state = RUNNABLE;
}

/* Its own thread gives it up. */
void go_trace_stop_p(struct go_trace_model *t, uint32_t m)
{
    uint32_t p = t->ms.items[m].p;
    if (p == NONE)
        return;
    go_trace_tell_m(t, m);
    go_trace_emit(t, m, GOTRACE_PROC_STOP, NULL, 0);
    release_p(t, p);
}

/* Thread m finds it with another thread. */
void go_trace_take_away_p(struct go_trace_model *t, uint32_t p, uint32_t m)
{
    uint32_t owner = t->ps.items[p].m;
    if (owner == NONE)
        return;
    if (owner == m || t->ps.items[p].state != SYSCALL) {
        go_trace_stop_p(t, owner);
        return;
    }
    go_trace_tell_m(t, owner);
    go_trace_emit(t, m, GOTRACE_PROC_STEAL,
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
void go_trace_start_p(struct go_trace_model *t, uint32_t p, uint32_t m)
{
    if (t->ms.items[m].p == p)
        return;
    go_trace_stop_p(t, m);
    if (t->ps.items[p].state == GONE)
        go_trace_tell_p(t, p, RUNNABLE);
    go_trace_take_away_p(t, p, m);
    go_trace_tell_p(t, p, RUNNABLE);
    go_trace_emit(t, m, GOTRACE_PROC_START, ARGS(t->ps.items[p].id, ++t->ps.items[p].seq));
    bind_p(t, p, m, RUNNING);
}

/* Thread m was found with it; `state` is that of one that was not known. */
void go_trace_have_p(struct go_trace_model *t, uint64_t id, uint32_t m, enum state state)
{
    uint32_t p = go_trace_find_p(t, id);
    if (p == NONE || t->ms.items[m].p == p)
        return;
    if (t->ps.items[p].state == GONE && t->ms.items[m].p == NONE) {
        bind_p(t, p, m, state);
        go_trace_tell_p(t, p, state);
        return;
    }
    t->counts.n_repairs++;
    go_trace_start_p(t, p, m);
}

uint32_t go_trace_idle_p(struct go_trace_model *t)
{
    for (uint32_t p = 0; p < t->ps.n; p++)
        if (t->ps.items[p].m == NONE)
            return p;
    return NONE;
}

/* --- goroutines --- */

void go_trace_unbind_g(struct go_trace_model *t, uint32_t g, enum state state)
{
    struct goroutine *it = &t->gs.items[g];
    if (it->m != NONE && t->ms.items[it->m].g == g)
        t->ms.items[it->m].g = NONE;
    it->m = NONE;
    it->state = state;
    if (state != GONE)
        return;
    it->assists = false;
    go_trace_forget_regions(t, g);
    if (t->stopper == g)
        t->stopper = NONE;
}

/* Can the thread do something?  With a processor, and no goroutine in a system call. */
bool go_trace_is_able(const struct go_trace_model *t, uint32_t m)
{
    const struct thread *it = &t->ms.items[m];
    return it->p != NONE && t->ps.items[it->p].state == RUNNING &&
           (it->g == NONE || t->gs.items[it->g].state == RUNNING);
}

uint32_t go_trace_able_m(struct go_trace_model *t)
{
    for (uint32_t m = 0; m < t->ms.n; m++)
        if (go_trace_is_able(t, m))
            return m;
    uint32_t p = go_trace_idle_p(t), m = go_trace_find_m(t, SPARE_THREAD);
    if (p == NONE || m == NONE)
        return NONE;
    go_trace_start_p(t, p, m);
    return m;
}

void go_trace_leave_spare(struct go_trace_model *t)
{
    uint32_t m = map_get(&t->m_of_id, SPARE_THREAD);
    if (m != MAP_NONE)
        go_trace_stop_p(t, m);
}

void go_trace_create(struct go_trace_model *t, uint32_t m, uint64_t id, enum state state,
                     uint32_t start, uint32_t stack)
{
    go_trace_tell_m(t, m);
    uint32_t g = go_trace_add_g(t, id, state);
    if (g == NONE)
        return;
    t->gs.items[g].generation = t->generation;
    go_trace_emit(t, m, state == WAITING ? GOTRACE_GO_CREATE_BLOCKED : GOTRACE_GO_CREATE,
                  ARGS(id, start, stack));
}

/* The goroutine, which is known from then on: in the first generation it was there in `state`
 * before, later it came unseen.  NONE: it cannot be told of. */
uint32_t go_trace_meet(struct go_trace_model *t, uint64_t id, enum state state, uint32_t m)
{
    uint32_t g = go_trace_find_g(t, id);
    if (go_trace_exists(t, g))
        return g;
    if (t->generation > 1) {
        uint32_t able = go_trace_able_m(t);
        if (able == NONE) {
            t->counts.n_dropped++;
            return NONE;
        }
        t->counts.n_repairs++;
        go_trace_create(t, able, id, RUNNABLE, 0, 0);
        go_trace_leave_spare(t);
        return go_trace_find_g(t, id);
    }
    if (g == NONE && (g = go_trace_add_g(t, id, state)) == NONE)
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
            go_trace_tell_m(t, m);
            t->ms.items[m].g = g;
        }
    }
    go_trace_tell_g(t, g);
    return g;
}

void go_trace_unblock(struct go_trace_model *t, uint32_t g, uint32_t m, uint32_t stack)
{
    go_trace_tell_g(t, g);
    if (m != NONE)
        go_trace_tell_m(t, m);
    emit_on(t, m == NONE ? TRACE_WRITE_NO_THREAD : t->ms.items[m].id, GOTRACE_GO_UNBLOCK,
            ARGS(t->gs.items[g].id, ++t->gs.items[g].seq, stack));
    t->gs.items[g].state = RUNNABLE;
}

/* Out of a system call that has cost it its processor. */
void go_trace_leave_syscall(struct go_trace_model *t, uint32_t g)
{
    uint32_t m = t->gs.items[g].m;
    uint32_t p = t->ms.items[m].p;
    if (p != NONE && t->ps.items[p].state == SYSCALL)
        go_trace_stop_p(t, m);
    go_trace_tell_m(t, m);
    go_trace_emit(t, m, GOTRACE_GO_SYSCALL_END_BLOCKED, NULL, 0);
    go_trace_unbind_g(t, g, RUNNABLE);
}

bool go_trace_has_running_p(const struct go_trace_model *t, uint32_t m)
{
    return t->ms.items[m].p != NONE && t->ps.items[t->ms.items[m].p].state == RUNNING;
}

/* A goroutine that runs needs a processor for what it does: an idle one, or another thread's, which
 * gets it back when it is seen with it.  False: there is none. */
bool go_trace_need_p(struct go_trace_model *t, uint32_t m)
{
    if (go_trace_has_running_p(t, m))
        return true;
    uint32_t p = go_trace_idle_p(t);
    for (uint32_t i = 0; p == NONE && i < t->ps.n; i++)
        if (t->ps.items[i].state == RUNNING)
            p = i;
    if (p == NONE) {
        t->counts.n_dropped++;
        return false;
    }
    t->counts.n_repairs++;
    go_trace_start_p(t, p, m);
    return true;
}

/* It runs no more.  False: that cannot be told. */
bool go_trace_stop_g(struct go_trace_model *t, uint32_t g, enum gotrace_type type, uint32_t reason,
                     uint32_t stack)
{
    uint32_t m = t->gs.items[g].m;
    go_trace_end_off(t, m);
    go_trace_end_assist(t, g);
    if (!go_trace_need_p(t, m))
        return false;
    go_trace_tell_m(t, m);
    go_trace_emit(t, m, type, ARGS(reason, stack));
    go_trace_unbind_g(t, g, type == GOTRACE_GO_BLOCK ? WAITING : RUNNABLE);
    return true;
}

/* From whatever it was to runnable, or waiting. */
bool go_trace_settle(struct go_trace_model *t, uint32_t g)
{
    if (t->gs.items[g].state == SYSCALL)
        go_trace_leave_syscall(t, g);
    else if (t->gs.items[g].state == RUNNING)
        return go_trace_stop_g(t, g, GOTRACE_GO_STOP, go_trace_text(t, "preempted"), 0);
    return true;
}

bool go_trace_start_g(struct go_trace_model *t, uint32_t g, uint32_t m)
{
    uint32_t other = t->ms.items[m].g;
    if (other == g && t->gs.items[g].state == RUNNING)
        return true;
    if (other != NONE && !go_trace_settle(t, other))
        return false;
    if (!go_trace_settle(t, g) || !go_trace_need_p(t, m))
        return false;
    if (t->gs.items[g].state == WAITING) {
        t->counts.n_repairs++;
        go_trace_unblock(t, g, m, 0);
    }
    go_trace_tell_m(t, m);
    go_trace_tell_g(t, g);
    go_trace_emit(t, m, GOTRACE_GO_START, ARGS(t->gs.items[g].id, ++t->gs.items[g].seq));
    t->gs.items[g].state = RUNNING;
    t->gs.items[g].m = m;
    t->ms.items[m].g = g;
    return true;
}

/* The goroutine was found running on this thread.  NONE: that cannot be told. */
uint32_t go_trace_have_running(struct go_trace_model *t, uint64_t id, uint32_t m)
{
    uint32_t g = go_trace_meet(t, id, RUNNING, m);
    if (g == NONE || (t->ms.items[m].g == g && t->gs.items[g].state == RUNNING))
        return g;
    if (t->ms.items[m].leaves != g)
        t->counts.n_repairs++;
    t->ms.items[m].leaves = NONE;
    return go_trace_start_g(t, g, m) ? g : NONE;
}

void go_trace_begin_assist(struct go_trace_model *t, uint32_t g, uint32_t stack)
{
    uint32_t m = t->gs.items[g].m;
    if (t->gs.items[g].assists || t->gs.items[g].state != RUNNING || !go_trace_need_p(t, m))
        return;
    go_trace_tell_m(t, m);
    go_trace_emit(t, m, GOTRACE_GC_MARK_ASSIST_BEGIN, ARGS(stack));
    t->gs.items[g].assists = true;
}

void go_trace_end_assist(struct go_trace_model *t, uint32_t g)
{
    uint32_t m = t->gs.items[g].m;
    if (!t->gs.items[g].assists || t->gs.items[g].state != RUNNING || !go_trace_need_p(t, m))
        return;
    go_trace_tell_m(t, m);
    go_trace_emit(t, m, GOTRACE_GC_MARK_ASSIST_END, NULL, 0);
    t->gs.items[g].assists = false;
}

/* One of the first generation of which no event told. */
void go_trace_tell_found(struct go_trace_model *t, uint32_t g)
{
    struct goroutine *it = &t->gs.items[g];
    uint64_t p_id = it->seq;
    uint32_t m = it->m;
    it->is_found = false;
    it->seq = 0;
    if (it->state == RUNNING || it->state == SYSCALL) {
        bool is_free = m != NONE && t->ms.items[m].g == NONE;
        if (is_free && it->state == RUNNING && t->ms.items[m].p == NONE) {
            uint32_t p = p_id == UPROBE_NO_NUMBER ? NONE : go_trace_find_p(t, p_id);
            is_free = p != NONE && t->ps.items[p].state == GONE;
            if (is_free)
                go_trace_have_p(t, p_id, m, RUNNING);
        }
        if (!is_free) { /* it is not where it was found: nothing is known */
            it->state = GONE;
            return;
        }
        if (it->state == SYSCALL && t->ms.items[m].p != NONE)
            go_trace_stop_p(t, m);
        go_trace_tell_m(t, m);
        t->ms.items[m].g = g;
    } else {
        it->m = NONE;
    }
    go_trace_tell_g(t, g);
}
