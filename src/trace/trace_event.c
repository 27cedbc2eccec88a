#include "trace/trace_event.h"

#include <stdio.h>

static const uint8_t kinds[256] = {
    [GOTRACE_CPU_SAMPLE] = TRACE_KIND_STACK_SAMPLE,
    [GOTRACE_PROCS_CHANGE] = TRACE_KIND_METRIC,
    [GOTRACE_PROC_START... GOTRACE_GO_STATUS] = TRACE_KIND_TRANSITION,
    [GOTRACE_STW_BEGIN] = TRACE_KIND_RANGE_BEGIN,
    [GOTRACE_STW_END] = TRACE_KIND_RANGE_END,
    [GOTRACE_GC_ACTIVE] = TRACE_KIND_RANGE_ACTIVE,
    [GOTRACE_GC_BEGIN] = TRACE_KIND_RANGE_BEGIN,
    [GOTRACE_GC_END] = TRACE_KIND_RANGE_END,
    [GOTRACE_GC_SWEEP_ACTIVE] = TRACE_KIND_RANGE_ACTIVE,
    [GOTRACE_GC_SWEEP_BEGIN] = TRACE_KIND_RANGE_BEGIN,
    [GOTRACE_GC_SWEEP_END] = TRACE_KIND_RANGE_END,
    [GOTRACE_GC_MARK_ASSIST_ACTIVE] = TRACE_KIND_RANGE_ACTIVE,
    [GOTRACE_GC_MARK_ASSIST_BEGIN] = TRACE_KIND_RANGE_BEGIN,
    [GOTRACE_GC_MARK_ASSIST_END] = TRACE_KIND_RANGE_END,
    [GOTRACE_HEAP_ALLOC] = TRACE_KIND_METRIC,
    [GOTRACE_HEAP_GOAL] = TRACE_KIND_METRIC,
    [GOTRACE_GO_LABEL] = TRACE_KIND_LABEL,
    [GOTRACE_USER_TASK_BEGIN] = TRACE_KIND_TASK_BEGIN,
    [GOTRACE_USER_TASK_END] = TRACE_KIND_TASK_END,
    [GOTRACE_USER_REGION_BEGIN] = TRACE_KIND_REGION_BEGIN,
    [GOTRACE_USER_REGION_END] = TRACE_KIND_REGION_END,
    [GOTRACE_USER_LOG] = TRACE_KIND_LOG,
    [GOTRACE_GO_SWITCH... GOTRACE_GO_STATUS_STACK] = TRACE_KIND_TRANSITION,
    [GOTRACE_SPAN... GOTRACE_GOROUTINE_STACK_FREE] = TRACE_KIND_EXPERIMENTAL,
    [TRACE_SYNC] = TRACE_KIND_SYNC,
};

enum trace_kind trace_event_kind(const struct trace_event *event)
{
    return (enum trace_kind)kinds[event->type];
}

const char *trace_go_state_name(enum trace_go_state state)
{
    static const char *const names[] = {"Undetermined", "NotExist", "Runnable",
                                        "Running",      "Waiting",  "Syscall"};
    return state < sizeof names / sizeof *names ? names[state] : "Bad";
}

const char *trace_proc_state_name(enum trace_proc_state state)
{
    static const char *const names[] = {"Undetermined", "NotExist", "Running", "Idle"};
    return state < sizeof names / sizeof *names ? names[state] : "Bad";
}

/* The state that a status of the wire stands for; what is no status, Undetermined. */
static uint8_t go_state(uint64_t status)
{
    static const uint8_t states[] = {[GOTRACE_GO_RUNNABLE] = TRACE_GO_RUNNABLE,
                                     [GOTRACE_GO_RUNNING] = TRACE_GO_RUNNING,
                                     [GOTRACE_GO_SYSCALL] = TRACE_GO_SYSCALL,
                                     [GOTRACE_GO_WAITING] = TRACE_GO_WAITING};
    return status < sizeof states ? states[status] : TRACE_GO_UNDETERMINED;
}

static uint8_t proc_state(uint64_t status)
{
    static const uint8_t states[] = {[GOTRACE_PROC_RUNNING] = TRACE_PROC_RUNNING,
                                     [GOTRACE_PROC_IDLE] = TRACE_PROC_IDLE,
                                     [GOTRACE_PROC_SYSCALL] = TRACE_PROC_RUNNING,
                                     [GOTRACE_PROC_SYSCALL_ABANDONED] = TRACE_PROC_IDLE};
    return status < sizeof states ? states[status] : TRACE_PROC_UNDETERMINED;
}

