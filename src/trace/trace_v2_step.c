#include "trace/trace_v2_step.h"

#include <inttypes.h>

static const char *name_of(const struct trace_v2_try *s)
{
    return gotrace_specs[s->event->type].name;
}

enum trace_v2_step trace_v2_step_wrong(const struct trace_v2_try *s, const char *why)
{
    err_set(s->err, ERR_INPUT, "%s: %s", name_of(s), why);
    return TRACE_V2_WRONG;
}

enum trace_v2_step trace_v2_step_wrong_id(const struct trace_v2_try *s, const char *why,
                                          uint64_t id)
{
    err_set(s->err, ERR_INPUT, "%s: %s %" PRId64, name_of(s), why, (int64_t)id);
    return TRACE_V2_WRONG;
}

enum trace_v2_step trace_v2_step_no_memory(const struct trace_v2_try *s)
{
    err_nomem(s->err);
    return TRACE_V2_WRONG;
}

struct trace_event *trace_v2_step_emit_as(const struct trace_v2_try *s, unsigned type,
                                          const uint64_t *args, int64_t g)
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
        uint32_t number = trace_ids_get(&order->gen->stacks, *id);
        if (number == TRACE_NO_ID) {
            trace_v2_step_wrong_id(s, "there is no stack", *id);
            return NULL;
        }
        *id = number;
    }
    for (const uint8_t *i = spec->string_args; *i; i++) {
        uint64_t *id = &out->args[*i - 1];
        uint32_t number = trace_ids_get(&order->gen->strings, *id);
        if (number == TRACE_NO_ID) {
            trace_v2_step_wrong_id(s, "there is no string", *id);
            return NULL;
        }
        *id = number;
    }
    return out;
}

bool trace_v2_step_context(const struct trace_v2_try *s, int p, int g)
{
    const char *why = NULL;
    if (s->m == TRACE_NONE)
        why = "it is of no thread";
    else if (p != TRACE_V2_ANY && (p == TRACE_V2_HAVE) != (s->p != TRACE_NONE))
        why = p == TRACE_V2_HAVE ? "its thread has no processor"
                                 : "its thread has a processor already";
    else if (g != TRACE_V2_ANY && (g == TRACE_V2_HAVE) != (s->g != TRACE_NONE))
        why = g == TRACE_V2_HAVE ? "its thread has no goroutine"
                                 : "its thread has a goroutine already";
    if (why)
        trace_v2_step_wrong(s, why);
    return !why;
}

struct trace_v2_go *trace_v2_step_current(const struct trace_v2_try *s, unsigned status)
{
    struct trace_v2_go *go = trace_v2_state_current(&s->order->state, s->thread);
    if (!go)
        trace_v2_step_wrong_id(s, "it is of a goroutine that does not exist:", (uint64_t)s->g);
    else if (go->status != status) {
        trace_v2_step_wrong_id(s,
                               status == GOTRACE_GO_RUNNING
                                   ? "it is of a goroutine that does not run:"
                                   : "it is of a goroutine that is in no system call:",
                               (uint64_t)s->g);
        go = NULL;
    }
    return go;
}

struct trace_v2_proc *trace_v2_step_current_proc(const struct trace_v2_try *s)
{
    struct trace_v2_proc *proc = trace_v2_state_proc(&s->order->state, (uint64_t)s->p);
    if (!proc)
        trace_v2_step_wrong_id(s, "nothing is known of processor", (uint64_t)s->p);
    return proc;
}
