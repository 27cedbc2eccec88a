/* compose: the call graph as a picture, as pprof draws it: boxes as large as their own
 * values, arrows as thick as theirs, the tags of samples as small boxes.
 * In: a profile and options.  Out: a picture (render/picture.h) for any writer.
 * Threads: any.  Signals: no. */
#ifndef SONDE_REPORT_COMPOSE_H
#define SONDE_REPORT_COMPOSE_H

#include "render/picture.h"
#include "report/report_run.h"

/* Fill in *picture, whose arena the caller releases in any case.  False and *err in
 * pprof's words, or with ERR_NOMEM.  `ops` is the report it is for. */
bool compose_picture(struct picture *picture, const struct report_ops *ops,
                     const struct report_ctx *ctx, struct err *err);

/* The same of a REPORT_GRAPH_VISUAL whose unit is chosen. */
bool compose_graph(struct picture *picture, const struct report_run *run, struct graph *g,
                   const struct node_tags *tags, const struct report_trim *trim, struct err *err);

#endif
