/* gopclntab: functions, lines and inlined calls out of the table that Go's
 * linker leaves in every program, stripped ones too.
 *
 * In: an object of Go 1.2 to 1.27 and a batch of addresses.  Out: frames.
 * Inlined calls are known from Go 1.18 on; before that each address has one frame.
 * Every offset in the table is checked against what the file holds.
 * Units: addresses are the file's.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_SYM_GOPCLNTAB_H
#define SONDE_SYM_GOPCLNTAB_H

#include "base/diag.h"
#include "base/err.h"
#include "sym/elf.h"
#include "sym/frames.h"

struct gopclntab;

/* Found by section name, or by its first bytes where sections are stripped.
 * NULL when there is none, or (with *err set) memory runs out; *err is untouched
 * otherwise.  `elf` is borrowed and has to outlive it. */
struct gopclntab *gopclntab_open(struct elf *elf, struct err *err);
/* The same for a table that lies at data[0..len): `text` is the address of
 * runtime.text, used from Go 1.18 on; `gofunc` what follows go:func.*, or empty. */
struct gopclntab *gopclntab_new(struct str data, uint64_t text, struct str gofunc, struct err *err);
void gopclntab_free(struct gopclntab *table); /* NULL is fine */

/* Are the trees of inlined calls there?  From Go 1.18 on. */
bool gopclntab_has_inlines(const struct gopclntab *table);

/* Function i of the table, by address; false when there is none.  Texts are borrowed
 * from the object. */
struct gopclntab_function {
    uint64_t entry, size;
    const char *name; /* "" when damaged */
};
bool gopclntab_function(const struct gopclntab *table, uint64_t i, struct gopclntab_function *f);

/* Fill the lookups that have no frames yet and lie in a function of the table.
 * Texts are borrowed from the object.  False and *err when memory runs out. */
bool gopclntab_lookup(struct gopclntab *table, struct lookup *lookups, size_t n,
                      struct frame_table *frames, struct diag *diag, struct err *err);

#endif
