/* interpose_heap: the allocation functions of libc that libsonde.so stands in for.
 * Each passes on to the next library's, which may be another allocator; what else it
 * does, while no sample is due, is a subtraction (malloc) and a look (free).
 * The slow halves are jumped to, so that their caller is the program. */
#include "agent/heap.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define SLOW static __attribute__((noinline, cold))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define BOOT_BYTES (64u << 10)

typedef void *malloc_fn(size_t);
typedef void *calloc_fn(size_t, size_t);
typedef void *realloc_fn(void *, size_t);
typedef void free_fn(void *);
typedef int posix_memalign_fn(void **, size_t, size_t);
typedef void *memalign_fn(size_t, size_t);

static malloc_fn first_malloc;
static calloc_fn first_calloc;
static realloc_fn first_realloc;
static free_fn first_free;

static malloc_fn *next_malloc = first_malloc, *next_valloc, *next_pvalloc;
static calloc_fn *next_calloc = first_calloc;
static realloc_fn *next_realloc = first_realloc;
static free_fn *next_free = first_free;
static posix_memalign_fn *next_posix_memalign;
static memalign_fn *next_memalign, *next_aligned_alloc;

/* While the next functions are looked for, the dynamic linker allocates: these blocks are
 * ours, and stay. */
static _Alignas(16) char boot[BOOT_BYTES];
static size_t boot_used;
static bool is_resolving;

static bool is_boot(const void *p)
{
    return (uint64_t)p - (uint64_t)boot < BOOT_BYTES;
}

static void *boot_alloc(size_t n)
{
    n = (n + 31) & ~(size_t)15; /* with its size in front */
    if (n > BOOT_BYTES - boot_used)
        return NULL;
    char *p = boot + boot_used + 16;
    boot_used += n;
    *(size_t *)(p - 16) = n - 16;
    heap_filter[heap_hash(p)] = 255;
    return p;
}

static void *our_malloc(size_t n) __attribute__((alias("malloc"), copy(malloc)));

static void resolve(void)
{
    is_resolving = true;
    free_fn *new_free = (free_fn *)dlsym(RTLD_NEXT, "free");
    calloc_fn *new_calloc = (calloc_fn *)dlsym(RTLD_NEXT, "calloc");
    realloc_fn *new_realloc = (realloc_fn *)dlsym(RTLD_NEXT, "realloc");
    next_posix_memalign = (posix_memalign_fn *)dlsym(RTLD_NEXT, "posix_memalign");
    next_memalign = (memalign_fn *)dlsym(RTLD_NEXT, "memalign");
    next_aligned_alloc = (memalign_fn *)dlsym(RTLD_NEXT, "aligned_alloc");
    next_valloc = (malloc_fn *)dlsym(RTLD_NEXT, "valloc");
    next_pvalloc = (malloc_fn *)dlsym(RTLD_NEXT, "pvalloc");
    next_malloc = (malloc_fn *)dlsym(RTLD_NEXT, "malloc");
    next_free = new_free;
    next_calloc = new_calloc;
    next_realloc = new_realloc;
    is_resolving = false;
    /* Not so when the executable has an allocator of its own in it. */
    heap_is_hooked = dlsym(RTLD_DEFAULT, "malloc") == (void *)our_malloc;
}

static __attribute__((constructor(101))) void resolve_at_start(void)
{
    if (next_malloc == first_malloc)
        resolve();
}

/* The first call of each, which may come before any constructor. */

static void *first_malloc(size_t n)
{
    if (is_resolving)
        return boot_alloc(n);
    resolve();
    void *p = next_malloc(n);
    return p;
}

static void *first_calloc(size_t n, size_t size)
{
    if (is_resolving)
        return n && size > BOOT_BYTES / n ? NULL : boot_alloc(n * size);
    resolve();
    void *p = next_calloc(n, size);
    return p;
}

static void *first_realloc(void *old, size_t n)
{
    if (!is_resolving)
        resolve();
    void *p = is_resolving ? NULL : next_realloc(old, n);
    return p;
}

static void first_free(void *p)
{
    if (is_resolving || is_boot(p))
        return;
    resolve();
    next_free(p);
}

/* The others are too rare to be worth one: false while they are looked for. */
static bool need(const void *next)
{
    if (!next && !is_resolving)
        resolve();
    return !is_resolving;
}

