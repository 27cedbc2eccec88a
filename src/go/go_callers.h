/* go_callers: the frames of a stack of return addresses, as runtime.CallersFrames has them,
 * and their text in Go's profiles (debug=1).
 * In: addresses.  Out: frames, lines.  Threads: one at a time a go_code.  Signals: no. */
#ifndef SONDE_GO_CALLERS_H
#define SONDE_GO_CALLERS_H

#include "base/buf.h"
#include "go/go_code.h"

struct go_callers {
    struct go_code *code;
    const uint64_t *pcs;
    size_t n;
    uint64_t next; /* of a call around an inlined one that is not in pcs */
};

struct go_caller {
    uint64_t pc, entry; /* of the call; of the function that holds it */
    struct go_call call;
    const char *file; /* "?" when not known */
    uint32_t line;
};

/* `pcs` is borrowed. */
struct go_callers go_callers_of(struct go_code *code, const uint64_t *pcs, size_t n);
/* False when there are no more.  Addresses in foreign code are passed over. */
bool go_callers_next(struct go_callers *callers, struct go_caller *caller);

/* Return addresses with those of inlined calls put in, where the runtime kept only the outer
 * ones (block and mutex from Go 1.23 on).  At most `max`; returns how many. */
size_t go_callers_expand(struct go_code *code, const uint64_t *pcs, size_t n, uint64_t *expanded,
                         size_t max);

/* The lines "#\t0x...\tmain.f+0x2a\t..." and an empty one, as runtime/pprof prints them below
 * a record; functions of the runtime at the beginning are left out unless `all`. */
void go_callers_text(struct go_code *code, const uint64_t *pcs, size_t n, bool all,
                     struct buf *out);

#endif
