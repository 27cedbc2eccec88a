/* space: the code in the address space of one process: which file and place an address belongs to,
 * how its frames unwind, what location of a gather it is.
 * In: maps.  Out: areas with images, which are the caller's.
 * Units: addresses are the process's.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_SPACE_H
#define SONDE_COLLECT_SPACE_H

#include "base/vec.h"
#include "collect/gather.h"
#include "os/mem.h"
#include "sym/image.h"

/* A mapped piece of a file. */
struct area {
    uint64_t start, limit, offset;
    struct image *image; /* NULL: code in no file */
    uint64_t bias;       /* address - object address; meaningful if has_code */
    uint32_t mapping;    /* of the gather, PROFILE_NONE before the first use */
    bool has_code;       /* the file is there and has code at that place */
};

/* Begins zeroed. */
struct space {
    VEC(struct area) areas; /* by address, not overlapping */
    struct str exe;         /* path of the executable, once it is known; the images' */
    bool has_exe;
};

struct space_map {
    uint64_t start, limit, offset;
    struct str name, build_id;
    const char *open_path; /* opens the file of that name; NULL: not known */
};

void space_release(struct space *space);
void space_clear(struct space *space); /* as before the first map */

/* Names of files, not "//anon", "[heap]", "/memfd:..." and the like. */
bool space_is_file(struct str name);

/* Put code in, in place of whatever lay there.  The first is the executable's.  False when memory
 * runs out. */
bool space_add(struct space *space, struct images *images, const struct space_map *map);
/* Those of the maps that hold code, in place of all that was there.  `pid` 0: of a core file. */
bool space_set(struct space *space, struct images *images, pid_t pid, const struct mem_map *maps,
               size_t n);
bool space_copy(struct space *to, const struct space *from); /* `to` is empty */

struct area *space_find(struct space *space, uint64_t address); /* NULL: no code there */
struct ehtab_row space_row(struct space *space, struct images *images, uint64_t address);
/* Where the function begins that the address is in, by the unwind table; false: not known. */
bool space_function(struct space *space, uint64_t address, uint64_t *start);
/* The location of a process of the gather. */
uint32_t space_locate(struct space *space, struct gather *gather, uint32_t process,
                      uint64_t address);

#endif
