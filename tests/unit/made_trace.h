/* made_trace: events of a trace that are put together by hand, for the tests of analyses. */
#ifndef SONDE_TESTS_MADE_TRACE_H
#define SONDE_TESTS_MADE_TRACE_H

#include "trace/trace_event.h"

#include <string.h>

#define MADE_MAX 512

struct made_trace {
    struct trace *trace;
    struct trace_event events[MADE_MAX];
    size_t n;
};

static inline uint32_t made_string(struct made_trace *m, const char *text)
{
    return trace_add_string(m->trace, text, strlen(text));
}

/* A stack of functions with blanks between, the innermost first: "main.work main.main". */
static inline uint32_t made_stack(struct made_trace *m, const char *functions)
{
    uint32_t frames[16], n = 0;
    while (*functions) {
        size_t len = strcspn(functions, " ");
        struct trace_frame f = {.func = trace_add_string(m->trace, functions, len),
                                .file = made_string(m, "/src/main.go"),
                                .line = 10 + len,
                                .pc = 0x1000 + 16 * len};
        frames[n++] = trace_add_frame(m->trace, &f);
        functions += len + (functions[len] == ' ');
    }
    return trace_add_stack(m->trace, frames, n);
}

/* An event of goroutine g on processor p, thread 100 + p. */
static inline struct trace_event *made_event(struct made_trace *m, int64_t time_ns, int type,
                                             int64_t g, int p)
{
    struct trace_event *e = &m->events[m->n++];
    *e = (struct trace_event){.time_ns = time_ns,
                              .g = g,
                              .m = p == TRACE_NONE ? 99 : 100 + p,
                              .p = p,
                              .type = (uint8_t)type};
    return e;
}

static inline struct trace_event *made_args(struct trace_event *e, uint64_t a, uint64_t b,
                                            uint64_t c, uint64_t d)
{
    e->args[0] = a;
    e->args[1] = b;
    e->args[2] = c;
    e->args[3] = d;
    return e;
}

/* The usual events.  `p` TRACE_NONE: none. */
static inline void made_sync(struct made_trace *m, int64_t t, uint64_t n)
{
    made_args(made_event(m, t, TRACE_SYNC, TRACE_NONE, TRACE_NONE), n, 0, 0, 0);
}
static inline void made_procs(struct made_trace *m, int64_t t, uint64_t n)
{
    made_args(made_event(m, t, GOTRACE_PROCS_CHANGE, TRACE_NONE, 0), n, 0, 0, 0);
}
static inline void made_proc_start(struct made_trace *m, int64_t t, int p)
{
    struct trace_event *e = made_event(m, t, GOTRACE_PROC_START, TRACE_NONE, TRACE_NONE);
    e->args[0] = (uint64_t)p;
    e->m = 100 + p;
}
static inline void made_proc_stop(struct made_trace *m, int64_t t, int p)
{
    made_event(m, t, GOTRACE_PROC_STOP, TRACE_NONE, p);
}
static inline void made_status(struct made_trace *m, int64_t t, int64_t g, int p,
                               enum trace_go_state from, enum gotrace_go_status to)
{
    made_args(made_event(m, t, GOTRACE_GO_STATUS, TRACE_NONE, p), (uint64_t)g, 0,
              (uint64_t)from << 32 | to, 0);
}
static inline void made_create(struct made_trace *m, int64_t t, int64_t by, int p, int64_t g,
                               const char *functions, const char *stack)
{
    made_args(made_event(m, t, GOTRACE_GO_CREATE, by, p), (uint64_t)g, made_stack(m, functions),
              made_stack(m, stack), 0);
}
static inline void made_start(struct made_trace *m, int64_t t, int64_t g, int p)
{
    made_args(made_event(m, t, GOTRACE_GO_START, TRACE_NONE, p), (uint64_t)g, 0, 0, 0);
}
static inline void made_block(struct made_trace *m, int64_t t, int64_t g, int p, const char *reason,
                              const char *stack)
{
    made_args(made_event(m, t, GOTRACE_GO_BLOCK, g, p), made_string(m, reason),
              made_stack(m, stack), 0, 0);
}
static inline void made_stop(struct made_trace *m, int64_t t, int64_t g, int p)
{
    made_args(made_event(m, t, GOTRACE_GO_STOP, g, p), made_string(m, "preempted"),
              made_stack(m, "main.loop main.main"), 0, 0);
}
static inline void made_unblock(struct made_trace *m, int64_t t, int64_t by, int p, int64_t g,
                                const char *stack)
{
    made_args(made_event(m, t, GOTRACE_GO_UNBLOCK, by, p), (uint64_t)g, 0,
              *stack ? made_stack(m, stack) : 0, 0);
}
static inline void made_destroy(struct made_trace *m, int64_t t, int64_t g, int p)
{
    made_event(m, t, GOTRACE_GO_DESTROY, g, p);
}
static inline void made_syscall(struct made_trace *m, int64_t t, int64_t g, int p)
{
    made_args(made_event(m, t, GOTRACE_GO_SYSCALL_BEGIN, g, p), 0,
              made_stack(m, "syscall.read main.read main.main"), 0, 0);
}

#endif
