/* trace_web_regions: which user regions a query means.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_TRACE_WEB_REGIONS_H
#define SONDE_UI_TRACE_WEB_REGIONS_H

#include "ui/trace_web_sums.h"

struct trace_web_region_filter {
    const char *name; /* NULL: all */
    bool has_pc;
    uint64_t pc; /* of the outermost frame of where it began */
    int64_t least_ns, most_ns;
};

/* type, pc, latmin and latmax of the query.  False with ERR_USAGE. */
bool trace_web_region_filter(const struct trace_query *query,
                             struct trace_web_region_filter *filter, struct err *err);
bool trace_web_region_matches(const struct trace_web_region_filter *filter,
                              const struct analysis_facts *facts,
                              const struct analysis_ledger_region *region);
/* What is not in the trace is cut off. */
int64_t trace_web_region_length(const struct analysis_facts *facts,
                                const struct analysis_ledger_region *region);

#endif
