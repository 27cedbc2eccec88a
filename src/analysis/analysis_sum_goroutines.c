/* analysis_sum_goroutines: what goroutines did with their time, by start function. */
#include "analysis/analysis_text.h"

static int64_t by_exec(const void *arg, size_t i)
{
    const struct analysis_go_group *g = &((const struct analysis_go_group *)arg)[i];
    return g->count && g->is_wanted ? g->exec.exec_ns : INT64_MIN;
}

static size_t count_groups(const struct analysis_facts *f, uint64_t *n)
{
    size_t n_groups = 0;
    *n = 0;
    for (size_t i = 0; i < f->waits.groups.n; i++) {
        const struct analysis_go_group *g = &f->waits.groups.items[i];
        n_groups += g->count && g->is_wanted;
        *n += g->is_wanted ? g->count : 0;
    }
    return n_groups;
}

static void reasons(struct buf *out, const struct analysis_facts *f, uint32_t chain)
{
    struct analysis_part parts[3];
    size_t n = analysis_parts_sorted(&f->goroutines.parts, chain, parts, 3);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s%s ", i ? ", " : "", analysis_text_reason(f->trace, parts[i].key));
        analysis_text_time(out, parts[i].ns);
    }
}

static void text(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    struct analysis_table t;
    uint64_t count;
    size_t n = count_groups(f, &count), shown = analysis_n_rows(f, n);
    uint32_t *order = analysis_sorted(out, f->waits.groups.n, by_exec, f->waits.groups.items);
    buf_printf(out, "%s: %llu, by the function that they were started with\n",
               analysis_words(f->trace).goroutines, (unsigned long long)count);
    analysis_table_begin(&t, "rrrrrrrll",
                         "count\0total\0running\0runnable\0waiting\0syscall\0assist\0started "
                         "with\0waiting for\0");
    for (size_t i = 0; order && i < shown; i++) {
        const struct analysis_go_group *g = &f->waits.groups.items[order[i]];
        analysis_table_count(&t, g->count);
        analysis_table_time(&t, g->exec.total_ns);
        analysis_table_time(&t, g->exec.exec_ns);
        analysis_table_time(&t, g->exec.sched_ns);
        analysis_table_time(&t, analysis_exec_blocked(&f->goroutines.parts, &g->exec));
        analysis_table_time(&t, g->exec.syscall_ns + g->exec.syscall_block_ns);
        analysis_table_time(
            &t, analysis_parts_get(&f->goroutines.parts, g->exec.ranges, ANALYSIS_RANGE_ASSIST));
        analysis_table_text(&t, analysis_text_name(f->trace, g->name));
        reasons(&t.text, f, g->exec.blocked);
        analysis_table_cell(&t);
    }
    analysis_table_end(&t, out);
    analysis_text_more(out, n, shown);
    free(order);
    struct trace_origin origin = trace_origin(f->trace);
    if (trace_is_native(f->trace) && !(origin.has_turns && origin.has_wakes))
        buf_printf(out, "  not measured: %s\n",
                   origin.has_turns
                       ? "runnable, but for locks: when threads are woken is not in this "
                         "trace"
                       : "runnable, but for locks: when threads are woken or preempted "
                         "is not in this trace; running has that too");
}

static void json(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    struct json j = {.out = out};
    uint64_t count;
    size_t n = count_groups(f, &count), shown = analysis_n_rows(f, n);
    uint32_t *order = analysis_sorted(out, f->waits.groups.n, by_exec, f->waits.groups.items);
    json_open(&j, '{');
    json_member_int(&j, "count", (int64_t)count);
    json_member_int(&j, "n_groups", (int64_t)n);
    json_key(&j, "groups");
    json_open(&j, '[');
    for (size_t i = 0; order && i < shown; i++) {
        const struct analysis_go_group *g = &f->waits.groups.items[order[i]];
        json_open(&j, '{');
        analysis_json_string(&j, "name", f->trace, g->name);
        json_member_bool(&j, "runtime", g->is_system);
        json_member_int(&j, "count", (int64_t)g->count);
        analysis_json_exec(&j, f, &g->exec);
        analysis_json_lengths(&j, "scheduling", &g->sched);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    free(order);
}

extern const struct analysis_ops analysis_sum_goroutines;
const struct analysis_ops analysis_sum_goroutines = {.name = "goroutines",
                                                     .help =
                                                         "What goroutines did, by start function",
                                                     .group = ANALYSIS_SUMMARY,
                                                     .begin = analysis_facts_begin,
                                                     .events = analysis_facts_events,
                                                     .end = analysis_facts_end,
                                                     .free = analysis_facts_free,
                                                     .text = text,
                                                     .json = json};
