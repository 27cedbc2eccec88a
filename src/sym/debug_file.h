/* debug_file: where object files and their debug information lie.
 *
 * Threads: calls are independent.  Signals: no. */
#ifndef SONDE_SYM_DEBUG_FILE_H
#define SONDE_SYM_DEBUG_FILE_H

#include "base/diag.h"
#include "base/err.h"
#include "sym/elf.h"

/* Where pprof looks for a profile's objects: the folders of PPROF_BINARY_PATH,
 * by default $HOME/pprof/binaries.  The first file that is there, is ELF and has
 * the build ID (when one is wanted); others are noted in *diag.  The path
 * (malloc'ed), or NULL with *err ERR_NONE when nothing was found, ERR_NOMEM. */
char *debug_file_locate(const char *file, const char *build_id, struct diag *diag, struct err *err);

/* The file that holds the debug information split off from `elf`, opened: by
 * build ID in /usr/lib/debug/.build-id, by .gnu_debuglink beside the object, in
 * .debug and in /usr/lib/debug (its checksum compared), and from the servers in
 * DEBUGINFOD_URLS if asked.  NULL when there is none; trouble with the servers is
 * a note in *diag (which may be NULL). */
struct elf *debug_file_open(const struct elf *elf, bool ask_debuginfod, struct diag *diag);

/* The object itself from the servers in DEBUGINFOD_URLS: a path (malloc'ed), or
 * NULL; trouble with them is a note in *diag. */
char *debug_file_fetch_object(const char *build_id, struct diag *diag);

#endif
