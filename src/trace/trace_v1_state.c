#include "trace/trace_v1_state.h"

#include <inttypes.h>
#include <stdlib.h>

enum { DEAD, RUNNABLE, RUNNING, WAITING };

#define NO_REGION UINT32_MAX

struct trace_v1_goroutine {
    uint32_t region; /* the innermost */
    uint8_t state;
    bool is_there;      /* it was heard of */
    bool is_in_network; /* the last it did was to wait for it */
    bool is_in_assist;  /* of the GC */
};

struct trace_v1_processor {
    uint64_t g;
    bool is_running, is_in_sweep, is_stopped;
};

bool trace_v1_state_init(struct trace_v1_state *s, const struct trace_v1_order *order,
                         struct err *err)
{
    uint32_t n = order->n_goroutines;
    s->file = order->file;
    s->free_region = NO_REGION;
    s->goroutines = calloc(n, sizeof *s->goroutines);
    s->procs = calloc(order->n_streams, sizeof *s->procs);
    if (!s->goroutines || !s->procs)
        return err_nomem(err);
    for (uint32_t i = 0; i < n; i++)
        s->goroutines[i].region = NO_REGION;
    s->goroutines[0].state = RUNNING;
    s->goroutines[0].is_there = true;
    return true;
}

void trace_v1_state_release(struct trace_v1_state *s)
{
    free(s->goroutines);
    free(s->procs);
    vec_release(&s->regions);
    *s = (struct trace_v1_state){0};
}

/* What there is no sense in; true all the same where that may be for what is missing. */
static bool tolerate(struct trace_v1_state *s, const struct trace_v1_event *e, const char *what)
{
    return s->file->is_partial ||
           err_set(&s->broken, ERR_INPUT, "%s of goroutine %" PRIu64 " at byte %" PRIu64 ": %s",
                   trace_v1_specs[e->type].name, e->g, e->offset, what);
}

/* The goroutine does this itself. */
static bool check_running(struct trace_v1_state *s, const struct trace_v1_next *next,
                          bool may_be_none)
{
    const struct trace_v1_event *e = next->event;
    bool is_running =
        s->goroutines[next->goroutine].state == RUNNING && s->procs[next->proc].g == e->g;
    return (is_running && (may_be_none || e->g)) || tolerate(s, e, "it was not running");
}

static bool begin_region(struct trace_v1_state *s, struct trace_v1_goroutine *g,
                         const struct trace_v1_event *e, struct err *err)
{
    uint32_t i = s->free_region;
    struct trace_v1_region region = {e->args[0], e->args[2], g->region};
    if (i != NO_REGION) {
        s->free_region = s->regions.items[i].outer;
        s->regions.items[i] = region;
    } else {
        i = (uint32_t)s->regions.n;
        if (i == NO_REGION || !vec_push(&s->regions, region))
            return err_nomem(err);
    }
    g->region = i;
    return true;
}

static void end_region(struct trace_v1_state *s, struct trace_v1_goroutine *g)
{
    struct trace_v1_region *region = &s->regions.items[g->region];
    uint32_t outer = region->outer;
    region->outer = s->free_region;
    s->free_region = g->region;
    g->region = outer;
}

static bool check_region(struct trace_v1_state *s, struct trace_v1_goroutine *g,
                         const struct trace_v1_event *e, struct err *err)
{
    if (e->args[1] == 0)
        return begin_region(s, g, e, err);
    if (e->args[1] != 1 && !tolerate(s, e, "neither begin nor end"))
        return false;
    if (g->region == NO_REGION)
        return true; /* it began before the trace */
    const struct trace_v1_region *region = &s->regions.items[g->region];
    if ((region->task != e->args[0] || region->name != e->args[2]) &&
        !tolerate(s, e, "the innermost region is another"))
        return false;
    end_region(s, g);
    return true;
}

/* Stops of the world were one a processor until Go 1.10. */
static bool *stop_of(struct trace_v1_state *s, const struct trace_v1_next *next)
{
    return s->file->input.version < 10 ? &s->procs[next->proc].is_stopped : &s->is_stopped;
}