SLOW void *slow_malloc(size_t n, malloc_fn *next)
{
    struct walk_regs regs = WALK_CALLER();
    void *p = next(n);
    heap_allocated(p, n, &regs);
    return p;
}

EXPORT void *malloc(size_t n)
{
    return LIKELY(!heap_count(n)) ? next_malloc(n) : slow_malloc(n, next_malloc);
}

SLOW void *slow_calloc(size_t n, size_t size)
{
    struct walk_regs regs = WALK_CALLER();
    void *p = next_calloc(n, size);
    heap_allocated(p, n * size, &regs);
    return p;
}

EXPORT void *calloc(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        return next_calloc(n, size); /* which knows what to say */
    return LIKELY(!heap_count(bytes)) ? next_calloc(n, size) : slow_calloc(n, size);
}

SLOW void slow_free(void *p)
{
    if (is_boot(p))
        return;
    heap_freed(p);
    next_free(p);
}

EXPORT void free(void *p)
{
    if (LIKELY(!heap_may_know(p)))
        next_free(p);
    else
        slow_free(p);
}

static void *realloc_boot(void *old, size_t n)
{
    size_t had = *(const size_t *)((const char *)old - 16);
    void *p = next_malloc(n);
    if (p)
        memcpy(p, old, n < had ? n : had);
    return p;
}

/* The old block's end is counted before it can be another thread's new one. */
SLOW void *slow_realloc(void *old, size_t n)
{
    struct walk_regs regs = WALK_CALLER();
    struct wire_stack *stack = NULL;
    bool is_due = heap_left < 0;
    if (is_boot(old))
        return realloc_boot(old, n);
    if (old && heap_may_know(old))
        stack = heap_freed(old);
    void *p = next_realloc(old, n);
    if (!p && n && stack)
        heap_kept(old, stack);
    if (is_due)
        heap_allocated(p, n, &regs);
    return p;
}

EXPORT void *realloc(void *old, size_t n)
{
    bool is_due = heap_count(n);
    return LIKELY(!is_due && !heap_may_know(old)) ? next_realloc(old, n) : slow_realloc(old, n);
}

EXPORT void *reallocarray(void *old, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    bool is_due = heap_count(bytes);
    return LIKELY(!is_due && !heap_may_know(old)) ? next_realloc(old, bytes)
                                                  : slow_realloc(old, bytes);
}

SLOW int slow_posix_memalign(void **to, size_t alignment, size_t n)
{
    struct walk_regs regs = WALK_CALLER();
    int rc = next_posix_memalign(to, alignment, n);
    heap_allocated(rc == 0 ? *to : NULL, n, &regs);
    return rc;
}

EXPORT int posix_memalign(void **to, size_t alignment, size_t n)
{
    if (!need((const void *)next_posix_memalign))
        return ENOMEM;
    return LIKELY(!heap_count(n)) ? next_posix_memalign(to, alignment, n)
                                  : slow_posix_memalign(to, alignment, n);
}

SLOW void *slow_aligned(size_t alignment, size_t n, memalign_fn *next)
{
    struct walk_regs regs = WALK_CALLER();
    void *p = next(alignment, n);
    heap_allocated(p, n, &regs);
    return p;
}

EXPORT void *memalign(size_t alignment, size_t n)
{
    if (!need((const void *)next_memalign))
        return NULL;
    return LIKELY(!heap_count(n)) ? next_memalign(alignment, n)
                                  : slow_aligned(alignment, n, next_memalign);
}

EXPORT void *aligned_alloc(size_t alignment, size_t n)
{
    if (!need((const void *)next_aligned_alloc))
        return NULL;
    return LIKELY(!heap_count(n)) ? next_aligned_alloc(alignment, n)
                                  : slow_aligned(alignment, n, next_aligned_alloc);
}

EXPORT void *valloc(size_t n)
{
    if (!need((const void *)next_valloc))
        return NULL;
    return LIKELY(!heap_count(n)) ? next_valloc(n) : slow_malloc(n, next_valloc);
}

EXPORT void *pvalloc(size_t n)
{
    if (!need((const void *)next_pvalloc))
        return NULL;
    return LIKELY(!heap_count(n)) ? next_pvalloc(n) : slow_malloc(n, next_pvalloc);
}
