/* go_variables: where the variables of Go's runtime are in a program: by its symbols or DWARF,
 * else by the instructions that refer to them.
 *
 * In: a program whose layout, moduledata and functions are known.  Out: its `globals` and
 * `sure`, and `has_symbols`.  What is found is checked; what fails is 0.
 * Threads: one at a time a program.  Signals: no. */
#ifndef SONDE_GO_VARIABLES_H
#define SONDE_GO_VARIABLES_H

#include "go/go_program.h"

/* `version` NULL: symbols or DWARF only.  False with ERR_NOMEM. */
bool go_variables_find(struct go_program *program, const struct go_version *version,
                       struct err *err);

/* Do the runtime's own structures look as the layout has them?  A thread's g0 is of that
 * thread, goroutines have stacks and states that there are.  ERR_UNSUPPORTED if not. */
bool go_variables_fit_layout(const struct go_program *program, struct err *err);

#endif
