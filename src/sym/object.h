/* object: one file of a process, with all that is known about its code.
 *
 * In: a path and a batch of addresses.  Out: their frames, from the best source
 * there is: Go's pclntab, DWARF (in the file or split off from it), the symbol
 * table.  As llvm-symbolizer does, the outermost function of a DWARF answer is
 * named by the symbol table where that knows it: there compiler clones have their
 * own names.
 * Units: addresses are the file's.  Threads: different objects may be worked on
 * at once.  Signals: no. */
#ifndef SONDE_SYM_OBJECT_H
#define SONDE_SYM_OBJECT_H

#include "base/diag.h"
#include "base/err.h"
#include "sym/elf.h"
#include "sym/frames.h"
#include "sym/symbols.h"

struct object {
    struct elf *elf;
    struct elf *debug;        /* split-off debug information, or NULL */
    struct dwarf_line *dwarf; /* or NULL */
    struct gopclntab *go;     /* or NULL */
    bool sought_debug, sought_dwarf, sought_go;
    struct frame_table table;
};

/* False and *err when the file cannot be opened as ELF. */
bool object_open(struct object *object, const char *path, struct err *err);
void object_release(struct object *object); /* also fine on a zeroed struct */

/* Fill the lookups (sorted by address, none twice, n_frames 0); their frames are
 * slices of object->table and live as long as the object.  Those that nothing is
 * known of stay empty.  False and *err when memory runs out. */
bool object_lookup(struct object *object, struct lookup *lookups, size_t n, bool debuginfod,
                   struct diag *diag, struct err *err);

/* All symbols of the object, wherever they are; borrowed from it.  False and *err
 * when memory runs out; release them in any case. */
bool object_symbols(struct object *object, struct symbols *symbols, bool debuginfod,
                    struct diag *diag, struct err *err);

#endif
