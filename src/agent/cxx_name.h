/* cxx_name: names of functions as in the source: C++'s (Itanium ABI), as __cxa_demangle has
 * them, and those of Rust's older scheme, without their hash.
 *
 * In: a name of a symbol table, which may be anything.  Out: text.
 * Memory: none but what is given; stack: 40 KiB at most.  Time: bounded, some us for a usual name.
 * Threads: one a scratch.  Signals: no. */
#ifndef SONDE_AGENT_CXX_NAME_H
#define SONDE_AGENT_CXX_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* What it needs meanwhile. */
size_t cxx_name_scratch_bytes(void);

/* False: `name` is none of these, or its text is longer than `size`, or it is too deep; what is
 * in `out` is nothing then. */
bool cxx_name(void *scratch, const char *name, char *out, size_t size);

#endif
