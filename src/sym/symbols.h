/* symbols: every named place of an object, as `nm -n` lists them, and the stubs
 * through which other objects are called, as objdump names them ("malloc@plt").
 *
 * In: an object, its split-off debug information or NULL, its Go table or NULL.
 * Out: the symbols of .symtab (of the debug file where the object has none, else
 * of Go's table, else of .dynsym), sorted.
 * Ownership: names live as long as what was read and the struct.
 * Units: addresses are the file's.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_SYM_SYMBOLS_H
#define SONDE_SYM_SYMBOLS_H

#include "base/buf.h"
#include "base/vec.h"
#include "sym/elf.h"
#include "sym/gopclntab.h"

struct symbol {
    uint64_t address, size; /* size 0: unknown */
    const char *name;       /* as the linker knows it */
    bool is_code;           /* in a section with code */
    bool is_typed;          /* a function or an object, no mere label */
};

struct symbols {
    VEC(struct symbol) all;   /* by address, then name */
    VEC(struct symbol) stubs; /* and their slots, by address */
    struct arena arena;
};

/* False and *err when memory runs out; release it in any case. */
bool symbols_read(struct symbols *symbols, const struct elf *elf, const struct elf *debug,
                  const struct gopclntab *go, struct err *err);
void symbols_release(struct symbols *symbols); /* also fine on a zeroed struct */

/* The symbol that holds the address, the best of several; or NULL.  O(log n). */
const struct symbol *symbols_at(const struct symbols *symbols, uint64_t address);
/* The first of `all` that is >= address; all.n when none is.  O(log n). */
size_t symbols_lower_bound(const struct symbols *symbols, uint64_t address);

/* Replace *out by the name as objdump --demangle shows it: with parameters, and
 * the parts that a compiler split off under names of their own. */
void symbols_display_name(const char *name, struct buf *out);

#endif
