/* go_goroutines: all goroutines of a program, one after the other, with their frames.
 *
 * A program that runs on is read without a stop: a goroutine is looked at before and after its
 * stack was read, and read again when it has changed.  One that runs meanwhile is found by its
 * thread: where the kernel says it waits, or by a stop of that thread alone.  With `consistent`
 * all threads are stopped while everything is copied; the rest is done afterwards.
 * Of a core file, those that ran are known as far as the runtime kept them.
 *
 * In: a program.  Out: goroutines, by what Go's profiles hold: no dead ones, no system ones.
 * Everything read is checked: lists, addresses and sizes may be anything.
 * Units: ns of CLOCK_MONOTONIC.  Threads: one at a time a program.  Signals: no. */
#ifndef SONDE_GO_GOROUTINES_H
#define SONDE_GO_GOROUTINES_H

#include "base/diag.h"
#include "base/err.h"
#include "go/go_labels.h"
#include "go/go_program.h"
#include "go/go_stack.h"

/* g.atomicstatus */
enum go_status {
    GO_STATUS_IDLE = 0,
    GO_STATUS_RUNNABLE = 1,
    GO_STATUS_RUNNING = 2,
    GO_STATUS_SYSCALL = 3,
    GO_STATUS_WAITING = 4,
    GO_STATUS_DEAD = 6,
    GO_STATUS_COPYSTACK = 8,
    GO_STATUS_PREEMPTED = 9,
    GO_STATUS_LEAKED = 10,
    GO_STATUS_DEADEXTRA = 11,
};

struct go_goroutine {
    uint64_t address, id, m;
    uint64_t parent;       /* who began it; 0: not known (until Go 1.20) */
    unsigned status;       /* enum go_status, or what else is there */
    uint8_t wait_reason;   /* of a waiting one: go_wait_reason */
    bool is_locked;        /* to a thread */
    uint64_t wait_since;   /* as the last collection saw it; 0: not known */
    uint64_t created_at;   /* the return address of the go statement */
    uint64_t start;        /* the function it began with */
    uint64_t labels;       /* go_labels_at */
    uint64_t bubble;       /* of testing/synctest; 0: in none */
    uint64_t low, high;    /* its stack */
    struct go_stack stack; /* n_bytes 0: could not be read */
    const struct go_frame *frames;
    size_t n_frames; /* 0: not known where it is */
    enum go_stack_end end;
};

struct go_goroutines_options {
    bool consistent;
    bool whole;        /* all frames of deep stacks, and their bytes */
    size_t max_frames; /* else: at most so many */
};

struct go_goroutines_stats {
    size_t n;               /* given out */
    size_t n_changed;       /* read again, as they had changed */
    size_t n_torn;          /* never twice the same: without a stack, or with a part of it */
    size_t n_unknown;       /* ran, and could not be looked at */
    size_t n_stopped;       /* threads that were stopped */
    uint64_t pause_ns;      /* for how long in all */
    struct err not_stopped; /* why threads could not be; code 0: they could */
};

/* Call `each` for every goroutine; false from it: memory has run out.  What it gets lives for
 * the call.  False and *err: ERR_INPUT: what was read makes no sense, the program has ended;
 * ERR_PERM: `consistent` is not permitted; ERR_NOMEM. */
bool go_goroutines_read(struct go_program *program, struct go_code *code, struct go_labels *labels,
                        const struct go_goroutines_options *options,
                        bool (*each)(void *arg, const struct go_goroutine *g), void *arg,
                        struct go_goroutines_stats *stats, struct err *err);

/* What was not as it should be, in lines for the user. */
void go_goroutines_notes(const struct go_goroutines_stats *stats, bool consistent,
                         struct diag *diag);

/* "waiting", "syscall" ...; "???" for others. */
const char *go_status_name(unsigned status);
/* "chan receive" ... as Go 1.MINOR names them; "unknown wait reason" for others. */
const char *go_wait_reason(unsigned minor, unsigned reason);
/* Is it such a wait in a bubble of testing/synctest that only the bubble itself can end it? */
bool go_wait_is_durable(unsigned minor, unsigned reason);

#endif
