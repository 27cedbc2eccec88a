/* timeline_machine: what events mean for lanes.  Building the index and making a chunk's boxes
 * again go by the same rules, so that they agree; what differs is where states are kept, which are
 * the functions of timeline_machine_ops (constant, so that they are inlined).
 *
 * Lanes of a processor: 2 * place: what runs there; 2 * place + 1: sweeps, assists and stops of the
 * world within that.  Of a thread: place.  Of a goroutine: as timeline_index.h numbers them.
 * Units: times in ns since the first event.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_MACHINE_H
#define SONDE_TIMELINE_TIMELINE_MACHINE_H

#include "timeline/timeline_lanes.h"
#include "trace/trace_event.h"

enum timeline_class {
    TIMELINE_CLASS_PROC,
    TIMELINE_CLASS_THREAD,
    TIMELINE_CLASS_GO,
    TIMELINE_N_CLASSES
};

/* What a goroutine or processor holds, beside what it does. */
enum { TIMELINE_HELD_ASSIST = 1, TIMELINE_HELD_SWEEP = 2, TIMELINE_HELD_STW = 4 };

struct timeline_machine_proc {
    uint32_t g; /* that is on it; TIMELINE_NONE */
    bool sweeps;
};

struct timeline_machine_ops {
    /* Numbers; TIMELINE_NONE: there is none.  `make`: the event tells of it. */
    uint32_t (*go)(void *arg, int64_t id, bool make);
    uint32_t (*proc)(void *arg, int32_t id);
    uint32_t (*thread)(void *arg, int64_t id);
    struct timeline_machine_proc *(*proc_state)(void *arg, uint32_t proc);
    /* Is this the first that is told of the goroutine?  Then it had that state before. */
    bool (*is_first)(void *arg, uint32_t go, int64_t now_ns, uint8_t kind);
    uint8_t *(*held)(void *arg, uint32_t go); /* TIMELINE_HELD_ bits */
    uint32_t (*within_lane)(void *arg, uint32_t go);
    /* The lane of the region that begins or ends; TIMELINE_NO_LANE: none. */
    uint32_t (*region_lane)(void *arg, uint32_t go, bool begins);
    uint32_t (*task)(void *arg, uint64_t id);
    void (*change)(void *arg, enum timeline_class class, uint32_t lane, int64_t since_ns,
                   uint8_t kind, uint32_t what, uint32_t g);
};

#define TIMELINE_INLINE static inline __attribute__((always_inline))

TIMELINE_INLINE void timeline_machine_set(const struct timeline_machine_ops *ops, void *arg,
                                          enum timeline_class class, uint32_t lane, int64_t now_ns,
                                          uint8_t kind, uint32_t what, uint32_t g)
{
    if (lane != TIMELINE_NO_LANE)
        ops->change(arg, class, lane, now_ns, kind, what, g);
}

static inline uint8_t timeline_held_kind(unsigned bits)
{
    return bits & TIMELINE_HELD_STW      ? TIMELINE_STW
           : bits & TIMELINE_HELD_SWEEP  ? TIMELINE_SWEEP
           : bits & TIMELINE_HELD_ASSIST ? TIMELINE_ASSIST
                                         : TIMELINE_ABSENT;
}

/* A goroutine comes to its processor and thread (where known), in this state; or leaves them (g
 * TIMELINE_NONE). */
TIMELINE_INLINE void timeline_machine_place(const struct timeline_machine_ops *ops, void *arg,
                                            int32_t p, int64_t m, int64_t now_ns, uint8_t kind,
                                            uint32_t what, uint32_t g)
{
    if (p != TRACE_NONE) {
        uint32_t proc = ops->proc(arg, p);
        if (proc != TIMELINE_NONE) {
            struct timeline_machine_proc *state = ops->proc_state(arg, proc);
            uint32_t before = state->g;
            timeline_machine_set(ops, arg, TIMELINE_CLASS_PROC, 2 * proc, now_ns, kind, what, g);
            state->g = g;
            unsigned bits = before != TIMELINE_NONE ? *ops->held(arg, before) : 0;
            unsigned now = g != TIMELINE_NONE ? *ops->held(arg, g) : 0;
            if (before != g && (bits | now))
                timeline_machine_set(
                    ops, arg, TIMELINE_CLASS_PROC, 2 * proc + 1, now_ns,
                    timeline_held_kind(now | (state->sweeps ? TIMELINE_HELD_SWEEP : 0u)), 0, g);
        }
    }
    if (m != TRACE_NONE) {
        uint32_t thread = ops->thread(arg, m);
        if (thread != TIMELINE_NONE)
            timeline_machine_set(ops, arg, TIMELINE_CLASS_THREAD, thread, now_ns, kind, what, g);
    }
}

