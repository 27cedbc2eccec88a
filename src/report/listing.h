/* listing: source lines and, for each, the machine code that was made of it, with the
 * values of samples: what weblist shows.
 *
 * Functions that match the pipeline's argument (by name, file, object file or
 * address) and have samples are of interest.  The code around their samples is
 * disassembled, and each instruction listed at the lines of those functions on its
 * inlined stack.  Addresses whose code cannot be had are listed without.
 *
 * In: a run with inlined frames, granularity addresses.  Out: entries sorted by file,
 * then line.  Ownership: texts are borrowed from the run, or live in the struct.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_REPORT_LISTING_H
#define SONDE_REPORT_LISTING_H

#include "base/intern.h"
#include "report/code.h"
#include "report/report_run.h"

/* More ranges of code are not disassembled: those with the most samples are. */
#define LISTING_MAX_RANGES 25

struct listing_instruction {
    uint64_t address;        /* of the process */
    uint64_t object_address; /* of the file */
    uint32_t length;
    const char *text; /* NULL where the code is not known */
    const char *why;  /* ... and why it is not */
    struct str file;  /* its place, innermost */
    int64_t line, flat, cum;
};

struct listing_call {
    struct str file;
    int64_t line;
};

/* An instruction at a line, by way of inlined calls. */
struct listing_entry {
    struct str file; /* cleaned */
    int64_t line;
    uint32_t instruction;
    uint32_t first_call, n_calls; /* of listing.calls, outermost first */
    struct str function;          /* that the line belongs to, as it is shown */
};

struct listing {
    struct arena arena;
    struct code code;
    VEC(struct listing_instruction) instructions;
    VEC(struct listing_call) calls;
    VEC(struct listing_entry) entries;
};

/* False and *err: ERR_USAGE when nothing matches, ERR_NOMEM; release it in any case.
 * What cannot be disassembled, and why, is a note in *diag. */
bool listing_init(struct listing *listing, struct report_run *run, struct diag *diag,
                  struct err *err);
void listing_release(struct listing *listing);

#endif
