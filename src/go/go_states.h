/* go_states: what all goroutines of a program that runs do at the moment, the runtime's own too.
 * Quick and without a stop, so what is told of one may be over when it is told of the next.
 *
 * In: a program.  Out: statuses, threads and processors, stacks of some that wait.
 * Units: addresses are those of the running program.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_GO_GO_STATES_H
#define SONDE_GO_GO_STATES_H

#include "base/err.h"
#include "go/go_program.h"

#define GO_STATES_FRAMES_MAX 64
#define GO_STATES_NO_P UINT32_MAX

struct go_state {
    uint64_t goid;
    unsigned status;     /* enum go_status; no dead ones */
    uint64_t thread;     /* procid, of one that runs or is in a system call; 0 */
    uint32_t p;          /* the thread's processor; GO_STATES_NO_P */
    const uint64_t *pcs; /* of one that waits: return addresses, innermost first */
    size_t n_pcs;
};

/* Call `each` for every goroutine, with stacks for the first `n_stacks` that wait; what it gets
 * lives for the call.  False and *err: ERR_INPUT: it has ended or makes no sense, ERR_NOMEM.
 * 1 us a goroutine, 5 with a stack. */
bool go_states_read(struct go_program *program, size_t n_stacks,
                    void (*each)(void *arg, const struct go_state *state), void *arg,
                    struct err *err);

#endif
