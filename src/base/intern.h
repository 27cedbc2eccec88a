/* intern: a string table.  Each distinct string gets a small id, in order of
 * first appearance; id 0 is always "".  Texts are copied and NUL-terminated.
 * Threads: one at a time; concurrent reads without writers are fine. */
#ifndef SONDE_BASE_INTERN_H
#define SONDE_BASE_INTERN_H

#include "base/arena.h"
#include "base/rows.h"
#include "base/str.h"

#define INTERN_NONE ROWS_NONE

struct intern {
    struct arena *arena; /* borrowed: holds the texts */
    struct str *strings; /* [n], malloc'ed; id -> text */
    uint32_t n, cap;
    struct rows rows;
};

/* False when memory runs out. */
bool intern_init(struct intern *intern, struct arena *arena);
/* A table of these n texts, which are all different, the first one "", and live as long as the
 * arena; *strings is malloc'ed, and NULL then.  False when memory runs out: it is as it was. */
bool intern_init_with(struct intern *intern, struct arena *arena, struct str **strings, uint32_t n);
void intern_release(struct intern *intern); /* also fine on a zeroed struct */
/* Room for n texts in all.  False when memory runs out. */
bool intern_reserve(struct intern *intern, uint32_t n);
/* The id of s, new if need be; INTERN_NONE when memory runs out. */
uint32_t intern_add(struct intern *intern, struct str s);
/* The ids of n texts, new where need be; what the search for one waits for in memory comes while
 * the others are worked on.  False when memory runs out: some may have been added. */
bool intern_add_all(struct intern *intern, const struct str *texts, size_t n, uint32_t *ids);
/* The id of s, or INTERN_NONE if it was never added. */
uint32_t intern_find(const struct intern *intern, struct str s);

#endif
