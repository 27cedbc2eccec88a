#include "trace/trace_v2_order.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RANGES_MAX 64 /* of one goroutine at a time; the runtime has 3 */

/* What the event is about, and what the thread is doing before and after it. */
struct step {
    struct trace_v2_order *order;
    const struct trace_v2_event *event;
    struct trace_v2_m *thread;
    int64_t g, m; /* the context that is shown */
    int32_t p;
    int64_t new_g;
    int32_t new_p;
    struct trace_v2_go *new_go; /* that of new_g, when it is known */
    struct err *err;
};

static const char *name_of(const struct step *s)
{
    return gotrace_specs[s->event->type].name;
}

static enum trace_v2_step wrong(const struct step *s, const char *why)
{
    err_set(s->err, ERR_INPUT, "%s: %s", name_of(s), why);
    return TRACE_V2_WRONG;
}

static enum trace_v2_step wrong_id(const struct step *s, const char *why, uint64_t id)
{
    err_set(s->err, ERR_INPUT, "%s: %s %" PRId64, name_of(s), why, (int64_t)id);
    return TRACE_V2_WRONG;
}

static enum trace_v2_step no_memory(const struct step *s)
{
    err_nomem(s->err);
    return TRACE_V2_WRONG;
}

void trace_v2_order_append(struct trace_v2_order *order, const struct trace_event *event)
{
    struct trace_event *out = &order->block->events[order->block->n++];
    *out = *event;
    if (out->time_ns <= order->last_ns)
        out->time_ns = (int64_t)((uint64_t)order->last_ns + 1);
    order->last_ns = out->time_ns;
}

/* Append an event of a type with some arguments, of context g; NULL and *err: it refers to what
 * is not there. */
static struct trace_event *emit_as(const struct step *s, unsigned type, const uint64_t *args,
                                   int64_t g)
{
    struct trace_v2_order *order = s->order;
    struct trace_event *out = &order->block->events[order->block->n++];
    int64_t time_ns = s->event->time_ns;
    if (time_ns <= order->last_ns)
        time_ns = (int64_t)((uint64_t)order->last_ns + 1);
    order->last_ns = time_ns;
    *out = (struct trace_event){.time_ns = time_ns,
                                .g = g,
                                .m = s->m,
                                .p = s->p,
                                .type = (uint8_t)type,
                                .args = {args[0], args[1], args[2], args[3]}};
    const struct gotrace_spec *spec = &gotrace_specs[type];
    for (const uint8_t *i = spec->stack_args; *i; i++) {
        uint64_t *id = &out->args[*i - 1];
        uint32_t number = trace_v2_ids_get(&order->gen->stacks, *id);
        if (number == TRACE_V2_NO_ID) {
            wrong_id(s, "there is no stack", *id);
            return NULL;
        }
        *id = number;
    }
    for (const uint8_t *i = spec->string_args; *i; i++) {
        uint64_t *id = &out->args[*i - 1];
        uint32_t number = trace_v2_ids_get(&order->gen->strings, *id);
        if (number == TRACE_V2_NO_ID) {
            wrong_id(s, "there is no string", *id);
            return NULL;
        }
        *id = number;
    }
    return out;
}

static struct trace_event *emit(const struct step *s)
{
    return emit_as(s, s->event->type, s->event->args, s->g);
}

static inline enum trace_v2_step done_if(const struct trace_event *emitted)
{
    return emitted ? TRACE_V2_DONE : TRACE_V2_WRONG;
}

/* What the context must be. */
enum { ANY, HAVE, HAVE_NOT };
static bool context(const struct step *s, int p, int g)
{
    const char *why = NULL;
    if (s->m == TRACE_NONE)
        why = "it is of no thread";
    else if (p != ANY && (p == HAVE) != (s->p != TRACE_NONE))
        why = p == HAVE ? "its thread has no processor" : "its thread has a processor already";
    else if (g != ANY && (g == HAVE) != (s->g != TRACE_NONE))
        why = g == HAVE ? "its thread has no goroutine" : "its thread has a goroutine already";
    if (why)
        wrong(s, why);
    return !why;
}

