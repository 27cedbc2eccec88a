/* memory_map: the mappings at the end of a legacy profile, as lines of /proc/PID/maps,
 * in the brief form "START-END FILE (@OFFSET) BUILDID" or with "$name" for what a line
 * "name=value" before has set; and which of them an address belongs to.
 *
 * What is kept, joined, put first and mended is what pprof does, so that addresses
 * get the same mappings.
 *
 * In: lines, borrowed.  Out: rows for a builder.  Threads: one at a time. */
#ifndef SONDE_FORMAT_MEMORY_MAP_H
#define SONDE_FORMAT_MEMORY_MAP_H

#include "base/vec.h"
#include "format/text.h"
#include "model/builder.h"

struct memory_map {
    VEC(struct profile_mapping) mappings;
    /* Which mapping is the first to hold the addresses between two bounds, and which
     * is the first that would if it began with its file (see memory_map_find). */
    VEC(uint64_t) bounds; /* sorted, none twice */
    uint32_t *holds, *begins;
    uint32_t catch_all; /* the mapping for what no other holds, or PROFILE_NONE */
};

/* Is this the line after which a memory map begins? */
bool memory_map_begins(struct str line);
/* On to that line, if the current one is not it; to the end if there is none. */
void memory_map_seek(struct text *t);

/* Read the rest of the text; the strings go to `b`.  False and *err: ERR_INPUT when
 * "$name"s expand to more than a memory map can mean, or ERR_NOMEM. */
bool memory_map_read(struct memory_map *map, struct text *t, struct builder *b, struct err *err);
void memory_map_release(struct memory_map *map); /* also fine on a zeroed struct */

/* The mapping of an address, which is not 0.  A mapping may grow by that to where its
 * file begins; when there is none, one for all addresses is added.  PROFILE_NONE when
 * memory runs out.  O(log n). */
uint32_t memory_map_find(struct memory_map *map, uint64_t address);

#endif
