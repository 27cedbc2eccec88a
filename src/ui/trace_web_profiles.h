/* trace_web_profiles: profiles of the trace, or of a part of it, kept for a while: their flame
 * graphs are asked for again with each zoom and search.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_TRACE_WEB_PROFILES_H
#define SONDE_UI_TRACE_WEB_PROFILES_H

#include "ui/trace_query.h"
#include "ui/trace_web_load.h"
#include "xform/pipeline_cache.h"

struct trace_web_profiles;

struct trace_web_profile {
    const struct profile *profile;
    struct pipeline_cache *cache;
};

struct trace_web_profiles *trace_web_profiles_new(void); /* NULL: no memory */
void trace_web_profiles_free(struct trace_web_profiles *profiles);

/* The profile of that name of what the query chooses; give it back.  Of goroutines, a task or
 * regions at all times the events are read again.  NULL and *err: ERR_USAGE: no such profile, or
 * not of such a part; as trace_web_load_again. */
const struct trace_web_profile *trace_web_profiles_get(struct trace_web_profiles *profiles,
                                                       struct trace_web_load *load,
                                                       const char *name,
                                                       const struct trace_query *query,
                                                       struct diag *diag, struct err *err);
void trace_web_profiles_put(struct trace_web_profiles *profiles,
                            const struct trace_web_profile *profile);

#endif
