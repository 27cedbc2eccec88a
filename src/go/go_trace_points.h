/* go_trace_points: where the scheduler of a Go program can be watched: functions of the runtime,
 * and in each the first instruction that the kernel emulates instead of stepping over it
 * (`push %rbp`; up to Go 1.20, which has none, a jump), while the arguments are still in registers.
 *
 *   casgstatus            each change of a goroutine's status: created, set ready, run, parked,
 *                         stopped, ended; and system calls up to Go 1.25
 *   reentersyscall, exitsyscall        system calls, which go without it from Go 1.26 on
 *   wirep, pidleput       processors that threads take, and leave idle
 *   stopTheWorldWithSema, startTheWorldWithSema     called by collections when they begin and end
 *   userTaskCreate, userTaskEnd, userRegion, userLog     of runtime/trace, if the program has them:
 *                         the tasks, regions and logs that it marks
 *
 * In: a program.  Out: places.  The code is the executable's; what does not begin as the compiler
 * begins a function is left out, never guessed.
 * Threads: any.  Signals: no. */
#ifndef SONDE_GO_GO_TRACE_POINTS_H
#define SONDE_GO_GO_TRACE_POINTS_H

#include "base/diag.h"
#include "base/err.h"
#include "go/go_program.h"

enum go_trace_point_kind {
    GO_TRACE_STATUS,
    GO_TRACE_SYSCALL_BEGIN,
    GO_TRACE_SYSCALL_END,
    GO_TRACE_P_TAKEN,
    GO_TRACE_P_IDLE,
    GO_TRACE_STOP_WORLD,
    GO_TRACE_START_WORLD,
    GO_TRACE_TASK_BEGIN,
    GO_TRACE_TASK_END,
    GO_TRACE_REGION,
    GO_TRACE_LOG,
    GO_TRACE_N_POINTS
};

struct go_trace_point {
    enum go_trace_point_kind kind;
    uint64_t offset; /* in the executable's file */
    bool in_frame;   /* the function's frame is there already, and its frame pointer */
    bool is_check;   /* it is the jump to where the stack grows, and the function begins anew */
};

/* From Go 1.26 on, system calls have places of their own. */
bool go_trace_has_syscall_points(const struct go_program *program);

/* At most GO_TRACE_N_POINTS, into `points`, those that are passed often first; *n: how many.  False
 * with ERR_UNSUPPORTED when the changes of status cannot be seen; what else is missing is a note,
 * and so is that the program marks regions or logs in a way that cannot be seen. */
bool go_trace_points_find(const struct go_program *program, struct go_trace_point *points,
                          size_t *n, struct diag *diag, struct err *err);

/* The first emulated instruction of a function, by its code: how far it is from the beginning
 * (offset), in_frame and is_check.  False: there is none before anything that is not known. */
bool go_trace_place(struct str code, struct go_trace_point *place);

#endif
