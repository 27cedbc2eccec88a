/* graph: samples merged into nodes (functions, files, lines or addresses) with
 * flat and cumulative values, and the calls between them as edges.
 *
 *   struct graph g;
 *   graph_init(&g, &view, &options, err)    all nodes, values, no edges
 *   graph_keep_cum(&g, cutoff)              fewer nodes
 *   graph_build_edges(&g, GRAPH_EDGES_ALL, err)  edges between the nodes that are left
 *   graph_sort(&g, GRAPH_ORDER_FLAT_NAME)
 *
 * With call_tree it is a forest: nodes that differ in how they are reached.
 *
 * Nodes are never moved: g.order lists those that are in the graph, and what the
 * text below calls "the nodes".  Values of a node do not depend on which others
 * are in the graph; edges do (an edge over nodes that are not is `residual`).
 * Nodes whose values cancel to 0 (and negative ones, if asked for) are not among the
 * nodes, but as long as no other is left out there are edges to and from them, as
 * pprof has it.
 * Threads: one graph each; building uses several itself.  Signals: no. */
#ifndef SONDE_XFORM_GRAPH_H
#define SONDE_XFORM_GRAPH_H

#include "base/buf.h"
#include "base/intern.h"
#include "xform/view.h"

/* What makes a node different from another.  Fields that the granularity leaves
 * out are 0. */
struct graph_info {
    uint64_t address;
    int64_t line, column, start_line;
    uint32_t name;    /* string of the profile */
    uint32_t objfile; /* string of the profile; only for frames without a name, or obj_names */
    uint32_t file;    /* of graph.files, 0 = none; cleaned and trimmed */
};

static inline bool graph_same_info(const struct graph_info *a, const struct graph_info *b)
{
    return a->name == b->name && a->file == b->file && a->address == b->address &&
           a->line == b->line && a->objfile == b->objfile && a->column == b->column &&
           a->start_line == b->start_line;
}

struct graph_node {
    struct graph_info info;
    int64_t flat, cum; /* what sorting and trimming look at; graph_flat, graph_cum are shown */
    int64_t flat_div, cum_div; /* what means divide them by, else 0 */
    int64_t score;             /* scratch of graph_sort */
    struct str label;          /* the printable name once graph_label was asked; p NULL before */
    bool has_inlined; /* at least one frame of it is inlined into its caller; in a tree, all */
    bool is_kept;     /* it is in `order` */
    bool is_removed;  /* it was, and is no more */
    bool is_asked;    /* the caller's mark for GRAPH_EDGES_ASKED */
    bool is_detached; /* in a tree: graph_drop_edges cut it off from what is above it */
};

struct graph_edge {
    uint32_t src, dest; /* caller, callee */
    int64_t weight, weight_div;
    bool residual;
    bool is_inlined; /* in all samples */
    bool is_dropped;
    uint32_t seen; /* scratch: the last sample that counted */
};

#define GRAPH_FRAME_INLINED 0x80000000u /* in graph.frames; the rest is the node */
#define GRAPH_NONE UINT32_MAX

struct graph_sums;

struct graph_options {
    bool obj_names;     /* nodes differ by their object file too (list, callgrind) */
    bool call_tree;     /* a node for each way to reach a function */
    bool drop_negative; /* nodes whose values are negative are not among the nodes */
    bool flat_only;     /* `cum` stays 0; no tree, no edges: O(samples) instead of their frames */
    const char *trim_path, *source_path;
    const struct graph_sums *sums; /* of an earlier graph of the view, that fit these options
                                      (graph_sums.h): samples are not added up again; or NULL */
};

struct graph {
    const struct view *view; /* borrowed, must not change any more */
    struct arena arena;
    struct intern files;
    struct graph_node *nodes;
    uint32_t n_nodes;
    uint32_t *order; /* node indexes */
    uint32_t n_order;
    bool is_cut; /* nodes were left out by graph_keep_*, not just those that are 0 */
    /* Frames of location i, outermost first: frames[frame_first[i] ..
     * frame_first[i+1]). */
    uint32_t *frames, *frame_first;
    /* A tree has these instead: the caller of each node, and the innermost node of each
     * sample of the view; GRAPH_NONE: none.  Parents come before their children. */
    uint32_t *parent, *leaf;
    struct graph_edge *edges; /* malloc'ed */
    uint32_t n_edges;
    uint32_t most_edges; /* 0, or with more there are none, and has_too_many; not of a tree */
    bool has_too_many;
    struct graph_kept *kept; /* graph_edges.c's: for edges between fewer nodes */
    size_t n_kept;
    /* Edges into node i: in_edges[in_first[i] .. in_first[i+1]); out likewise.
     * Dropped ones are still listed. */
    uint32_t *in_first, *in_edges, *out_first, *out_edges;
};

