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
/* The bytes of an object's table, from its first on (what follows in the segment may be at
 * their end), and its address; empty when there is none. */
struct str gopclntab_find(const struct elf *elf, uint64_t *address);
/* Where in those bytes the names and the pc-value tables begin, as the header has it; false
 * when it is none of Go 1.18 or newer. */
bool gopclntab_parts(struct str data, uint64_t *names, uint64_t *pcs);
void gopclntab_free(struct gopclntab *table); /* NULL is fine */

/* Are the trees of inlined calls there?  From Go 1.18 on. */
bool gopclntab_has_inlines(const struct gopclntab *table);

/* A function of the table; texts are borrowed from the object. */
struct gopclntab_function {
    uint64_t entry, size;
    const char *name; /* "" when damaged */
    /* From Go 1.18 on, else 0: */
    uint32_t start_line; /* from Go 1.20 on */
    uint8_t id, flags;   /* what Go's unwinder has to know about it */
    struct str record;   /* the table's own */
};
/* Function i of the table, by address, or the one at an address; false when there is none. */
bool gopclntab_function(const struct gopclntab *table, uint64_t i, struct gopclntab_function *f);
bool gopclntab_at(const struct gopclntab *table, uint64_t address, struct gopclntab_function *f);

/* What Go's runtime reads at an address inside the function; from Go 1.18 on. */
#define GOPCLNTAB_TOP_FRAME 1u /* flags: a stack ends here */
#define GOPCLNTAB_SP_WRITE 2u  /* no telling where the caller's frame is */
#define GOPCLNTAB_ARG_LIVE 3u  /* tables of numbers */
#define GOPCLNTAB_ARG_INFO 5u  /* data */
#define GOPCLNTAB_ARG_LIVE_INFO 6u
/* The bytes between the stack pointer and the return address; -1: not known.  O(function). */
int32_t gopclntab_sp_delta(const struct gopclntab *table, const struct gopclntab_function *f,
                           uint64_t address);
/* No bytes are known for functions in foreign code. */
bool gopclntab_has_sp(const struct gopclntab *table, const struct gopclntab_function *f);
/* The number of the table `which`; -1: none. */
int32_t gopclntab_number(const struct gopclntab *table, const struct gopclntab_function *f,
                         unsigned which, uint64_t address);
/* The data `which`, to the end of all such data: it is read up to its own end.  Empty: none. */
struct str gopclntab_data(const struct gopclntab *table, const struct gopclntab_function *f,
                          unsigned which);
/* File and line: "" and 0 when not known. */
void gopclntab_line(const struct gopclntab *table, const struct gopclntab_function *f,
                    uint64_t address, const char **file, uint32_t *line);
/* The call that was inlined at an address; false: none, it is the function's own code. */
struct gopclntab_call {
    const char *name;
    uint32_t start_line;
    uint8_t id;
    uint64_t caller; /* an address at the place of the call, in the same function */
};
bool gopclntab_call(const struct gopclntab *table, const struct gopclntab_function *f,
                    uint64_t address, struct gopclntab_call *call);

/* Fill the lookups that have no frames yet and lie in a function of the table.
 * Texts are borrowed from the object.  False and *err when memory runs out. */
bool gopclntab_lookup(struct gopclntab *table, struct lookup *lookups, size_t n,
                      struct frame_table *frames, struct diag *diag, struct err *err);

#endif
