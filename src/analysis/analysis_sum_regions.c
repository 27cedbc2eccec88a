/* analysis_sum_regions: regions that the program marked, by name and where they begin. */
#include "analysis/analysis_text.h"

static int64_t by_total(const void *arg, size_t i)
{
    return ((const struct analysis_kind *)arg)[i].lengths.total_ns;
}

static void text(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    const struct analysis_user *u = &f->user;
    struct analysis_table t;
    size_t shown = analysis_n_rows(f, u->region_kinds.n);
    uint64_t count = 0;
    for (size_t i = 0; i < u->region_kinds.n; i++)
        count += u->region_kinds.items[i].count;
    uint32_t *order = analysis_sorted(u->region_kinds.n, by_total, u->region_kinds.items);
    buf_printf(out, "regions: %llu\n", (unsigned long long)count);
    if (count)
        analysis_table_begin(&t, "rrrrrrrrrrrrll",
                             "count\0unfinished\0total\0" ANALYSIS_PERCENTILES
                             "\0running\0runnable\0waiting\0syscall\0region\0of\0");
    for (size_t i = 0; order && i < shown; i++) {
        const struct analysis_kind *k = &u->region_kinds.items[order[i]];
        analysis_table_count(&t, k->count);
        analysis_table_count(&t, k->n_unfinished);
        analysis_table_time(&t, k->lengths.total_ns);
        analysis_table_percentiles(&t, &k->lengths);
        analysis_table_time(&t, k->exec.exec_ns);
        analysis_table_time(&t, k->exec.sched_ns);
        analysis_table_time(&t, analysis_exec_blocked(&f->goroutines.parts, &k->exec));
        analysis_table_time(&t, k->exec.syscall_ns + k->exec.syscall_block_ns);
        analysis_table_text(&t, k->name ? trace_string(f->trace, k->name, NULL)
                                        : "(made in a region of another)");
        analysis_table_text(
            &t, k->frame ? trace_string(f->trace, trace_frame(f->trace, k->frame - 1)->func, NULL)
                         : "");
    }
    if (count)
        analysis_table_end(&t, out);
    analysis_text_more(out, u->region_kinds.n, shown);
    free(order);
}

static void json(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    const struct analysis_user *u = &f->user;
    struct json j = {.out = out};
    size_t shown = analysis_n_rows(f, u->region_kinds.n);
    uint32_t *order = analysis_sorted(u->region_kinds.n, by_total, u->region_kinds.items);
    json_open(&j, '{');
    json_member_int(&j, "n_kinds", (int64_t)u->region_kinds.n);
    json_key(&j, "kinds");
    json_open(&j, '[');
    for (size_t i = 0; order && i < shown; i++) {
        const struct analysis_kind *k = &u->region_kinds.items[order[i]];
        json_open(&j, '{');
        analysis_json_string(&j, "name", f->trace, k->name);
        analysis_json_frame(&j, "of", f->trace,
                            k->frame ? trace_frame(f->trace, k->frame - 1) : NULL);
        json_member_int(&j, "count", (int64_t)k->count);
        json_member_int(&j, "unfinished", (int64_t)k->n_unfinished);
        analysis_json_lengths(&j, "lengths", &k->lengths);
        json_key(&j, "time");
        json_open(&j, '{');
        analysis_json_exec(&j, f, &k->exec);
        json_close(&j, '}');
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    free(order);
}

extern const struct analysis_ops analysis_sum_regions;
const struct analysis_ops analysis_sum_regions = {
    .name = "regions",
    .help = "Regions of the program by name: percentiles, and what was done in them",
    .group = ANALYSIS_SUMMARY,
    .begin = analysis_facts_begin_user,
    .events = analysis_facts_events,
    .end = analysis_facts_end,
    .free = analysis_facts_free,
    .text = text,
    .json = json};
