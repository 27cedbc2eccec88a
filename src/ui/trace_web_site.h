/* trace_web_site: what the answers of the page of a trace are made from, and their table.
 * One answer is one function, in the file of what it is about; src/web/trace/data.ts has the
 * shapes.
 * Threads: answers run on several threads at a time.  Signals: no. */
#ifndef SONDE_UI_TRACE_WEB_SITE_H
#define SONDE_UI_TRACE_WEB_SITE_H

#include "render/json.h"
#include "ui/trace_query.h"
#include "ui/trace_web_lists.h"
#include "ui/trace_web_load.h"
#include "ui/trace_web_profiles.h"
#include "ui/web_cache.h"
#include "ui/web_router.h"
#include "ui/web_shell.h"

/* Borrowed by all requests. */
struct trace_web_site {
    struct trace_web_load *load;
    struct trace_web_lists *lists;
    struct trace_web_profiles *profiles;
    struct web_cache *cache;
    const char *title;
};

static inline const struct trace_web_site *trace_web_site(const struct web_call *call)
{
    return call->context;
}

/* A request of data, on its way. */
struct trace_web_ask {
    const struct trace_web_site *site;
    const struct trace_web_model *model;
    const struct timeline *timeline;
    const struct trace *trace;
    struct trace_query query;
    struct arena *arena;
};

/* Writes members of the open object.  False and *err: ERR_USAGE and ERR_INPUT become status 400. */
typedef bool trace_web_answer_fn(const struct trace_web_ask *ask, struct json *j, struct err *err);

trace_web_answer_fn trace_web_tracks, trace_web_tile, trace_web_globals, trace_web_arrows,
    trace_web_box, trace_web_range; /* trace_web_timeline.c, trace_web_box.c, trace_web_range.c */
trace_web_answer_fn trace_web_search, trace_web_overview;
trace_web_answer_fn trace_web_goroutines, trace_web_goroutine;
trace_web_answer_fn trace_web_usertasks, trace_web_usertask, trace_web_task;
trace_web_answer_fn trace_web_userregions, trace_web_userregion;
trace_web_answer_fn trace_web_gc, trace_web_mmu, trace_web_mmuworst, trace_web_latency;

extern const struct web_route trace_web_routes[];

/* Routes that are not data. */
void trace_web_page(struct web_call *call);         /* an HTML page */
void trace_web_profile_page(struct web_call *call); /* the same, or with raw=1 a profile */
void trace_web_meta(struct web_call *call);         /* ./data/meta */
void trace_web_data(struct web_call *call);         /* ./data/NAME */
void trace_web_flame(struct web_call *call);        /* ./data/flame */
void trace_web_raw(struct web_call *call);          /* ./raw/NAME */
void trace_web_jsontrace(struct web_call *call);

#endif