static inline bool user_context(const struct step *s)
{
    return (s->m != TRACE_NONE && s->p != TRACE_NONE && s->g != TRACE_NONE) ||
           context(s, HAVE, HAVE);
}

/* The goroutine of the context, in a state; NULL and *err. */
static struct trace_v2_go *current(const struct step *s, unsigned status)
{
    struct trace_v2_go *go = trace_v2_state_current(&s->order->state, s->thread);
    if (!go)
        wrong_id(s, "it is of a goroutine that does not exist:", (uint64_t)s->g);
    else if (go->status != status) {
        wrong_id(s,
                 status == GOTRACE_GO_RUNNING ? "it is of a goroutine that does not run:"
                                              : "it is of a goroutine that is in no system call:",
                 (uint64_t)s->g);
        go = NULL;
    }
    return go;
}

static inline bool succeeds(const struct step *s, uint64_t seq, uint64_t last_gen, uint64_t last)
{
    return s->order->gen->gen == last_gen && seq == last + 1;
}

/* ---- processors ---- */

static enum trace_v2_step proc_status(struct step *s)
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
        return wrong_id(s, "there is no such status:", status);
    uint8_t old = states[status];
    struct trace_v2_proc *proc = trace_v2_state_proc(&order->state, id);
    if (proc) {
        if (status == GOTRACE_PROC_SYSCALL_ABANDONED && proc->status == GOTRACE_PROC_SYSCALL) {
            /* What was said to be lost is known. */
            old = TRACE_PROC_RUNNING;
            new_status = GOTRACE_PROC_SYSCALL;
        } else if (proc->status != status) {
            return wrong_id(s, "it contradicts what is known of processor", id);
        }
    } else {
        if (id > INT32_MAX)
            return wrong_id(s, "there can be no processor", id);
        if (!(proc = trace_v2_state_add_proc(&order->state, (int32_t)id)))
            return no_memory(s);
        proc->status = (uint8_t)status;
        old = order->gen->gen == order->first_gen ? TRACE_PROC_UNDETERMINED : TRACE_PROC_NOT_EXIST;
    }
    proc->gen = order->gen->gen;
    proc->seq = 0;
    if (status == GOTRACE_PROC_RUNNING || status == GOTRACE_PROC_SYSCALL)
        s->new_p = (int32_t)id;
    if (status == GOTRACE_PROC_SYSCALL_ABANDONED && old == TRACE_PROC_RUNNING) {
        /* Told by another thread; shown where it runs. */
        bool found = false;
        for (size_t i = 0; i < order->state.all_ms.n; i++) {
            const struct trace_v2_m *m = order->state.all_ms.items[i];
            if ((uint64_t)m->p != id)
                continue;
            s->m = m->id;
            s->p = m->p;
            s->g = m->g;
            found = true;
        }
        if (!found)
            return wrong_id(s, "no thread has processor", id);
    }
    struct trace_event *out = emit(s);
    if (out) {
        out->args[1] = new_status;
        out->args[2] = old;
    }
    return done_if(out);
}

static enum trace_v2_step proc_start(struct step *s)
{
    uint64_t id = s->event->args[0], seq = s->event->args[1];
    struct trace_v2_proc *proc = trace_v2_state_proc(&s->order->state, id);
    if (!proc || proc->status != GOTRACE_PROC_IDLE || !succeeds(s, seq, proc->gen, proc->seq) ||
        s->p != TRACE_NONE)
        return TRACE_V2_NOT_YET;
    if (!context(s, HAVE_NOT, ANY))
        return TRACE_V2_WRONG;
    proc->status = GOTRACE_PROC_RUNNING;
    proc->seq = seq;
    s->new_p = proc->id;
    return done_if(emit(s));
}

