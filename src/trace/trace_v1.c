/* Traces of Go 1.5 to 1.21 as events of v2.  Most have an equal there; a system call becomes two
 * events, and what is known of goroutines and processors when the trace begins becomes statuses.
 * Rules: internal/trace/tracev1.go of Go 1.27, and what its parser refuses. */
#include "trace/trace_v1_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct proc {
    int64_t m; /* TRACE_NONE: none */
    bool is_seen;
};

struct task {
    uint64_t parent;
    uint32_t name;
    bool is_there;
};

enum { /* reasons and kinds of stops: strings of struct trace */
       WHY_FOREVER,
       WHY_PREEMPTED,
       WHY_GOSCHED,
       WHY_SLEEP,
       WHY_CHAN_SEND,
       WHY_CHAN_RECEIVE,
       WHY_NETWORK,
       WHY_SYNC,
       WHY_COND,
       WHY_SELECT,
       WHY_EMPTY,
       WHY_MARK_ASSIST,
       WHY_STW, /* 17 kinds, as Go 1.21 numbers them */
       WHY_N = WHY_STW + 17
};
static const char *const whys[WHY_N] = {
    [WHY_FOREVER] = "forever",
    [WHY_PREEMPTED] = "preempted",
    [WHY_GOSCHED] = "runtime.Gosched",
    [WHY_SLEEP] = "sleep",
    [WHY_CHAN_SEND] = "chan send",
    [WHY_CHAN_RECEIVE] = "chan receive",
    [WHY_NETWORK] = "network",
    [WHY_SYNC] = "sync",
    [WHY_COND] = "sync.(*Cond).Wait",
    [WHY_SELECT] = "select",
    [WHY_EMPTY] = "",
    [WHY_MARK_ASSIST] = "GC mark assist wait for work",
    [WHY_STW] = "",
    "GC mark termination",
    "GC sweep termination",
    "write heap dump",
    "goroutine profile",
    "goroutine profile cleanup",
    "all goroutine stack trace",
    "read mem stats",
    "AllThreadsSyscall",
    "GOMAXPROCS",
    "start trace",
    "stop trace",
    "CountPagesInUse (test)",
    "ReadMetricsSlow (test)",
    "ReadMemStatsSlow (test)",
    "PageCachePagesLeaked (test)",
    "ResetDebugLog (test)",
};

enum phase { PHASE_START, PHASE_EVENTS, PHASE_END, PHASE_DONE };

struct trace_v1 {
    struct trace_input input;
    struct trace *trace;
    struct trace_v1_file file;
    struct trace_v1_order order;
    enum phase phase;
    struct err broken; /* why it ends; ERR_NONE: it is the end */
    uint32_t whys[WHY_N];
    uint32_t no_frames; /* a stack that has none, but is told of */
    struct trace_v1_state state;
    bool *is_unknown;   /* by goroutine: it existed before, and has told nothing so far */
    struct proc *procs; /* as those of the state */
    struct map task_of; /* id -> tasks */
    VEC(struct task) tasks;
    bool is_started;      /* all goroutines that existed before were told of */
    uint32_t next_status; /* goroutine whose status is told next, once it is started */
    int64_t status_ns;
    uint32_t stop_kind;
    int64_t first_ticks, last_ns;
    double ns; /* of a tick */
    uint64_t n_events, n_done;
};

static void v1_free(void *source)
{
    struct trace_v1 *v = source;
    if (!v)
        return;
    trace_v1_order_release(&v->order);
    trace_v1_file_release(&v->file);
    trace_v1_state_release(&v->state);
    free(v->is_unknown);
    free(v->procs);
    vec_release(&v->tasks);
    map_release(&v->task_of);
    free(v);
}

static void *v1_open(const struct trace_input *input, struct trace *trace, struct err *err)
{
    struct trace_v1 *v = calloc(1, sizeof *v);
    if (!v) {
        err_nomem(err);
        return NULL;
    }
    v->input = *input;
    v->trace = trace;
    v->last_ns = -1;
    v->no_frames = trace_add_stack(trace, NULL, 0);
    bool is_ok = v->no_frames != UINT32_MAX;
    for (unsigned i = 0; i < WHY_N && is_ok; i++) {
        v->whys[i] = trace_add_string(trace, whys[i], strlen(whys[i]));
        is_ok = v->whys[i] != UINT32_MAX;
    }
    if (is_ok)
        return v;
    v1_free(v);
    err_nomem(err);
    return NULL;
}

