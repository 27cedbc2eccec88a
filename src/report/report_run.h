/* report_run: what reports share: options refined for the report, the pipeline,
 * pprof's header lines, its trimming of the graph, its choice of the unit.
 *
 *   struct report_run run;
 *   if (report_begin(&run, &report_top, ctx, err)) ...
 *   report_end(&run);
 *
 * Threads: one at a time each.  Signals: no. */
#ifndef SONDE_REPORT_REPORT_RUN_H
#define SONDE_REPORT_REPORT_RUN_H

#include "report/report.h"
#include "xform/graph.h"
#include "xform/node_tags.h"
#include "xform/pipeline_cache.h"
#include "xform/unit.h"

struct report_run {
    struct report_options options; /* nodecount, fractions, granularity as this report uses them */
    struct pipeline pipeline;
    struct profile bare;           /* what `pipeline` is of, where samples are of no use */
    const struct pipeline *shared; /* what `pipeline` is a copy of, if it is the cache's */
    struct pipeline_cache *cache;
    const char *unit;          /* to print in; "minimum" until report_select_unit chose one */
    struct unit_scaler scaler; /* to it */
    bool only_whole;           /* a unit in which the smallest value is no fraction */
    uint32_t most_nodes;       /* of a picture but a tree, whose edges are looked at; 0: all */
    uint32_t most_edges;       /* ... with more of them, of fewer nodes, if so many need not be */
    uint32_t most_asked;       /* nodes that match the argument and have edges; 0: all do */
    uint32_t n_not_asked;      /* those that match and are more */
};

/* Refine the options, run the pipeline.  False and *err in pprof's words; end it
 * in any case. */
bool report_begin(struct report_run *run, const struct report_ops *ops,
                  const struct report_ctx *ctx, struct err *err);
void report_end(struct report_run *run);

/* The options of a flame graph: granularity as given where none was asked for, and values that
 * add up: means do not, which ctx->diag is told. */
void report_flame_options(const struct report_ctx *ctx, enum granularity granularity,
                          struct report_options *options);

/* What divide_by multiplies values with. */
double report_ratio(const struct report_run *run);
/* A value as the user sees it: divided by divide_by, in the profile's unit. */
int64_t report_divided(const struct report_run *run, int64_t value);
/* A value of the chosen type in run->unit, divided by divide_by. */
void report_value(const struct report_run *run, struct buf *out, int64_t value);
/* The same, right-aligned in `width`. */
void report_value_right(const struct report_run *run, struct buf *out, int64_t value, size_t width);
/* The name of the first mapping's file without folders, "" if there is none. */
struct str report_title(const struct report_run *run);

/* What was left out of a graph. */
struct report_trim {
    uint32_t n_nodes_before; /* after the small ones were dropped, before nodecount */
    uint32_t n_nodes_dropped, n_edges_dropped;
};

enum report_graph {
    REPORT_GRAPH_NODES,   /* edges only where needed to tell inlined functions */
    REPORT_GRAPH_EDGES,   /* all edges; where the report has an argument, those of the nodes that
                             match it, which are `is_asked` */
    REPORT_GRAPH_VISUAL,  /* all edges, chosen and sorted for a picture; tags; or a call tree */
    REPORT_GRAPH_OBJECTS, /* no edges; nodes differ by their object file too; or a call tree */
};

/* The graph of the run's view, all of it: graph_init, by values that were added up before for
 * another report, where there are some. */
bool report_init_graph(const struct report_run *run, const struct graph_options *options,
                       struct graph *g, struct err *err);
/* The graph, trimmed and sorted as the options say.  `tags` is for
 * REPORT_GRAPH_VISUAL, else NULL.  The caller releases both in any case. */
bool report_build_graph(struct report_run *run, enum report_graph kind, struct graph *g,
                        struct node_tags *tags, struct report_trim *trim, struct err *err);
/* Where the unit is to be the "minimum", take one that suits all nodes. */
void report_select_unit(struct report_run *run, const struct graph *g);

/* Header lines joined with newlines, none at the end: about the profile (File,
 * Type, Time, Duration, ...), and about the graph as well (filters, what is shown
 * and dropped).  `full`: even with compact_labels, with the hint how to read it.
 * Both return the length of the first line, which may hold newlines itself. */
size_t report_profile_lines(const struct report_run *run, struct buf *out);
size_t report_graph_lines(const struct report_run *run, const struct graph *g,
                          const struct report_trim *trim, bool full, struct buf *out);

/* The entries of the registry, each in its own file. */
extern const struct report_ops report_callgrind, report_comments, report_disasm, report_dot,
    report_eog, report_evince, report_firefox, report_flame, report_flameterm, report_folded,
    report_gif, report_gv, report_html, report_kcachegrind, report_list, report_pdf, report_peek,
    report_peekcsv, report_peekjson, report_png, report_proto, report_ps, report_raw,
    report_speedscope, report_svg, report_tags, report_text, report_top, report_topcsv,
    report_topjson, report_topproto, report_traces, report_tree, report_treecsv, report_treejson,
    report_web, report_weblist;

#endif
