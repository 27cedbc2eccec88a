/* object: which loaded file an address belongs to.  dladdr tells that too, but looks through all
 * of its symbols first: some 20 us for one of libc's.
 * Threads: any, lock-free.  Signals: async-signal-safe. */
#ifndef SONDE_AGENT_OBJECT_H
#define SONDE_AGENT_OBJECT_H

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>

/* Whether both are of one file. */
static inline bool object_same(const void *a, const void *b)
{
    struct dl_find_object of_a, of_b;
    return _dl_find_object((void *)a, &of_a) == 0 && _dl_find_object((void *)b, &of_b) == 0 &&
           of_a.dlfo_map_start == of_b.dlfo_map_start;
}

/* The loader's name of the file, "" that of the program; NULL: none is there. */
static inline const char *object_name(const void *a)
{
    struct dl_find_object found;
    return _dl_find_object((void *)a, &found) == 0 && found.dlfo_link_map
               ? found.dlfo_link_map->l_name
               : NULL;
}

#endif
