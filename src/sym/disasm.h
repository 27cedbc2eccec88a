/* disasm: machine code as text.
 *
 * The work is done by LLVM's disassembler, a shared library of 100 MB that is
 * loaded when it is first needed: the newest that is installed, or the one that
 * SONDE_LIBLLVM names.  Targets of calls, jumps and loads are shown by name.
 *
 * In: an object (x86-64, i386, aarch64) and its symbols.  Out: instructions.
 * Units: addresses are the file's.  Threads: one at a time each.  Signals: no. */
#ifndef SONDE_SYM_DISASM_H
#define SONDE_SYM_DISASM_H

#include "base/vec.h"
#include "sym/elf.h"
#include "sym/symbols.h"

struct instruction {
    uint64_t address;
    const char *text; /* "mov    %rsp, %rbp"; "(bad)" for what is none */
};

struct instructions {
    VEC(struct instruction) list; /* in the order of decoding */
    struct arena arena;           /* holds the texts */
};
void instructions_release(struct instructions *instructions); /* also fine on a zeroed struct */

enum disasm_syntax {
    DISASM_ATT,   /* what objdump shows by default; for machines with one syntax that one */
    DISASM_INTEL, /* no difference for those */
};

/* `elf` and `symbols` are borrowed and have to outlive it.  NULL with *err
 * ERR_UNSUPPORTED: the library is not installed (the message names the package), or
 * it does not know the machine; ERR_NOMEM. */
struct disasm *disasm_new(const struct elf *elf, const struct symbols *symbols,
                          enum disasm_syntax syntax, struct err *err);
void disasm_free(struct disasm *disasm); /* NULL is fine */

/* Add the instructions that begin in [start, end) and in a section with code.  Where
 * `start` is inside a function its code is read from its beginning.  False and *err
 * when memory runs out; what was added stays.  O(end - start + that function). */
bool disasm_decode(struct disasm *disasm, uint64_t start, uint64_t end, struct instructions *out,
                   struct err *err);

#endif
