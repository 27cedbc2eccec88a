#include "base/arena.h"

#include "base/pages.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 16u
#define BLOCK_BYTES (64u << 10)
#define LARGE_BLOCK_BYTES (4u << 20) /* in huge pages, not touched before it is filled */
#define MOST_BLOCK_BYTES (16u << 20)

struct arena_block {
    struct arena_block *older;
    size_t size;   /* of data */
    void *adopted; /* a malloc'ed block that goes with this one, or NULL */
    _Alignas(ALIGN) char data[];
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

void arena_release(struct arena *arena)
{
    for (struct arena_block *b = arena->blocks; b;) {
        struct arena_block *older = b->older;
        free(b->adopted);
        free(b);
        b = older;
    }
    arena_init(arena);
}

/* A block of its own for what is large, so that the current one keeps its
 * free part; blocks grow with the arena to keep their number small. */
static void *alloc_slow(struct arena *arena, size_t size)
{
    size_t want = BLOCK_BYTES;
    if (arena->n_bytes / 8 > want)
        want = arena->n_bytes / 8 < MOST_BLOCK_BYTES ? arena->n_bytes / 8 : MOST_BLOCK_BYTES;
    want &= ~(size_t)(ALIGN - 1);
    bool own = size > want / 4;
    size_t block_size = own ? size : want;
    struct arena_block *b = malloc(sizeof *b + block_size);
    if (!b)
        return NULL;
    if (own || block_size >= LARGE_BLOCK_BYTES)
        pages_prepare(b, sizeof *b + block_size);
    b->size = block_size;
    b->adopted = NULL;
    arena->n_bytes += block_size;
    if (own && arena->blocks) {
        b->older = arena->blocks->older;
        arena->blocks->older = b;
        return b->data;
    }
    b->older = arena->blocks;
    arena->blocks = b;
    arena->next = b->data + size;
    arena->end = b->data + block_size;
    return b->data;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (arena->next && size <= (size_t)(arena->end - arena->next)) {
        void *p = arena->next;
        arena->next += size;
        return p;
    }
    return alloc_slow(arena, size);
}

void *arena_adopt(struct arena *arena, void **items, size_t n, size_t item_bytes)
{
    struct arena_block *b = malloc(sizeof *b);
    void *cut = realloc(*items, n ? n * item_bytes : 1);
    if (cut)
        *items = cut;
    if (!b || !*items) {
        free(b);
        return NULL;
    }
    b->size = 0;
    b->adopted = *items;
    struct arena_block **at = arena->blocks ? &arena->blocks->older : &arena->blocks;
    b->older = *at;
    *at = b;
    arena->n_bytes += n * item_bytes;
    *items = NULL;
    return b->adopted;
}

bool arena_disown(struct arena *arena, const void *items)
{
    struct arena_block **at = &arena->blocks, *b;
    while ((b = *at) && b->adopted != items)
        at = &b->older;
    if (!b || !items)
        return false;
    b->adopted = NULL;
    if (b->size == 0) { /* nothing else is in it */
        *at = b->older;
        free(b);
    }
    return true;
}

void *arena_calloc(struct arena *arena, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        return NULL;
    void *p = arena_alloc(arena, bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

char *arena_strndup(struct arena *arena, const char *s, size_t len)
{
    char *p = arena_alloc(arena, len + 1);
    if (!p)
        return NULL;
    if (len)
        memcpy(p, s, len);
    p[len] = 0;
    return p;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}
