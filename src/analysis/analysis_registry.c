#include "analysis/analysis.h"

#include <string.h>

extern const struct analysis_ops analysis_profile_net, analysis_profile_sync,
    analysis_profile_syscall, analysis_profile_sched, analysis_profile_cpu, analysis_profile_gc,
    analysis_profile_regions, analysis_profile_tasks, analysis_profile_states;

const struct analysis_ops *const analysis_registry[] = {
    &analysis_profile_net,     &analysis_profile_sync,
    &analysis_profile_syscall, &analysis_profile_sched,
    &analysis_profile_cpu,     &analysis_profile_gc,
    &analysis_profile_regions, &analysis_profile_tasks,
    &analysis_profile_states,  NULL,
};

const struct analysis_ops *analysis_find(enum analysis_group group, const char *name)
{
    for (size_t i = 0; analysis_registry[i]; i++)
        if (analysis_registry[i]->group == group && !strcmp(analysis_registry[i]->name, name))
            return analysis_registry[i];
    return NULL;
}
