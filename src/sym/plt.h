/* plt: the stubs by which an object calls functions of others.
 *
 * In: an object (x86-64, aarch64) with its sections.  Out: symbols "NAME@plt" for the
 * stubs, "NAME@got" for the slots with addresses that they jump through.
 * A slot is told by its relocation, a stub by its slot.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_SYM_PLT_H
#define SONDE_SYM_PLT_H

#include "sym/symbols.h"

/* Add to symbols->stubs, unsorted; texts in symbols->arena.  False when memory runs out. */
bool plt_read(const struct elf *elf, struct symbols *symbols);

#endif
