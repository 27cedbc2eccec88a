/* gather: stacks of several processes, added one by one, become one profile.
 *
 * Modules that several processes mapped at different addresses are one mapping
 * each: addresses are moved to where the first process had it.  Code that
 * belongs to no file (JIT) is per process, and named by its perf map.
 *
 * In: processes, mappings, stacks.  Out: a profile of one kind, with labels `process`
 * and `pid`, not yet symbolised except JIT, [vdso] and kernel code.
 * Failure is sticky (out of memory): calls after it do nothing and return 0;
 * gather_seal reports it.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_GATHER_H
#define SONDE_COLLECT_GATHER_H

#include "base/diag.h"
#include "base/err.h"
#include "base/str.h"
#include "collect/collect.h"
#include "model/profile.h"

#include <sys/types.h>

struct gather;

/* One mapped piece of a file, as pprof understands it: `offset` is the place in
 * the file of what lies at `start`. */
struct gather_map {
    struct str file, build_id; /* build_id: hex text */
    uint64_t start, limit, offset;
};

struct gather_header {
    uint64_t period; /* of the kind's period_type */
    uint64_t time_unix_ns, duration_ns;
    struct str main_file; /* whose mapping comes first; pprof takes that for the program */
};

struct gather *gather_new(const struct collect_ops *kind, struct err *err); /* NULL: no memory */
void gather_free(struct gather *gather);                                    /* NULL is fine */

/* The process `pid` under the name `comm`; the same pair gives the same index. */
uint32_t gather_process(struct gather *gather, pid_t pid, struct str comm);
/* The mapping for `map`; the same file, build id and offset give the same index. */
uint32_t gather_mapping(struct gather *gather, const struct gather_map *map);

/* The location at `at` bytes past the start of a mapping. */
uint32_t gather_location(struct gather *gather, uint32_t mapping, uint64_t at);
/* The same, with its function known already. */
uint32_t gather_named_location(struct gather *gather, uint32_t mapping, uint64_t at,
                               struct str function);
/* Says the function of a location later. */
void gather_name_location(struct gather *gather, uint32_t location, struct str function);
/* Code of process `process` that lies in no file. */
uint32_t gather_jit_location(struct gather *gather, uint32_t process, uint64_t address);

/* A set of labels: their texts, a key and a value after another, each with a NUL behind
 * it.  The same texts give the same index; that of none is 0. */
uint32_t gather_labels(struct gather *gather, struct str texts);

struct gather_stack {
    uint32_t process;
    const uint32_t *locations; /* leaf first */
    uint32_t n_locations;
    uint32_t labels;
    uint64_t key;
};

/* A stack with the kind's values, which are added to those of the same stack.  Which sample of the
 * profile it is; PROFILE_NONE after a failure. */
uint32_t gather_sample(struct gather *gather, const struct gather_stack *stack,
                       const int64_t *values);
/* Adds values to a sample that it told. */
void gather_add(struct gather *gather, uint32_t sample, const int64_t *values);
/* Gives all samples other labels: `labels` tells the set that takes a set's place.  Samples that
 * are the same then become one. */
void gather_relabel(struct gather *gather, uint32_t (*labels)(void *arg, uint32_t set), void *arg);

/* The profile; the gather stays and is to be freed.  Reads /tmp/perf-PID.map of
 * processes that have code in no file.  NULL and *err when memory ran out. */
struct profile *gather_seal(struct gather *gather, const struct gather_header *header,
                            struct diag *diag, struct err *err);

#endif
