/* pages: memory without a fault for each page.  Where a fault is dear (virtual
 * machines), first touching memory costs more than all the rest of the work.
 * Threads: any.  Signals: no. */
#ifndef SONDE_BASE_PAGES_H
#define SONDE_BASE_PAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

/* For a block that was just allocated and will be filled: huge pages when it is
 * large, else all its pages at once.  A hint: small blocks and kernels that
 * cannot do it are left alone. */
static inline void pages_prepare(void *block, size_t n)
{
    const size_t small = (size_t)64 << 10, huge = (size_t)2 << 20;
    const uintptr_t page = n < 2 * huge ? 4096 : huge;
    uintptr_t begin = ((uintptr_t)block + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)block + n) & ~(page - 1);
    if (!block || n < small || begin >= end)
        return;
    if (page == huge)
        (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
    else
        (void)madvise((void *)begin, end - begin, MADV_POPULATE_WRITE);
#endif
}

/* For a block that will perhaps be filled: huge pages when it is large. */
void pages_prepare_large(void *block, size_t n);

/* Zeroed memory as of calloc, in huge pages when there is much of it. */
void *pages_calloc(size_t n, size_t size);

/* Ready malloc for a program that fills memory quickly and soon ends: huge pages
 * under the heap, freed memory kept.  Call it once, first in main. */
void pages_prepare_heap(void);

/* For a program that stays: what was freed goes back to the system, if it is much.  Some ms,
 * if it is. */
void pages_give_back(void);

#endif
