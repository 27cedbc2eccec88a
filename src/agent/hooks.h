/* hooks: functions that stand in for libc's only while there is something to note.  Each is
 * called by way of a pointer: else that is the next library's own function, so what is left is
 * a jump.
 *
 * Threads: hooks_add any; hooks_switch one at a time.  A call that has begun goes on as it has
 * begun.  Signals: no. */
#ifndef SONDE_AGENT_HOOKS_H
#define SONDE_AGENT_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

struct interpose_next {
    void *to;                   /* the pointer to the next function, NULL so far */
    const char *name, *version; /* version NULL: the usual one */
    void *way;                  /* the pointer by way of which it is called; NULL: none */
    void *hook;                 /* what that is while there is something to note */
};

/* A table of functions, whose next ones have been found (interpose_next.h); static.  The same one
 * twice is one. */
void hooks_add(const struct interpose_next *all, size_t n);

/* Whether there is something to note, from now on. */
void hooks_switch(bool on);

#endif
