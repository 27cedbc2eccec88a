/* gotrace: the wire format of Go's execution traces (v2, Go 1.22 and later), shared by
 * those who read and those who write it.
 *
 * A trace is a 16-byte header, then batches.  A batch is GOTRACE_EVENT_BATCH, the
 * generation, the thread (M) it is of, its first time, its length in bytes (varints), then
 * events: a byte for the type and a varint for each argument.  The first argument of an
 * event that is_timed is the time since the event before it in the batch.
 * Source: internal/trace/tracev2 of Go 1.27 (events.go, spec.go), which numbers and names
 * the events; internal/trace/version for what each version has.
 *
 * Units: times in ticks, of which GOTRACE_FREQUENCY says how many a second has.
 * Threads, signals: the tables are constant; the functions touch what they are given only. */
#ifndef SONDE_WIRE_GOTRACE_H
#define SONDE_WIRE_GOTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GOTRACE_HEADER_BYTES 16  /* "go 1.N trace\0\0\0" */
#define GOTRACE_BATCH_MAX 65536  /* bytes of events in a batch */
#define GOTRACE_FRAMES_MAX 128   /* frames a stack */
#define GOTRACE_STRING_MAX 1024  /* bytes a string */
#define GOTRACE_VARINT_MAX 10    /* bytes a varint of 64 bits */
#define GOTRACE_ARGS_MAX 5       /* arguments of a timed event, its time included */
#define GOTRACE_WRITE_VERSION 26 /* what is written here: that of Go 1.26 and 1.27 */

/* What traces of native programs have beside, as texts to which no event refers: what program it is
 * (its name follows), and which times are from the kernel. */
#define GOTRACE_TEXT_PROGRAM "sonde: program "
#define GOTRACE_TEXT_TURNS "sonde: turns on processors are the kernel's"
#define GOTRACE_TEXT_WAKES "sonde: wake-ups are the kernel's"
/* In these, a wake-up that nobody has told of is less than so many ns before the thread runs. */
#define GOTRACE_UNTOLD_NS 10

/* Regions of goroutines, in traces that were recorded from outside: it runs, and its thread is off
 * its processor meanwhile. */
#define GOTRACE_OFF_READY "off the processor: preempted"
#define GOTRACE_OFF_WAITS "off the processor: waits in the kernel"

enum gotrace_type {
    GOTRACE_NONE,
    GOTRACE_EVENT_BATCH,
    GOTRACE_STACKS,
    GOTRACE_STACK,
    GOTRACE_STRINGS,
    GOTRACE_STRING,
    GOTRACE_CPU_SAMPLES,
    GOTRACE_CPU_SAMPLE,
    GOTRACE_FREQUENCY,
    GOTRACE_PROCS_CHANGE,
    GOTRACE_PROC_START,
    GOTRACE_PROC_STOP,
    GOTRACE_PROC_STEAL,
    GOTRACE_PROC_STATUS,
    GOTRACE_GO_CREATE,
    GOTRACE_GO_CREATE_SYSCALL,
    GOTRACE_GO_START,
    GOTRACE_GO_DESTROY,
    GOTRACE_GO_DESTROY_SYSCALL,
    GOTRACE_GO_STOP,
    GOTRACE_GO_BLOCK,
    GOTRACE_GO_UNBLOCK,
    GOTRACE_GO_SYSCALL_BEGIN,
    GOTRACE_GO_SYSCALL_END,
    GOTRACE_GO_SYSCALL_END_BLOCKED,
    GOTRACE_GO_STATUS,
    GOTRACE_STW_BEGIN,
    GOTRACE_STW_END,
    GOTRACE_GC_ACTIVE,
    GOTRACE_GC_BEGIN,
    GOTRACE_GC_END,
    GOTRACE_GC_SWEEP_ACTIVE,
    GOTRACE_GC_SWEEP_BEGIN,
    GOTRACE_GC_SWEEP_END,
    GOTRACE_GC_MARK_ASSIST_ACTIVE,
    GOTRACE_GC_MARK_ASSIST_BEGIN,
    GOTRACE_GC_MARK_ASSIST_END,
    GOTRACE_HEAP_ALLOC,
    GOTRACE_HEAP_GOAL,
    GOTRACE_GO_LABEL,
    GOTRACE_USER_TASK_BEGIN,
    GOTRACE_USER_TASK_END,
    GOTRACE_USER_REGION_BEGIN,
    GOTRACE_USER_REGION_END,
    GOTRACE_USER_LOG,
    GOTRACE_GO_SWITCH, /* from here on: Go 1.23 */
    GOTRACE_GO_SWITCH_DESTROY,
    GOTRACE_GO_CREATE_BLOCKED,
    GOTRACE_GO_STATUS_STACK,
    GOTRACE_EXPERIMENTAL_BATCH,
    GOTRACE_SYNC, /* Go 1.25 */
    GOTRACE_CLOCK_SNAPSHOT,
    GOTRACE_END_OF_GENERATION, /* Go 1.26 */
    GOTRACE_N_TYPES,

