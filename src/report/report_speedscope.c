/* speedscope: the file format of speedscope.app: the frames, and each different stack
 * with its value. */
#include "report/stack_export.h"

#include "render/json.h"

#include <stdlib.h>

/* The units that speedscope knows have pprof's names. */
static const char *unit_of(const char *unit)
{
    static const char *const units[] = {"nanoseconds", "microseconds", "milliseconds", "seconds",
                                        "bytes"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(unit, units[i]))
            return units[i];
    return "none";
}

static void write_frames(const struct stack_export *e, struct json *j)
{
    AUTO_BUF name = {0};
    for (uint32_t i = 0; i < e->graph.n_nodes; i++) {
        const struct graph_info *info = &e->graph.nodes[i].info;
        struct str file = graph_file(&e->graph, i);
        buf_clear(&name);
        stack_export_name(e, i, &name);
        json_break(j);
        json_open(j, '{');
        json_member(j, "name", (struct str){buf_str(&name), name.len});
        if (file.len)
            json_member(j, "file", file);
        if (info->line)
            json_member_int(j, "line", info->line);
        if (info->column)
            json_member_int(j, "col", info->column);
        json_close(j, '}');
        j->out->failed |= name.failed;
    }
}

/* Negative values cannot be drawn there: false for these. */
static bool is_drawn(const struct stacks_item *item)
{
    return item->value > 0;
}

static bool write_samples(const struct stack_export *e, struct json *j)
{
    struct stacks_frames frames = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < e->stacks.n; i++) {
        const struct stacks_item *item = &e->stacks.items[i];
        if (!is_drawn(item))
            continue;
        ok = stacks_load(&frames, &e->graph, item->sample);
        json_break(j);
        json_open(j, '[');
        for (size_t k = 0; k < frames.n; k++)
            json_int(j, frames.items[k] & ~GRAPH_FRAME_INLINED);
        json_close(j, ']');
    }
    vec_release(&frames);
    return ok;
}

static bool write_profile(const struct stack_export *e, struct json *j)
{
    double end = 0;
    AUTO_BUF title = {0};
    stack_export_title(e, &title);
    json_open(j, '{');
    json_member(j, "type", STR("sampled"));
    json_member(j, "name", (struct str){buf_str(&title), title.len});
    json_member(j, "unit", str_of(unit_of(e->run.pipeline.unit)));
    json_key(j, "weights");
    json_open(j, '[');
    for (uint32_t i = 0; i < e->stacks.n; i++) {
        if (!is_drawn(&e->stacks.items[i]))
            continue;
        json_int(j, e->stacks.items[i].value);
        end += (double)e->stacks.items[i].value;
    }
    json_close(j, ']');
    json_member_int(j, "startValue", 0);
    json_member_double(j, "endValue", end);
    json_break(j);
    json_key(j, "samples");
    json_open(j, '[');
    bool ok = write_samples(e, j);
    json_close(j, ']');
    json_close(j, '}');
    j->out->failed |= title.failed;
    return ok;
}

static void tell_negative(const struct stack_export *e, struct diag *diag)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->stacks.n; i++)
        n += !is_drawn(&e->stacks.items[i]);
    if (n)
        diag_add(diag, "%u stack%s with a negative value left out, which speedscope cannot show", n,
                 n == 1 ? "" : "s");
}

static bool write_speedscope(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct stack_export e;
    struct json j = {.out = out};
    bool ok = stack_export_begin(&e, &report_speedscope, GRANULARITY_FILEFUNCTIONS, ctx, err);
    if (ok) {
        tell_negative(&e, ctx->diag);
        json_open(&j, '{');
        json_member(&j, "$schema", STR("https://www.speedscope.app/file-format-schema.json"));
        json_member(&j, "exporter", STR("sonde"));
        json_key(&j, "shared");
        json_open(&j, '{');
        json_key(&j, "frames");
        json_open(&j, '[');
        write_frames(&e, &j);
        json_close(&j, ']');
        json_close(&j, '}');
        json_break(&j);
        json_key(&j, "profiles");
        json_open(&j, '[');
        ok = write_profile(&e, &j) || err_nomem(err);
        json_close(&j, ']');
        json_close(&j, '}');
        buf_putc(out, '\n');
    }
    stack_export_end(&e);
    return ok;
}

const struct report_ops report_speedscope = {
    .name = "speedscope",
    .help = "Outputs a file for speedscope.app",
    .ext = "speedscope.json",
    .flags = REPORT_BINARY | REPORT_UNTRIMMED,
    .write = write_speedscope,
};
