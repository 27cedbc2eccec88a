#include "analysis/analysis.h"

#include <string.h>

extern const struct analysis_ops analysis_net, analysis_sync, analysis_syscall, analysis_sched;

const struct analysis_ops *const analysis_registry[] = {
    &analysis_net, &analysis_sync, &analysis_syscall, &analysis_sched, NULL,
};

const struct analysis_ops *analysis_find(enum analysis_group group, const char *name)
{
    for (size_t i = 0; analysis_registry[i]; i++)
        if (analysis_registry[i]->group == group && !strcmp(analysis_registry[i]->name, name))
            return analysis_registry[i];
    return NULL;
}
