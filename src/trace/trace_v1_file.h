/* trace_v1_file: the wire format of Go 1.5 to 1.21: what a trace has, and its events as they are
 * written, one processor after the other.
 *
 * A trace is a 16-byte header, then batches.  A batch has the processor it is of and its first
 * time, then events until the next batch: a byte with the type and the number of arguments, and
 * a varint for each.  Batches say nothing of their length, so all has to be read to find them;
 * stacks, the frequency and many strings come last.
 * Source: internal/trace/internal/tracev1 of Go 1.27, internal/trace/parser.go of Go 1.19.
 *
 * In: the bytes of a trace.  Out: events of a processor, in order; strings and stacks are in
 * struct trace.  Units: times in ticks.  Threads: a scanned file may be read by several.
 * Signals: no. */
#ifndef SONDE_TRACE_TRACE_V1_FILE_H
#define SONDE_TRACE_TRACE_V1_FILE_H

#include "base/map.h"
#include "base/vec.h"
#include "trace/trace_ids.h"
#include "trace/trace_source.h"

enum trace_v1_type {
    TRACE_V1_NONE,
    TRACE_V1_BATCH,
    TRACE_V1_FREQUENCY,
    TRACE_V1_STACK,
    TRACE_V1_GOMAXPROCS,
    TRACE_V1_PROC_START,
    TRACE_V1_PROC_STOP,
    TRACE_V1_GC_START,
    TRACE_V1_GC_DONE,
    TRACE_V1_STW_START,
    TRACE_V1_STW_DONE,
    TRACE_V1_GC_SWEEP_START,
    TRACE_V1_GC_SWEEP_DONE,
    TRACE_V1_GO_CREATE,
    TRACE_V1_GO_START,
    TRACE_V1_GO_END,
    TRACE_V1_GO_STOP,
    TRACE_V1_GO_SCHED,
    TRACE_V1_GO_PREEMPT,
    TRACE_V1_GO_SLEEP,
    TRACE_V1_GO_BLOCK,
    TRACE_V1_GO_UNBLOCK,
    TRACE_V1_GO_BLOCK_SEND,
    TRACE_V1_GO_BLOCK_RECV,
    TRACE_V1_GO_BLOCK_SELECT,
    TRACE_V1_GO_BLOCK_SYNC,
    TRACE_V1_GO_BLOCK_COND,
    TRACE_V1_GO_BLOCK_NET,
    TRACE_V1_GO_SYS_CALL,
    TRACE_V1_GO_SYS_EXIT,
    TRACE_V1_GO_SYS_BLOCK,
    TRACE_V1_GO_WAITING,
    TRACE_V1_GO_IN_SYSCALL,
    TRACE_V1_HEAP_ALLOC,
    TRACE_V1_HEAP_GOAL,
    TRACE_V1_TIMER_GOROUTINE,
    TRACE_V1_FUTILE_WAKEUP,
    TRACE_V1_STRING,         /* from here on: Go 1.7 */
    TRACE_V1_GO_START_LOCAL, /* as those without Local; the sequence number goes without saying */
    TRACE_V1_GO_UNBLOCK_LOCAL,
    TRACE_V1_GO_SYS_EXIT_LOCAL,
    TRACE_V1_GO_START_LABEL, /* Go 1.8 */
    TRACE_V1_GO_BLOCK_GC,
    TRACE_V1_GC_MARK_ASSIST_START, /* Go 1.9 */
    TRACE_V1_GC_MARK_ASSIST_DONE,
    TRACE_V1_USER_TASK_CREATE, /* Go 1.11 */
    TRACE_V1_USER_TASK_END,
    TRACE_V1_USER_REGION,
    TRACE_V1_USER_LOG,
    TRACE_V1_CPU_SAMPLE, /* Go 1.19 */
    TRACE_V1_N_TYPES
};

struct trace_v1_spec {
    const char *name;
    uint8_t since;  /* 1.N */
    uint8_t n_args; /* of the latest version, without times and stack */
    bool has_stack; /* the last argument is the id of its stack */
};
extern const struct trace_v1_spec trace_v1_specs[TRACE_V1_N_TYPES];

/* Processors that Go's tools put events on which are of none. */
#define TRACE_V1_TIMER_P 1000001
#define TRACE_V1_NETPOLL_P 1000002
#define TRACE_V1_SYSCALL_P 1000003
#define TRACE_V1_GC_P 1000004

/* Versions below have a number on each event that orders all of them. */
#define TRACE_V1_SEQ_UNTIL 7

struct trace_v1_batch {
    uint64_t offset; /* it ends where the next one begins */
    uint32_t next;   /* batch of its processor; UINT32_MAX: none */
};

struct trace_v1_proc {
    int32_t p;
    uint32_t first_batch, last_batch;
};

struct trace_v1_event {
    int64_t ticks;
    uint64_t seq; /* Go 1.5 only */
    uint64_t g;
    uint64_t args[4]; /* without times and stack */
    uint32_t stack;   /* id of the file */
    int32_t p;
    uint8_t type;
    uint64_t offset;
    const uint8_t *text; /* of a log: its message */
    size_t n_text;
};

struct trace_v1_sample {
    int64_t ticks;
    uint64_t g;
    uint32_t stack;
    int32_t p;
};

struct trace_v1_exit { /* of a system call, whose time and place are not those it is written at */
    uint64_t seq;
    int64_t ticks;
    uint64_t g;
};

/* What an event of a type has in the version of a file. */
struct trace_v1_shape {
    uint8_t n_times, n_args; /* those in front of the arguments; without the stack */
    bool has_stack;
};

struct trace_v1_file {
    struct trace_input input;
    struct trace_v1_shape shapes[TRACE_V1_N_TYPES];
    uint64_t end; /* of the last whole event */
    VEC(struct trace_v1_batch) batches;
    VEC(struct trace_v1_proc) procs;
    VEC(struct trace_v1_sample) samples; /* by time */
    VEC(struct trace_v1_exit) exits;     /* Go 1.5 only: by seq */
    struct trace_ids strings, stacks;    /* ids of the file -> numbers of struct trace */
    struct map frames;                   /* addresses -> numbers of struct trace */
    struct map timers;                   /* goroutines that wait for timers */
    uint64_t n_events;                   /* at most; those of the structure count too */
    int64_t frequency;                   /* ticks a second; 0: not known */
    struct err broken;                   /* ERR_NONE: it is whole */
    bool is_partial;                     /* events are missing that others need */
};

/* Look the file over, which is zeroed.  What is broken or cut off ends it there (file->broken);
 * false and *err: no memory.  O(bytes). */
bool trace_v1_scan(struct trace_v1_file *file, const struct trace_input *input, struct trace *trace,
                   struct err *err);
void trace_v1_file_release(struct trace_v1_file *file); /* also fine on a zeroed struct */

/* The frame of an address of Go 1.5, whose traces have no more than that: named as far as
 * input->names can.  UINT32_MAX: no memory. */
uint32_t trace_v1_frame(struct trace_v1_file *file, struct trace *trace, uint64_t pc);

/* The events of one processor. */
struct trace_v1_cursor {
    const uint8_t *p, *end;
    uint32_t batch; /* the next; UINT32_MAX: none */
    int32_t proc;
    const uint8_t *begin; /* of the batch at hand */
    uint64_t ticks, seq, g;
};
struct trace_v1_cursor trace_v1_cursor(const struct trace_v1_file *file, uint32_t proc);
/* False at the end.   O(1). */
bool trace_v1_next(const struct trace_v1_file *file, struct trace_v1_cursor *cursor,
                   struct trace_v1_event *event);

#endif