/* Read all, and order it. */
static bool start(struct trace_v1 *v, struct err *err)
{
    if (!trace_v1_scan(&v->file, &v->input, v->trace, err) ||
        !trace_v1_order_make(&v->order, &v->file, err))
        return false;
    v->is_unknown = calloc(v->order.n_goroutines, sizeof *v->is_unknown);
    v->procs = calloc(v->order.n_streams, sizeof *v->procs);
    if (!v->is_unknown || !v->procs || !trace_v1_state_init(&v->state, &v->order, err))
        return err_nomem(err);
    for (uint32_t k = 0; k < v->order.n_streams; k++)
        v->procs[k].m = TRACE_NONE;
    v->n_events = v->order.n + v->order.moved.n;
    v->broken = v->file.broken.code != ERR_NONE ? v->file.broken : v->order.broken;
    v->ns = v->file.frequency ? 1e9 / (double)v->file.frequency : 1;
    if (!v->file.frequency) {
        struct err why = v->broken;
        err_set(&v->broken, ERR_INPUT, "%.400s; so its times are ticks of unknown length, not ns",
                why.msg);
    }
    return true;
}

static int64_t to_ns(const struct trace_v1 *v, int64_t ticks)
{
    const double limit = 4e18; /* so that later events can have later times */
    double ns = (double)(int64_t)((uint64_t)ticks - (uint64_t)v->first_ticks) * v->ns;
    return ns < -limit ? (int64_t)-limit : ns > limit ? (int64_t)limit : (int64_t)ns;
}

/* ---- As events of v2 ---- */

static uint32_t string_of(const struct trace_v1 *v, uint64_t id)
{
    uint32_t string = trace_ids_get(&v->file.strings, id);
    return string == TRACE_NO_ID ? 0 : string;
}

static uint32_t stack_of(const struct trace_v1 *v, uint64_t id)
{
    uint32_t stack = trace_ids_get(&v->file.stacks, id);
    return stack == TRACE_NO_ID ? 0 : stack;
}

/* Where a new goroutine begins.  Go 1.5 told it by its address.  UINT32_MAX: no memory. */
static uint32_t start_of(struct trace_v1 *v, uint64_t arg)
{
    if (v->input.version >= 7) {
        uint32_t stack = stack_of(v, arg);
        return stack ? stack : v->no_frames;
    }
    uint32_t number = trace_v1_frame(&v->file, v->trace, arg + 1);
    return number == UINT32_MAX ? number : trace_add_stack(v->trace, &number, 1);
}

static uint32_t stop_kind(const struct trace_v1 *v, uint64_t kind)
{
    unsigned i = 0;
    if (v->input.version == 21)
        i = kind < WHY_N - WHY_STW ? (unsigned)kind : 0;
    else if (kind <= 1)
        i = (unsigned)kind + 1;
    return v->whys[WHY_STW + i];
}

static bool add_task(struct trace_v1 *v, const struct trace_v1_event *e, struct err *err)
{
    uint32_t i = map_get(&v->task_of, e->args[0]);
    struct task task = {e->args[1], string_of(v, e->args[2]), true};
    if (i != MAP_NONE) {
        if (v->tasks.items[i].is_there && !v->file.is_partial)
            return err_set(&v->broken, ERR_INPUT,
                           "UserTaskCreate at byte %" PRIu64 ": the task was there before",
                           e->offset);
        v->tasks.items[i] = task;
        return true;
    }
    if (v->tasks.n >= UINT32_MAX || !map_put(&v->task_of, e->args[0], (uint32_t)v->tasks.n) ||
        !vec_push(&v->tasks, task))
        return err_nomem(err);
    return true;
}

/* The event behind the last of the block is one.  Two are never at the same time. */
static void put(struct trace_v1 *v, struct trace_block *block)
{
    struct trace_event *event = &block->events[block->n++];
    if (event->time_ns <= v->last_ns)
        event->time_ns = v->last_ns + 1;
    v->last_ns = event->time_ns;
}

