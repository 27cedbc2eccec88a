/* fetch: the sources of a command line as one profile.
 *
 * Each source is read and decoded, the binary and build ID of the command line
 * put in, the profiles merged, the bases subtracted, the result symbolised: the steps
 * and the order of pprof.
 *
 * In: names of files and servers.  Out: a sealed profile, notes in *diag.
 * Threads: one call at a time; reads sources on several threads itself.
 * Signals: no. */
#ifndef SONDE_UI_FETCH_H
#define SONDE_UI_FETCH_H

#include "base/diag.h"
#include "base/err.h"
#include "format/original.h"
#include "model/profile.h"
#include "sym/resolve.h"
#include "ui/source.h"

struct fetch_request {
    char *const *sources;
    size_t n_sources;
    const char *binary;   /* replaces the file of the first mapping; or NULL */
    const char *build_id; /* for the first mapping if it has none; or NULL */
    char *const *bases;   /* what is subtracted, the sum of them */
    size_t n_bases;
    bool diff_base;      /* their samples stay apart, with the label VIEW_BASE_KEY */
    bool normalize;      /* bring the sources to the sum of the bases first */
    bool all_frames;     /* forget which frames the profile asks to drop */
    const char *comment; /* to add to the profile's; or NULL */
    bool without_stacks; /* nobody looks at them: they may be missing from the profile */
    bool is_quiet;       /* no line that tells how far it is, no copy of what servers send */
    struct source_options source;
    bool symbolize;                 /* from object files */
    bool ask_servers;               /* for the names of what is left */
    struct resolve_options resolve; /* used for both */
};

/* The profile (the caller's).  Sources (and bases) that cannot be read are notes in
 * *diag as long as one can.  NULL and *err: the reason of the only source, ERR_INPUT when
 * sources do not fit together, ERR_NOMEM. */
struct profile *fetch_profile(const struct fetch_request *request, struct diag *diag,
                              struct err *err);

/* The same.  *original becomes the file that the profile is, where it is that of one packed file
 * as it is there; else none. */
struct profile *fetch_with_original(const struct fetch_request *request, struct original *original,
                                    struct diag *diag, struct err *err);

/* Does the file at `path` begin like an object file (ELF)? */
bool fetch_is_object_file(const char *path);

#endif
