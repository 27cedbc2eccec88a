/* resolve: give the addresses of a profile their functions, files and lines.
 *
 * What it does is pprof's local symbolisation: mappings that are symbolised
 * already, "[...]", linux-vdso and the like are left alone; the object file of
 * each other mapping is found (the path itself, PPROF_BINARY_PATH, build-id
 * folders, .gnu_debuglink, debuginfod), its build ID compared, and every address
 * of the mapping looked up: DWARF lines with inlined frames, else Go's pclntab,
 * else ELF symbols; perf maps for mappings of their name (JIT code); /proc/kallsyms for the kernel, if the
 * profile is of the one that runs.
 *
 * Names that the profile has are demangled too.
 *
 * Threads: one call at a time a profile; works on several threads itself.
 * Signals: no. */
#ifndef SONDE_SYM_RESOLVE_H
#define SONDE_SYM_RESOLVE_H

#include "base/diag.h"
#include "base/err.h"
#include "model/profile.h"

enum demangle_mode {
    DEMANGLE_DEFAULT,   /* names without parameters and template arguments */
    DEMANGLE_TEMPLATES, /* without parameters */
    DEMANGLE_FULL,
    DEMANGLE_NONE,
};

struct resolve_options {
    bool force;      /* symbolise what has symbols already */
    bool names_only; /* look nothing up, only demangle what the profile has */
    enum demangle_mode demangle;
    bool debuginfod;      /* ask the servers in DEBUGINFOD_URLS */
    /* A path that opens the file of a mapping, where that is known; NULL: not known.  Valid until
     * the next call. */
    const char *(*locate)(void *arg, const char *file, const char *build_id);
    void *locate_arg;
};

/* The profile with symbols; takes over `profile` (freed, or owned by the
 * result, also on failure).  Missing files and mismatches are notes in *diag;
 * NULL and *err only when memory runs out. */
struct profile *resolve_profile(struct profile *profile, const struct resolve_options *options,
                                struct diag *diag, struct err *err);

#endif