/* The same, and the one behind it begins as it was; where that is. */
static struct trace_event *put_and_copy(struct trace_v1 *v, struct trace_block *block)
{
    put(v, block);
    block->events[block->n] = block->events[block->n - 1];
    return &block->events[block->n];
}

/* The same as an event that waits for something. */
static void blocks(struct trace_v1 *v, struct trace_event *out, uint8_t type, unsigned why,
                   uint32_t stack)
{
    out->type = type;
    out->args[0] = v->whys[why];
    out->args[1] = stack;
}

static void status(struct trace_v1 *v, const struct trace_v1_next *next, struct trace_event *out,
                   enum gotrace_go_status status)
{
    v->is_unknown[next->goroutine] = false;
    out->type = GOTRACE_GO_STATUS;
    out->args[0] = next->event->g;
    out->args[1] = UINT64_MAX;
    out->args[2] = status;
}

/* A processor begins or stops to run. */
static void convert_proc(struct proc *proc, const struct trace_v1_event *e, bool is_there,
                         struct trace_event *out)
{
    const uint64_t *args = e->args;
    switch (e->type) {
    case TRACE_V1_PROC_START:
        proc->m = (int64_t)args[0];
        out->m = is_there ? proc->m : TRACE_NONE;
        out->type = proc->is_seen ? GOTRACE_PROC_START : GOTRACE_PROC_STATUS;
        out->args[0] = (uint64_t)(int64_t)e->p;
        out->args[1] = proc->is_seen ? 0 : GOTRACE_PROC_RUNNING;
        proc->is_seen = true;
        break;
    case TRACE_V1_PROC_STOP:
        proc->m = TRACE_NONE;
        out->type = proc->is_seen ? GOTRACE_PROC_STOP : GOTRACE_PROC_STATUS;
        out->args[0] = (uint64_t)(int64_t)e->p;
        out->args[1] = proc->is_seen ? 0 : GOTRACE_PROC_IDLE;
        proc->is_seen = true;
        break;
    default:
        break;
    }
}

/* The collector, and the heap. */
static void convert_gc(struct trace_v1 *v, const struct trace_v1_event *e, uint32_t stack,
                       struct trace_event *out)
{
    const uint64_t *args = e->args;
    switch (e->type) {
    case TRACE_V1_GC_START:
        out->type = GOTRACE_GC_BEGIN;
        out->args[0] = args[0];
        out->args[1] = stack;
        break;
    case TRACE_V1_GC_DONE:
        out->type = GOTRACE_GC_END;
        break;
    case TRACE_V1_STW_START:
        out->type = GOTRACE_STW_BEGIN;
        out->args[0] = v->stop_kind = stop_kind(v, args[0]);
        break;
    case TRACE_V1_STW_DONE:
        out->type = GOTRACE_STW_END;
        out->args[0] = v->stop_kind;
        break;
    case TRACE_V1_GC_SWEEP_START:
        out->type = GOTRACE_GC_SWEEP_BEGIN;
        out->args[0] = stack;
        break;
    case TRACE_V1_GC_SWEEP_DONE:
        out->type = GOTRACE_GC_SWEEP_END;
        out->args[0] = args[0];
        out->args[1] = args[1];
        break;
    case TRACE_V1_HEAP_ALLOC:
        out->type = GOTRACE_HEAP_ALLOC;
        out->args[0] = args[0];
        break;
    case TRACE_V1_HEAP_GOAL:
        out->type = GOTRACE_HEAP_GOAL;
        out->args[0] = args[0];
        break;
    case TRACE_V1_GC_MARK_ASSIST_START:
        out->type = GOTRACE_GC_MARK_ASSIST_BEGIN;
        out->args[0] = stack;
        break;
    case TRACE_V1_GC_MARK_ASSIST_DONE:
        out->type = GOTRACE_GC_MARK_ASSIST_END;
        break;
    default:
        break;
    }
}

