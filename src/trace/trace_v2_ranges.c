#include "trace/trace_v2_ranges.h"

#include <inttypes.h>
#include <stdlib.h>

#define RANGES_MAX 64 /* of one goroutine at a time; the runtime has 3 */

/* ---- tasks and regions ---- */

static enum trace_v2_step task_begin(struct trace_v2_try *s)
{
    struct trace_v2_table *tasks = &s->order->state.tasks;
    const uint64_t *args = s->event->args;
    if (trace_v2_table_at(tasks, args[0])->value)
        return trace_v2_step_wrong_id(s, "it begins a task that has begun:", args[0]);
    uint32_t name = trace_ids_get(&s->order->gen->strings, args[2]);
    if (name == TRACE_NO_ID)
        return trace_v2_step_wrong_id(s, "there is no string", args[2]);
    if (!trace_v2_step_user_context(s))
        return TRACE_V2_WRONG;
    struct trace_v2_task *task = malloc(sizeof *task);
    if (!task || !trace_v2_table_reserve(tasks)) {
        free(task);
        return trace_v2_step_no_memory(s);
    }
    *task = (struct trace_v2_task){args[1] ? args[1] : TRACE_NO_TASK, name};
    trace_v2_table_put(tasks, args[0], task);
    struct trace_event *out = trace_v2_step_emit(s);
    if (out)
        out->args[1] = task->parent;
    return trace_v2_step_done_if(out);
}

static enum trace_v2_step task_end(struct trace_v2_try *s)
{
    struct trace_v2_table *tasks = &s->order->state.tasks;
    struct trace_v2_table_slot *slot = trace_v2_table_at(tasks, s->event->args[0]);
    struct trace_v2_task task = {TRACE_NO_TASK, 0};
    if (slot->value) {
        task = *(struct trace_v2_task *)slot->value;
        free(slot->value);
        trace_v2_table_remove(tasks, slot);
    }
    if (!trace_v2_step_user_context(s))
        return TRACE_V2_WRONG;
    struct trace_event *out = trace_v2_step_emit(s);
    if (out) {
        out->args[2] = task.parent;
        out->args[3] = task.name;
    }
    return trace_v2_step_done_if(out);
}

/* The running goroutine, for what it holds; NULL and *err. */
static struct trace_v2_go *holder(const struct trace_v2_try *s)
{
    struct trace_v2_go *go =
        trace_v2_step_user_context(s) ? trace_v2_state_current(&s->order->state, s->thread) : NULL;
    if (!go && s->g != TRACE_NONE)
        trace_v2_step_wrong_id(s, "nothing is known of goroutine", (uint64_t)s->g);
    return go;
}

