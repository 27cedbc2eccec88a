/* go_program: a Go program in memory: its version, functions, and the variables of its
 * runtime, also where it is stripped.
 *
 * In: the memory of a process or core file, and the executable.  Out: addresses.
 * All that is found is checked against what must hold (addresses inside the program's data,
 * allgs == {allgptr, allglen}); what cannot be found is 0, never a guess.
 * Units: addresses are those of the running program.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_GO_PROGRAM_H
#define SONDE_GO_PROGRAM_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"
#include "go/go_layout.h"
#include "os/mem.h"
#include "sym/elf.h"
#include "sym/gopclntab.h"

struct go_program {
    struct mem *mem;                /* borrowed */
    struct elf *elf;                /* the executable */
    char version[64];               /* "go1.24.4", as .go.buildinfo has it */
    unsigned minor;                 /* 24 */
    uint64_t bias;                  /* address in memory - address in the file */
    struct go_layout layout;        /* of this version */
    bool has_symbols;               /* variables were found by the symbol table or DWARF */
    uint64_t module;                /* of the first moduledata */
    uint64_t text, etext;           /* Go's code */
    struct gopclntab *table;        /* functions, at addresses in memory */
    uint64_t globals[GO_N_GLOBALS]; /* by enum go_global; 0: not found */
    bool sure[GO_N_GLOBALS];        /* found beyond doubt (a symbol, or all references agree):
                                     * may be written */
    int64_t ticks; /* a second (go_ticks.h), 0: not known yet.  Kept, so that two profiles have
                    * the same */
    struct arena arena;
};

/* NULL and *err: ERR_INPUT: not a Go program; ERR_UNSUPPORTED: a version that is not known and
 * has no DWARF, not x86-64; ERR_IO, ERR_PERM, ERR_NOMEM.  `mem` is borrowed. */
struct go_program *go_program_open(struct mem *mem, struct err *err);
void go_program_free(struct go_program *program); /* NULL is fine */

/* Is the program whose memory this is a Go program at all?  Reads the executable only. */
bool go_program_is(const struct mem *mem);

/* The address of a variable.  False with ERR_UNSUPPORTED "...: cannot find runtime.NAME in
 * ..." when it was not found. */
bool go_program_global(const struct go_program *program, enum go_global global, uint64_t *address,
                       struct err *err);
/* An unsigned number of 1, 2, 4 or 8 bytes at an address. */
bool go_program_number(const struct go_program *program, uint64_t address, size_t n_bytes,
                       uint64_t *number, struct err *err);

#endif
