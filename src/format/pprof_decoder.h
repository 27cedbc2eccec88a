/* pprof_decoder: what the two halves of reading a profile.proto share: pprof_read.c
 * reads the tables, pprof_samples.c the samples.
 *
 * The bytes are walked twice or three times.  First the top level: tables (mappings,
 * locations, functions, strings) are decoded, samples are only cut into chunks.
 * Many are then counted, chunk by chunk on all processors, which gives every sample
 * its place in the columns, and decoded into those places.  Few are decoded one after
 * the other into columns that grow.
 * What is being unpacked meanwhile (base/gzip_ahead.h) is walked once, and a few bytes of it
 * are in memory at a time: samples are decoded as they come, although the locations and
 * strings that they refer to come later.  A location's row is taken to be its id - 1, as it
 * almost always is, a string to be its index; both are put right at the end.  What cannot be
 * read so, damaged input too, fails without a message, and is to be read as a whole.
 * Errors: ERR_INPUT, as of proto.h; ERR_NOMEM.  Threads: one decoder each; samples are
 * decoded on several.  Signals: no. */
#ifndef SONDE_FORMAT_PPROF_DECODER_H
#define SONDE_FORMAT_PPROF_DECODER_H

#include "base/diag.h"
#include "base/gzip_ahead.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"
#include "format/proto.h"
#include "model/profile.h"

/* Stands for ids that do not fit into 32 bits. */
#define LARGE_ID UINT32_MAX

/* A run of samples; other fields may stand between them. */
struct chunk {
    const uint8_t *begin, *end;
    uint32_t n_samples, first_sample;
    uint64_t n_locs, first_loc;
    uint64_t n_labels, first_label;
    bool failed;
    struct err err;
};

/* Where the next sample goes. */
struct place {
    uint32_t *loc, *loc_end;
    int64_t *value, *value_end;
    uint32_t loc_max;    /* the largest of those decoded, where that is not certain to be a row */
    uint64_t n_too_many; /* values of the last sample beyond value_end */
    struct profile_label *labels;
    size_t n_labels, labels_cap;
    bool awaits_labels;    /* samples before the first label have no label_first */
    uint32_t n_unlabelled; /* so many were without */
};

/* Rows by the ids they have in the file: usually 1, 2, 3... */
struct ids {
    uint32_t n;
    bool dense;      /* row = id - 1 */
    uint32_t *table; /* [n + 1], for ids up to n, when not dense */
    struct map rest;
};

struct decoder {
    struct proto_input in;
    struct gzip_ahead *ahead; /* where `in` comes from, a piece at a time; or NULL */
    bool without_stacks;      /* read ahead, checked and forgotten */
    bool ahead_failed;        /* its samples cannot be read so */
    size_t n_types_ahead;     /* values of each of them */
    uint32_t loc_max;         /* the largest location of those decoded one after the other... */
    bool has_frames;          /* ...if there was any */
    struct profile *profile;  /* being filled */
    struct diag *diag;
    struct err *err;

    struct intern strings;
    VEC(uint32_t) string_ids; /* index in the file -> id in `strings` */

    /* Rows as the file has them: string members are indexes in the file
     * (UINT32_MAX if larger) until resolve_strings. */
    VEC(struct profile_value_type) types;
    VEC(uint32_t) comments;
    VEC(struct profile_mapping) mappings;
    VEC(struct profile_function) functions;
    VEC(struct profile_line) lines; /* until resolve_ids, functions and mappings are ids */
    VEC(struct profile_location) locations;
    VEC(uint64_t) large_functions, large_mappings; /* ids from LARGE_ID on, row by row */
    VEC(struct chunk) chunks;
    uint64_t n_samples;

    struct ids mapping_ids, function_ids, location_ids;

    const struct pprof_ids_ops *ids; /* NULL: the processor cannot */
    /* Decodes a chunk's samples; locations that do not exist may become rows that do not. */
    bool (*decode)(const struct decoder *, struct chunk *, struct place *);
    /* The profile's columns, until it has them. */
    VEC(uint64_t) stack_first, label_first;
    VEC(uint32_t) stack_locs;
    VEC(int64_t) values;
    VEC(struct profile_label) labels;
};

/* The row of an id, PROFILE_NONE if there is none. */
static inline uint32_t ids_find(const struct ids *ids, uint64_t id)
{
    if (ids->dense)
        return id - 1 < ids->n ? (uint32_t)(id - 1) : PROFILE_NONE;
    return id <= ids->n ? ids->table[id] : map_get(&ids->rest, id);
}

/* Decode the samples of d->chunks, before ids and strings are known, and forget the chunks.
 * False and d->ahead_failed: not possible. */
bool pprof_read_ahead_samples(struct decoder *d);

/* Decode the samples of d->chunks, whose ids and strings d knows, into the profile; or
 * complete those that were decoded ahead. */
bool pprof_read_samples(struct decoder *d);

#endif
