/* analysis_sum_gc: the garbage collector: cycles, pauses, what it took, the heap. */
#include "analysis/analysis_text.h"

#include <stdio.h>

static const char *const worker_names[ANALYSIS_N_WORKERS] = {
    [ANALYSIS_WORKER_DEDICATED] = "dedicated",
    [ANALYSIS_WORKER_FRACTIONAL] = "fractional",
    [ANALYSIS_WORKER_IDLE] = "idle"};

static int64_t by_total(const void *arg, size_t i)
{
    return ((const struct analysis_pause_kind *)arg)[i].lengths.total_ns;
}

static void work_row(struct analysis_table *t, const struct analysis_facts *f, const char *what,
                     int64_t ns)
{
    analysis_table_text(t, what);
    analysis_table_time(t, ns);
    analysis_table_share(t, (double)ns, (double)analysis_facts_proc_time(f));
}

static void text_work(const struct analysis_facts *f, struct buf *out)
{
    struct analysis_table t;
    const struct analysis_gc *gc = &f->gc;
    buf_puts(out, "\ntime of processors\n");
    analysis_table_begin(&t, "lrr", "for\0time\0share\0");
    work_row(&t, f, "mark workers",
             gc->worker_ns[ANALYSIS_WORKER_DEDICATED] + gc->worker_ns[ANALYSIS_WORKER_FRACTIONAL]);
    work_row(&t, f, "mark workers, else idle", gc->worker_ns[ANALYSIS_WORKER_IDLE]);
    work_row(&t, f, "mark assists", gc->assist_ns);
    work_row(&t, f, "sweeping", gc->sweep_ns);
    work_row(&t, f, "all", analysis_gc_work(gc));
    analysis_table_end(&t, out);
}

static void text_pauses(const struct analysis_facts *f, struct buf *out)
{
    struct analysis_table t;
    const struct analysis_gc *gc = &f->gc;
    uint32_t *order = analysis_sorted(out, gc->kinds.n, by_total, gc->kinds.items);
    buf_puts(out, "\npauses (stops of the world)\n");
    analysis_table_begin(&t, "rrrrrrrl", "count\0total\0" ANALYSIS_PERCENTILES "\0for\0");
    for (size_t i = 0; order && i < gc->kinds.n; i++) {
        const struct analysis_pause_kind *kind = &gc->kinds.items[order[i]];
        analysis_table_count(&t, kind->lengths.count);
        analysis_table_time(&t, kind->lengths.total_ns);
        analysis_table_percentiles(&t, &kind->lengths);
        analysis_table_text(&t, analysis_text_reason(f->trace, kind->kind));
    }
    analysis_table_end(&t, out);
    free(order);
    if (!gc->longest_pauses.n)
        return;
    buf_puts(out, "\nlongest pauses\n");
    analysis_table_begin(&t, "rrl", "length\0at\0for\0");
    for (size_t i = 0; i < gc->longest_pauses.n; i++) {
        const struct analysis_pause *p = analysis_top_at(&gc->longest_pauses, i);
        analysis_table_time(&t, p->ns);
        analysis_table_time(&t, p->at_ns - f->first_ns);
        analysis_table_text(&t, analysis_text_reason(f->trace, p->kind));
    }
    analysis_table_end(&t, out);
}

static void text_level(struct buf *out, const char *name, const struct analysis_level *level)
{
    if (!level->is_known)
        return;
    buf_printf(out, "%s: ", name);
    analysis_text_bytes(out, level->least);
    buf_puts(out, " to ");
    analysis_text_bytes(out, level->most);
    buf_puts(out, ", at the end ");
    analysis_text_bytes(out, level->last);
    buf_putc(out, '\n');
}

static void text(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    const struct analysis_gc *gc = &f->gc;
    struct analysis_table t;
    if (trace_is_native(f->trace) && !gc->cycles.count) {
        buf_puts(out, "garbage collector: there is none\n");
        return;
    }
    buf_printf(out, "garbage collector: %llu cycles, active for ",
               (unsigned long long)gc->cycles.count);
    analysis_text_time(out, gc->active_ns);
    buf_printf(out, " (%.2f%% of the time)\n",
               analysis_facts_length(f)
                   ? 100 * (double)gc->active_ns / (double)analysis_facts_length(f)
                   : 0);
    text_level(out, "heap", &gc->heap);
    text_level(out, "its goal", &gc->goal);
    text_work(f, out);
    if (gc->pauses.count)
        text_pauses(f, out);
    if (gc->longest_cycles.n) {
        buf_puts(out, "\nlongest cycles\n");
        analysis_table_begin(&t, "rr", "length\0at\0");
        for (size_t i = 0; i < gc->longest_cycles.n; i++) {
            const struct analysis_pause *p = analysis_top_at(&gc->longest_cycles, i);
            analysis_table_time(&t, p->ns);
            analysis_table_time(&t, p->at_ns - f->first_ns);
        }
        analysis_table_end(&t, out);
    }
    buf_puts(out, "\nleast that was left to the program in any window of that length\n");
    analysis_table_begin(&t, "rrr", "window\0left\0at\0");
    for (size_t i = 0; i < ANALYSIS_GC_N_WINDOWS; i++) {
        struct analysis_mmu_window w;
        analysis_mmu_at(&gc->mmu, i, &w);
        analysis_table_time(&t, w.ns);
        analysis_table_printf(&t, "%.2f%%", 100 * w.mmu);
        analysis_table_time(&t, w.is_known ? w.at_ns - f->first_ns : 0);
    }
    analysis_table_end(&t, out);
}

