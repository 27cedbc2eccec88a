/* graphviz: pictures of call graphs drawn by Graphviz's dot instead of by us: those that
 * only it can draw (GIF), and all where -tools or PPROF_TOOLS names it ("dot", or
 * "dot:PATH" of the program or its folder).
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_GRAPHVIZ_H
#define SONDE_UI_GRAPHVIZ_H

#include "report/report.h"

/* Write the report, as report->write does, through dot where that is called for.
 * `tools`: the value of -tools, NULL if not given.  The failures of report->write, and
 * ERR_UNSUPPORTED (there is no dot), ERR_IO (it failed). */
bool graphviz_report(const struct report_ops *report, const struct report_ctx *ctx,
                     const char *tools, struct buf *out, struct err *err);

#endif
