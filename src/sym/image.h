/* image: the files that recorded processes execute, with their unwind tables, for
 * walking stacks from outside the process.
 * Each file is opened once; the kernel's vdso is taken from our own process.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_SYM_IMAGE_H
#define SONDE_SYM_IMAGE_H

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"
#include "sym/elf.h"
#include "unwind/ehtab.h"

#include <stdbool.h>
#include <stdint.h>

struct image {
    struct str path, build_id; /* build_id: hex */
    uint64_t device, inode;    /* of the file; 0: not known */
    struct elf *elf;           /* NULL: not readable, or no longer the file that was mapped */
    bool is_go;
    uint64_t base; /* object address of the first byte mapped; table offsets count from it */
    struct ehtab table;
    struct ehtab_image bytes; /* bytes NULL: no table */
};

struct images {
    struct arena arena;
    VEC(struct image *) items;
    struct ehtab_scratch scratch;
};

void images_init(struct images *images);
void images_release(struct images *images);

/* The file at `path`, which had the build id (hex, or "" if that is not known).
 * NULL when memory runs out.  Valid until images_release. */
struct image *images_get(struct images *images, struct str path, struct str build_id);
/* The same for a file that is opened by another name than it has for the process. */
struct image *images_get_at(struct images *images, struct str path, struct str build_id,
                            const char *open_path);

/* A path that opens the image's file while the images are held, in `text`: its own, or where that
 * is another file or none a link to what is open.  NULL: the file is not open. */
const char *image_open_path(const struct image *image, char text[64]);

/* Object address - file offset of the code at `offset` in the file; false when no
 * segment has code there. */
bool image_code_shift(const struct image *image, uint64_t offset, uint64_t *shift);

/* For struct resolve_options: the path by which the image of that file and build ID opens. */
const char *images_locate(const struct images *images, const char *file, const char *build_id,
                          char text[64]);

/* Object address at which the function begins that the table has at one; false: none. */
bool image_function(const struct image *image, uint64_t address, uint64_t *start);
/* The unwind row of the code at an object address. */
struct ehtab_row image_row(struct images *images, struct image *image, uint64_t address);

#endif
