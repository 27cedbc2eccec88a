/* trace_event: one event of an execution trace, in the order in which things happened, and what
 * it means.  The numbering is that of the wire (wire/gotrace.h); events of Go 1.5 to 1.21
 * are converted to it as Go's own tools do.
 * Source of the rules: internal/trace/event.go and resources.go of Go 1.27.
 *
 * Units: times in ns on the clock of the trace (monotonic, of any start).
 * Threads: plain values.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_EVENT_H
#define SONDE_TRACE_TRACE_EVENT_H

#include "trace/trace.h"
#include "wire/gotrace.h"

#define TRACE_NONE (-1) /* no goroutine, no processor, no thread */
/* From the first event to the last: two years.  The first is at most INT64_MAX / 2 from 0, so that
 * differences and small sums of times are numbers whatever a file says. */
#define TRACE_LENGTH_MAX_NS (UINT64_C(1) << 56)
#define TRACE_SYNC 255 /* event.type of a generation's begin and of the end of the trace */

/* The context (g, m, p) is that before the event, as Go's tools show it. */
struct trace_event {
    int64_t time_ns; /* always later than that of the event before */
    int64_t g, m;    /* the goroutine that runs, its thread; TRACE_NONE */
    int32_t p;       /* processor */
    uint8_t type;    /* enum gotrace_type of a timed event, GOTRACE_CPU_SAMPLE, or TRACE_SYNC */
    /* The arguments after the time, as on the wire, but for: strings and stacks are numbers
     * of struct trace, and what Go's ordering adds (below) stands there too.
     *   TRACE_SYNC          [which one, from 1]
     *   GOTRACE_CPU_SAMPLE  [stack]
     *   GO_STATUS(_STACK)   [2] = state before << 32 | status
     *   PROC_STATUS         [2] = state before;  PROC_STEAL [3] = status before
     *   STW_END             [0] = kind (string)
     *   USER_TASK_END       [2] = parent task, [3] = name (string) */
    uint64_t args[4];
};

/* Kinds, as Go's EventKind. */
enum trace_kind {
    TRACE_KIND_BAD,
    TRACE_KIND_SYNC,
    TRACE_KIND_METRIC,
    TRACE_KIND_LABEL,
    TRACE_KIND_STACK_SAMPLE,
    TRACE_KIND_RANGE_BEGIN,
    TRACE_KIND_RANGE_ACTIVE,
    TRACE_KIND_RANGE_END,
    TRACE_KIND_TASK_BEGIN,
    TRACE_KIND_TASK_END,
    TRACE_KIND_REGION_BEGIN,
    TRACE_KIND_REGION_END,
    TRACE_KIND_LOG,
    TRACE_KIND_TRANSITION,
    TRACE_KIND_EXPERIMENTAL
};
enum trace_kind trace_event_kind(const struct trace_event *event);

/* States of goroutines and processors, as Go's GoState and ProcState. */
enum trace_go_state {
    TRACE_GO_UNDETERMINED,
    TRACE_GO_NOT_EXIST,
    TRACE_GO_RUNNABLE,
    TRACE_GO_RUNNING,
    TRACE_GO_WAITING,
    TRACE_GO_SYSCALL,
    TRACE_GO_N_STATES
};
enum trace_proc_state {
    TRACE_PROC_UNDETERMINED,
    TRACE_PROC_NOT_EXIST,
    TRACE_PROC_RUNNING,
    TRACE_PROC_IDLE
};
const char *trace_go_state_name(enum trace_go_state state);     /* "Runnable" */
const char *trace_proc_state_name(enum trace_proc_state state); /* "Idle" */

enum trace_scope { TRACE_SCOPE_NONE, TRACE_SCOPE_GOROUTINE, TRACE_SCOPE_PROC, TRACE_SCOPE_THREAD };

/* A goroutine or processor changes its state. */
struct trace_transition {
    enum trace_scope scope; /* GOROUTINE or PROC */
    int64_t id;
    uint8_t from, to; /* enum trace_go_state or trace_proc_state */
    uint32_t reason;  /* string; 0: none */
    uint32_t stack;   /* of the goroutine that changes (not of who changes it); 0: none */
};
/* False: the event is no transition.  O(1), for each event of a long trace. */
bool trace_event_transition(const struct trace_event *event, struct trace_transition *out);

/* Is it what a goroutine has done since before the trace?  That may be told late in the first
 * generation. */
static inline bool trace_event_is_first_status(const struct trace_event *event)
{
    return (event->type == GOTRACE_GO_STATUS || event->type == GOTRACE_GO_STATUS_STACK) &&
           event->args[2] >> 32 == TRACE_GO_UNDETERMINED;
}

/* The stack of the context in which the event was; 0: none. */
uint32_t trace_event_stack(const struct trace_event *event);

/* Ranges: GC, sweep, mark assist, stop-the-world.  Ends have the name of their begin.
 * `name` is valid while the trace is. */
struct trace_range {
    const char *name; /* "GC concurrent mark phase", "stop-the-world (...)" */
    enum trace_scope scope;
    int64_t id;
};
/* False: no range.  `buf` has room for a name that has to be put together (256 bytes). */
bool trace_event_range(const struct trace *trace, const struct trace_event *event, char *buf,
                       struct trace_range *out);

struct trace_metric {
    const char *name; /* "/sched/gomaxprocs:threads" and so on, constant */
    uint64_t value;
};
bool trace_event_metric(const struct trace_event *event, struct trace_metric *out);

#define TRACE_BACKGROUND_TASK 0
#define TRACE_NO_TASK UINT64_MAX
struct trace_task {
    uint64_t id, parent;
    uint32_t name; /* string */
};
bool trace_event_task(const struct trace_event *event, struct trace_task *out);
struct trace_region {
    uint64_t task;
    uint32_t name; /* string */
};
bool trace_event_region(const struct trace_event *event, struct trace_region *out);
struct trace_log {
    uint64_t task;
    uint32_t category, message; /* strings */
};
bool trace_event_log(const struct trace_event *event, struct trace_log *out);

#endif
