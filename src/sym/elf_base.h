/* elf_base: from addresses of a process to addresses of the file.
 *
 * The rules are pprof's, with its treatment of kernels that are moved about.
 * Threads: calls are independent.  Signals: no. */
#ifndef SONDE_SYM_ELF_BASE_H
#define SONDE_SYM_ELF_BASE_H

#include "base/err.h"
#include "sym/elf.h"

/* A part of a file as it was mapped. */
struct elf_mapping {
    uint64_t start, limit, offset;
    /* the kernel's _stext, where that had to be looked up */
    bool has_kernel_symbol;
    uint64_t kernel_symbol;
};

/* Describe the mapping of `elf`; `relocation_symbol` is "" or names the kernel's.
 * False with ERR_INPUT when such a mapping cannot be of this file. */
bool elf_mapping_init(struct elf_mapping *mapping, const struct elf *elf, uint64_t start,
                      uint64_t limit, uint64_t offset, const char *relocation_symbol,
                      struct err *err);

/* *object = the file's address for `address`.  False when that lies outside the
 * mapping or in no segment. */
bool elf_mapping_translate(const struct elf_mapping *mapping, const struct elf *elf,
                           uint64_t address, uint64_t *object);

#endif
