/* modules: which functions share a colour in a flame graph: those of a Go package, of
 * a C++ or Rust name space, of an object file, of the kernel.
 *
 * In: a graph.  Threads: one at a time; read by many once made.  Signals: no. */
#ifndef SONDE_REPORT_MODULES_H
#define SONDE_REPORT_MODULES_H

#include "base/intern.h"
#include "base/map.h"
#include "xform/places.h"

#define MODULES_HUES 12u
#define MODULES_SHADES 3u

struct module {
    struct str name;
    int64_t self; /* the sum of its functions' own values, without signs */
    uint32_t hue; /* less than MODULES_HUES */
    bool is_grey; /* the kernel, and what has no name */
};

struct modules {
    struct arena arena;     /* of the names */
    struct intern names;    /* id i is that of modules[i]; [0] is unused */
    struct module *modules; /* malloc'ed */
    uint32_t *of_node;      /* by graph node, or frame: an index of modules */
    struct module **sorted; /* [n], the largest first */
    uint32_t n;
};

/* A hue is a hash of the name, so that a module looks the same in every picture;
 * among the largest a taken one is passed by.  False with ERR_NOMEM; release it in
 * any case.  O(locations + nodes). */
bool modules_init(struct modules *m, const struct graph *g, struct err *err);
/* The same of the graphs of places, by frame instead of node. */
bool modules_init_places(struct modules *m, const struct places *p, struct err *err);
void modules_release(struct modules *m); /* also fine on a zeroed struct */

static inline const struct module *modules_of(const struct modules *m, uint32_t node)
{
    return &m->modules[m->of_node[node]];
}

/* Which of the shades of its module's hue a function has. */
static inline uint32_t modules_shade(struct str function)
{
    return (uint32_t)(hash_bytes(function.p, function.len) % MODULES_SHADES);
}

/* By graph node: the mapping of the first location that has it, or PROFILE_NONE.
 * The caller frees it; NULL with ERR_NOMEM. */
uint32_t *modules_objects(const struct graph *g, struct err *err);

#endif
