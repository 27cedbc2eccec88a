#include "collect/block.h"
#include "collect/collect.h"
#include "collect/cpu.h"
#include "collect/goroutine.h"
#include "collect/heap.h"
#include "collect/mutex.h"
#include "collect/native_trace.h"
#include "collect/threadcreate.h"

#include <string.h>

const struct collect_ops *const collect_registry[] = {
    &collect_cpu,   &collect_heap,      &collect_allocs,       &collect_block,
    &collect_mutex, &collect_goroutine, &collect_threadcreate, &collect_trace, NULL,
};

const struct collect_ops *collect_find(const char *name)
{
    for (size_t i = 0; collect_registry[i]; i++)
        if (strcmp(collect_registry[i]->name, name) == 0 ||
            (collect_registry[i]->alias && strcmp(collect_registry[i]->alias, name) == 0))
            return collect_registry[i];
    return NULL;
}