/* Tasks, regions and logs.  False with ERR_NOMEM. */
static bool convert_user(struct trace_v1 *v, const struct trace_v1_event *e, uint32_t stack,
                         struct trace_event *out, struct err *err)
{
    const uint64_t *args = e->args;
    uint32_t number;
    switch (e->type) {
    case TRACE_V1_USER_TASK_CREATE:
        if (!add_task(v, e, err))
            return false;
        out->type = GOTRACE_USER_TASK_BEGIN;
        out->args[0] = args[0];
        out->args[1] = args[1] ? args[1] : TRACE_NO_TASK;
        out->args[2] = string_of(v, args[2]);
        out->args[3] = stack;
        break;
    case TRACE_V1_USER_TASK_END:
        out->type = GOTRACE_USER_TASK_END;
        out->args[0] = args[0];
        out->args[1] = stack;
        out->args[2] = TRACE_NO_TASK;
        number = map_get(&v->task_of, args[0]);
        if (number != MAP_NONE && v->tasks.items[number].is_there) {
            struct task *task = &v->tasks.items[number];
            task->is_there = false;
            out->args[2] = task->parent;
            out->args[3] = task->name;
        }
        break;
    case TRACE_V1_USER_REGION:
        out->type = args[1] == 0 ? GOTRACE_USER_REGION_BEGIN : GOTRACE_USER_REGION_END;
        out->args[0] = args[0];
        out->args[1] = string_of(v, args[2]);
        out->args[2] = stack;
        break;
    case TRACE_V1_USER_LOG:
        number = trace_add_string(v->trace, (const char *)e->text, e->n_text);
        if (number == UINT32_MAX)
            return err_nomem(err);
        out->type = GOTRACE_USER_LOG;
        out->args[0] = args[0];
        out->args[1] = string_of(v, args[1]);
        out->args[2] = number;
        out->args[3] = stack;
        break;
    default:
        break;
    }
    return true;
}

/* The goroutine stops to run, for these reasons; false: the event is another. */
static bool convert_stop(struct trace_v1 *v, uint8_t type, uint32_t stack, struct trace_event *out)
{
    static const struct {
        uint8_t type, why;
    } stops[] = {
        [TRACE_V1_GO_STOP] = {GOTRACE_GO_BLOCK, WHY_FOREVER},
        [TRACE_V1_GO_SCHED] = {GOTRACE_GO_STOP, WHY_GOSCHED},
        [TRACE_V1_GO_PREEMPT] = {GOTRACE_GO_STOP, WHY_PREEMPTED},
        [TRACE_V1_GO_SLEEP] = {GOTRACE_GO_BLOCK, WHY_SLEEP},
        [TRACE_V1_GO_BLOCK] = {GOTRACE_GO_BLOCK, WHY_EMPTY},
        [TRACE_V1_GO_BLOCK_SEND] = {GOTRACE_GO_BLOCK, WHY_CHAN_SEND},
        [TRACE_V1_GO_BLOCK_RECV] = {GOTRACE_GO_BLOCK, WHY_CHAN_RECEIVE},
        [TRACE_V1_GO_BLOCK_SELECT] = {GOTRACE_GO_BLOCK, WHY_SELECT},
        [TRACE_V1_GO_BLOCK_SYNC] = {GOTRACE_GO_BLOCK, WHY_SYNC},
        [TRACE_V1_GO_BLOCK_COND] = {GOTRACE_GO_BLOCK, WHY_COND},
        [TRACE_V1_GO_BLOCK_NET] = {GOTRACE_GO_BLOCK, WHY_NETWORK},
        [TRACE_V1_GO_BLOCK_GC] = {GOTRACE_GO_BLOCK, WHY_MARK_ASSIST},
    };
    if (type >= sizeof stops / sizeof *stops || !stops[type].type)
        return false;
    blocks(v, out, stops[type].type, stops[type].why, stack);
    return true;
}

/* Put what the event says into the block, which has room for two.  False: no memory (*err), or
 * it is broken there. */