    GOTRACE_SPAN = 128, /* experimental: Go 1.26's table has them */
    GOTRACE_SPAN_ALLOC,
    GOTRACE_SPAN_FREE,
    GOTRACE_HEAP_OBJECT,
    GOTRACE_HEAP_OBJECT_ALLOC,
    GOTRACE_HEAP_OBJECT_FREE,
    GOTRACE_GOROUTINE_STACK,
    GOTRACE_GOROUTINE_STACK_ALLOC,
    GOTRACE_GOROUTINE_STACK_FREE,
    GOTRACE_MAX_TYPES
};

/* Status of a goroutine in GOTRACE_GO_STATUS, of a processor in GOTRACE_PROC_STATUS. */
enum gotrace_go_status {
    GOTRACE_GO_BAD,
    GOTRACE_GO_RUNNABLE,
    GOTRACE_GO_RUNNING,
    GOTRACE_GO_SYSCALL,
    GOTRACE_GO_WAITING
};
enum gotrace_proc_status {
    GOTRACE_PROC_BAD,
    GOTRACE_PROC_RUNNING,
    GOTRACE_PROC_IDLE,
    GOTRACE_PROC_SYSCALL,
    GOTRACE_PROC_SYSCALL_ABANDONED
};

/* One type of event.  `args` names the arguments with blanks between, as Go does, in the
 * order of the wire; stack_args and string_args are the places of those that are ids of
 * stacks (the event's own first) and strings, 0-terminated (place 0 is the time). */
struct gotrace_spec {
    const char *name; /* "GoBlock"; NULL: no such type */
    const char *args; /* "dt reason_string stack"; "" = none */
    uint8_t n_args;
    uint8_t stack_args[3], string_args[3];
    uint8_t start; /* the type that begins what this one ends; 0: none */
    bool is_timed; /* an event of a thread's batch; else part of the structure */
    bool has_data; /* a length and so many bytes follow */
    bool is_stack; /* a number of frames and 4 varints each follow: pc, function, file, line */
    bool is_experimental;
};
extern const struct gotrace_spec gotrace_specs[GOTRACE_MAX_TYPES];

/* How many types (from 0) traces of version 1.`version` have; 0: no version of v2. */
unsigned gotrace_n_types(unsigned version);

/* Write a varint at p, which has GOTRACE_VARINT_MAX bytes of room; the byte after it. */
static inline uint8_t *gotrace_put(uint8_t *p, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *p++ = (uint8_t)(value | 0x80);
    *p++ = (uint8_t)value;
    return p;
}

/* Read a varint from [p, end): the byte after it, or NULL if it is cut off or has more than
 * 64 bits; *value is then undefined. */
static inline const uint8_t *gotrace_get(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
    uint64_t v = 0;
    for (unsigned shift = 0; p < end && shift < 70; shift += 7) {
        uint8_t byte = *p++;
        if (shift == 63 && byte > 1)
            return NULL;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = v;
            return p;
        }
    }
    return NULL;
}

#endif