/* A goroutine's own lane. */
TIMELINE_INLINE void timeline_machine_go(const struct timeline_machine_ops *ops, void *arg,
                                         uint32_t go, uint32_t lane, int64_t now_ns, uint8_t kind,
                                         uint32_t what)
{
    if (go != TIMELINE_NONE)
        timeline_machine_set(ops, arg, TIMELINE_CLASS_GO, lane, now_ns, kind, what, TIMELINE_NONE);
}

/* Something begins or ends within what a goroutine does, and on its processor. */
TIMELINE_INLINE void timeline_machine_hold(const struct timeline_machine_ops *ops, void *arg,
                                           int64_t g, int32_t p, int64_t now_ns, uint8_t bit,
                                           bool begins)
{
    uint32_t go = g == TRACE_NONE ? TIMELINE_NONE : ops->go(arg, g, false);
    unsigned bits = 0;
    if (go != TIMELINE_NONE) {
        uint8_t *held = ops->held(arg, go);
        uint32_t lane = ops->within_lane(arg, go);
        bits = *held = (uint8_t)(begins ? *held | bit : *held & ~bit);
        timeline_machine_set(ops, arg, TIMELINE_CLASS_GO, lane, now_ns, timeline_held_kind(bits), 0,
                             TIMELINE_NONE);
    }
    uint32_t proc = p == TRACE_NONE ? TIMELINE_NONE : ops->proc(arg, p);
    if (proc != TIMELINE_NONE) {
        struct timeline_machine_proc *state = ops->proc_state(arg, proc);
        if (bit == TIMELINE_HELD_SWEEP)
            state->sweeps = begins;
        if (state->sweeps)
            bits |= TIMELINE_HELD_SWEEP;
        timeline_machine_set(ops, arg, TIMELINE_CLASS_PROC, 2 * proc + 1, now_ns,
                             timeline_held_kind(bits), 0, go);
    }
}

TIMELINE_INLINE void timeline_machine_status(const struct timeline_machine_ops *ops, void *arg,
                                             uint32_t (*lane_of)(void *arg, uint32_t go),
                                             const struct trace_event *e, int64_t now_ns)
{
    static const struct {
        uint8_t kind, state;
    } of[] = {{TIMELINE_ABSENT, TRACE_GO_UNDETERMINED},
              {TIMELINE_RUNNABLE, TRACE_GO_RUNNABLE},
              {TIMELINE_RUNNING, TRACE_GO_RUNNING},
              {TIMELINE_SYSCALL, TRACE_GO_SYSCALL},
              {TIMELINE_WAITING, TRACE_GO_WAITING}};
    uint32_t status = (uint32_t)e->args[2];
    uint64_t from = e->args[2] >> 32;
    if (status >= sizeof of / sizeof *of || from == of[status].state)
        return;
    uint8_t kind = of[status].kind;
    uint32_t go = ops->go(arg, (int64_t)e->args[0], true);
    if (go == TIMELINE_NONE)
        return;
    if (from != TRACE_GO_UNDETERMINED || !ops->is_first(arg, go, now_ns, kind))
        timeline_machine_go(ops, arg, go, lane_of(arg, go), now_ns, kind, 0);
    if (kind == TIMELINE_RUNNING)
        timeline_machine_place(ops, arg, e->p, e->m, now_ns, kind, 0, go);
    else if (kind == TIMELINE_SYSCALL)
        timeline_machine_place(ops, arg, TRACE_NONE, e->m, now_ns, kind, 0, go);
}

