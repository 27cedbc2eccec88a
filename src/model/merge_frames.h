/* merge_frames: what the samples of several profiles refer to (strings, mappings, functions,
 * locations), put into one builder; equal ones become one.
 *
 * What makes them equal, and their order, is in merge.h.  Many are looked up together: what one
 * search waits for in memory comes while the others are worked on.
 *
 *   merge_frames_source(&frames, profile);
 *   merge_frames_map(&frames, rows, n);          // as often as needed
 *   frames.location_map[row]                      // row of the result
 *
 * In: sealed profiles, borrowed until the next one.  Out: rows of the builder, which is borrowed.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_MODEL_MERGE_FRAMES_H
#define SONDE_MODEL_MERGE_FRAMES_H

#include "base/rows.h"
#include "base/vec.h"
#include "model/builder.h"

/* So many rows are looked up together. */
#define MERGE_FRAMES_LOT 16u

/* What stands in a map for a row that is in a list of those to be mapped. */
#define MERGE_FRAMES_LISTED 0u

/* What makes mappings equal. */
struct merge_frames_mapping {
    uint64_t size, offset; /* size in whole pages */
    uint32_t text;  /* string of the builder: the build id, or the file where there is none */
    uint64_t start; /* of the first one: addresses move there */
    uint32_t row;   /* of the first one, in its source */
};

struct merge_frames {
    struct builder *b;
    struct rows mappings, functions, locations; /* the builder's */
    VEC(struct merge_frames_mapping) mapping_keys;
    VEC(struct profile_line) lines; /* scratch: those of the locations of a lot */
    VEC(uint32_t) new_functions;    /* scratch: rows of the source */
    bool failed;                    /* out of memory, the builder's also */

    /* The source at hand: from its rows to the result's, PROFILE_NONE = not yet. */
    const struct profile *source;
    uint32_t *string_map, *mapping_map, *function_map, *location_map;
    uint64_t *shifts; /* beside mapping_map: what is added to addresses */
};

/* For a builder that has no rows of these kinds yet. */
void merge_frames_init(struct merge_frames *frames, struct builder *b);
void merge_frames_release(struct merge_frames *frames); /* also fine on a zeroed struct */

/* The first source, where it already is as merging it alone would make it but for mappings without
 * use, and ids: look at all of it (false: it is not such, or memory ran out), and then take it over
 * for the builder.  Needs no builder before it is taken. */
bool merge_frames_index(struct merge_frames *frames, const struct profile *first);
void merge_frames_take(struct merge_frames *frames, struct profile *first);

/* Begin with a source; the maps of the one before are gone. */
void merge_frames_source(struct merge_frames *frames, const struct profile *source);

/* Map the locations of these rows of the source, none of which is mapped yet, in this order. */
void merge_frames_map(struct merge_frames *frames, const uint32_t *rows, size_t n);

/* Is a location of the source this one of the result?  What is found so is mapped, and nothing is
 * put into the result: false also where that would be needed to tell. */
bool merge_frames_is(struct merge_frames *frames, uint32_t row, uint32_t to);

/* The string, or mapping, of the result for one of the source. */
uint32_t merge_frames_string(struct merge_frames *frames, uint32_t string);
uint32_t merge_frames_mapping(struct merge_frames *frames, uint32_t row);

#endif