static enum trace_v2_step region(struct trace_v2_try *s)
{
    if (!trace_v2_step_user_context(s))
        return TRACE_V2_WRONG;
    uint32_t name = trace_ids_get(&s->order->gen->strings, s->event->args[1]);
    if (name == TRACE_NO_ID)
        return trace_v2_step_wrong_id(s, "there is no string", s->event->args[1]);
    struct trace_v2_go *go = holder(s);
    if (!go)
        return TRACE_V2_WRONG;
    struct trace_v2_region this = {s->event->args[0], name};
    if (s->event->type == GOTRACE_USER_REGION_BEGIN) {
        if (!trace_v2_state_hold(&go->held) || !vec_push(&go->held->regions, this))
            return trace_v2_step_no_memory(s);
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
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

/* ---- ranges ---- */

static enum trace_v2_step gc_active(struct trace_v2_try *s)
{
    struct trace_v2_order *order = s->order;
    uint64_t seq = s->event->args[0];
    if (order->gen->gen == order->first_gen) {
        if (order->gc != TRACE_V2_GC_UNKNOWN)
            return trace_v2_step_wrong(s, "it is not the first of its kind");
        order->gc = TRACE_V2_GC_ON;
    } else {
        if (seq != order->gc_seq + 1)
            return TRACE_V2_NOT_YET;
        if (order->gc != TRACE_V2_GC_ON)
            return trace_v2_step_wrong(s, "no garbage collection goes on");
        if (!trace_v2_step_user_context(s))
            return TRACE_V2_WRONG;
    }
    order->gc_seq = seq;
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step gc_begin(struct trace_v2_try *s)
{
    struct trace_v2_order *order = s->order;
    uint64_t seq = s->event->args[0];
    if (order->gc != TRACE_V2_GC_UNKNOWN) {
        if (seq != order->gc_seq + 1)
            return TRACE_V2_NOT_YET;
        if (order->gc == TRACE_V2_GC_ON)
            return trace_v2_step_wrong(s, "a garbage collection goes on already");
        if (!trace_v2_step_user_context(s))
            return TRACE_V2_WRONG;
    }
    order->gc_seq = seq;
    order->gc = TRACE_V2_GC_ON;
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step gc_end(struct trace_v2_try *s)
{
    struct trace_v2_order *order = s->order;
    uint64_t seq = s->event->args[0];
    if (seq != order->gc_seq + 1)
        return TRACE_V2_NOT_YET;
    if (order->gc != TRACE_V2_GC_ON)
        return trace_v2_step_wrong(s, "no garbage collection goes on");
    if (!trace_v2_step_user_context(s))
        return TRACE_V2_WRONG;
    order->gc_seq = seq;
    order->gc = TRACE_V2_GC_OFF;
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step range_begin(struct trace_v2_try *s, struct trace_v2_held **held,
                                      struct trace_v2_range range)
{
    if (trace_v2_held_has(*held, range))
        return trace_v2_step_wrong(s, "it begins what has begun");
    if (!trace_v2_state_hold(held))
        return trace_v2_step_no_memory(s);
    if ((*held)->ranges.n == RANGES_MAX)
        return trace_v2_step_wrong(s, "too many ranges at a time");
    if (!vec_push(&(*held)->ranges, range))
        return trace_v2_step_no_memory(s);
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step range_active(struct trace_v2_try *s, struct trace_v2_held **held)
{
    struct trace_v2_range range = {gotrace_specs[s->event->type].start, 0};
    if (s->order->gen->gen == s->order->first_gen)
        return range_begin(s, held, range);
    if (!trace_v2_held_has(*held, range))
        return trace_v2_step_wrong(s, "what should go on has not begun");
    return trace_v2_step_done_if(trace_v2_step_emit(s));
}

static enum trace_v2_step range_end(struct trace_v2_try *s, struct trace_v2_held *held)
{
    uint8_t start = gotrace_specs[s->event->type].start;
    size_t i = 0, n = held ? held->ranges.n : 0;
    while (i < n && held->ranges.items[i].type != start)
        i++;
    if (i == n)
        return trace_v2_step_wrong(s, "it ends what has not begun");
    uint32_t kind = held->ranges.items[i].kind;
    held->ranges.items[i] = held->ranges.items[--held->ranges.n];
    struct trace_event *out = trace_v2_step_emit(s);
    if (out && s->event->type == GOTRACE_STW_END)
        out->args[0] = kind;
    return trace_v2_step_done_if(out);
}

static enum trace_v2_step go_range_begin(struct trace_v2_try *s)
{
    struct trace_v2_range range = {s->event->type, 0};
    struct trace_v2_go *go = holder(s);
    if (!go)
        return TRACE_V2_WRONG;
    if (s->event->type == GOTRACE_STW_BEGIN) {
        range.kind = trace_ids_get(&s->order->gen->strings, s->event->args[0]);
        if (range.kind == TRACE_NO_ID)
            return trace_v2_step_wrong_id(s, "there is no string", s->event->args[0]);
    }
    return range_begin(s, &go->held, range);
}

static enum trace_v2_step go_range_active(struct trace_v2_try *s)
{
    struct trace_v2_go *go = trace_v2_state_go(&s->order->state, (int64_t)s->event->args[0]);
    if (!go)
        return trace_v2_step_wrong_id(s, "nothing is known of goroutine", s->event->args[0]);
    return range_active(s, &go->held);
}

static enum trace_v2_step go_range_end(struct trace_v2_try *s)
{
    struct trace_v2_go *go = holder(s);
    return go ? range_end(s, go->held) : TRACE_V2_WRONG;
}

static enum trace_v2_step sweep(struct trace_v2_try *s)
{
    struct trace_v2_proc *proc;
    if (s->event->type == GOTRACE_GC_SWEEP_ACTIVE) {
        proc = trace_v2_state_proc(&s->order->state, s->event->args[0]);
        if (!proc)
            return trace_v2_step_wrong_id(s, "nothing is known of processor", s->event->args[0]);
        return range_active(s, &proc->held);
    }
    if (!trace_v2_step_context(s, TRACE_V2_HAVE, TRACE_V2_ANY) ||
        !(proc = trace_v2_step_current_proc(s)))
        return TRACE_V2_WRONG;
    if (s->event->type == GOTRACE_GC_SWEEP_END)
        return range_end(s, proc->held);
    return range_begin(s, &proc->held, (struct trace_v2_range){s->event->type, 0});
}

enum trace_v2_step trace_v2_ranges_advance(struct trace_v2_try *s)
{
    switch (s->event->type) {
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
    case GOTRACE_USER_TASK_BEGIN:
        return task_begin(s);
    case GOTRACE_USER_TASK_END:
        return task_end(s);
    case GOTRACE_USER_REGION_BEGIN:
    case GOTRACE_USER_REGION_END:
        return region(s);
    default:
        return trace_v2_step_wrong(s, "no thread has such events");
    }
}
