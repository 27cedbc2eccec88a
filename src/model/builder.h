/* builder: makes a profile, row by row, and seals it.
 *
 *   struct builder *b = builder_new(err);
 *   builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("nanoseconds")));
 *   ...
 *   struct profile *p = builder_seal(b, err);   // b is gone, also on failure
 *
 * Failure is sticky (out of memory, too many rows): calls after it do nothing
 * and return 0, builder_seal reports it once.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_MODEL_BUILDER_H
#define SONDE_MODEL_BUILDER_H

#include "model/profile.h"

struct builder;

struct builder *builder_new(struct err *err); /* NULL when memory runs out */
void builder_free(struct builder *b);         /* gives up; NULL is fine */

/* The strings, types, functions, lines, locations and samples of `profile`, which has no labels and
 * no parent and is taken over, become those of the builder, which is new; so do the scalar fields.
 * What is added comes after them; mappings and comments are to be.  Nothing is copied. */
void builder_take(struct builder *b, struct profile *profile);

/* The profile's scalar fields (period, times, drop_frames, comments excluded):
 * write them in place before sealing. */
struct profile *builder_header(struct builder *b);

uint32_t builder_string(struct builder *b, struct str s); /* interned */
/* The same of many at once, which is quicker: ids[i] is that of texts[i]. */
void builder_strings(struct builder *b, const struct str *texts, size_t n, uint32_t *ids);
struct str builder_text(const struct builder *b, uint32_t string);
void builder_comment(struct builder *b, uint32_t string);
void builder_type(struct builder *b, uint32_t type, uint32_t unit);

/* Append a row and return its index.  `id` 0 means "index + 1". */
uint32_t builder_mapping(struct builder *b, const struct profile_mapping *mapping);
uint32_t builder_function(struct builder *b, const struct profile_function *function);
/* location->first_line and n_lines are ignored: lines[0..n_lines) are copied. */
uint32_t builder_location(struct builder *b, const struct profile_location *location,
                          const struct profile_line *lines, uint32_t n_lines);
/* Room for so many samples, frames and labels in all, where they are known before:
 * nothing is moved then.  A hint: memory for it may be missing. */
void builder_reserve(struct builder *b, size_t n_samples, size_t n_frames, size_t n_labels);
/* values: n_types of them.  labels may be NULL with n_labels 0. */
void builder_sample(struct builder *b, const uint32_t *locs, uint32_t n_locs, const int64_t *values,
                    const struct profile_label *labels, uint32_t n_labels);

/* The n_types values of sample row i, to change; until the next row is added.
 * NULL after a failure. */
int64_t *builder_values(struct builder *b, uint32_t sample);

/* A row, until the next one is added. */
const struct profile_value_type *builder_type_at(const struct builder *b, uint32_t i);
const struct profile_function *builder_function_at(const struct builder *b, uint32_t i);
const struct profile_location *builder_location_at(const struct builder *b, uint32_t i,
                                                   const struct profile_line **lines);
const uint32_t *builder_stack_at(const struct builder *b, uint32_t sample, size_t *n_locs);
/* All stacks, (*first)[sample] to (*first)[sample + 1]. */
const uint32_t *builder_stacks(const struct builder *b, const uint64_t **first);

/* A row that is to be asked for soon. */
void builder_prefetch_location(const struct builder *b, uint32_t i);
void builder_prefetch_sample(const struct builder *b, uint32_t sample);

bool builder_has_failed(const struct builder *b);

/* Make the sealed profile; the builder is freed in any case.  NULL and *err
 * on failure. */
struct profile *builder_seal(struct builder *b, struct err *err);

/* A profile like `parent` (which it takes over) whose locations, lines,
 * functions, mappings and strings are replaced: what symbolising makes.  The
 * sample columns are shared, so the locations must keep their indexes.
 * `b` holds the new tables (its strings start as a copy of the parent's: use
 * builder_new_from).  On failure NULL, and `parent` is freed too. */
struct builder *builder_new_from(const struct profile *parent, struct err *err);
struct profile *builder_seal_over(struct builder *b, struct profile *parent, struct err *err);

#endif
