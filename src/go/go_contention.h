/* go_contention: the profiles of blocked time and of contended mutexes, which Go keeps and
 * writes alike.
 *
 * In: a program.  Out: a profile or text as runtime/pprof writes it.
 * Units: in the profile nanoseconds, in the text ticks of the processor's clock.
 * Threads: one at a time a program.  Signals: no. */
#ifndef SONDE_GO_CONTENTION_H
#define SONDE_GO_CONTENTION_H

#include "go/go_kind.h"

/* For GO_VAR_BBUCKETS ("contention") or GO_VAR_XBUCKETS ("mutex"); as in go_kind.h. */
struct profile *go_contention_profile(struct go_program *program, enum go_global head,
                                      struct diag *diag, struct err *err);
bool go_contention_text(struct go_program *program, enum go_global head, struct buf *out,
                        struct diag *diag, struct err *err);

#endif
