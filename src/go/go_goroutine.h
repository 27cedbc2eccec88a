/* go_goroutine: goroutines grouped as a profile, for the kinds that show them.
 *
 * A group of Go's own profile has one stack and one set of labels; ours are divided further by
 * what the goroutines do, in labels: state, wait_reason, wait_time, creator.
 * In: a program.  Out: a profile, or text.  Threads: one at a time a program.  Signals: no. */
#ifndef SONDE_GO_GOROUTINE_H
#define SONDE_GO_GOROUTINE_H

#include "go/go_goroutines.h"
#include "go/go_kind.h"

/* A profile of the kind `name` of the goroutines with a status (GO_STATUS_ALL: all). */
#define GO_STATUS_ALL UINT32_MAX
struct profile *go_goroutine_profile(struct go_program *program, const char *name, unsigned status,
                                     const struct go_options *options, struct diag *diag,
                                     struct err *err);
/* The text: options->debug 1 or 2 (then of all goroutines, as Go has it). */
bool go_goroutine_text(struct go_program *program, const char *name, unsigned status,
                       const struct go_options *options, struct buf *out, struct diag *diag,
                       struct err *err);

#endif