bool trace_event_transition(const struct trace_event *event, struct trace_transition *out)
{
    /* Who changes: the goroutine or processor of args[0], or that of the context. */
    enum { GO_ARG, GO_HERE, PROC_ARG, PROC_HERE };
    static const struct {
        uint8_t is, who, from, to;
    } fixed[GOTRACE_N_TYPES] = {
        [GOTRACE_PROC_START] = {1, PROC_ARG, TRACE_PROC_IDLE, TRACE_PROC_RUNNING},
        [GOTRACE_PROC_STOP] = {1, PROC_HERE, TRACE_PROC_RUNNING, TRACE_PROC_IDLE},
        [GOTRACE_PROC_STEAL] = {1, PROC_ARG, TRACE_PROC_RUNNING, TRACE_PROC_IDLE},
        [GOTRACE_PROC_STATUS] = {1, PROC_ARG, 0, 0},
        [GOTRACE_GO_CREATE] = {1, GO_ARG, TRACE_GO_NOT_EXIST, TRACE_GO_RUNNABLE},
        [GOTRACE_GO_CREATE_BLOCKED] = {1, GO_ARG, TRACE_GO_NOT_EXIST, TRACE_GO_WAITING},
        [GOTRACE_GO_CREATE_SYSCALL] = {1, GO_ARG, TRACE_GO_NOT_EXIST, TRACE_GO_SYSCALL},
        [GOTRACE_GO_START] = {1, GO_ARG, TRACE_GO_RUNNABLE, TRACE_GO_RUNNING},
        [GOTRACE_GO_DESTROY] = {1, GO_HERE, TRACE_GO_RUNNING, TRACE_GO_NOT_EXIST},
        [GOTRACE_GO_DESTROY_SYSCALL] = {1, GO_HERE, TRACE_GO_SYSCALL, TRACE_GO_NOT_EXIST},
        [GOTRACE_GO_STOP] = {1, GO_HERE, TRACE_GO_RUNNING, TRACE_GO_RUNNABLE},
        [GOTRACE_GO_BLOCK] = {1, GO_HERE, TRACE_GO_RUNNING, TRACE_GO_WAITING},
        /* The switches are followed by what becomes of the goroutine that was running and
         * by the start of the next. */
        [GOTRACE_GO_UNBLOCK] = {1, GO_ARG, TRACE_GO_WAITING, TRACE_GO_RUNNABLE},
        [GOTRACE_GO_SWITCH] = {1, GO_ARG, TRACE_GO_WAITING, TRACE_GO_RUNNABLE},
        [GOTRACE_GO_SWITCH_DESTROY] = {1, GO_ARG, TRACE_GO_WAITING, TRACE_GO_RUNNABLE},
        [GOTRACE_GO_SYSCALL_BEGIN] = {1, GO_HERE, TRACE_GO_RUNNING, TRACE_GO_SYSCALL},
        [GOTRACE_GO_SYSCALL_END] = {1, GO_HERE, TRACE_GO_SYSCALL, TRACE_GO_RUNNING},
        [GOTRACE_GO_SYSCALL_END_BLOCKED] = {1, GO_HERE, TRACE_GO_SYSCALL, TRACE_GO_RUNNABLE},
        [GOTRACE_GO_STATUS] = {1, GO_ARG, 0, 0},
        [GOTRACE_GO_STATUS_STACK] = {1, GO_ARG, 0, 0},
    };
    if (event->type >= GOTRACE_N_TYPES || !fixed[event->type].is)
        return false;
    uint8_t who = fixed[event->type].who;
    *out = (struct trace_transition){
        .scope = who <= GO_HERE ? TRACE_SCOPE_GOROUTINE : TRACE_SCOPE_PROC,
        .id = who == GO_HERE     ? event->g
              : who == PROC_HERE ? event->p
                                 : (int64_t)event->args[0],
        .from = fixed[event->type].from,
        .to = fixed[event->type].to,
    };
    switch (event->type) {
    case GOTRACE_PROC_STEAL:
        if (event->args[3] == GOTRACE_PROC_SYSCALL_ABANDONED) /* idle to all who look */
            out->from = TRACE_PROC_IDLE;
        break;
    case GOTRACE_PROC_STATUS:
        out->from = (uint8_t)event->args[2];
        out->to = proc_state(event->args[1]);
        break;
    case GOTRACE_GO_CREATE:
    case GOTRACE_GO_CREATE_BLOCKED:
        out->stack = (uint32_t)event->args[1];
        break;
    case GOTRACE_GO_STOP:
    case GOTRACE_GO_BLOCK:
        out->reason = (uint32_t)event->args[0];
        out->stack = (uint32_t)event->args[1];
        break;
    case GOTRACE_GO_SYSCALL_BEGIN:
        out->stack = (uint32_t)event->args[1];
        break;
    case GOTRACE_GO_STATUS_STACK:
        out->stack = (uint32_t)event->args[3];
        /* fall through */
    case GOTRACE_GO_STATUS:
        out->from = (uint8_t)(event->args[2] >> 32);
        out->to = go_state((uint32_t)event->args[2]);
        break;
    default:
        break;
    }
    return true;
}

