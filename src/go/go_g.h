/* go_g: one goroutine as the runtime keeps it (runtime.g), parsed.
 * In: its bytes, the layout of the program's version.  Out: what is asked for.
 * Threads: any.  Signals: no. */
#ifndef SONDE_GO_G_H
#define SONDE_GO_G_H

#include "go/go_goroutines.h"

#define GO_G_BYTES_MAX 4096u /* of a g, which has layout.at[GO_G_SIZE] */

/* Is all in the layout that is needed?  False with ERR_UNSUPPORTED. */
bool go_g_check(const struct go_program *program, struct err *err);
/* The g at `address`, after go_g_check.  Where its stack goes on is g->stack.pc, sp. */
void go_g_parse(const struct go_program *program, const uint8_t *raw, uint64_t address,
                struct go_goroutine *g);
/* Has nothing happened between the two?  The same place, state and labels. */
bool go_g_is_same(const struct go_goroutine *a, const struct go_goroutine *b);

#endif
