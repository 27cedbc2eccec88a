/* flame_data: call trees as JSON, for the web page and the file that `html` makes of one:
 * the shapes Frames and Tree of src/web/data.ts.
 *
 *   struct flame_data d;
 *   flame_data_init(&d, &places, err) && flame_data_use(&d, &tree, err)   for each tree
 *   flame_data_write_frames(&d, j, err)
 *   flame_data_write_tree(&d, &tree, j)                                  for each tree
 *   flame_data_release(&d);
 *
 * Frames, files and modules are written only if a tree has them.
 * In: trees of the same places.  Out: values on an open JSON object, after a key.
 * Threads: one at a time each.  Signals: no. */
#ifndef SONDE_REPORT_FLAME_DATA_H
#define SONDE_REPORT_FLAME_DATA_H

#include "base/vec.h"
#include "render/json.h"
#include "report/modules.h"
#include "xform/calltree.h"

struct flame_data {
    const struct places *places;
    struct modules modules;
    uint32_t *number;     /* by frame: its number among those written, plus 1; 0: not written */
    VEC(uint32_t) frames; /* by number: the frame */
};

/* The places are borrowed; labels are added to their graphs.  False with ERR_NOMEM; release
 * it in any case.  O(locations + nodes). */
bool flame_data_init(struct flame_data *d, const struct places *places, struct err *err);
void flame_data_release(struct flame_data *d); /* also fine on a zeroed struct */

/* Give numbers to the frames of a tree, in its order.  False with ERR_NOMEM. */
bool flame_data_use(struct flame_data *d, const struct calltree *tree, struct err *err);
/* An object each.  False with ERR_NOMEM. */
bool flame_data_write_frames(struct flame_data *d, struct json *j, struct err *err);
void flame_data_write_tree(const struct flame_data *d, const struct calltree *tree, struct json *j);

/* What a frame is called: its function, else what the graph calls it; p is NULL when memory
 * runs out. */
struct str flame_data_name(const struct places *places, uint32_t frame);

#endif
