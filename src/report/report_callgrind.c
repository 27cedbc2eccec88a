/* report_callgrind: the graph, by addresses, in the format of callgrind. */
#include "report/report_run.h"

#include "base/intern.h"
#include "base/map.h"
#include "xform/unit.h"

#include <inttypes.h>
#include <stdlib.h>

/* Names that were written: "(N) name" the first time, "(N)" from then on. */
struct names {
    const struct str *texts;
    uint32_t *numbers; /* by index of texts, 0: not written yet */
    uint32_t n;
};

static bool names_init(struct names *names, struct arena *arena, const struct str *texts,
                       uint32_t n_texts)
{
    *names = (struct names){texts, ARENA_ARRAY(arena, uint32_t, n_texts), 0};
    return names->numbers != NULL;
}

static void put_name(struct names *names, struct buf *out, const char *what, uint32_t id)
{
    struct str name = names->texts[id];
    buf_puts(out, what);
    if (name.len) {
        bool is_new = !names->numbers[id];
        if (is_new)
            names->numbers[id] = ++names->n;
        buf_putc(out, '(');
        buf_uint(out, names->numbers[id], 0);
        buf_puts(out, is_new ? ") " : ")");
        if (is_new)
            buf_add(out, name.p, name.len);
    }
    buf_putc(out, '\n');
}

struct writer {
    struct report_run *run;
    struct graph *g;
    struct buf *out;
    struct arena arena;
    struct names objects, files, functions;
    struct intern texts; /* of functions */
    /* [n_nodes], of texts: a node's function, and what it is called where it is called.  0 for
     * nodes that are not shown: pprof has no name for them. */
    uint32_t *name, *callee;
};

/* An address, where that is shorter relative to the last node's. */
static void put_address(struct buf *out, const struct graph_node *last, uint64_t address)
{
    if (last && last->info.address == address) {
        buf_putc(out, '*');
        return;
    }
    size_t begin = out->len;
    if (last) {
        int64_t distance = (int64_t)(address - last->info.address);
        buf_puts(out, distance < 0 ? "" : "+");
        buf_int(out, distance, 0);
        size_t n_digits = address ? (size_t)(67 - __builtin_clzll(address)) / 4 : 1;
        if (out->len - begin < 2 + n_digits || out->failed)
            return;
        out->len = begin;
    }
    buf_puts(out, "0x");
    buf_hex(out, address, 1);
}

static void put_value(struct writer *w, int64_t value)
{
    const char *unit;
    double v = unit_scaler_scale(&w->run->scaler, value, &unit);
    buf_int(w->out, unit_to_int64(v), 0);
    buf_putc(w->out, '\n');
}

static bool same_function(const struct graph_info *a, const struct graph_info *b)
{
    return a->objfile == b->objfile && a->file == b->file && a->name == b->name;
}

static bool put_calls(struct writer *w, uint32_t node, const struct graph_node *last,
                      struct err *err)
{
    struct graph *g = w->g;
    uint32_t *edges, n;
    if (!graph_out_edges(g, node, &edges, &n, err))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct graph_edge *e = &g->edges[edges[i]];
        const struct graph_info *callee = &g->nodes[e->dest].info;
        put_name(&w->files, w->out, "cfl=", callee->file);
        put_name(&w->functions, w->out, "cfn=", w->callee[e->dest]);
        buf_puts(w->out, "calls=0 ");
        put_address(w->out, last, callee->address);
        buf_putc(w->out, ' ');
        buf_int(w->out, callee->line, 0);
        buf_puts(w->out, "\n* * ");
        put_value(w, e->weight);
    }
    return true;
}

#define AHEAD 6

/* Nodes and edges are all over the memory: what soon will be written is asked for. */
static void look_ahead(const struct writer *w, uint32_t i)
{
    const struct graph *g = w->g;
    if (i + 2 * AHEAD < g->n_order) {
        uint32_t node = g->order[i + 2 * AHEAD];
        __builtin_prefetch(&g->nodes[node]);
        for (uint32_t k = g->out_first[node]; k < g->out_first[node + 1]; k++)
            __builtin_prefetch(&g->edges[g->out_edges[k]]);
    }
    if (i + AHEAD < g->n_order) {
        uint32_t node = g->order[i + AHEAD];
        for (uint32_t k = g->out_first[node]; k < g->out_first[node + 1]; k++) {
            uint32_t callee = g->edges[g->out_edges[k]].dest;
            __builtin_prefetch(&g->nodes[callee]);
            __builtin_prefetch(&w->callee[callee]);
        }
    }
}