uint32_t trace_event_stack(const struct trace_event *event)
{
    if (event->type == GOTRACE_CPU_SAMPLE)
        return (uint32_t)event->args[0];
    if (event->type >= GOTRACE_N_TYPES || !gotrace_specs[event->type].stack_args[0])
        return 0;
    return (uint32_t)event->args[gotrace_specs[event->type].stack_args[0] - 1];
}

bool trace_event_range(const struct trace *trace, const struct trace_event *event, char *buf,
                       struct trace_range *out)
{
    switch (event->type) {
    case GOTRACE_STW_BEGIN:
    case GOTRACE_STW_END:
        snprintf(buf, 256, "stop-the-world (%s)",
                 trace_string(trace, (uint32_t)event->args[0], NULL));
        *out = (struct trace_range){buf, TRACE_SCOPE_GOROUTINE, event->g};
        return true;
    case GOTRACE_GC_BEGIN:
    case GOTRACE_GC_ACTIVE:
    case GOTRACE_GC_END:
        *out = (struct trace_range){"GC concurrent mark phase", TRACE_SCOPE_NONE, 0};
        return true;
    case GOTRACE_GC_SWEEP_BEGIN:
    case GOTRACE_GC_SWEEP_END:
        *out = (struct trace_range){"GC incremental sweep", TRACE_SCOPE_PROC, event->p};
        return true;
    case GOTRACE_GC_SWEEP_ACTIVE:
        *out =
            (struct trace_range){"GC incremental sweep", TRACE_SCOPE_PROC, (int64_t)event->args[0]};
        return true;
    case GOTRACE_GC_MARK_ASSIST_BEGIN:
    case GOTRACE_GC_MARK_ASSIST_END:
        *out = (struct trace_range){"GC mark assist", TRACE_SCOPE_GOROUTINE, event->g};
        return true;
    case GOTRACE_GC_MARK_ASSIST_ACTIVE:
        *out =
            (struct trace_range){"GC mark assist", TRACE_SCOPE_GOROUTINE, (int64_t)event->args[0]};
        return true;
    default:
        return false;
    }
}

bool trace_event_metric(const struct trace_event *event, struct trace_metric *out)
{
    const char *name;
    switch (event->type) {
    case GOTRACE_PROCS_CHANGE:
        name = "/sched/gomaxprocs:threads";
        break;
    case GOTRACE_HEAP_ALLOC:
        name = "/memory/classes/heap/objects:bytes";
        break;
    case GOTRACE_HEAP_GOAL:
        name = "/gc/heap/goal:bytes";
        break;
    default:
        return false;
    }
    *out = (struct trace_metric){name, event->args[0]};
    return true;
}

bool trace_event_task(const struct trace_event *event, struct trace_task *out)
{
    if (event->type == GOTRACE_USER_TASK_BEGIN)
        *out = (struct trace_task){event->args[0], event->args[1], (uint32_t)event->args[2]};
    else if (event->type == GOTRACE_USER_TASK_END)
        *out = (struct trace_task){event->args[0], event->args[2], (uint32_t)event->args[3]};
    else
        return false;
    return true;
}

bool trace_event_region(const struct trace_event *event, struct trace_region *out)
{
    if (event->type != GOTRACE_USER_REGION_BEGIN && event->type != GOTRACE_USER_REGION_END)
        return false;
    *out = (struct trace_region){event->args[0], (uint32_t)event->args[1]};
    return true;
}

bool trace_event_log(const struct trace_event *event, struct trace_log *out)
{
    if (event->type != GOTRACE_USER_LOG)
        return false;
    *out = (struct trace_log){event->args[0], (uint32_t)event->args[1], (uint32_t)event->args[2]};
    return true;
}
