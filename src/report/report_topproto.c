/* report_topproto: the entries of `top` as a profile: a location each, with the values
 * "cum" and "flat". */
#include "report/report_run.h"

#include "base/intern.h"
#include "format/pprof_write.h"
#include "model/builder.h"
#include "xform/unit.h"

#include <string.h>

struct maker {
    struct report_run *run;
    struct graph *g;
    struct builder *b;
    struct arena arena;
    struct intern functions; /* name, file and first line */
};

/* The function of a node, made if need be; INTERN_NONE when memory runs out. */
static uint32_t find_function(struct maker *m, uint32_t node)
{
    const struct graph_info *i = &m->g->nodes[node].info;
    const uint64_t key[] = {i->name, i->file, (uint64_t)i->start_line};
    uint32_t before = m->functions.n,
             id = intern_add(&m->functions, (struct str){(const char *)key, sizeof key});
    if (id == before) {
        struct profile_function f = {.name = builder_string(m->b, graph_name(m->g, node)),
                                     .filename = builder_string(m->b, graph_file(m->g, node)),
                                     .start_line = i->start_line};
        builder_function(m->b, &f);
    }
    return id == INTERN_NONE ? INTERN_NONE : id - 1; /* 0 is the empty key */
}

static int64_t scaled(const struct maker *m, int64_t value)
{
    const char *unit;
    return unit_to_int64(unit_scale(value, m->run->pipeline.unit, m->run->unit, &unit));
}

static bool add_nodes(struct maker *m)
{
    const struct graph *g = m->g;
    for (uint32_t i = 0; i < g->n_order; i++) {
        const struct graph_node *node = &g->nodes[g->order[i]];
        struct profile_line line = {find_function(m, g->order[i]), node->info.line,
                                    node->info.column};
        if (line.function == INTERN_NONE)
            return false;
        struct profile_location location = {.address = node->info.address, .mapping = PROFILE_NONE};
        uint32_t loc = builder_location(m->b, &location, &line, 1);
        int64_t values[] = {scaled(m, graph_cum(node)), scaled(m, graph_flat(node))};
        builder_sample(m->b, &loc, 1, values, NULL, 0);
    }
    return true;
}

/* The profile; NULL when memory runs out. */
static struct profile *make_profile(struct maker *m, struct err *err)
{
    const struct profile *from = m->g->view->profile;
    if (!(m->b = builder_new(err)))
        return NULL;
    struct profile *header = builder_header(m->b);
    uint32_t unit = builder_string(m->b, str_of(m->run->unit));
    builder_type(m->b, builder_string(m->b, STR("cum")), unit);
    builder_type(m->b, builder_string(m->b, STR("flat")), unit);
    header->time_nanos = from->time_nanos;
    header->duration_nanos = from->duration_nanos;
    header->period = from->period;
    header->has_period_type = from->has_period_type;
    header->period_type.type = builder_string(m->b, profile_str(from, from->period_type.type));
    header->period_type.unit = builder_string(m->b, profile_str(from, from->period_type.unit));
    if (intern_init(&m->functions, &m->arena) && add_nodes(m))
        return builder_seal(m->b, err);
    builder_free(m->b);
    err_nomem(err);
    return NULL;
}

static bool write_topproto(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct report_run run;
    struct graph g = {0};
    struct report_trim trim;
    struct maker m = {.run = &run, .g = &g};
    struct profile *profile = NULL;
    arena_init(&m.arena);
    bool ok = report_begin(&run, &report_topproto, ctx, err) &&
              report_build_graph(&run, REPORT_GRAPH_NODES, &g, NULL, &trim, err);
    if (ok) {
        report_select_unit(&run, &g);
        profile = make_profile(&m, err);
    }
    ok = profile && pprof_write_packed(profile, out, err);
    profile_free(profile);
    intern_release(&m.functions);
    arena_release(&m.arena);
    graph_release(&g);
    report_end(&run);
    return ok;
}

const struct report_ops report_topproto = {
    .name = "topproto",
    .help = "Outputs top entries in compressed protobuf format",
    .ext = "pb.gz",
    .flags = REPORT_BINARY,
    .write = write_topproto,
};
