/* pipeline_cache: the views of the last settings, as far as they are small beside the
 * profile, so that a report with settings that were used before need not filter again; and the
 * values of the graphs that were made of them.
 * Ownership: what pipeline_cache_get gives is shared and must not be changed; it stays
 * until it is put back, also when the cache has dropped it.
 * Threads: any, also several at a time.  Signals: no. */
#ifndef SONDE_XFORM_PIPELINE_CACHE_H
#define SONDE_XFORM_PIPELINE_CACHE_H

#include "xform/graph_sums.h"
#include "xform/pipeline.h"

struct pipeline_cache;

/* For views of one profile, which must live longer.  NULL: out of memory. */
struct pipeline_cache *pipeline_cache_new(const struct profile *profile);
/* All that was got is put back by then. */
void pipeline_cache_free(struct pipeline_cache *cache);

/* What pipeline_run makes of the options, but for the argument, which is NULL; its notes
 * come each time.  NULL and *err as pipeline_run fails. */
const struct pipeline *pipeline_cache_get(struct pipeline_cache *cache,
                                          const struct pipeline_options *options, struct diag *diag,
                                          struct err *err);
void pipeline_cache_put(struct pipeline_cache *cache, const struct pipeline *pipeline);

/* The sums that fit the options, for a graph of a view that was got; NULL: there are none.  They
 * stay until the view is put back. */
const struct graph_sums *pipeline_cache_sums(struct pipeline_cache *cache,
                                             const struct pipeline *pipeline,
                                             const struct graph_options *options);
/* Keep those of a graph with these options, if there are none yet; `sums` is the cache's then, or
 * gone (NULL is fine). */
void pipeline_cache_keep(struct pipeline_cache *cache, const struct pipeline *pipeline,
                         const struct graph_options *options, struct graph_sums *sums);

#endif
