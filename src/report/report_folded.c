/* folded: a line a stack, as flame graph tools take them: the frames from the
 * outermost in, separated by semicolons, a blank, the value. */
#include "report/stack_export.h"

#include <stdlib.h>

/* What each location comes to: its frames with a semicolon after each. */
struct folder {
    const struct graph *graph;
    struct buf texts;
    size_t *first; /* text of location i: first[i] .. first[i+1] */
};

/* A name with nothing in it that separates frames or lines. */
static void add_name(struct buf *out, struct str name)
{
    char *p = buf_reserve(out, name.len + 1);
    for (size_t i = 0; p && i < name.len; i++)
        p[i] = name.p[i] == ';' ? ':' : name.p[i] == '\n' || name.p[i] == '\r' ? ' ' : name.p[i];
    out->len += p ? name.len : 0;
    buf_putc(out, ';');
}

static bool make_texts(struct folder *f, struct graph *g)
{
    uint32_t n = g->view->profile->n_locations;
    f->first = malloc(((size_t)n + 1) * sizeof *f->first);
    for (uint32_t i = 0; f->first && i < n; i++) {
        f->first[i] = f->texts.len;
        for (uint32_t k = g->frame_first[i]; k < g->frame_first[i + 1]; k++) {
            struct str name = graph_label(g, g->frames[k] & ~GRAPH_FRAME_INLINED);
            if (!name.p)
                return false;
            add_name(&f->texts, name);
        }
    }
    if (f->first)
        f->first[n] = f->texts.len;
    return f->first && !f->texts.failed;
}

static void write_stacks(const struct folder *f, const struct stacks *stacks, struct buf *out)
{
    const struct view_sample *samples = f->graph->view->samples;
    for (uint32_t i = 0; i < stacks->n && !out->failed; i++) {
        const struct view_sample *s = &samples[stacks->items[i].sample];
        size_t line = out->len;
        for (uint32_t k = s->n_locs; k--;) {
            size_t begin = f->first[s->locs[k]], len = f->first[s->locs[k] + 1] - begin;
            buf_add(out, buf_str(&f->texts) + begin, len);
        }
        if (out->len > line)
            out->len--; /* the last semicolon */
        buf_putc(out, ' ');
        buf_int(out, stacks->items[i].value, 0);
        buf_putc(out, '\n');
        buf_drain(out);
    }
}

static bool write_folded(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct stack_export e;
    struct folder f = {.graph = &e.graph};
    bool ok = stack_export_begin(&e, &report_folded, GRANULARITY_FUNCTIONS, ctx, err) &&
              (make_texts(&f, &e.graph) || err_nomem(err));
    if (ok)
        write_stacks(&f, &e.stacks, out);
    free(f.first);
    buf_release(&f.texts);
    stack_export_end(&e);
    return ok;
}

const struct report_ops report_folded = {
    .name = "folded",
    .help = "Outputs folded stacks, a line each, for flame graph tools",
    .flags = REPORT_UNTRIMMED,
    .write = write_folded,
};