static enum trace_v2_step proc_stop(struct step *s)
{
    struct trace_v2_proc *proc =
        s->p == TRACE_NONE ? NULL : trace_v2_state_proc(&s->order->state, (uint64_t)s->p);
    if (!proc)
        return wrong_id(s, "it is of a processor that does not exist:", (uint64_t)s->p);
    if (proc->status != GOTRACE_PROC_RUNNING && proc->status != GOTRACE_PROC_SYSCALL)
        return wrong_id(s, "it is of a processor that does not run:", (uint64_t)s->p);
    if (!context(s, HAVE, ANY))
        return TRACE_V2_WRONG;
    proc->status = GOTRACE_PROC_IDLE;
    s->new_p = TRACE_NONE;
    return done_if(emit(s));
}

static enum trace_v2_step proc_steal(struct step *s)
{
    struct trace_v2_order *order = s->order;
    uint64_t id = s->event->args[0], seq = s->event->args[1];
    int64_t from = (int64_t)s->event->args[2];
    struct trace_v2_proc *proc = trace_v2_state_proc(&order->state, id);
    if (!proc ||
        (proc->status != GOTRACE_PROC_SYSCALL && proc->status != GOTRACE_PROC_SYSCALL_ABANDONED) ||
        !succeeds(s, seq, proc->gen, proc->seq))
        return TRACE_V2_NOT_YET;
    if (!context(s, ANY, ANY))
        return TRACE_V2_WRONG;
    uint8_t old = proc->status;
    proc->status = GOTRACE_PROC_IDLE;
    proc->seq = seq;
    if (old == GOTRACE_PROC_SYSCALL_ABANDONED) {
        /* Its thread may be doing anything by now. */
    } else if (from == s->m) {
        if (s->p != proc->id)
            return wrong_id(s, "the thread does not have the processor that it gives up:", id);
        s->new_p = TRACE_NONE;
    } else {
        struct trace_v2_m *m = trace_v2_state_m(&order->state, from, false);
        if (!m || !m->is_seen)
            return wrong_id(s, "it is from a thread that does not exist:", (uint64_t)from);
        if (m->p != proc->id)
            return wrong_id(
                s, "it is from a thread that does not have that processor:", (uint64_t)from);
        m->p = TRACE_NONE;
    }
    struct trace_event *out = emit(s);
    if (out)
        out->args[3] = old;
    return done_if(out);
}

/* ---- goroutines ---- */