/* lane_of: the lane of a goroutine's states.  now_ns is the event's time. */
TIMELINE_INLINE void timeline_machine_event(const struct timeline_machine_ops *ops, void *arg,
                                            uint32_t (*lane_of)(void *arg, uint32_t go),
                                            const struct trace_event *e, int64_t now_ns)
{
    uint32_t go, lane, what;
    switch (e->type) {
    case GOTRACE_GO_CREATE:
    case GOTRACE_GO_CREATE_BLOCKED:
    case GOTRACE_GO_UNBLOCK:
    case GOTRACE_GO_SWITCH:
    case GOTRACE_GO_SWITCH_DESTROY:
        go = ops->go(arg, (int64_t)e->args[0], true);
        timeline_machine_go(
            ops, arg, go, go == TIMELINE_NONE ? 0 : lane_of(arg, go), now_ns,
            e->type == GOTRACE_GO_CREATE_BLOCKED ? TIMELINE_WAITING : TIMELINE_RUNNABLE, 0);
        break;
    case GOTRACE_GO_CREATE_SYSCALL:
    case GOTRACE_GO_START: {
        uint8_t kind = e->type == GOTRACE_GO_START ? TIMELINE_RUNNING : TIMELINE_SYSCALL;
        go = ops->go(arg, (int64_t)e->args[0], true);
        if (go == TIMELINE_NONE)
            break;
        timeline_machine_go(ops, arg, go, lane_of(arg, go), now_ns, kind, 0);
        timeline_machine_place(ops, arg, e->type == GOTRACE_GO_START ? e->p : TRACE_NONE, e->m,
                               now_ns, kind, 0, go);
        break;
    }
    case GOTRACE_GO_STOP:
    case GOTRACE_GO_BLOCK:
    case GOTRACE_GO_DESTROY:
    case GOTRACE_GO_DESTROY_SYSCALL:
    case GOTRACE_GO_SYSCALL_END_BLOCKED: {
        go = e->g == TRACE_NONE ? TIMELINE_NONE : ops->go(arg, e->g, true);
        what = e->type == GOTRACE_GO_STOP || e->type == GOTRACE_GO_BLOCK ? (uint32_t)e->args[0] : 0;
        uint8_t kind = e->type == GOTRACE_GO_BLOCK ? TIMELINE_WAITING
                       : e->type == GOTRACE_GO_STOP || e->type == GOTRACE_GO_SYSCALL_END_BLOCKED
                           ? TIMELINE_RUNNABLE
                           : TIMELINE_ABSENT;
        if (go != TIMELINE_NONE)
            timeline_machine_go(ops, arg, go, lane_of(arg, go), now_ns, kind, what);
        timeline_machine_place(ops, arg,
                               e->type == GOTRACE_GO_DESTROY_SYSCALL ||
                                       e->type == GOTRACE_GO_SYSCALL_END_BLOCKED
                                   ? TRACE_NONE
                                   : e->p,
                               e->m, now_ns, TIMELINE_ABSENT, 0, TIMELINE_NONE);
        break;
    }
    case GOTRACE_GO_SYSCALL_BEGIN:
    case GOTRACE_GO_SYSCALL_END: {
        bool begins = e->type == GOTRACE_GO_SYSCALL_BEGIN;
        uint8_t kind = begins ? TIMELINE_SYSCALL : TIMELINE_RUNNING;
        what = begins ? (uint32_t)e->args[1] : 0;
        go = e->g == TRACE_NONE ? TIMELINE_NONE : ops->go(arg, e->g, true);
        if (go == TIMELINE_NONE)
            break;
        timeline_machine_go(ops, arg, go, lane_of(arg, go), now_ns, kind, what);
        timeline_machine_place(ops, arg, e->p, e->m, now_ns, kind, what, go);
        break;
    }
    case GOTRACE_PROC_START:
    case GOTRACE_PROC_STATUS:
        (void)ops->proc(arg, (int32_t)e->args[0]);
        break;
    case GOTRACE_PROC_STOP:
        timeline_machine_place(ops, arg, e->p, TRACE_NONE, now_ns, TIMELINE_ABSENT, 0,
                               TIMELINE_NONE);
        break;
    case GOTRACE_PROC_STEAL:
        timeline_machine_place(ops, arg, (int32_t)e->args[0], TRACE_NONE, now_ns, TIMELINE_ABSENT,
                               0, TIMELINE_NONE);
        break;
    case GOTRACE_GO_STATUS:
    case GOTRACE_GO_STATUS_STACK:
        timeline_machine_status(ops, arg, lane_of, e, now_ns);
        break;
    case GOTRACE_STW_BEGIN:
    case GOTRACE_STW_END:
        timeline_machine_hold(ops, arg, e->g, e->p, now_ns, TIMELINE_HELD_STW,
                              e->type == GOTRACE_STW_BEGIN);
        break;
    case GOTRACE_GC_SWEEP_BEGIN:
    case GOTRACE_GC_SWEEP_END:
        timeline_machine_hold(ops, arg, e->g, e->p, now_ns, TIMELINE_HELD_SWEEP,
                              e->type == GOTRACE_GC_SWEEP_BEGIN);
        break;
    case GOTRACE_GC_MARK_ASSIST_BEGIN:
    case GOTRACE_GC_MARK_ASSIST_END:
        timeline_machine_hold(ops, arg, e->g, e->p, now_ns, TIMELINE_HELD_ASSIST,
                              e->type == GOTRACE_GC_MARK_ASSIST_BEGIN);
        break;
    case GOTRACE_USER_REGION_BEGIN:
    case GOTRACE_USER_REGION_END: {
        bool begins = e->type == GOTRACE_USER_REGION_BEGIN;
        go = e->g == TRACE_NONE ? TIMELINE_NONE : ops->go(arg, e->g, true);
        if (go == TIMELINE_NONE)
            break;
        lane = ops->region_lane(arg, go, begins);
        timeline_machine_set(
            ops, arg, TIMELINE_CLASS_GO, lane, now_ns, begins ? TIMELINE_REGION : TIMELINE_ABSENT,
            begins ? (uint32_t)e->args[1] : 0, begins ? ops->task(arg, e->args[0]) : TIMELINE_NONE);
        break;
    }
    default:
        break;
    }
}

#endif
