/* interpose_new: C++'s operator new and delete, for allocators that bring their own
 * (tcmalloc, mimalloc, jemalloc): theirs do not come by malloc.  Those of libstdc++ do,
 * and are only passed on to.
 * A program without C++ may load a library with it later, out of our sight: the next
 * functions are looked for when one is first called. */
#include "agent/heap.h"
#include "agent/object.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define SLOW static __attribute__((noinline, cold))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define PROBE_BYTES 64

/* One form for all: what a function does not take, it does not look at. */
typedef void *new_fn(size_t n, size_t second, size_t third);
typedef void delete_fn(void *p, size_t second, size_t third);

/* The names are those of the C++ ABI: Znw new, Zna new[], Zdl delete, Zda delete[]. */
#define NEWS(X)                                                                                    \
    X(_Znwm)                                                                                       \
    X(_Znam)                                                                                       \
    X(_ZnwmRKSt9nothrow_t)                                                                         \
    X(_ZnamRKSt9nothrow_t)                                                                         \
    X(_ZnwmSt11align_val_t)                                                                        \
    X(_ZnamSt11align_val_t)                                                                        \
    X(_ZnwmSt11align_val_tRKSt9nothrow_t)                                                          \
    X(_ZnamSt11align_val_tRKSt9nothrow_t)
#define DELETES(X)                                                                                 \
    X(_ZdlPv)                                                                                      \
    X(_ZdaPv)                                                                                      \
    X(_ZdlPvm)                                                                                     \
    X(_ZdaPvm)                                                                                     \
    X(_ZdlPvRKSt9nothrow_t)                                                                        \
    X(_ZdaPvRKSt9nothrow_t)                                                                        \
    X(_ZdlPvSt11align_val_t)                                                                       \
    X(_ZdaPvSt11align_val_t)                                                                       \
    X(_ZdlPvmSt11align_val_t)                                                                      \
    X(_ZdaPvmSt11align_val_t)                                                                      \
    X(_ZdlPvSt11align_val_tRKSt9nothrow_t)                                                         \
    X(_ZdaPvSt11align_val_tRKSt9nothrow_t)

#define INDEX(name) AT##name,
enum { NEWS(INDEX) N_NEWS };
enum { DELETES(INDEX) N_DELETES };

static const char *const new_names[] = {
#define NAME(name) #name,
    NEWS(NAME)};
static const char *const delete_names[] = {DELETES(NAME)};

static struct {
    new_fn *fn;
    bool is_passed_on; /* it comes by malloc, or another that is ours */
} next_new[N_NEWS];
static delete_fn *next_delete[N_DELETES];

/* The linker would have ended the program for it too. */
static void missing(void)
{
    abort();
}

/* Of this libsonde, or of another one in the program: neither has operators of its own. */
static bool is_sonde(const void *function)
{
    const char *name = object_name(function), *base = name ? strrchr(name, '/') : NULL;
    return base && strncmp(base, "/libsonde", 9) == 0;
}

static void *find_next(const char *name)
{
    void *next = dlsym(RTLD_NEXT, name);
    return next && !is_sonde(next) ? next : NULL;
}

/* `caller` is in a library that may have C++'s runtime in it. */
static void *find(const char *name, const void *caller)
{
    Dl_info info;
    bool has_caller = caller && !is_sonde(caller) && dladdr(caller, &info);
    const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1",
                                     has_caller ? info.dli_fname : NULL};
    void *next = find_next(name);
    for (size_t i = 0; !next && i < sizeof libraries / sizeof *libraries; i++) {
        /* What we call on has to stay: it is not closed. */
        void *library = libraries[i] ? dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD) : NULL;
        next = library ? dlsym(library, name) : NULL;
    }
    return next ? next : (void *)missing;
}

/* Whether what `new` allocates is counted by our malloc. */
static bool comes_by_malloc(new_fn *new, delete_fn *delete)
{
    const int64_t far = INT64_MAX / 2;
    heap_left = far;
    void *p = new (PROBE_BYTES, PROBE_BYTES, 0);
    bool counted = heap_left != far;
    delete (p, PROBE_BYTES, 0);
    return counted;
}

static void resolve(const void *caller)
{
    bool was_left_out = heap_leave_out(true);
    int64_t left = heap_left;
    for (size_t i = 0; i < N_DELETES; i++) {
        delete_fn *next = (delete_fn *)find(delete_names[i], caller);
        __atomic_store_n(&next_delete[i], next, __ATOMIC_RELEASE);
    }
    for (size_t i = 0; i < N_NEWS; i++) {
        bool aligned = strstr(new_names[i], "align") != NULL, array = new_names[i][3] == 'a';
        new_fn *next = (new_fn *)find(new_names[i], caller);
        delete_fn *delete = next_delete[!aligned ? (array ? AT_ZdaPv : AT_ZdlPv)
                                        : array  ? AT_ZdaPvSt11align_val_t
                                                 : AT_ZdlPvSt11align_val_t];
        next_new[i].is_passed_on = next == (new_fn *)missing || delete == (delete_fn *)missing ||
                                   comes_by_malloc(next, delete);
        __atomic_store_n(&next_new[i].fn, next, __ATOMIC_RELEASE);
    }
    (void)dlerror(); /* what could not be found is no concern of the program's */
    heap_leave_out(was_left_out);
    heap_left = left;
}

static __attribute__((constructor(102))) void resolve_at_start(void)
{
    if (!next_new[AT_Znwm].fn && find_next(new_names[AT_Znwm]))
        resolve(NULL);
    (void)dlerror();
}

SLOW void *first_new(size_t n, size_t second, size_t third, size_t which)
{
    resolve(__builtin_return_address(0));
    void *p = next_new[which].fn(n, second, third);
    return p;
}

SLOW void *slow_new(size_t n, size_t second, size_t third, new_fn *next)
{
    struct walk_regs regs = WALK_CALLER();
    void *p = next(n, second, third);
    heap_allocated(p, n, &regs);
    return p;
}

SLOW void first_delete(void *p, size_t second, size_t third, size_t which)
{
    resolve(__builtin_return_address(0));
    next_delete[which](p, second, third);
}

SLOW void slow_delete(void *p, size_t second, size_t third, delete_fn *next)
{
    heap_freed(p);
    next(p, second, third);
}

#define NEW(name)                                                                                  \
    void *name(size_t n, size_t second, size_t third);                                             \
    EXPORT void *name(size_t n, size_t second, size_t third)                                       \
    {                                                                                              \
        new_fn *next = __atomic_load_n(&next_new[AT##name].fn, __ATOMIC_ACQUIRE);                  \
        if (!LIKELY(next))                                                                         \
            return first_new(n, second, third, AT##name);                                          \
        return LIKELY(next_new[AT##name].is_passed_on || !heap_count(n))                           \
                   ? next(n, second, third)                                                        \
                   : slow_new(n, second, third, next);                                             \
    }
#define DELETE(name)                                                                               \
    void name(void *p, size_t second, size_t third);                                               \
    EXPORT void name(void *p, size_t second, size_t third)                                         \
    {                                                                                              \
        delete_fn *next = __atomic_load_n(&next_delete[AT##name], __ATOMIC_ACQUIRE);               \
        if (!LIKELY(next))                                                                         \
            first_delete(p, second, third, AT##name);                                              \
        else if (LIKELY(!heap_may_know(p)))                                                        \
            next(p, second, third);                                                                \
        else                                                                                       \
            slow_delete(p, second, third, next);                                                   \
    }
NEWS(NEW)
DELETES(DELETE)
