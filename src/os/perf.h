/* perf: CPU-clock samples of a process tree, or of the whole system, from the kernel's perf
 * events.  Each processor has a ring buffer.  Records come raw and, between
 * rings, out of order; perf_record_time orders them and perf_decode reads them.
 *
 * Units: times are CLOCK_MONOTONIC nanoseconds.
 * Threads: one at a time a struct.  Signals: no. */
#ifndef SONDE_OS_PERF_H
#define SONDE_OS_PERF_H

#include "base/err.h"
#include "base/str.h"

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct perf_options {
    pid_t pid;          /* of perf_new: a process that has not yet exec'ed: its exec starts the
                           clock; of perf_attach: one that runs, 0: all of the system */
    uint64_t period_ns; /* CPU time between samples */
    bool children;      /* its child processes too, not only its threads */
    int bpf_program;    /* of perf_attach: one that runs before each sample; 0: none */
    bool switches;      /* of perf_attach, of a process: a sample whenever a thread leaves its
                           processor, in place of CPU time; needs to see the kernel */
    bool only_turns;    /* of perf_new: no samples, but when threads come to a processor and leave
                           it (PERF_SWITCH), from now on; of the user's processes */
    bool small_stack;   /* of perf_attach: copies of stacks of 1 KiB */
};

struct perf;

/* May this user open such events on his processes?  *kernel: kernel code too, else
 * only user code is sampled.  False with ERR_PERM or ERR_UNSUPPORTED: why, and
 * what to do about it. */
bool perf_permitted(bool *kernel, struct err *err);

/* NULL and *err on failure: the reasons above, ERR_IO, ERR_NOMEM. */
struct perf *perf_new(const struct perf_options *options, struct err *err);
void perf_free(struct perf *perf); /* NULL is fine */

/* The same for what runs already.  *everything: the records are of all processes (always so for
 * the whole system; of a process with many threads, where that is permitted), and the caller
 * chooses.  NULL and *err: also ERR_INPUT: there is no such process.  Some 10 us a thread and
 * processor. */
struct perf *perf_attach(const struct perf_options *options, bool *everything, struct err *err);

/* CPU time between samples, which may be a little more than was asked for. */
uint64_t perf_period_ns(const struct perf *perf);

/* Wait until a ring is a quarter full, at most timeout_ms. */
void perf_wait(struct perf *perf, int timeout_ms);
/* No further samples. */
void perf_stop(struct perf *perf);
/* Hand every record there is to `take`, which copies what it wants to keep, and
 * make room.  A record is valid during the call. */
typedef void perf_take_fn(void *arg, const struct perf_event_header *record);
void perf_drain(struct perf *perf, perf_take_fn *take, void *arg);

enum perf_kind {
    PERF_NONE,
    PERF_SAMPLE,
    PERF_MAP,
    PERF_COMM,
    PERF_FORK,
    PERF_EXIT,
    PERF_SWITCH,
    PERF_LOST
};

/* A record, decoded; pointers go into the raw one. */
struct perf_record {
    enum perf_kind kind;
    pid_t pid, tid;
    pid_t parent_pid; /* PERF_FORK */
    bool exec;        /* PERF_COMM: the name comes from an exec */
    struct str name;  /* PERF_COMM: the name; PERF_MAP: the path */

    uint64_t start, limit, offset; /* PERF_MAP */
    const uint8_t *build_id;       /* PERF_MAP; NULL if the kernel does not tell */
    size_t n_build_id;

    uint64_t n_lost; /* PERF_LOST */

    uint64_t time_ns; /* PERF_SAMPLE, PERF_SWITCH */
    bool leaves;      /* PERF_SWITCH: the thread leaves its processor, else it comes */
    bool is_ready;    /* it leaves but could go on */
    uint32_t cpu;     /* PERF_SWITCH, of only_turns: the processor */

    /* PERF_SAMPLE.  `chain` has the kernel's frames, then what the kernel could
     * walk of the user's by frame pointers, each part behind a PERF_CONTEXT_ value. */
    const uint64_t *chain;
    size_t n_chain;
    bool has_regs; /* false for threads without user code, and 32-bit code */
    uint64_t pc, sp, fp, lr, r14;
    const uint8_t *stack; /* a copy of what lay at sp */
    size_t n_stack;
    const uint8_t *payload; /* of perf_waits */
    size_t n_payload;
};

/* When it happened; 0 for one that does not tell. */
uint64_t perf_record_time(const struct perf_event_header *record);
/* Kind is PERF_NONE for records of no interest or that are not valid. */
void perf_decode(const struct perf_event_header *raw, struct perf_record *record);
/* The same, of records of these events, whose samples may have a payload. */
void perf_decode_of(const struct perf *perf, const struct perf_event_header *raw,
                    struct perf_record *record);

#endif