bool trace_v1_state_step(struct trace_v1_state *s, const struct trace_v1_next *next, int32_t *p,
                         struct err *err)
{
    const struct trace_v1_event *e = next->event;
    struct trace_v1_goroutine *g = &s->goroutines[next->goroutine], *target;
    struct trace_v1_processor *proc = &s->procs[next->proc];
    switch (e->type) {
    case TRACE_V1_PROC_START:
        if (proc->is_running && !tolerate(s, e, "its processor was running"))
            return false;
        proc->is_running = true;
        break;
    case TRACE_V1_PROC_STOP:
        if ((!proc->is_running || proc->g) &&
            !tolerate(s, e, proc->g ? "its processor runs one" : "its processor was not running"))
            return false;
        proc->is_running = false;
        break;
    case TRACE_V1_GC_START:
        if (s->is_in_gc && !tolerate(s, e, "the GC before has not ended"))
            return false;
        s->is_in_gc = true;
        *p = TRACE_V1_GC_P;
        break;
    case TRACE_V1_GC_DONE:
        if (!s->is_in_gc && !tolerate(s, e, "there was no GC"))
            return false;
        s->is_in_gc = false;
        break;
    case TRACE_V1_STW_START:
        if (*stop_of(s, next) && !tolerate(s, e, "the stop before has not ended"))
            return false;
        *stop_of(s, next) = true;
        break;
    case TRACE_V1_STW_DONE:
        if (!*stop_of(s, next) && !tolerate(s, e, "there was no stop"))
            return false;
        *stop_of(s, next) = false;
        break;
    case TRACE_V1_GC_SWEEP_START:
        if (proc->is_in_sweep && !tolerate(s, e, "the sweep before has not ended"))
            return false;
        proc->is_in_sweep = true;
        break;
    case TRACE_V1_GC_SWEEP_DONE:
        if (!proc->is_in_sweep && !tolerate(s, e, "there was no sweep"))
            return false;
        proc->is_in_sweep = false;
        break;
    case TRACE_V1_GC_MARK_ASSIST_START:
        if (g->is_in_assist && !tolerate(s, e, "the assist before has not ended"))
            return false;
        g->is_in_assist = g->is_there = true;
        break;
    case TRACE_V1_GC_MARK_ASSIST_DONE: /* it may have begun before the trace */
        g->is_in_assist = false;
        g->is_there = true;
        break;
    case TRACE_V1_GO_WAITING:
    case TRACE_V1_GO_IN_SYSCALL:
        if (g->state != RUNNABLE && !tolerate(s, e, "it was not runnable"))
            return false;
        g->state = WAITING;
        g->is_in_network = false;
        break;
    case TRACE_V1_GO_CREATE:
        target = &s->goroutines[next->target];
        if (!check_running(s, next, true))
            return false;
        if (target->is_there && !tolerate(s, e, "the new goroutine was there before"))
            return false;
        target->state = RUNNABLE;
        target->is_there = true;
        break;
    case TRACE_V1_GO_START:
    case TRACE_V1_GO_START_LABEL:
        if ((g->state != RUNNABLE || proc->g) &&
            !tolerate(s, e, proc->g ? "its processor runs another" : "it was not runnable"))
            return false;
        g->state = RUNNING;
        g->is_in_network = false;
        proc->g = e->g;
        break;
    case TRACE_V1_GO_END:
    case TRACE_V1_GO_STOP:
        if (!check_running(s, next, false))
            return false;
        g->state = DEAD;
        proc->g = 0;
        if (e->type == TRACE_V1_GO_END)
            while (g->region != NO_REGION)
                end_region(s, g);
        break;
    case TRACE_V1_GO_SCHED:
    case TRACE_V1_GO_PREEMPT:
        if (!check_running(s, next, false))
            return false;
        g->state = RUNNABLE;
        g->is_in_network = false;
        proc->g = 0;
        break;
    case TRACE_V1_GO_UNBLOCK:
        target = &s->goroutines[next->target];
        if (map_get(&s->file->timers, e->g) != MAP_NONE)
            *p = TRACE_V1_TIMER_P;
        if ((g->state != RUNNING || (*p != TRACE_V1_TIMER_P && proc->g != e->g)) &&
            !tolerate(s, e, "it was not running"))
            return false;
        if (target->state != WAITING && !tolerate(s, e, "the other was not waiting"))
            return false;
        if (target->is_in_network)
            *p = TRACE_V1_NETPOLL_P;
        target->state = RUNNABLE;
        target->is_in_network = false;
        break;
    case TRACE_V1_GO_SYS_CALL:
        if (!check_running(s, next, false))
            return false;
        g->is_in_network = false;
        break;
    case TRACE_V1_GO_SYS_BLOCK:
        if (!check_running(s, next, false))
            return false;
        g->state = WAITING;
        proc->g = 0;
        break;
    case TRACE_V1_GO_SYS_EXIT:
        *p = TRACE_V1_SYSCALL_P;
        if (g->state != WAITING && !tolerate(s, e, "it was not in a system call"))
            return false;
        g->state = RUNNABLE;
        g->is_in_network = false;
        break;
    case TRACE_V1_GO_SLEEP:
    case TRACE_V1_GO_BLOCK:
    case TRACE_V1_GO_BLOCK_SEND:
    case TRACE_V1_GO_BLOCK_RECV:
    case TRACE_V1_GO_BLOCK_SELECT:
    case TRACE_V1_GO_BLOCK_SYNC:
    case TRACE_V1_GO_BLOCK_COND:
    case TRACE_V1_GO_BLOCK_NET:
    case TRACE_V1_GO_BLOCK_GC:
        if (!check_running(s, next, false))
            return false;
        g->state = WAITING;
        g->is_in_network = e->type == TRACE_V1_GO_BLOCK_NET;
        proc->g = 0;
        break;
    case TRACE_V1_USER_REGION:
        return check_region(s, g, e, err);
    default:
        break;
    }
    return true;
}
