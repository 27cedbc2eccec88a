#include "go/go_kind.h"

#include <string.h>

const struct go_kind_ops *const go_kind_registry[] = {
    &go_kind_allocs, &go_kind_block, &go_kind_goroutine,    &go_kind_goroutineleak,
    &go_kind_heap,   &go_kind_mutex, &go_kind_threadcreate, NULL,
};

const struct go_kind_ops *go_kind_find(const char *name)
{
    for (size_t i = 0; go_kind_registry[i]; i++)
        if (strcmp(go_kind_registry[i]->name, name) == 0)
            return go_kind_registry[i];
    return NULL;
}
