#include "analysis/analysis.h"

#include <string.h>

extern const struct analysis_ops analysis_profile_net, analysis_profile_sync,
    analysis_profile_syscall, analysis_profile_sched, analysis_profile_cpu, analysis_profile_gc,
    analysis_profile_regions, analysis_profile_tasks, analysis_profile_states;
extern const struct analysis_ops analysis_sum_overview, analysis_sum_goroutines,
    analysis_sum_wakers, analysis_sum_latency, analysis_sum_gc, analysis_sum_procs,
    analysis_sum_tasks, analysis_sum_regions, analysis_export_perfetto, analysis_export_chrome;

const struct analysis_ops *const analysis_registry[] = {
    &analysis_profile_net,     &analysis_profile_sync,
    &analysis_profile_syscall, &analysis_profile_sched,
    &analysis_profile_cpu,     &analysis_profile_gc,
    &analysis_profile_regions, &analysis_profile_tasks,
    &analysis_profile_states,  &analysis_sum_overview,
    &analysis_sum_goroutines,  &analysis_sum_wakers,
    &analysis_sum_latency,     &analysis_sum_gc,
    &analysis_sum_procs,       &analysis_sum_tasks,
    &analysis_sum_regions,     &analysis_export_perfetto,
    &analysis_export_chrome,   NULL,
};

const struct analysis_ops *analysis_find(enum analysis_group group, const char *name)
{
    for (size_t i = 0; analysis_registry[i]; i++)
        if (analysis_registry[i]->group == group && !strcmp(analysis_registry[i]->name, name))
            return analysis_registry[i];
    return NULL;
}
