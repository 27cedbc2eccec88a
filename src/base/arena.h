/* arena: memory that is released all at once.
 * An arena owns everything allocated from it; single blocks are never freed.
 * Failure: NULL, the arena unchanged.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_BASE_ARENA_H
#define SONDE_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    char *next, *end;           /* free part of the newest block */
    size_t n_bytes;             /* obtained from the system so far */
};

void arena_init(struct arena *arena);
void arena_release(struct arena *arena); /* also fine on a zeroed struct */

/* `size` bytes aligned to 16, not cleared.  size 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);
/* n * size bytes, cleared; NULL also when the product overflows. */
void *arena_calloc(struct arena *arena, size_t n, size_t size);
/* Take over *items, a malloc'ed array (NULL is fine), cut to n items, instead of
 * copying it: for what is large.  The array, perhaps moved, and *items NULL; or
 * NULL, and *items is still the caller's. */
void *arena_adopt(struct arena *arena, void **items, size_t n, size_t item_bytes);
/* Give back what was taken over: it is the caller's again, to be freed.  False: it is not such. */
bool arena_disown(struct arena *arena, const void *items);
/* A NUL-terminated copy of s[0..len). */
char *arena_strndup(struct arena *arena, const char *s, size_t len);
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Typed forms. */
#define ARENA_NEW(arena, type) ((type *)arena_calloc((arena), 1, sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_calloc((arena), (n), sizeof(type)))

#define AUTO_ARENA __attribute__((cleanup(arena_release))) struct arena

#endif
