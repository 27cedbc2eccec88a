/* native_trace_file: the events of a native trace while it is recorded, in a file without a name,
 * and what becomes of them: a trace whose stacks have functions, files and lines.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_NATIVE_TRACE_FILE_H
#define SONDE_COLLECT_NATIVE_TRACE_FILE_H

#include "base/diag.h"
#include "base/err.h"
#include "base/vec.h"
#include "wire/trace_merge.h"

#include <stdio.h>
#include <sys/types.h>

/* A generation, but for its stacks. */
struct native_trace_part {
    uint64_t end;     /* of its bytes in the file */
    size_t first, n;  /* its stacks, of `ids` */
    uint64_t n_texts; /* the numbers that it has used */
    uint64_t number, begin_ns;
};

struct native_trace_spool {
    FILE *file;                 /* NULL: none */
    uint64_t n_bytes, n_events; /* n_events: of whole generations */
    int error;                  /* an errno of writing */
    VEC(struct native_trace_part) parts;
    VEC(uint32_t) ids;
};

/* In TMPDIR, /var/tmp or /tmp.  False and *err. */
bool native_trace_spool_open(struct native_trace_spool *spool, struct err *err);
void native_trace_spool_release(struct native_trace_spool *spool); /* also of a zeroed one */
/* What `states` writes goes there. */
void native_trace_spool_use(struct native_trace_spool *spool, struct trace_states *states);

struct native_trace_stacks {
    const char *const *wires; /* paths of the processes' files (wire/wire.h), by source */
    size_t n_wires;
    const struct trace_stack_key *keys; /* of stack i + 1 */
    size_t n;
    pid_t main_pid;
};

/* The whole trace, to `fd`.  False and *err: it cannot be written, or memory runs out.  That the
 * disk was full on the way is a note: the trace ends there; unless nothing was kept at all. */
bool native_trace_put(struct native_trace_spool *spool, const struct trace_states *states,
                      const struct native_trace_stacks *stacks, int fd, uint64_t *n_bytes,
                      struct diag *diag, struct err *err);

#endif