static bool convert(struct trace_v1 *v, const struct trace_v1_next *next, int32_t p,
                    struct trace_block *block, struct err *err)
{
    const struct trace_v1_event *e = next->event;
    const uint64_t *args = e->args;
    struct proc *proc = &v->procs[next->proc];
    uint32_t stack = stack_of(v, e->stack), number;
    bool is_there = p == e->p && p != TRACE_NONE && e->type != TRACE_V1_CPU_SAMPLE;
    struct trace_event *out = &block->events[block->n]; /* where it is put, or the next one */
    *out = (struct trace_event){.time_ns = to_ns(v, e->ticks),
                                .g = e->g ? (int64_t)e->g : TRACE_NONE,
                                .m = is_there ? proc->m : TRACE_NONE,
                                .p = p};
    switch (e->type) {
    case TRACE_V1_GOMAXPROCS:
        if (!v->is_started) {
            v->is_started = true; /* those of which nothing was told are runnable */
            v->status_ns = out->time_ns;
            return true;
        }
        out->type = GOTRACE_PROCS_CHANGE;
        out->args[0] = args[0];
        out->args[1] = stack;
        break;
    case TRACE_V1_GO_CREATE:
        if (!v->is_started) {
            v->is_unknown[next->target] = true;
            return true;
        }
        if ((number = start_of(v, args[1])) == UINT32_MAX)
            return err_nomem(err);
        out->type = GOTRACE_GO_CREATE;
        out->args[0] = args[0];
        out->args[1] = number;
        out->args[2] = stack;
        break;
    case TRACE_V1_GO_START:
        if (!v->is_started) {
            status(v, next, out, GOTRACE_GO_RUNNING);
            break;
        }
        out->type = GOTRACE_GO_START;
        out->args[0] = args[0];
        out->args[1] = args[1];
        break;
    case TRACE_V1_GO_START_LABEL: /* as Go's tools have it, also at the start of a trace */
        out->type = GOTRACE_GO_START;
        out->g = (int64_t)e->g;
        out->m = proc->m == TRACE_NONE ? 0 : proc->m;
        out->args[0] = args[0];
        out->args[1] = args[1];
        out = put_and_copy(v, block);
        out->type = GOTRACE_GO_LABEL;
        out->args[0] = string_of(v, args[2]);
        out->args[1] = 0;
        break;
    case TRACE_V1_GO_END:
        out->type = GOTRACE_GO_DESTROY;
        break;
    case TRACE_V1_GO_UNBLOCK:
        out->type = GOTRACE_GO_UNBLOCK;
        out->args[0] = args[0];
        out->args[1] = args[1];
        out->args[2] = stack;
        break;
    case TRACE_V1_GO_SYS_CALL:
        out->type = GOTRACE_GO_SYSCALL_BEGIN;
        out->args[1] = stack;
        if (next->blocks)
            break;
        out->m = proc->m == TRACE_NONE ? 0 : proc->m; /* one that did not take long */
        out = put_and_copy(v, block);
        out->type = GOTRACE_GO_SYSCALL_END;
        out->time_ns++;
        out->args[1] = 0;
        break;
    case TRACE_V1_GO_SYS_EXIT:
        out->type = GOTRACE_GO_SYSCALL_END_BLOCKED;
        break;
    case TRACE_V1_GO_WAITING:
        status(v, next, out, GOTRACE_GO_WAITING);
        break;
    case TRACE_V1_GO_IN_SYSCALL:
        status(v, next, out, GOTRACE_GO_SYSCALL);
        break;
    case TRACE_V1_CPU_SAMPLE:
        out->type = GOTRACE_CPU_SAMPLE;
        out->args[0] = stack ? stack : v->no_frames;
        break;
    case TRACE_V1_PROC_START:
    case TRACE_V1_PROC_STOP:
        convert_proc(proc, e, is_there, out);
        break;
    case TRACE_V1_GC_START:
    case TRACE_V1_GC_DONE:
    case TRACE_V1_STW_START:
    case TRACE_V1_STW_DONE:
    case TRACE_V1_GC_SWEEP_START:
    case TRACE_V1_GC_SWEEP_DONE:
    case TRACE_V1_HEAP_ALLOC:
    case TRACE_V1_HEAP_GOAL:
    case TRACE_V1_GC_MARK_ASSIST_START:
    case TRACE_V1_GC_MARK_ASSIST_DONE:
        convert_gc(v, e, stack, out);
        break;
    case TRACE_V1_USER_TASK_CREATE:
    case TRACE_V1_USER_TASK_END:
    case TRACE_V1_USER_REGION:
    case TRACE_V1_USER_LOG:
        if (!convert_user(v, e, stack, out, err))
            return false;
        break;
    default:
        if (!convert_stop(v, e->type, stack, out))
            return true; /* a wake-up that was futile: the events around it tell */
        break;
    }
    put(v, block);
    return true;
}

