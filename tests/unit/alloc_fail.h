/* alloc_fail: a test in which the n-th allocation fails.  Link it with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc and set alloc_countdown. */
#ifndef SONDE_TESTS_ALLOC_FAIL_H
#define SONDE_TESTS_ALLOC_FAIL_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static _Atomic long alloc_countdown = -1; /* fails at 0; below, never */

static bool alloc_fails(void)
{
    return alloc_countdown >= 0 && alloc_countdown-- == 0;
}

void *__wrap_malloc(size_t n)
{
    return alloc_fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return alloc_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return alloc_fails() ? NULL : __real_realloc(p, n);
}

#endif
