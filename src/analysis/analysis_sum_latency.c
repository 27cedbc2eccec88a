/* analysis_sum_latency: how long goroutines waited for a processor, were blocked, and were in
 * system calls: percentiles. */
#include "analysis/analysis_text.h"

static int64_t by_group(const void *arg, size_t i)
{
    return ((const struct analysis_go_group *)arg)[i].sched.total_ns;
}

static int64_t by_reason(const void *arg, size_t i)
{
    return ((const struct analysis_reason *)arg)[i].lengths.total_ns;
}

static void lengths(struct analysis_table *t, const struct analysis_histogram *h, const char *name)
{
    analysis_table_count(t, h->count);
    analysis_table_time(t, h->total_ns);
    analysis_table_percentiles(t, h);
    analysis_table_text(t, name);
}

static size_t count_groups(const struct analysis_facts *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->waits.groups.n; i++)
        n += f->waits.groups.items[i].sched.count != 0;
    return n;
}

static void text(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    const struct analysis_waits *ws = &f->waits;
    struct analysis_table t;
    size_t n = count_groups(f), shown = analysis_n_rows(f, n);
    uint32_t *order = analysis_sorted(out, ws->groups.n, by_group, ws->groups.items);
    buf_puts(out, "latency: from runnable to running, by start function\n");
    if (ws->sched.count || !ws->n_untold) {
        analysis_table_begin(&t, "rrrrrrrl",
                             "count\0total\0" ANALYSIS_PERCENTILES "\0started with\0");
        lengths(&t, &ws->sched, "(all)");
        for (size_t i = 0; order && i < shown; i++) {
            const struct analysis_go_group *g = &ws->groups.items[order[i]];
            lengths(&t, &g->sched, analysis_text_name(f->trace, g->name));
        }
        analysis_table_end(&t, out);
        analysis_text_more(out, n, shown);
    }
    analysis_text_untold(out, f);
    free(order);
    if (ws->longest_sched.n) {
        buf_puts(out, "\nlongest from runnable to running\n");
        analysis_text_waits(out, f, &ws->longest_sched, false, false);
    }

    shown = analysis_n_rows(f, ws->reasons.n);
    order = analysis_sorted(out, ws->reasons.n, by_reason, ws->reasons.items);
    buf_puts(out, "\nblocked, by reason\n");
    analysis_table_begin(&t, "rrrrrrrl", "count\0total\0" ANALYSIS_PERCENTILES "\0reason\0");
    for (size_t i = 0; order && i < shown; i++) {
        const struct analysis_reason *r = &ws->reasons.items[order[i]];
        lengths(&t, &r->lengths, analysis_text_reason(f->trace, r->reason));
    }
    analysis_table_end(&t, out);
    analysis_text_more(out, ws->reasons.n, shown);
    free(order);
    if (ws->longest_blocks.n) {
        buf_puts(out, "\nlongest blocked\n");
        analysis_text_waits(out, f, &ws->longest_blocks, true, false);
    }
    if (!ws->syscalls.count)
        return;
    buf_puts(out, "\nin system calls\n");
    analysis_table_begin(&t, "rrrrrrr", "count\0total\0" ANALYSIS_PERCENTILES "\0");
    analysis_table_count(&t, ws->syscalls.count);
    analysis_table_time(&t, ws->syscalls.total_ns);
    analysis_table_percentiles(&t, &ws->syscalls);
    analysis_table_end(&t, out);
    buf_puts(out, "\nlongest in system calls\n");
    analysis_text_waits(out, f, &ws->longest_syscalls, false, false);
}

static void json(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    const struct analysis_waits *ws = &f->waits;
    struct json j = {.out = out};
    size_t shown = analysis_n_rows(f, count_groups(f));
    uint32_t *order = analysis_sorted(out, ws->groups.n, by_group, ws->groups.items);
    json_open(&j, '{');
    analysis_json_sched(&j, f);
    json_key(&j, "scheduling_by_name");
    json_open(&j, '[');
    for (size_t i = 0; order && i < shown; i++) {
        const struct analysis_go_group *g = &ws->groups.items[order[i]];
        json_open(&j, '{');
        analysis_json_string(&j, "name", f->trace, g->name);
        analysis_json_lengths(&j, "lengths", &g->sched);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    free(order);
    shown = analysis_n_rows(f, ws->reasons.n);
    order = analysis_sorted(out, ws->reasons.n, by_reason, ws->reasons.items);
    json_key(&j, "blocked");
    json_open(&j, '[');
    for (size_t i = 0; order && i < shown; i++) {
        json_open(&j, '{');
        analysis_json_string(&j, "reason", f->trace, ws->reasons.items[order[i]].reason);
        analysis_json_lengths(&j, "lengths", &ws->reasons.items[order[i]].lengths);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    free(order);
    analysis_json_lengths(&j, "syscalls", &ws->syscalls);
    analysis_json_waits(&j, "longest_scheduling", f, &ws->longest_sched);
    analysis_json_waits(&j, "longest_blocked", f, &ws->longest_blocks);
    analysis_json_waits(&j, "longest_syscalls", f, &ws->longest_syscalls);
    json_close(&j, '}');
}

extern const struct analysis_ops analysis_sum_latency;
const struct analysis_ops analysis_sum_latency = {
    .name = "latency",
    .help = "How long goroutines wait for a processor, are blocked, are in system calls",
    .group = ANALYSIS_SUMMARY,
    .begin = analysis_facts_begin,
    .events = analysis_facts_events,
    .end = analysis_facts_end,
    .free = analysis_facts_free,
    .text = text,
    .json = json};
