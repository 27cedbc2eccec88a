/* report_callgrind: the graph, by addresses, in the format of callgrind. */
#include "report/report_run.h"

#include "base/intern.h"
#include "base/map.h"
#include "xform/unit.h"

#include <inttypes.h>
#include <stdlib.h>

/* Names that were written: "(N) name" the first time, "(N)" from then on. */
struct names {
    struct intern seen;
};

static bool put_name(struct names *names, struct buf *out, const char *what, struct str name)
{
    buf_puts(out, what);
    if (name.len) {
        uint32_t before = names->seen.n, id = intern_add(&names->seen, name);
        if (id == INTERN_NONE)
            return false;
        buf_putc(out, '(');
        buf_uint(out, id, 0);
        buf_putc(out, ')');
        if (id == before) {
            buf_putc(out, ' ');
            buf_add(out, name.p, name.len);
        }
    }
    buf_putc(out, '\n');
    return true;
}

struct writer {
    struct report_run *run;
    struct graph *g;
    struct buf *out;
    struct arena arena;
    struct names objects, files, functions;
    struct str *callees; /* [n_nodes] what a node is called where it is called */
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
        if (!put_name(&w->files, w->out, "cfl=", graph_file(g, e->dest)) ||
            !put_name(&w->functions, w->out, "cfn=", w->callees[e->dest]))
            return err_nomem(err);
        buf_puts(w->out, "calls=0 ");
        put_address(w->out, last, callee->address);
        buf_putc(w->out, ' ');
        buf_int(w->out, callee->line, 0);
        buf_puts(w->out, "\n* * ");
        put_value(w, e->weight);
    }
    return true;
}

static bool put_nodes(struct writer *w, struct err *err)
{
    struct graph *g = w->g;
    const struct graph_node *last = NULL;
    for (uint32_t i = 0; i < g->n_order && !w->out->failed; i++) {
        uint32_t node = g->order[i];
        const struct graph_node *n = &g->nodes[node];
        struct str object = profile_str(g->view->profile, n->info.objfile);
        if (!last || !same_function(&n->info, &last->info)) {
            buf_putc(w->out, '\n');
            if (!put_name(&w->objects, w->out, "ob=", object) ||
                !put_name(&w->files, w->out, "fl=", graph_file(g, node)) ||
                !put_name(&w->functions, w->out, "fn=", graph_name(g, node)))
                return err_nomem(err);
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

/* The number of the function that a node belongs to among those that have its name
 * and file, from 0 on; *n_same: how many there are so far. */
static uint32_t number_function(const struct graph *g, uint32_t node, struct intern *functions,
                                struct map *counts, uint32_t *numbers, uint32_t *n_same)
{
    const struct graph_info *i = &g->nodes[node].info;
    const uint64_t name = (uint64_t)i->file << 32 | i->name;
    /* In a tree functions are told apart by their callers too. */
    const uint64_t key[] = {name, i->objfile, (uint64_t)i->start_line,
                            g->parent ? g->parent[node] : 0};
    uint32_t before = functions->n,
             id = intern_add(functions, (struct str){(const char *)key, sizeof key});
    uint32_t n = map_get(counts, name);
    n = n == MAP_NONE ? 0 : n;
    if (id == INTERN_NONE)
        return GRAPH_NONE;
    if (id == before) {
        numbers[id] = n++;
        if (!map_put(counts, name, n))
            return GRAPH_NONE;
    }
    *n_same = n;
    return numbers[id];
}

/* Callgrind takes functions of one name and file for one, so their names get numbers.
 * Nodes that are not shown have none, as pprof has it. */
static bool name_callees(struct writer *w)
{
    struct graph *g = w->g;
    struct arena scratch;
    struct intern functions = {0};
    struct map counts;
    arena_init(&scratch);
    map_init(&counts);
    w->callees = ARENA_ARRAY(&w->arena, struct str, g->n_nodes);
    uint32_t *numbers = malloc(((size_t)g->n_order + 2) * sizeof *numbers), n_same;
    bool ok = w->callees && numbers && intern_init(&functions, &scratch);
    for (uint32_t i = 0; ok && i < g->n_order; i++)
        ok = number_function(g, g->order[i], &functions, &counts, numbers, &n_same) != GRAPH_NONE;
    for (uint32_t i = 0; ok && i < g->n_order; i++) {
        uint32_t node = g->order[i],
                 number = number_function(g, node, &functions, &counts, numbers, &n_same);
        struct str name = graph_name(g, node);
        if (n_same > 1) {
            const char *text =
                arena_printf(&w->arena, "%s [%" PRIu32 "/%" PRIu32 "]", name.p, number + 1, n_same);
            ok = text != NULL;
            name = str_of(ok ? text : "");
        }
        w->callees[node] = name;
    }
    free(numbers);
    map_release(&counts);
    intern_release(&functions);
    arena_release(&scratch);
    return ok;
}

static bool write_graph(struct writer *w, struct err *err)
{
    report_select_unit(w->run, w->g);
    if (!intern_init(&w->objects.seen, &w->arena) || !intern_init(&w->files.seen, &w->arena) ||
        !intern_init(&w->functions.seen, &w->arena) || !name_callees(w))
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
    intern_release(&w.objects.seen);
    intern_release(&w.files.seen);
    intern_release(&w.functions.seen);
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
