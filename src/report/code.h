/* code: the machine code that the addresses of a profile lie in, for the reports
 * that show it (disasm, weblist).
 *
 *   struct code code;
 *   code_init(&code, profile, intel, diag);
 *   code_open(&code, m, &mapping, err)          for each mapping that is wanted
 *   code_decode(&code, object, start, end, &slice, err)
 *   code_annotate(&code, err)                   once, after the last of them
 *   code_frames(object, address, &n)
 *
 * Ownership: the struct owns what it opens; texts live as long as it.
 * Units: "object addresses" are the file's, others the profile's.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_REPORT_CODE_H
#define SONDE_REPORT_CODE_H

#include "base/diag.h"
#include "base/vec.h"
#include "model/profile.h"
#include "sym/disasm.h"
#include "sym/elf_base.h"
#include "sym/object.h"

/* One file, opened once. */
struct code_object {
    const char *path;
    struct object object;
    struct symbols symbols;
    bool is_open, is_go;
    struct err err; /* why it is not open, or cannot be disassembled */
    struct disasm *disasm;
    struct instructions instructions;
    VEC(struct lookup) lookups; /* of all instructions, by address */
};

/* A mapping and the file that is there. */
struct code_mapping {
    struct code_object *object;
    struct elf_mapping at;
    bool is_whole; /* no range known: addresses are the file's already */
};

struct code {
    const struct profile *profile;
    enum disasm_syntax syntax;
    struct diag *diag;
    VEC(struct code_object *) objects;
};

/* Instructions [first, first + n) of an object's instructions.list. */
struct code_slice {
    size_t first, n;
};

/* Is the text a number as Go has them (decimal, 0x, 0o, 0b, underscores between)?  The
 * argument of these reports may be an address. */
bool code_parse_address(const char *s, uint64_t *value);

void code_init(struct code *code, const struct profile *profile, bool intel, struct diag *diag);
void code_release(struct code *code);

/* Open the file of mapping m.  False with *err when it cannot be had (ERR_NOMEM:
 * memory ran out).  A file that is not the one of the profile is a note. */
bool code_open(struct code *code, uint32_t m, struct code_mapping *mapping, struct err *err);
/* False when the address lies outside the mapping. */
bool code_address(const struct code_mapping *mapping, uint64_t address, uint64_t *object_address);

/* Decode object addresses [start, end).  False with *err: no disassembler
 * (ERR_UNSUPPORTED), no memory. */
bool code_decode(struct code *code, struct code_object *object, uint64_t start, uint64_t end,
                 struct code_slice *slice, struct err *err);
/* Look up the source lines of all instructions.  False and *err when memory runs out. */
bool code_annotate(struct code *code, struct err *err);
/* The frames of an instruction, innermost first; NULL when nothing is known. */
const struct frame *code_frames(const struct code_object *object, uint64_t object_address,
                                uint32_t *n);

#endif
