/* tag_frames: labels of samples as frames of their stacks (tagroot, tagleaf).
 * In: a view that nothing was filtered from.  Out: the view over a profile that has
 * the new functions and locations too; all is in the view's arena.
 * Threads: one view each.  Signals: no. */
#ifndef SONDE_XFORM_TAG_FRAMES_H
#define SONDE_XFORM_TAG_FRAMES_H

#include "xform/view.h"

/* Which samples had such a label: any? */
struct tag_frames_found {
    bool roots, leaves;
};

/* For each of the keys in `roots` ("a,b"; NULL or "": none) put a frame named by the
 * label's values above every stack, the first key's outermost, and for those of
 * `leaves` below, the last key's innermost.  The file of the frame is the key; numbers
 * are written in `unit`.  False with ERR_NOMEM.  O(frames + labels). */
bool tag_frames_add(struct view *view, const char *roots, const char *leaves, const char *unit,
                    struct tag_frames_found *found, struct err *err);

#endif
