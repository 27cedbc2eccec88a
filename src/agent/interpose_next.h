/* interpose_next: the next library's functions, for those that stand in for them.
 * They are looked up at the start, or at the first call, when that comes before.
 * Threads: any; who is first twice finds the same.  Signals: no. */
#ifndef SONDE_AGENT_INTERPOSE_NEXT_H
#define SONDE_AGENT_INTERPOSE_NEXT_H

#include "agent/hooks.h"
#include "agent/object.h"

#include <dlfcn.h>
#include <errno.h>

#define EXPORT __attribute__((visibility("default")))
#define SLOW static __attribute__((noinline, cold))
#define LIKELY(x) __builtin_expect(!!(x), 1)

/* Exports a function that is called by way of a pointer.  `refused`: its answer when there is no
 * next one. */
#define INTERPOSE(name, parameter, way, refused)                                                   \
    SLOW int first_##way(void *on);                                                                \
    static int (*way)(void *) = first_##way;                                                       \
    static int first_##way(void *on)                                                               \
    {                                                                                              \
        int (*to)(void *) = find() ? __atomic_load_n(&way, __ATOMIC_ACQUIRE) : first_##way;        \
        return to != first_##way ? to(on) : (refused);                                             \
    }                                                                                              \
    EXPORT int name(parameter)                                                                     \
    {                                                                                              \
        return __atomic_load_n(&way, __ATOMIC_RELAXED)(on);                                        \
    }

/* Looks for all of them.  False: this is a call by the dynamic linker itself while it looks,
 * when nobody else runs: nothing can be passed on. */
static inline bool interpose_find(const struct interpose_next *all, size_t n)
{
    static __thread bool is_finding;
    if (is_finding)
        return false;
    is_finding = true;
    for (size_t i = 0; i < n; i++) {
        void *found = dlsym(RTLD_NEXT, all[i].name),
             *exact = all[i].version ? dlvsym(RTLD_NEXT, all[i].name, all[i].version) : NULL;
        /* A library between, which stands in for it too (libtsan), has no versions. */
        if (exact && (!found || object_same(found, exact)))
            found = exact;
        __atomic_store_n((void **)all[i].to, found, __ATOMIC_RELEASE);
    }
    hooks_add(all, n);
    is_finding = false;
    return true;
}

#endif
