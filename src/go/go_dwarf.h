/* go_dwarf: fields and variables of Go's runtime out of a program's DWARF.
 * In: an object.  Out: a layout, addresses of the file.  Damage leaves the rest unfound.
 * Threads: one at a time an object.  Signals: no. */
#ifndef SONDE_GO_DWARF_H
#define SONDE_GO_DWARF_H

#include "go/go_layout.h"
#include "sym/elf.h"

#include <stdbool.h>

/* `layout` may be NULL; else fields that are not there become GO_NO_FIELD.  Variables that
 * are not there keep their place in `variables` (may be NULL) as it was.  False when the
 * object has no DWARF of Go's runtime.  Reads the runtime's unit only. */
bool go_dwarf_read(const struct elf *elf, struct go_layout *layout,
                   uint64_t variables[GO_N_GLOBALS]);

/* The runtime's names, by enum go_global. */
extern const char *const go_global_symbols[GO_N_GLOBALS];

#endif
