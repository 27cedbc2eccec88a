/* disasm_view: the machine code of functions that match a regexp, with what the samples
 * come to at each instruction: what disasm shows.
 *
 *   struct disasm_view v;
 *   disasm_view_init(&v, &run, 0, diag, err)
 *   for each of v.routines
 *       for (struct disasm_row row = {.routine = r}; disasm_view_next(&v, &row);) ...
 *
 * pprof has this from an object tool, of which there are two.  Programs of Go are
 * shown as cmd/pprof shows them: a symbol is what its size says, source lines are
 * those of the instruction.  Others are shown as google/pprof does with llvm-nm and
 * llvm-objdump: symbols reach to the next, names of the same place are one, a source
 * line holds until there is another.  pprof leaves the last byte of each out.
 *
 * Ownership: texts live as long as the view and its run.  Threads: one at a time.
 * Signals: no. */
#ifndef SONDE_REPORT_DISASM_VIEW_H
#define SONDE_REPORT_DISASM_VIEW_H

#include "report/code.h"
#include "report/report_run.h"

/* A node of the graph at its object address. */
struct disasm_place {
    uint64_t address;
    uint32_t node;
};

/* One symbol and the nodes in it. */
struct disasm_routine {
    struct code_object *object;
    uint64_t start, end;
    char **names; /* the first is the one that matched */
    size_t n_names;
    struct disasm_place *places;
    size_t n_places;
    int64_t flat, cum;
    struct code_slice code;
};

/* A file whose code cannot be had, though functions that match are in it. */
struct disasm_missing {
    uint32_t file; /* string of the profile */
    const char *why;
};

struct disasm_view {
    struct report_run *run;
    struct graph graph;
    struct code code;
    struct arena arena;
    const struct regex *re;
    uint64_t address; /* the argument, where that is an address */
    bool is_address;
    bool found_symbol; /* one holds the address */
    VEC(struct disasm_routine) routines;
    size_t n_left_out; /* of them, where not all were wanted */
    VEC(struct disasm_missing) missing;
    struct buf name; /* scratch */
    bool failed;     /* memory ran out */
};

/* The run has granularity addresses, no inlined frames and an argument.  Routines are in
 * order of their names; or, if `most` is not 0, so many with the largest own values,
 * largest first.  That there are none is no failure (disasm_view_none).  False and *err:
 * ERR_NOMEM, ERR_UNSUPPORTED; release it in any case.  What cannot be disassembled, and why,
 * is a note in *diag as well. */
bool disasm_view_init(struct disasm_view *v, struct report_run *run, size_t most, struct diag *diag,
                      struct err *err);
void disasm_view_release(struct disasm_view *v); /* also fine on a zeroed struct */

/* Why there are no routines, in pprof's words, with ERR_USAGE; false. */
bool disasm_view_none(const struct disasm_view *v, struct err *err);

/* What is told of an instruction beside its text. */
struct disasm_note {
    struct str function, file;
    int64_t line, flat, cum, flat_div, cum_div; /* see struct graph_node */
};

/* An instruction of a routine: to begin with, only `routine` is set. */
struct disasm_row {
    const struct disasm_routine *routine;
    const struct instruction *instruction;
    struct disasm_note note;
    bool is_new;        /* it is at another place than the one before */
    size_t next, place; /* of the routine */
    struct disasm_note tool;
    const char *function;
};

/* The next row; false at the end, and with v->failed when memory ran out. */
bool disasm_view_next(struct disasm_view *v, struct disasm_row *row);

#endif