/* Goroutines of which nothing was told until the trace had started.  False: there is no more
 * room in the block. */
static bool put_statuses(struct trace_v1 *v, struct trace_block *block)
{
    for (; v->next_status < v->order.n_goroutines; v->next_status++) {
        if (!v->is_unknown[v->next_status])
            continue;
        if (block->n == block->cap)
            return false;
        block->events[block->n] = (struct trace_event){
            .time_ns = v->status_ns,
            .type = GOTRACE_GO_STATUS,
            .g = TRACE_NONE,
            .p = TRACE_NONE,
            .m = TRACE_NONE,
            .args = {v->order.ids.items[v->next_status], UINT64_MAX, GOTRACE_GO_RUNNABLE}};
        put(v, block);
    }
    return true;
}

/* What a trace begins with. */
static bool is_of_start(uint8_t type)
{
    return type == TRACE_V1_GO_CREATE || type == TRACE_V1_GO_WAITING ||
           type == TRACE_V1_GO_IN_SYSCALL;
}

/* False: no memory (*err). */
static bool put_events(struct trace_v1 *v, struct trace_block *block, struct err *err)
{
    struct trace_v1_next next;
    struct err failed = {0};
    while (block->cap - block->n >= 2) {
        if (v->is_started && !put_statuses(v, block))
            return true;
        if (block->cap - block->n < 2)
            return true;
        if (!trace_v1_order_next(&v->order, &next)) {
            v->phase = PHASE_END;
            return true;
        }
        int32_t p = next.event->p;
        v->n_done++;
        if (block->n == 0 && v->n_done == 1) {
            v->first_ticks = next.event->ticks;
            v->is_started = v->file.is_partial && !is_of_start(next.event->type);
            block->events[block->n++] = (struct trace_event){.time_ns = -1,
                                                             .type = TRACE_SYNC,
                                                             .g = TRACE_NONE,
                                                             .p = TRACE_NONE,
                                                             .m = TRACE_NONE,
                                                             .args = {1}};
        }
        if (!trace_v1_state_step(&v->state, &next, &p, &failed) ||
            !convert(v, &next, p, block, &failed)) {
            if (failed.code != ERR_NONE) {
                if (err)
                    *err = failed;
                return false;
            }
            if (v->state.broken.code != ERR_NONE)
                v->broken = v->state.broken;
            v->phase = PHASE_END;
            return true;
        }
    }
    return true;
}

static bool v1_next(void *source, struct trace_block *block, struct err *err)
{
    struct trace_v1 *v = source;
    if (v->phase == PHASE_START) {
        if (!start(v, err))
            return false;
        v->phase = PHASE_EVENTS;
    }
    if (v->phase == PHASE_EVENTS) {
        if (!put_events(v, block, err))
            return false;
        block->done = v->n_events
                          ? (uint64_t)((double)v->n_done / (double)v->n_events * (double)v->input.n)
                          : 0;
        if (block->n)
            return true;
    }
    block->done = v->input.n;
    if (v->phase == PHASE_DONE)
        return true;
    v->phase = PHASE_DONE;
    block->events[block->n] = (struct trace_event){.time_ns = v->last_ns + 1,
                                                   .type = TRACE_SYNC,
                                                   .g = TRACE_NONE,
                                                   .p = TRACE_NONE,
                                                   .m = TRACE_NONE,
                                                   .args = {v->n_done ? 2 : 1}};
    put(v, block);
    if (v->broken.code != ERR_NONE && err)
        *err = v->broken;
    return v->broken.code == ERR_NONE;
}

const struct trace_source_ops trace_v1_source = {v1_open, v1_next, v1_free};
