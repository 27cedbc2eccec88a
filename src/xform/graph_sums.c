#include "xform/graph_sums.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct values {
    int64_t flat, cum, flat_div, cum_div;
};

struct graph_sums {
    bool obj_names, flat_only;
    char *trim_path, *source_path; /* "": not set */
    uint32_t n_nodes;
    struct values nodes[];
};

static const char *text_of(const char *option)
{
    return option ? option : "";
}

struct graph_sums *graph_sums_new(const struct graph *g, const struct graph_options *options)
{
    assert(!options->call_tree);
    struct graph_sums *s = calloc(1, sizeof *s + g->n_nodes * sizeof *s->nodes);
    if (!s)
        return NULL;
    s->obj_names = options->obj_names;
    s->flat_only = options->flat_only;
    s->trim_path = strdup(text_of(options->trim_path));
    s->source_path = strdup(text_of(options->source_path));
    s->n_nodes = g->n_nodes;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct graph_node *n = &g->nodes[i];
        s->nodes[i] = (struct values){n->flat, n->cum, n->flat_div, n->cum_div};
    }
    if (s->trim_path && s->source_path)
        return s;
    graph_sums_free(s);
    return NULL;
}

void graph_sums_free(struct graph_sums *sums)
{
    if (!sums)
        return;
    free(sums->trim_path);
    free(sums->source_path);
    free(sums);
}

size_t graph_sums_bytes(const struct graph_sums *sums)
{
    return sizeof *sums + sums->n_nodes * sizeof *sums->nodes;
}

bool graph_sums_fit(const struct graph_sums *sums, const struct graph_options *options)
{
    return !options->call_tree && sums->obj_names == options->obj_names &&
           sums->flat_only == options->flat_only &&
           !strcmp(sums->trim_path, text_of(options->trim_path)) &&
           !strcmp(sums->source_path, text_of(options->source_path));
}

void graph_sums_put(const struct graph_sums *sums, struct graph *g)
{
    assert(sums->n_nodes == g->n_nodes);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct values *v = &sums->nodes[i];
        struct graph_node *n = &g->nodes[i];
        n->flat = v->flat;
        n->cum = v->cum;
        n->flat_div = v->flat_div;
        n->cum_div = v->cum_div;
    }
}
