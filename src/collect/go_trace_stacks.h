/* go_trace_stacks: the stacks of a Go program's execution trace, with names, files, lines and
 * inlined calls, and without the runtime's own last steps, as Go's traces have them.
 *
 * In: return addresses.  Out: numbers of the writer's stacks.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_GO_TRACE_STACKS_H
#define SONDE_COLLECT_GO_TRACE_STACKS_H

#include "base/err.h"
#include "go/go_code.h"
#include "go/go_program.h"
#include "trace/trace_write.h"

struct go_trace_stacks;

/* Both are borrowed.  NULL and *err: no memory. */
struct go_trace_stacks *go_trace_stacks_new(const struct go_program *program,
                                            struct trace_writer *writer, struct err *err);
void go_trace_stacks_free(struct go_trace_stacks *s); /* NULL is fine */

/* A stack of return addresses, innermost first; 0: none.  O(n) for one that was there before. */
uint32_t go_trace_stack(struct go_trace_stacks *s, const uint64_t *pcs, size_t n);
/* The one frame that says where a goroutine began. */
uint32_t go_trace_start(struct go_trace_stacks *s, uint64_t start);

/* What a return address into the runtime is in. */
enum go_trace_caller {
    GO_TRACE_OTHER,
    GO_TRACE_PARK,      /* park_m, coroswitch_m: it stops to run */
    GO_TRACE_NO_P,      /* back from a system call, without a processor */
    GO_TRACE_GC_BEGIN,  /* gcStart */
    GO_TRACE_GC_FINISH, /* gcMarkTermination */
    GO_TRACE_ASSIST,    /* gcAssistAlloc1: it works for the collector */
    GO_TRACE_GC_EITHER, /* systemstack, which gcStart and gcMarkDone call up to Go 1.20 */
};
enum go_trace_caller go_trace_caller_of(struct go_trace_stacks *s, uint64_t caller);

/* How many regions the goroutine is in, by its calls of trace.WithRegion.  O(n). */
size_t go_trace_regions_on(struct go_trace_stacks *s, const uint64_t *pcs, size_t n);

/* Has it yielded by itself (runtime.Gosched)?  By the innermost address of its stack. */
bool go_trace_is_gosched(struct go_trace_stacks *s, const uint64_t *pcs, size_t n);

#endif
