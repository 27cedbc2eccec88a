/* node_tags: the labels of samples, summed for each node of a graph.
 * A text tag is the set of all text labels of a sample ("key:value", sorted); a
 * number tag is a value of the label "bytes", kept apart for each such set.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_XFORM_NODE_TAGS_H
#define SONDE_XFORM_NODE_TAGS_H

#include "base/arena.h"
#include "base/intern.h"
#include "xform/graph.h"
#include "xform/label_units.h"

struct node_tag {
    uint32_t node;
    uint32_t labels; /* of texts: the set of text labels, 0 = none */
    uint32_t name;   /* of texts: what is shown */
    bool is_num;
    int64_t value;                        /* of a number: the first that had this name */
    int64_t flat, cum, flat_div, cum_div; /* as in struct graph_node */
};

struct node_tags {
    struct arena arena;
    struct intern texts;
    const char *num_unit;  /* of all numbers */
    struct node_tag *tags; /* malloc'ed; by node once built */
    uint32_t n_tags;
    uint32_t *first; /* tags of node i: tags[first[i] .. first[i+1]) */
};

/* Tags of the graph's nodes.  Numbers are named in `unit`.  False with
 * ERR_NOMEM; release it in any case.  O(frames of samples with labels). */
bool node_tags_init(struct node_tags *t, const struct graph *g, const struct label_units *units,
                    const char *unit, struct err *err);
void node_tags_release(struct node_tags *t); /* also fine on a zeroed struct */
/* Forget tags whose |flat| and |cum| are both less than cutoff. */
void node_tags_drop(struct node_tags *t, const struct graph *g, int64_t cutoff);
/* How many tags of a node have a flat value. */
uint32_t node_tags_count_flat(const struct node_tags *t, uint32_t node);

#endif
