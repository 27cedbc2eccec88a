/* merge_rows: the rows of several profiles, put into one builder; equal ones become one.
 *
 * What makes rows equal, and the order of the new ones, is in merge.h.  Samples that come in the
 * order of the result's, as those of two heap profiles of a program often do, are compared with
 * these one after the other; others are looked up by their hashes.
 *
 * In: sealed profiles, borrowed for the call.  Out: rows of the builder, which is borrowed.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_MODEL_MERGE_ROWS_H
#define SONDE_MODEL_MERGE_ROWS_H

#include "model/builder.h"
#include "model/merge.h"

struct merge_rows;

/* For a builder that has its n_types types, and no other rows.  NULL when memory runs out. */
struct merge_rows *merge_rows_new(struct builder *b, uint32_t n_types);
void merge_rows_free(struct merge_rows *rows); /* NULL is fine */

/* The first source, taken over where it already is as merging it alone would make it but for
 * mappings without use, and ids: builder_take.  False: it is not such, or memory ran out, and
 * nothing has changed; merge_rows_add it.  Done as a whole on two threads. */
bool merge_rows_take(struct merge_rows *rows, struct profile *first);

/* Add the samples of a source and what they use.  type_map: type of the result -> type of the
 * source.  False when memory runs out (also when the builder's did): no more may be added.
 * O(the source). */
bool merge_rows_add(struct merge_rows *rows, const struct merge_source *source,
                    const uint32_t *type_map);

#endif