static enum trace_v2_step go_status(struct step *s)
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
        return wrong_id(s, "there is no such status:", status);
    uint8_t old = states[status];
    bool is_first = order->gen->gen == order->first_gen;
    struct trace_v2_go *go = trace_v2_state_go(&order->state, id);
    if (go) {
        if (go->status != status)
            return wrong_id(s, "it contradicts what is known of goroutine", (uint64_t)id);
    } else {
        if (!is_first)
            return wrong_id(s, "it is of a goroutine that was not created:", (uint64_t)id);
        if (!(go = trace_v2_state_add_go(&order->state, id)))
            return no_memory(s);
        go->status = (uint8_t)status;
        old = TRACE_GO_UNDETERMINED;
    }
    go->gen = order->gen->gen;
    go->seq = 0;
    if (status == GOTRACE_GO_RUNNING) {
        s->new_g = id;
    } else if (status == GOTRACE_GO_SYSCALL) {
        if (mid == TRACE_NONE)
            return wrong_id(s, "no thread is in the system call of goroutine", (uint64_t)id);
        if (mid == s->m) {
            if (!is_first && s->g != id)
                return wrong_id(s,
                                "the thread does not have the goroutine that is in a system "
                                "call:",
                                (uint64_t)id);
            s->new_g = id;
        } else {
            /* Goroutine and thread have been there for the whole generation. */
            struct trace_v2_m *m = trace_v2_state_m(&order->state, mid, true);
            if (!m)
                return no_memory(s);
            if (m->is_seen) {
                if (m->g != id)
                    return wrong_id(s,
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
    struct trace_event *out = emit(s);
    if (out)
        out->args[2] = (uint64_t)old << 32 | status;
    return done_if(out);
}

static enum trace_v2_step add_go(struct step *s, unsigned status)
{
    int64_t id = (int64_t)s->event->args[0];
    if (trace_v2_state_go(&s->order->state, id))
        return wrong_id(s, "it creates a goroutine that exists:", (uint64_t)id);
    struct trace_v2_go *go = trace_v2_state_add_go(&s->order->state, id);
    if (!go)
        return no_memory(s);
    go->status = (uint8_t)status;
    go->gen = s->order->gen->gen;
    go->seq = 0;
    if (status == GOTRACE_GO_SYSCALL) {
        s->new_g = id;
        s->new_go = go;
    }
    return done_if(emit(s));
}

static enum trace_v2_step go_create(struct step *s)
{
    if (!context(s, HAVE, ANY))
        return TRACE_V2_WRONG;
    if (s->g != TRACE_NONE) {
        const struct trace_v2_go *go = trace_v2_state_current(&s->order->state, s->thread);
        if (go && go->status != GOTRACE_GO_RUNNING)
            return wrong_id(s, "it is of a goroutine that does not run:", (uint64_t)s->g);
    }
    return add_go(s, s->event->type == GOTRACE_GO_CREATE_BLOCKED ? GOTRACE_GO_WAITING
                                                                 : GOTRACE_GO_RUNNABLE);
}

static enum trace_v2_step go_stop(struct step *s)
{
    struct trace_v2_go *go = user_context(s) ? current(s, GOTRACE_GO_RUNNING) : NULL;
    if (!go)
        return TRACE_V2_WRONG;
    if (s->event->type == GOTRACE_GO_DESTROY)
        trace_v2_state_remove_go(&s->order->state, go);
    else
        go->status = s->event->type == GOTRACE_GO_STOP ? GOTRACE_GO_RUNNABLE : GOTRACE_GO_WAITING;
    s->new_g = TRACE_NONE;
    return done_if(emit(s));
}

static enum trace_v2_step go_start(struct step *s)
{
    int64_t id = (int64_t)s->event->args[0];
    uint64_t seq = s->event->args[1];
    struct trace_v2_go *go = trace_v2_state_go(&s->order->state, id);
    if (!go || go->status != GOTRACE_GO_RUNNABLE || !succeeds(s, seq, go->gen, go->seq))
        return TRACE_V2_NOT_YET;
    if (!context(s, HAVE, HAVE_NOT))
        return TRACE_V2_WRONG;
    go->status = GOTRACE_GO_RUNNING;
    go->seq = seq;
    s->new_g = id;
    s->new_go = go;
    return done_if(emit(s));
}

static enum trace_v2_step go_unblock(struct step *s)
{
    uint64_t seq = s->event->args[1];
    struct trace_v2_go *go = trace_v2_state_go(&s->order->state, (int64_t)s->event->args[0]);
    if (!go || go->status != GOTRACE_GO_WAITING || !succeeds(s, seq, go->gen, go->seq))
        return TRACE_V2_NOT_YET;
    go->status = GOTRACE_GO_RUNNABLE;
    go->seq = seq;
    return done_if(emit(s));
}

/* Three in one: the next goroutine is unblocked, this one blocks or ends, the next starts. */
static enum trace_v2_step go_switch(struct step *s)
{
    struct trace_v2_go *go = user_context(s) ? current(s, GOTRACE_GO_RUNNING) : NULL;
    if (!go)
        return TRACE_V2_WRONG;
    int64_t id = (int64_t)s->event->args[0];
    uint64_t seq = s->event->args[1];
    struct trace_v2_go *next = trace_v2_state_go(&s->order->state, id);
    if (!next || next->status != GOTRACE_GO_WAITING || !succeeds(s, seq, next->gen, next->seq))
        return TRACE_V2_NOT_YET;
    static const uint64_t none[4];
    bool ends = s->event->type == GOTRACE_GO_SWITCH_DESTROY;
    if (!emit(s) || !emit_as(s, ends ? GOTRACE_GO_DESTROY : GOTRACE_GO_BLOCK, none, s->g) ||
        !emit_as(s, GOTRACE_GO_START, s->event->args, TRACE_NONE))
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

/* The processor of the context; NULL and *err. */
static struct trace_v2_proc *current_proc(const struct step *s)
{
    struct trace_v2_proc *proc = trace_v2_state_proc(&s->order->state, (uint64_t)s->p);
    if (!proc)
        wrong_id(s, "nothing is known of processor", (uint64_t)s->p);
    return proc;
}

static enum trace_v2_step syscall_begin(struct step *s)
{
    struct trace_v2_go *go = user_context(s) ? current(s, GOTRACE_GO_RUNNING) : NULL;
    struct trace_v2_proc *proc = go ? current_proc(s) : NULL;
    if (!proc)
        return TRACE_V2_WRONG;
    if (!succeeds(s, s->event->args[0], proc->gen, proc->seq))
        return wrong_id(
            s, "its number does not follow that of the processor before:", s->event->args[0]);
    go->status = GOTRACE_GO_SYSCALL;
    proc->status = GOTRACE_PROC_SYSCALL;
    proc->seq = s->event->args[0];
    return done_if(emit(s));
}

static enum trace_v2_step syscall_end(struct step *s)
{
    struct trace_v2_go *go = user_context(s) ? current(s, GOTRACE_GO_SYSCALL) : NULL;
    struct trace_v2_proc *proc = go ? current_proc(s) : NULL;
    if (!proc)
        return TRACE_V2_WRONG;
    if (proc->status != GOTRACE_PROC_SYSCALL)
        return wrong_id(s, "it is of a processor that is in no system call:", (uint64_t)s->p);
    go->status = GOTRACE_GO_RUNNING;
    proc->status = GOTRACE_PROC_RUNNING;
    return done_if(emit(s));
}

static enum trace_v2_step syscall_end_blocked(struct step *s)
{
    if (s->p != TRACE_NONE) {
        const struct trace_v2_proc *proc = current_proc(s);
        if (!proc)
            return TRACE_V2_WRONG;
        if (proc->status == GOTRACE_PROC_SYSCALL) /* it is still to be taken away */
            return TRACE_V2_NOT_YET;
    }
    struct trace_v2_go *go = context(s, ANY, HAVE) ? current(s, GOTRACE_GO_SYSCALL) : NULL;
    if (!go)
        return TRACE_V2_WRONG;
    go->status = GOTRACE_GO_RUNNABLE;
    s->new_g = TRACE_NONE;
    return done_if(emit(s));
}

static enum trace_v2_step create_syscall(struct step *s)
{
    return context(s, ANY, HAVE_NOT) ? add_go(s, GOTRACE_GO_SYSCALL) : TRACE_V2_WRONG;
}

static enum trace_v2_step destroy_syscall(struct step *s)
{
    struct trace_v2_go *go = context(s, ANY, HAVE) ? current(s, GOTRACE_GO_SYSCALL) : NULL;
    if (!go)
        return TRACE_V2_WRONG;
    trace_v2_state_remove_go(&s->order->state, go);
    s->new_g = TRACE_NONE;
    if (s->p != TRACE_NONE) {
        /* The thread's id may be used anew, so it gives up the processor here. */
        struct trace_v2_proc *proc = current_proc(s);
        if (!proc)
            return TRACE_V2_WRONG;
        if (proc->status != GOTRACE_PROC_SYSCALL)
            return wrong_id(s, "it is of a processor that is in no system call:", (uint64_t)s->p);
        proc->status = GOTRACE_PROC_SYSCALL_ABANDONED;
        s->new_p = TRACE_NONE;
        const uint64_t args[4] = {(uint64_t)s->p, 0, 0, GOTRACE_PROC_SYSCALL};
        if (!emit_as(s, GOTRACE_PROC_STEAL, args, s->g))
            return TRACE_V2_WRONG;
    }
    return done_if(emit(s));
}

/* ---- tasks and regions ---- */

static enum trace_v2_step task_begin(struct step *s)
{
    struct trace_v2_table *tasks = &s->order->state.tasks;
    const uint64_t *args = s->event->args;
    if (trace_v2_table_at(tasks, args[0])->value)
        return wrong_id(s, "it begins a task that has begun:", args[0]);
    uint32_t name = trace_v2_ids_get(&s->order->gen->strings, args[2]);
    if (name == TRACE_V2_NO_ID)
        return wrong_id(s, "there is no string", args[2]);
    if (!user_context(s))
        return TRACE_V2_WRONG;
    struct trace_v2_task *task = malloc(sizeof *task);
    if (!task || !trace_v2_table_reserve(tasks)) {
        free(task);
        return no_memory(s);
    }
    *task = (struct trace_v2_task){args[1] ? args[1] : TRACE_NO_TASK, name};
    trace_v2_table_put(tasks, args[0], task);
    struct trace_event *out = emit(s);
    if (out)
        out->args[1] = task->parent;
    return done_if(out);
}

static enum trace_v2_step task_end(struct step *s)
{
    struct trace_v2_table *tasks = &s->order->state.tasks;
    struct trace_v2_table_slot *slot = trace_v2_table_at(tasks, s->event->args[0]);
    struct trace_v2_task task = {TRACE_NO_TASK, 0};
    if (slot->value) {
        task = *(struct trace_v2_task *)slot->value;
        free(slot->value);
        trace_v2_table_remove(tasks, slot);
    }
    if (!user_context(s))
        return TRACE_V2_WRONG;
    struct trace_event *out = emit(s);
    if (out) {
        out->args[2] = task.parent;
        out->args[3] = task.name;
    }
    return done_if(out);
}

/* The running goroutine, for what it holds; NULL and *err. */
static struct trace_v2_go *holder(const struct step *s)
{
    struct trace_v2_go *go =
        user_context(s) ? trace_v2_state_current(&s->order->state, s->thread) : NULL;
    if (!go && s->g != TRACE_NONE)
        wrong_id(s, "nothing is known of goroutine", (uint64_t)s->g);
    return go;
}

static enum trace_v2_step region(struct step *s)
{
    if (!user_context(s))
        return TRACE_V2_WRONG;
    uint32_t name = trace_v2_ids_get(&s->order->gen->strings, s->event->args[1]);
    if (name == TRACE_V2_NO_ID)
        return wrong_id(s, "there is no string", s->event->args[1]);
    struct trace_v2_go *go = holder(s);
    if (!go)
        return TRACE_V2_WRONG;
    struct trace_v2_region this = {s->event->args[0], name};
    if (s->event->type == GOTRACE_USER_REGION_BEGIN) {
        if (!trace_v2_state_hold(&go->held) || !vec_push(&go->held->regions, this))
            return no_memory(s);
    } else if (go->held && go->held->regions.n) {
        /* Regions that began before the trace have no begin. */
        const struct trace_v2_region *inner = &go->held->regions.items[go->held->regions.n - 1];
        if (inner->task != this.task || inner->name != this.name) {
            err_set(s->err, ERR_INPUT,
                    "goroutine %" PRId64 " ends region '%.80s' of task %" PRIu64
                    " within region '%.80s' of task %" PRIu64,
                    go->id, trace_string(s->order->trace, name, NULL), this.task,
                    trace_string(s->order->trace, inner->name, NULL), inner->task);
            return TRACE_V2_WRONG;
        }
        go->held->regions.n--;
    }
    return done_if(emit(s));
}

/* ---- ranges ---- */

static enum trace_v2_step gc_active(struct step *s)
{
    struct trace_v2_order *order = s->order;
    uint64_t seq = s->event->args[0];
    if (order->gen->gen == order->first_gen) {
        if (order->gc != TRACE_V2_GC_UNKNOWN)
            return wrong(s, "it is not the first of its kind");
        order->gc = TRACE_V2_GC_ON;
    } else {
        if (seq != order->gc_seq + 1)
            return TRACE_V2_NOT_YET;
        if (order->gc != TRACE_V2_GC_ON)
            return wrong(s, "no garbage collection goes on");
        if (!user_context(s))
            return TRACE_V2_WRONG;
    }
    order->gc_seq = seq;
    return done_if(emit(s));
}

static enum trace_v2_step gc_begin(struct step *s)
{
    struct trace_v2_order *order = s->order;
    uint64_t seq = s->event->args[0];
    if (order->gc != TRACE_V2_GC_UNKNOWN) {
        if (seq != order->gc_seq + 1)
            return TRACE_V2_NOT_YET;
        if (order->gc == TRACE_V2_GC_ON)
            return wrong(s, "a garbage collection goes on already");
        if (!user_context(s))
            return TRACE_V2_WRONG;
    }
    order->gc_seq = seq;
    order->gc = TRACE_V2_GC_ON;
    return done_if(emit(s));
}

static enum trace_v2_step gc_end(struct step *s)
{
    struct trace_v2_order *order = s->order;
    uint64_t seq = s->event->args[0];
    if (seq != order->gc_seq + 1)
        return TRACE_V2_NOT_YET;
    if (order->gc != TRACE_V2_GC_ON)
        return wrong(s, "no garbage collection goes on");
    if (!user_context(s))
        return TRACE_V2_WRONG;
    order->gc_seq = seq;
    order->gc = TRACE_V2_GC_OFF;
    return done_if(emit(s));
}

static enum trace_v2_step range_begin(struct step *s, struct trace_v2_held **held,
                                      struct trace_v2_range range)
{
    if (trace_v2_held_has(*held, range))
        return wrong(s, "it begins what has begun");
    if (!trace_v2_state_hold(held))
        return no_memory(s);
    if ((*held)->ranges.n == RANGES_MAX)
        return wrong(s, "too many ranges at a time");
    if (!vec_push(&(*held)->ranges, range))
        return no_memory(s);
    return done_if(emit(s));
}

static enum trace_v2_step range_active(struct step *s, struct trace_v2_held **held)
{
    struct trace_v2_range range = {gotrace_specs[s->event->type].start, 0};
    if (s->order->gen->gen == s->order->first_gen)
        return range_begin(s, held, range);
    if (!trace_v2_held_has(*held, range))
        return wrong(s, "what should go on has not begun");
    return done_if(emit(s));
}

static enum trace_v2_step range_end(struct step *s, struct trace_v2_held *held)
{
    uint8_t start = gotrace_specs[s->event->type].start;
    size_t i = 0, n = held ? held->ranges.n : 0;
    while (i < n && held->ranges.items[i].type != start)
        i++;
    if (i == n)
        return wrong(s, "it ends what has not begun");
    uint32_t kind = held->ranges.items[i].kind;
    held->ranges.items[i] = held->ranges.items[--held->ranges.n];
    struct trace_event *out = emit(s);
    if (out && s->event->type == GOTRACE_STW_END)
        out->args[0] = kind;
    return done_if(out);
}

static enum trace_v2_step go_range_begin(struct step *s)
{
    struct trace_v2_range range = {s->event->type, 0};
    struct trace_v2_go *go = holder(s);
    if (!go)
        return TRACE_V2_WRONG;
    if (s->event->type == GOTRACE_STW_BEGIN) {
        range.kind = trace_v2_ids_get(&s->order->gen->strings, s->event->args[0]);
        if (range.kind == TRACE_V2_NO_ID)
            return wrong_id(s, "there is no string", s->event->args[0]);
    }
    return range_begin(s, &go->held, range);
}

static enum trace_v2_step go_range_active(struct step *s)
{
    struct trace_v2_go *go = trace_v2_state_go(&s->order->state, (int64_t)s->event->args[0]);
    if (!go)
        return wrong_id(s, "nothing is known of goroutine", s->event->args[0]);
    return range_active(s, &go->held);
}

static enum trace_v2_step go_range_end(struct step *s)
{
    struct trace_v2_go *go = holder(s);
    return go ? range_end(s, go->held) : TRACE_V2_WRONG;
}

static enum trace_v2_step sweep(struct step *s)
{
    struct trace_v2_proc *proc;
    if (s->event->type == GOTRACE_GC_SWEEP_ACTIVE) {
        proc = trace_v2_state_proc(&s->order->state, s->event->args[0]);
        if (!proc)
            return wrong_id(s, "nothing is known of processor", s->event->args[0]);
        return range_active(s, &proc->held);
    }
    if (!context(s, HAVE, ANY) || !(proc = current_proc(s)))
        return TRACE_V2_WRONG;
    if (s->event->type == GOTRACE_GC_SWEEP_END)
        return range_end(s, proc->held);
    return range_begin(s, &proc->held, (struct trace_v2_range){s->event->type, 0});
}

static enum trace_v2_step advance(struct step *s)
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
    case GOTRACE_STW_BEGIN:
    case GOTRACE_GC_MARK_ASSIST_BEGIN:
        return go_range_begin(s);
    case GOTRACE_STW_END:
    case GOTRACE_GC_MARK_ASSIST_END:
        return go_range_end(s);
    case GOTRACE_GC_MARK_ASSIST_ACTIVE:
        return go_range_active(s);
    case GOTRACE_GC_ACTIVE:
        return gc_active(s);
    case GOTRACE_GC_BEGIN:
        return gc_begin(s);
    case GOTRACE_GC_END:
        return gc_end(s);
    case GOTRACE_GC_SWEEP_ACTIVE:
    case GOTRACE_GC_SWEEP_BEGIN:
    case GOTRACE_GC_SWEEP_END:
        return sweep(s);
    case GOTRACE_HEAP_ALLOC:
    case GOTRACE_HEAP_GOAL:
        return context(s, HAVE, ANY) ? done_if(emit(s)) : TRACE_V2_WRONG;
    case GOTRACE_USER_TASK_BEGIN:
        return task_begin(s);
    case GOTRACE_USER_TASK_END:
        return task_end(s);
    case GOTRACE_USER_REGION_BEGIN:
    case GOTRACE_USER_REGION_END:
        return region(s);
    case GOTRACE_PROCS_CHANGE:
    case GOTRACE_GO_LABEL:
    case GOTRACE_USER_LOG:
        return user_context(s) ? done_if(emit(s)) : TRACE_V2_WRONG;
    case GOTRACE_SPAN ... GOTRACE_GOROUTINE_STACK_FREE:
        return context(s, ANY, ANY) ? done_if(emit(s)) : TRACE_V2_WRONG;
    default:
        return wrong(s, "no thread has such events");
    }
}

enum trace_v2_step trace_v2_order_advance(struct trace_v2_order *order,
                                          const struct trace_v2_event *event,
                                          struct trace_v2_m *thread, struct err *err)
{
    struct step s = {.order = order,
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
        thread->p = s.new_p;
        thread->g = s.new_g;
        if (s.new_go)
            thread->go = s.new_go;
    }
    return step;
}
