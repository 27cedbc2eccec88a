/* symbols: names of functions, from the symbol tables of the files that are mapped
 * (.symtab, or .dynsym of what was stripped).
 * In: the files, which are read, not mapped, and not trusted.
 * Threads: one at a time each.  Signals: no.  Memory: mmap'ed; of the modules that were
 * asked for, until symbols_release. */
#ifndef SONDE_AGENT_SYMBOLS_H
#define SONDE_AGENT_SYMBOLS_H

#include "agent/modules.h"

struct symbols_table;

#define SYMBOLS_READABLE_BYTES 16384

struct symbols {
    struct symbols_table *tables[MODULES_MAX + 1]; /* by the number of the module */
    void *scratch;                                 /* of cxx_name */
    char readable[SYMBOLS_READABLE_BYTES];
};

/* NULL: no memory. */
struct symbols *symbols_new(void);
void symbols_release(struct symbols *symbols); /* NULL is fine */

/* The function at a frame (wire/wire.h), and how far into it; NULL: not known.
 * Valid until symbols_release. */
const char *symbols_name(struct symbols *symbols, uint64_t frame, uint64_t *offset);

/* The name as in the source, where that can be told; else `name`.  Valid until the next call. */
const char *symbols_readable(struct symbols *symbols, const char *name);

/* The address of a frame, and the file it lies in: "" if none, `program` if that. */
uint64_t symbols_address(uint64_t frame);
const char *symbols_file(uint64_t frame, const char *program);

/* The frame of an address. */
uint64_t symbols_frame(uint64_t address);

#endif
