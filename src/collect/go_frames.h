/* go_frames: frames of Go code that were found by frame pointers, made those of Go's own CPU
 * profiles: with the caller of a function that has no frame of its own, without wrappers and
 * runtime.goexit.
 * In: images of Go programs, addresses of the file.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_GO_FRAMES_H
#define SONDE_COLLECT_GO_FRAMES_H

#include "base/vec.h"
#include "go/go_code.h"
#include "sym/image.h"

struct go_frames_image {
    const struct image *image;
    struct gopclntab *table;
    struct go_code *code;
};

/* Begins zeroed. */
struct go_frames {
    VEC(struct go_frames_image) images;
};

void go_frames_release(struct go_frames *frames);

/* What is known of the image's code; NULL: it is none of Go's. */
struct go_code *go_frames_code(struct go_frames *frames, const struct image *image);

/* Where the return address lies, from the stack pointer on; false: not known. */
bool go_frames_return(struct go_code *code, uint64_t address, uint64_t *offset);

/* Whether Go leaves the frame at `address` out.  *callee is the role of the frame that it called,
 * GO_ROLE_NONE at first, and becomes that of this one. */
bool go_frames_hidden(struct go_code *code, uint64_t address, enum go_role *callee);

#endif
