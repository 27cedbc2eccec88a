/* analysis_sum_regions: regions that the program marked, by name and where they begin. */
#include "analysis/analysis_text.h"

static void text(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    const struct analysis_kinds *kinds = &f->user.region_kinds;
    struct analysis_table t;
    size_t shown = analysis_n_rows(f, kinds->n);
    uint64_t count = analysis_kinds_count(kinds);
    uint32_t *order = analysis_kinds_sorted(out, kinds);
    buf_printf(out, "regions: %llu\n", (unsigned long long)count);
    if (count)
        analysis_table_begin(&t, "rrrrrrrrrrrrll",
                             "count\0unfinished\0total\0" ANALYSIS_PERCENTILES
                             "\0running\0runnable\0waiting\0syscall\0region\0of\0");
    for (size_t i = 0; order && i < shown; i++) {
        const struct analysis_kind *k = &kinds->items[order[i]];
        analysis_table_kind(&t, k);
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
    analysis_text_more(out, kinds->n, shown);
    free(order);
}

static void json(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    struct json j = {.out = out};
    json_open(&j, '{');
    analysis_json_kinds(&j, f, &f->user.region_kinds, true);
    json_close(&j, '}');
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
