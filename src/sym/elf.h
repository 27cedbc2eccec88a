/* elf: an object file, opened for reading.
 *
 * In: a path.  Out: what kind of program it is, its build ID, sections,
 * segments and symbols; the libelf handle for the DWARF reader.
 * Every number read from the file is checked before it is used.
 * Units: addresses are those of the file ("object addresses").
 * Threads: one at a time a handle.  Signals: no. */
#ifndef SONDE_SYM_ELF_H
#define SONDE_SYM_ELF_H

#include "base/err.h"
#include "base/str.h"

#include <gelf.h>
#include <stdint.h>

struct elf;

#define ELF_BUILD_ID_MAX 64 /* bytes that are kept of a build ID */

/* NULL and *err: cannot be read (ERR_IO, ERR_PERM), or no ELF file (ERR_INPUT). */
struct elf *elf_open(const char *path, struct err *err);
void elf_free(struct elf *elf); /* NULL is fine */

/* Hexadecimal, NUL-terminated; "" when there is none, or more than one and so
 * no telling which.  PT_NOTE segments first, as pprof reads them. */
const char *elf_build_id(const struct elf *elf);
/* No dynamic loader asked for: a preloaded library would not be seen. */
bool elf_is_static(const struct elf *elf);
/* Built by Go's linker (.go.buildinfo, Go's build ID note, .gopclntab). */
bool elf_is_go(const struct elf *elf);
/* Does a DT_NEEDED entry begin with `prefix` ("libasan")? */
bool elf_needs(const struct elf *elf, const char *prefix);

const char *elf_path(const struct elf *elf);
int elf_fd(const struct elf *elf); /* borrowed */
const GElf_Ehdr *elf_header(const struct elf *elf);
/* Borrowed; for libdw. */
Elf *elf_handle(const struct elf *elf);
size_t elf_segments(const struct elf *elf, const GElf_Phdr **segments);

/* A section's header by its name; NULL when there is none. */
Elf_Scn *elf_section(const struct elf *elf, const char *name, GElf_Shdr *header);
/* Its contents, uncompressed; empty for NOBITS, damage or NULL. */
struct str elf_section_data(Elf_Scn *section);
/* The bytes of the file that are loaded at `address`, to the end of that
 * segment's part in the file; empty when there are none. */
struct str elf_loaded_data(const struct elf *elf, uint64_t address);

/* The value of the named symbol in .symtab; false when there is none. */
bool elf_symbol_value(const struct elf *elf, const char *name, uint64_t *value);

/* The values of several of them in one pass: values[i] of names[i] is left alone where there
 * is none.  Only symbols whose names begin with `prefix` are compared. */
void elf_symbol_values(const struct elf *elf, const char *prefix, const char *const *names,
                       size_t n, uint64_t *values);

/* Functions of the symbol table (of .dynsym when there is no .symtab), by
 * address; one a place, the largest, of equal ones the last in the file. */
struct elf_symbol {
    uint64_t address, size; /* size 0: up to the next symbol */
    const char *name;       /* lives as long as the elf */
    const char *file;       /* source file of a local symbol, else "" */
    uint32_t rank;          /* place in the table */
};
/* Read on first use; false when memory runs out. */
bool elf_symbols(struct elf *elf, const struct elf_symbol **symbols, size_t *n);
/* The symbol that holds the address, or NULL.  O(log n). */
const struct elf_symbol *elf_symbol_at(struct elf *elf, uint64_t address);

#endif