/* Nodes and values of all samples; `order` has the nodes that are not 0.
 * False with ERR_NOMEM; release it in any case.  O(frames); with sums,
 * O(locations + nodes). */
bool graph_init(struct graph *g, const struct view *view, const struct graph_options *options,
                struct err *err);
void graph_release(struct graph *g); /* also fine on a zeroed struct */

/* Leave out nodes whose |cum| is less than cutoff; keep the first n.  Both return
 * how many went, and make edges stale. */
uint32_t graph_keep_cum(struct graph *g, int64_t cutoff);
uint32_t graph_keep_first(struct graph *g, uint32_t n);

enum graph_edges {
    GRAPH_EDGES_ALL,
    GRAPH_EDGES_INLINED, /* those that lead to nodes that have inlined frames */
    GRAPH_EDGES_ASKED,   /* those of nodes that are `is_asked`, in and out */
};
/* (Re)build the edges; a tree has all of them.  False with ERR_NOMEM.  O(frames). */
bool graph_build_edges(struct graph *g, enum graph_edges which, struct err *err);
/* Drop edges into the nodes of |weight| less than cutoff; returns how many. */
uint32_t graph_drop_edges(struct graph *g, int64_t cutoff);
/* Drop residual edges between nodes that are connected otherwise.  False with ERR_NOMEM. */
bool graph_drop_redundant_edges(struct graph *g, struct err *err);

enum graph_order {
    GRAPH_ORDER_FLAT_NAME,
    GRAPH_ORDER_FLAT_CUM_NAME,
    GRAPH_ORDER_CUM_NAME,
    GRAPH_ORDER_NAME,
    GRAPH_ORDER_FILE,
    GRAPH_ORDER_ADDRESS,
    GRAPH_ORDER_ENTROPY, /* how interesting it is in a picture; needs edges */
};
/* Sort `order`, largest first.  False with ERR_NOMEM. */
bool graph_sort(struct graph *g, enum graph_order order, struct err *err);
/* Sort edges[0..n) (indexes of edges) by weight, then names.  False with ERR_NOMEM. */
bool graph_sort_edges(struct graph *g, uint32_t *edges, uint32_t n, struct err *err);
/* The undropped edges into (or out of) a node, sorted.  *edges is valid until the
 * graph changes.  False with ERR_NOMEM. */
bool graph_in_edges(struct graph *g, uint32_t node, uint32_t **edges, uint32_t *n, struct err *err);
bool graph_out_edges(struct graph *g, uint32_t node, uint32_t **edges, uint32_t *n,
                     struct err *err);

int64_t graph_flat_sum(const struct graph *g); /* over the nodes */

/* The node of a sample's innermost frame, GRAPH_NONE if all is hidden. */
uint32_t graph_leaf(const struct graph *g, const struct view_sample *sample);

/* Values as they are shown. */
static inline int64_t graph_flat(const struct graph_node *node)
{
    return view_mean(node->flat, node->flat_div);
}
static inline int64_t graph_cum(const struct graph_node *node)
{
    return view_mean(node->cum, node->cum_div);
}
static inline int64_t graph_weight(const struct graph_edge *edge)
{
    return view_mean(edge->weight, edge->weight_div);
}
int64_t graph_shown_sum(const struct graph *g); /* of graph_flat over the nodes */

/* A node's printable name: address, function, file:line as far as they are
 * there.  Kept by the graph; p is NULL when memory runs out. */
struct str graph_label(struct graph *g, uint32_t node);
/* The order of two labels.  They are made only where it takes them: not for nodes at
 * different addresses, with which labels begin.  A label that cannot be had is empty, and
 * *failed is set. */
int graph_compare_labels(struct graph *g, uint32_t a, uint32_t b, bool *failed);
struct str graph_name(const struct graph *g, uint32_t node); /* the function alone */
struct str graph_file(const struct graph *g, uint32_t node);

/* The printable name put together from parts, separated by `sep`. */
void graph_print_name(struct buf *out, uint64_t address, struct str name, struct str file,
                      int64_t line, int64_t column, struct str objfile, const char *sep);

#endif