static bool put_nodes(struct writer *w, struct err *err)
{
    struct graph *g = w->g;
    const struct graph_node *last = NULL;
    for (uint32_t i = 0; i < g->n_order && !w->out->failed; i++) {
        uint32_t node = g->order[i];
        const struct graph_node *n = &g->nodes[node];
        look_ahead(w, i);
        if (!last || !same_function(&n->info, &last->info)) {
            buf_putc(w->out, '\n');
            put_name(&w->objects, w->out, "ob=", n->info.objfile);
            put_name(&w->files, w->out, "fl=", n->info.file);
            put_name(&w->functions, w->out, "fn=", w->name[node]);
        }
        put_address(w->out, last, n->info.address);
        buf_putc(w->out, ' ');
        buf_int(w->out, n->info.line, 0);
        buf_putc(w->out, ' ');
        put_value(w, graph_flat(n));
        if (!put_calls(w, node, last, err))
            return false;
        last = n;
        buf_drain(w->out);
    }
    return true;
}

static uint64_t name_and_file(const struct graph_info *info)
{
    return (uint64_t)info->file << 32 | info->name;
}

/* numbers[i] becomes that of the function of order[i] among those that have its name and file,
 * from 0 on; counts: how many those are. */
static bool number_functions(const struct graph *g, uint32_t *numbers, struct map *counts)
{
    struct arena arena;
    struct intern functions;
    uint32_t *first = malloc(((size_t)g->n_order + 1) * sizeof *first); /* number by function */
    arena_init(&arena);
    bool ok = intern_init(&functions, &arena) && first;
    for (uint32_t i = 0; ok && i < g->n_order; i++) {
        const struct graph_info *info = &g->nodes[g->order[i]].info;
        const uint64_t name = name_and_file(info);
        /* In a tree functions are told apart by their callers too. */
        const uint64_t key[] = {name, info->objfile, (uint64_t)info->start_line,
                                g->parent ? g->parent[g->order[i]] : 0};
        uint32_t before = functions.n,
                 id = intern_add(&functions, (struct str){(const char *)key, sizeof key});
        if (id == before) {
            uint32_t n = map_get(counts, name);
            first[id] = n == MAP_NONE ? 0 : n;
            ok = map_put(counts, name, first[id] + 1);
        }
        ok = ok && id != INTERN_NONE;
        if (ok)
            numbers[i] = first[id];
    }
    free(first);
    intern_release(&functions);
    arena_release(&arena);
    return ok;
}

/* Callgrind takes functions of one name and file for one, so their names get numbers. */
static bool name_nodes(struct writer *w)
{
    const struct graph *g = w->g;
    uint32_t *numbers = malloc(((size_t)g->n_order + 1) * sizeof *numbers);
    struct map counts;
    AUTO_BUF text = {0};
    map_init(&counts);
    w->name = ARENA_ARRAY(&w->arena, uint32_t, g->n_nodes);
    w->callee = ARENA_ARRAY(&w->arena, uint32_t, g->n_nodes);
    bool ok = w->name && w->callee && numbers && number_functions(g, numbers, &counts);
    for (uint32_t i = 0; ok && i < g->n_order; i++) {
        uint32_t node = g->order[i], n_same = map_get(&counts, name_and_file(&g->nodes[node].info));
        struct str name = graph_name(g, node);
        w->name[node] = w->callee[node] = intern_add(&w->texts, name);
        if (n_same > 1) {
            buf_clear(&text);
            buf_printf(&text, "%s [%" PRIu32 "/%" PRIu32 "]", name.p, numbers[i] + 1, n_same);
            w->callee[node] = intern_add(&w->texts, (struct str){buf_str(&text), text.len});
        }
        ok = !text.failed && w->name[node] != INTERN_NONE && w->callee[node] != INTERN_NONE;
    }
    free(numbers);
    map_release(&counts);
    return ok;
}

static bool write_graph(struct writer *w, struct err *err)
{
    const struct profile *p = w->g->view->profile;
    const struct intern *files = &w->g->files;
    report_select_unit(w->run, w->g);
    if (!intern_init(&w->texts, &w->arena) || !name_nodes(w) ||
        !names_init(&w->objects, &w->arena, p->strings, p->n_strings) ||
        !names_init(&w->files, &w->arena, files->strings, files->n) ||
        !names_init(&w->functions, &w->arena, w->texts.strings, w->texts.n))
        return err_nomem(err);
    buf_printf(w->out, "positions: instr line\nevents: %s(%s)\n", w->run->pipeline.type,
               w->run->unit);
    return put_nodes(w, err);
}

static bool write_callgrind(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct report_run run;
    struct graph g = {0};
    struct report_trim trim;
    struct writer w = {.run = &run, .g = &g, .out = out};
    arena_init(&w.arena);
    bool ok = report_begin(&run, &report_callgrind, ctx, err);
    run.only_whole = true;
    ok = ok && report_build_graph(&run, REPORT_GRAPH_OBJECTS, &g, NULL, &trim, err) &&
         write_graph(&w, err);
    intern_release(&w.texts);
    arena_release(&w.arena);
    graph_release(&g);
    report_end(&run);
    return ok;
}

const struct report_ops report_callgrind = {
    .name = "callgrind",
    .help = "Outputs a graph in callgrind format",
    .ext = "callgraph.out",
    .flags = REPORT_BINARY | REPORT_UNTRIMMED,
    .granularity = GRANULARITY_ADDRESSES,
    .write = write_callgrind,
};
