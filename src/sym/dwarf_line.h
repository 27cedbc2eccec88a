/* dwarf_line: source lines and inlined calls out of DWARF.
 *
 * In: an object with debug information (2 to 5, compressed sections, split
 * units whose .dwo files are found, dwz's alternate file) and a batch of
 * addresses.  Out: frames as llvm-symbolizer gives them: linkage names, full
 * paths, columns, the line of each call for the functions around an inlined one.
 * Only units that hold wanted addresses are read.
 * Units: addresses are the file's.  Threads: one call at a time an object.
 * Signals: no. */
#ifndef SONDE_SYM_DWARF_LINE_H
#define SONDE_SYM_DWARF_LINE_H

#include "base/diag.h"
#include "base/err.h"
#include "sym/elf.h"
#include "sym/frames.h"

struct dwarf_line;

/* NULL with *err ERR_NONE when the object has no debug information, with another
 * code when memory runs out.  `elf` is borrowed and has to outlive it. */
struct dwarf_line *dwarf_line_open(struct elf *elf, struct err *err);
void dwarf_line_close(struct dwarf_line *dwarf); /* NULL is fine */

/* Fill the lookups (sorted by address) that have no frames and are found.  Texts
 * live until dwarf_line_close.  Damage is a note in *diag and leaves the rest
 * unfound; false and *err when memory runs out. */
bool dwarf_line_lookup(struct dwarf_line *dwarf, struct lookup *lookups, size_t n,
                       struct frame_table *table, struct diag *diag, struct err *err);

#endif
