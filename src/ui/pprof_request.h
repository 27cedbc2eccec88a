/* pprof_request: the command line of `sonde pprof` as a struct: which profiles, which
 * report, with which options.  Its flags come from the tables of the reports and their
 * options (report/report.h) and from its own.
 * Ownership: texts are borrowed from argv, or are the request's own.  Threads: independent.
 * Signals: no. */
#ifndef SONDE_UI_PPROF_REQUEST_H
#define SONDE_UI_PPROF_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "report/report.h"
#include "ui/command.h"
#include "ui/fetch.h"
#include "ui/flags.h"

struct pprof_request {
    struct report_options options;
    const struct report_ops *report; /* NULL: none is asked for */
    const char *regexp;              /* the report's argument; NULL if it takes none */
    const char *output;              /* where to write it; NULL: not said */
    const char *tools;               /* -tools: TOOL:PATH,...; NULL: not said */
    const char *http;                /* where to serve the web page; NULL: there is none */
    bool no_browser;                 /* do not open it */
    struct fetch_request fetch;
    struct flag_list base, diff_base; /* fetch.bases points to one of them */
    struct arena arena;               /* texts of options that are not in argv */
};

/* From argv, argv[0] being the command's name.  *help: the usage is wanted instead.
 * False with ERR_USAGE, ERR_NOMEM; release it in any case. */
bool pprof_request_parse(struct pprof_request *request, int argc, char **argv, bool *help,
                         struct err *err);

void pprof_request_release(struct pprof_request *request); /* also fine on a zeroed struct */

/* Its flags, and the whole of `sonde pprof -help`: see struct command_ops. */
void pprof_each_flag(flag_doc_fn *fn, void *arg);
void pprof_usage(struct buf *out);

#endif
