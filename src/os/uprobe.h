/* uprobe: places in the code of a process that runs, and what was there each time it came by: a
 * record, made by a BPF program in the kernel, of registers and words of its memory.
 *
 * The places are uprobes of the kernel's (one link to all of them from Linux 6.11 on, else a perf
 * event each): a breakpoint in the memory of this process only, which goes with our descriptors, by
 * whatever end.  A hit costs some 2 us at instructions
 * that the kernel emulates (push, jumps), else ten times that: the caller chooses.
 * The words are those of Go's scheduler, by the offsets that are handed in (go/go_trace_points.h).
 *
 * In: a process, offsets in its executable.  Out: records, in the order of their making.
 * x86-64 only.
 * Units: CLOCK_MONOTONIC ns.  Threads: one at a time a struct.  Signals: no. */
#ifndef SONDE_OS_UPROBE_H
#define SONDE_OS_UPROBE_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define UPROBE_FRAMES_MAX 64
#define UPROBE_TEXTS_MAX 2
#define UPROBE_TEXT_MAX 256 /* bytes of a text that are read */
#define UPROBE_NO_NUMBER UINT32_MAX

/* Where fields lie: from a goroutine (register r14), its thread (m) and processor (p). */
struct uprobe_offsets {
    uint16_t g_m, g_goid, g_wait_reason, g_sched_pc, g_sched_bp;
    uint16_t m_curg, m_p, m_procid;
    uint16_t p_mode; /* what a processor does for the collector */
};

enum uprobe_subject {
    UPROBE_CURRENT, /* the goroutine of the thread */
    UPROBE_FIRST,   /* the one that the first argument (rax) points to */
};

struct uprobe_place {
    uint64_t offset; /* in the executable's file */
    uint8_t kind;    /* the caller's, in each record */
    bool in_frame;   /* the frame pointer is the function's own already */
    bool is_check;   /* `jbe` of the stack check: when it jumps, the function begins anew: no hit */
    bool is_status;  /* rbx and rcx are statuses, old and new; those of `ignored` are no hits */
    bool has_stack;  /* the stack as well; with is_status: but for the statuses of `stackless` */
    bool has_number; /* the 32-bit number that rax points to, as arg; else rax itself */
    enum uprobe_subject subject;
    /* So many texts are among the arguments, each in two registers, from the one of this number on
     * (rax is 0); then the second argument is told as well.  For places with a stack. */
    uint8_t n_texts, first_text;
};

/* An argument of type string. */
struct uprobe_text {
    uint64_t address, length;
    struct str bytes; /* the first ones, in the record; empty when they could not be read there */
};

struct uprobe_hit {
    uint64_t time_ns;
    uint8_t kind, from, to, wait_reason;
    uint8_t mode;                   /* of a change of status: the processor's p_mode */
    uint32_t p;                     /* the thread's processor; UPROBE_NO_NUMBER: none */
    uint64_t g, goid;               /* of the subject; 0: none */
    uint64_t thread;                /* procid */
    uint64_t current, current_goid; /* the thread's goroutine, 0: none */
    uint64_t caller;                /* return address of the function */
    uint64_t arg, second;           /* second: of places with texts */
    struct uprobe_text texts[UPROBE_TEXTS_MAX];
    const uint64_t *stack; /* return addresses, innermost first, in the record */
    size_t n_stack;
};

struct uprobes;

/* Makes the programs; there are no breakpoints yet.  `ignored` and `stackless` are sets of
 * statuses, a bit each.  NULL and *err: ERR_PERM with what would do, ERR_UNSUPPORTED, ERR_NOMEM. */
struct uprobes *uprobes_new(pid_t pid, const char *executable, const struct uprobe_offsets *offsets,
                            const struct uprobe_place *places, size_t n, uint32_t ignored,
                            uint32_t stackless, struct err *err);
void uprobes_free(struct uprobes *u); /* NULL is fine */

/* Breakpoints in; once all are, up to `budget` hits are recorded.  False and *err. Some ms. */
bool uprobes_on(struct uprobes *u, uint64_t budget, struct err *err);
/* All out, perf events in the order in which they were handed in: what the process does then costs
 * nothing.  The kernel takes some 0.05 s to be sure that nobody is there: all together, or for each
 * perf event. */
void uprobes_off(struct uprobes *u);
/* So many hits more from now on. */
void uprobes_grant(struct uprobes *u, uint64_t budget);

struct uprobe_counts {
    uint64_t n_hits; /* since they were made, recorded or not */
    uint64_t n_lost; /* for want of room */
    bool is_spent;   /* the budget: hits are not recorded */
};
struct uprobe_counts uprobes_counts(const struct uprobes *u);

/* Hand over what there is; a hit is valid for the call. */
void uprobes_drain(struct uprobes *u, void (*take)(void *arg, const struct uprobe_hit *hit),
                   void *arg);

#endif
