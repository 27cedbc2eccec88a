/* go_locations: stacks of addresses as Go's runtime keeps them, made locations of a profile
 * exactly as runtime/pprof writes them: names, files, lines, inlined calls in one location,
 * the rows of mappings.
 *
 *   struct go_locations *l = go_locations_new(program, builder, err);
 *   go_locations_add(l, pcs, n, &stack, err) ... builder_sample(builder, stack.items, ...)
 *   go_locations_finish(l);          // the mappings; then builder_seal
 *   go_locations_free(l);
 *
 * In: a program, return addresses.  Out: rows of the builder (which is borrowed).
 * Units: addresses are those of the running program.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_GO_LOCATIONS_H
#define SONDE_GO_LOCATIONS_H

#include "base/vec.h"
#include "go/go_code.h"
#include "go/go_program.h"
#include "model/builder.h"

struct go_locations;

/* Indexes of locations, leaf first; zeroed to begin with, vec_release to end. */
struct go_location_list {
    uint32_t *items;
    size_t n, cap;
};

/* NULL and *err when memory runs out.  `program` and `builder` are borrowed. */
struct go_locations *go_locations_new(struct go_program *program, struct builder *builder,
                                      struct err *err);
void go_locations_free(struct go_locations *l); /* NULL is fine */

/* What is known about the code, for those who unwind; borrowed. */
struct go_code *go_locations_code(struct go_locations *l);

/* A stack of return addresses, as go_stack_pcs and the runtime's buckets have them, leaf
 * first; *stack is replaced by its locations (none for one that is only runtime.goexit).
 * Stacks that were kept without their inlined calls (block and mutex from Go 1.23 on) pass
 * go_callers_expand first.  False and *err when memory runs out.  O(n) for addresses that
 * were seen before. */
bool go_locations_add(struct go_locations *l, const uint64_t *pcs, size_t n,
                      struct go_location_list *stack, struct err *err);

/* Add the mappings, once, when all stacks are in. */
void go_locations_finish(struct go_locations *l);

#endif
