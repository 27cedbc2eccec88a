/* page_common: what views share: the members that every answer begins with.
 * Threads: any.  Signals: no. */
#ifndef SONDE_PAGE_PAGE_COMMON_H
#define SONDE_PAGE_PAGE_COMMON_H

#include "page/page.h"
#include "report/report_run.h"

/* What answers begin with, as answer_head (report/answer.h). */
bool page_head(struct json *j, struct report_run *run, const struct graph *g,
               const struct report_trim *trim, struct err *err);

/* The functions that peek, source and disasm are about: p, else f; "" where neither is given. */
const char *page_argument(const struct page_ctx *ctx);

#endif
