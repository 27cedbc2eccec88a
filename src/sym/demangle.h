/* demangle: readable names for C++ and Rust symbols, by pprof's rules.
 *
 * In: a linker's name.  Out: what pprof shows for it: by default without
 * parameters, template arguments and compiler clones' suffixes; names that are
 * readable already lose the same; Go's and Java's stay.
 * Threads: calls are independent.  Signals: no. */
#ifndef SONDE_SYM_DEMANGLE_H
#define SONDE_SYM_DEMANGLE_H

#include "base/buf.h"
#include "base/str.h"
#include "sym/resolve.h"

/* Replace the contents of *out by the name for `name` (NUL-terminated).  Always
 * succeeds but for out->failed: what cannot be demangled stays as it is. */
void demangle(const char *name, enum demangle_mode mode, struct buf *out);

/* Nothing of `name` would change in any mode.  Quick; false does not say that
 * something would. */
bool demangle_keeps(const char *name);

#endif
