/* report_traces: every sample with its labels and its stack. */
#include "report/report_run.h"

#include "base/vec.h"
#include "render/columns.h"
#include "xform/path.h"
#include "xform/unit.h"

#include <stdlib.h>

#define RULE "-----------+-------------------------------------------------------\n"

/* What is reused from sample to sample. */
struct writer {
    const struct report_run *run;
    struct buf *out;
    struct buf path;
    /* How the frames of a location print, from the first name on: made when first met. */
    struct buf text;
    struct span {
        size_t first, len; /* in `text`; len 0: not met yet */
    } * spans;             /* [n_locations] */
    VEC(struct buf) lines; /* of labels */
};

static void print_name(struct writer *w, uint32_t location, const struct profile_line *line)
{
    const struct view *v = &w->run->pipeline.view;
    const struct profile *p = v->profile;
    const struct profile_location *l = &p->locations[location];
    struct str name = STR(""), file = STR(""), objfile = STR("");
    int64_t number = 0, column = 0;
    if (line && line->function != PROFILE_NONE) {
        const struct profile_function *f = &p->functions[line->function];
        if (v->has_function)
            name = profile_str(p, f->name);
        if (v->has_filename && f->filename)
            file = path_clean(profile_str(p, f->filename), &w->path);
        number = v->has_line ? line->line : 0;
        column = v->has_line && v->has_column ? line->column : 0;
    }
    if (l->mapping != PROFILE_NONE)
        objfile = profile_str(p, p->mappings[l->mapping].file);
    graph_print_name(&w->text, v->has_address ? l->address : 0, name, file, number, column, objfile,
                     " ");
}

static int compare_lines(const void *a, const void *b)
{
    const struct buf *l = a, *r = b;
    return str_cmp((struct str){buf_str(l), l->len}, (struct str){buf_str(r), r->len});
}

/* "   key:  value value", one line a key, sorted; text labels or numbers. */
static bool write_labels(struct writer *w, const struct profile_label *labels, uint64_t n,
                         bool is_num)
{
    const struct pipeline *p = &w->run->pipeline;
    const struct profile *profile = p->view.profile;
    size_t n_lines = 0;
    for (uint64_t i = 0; i < n; i++) {
        bool is_first = labels[i].is_num == is_num && view_shows_key(&p->view, labels[i].key);
        for (uint64_t j = 0; j < i && is_first; j++)
            is_first = labels[j].is_num != is_num || labels[j].key != labels[i].key;
        if (!is_first)
            continue;
        if (n_lines == w->lines.n && !vec_push(&w->lines, (struct buf){0}))
            return false;
        struct buf *line = &w->lines.items[n_lines++];
        buf_clear(line);
        columns_right(line, profile_str(profile, labels[i].key), 10);
        buf_puts(line, ":  ");
        for (uint64_t j = i; j < n; j++) {
            if (labels[j].is_num != is_num || labels[j].key != labels[i].key)
                continue;
            buf_puts(line, j == i ? "" : " ");
            if (is_num)
                unit_print(line, labels[j].num, label_units_get(&p->label_units, labels[j].key),
                           "auto");
            else
                buf_puts(line, profile_cstr(profile, labels[j].str));
        }
        buf_putc(line, '\n');
    }
    if (n_lines > 1)
        qsort(w->lines.items, n_lines, sizeof *w->lines.items, compare_lines);
    for (size_t i = 0; i < n_lines; i++) {
        w->out->failed |= w->lines.items[i].failed;
        buf_add(w->out, w->lines.items[i].data, w->lines.items[i].len);
    }
    return true;
}

#define BLANKS "          "

static struct str location_text(struct writer *w, uint32_t location)
{
    const struct view *v = &w->run->pipeline.view;
    const struct view_location *l = &v->locations[location];
    struct span *span = &w->spans[location];
    uint32_t n = l->n ? l->n : 1;
    if (!span->len)
        span->first = w->text.len;
    for (uint32_t i = 0; !span->len && i < n; i++) {
        buf_puts(&w->text, i ? BLANKS "   " : "   ");
        print_name(w, location, l->n ? &v->lines[l->first + i] : NULL);
        buf_puts(&w->text, i + 1 < n ? " (inline)\n" : "\n");
    }
    if (!span->len)
        span->len = w->text.len - span->first;
    return (struct str){buf_str(&w->text) + span->first, span->len};
}

static void write_stack(struct writer *w, const struct view_sample *s)
{
    const struct view *v = &w->run->pipeline.view;
    bool is_leaf = true;
    for (uint32_t i = 0; i < s->n_locs; i++) {
        if (v->locations[s->locs[i]].hidden)
            continue;
        struct str text = location_text(w, s->locs[i]);
        if (is_leaf)
            report_value_right(w->run, w->out, view_mean(view_value(v, s), view_divisor(v, s)), 10);
        else
            buf_add(w->out, BLANKS, sizeof BLANKS - 1);
        is_leaf = false;
        buf_add(w->out, text.p, text.len);
    }
}

static bool has_frames(const struct view *v, const struct view_sample *s)
{
    for (uint32_t i = 0; i < s->n_locs; i++)
        if (!v->locations[s->locs[i]].hidden)
            return true;
    return false;
}

static bool write_samples(struct writer *w)
{
    const struct view *v = &w->run->pipeline.view;
    const struct profile *p = v->profile;
    for (uint32_t i = 0; i < v->n_samples && !w->out->failed; i++) {
        const struct view_sample *s = &v->samples[i];
        if (!has_frames(v, s))
            continue;
        buf_puts(w->out, RULE);
        if (p->label_first) {
            uint64_t first = p->label_first[s->sample], n = p->label_first[s->sample + 1] - first;
            if (!write_labels(w, p->labels + first, n, false) ||
                !write_labels(w, p->labels + first, n, true))
                return false;
        }
        write_stack(w, s);
        buf_drain(w->out);
    }
    buf_puts(w->out, RULE);
    return true;
}

static bool write_traces(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct report_run run;
    struct writer w = {.run = &run, .out = out};
    bool ok = report_begin(&run, &report_traces, ctx, err);
    if (ok) {
        report_profile_lines(&run, out);
        buf_putc(out, '\n');
        w.spans = calloc((size_t)run.pipeline.view.profile->n_locations + 1, sizeof *w.spans);
        ok = (w.spans && write_samples(&w)) || err_nomem(err);
        out->failed |= w.path.failed || w.text.failed;
    }
    for (size_t i = 0; i < w.lines.n; i++)
        buf_release(&w.lines.items[i]);
    vec_release(&w.lines);
    buf_release(&w.path);
    buf_release(&w.text);
    free(w.spans);
    report_end(&run);
    return ok;
}

const struct report_ops report_traces = {
    .name = "traces",
    .help = "Outputs all profile samples in text form",
    .nodecount = 80,
    .write = write_traces,
};
