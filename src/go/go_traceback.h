/* go_traceback: the stack of a goroutine as Go prints it when it panics, and in its profile
 * with debug=2.
 * In: a goroutine as go_goroutines has it.  Out: text.
 * Threads: one at a time a go_code.  Signals: no. */
#ifndef SONDE_GO_TRACEBACK_H
#define SONDE_GO_TRACEBACK_H

#include "base/buf.h"
#include "go/go_goroutines.h"

struct go_traceback {
    const struct go_program *program;
    struct go_code *code;
    const struct go_labels *labels; /* NULL: not shown */
    uint64_t now_ns;                /* 0: it is not known how long one waits */
};

/* Add "goroutine 18 [chan receive, 5 minutes]:", its frames and who began it. */
void go_traceback_print(const struct go_traceback *t, const struct go_goroutine *g,
                        struct buf *out);

/* The arguments of a function as Go's compiler describes them ("0x1, {0x2, ...}"), out of a
 * copy of the stack. */
void go_traceback_args(struct go_code *code, const struct go_frame *frame,
                       const struct go_stack *stack, struct buf *out);

#endif