static void json_pauses(struct json *j, const char *key, const struct analysis_facts *f,
                        const struct analysis_top *top, bool has_kind)
{
    json_key(j, key);
    json_open(j, '[');
    for (size_t i = 0; i < top->n; i++) {
        const struct analysis_pause *p = analysis_top_at(top, i);
        json_open(j, '{');
        json_member_int(j, "ns", p->ns);
        json_member_int(j, "start_ns", p->at_ns - f->first_ns);
        if (has_kind)
            analysis_json_string(j, "kind", f->trace, p->kind);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_level(struct json *j, const char *key, const struct analysis_level *level)
{
    json_key(j, key);
    if (!level->is_known) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_member_int(j, "first", (int64_t)level->first);
    json_member_int(j, "min", (int64_t)level->least);
    json_member_int(j, "max", (int64_t)level->most);
    json_member_int(j, "last", (int64_t)level->last);
    json_close(j, '}');
}

static void json_work(struct json *j, const struct analysis_facts *f)
{
    const struct analysis_gc *gc = &f->gc;
    int64_t all = analysis_facts_proc_time(f);
    json_key(j, "work");
    json_open(j, '{');
    for (int i = ANALYSIS_WORKER_DEDICATED; i < ANALYSIS_N_WORKERS; i++) {
        char key[32];
        snprintf(key, sizeof key, "%s_workers_ns", worker_names[i]);
        json_member_int(j, key, gc->worker_ns[i]);
    }
    json_member_int(j, "assists_ns", gc->assist_ns);
    json_member_int(j, "n_assists", (int64_t)gc->n_assists);
    json_member_int(j, "sweeping_ns", gc->sweep_ns);
    json_member_int(j, "n_sweeps", (int64_t)gc->n_sweeps);
    json_member_int(j, "total_ns", analysis_gc_work(gc));
    json_member_double(j, "share", all ? (double)analysis_gc_work(gc) / (double)all : 0);
    json_close(j, '}');
}

static void json(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    const struct analysis_gc *gc = &f->gc;
    struct json j = {.out = out};
    json_open(&j, '{');
    analysis_json_lengths(&j, "cycles", &gc->cycles);
    json_member_int(&j, "active_ns", gc->active_ns);
    json_work(&j, f);
    analysis_json_lengths(&j, "pauses", &gc->pauses);
    json_key(&j, "pause_kinds");
    json_open(&j, '[');
    for (size_t i = 0; i < gc->kinds.n; i++) {
        json_open(&j, '{');
        analysis_json_string(&j, "kind", f->trace, gc->kinds.items[i].kind);
        analysis_json_lengths(&j, "lengths", &gc->kinds.items[i].lengths);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_pauses(&j, "longest_pauses", f, &gc->longest_pauses, true);
    json_pauses(&j, "longest_cycles", f, &gc->longest_cycles, false);
    json_level(&j, "heap_bytes", &gc->heap);
    json_level(&j, "goal_bytes", &gc->goal);
    json_key(&j, "mmu"); /* of the whole trace */
    json_open(&j, '[');
    for (size_t i = 0; i < ANALYSIS_GC_N_WINDOWS; i++) {
        struct analysis_mmu_window w;
        analysis_mmu_at(&gc->mmu, i, &w);
        json_open(&j, '{');
        json_member_int(&j, "window_ns", w.ns);
        json_member_double(&j, "utilization", w.mmu);
        json_member_int(&j, "start_ns", w.is_known ? w.at_ns - f->first_ns : 0);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

extern const struct analysis_ops analysis_sum_gc;
const struct analysis_ops analysis_sum_gc = {
    .name = "gc",
    .help = "The garbage collector: cycles, pauses, what it takes, the heap",
    .group = ANALYSIS_SUMMARY,
    .begin = analysis_facts_begin,
    .events = analysis_facts_events,
    .end = analysis_facts_end,
    .free = analysis_facts_free,
    .text = text,
    .json = json};
