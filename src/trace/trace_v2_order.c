#include "trace/trace_v2_order.h"

#include "trace/trace_v2_ranges.h"
#include "trace/trace_v2_step.h"

void trace_v2_order_append(struct trace_v2_order *order, const struct trace_event *event)
{
    struct trace_event *out = &order->block->events[order->block->n++];
    *out = *event;
    if (out->time_ns <= order->last_ns)
        out->time_ns = (int64_t)((uint64_t)order->last_ns + 1);
    order->last_ns = out->time_ns;
}

/* ---- processors ---- */

static enum trace_v2_step proc_status(struct trace_v2_try *s)
{
    static const uint8_t states[] = {
        [GOTRACE_PROC_BAD] = TRACE_PROC_UNDETERMINED,
        [GOTRACE_PROC_RUNNING] = TRACE_PROC_RUNNING,
        [GOTRACE_PROC_IDLE] = TRACE_PROC_IDLE,
        [GOTRACE_PROC_SYSCALL] = TRACE_PROC_RUNNING,
        [GOTRACE_PROC_SYSCALL_ABANDONED] = TRACE_PROC_IDLE,
    };
    struct trace_v2_order *order = s->order;
    uint64_t id = s->event->args[0], status = s->event->args[1], new_status = status;
    if (status >= sizeof states)
        return trace_v2_step_wrong_id(s, "there is no such status:", status);
    uint8_t old = states[status];
    struct trace_v2_proc *proc = trace_v2_state_proc(&order->state, id);
    if (proc) {
        if (status == GOTRACE_PROC_SYSCALL_ABANDONED && proc->status == GOTRACE_PROC_SYSCALL) {
            /* What was said to be lost is known. */
            old = TRACE_PROC_RUNNING;
            new_status = GOTRACE_PROC_SYSCALL;
        } else if (proc->status != status) {
            return trace_v2_step_wrong_id(s, "it contradicts what is known of processor", id);
        }
    } else {
        if (id > INT32_MAX)
            return trace_v2_step_wrong_id(s, "there can be no processor", id);
        if (!(proc = trace_v2_state_add_proc(&order->state, (int32_t)id)))
            return trace_v2_step_no_memory(s);
        proc->status = (uint8_t)status;
        old = order->gen->gen == order->first_gen ? TRACE_PROC_UNDETERMINED : TRACE_PROC_NOT_EXIST;
    }
    proc->gen = order->gen->gen;
    proc->seq = 0;
    if (status == GOTRACE_PROC_RUNNING || status == GOTRACE_PROC_SYSCALL)
        s->new_p = (int32_t)id;
    if (status == GOTRACE_PROC_SYSCALL_ABANDONED && old == TRACE_PROC_RUNNING) {
        /* Told by another thread; shown where it runs. */
        const struct trace_v2_m *m = proc->m;
        if (!m)
            return trace_v2_step_wrong_id(s, "no thread has processor", id);
        s->m = m->id;
        s->p = m->p;
        s->g = m->g;
    }
    struct trace_event *out = trace_v2_step_emit(s);
    if (out) {
        out->args[1] = new_status;
        out->args[2] = old;
    }
    return trace_v2_step_done_if(out);
}

