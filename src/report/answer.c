#include "report/answer.h"

#include <string.h>

void answer_lines(struct json *j, const char *key, struct str text)
{
    json_key(j, key);
    json_open(j, '[');
    while (text.len) {
        const char *end = memchr(text.p, '\n', text.len);
        size_t n = end ? (size_t)(end - text.p) : text.len;
        json_string(j, (struct str){text.p, n});
        text.p += n + (end != NULL);
        text.len -= n + (end != NULL);
    }
    json_close(j, ']');
}

static void write_values(struct json *j, struct report_run *run)
{
    const char *name;
    double factor, ratio = report_ratio(run);
    if (run->scaler.is_auto) {
        unit_scaler_scale(&run->scaler, report_divided(run, run->pipeline.total), &name);
        run->unit = *name ? name : run->pipeline.unit;
        unit_scaler_init(&run->scaler, run->pipeline.unit, run->unit);
    }
    /* A large value, so that rounding to int64 inside does not show. */
    int64_t probe = INT64_C(1) << 52;
    double scale = unit_scaler_scale(&run->scaler, probe, &name) / (double)probe;
    json_key(j, "values");
    json_open(j, '{');
    json_member(j, "type", str_of(run->pipeline.type));
    json_member(j, "unit", str_of(name));
    json_member_double(j, "scale", scale * ratio);
    json_member_double(j, "ratio", ratio);
    json_member_int(j, "total", run->pipeline.total);
    json_key(j, "steps");
    json_open(j, '[');
    for (size_t i = 0; unit_step(run->pipeline.unit, i, &name, &factor); i++) {
        json_open(j, '{');
        json_member(j, "name", str_of(name));
        json_member_double(j, "factor", factor);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

bool answer_head(struct json *j, struct report_run *run, const struct graph *g,
                 const struct report_trim *trim, bool is_picture, struct err *err)
{
    AUTO_BUF lines = {0};
    AUTO_BUF title = {0};
    struct str file = report_title(run);
    buf_printf(&title, "%.*s%s%s", (int)file.len, file.p, file.len ? " " : "", run->pipeline.type);
    run->options.compact_labels = false; /* the page has a box for them, as pprof's */
    if (g)
        report_graph_lines(run, g, trim, is_picture, &lines);
    else
        report_profile_lines(run, &lines);
    if (title.failed || lines.failed)
        return err_nomem(err);
    json_member(j, "title", (struct str){buf_str(&title), title.len});
    answer_lines(j, "legend", (struct str){buf_str(&lines), lines.len});
    write_values(j, run);
    return true;
}
