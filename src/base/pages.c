#include "base/pages.h"

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAP_BYTES ((size_t)512 << 20)
#define HUGE_BYTES ((size_t)2 << 20)

void pages_prepare_large(void *block, size_t n)
{
    if (n >= 2 * HUGE_BYTES)
        pages_prepare(block, n);
}

void *pages_calloc(size_t n, size_t size)
{
    void *p = calloc(n, size); /* of untouched pages, when it is large */
    if (p)
        pages_prepare_large(p, n * size);
    return p;
}

#define MUCH_BYTES ((size_t)32 << 20) /* less is soon needed again */

static void *padding; /* never used, never freed */

void pages_prepare_heap(void)
{
    /* Freed memory is kept, and only what is larger than this gets a mapping of its
     * own, so that growing arrays do not fault in the same pages again and again. */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_ARENA_MAX, 1); /* a thread's own heap would be one of small pages */
    /* Addresses only: no memory is taken before it is touched.  What lies below the
     * first whole huge page is padding, and the rest of the heap begins just before
     * that page: the first word that malloc writes into it, before the advice, would
     * make it one of small pages. */
    mallopt(M_TOP_PAD, (int)HEAP_BYTES);
    void *probe = malloc(32);
    uintptr_t at = (uintptr_t)probe, begin = (uintptr_t)sbrk(0);
    free(probe);
    uintptr_t first = (begin + HUGE_BYTES) & ~(uintptr_t)(HUGE_BYTES - 1);
    if (!at || at > begin || begin - at > HUGE_BYTES)
        return; /* not at the end of the heap: another malloc */
    padding = malloc(first - at - 1024);
    mallopt(M_TOP_PAD, 4 << 20);
    uintptr_t end = (uintptr_t)sbrk(0) & ~(uintptr_t)(HUGE_BYTES - 1);
    if (padding && end > first)
        (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
}

void pages_give_back(void)
{
    if (mallinfo2().fordblks > MUCH_BYTES)
        malloc_trim(MUCH_BYTES / 2);
}