static enum trace_v2_step proc_start(struct trace_v2_try *s)
{
    uint64_t id = s->event->args[0], seq = s->event->args[1];
    struct trace_v2_proc *proc = trace_v2_state_proc(&s->order->state, id);
    if (!proc || proc->status != GOTRACE_PROC_IDLE ||
        !trace_v2_step_succeeds(s, seq, proc->gen, proc->seq) || s->p != TRACE_NONE)
        return TRACE_V2_NOT_YET;
    if (!trace_v2_step_context(s, TRACE_V2_HAVE_NOT, TRACE_V2_ANY))
        return TRACE_V2_WRONG;
    proc->status = GOTRACE_PROC_RUNNING;
    proc->seq = seq;
    s->new_p = proc->id;
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step proc_stop(struct trace_v2_try *s)
{
    struct trace_v2_proc *proc =
        s->p == TRACE_NONE ? NULL : trace_v2_state_proc(&s->order->state, (uint64_t)s->p);
    if (!proc)
        return trace_v2_step_wrong_id(s,
                                      "it is of a processor that does not exist:", (uint64_t)s->p);
    if (proc->status != GOTRACE_PROC_RUNNING && proc->status != GOTRACE_PROC_SYSCALL)
        return trace_v2_step_wrong_id(s, "it is of a processor that does not run:", (uint64_t)s->p);
    if (!trace_v2_step_context(s, TRACE_V2_HAVE, TRACE_V2_ANY))
        return TRACE_V2_WRONG;
    proc->status = GOTRACE_PROC_IDLE;
    s->new_p = TRACE_NONE;
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step proc_steal(struct trace_v2_try *s)
{
    struct trace_v2_order *order = s->order;
    uint64_t id = s->event->args[0], seq = s->event->args[1];
    int64_t from = (int64_t)s->event->args[2];
    struct trace_v2_proc *proc = trace_v2_state_proc(&order->state, id);
    if (!proc ||
        (proc->status != GOTRACE_PROC_SYSCALL && proc->status != GOTRACE_PROC_SYSCALL_ABANDONED) ||
        !trace_v2_step_succeeds(s, seq, proc->gen, proc->seq))
        return TRACE_V2_NOT_YET;
    if (!trace_v2_step_context(s, TRACE_V2_ANY, TRACE_V2_ANY))
        return TRACE_V2_WRONG;
    uint8_t old = proc->status;
    proc->status = GOTRACE_PROC_IDLE;
    proc->seq = seq;
    if (old == GOTRACE_PROC_SYSCALL_ABANDONED) {
        /* Its thread may be doing anything by now. */
    } else if (from == s->m) {
        if (s->p != proc->id)
            return trace_v2_step_wrong_id(
                s, "the thread does not have the processor that it gives up:", id);
        s->new_p = TRACE_NONE;
    } else {
        struct trace_v2_m *m = trace_v2_state_m(&order->state, from, false);
        if (!m || !m->is_seen)
            return trace_v2_step_wrong_id(
                s, "it is from a thread that does not exist:", (uint64_t)from);
        if (m->p != proc->id)
            return trace_v2_step_wrong_id(
                s, "it is from a thread that does not have that processor:", (uint64_t)from);
        trace_v2_state_set_p(&order->state, m, TRACE_NONE);
    }
    struct trace_event *out = trace_v2_step_emit(s);
    if (out)
        out->args[3] = old;
    return trace_v2_step_done_if(out);
}

/* ---- goroutines ---- */

static enum trace_v2_step go_status(struct trace_v2_try *s)
{
    static const uint8_t states[] = {
        [GOTRACE_GO_BAD] = TRACE_GO_UNDETERMINED, [GOTRACE_GO_RUNNABLE] = TRACE_GO_RUNNABLE,
        [GOTRACE_GO_RUNNING] = TRACE_GO_RUNNING,  [GOTRACE_GO_SYSCALL] = TRACE_GO_SYSCALL,
        [GOTRACE_GO_WAITING] = TRACE_GO_WAITING,
    };
    struct trace_v2_order *order = s->order;
    int64_t id = (int64_t)s->event->args[0], mid = (int64_t)s->event->args[1];
    uint64_t status = s->event->args[2];
    if (status >= sizeof states || status == GOTRACE_GO_BAD)
        return trace_v2_step_wrong_id(s, "there is no such status:", status);
    uint8_t old = states[status];
    bool is_first = order->gen->gen == order->first_gen;
    struct trace_v2_go *go = trace_v2_state_go(&order->state, id);
    if (go) {
        if (go->status != status)
            return trace_v2_step_wrong_id(s, "it contradicts what is known of goroutine",
                                          (uint64_t)id);
    } else {
        if (!is_first)
            return trace_v2_step_wrong_id(
                s, "it is of a goroutine that was not created:", (uint64_t)id);
        if (!(go = trace_v2_state_add_go(&order->state, id)))
            return trace_v2_step_no_memory(s);
        go->status = (uint8_t)status;
        old = TRACE_GO_UNDETERMINED;
    }
    go->gen = order->gen->gen;
    go->seq = 0;
    if (status == GOTRACE_GO_RUNNING) {
        s->new_g = id;
    } else if (status == GOTRACE_GO_SYSCALL) {
        if (mid == TRACE_NONE)
            return trace_v2_step_wrong_id(s, "no thread is in the system call of goroutine",
                                          (uint64_t)id);
        if (mid == s->m) {
            if (!is_first && s->g != id)
                return trace_v2_step_wrong_id(
                    s,
                    "the thread does not have the goroutine that is in a system "
                    "call:",
                    (uint64_t)id);
            s->new_g = id;
        } else {
            /* Goroutine and thread have been there for the whole generation. */
            struct trace_v2_m *m = trace_v2_state_m(&order->state, mid, true);
            if (!m)
                return trace_v2_step_no_memory(s);
            if (m->is_seen) {
                if (m->g != id)
                    return trace_v2_step_wrong_id(
                        s,
                        "another thread has the goroutine that is in a system "
                        "call:",
                        (uint64_t)id);
                s->g = id;
            } else {
                m->is_seen = true;
                m->g = id;
            }
            s->m = mid;
        }
    }
    struct trace_event *out = trace_v2_step_emit(s);
    if (out)
        out->args[2] = (uint64_t)old << 32 | status;
    return trace_v2_step_done_if(out);
}

static enum trace_v2_step add_go(struct trace_v2_try *s, unsigned status)
{
    int64_t id = (int64_t)s->event->args[0];
    if (trace_v2_state_go(&s->order->state, id))
        return trace_v2_step_wrong_id(s, "it creates a goroutine that exists:", (uint64_t)id);
    struct trace_v2_go *go = trace_v2_state_add_go(&s->order->state, id);
    if (!go)
        return trace_v2_step_no_memory(s);
    go->status = (uint8_t)status;
    go->gen = s->order->gen->gen;
    go->seq = 0;
    if (status == GOTRACE_GO_SYSCALL) {
        s->new_g = id;
        s->new_go = go;
    }
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step go_create(struct trace_v2_try *s)
{
    if (!trace_v2_step_context(s, TRACE_V2_HAVE, TRACE_V2_ANY))
        return TRACE_V2_WRONG;
    if (s->g != TRACE_NONE) {
        const struct trace_v2_go *go = trace_v2_state_current(&s->order->state, s->thread);
        if (go && go->status != GOTRACE_GO_RUNNING)
            return trace_v2_step_wrong_id(
                s, "it is of a goroutine that does not run:", (uint64_t)s->g);
    }
    return add_go(s, s->event->type == GOTRACE_GO_CREATE_BLOCKED ? GOTRACE_GO_WAITING
                                                                 : GOTRACE_GO_RUNNABLE);
}

static enum trace_v2_step go_stop(struct trace_v2_try *s)
{
    struct trace_v2_go *go =
        trace_v2_step_user_context(s) ? trace_v2_step_current(s, GOTRACE_GO_RUNNING) : NULL;
    if (!go)
        return TRACE_V2_WRONG;
    if (s->event->type == GOTRACE_GO_DESTROY)
        trace_v2_state_remove_go(&s->order->state, go);
    else
        go->status = s->event->type == GOTRACE_GO_STOP ? GOTRACE_GO_RUNNABLE : GOTRACE_GO_WAITING;
    s->new_g = TRACE_NONE;
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step go_start(struct trace_v2_try *s)
{
    int64_t id = (int64_t)s->event->args[0];
    uint64_t seq = s->event->args[1];
    struct trace_v2_go *go = trace_v2_state_go(&s->order->state, id);
    if (!go || go->status != GOTRACE_GO_RUNNABLE ||
        !trace_v2_step_succeeds(s, seq, go->gen, go->seq))
        return TRACE_V2_NOT_YET;
    if (!trace_v2_step_context(s, TRACE_V2_HAVE, TRACE_V2_HAVE_NOT))
        return TRACE_V2_WRONG;
    go->status = GOTRACE_GO_RUNNING;
    go->seq = seq;
    s->new_g = id;
    s->new_go = go;
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step go_unblock(struct trace_v2_try *s)
{
    uint64_t seq = s->event->args[1];
    struct trace_v2_go *go = trace_v2_state_go(&s->order->state, (int64_t)s->event->args[0]);
    if (!go || go->status != GOTRACE_GO_WAITING ||
        !trace_v2_step_succeeds(s, seq, go->gen, go->seq))
        return TRACE_V2_NOT_YET;
    go->status = GOTRACE_GO_RUNNABLE;
    go->seq = seq;
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

/* Three in one: the next goroutine is unblocked, this one blocks or ends, the next starts. */
static enum trace_v2_step go_switch(struct trace_v2_try *s)
{
    struct trace_v2_go *go =
        trace_v2_step_user_context(s) ? trace_v2_step_current(s, GOTRACE_GO_RUNNING) : NULL;
    if (!go)
        return TRACE_V2_WRONG;
    int64_t id = (int64_t)s->event->args[0];
    uint64_t seq = s->event->args[1];
    struct trace_v2_go *next = trace_v2_state_go(&s->order->state, id);
    if (!next || next->status != GOTRACE_GO_WAITING ||
        !trace_v2_step_succeeds(s, seq, next->gen, next->seq))
        return TRACE_V2_NOT_YET;
    static const uint64_t none[4];
    bool ends = s->event->type == GOTRACE_GO_SWITCH_DESTROY;
    if (!trace_v2_step_emit(s) ||
        !trace_v2_step_emit_as(s, ends ? GOTRACE_GO_DESTROY : GOTRACE_GO_BLOCK, none, s->g) ||
        !trace_v2_step_emit_as(s, GOTRACE_GO_START, s->event->args, TRACE_NONE))
        return TRACE_V2_WRONG;
    if (ends)
        trace_v2_state_remove_go(&s->order->state, go);
    else
        go->status = GOTRACE_GO_WAITING;
    next->status = GOTRACE_GO_RUNNING;
    next->seq = seq;
    s->new_g = id;
    s->new_go = next;
    return TRACE_V2_DONE;
}

/* ---- system calls ---- */

static enum trace_v2_step syscall_begin(struct trace_v2_try *s)
{
    struct trace_v2_go *go =
        trace_v2_step_user_context(s) ? trace_v2_step_current(s, GOTRACE_GO_RUNNING) : NULL;
    struct trace_v2_proc *proc = go ? trace_v2_step_current_proc(s) : NULL;
    if (!proc)
        return TRACE_V2_WRONG;
    if (!trace_v2_step_succeeds(s, s->event->args[0], proc->gen, proc->seq))
        return trace_v2_step_wrong_id(
            s, "its number does not follow that of the processor before:", s->event->args[0]);
    go->status = GOTRACE_GO_SYSCALL;
    proc->status = GOTRACE_PROC_SYSCALL;
    proc->seq = s->event->args[0];
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step syscall_end(struct trace_v2_try *s)
{
    struct trace_v2_go *go =
        trace_v2_step_user_context(s) ? trace_v2_step_current(s, GOTRACE_GO_SYSCALL) : NULL;
    struct trace_v2_proc *proc = go ? trace_v2_step_current_proc(s) : NULL;
    if (!proc)
        return TRACE_V2_WRONG;
    if (proc->status != GOTRACE_PROC_SYSCALL)
        return trace_v2_step_wrong_id(
            s, "it is of a processor that is in no system call:", (uint64_t)s->p);
    go->status = GOTRACE_GO_RUNNING;
    proc->status = GOTRACE_PROC_RUNNING;
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step syscall_end_blocked(struct trace_v2_try *s)
{
    if (s->p != TRACE_NONE) {
        const struct trace_v2_proc *proc = trace_v2_step_current_proc(s);
        if (!proc)
            return TRACE_V2_WRONG;
        if (proc->status == GOTRACE_PROC_SYSCALL) /* it is still to be taken away */
            return TRACE_V2_NOT_YET;
    }
    struct trace_v2_go *go = trace_v2_step_context(s, TRACE_V2_ANY, TRACE_V2_HAVE)
                                 ? trace_v2_step_current(s, GOTRACE_GO_SYSCALL)
                                 : NULL;
    if (!go)
        return TRACE_V2_WRONG;
    go->status = GOTRACE_GO_RUNNABLE;
    s->new_g = TRACE_NONE;
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step create_syscall(struct trace_v2_try *s)
{
    return trace_v2_step_context(s, TRACE_V2_ANY, TRACE_V2_HAVE_NOT) ? add_go(s, GOTRACE_GO_SYSCALL)
                                                                     : TRACE_V2_WRONG;
}

static enum trace_v2_step destroy_syscall(struct trace_v2_try *s)
{
    struct trace_v2_go *go = trace_v2_step_context(s, TRACE_V2_ANY, TRACE_V2_HAVE)
                                 ? trace_v2_step_current(s, GOTRACE_GO_SYSCALL)
                                 : NULL;
    if (!go)
        return TRACE_V2_WRONG;
    trace_v2_state_remove_go(&s->order->state, go);
    s->new_g = TRACE_NONE;
    if (s->p != TRACE_NONE) {
        /* The thread's id may be used anew, so it gives up the processor here. */
        struct trace_v2_proc *proc = trace_v2_step_current_proc(s);
        if (!proc)
            return TRACE_V2_WRONG;
        if (proc->status != GOTRACE_PROC_SYSCALL)
            return trace_v2_step_wrong_id(
                s, "it is of a processor that is in no system call:", (uint64_t)s->p);
        proc->status = GOTRACE_PROC_SYSCALL_ABANDONED;
        s->new_p = TRACE_NONE;
        const uint64_t args[4] = {(uint64_t)s->p, 0, 0, GOTRACE_PROC_SYSCALL};
        if (!trace_v2_step_emit_as(s, GOTRACE_PROC_STEAL, args, s->g))
            return TRACE_V2_WRONG;
    }
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step advance(struct trace_v2_try *s)
{
    switch (s->event->type) {
    case GOTRACE_PROC_START:
        return proc_start(s);
    case GOTRACE_PROC_STOP:
        return proc_stop(s);
    case GOTRACE_PROC_STEAL:
        return proc_steal(s);
    case GOTRACE_PROC_STATUS:
        return proc_status(s);
    case GOTRACE_GO_CREATE:
    case GOTRACE_GO_CREATE_BLOCKED:
        return go_create(s);
    case GOTRACE_GO_CREATE_SYSCALL:
        return create_syscall(s);
    case GOTRACE_GO_START:
        return go_start(s);
    case GOTRACE_GO_DESTROY:
    case GOTRACE_GO_STOP:
    case GOTRACE_GO_BLOCK:
        return go_stop(s);
    case GOTRACE_GO_DESTROY_SYSCALL:
        return destroy_syscall(s);
    case GOTRACE_GO_UNBLOCK:
        return go_unblock(s);
    case GOTRACE_GO_SYSCALL_BEGIN:
        return syscall_begin(s);
    case GOTRACE_GO_SYSCALL_END:
        return syscall_end(s);
    case GOTRACE_GO_SYSCALL_END_BLOCKED:
        return syscall_end_blocked(s);
    case GOTRACE_GO_STATUS:
    case GOTRACE_GO_STATUS_STACK:
        return go_status(s);
    case GOTRACE_GO_SWITCH:
    case GOTRACE_GO_SWITCH_DESTROY:
        return go_switch(s);
    case GOTRACE_HEAP_ALLOC:
    case GOTRACE_HEAP_GOAL:
        return trace_v2_step_context(s, TRACE_V2_HAVE, TRACE_V2_ANY)
                   ? trace_v2_step_done_if(trace_v2_step_emit(s))
                   : TRACE_V2_WRONG;
    case GOTRACE_PROCS_CHANGE:
    case GOTRACE_GO_LABEL:
    case GOTRACE_USER_LOG:
        return trace_v2_step_user_context(s) ? trace_v2_step_done_if(trace_v2_step_emit(s))
                                             : TRACE_V2_WRONG;
    case GOTRACE_SPAN ... GOTRACE_GOROUTINE_STACK_FREE:
        return trace_v2_step_context(s, TRACE_V2_ANY, TRACE_V2_ANY)
                   ? trace_v2_step_done_if(trace_v2_step_emit(s))
                   : TRACE_V2_WRONG;
    default:
        return trace_v2_ranges_advance(s);
    }
}

enum trace_v2_step trace_v2_order_advance(struct trace_v2_order *order,
                                          const struct trace_v2_event *event,
                                          struct trace_v2_m *thread, struct err *err)
{
    struct trace_v2_try s = {.order = order,
                             .event = event,
                             .thread = thread,
                             .g = TRACE_NONE,
                             .m = TRACE_NONE,
                             .p = TRACE_NONE,
                             .err = err};
    if (!order->first_gen)
        order->first_gen = order->gen->gen;
    if (thread) {
        thread->is_seen = true;
        s.g = thread->g;
        s.m = thread->id;
        s.p = thread->p;
    }
    s.new_g = s.g;
    s.new_p = s.p;
    enum trace_v2_step step = advance(&s);
    if (step == TRACE_V2_DONE && thread) {
        if (thread->p != s.new_p)
            trace_v2_state_set_p(&order->state, thread, s.new_p);
        thread->g = s.new_g;
        if (s.new_go)
            thread->go = s.new_go;
    }
    return step;
}
