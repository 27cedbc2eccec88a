/* analysis_sum_procs: what processors and threads did. */
#include "analysis/analysis_text.h"

#include <stdio.h>

static int64_t by_id(const void *arg, size_t i)
{
    return -(int64_t)((const struct analysis_proc *)arg)[i].id;
}

static int64_t by_time(const void *arg, size_t i)
{
    return ((const struct analysis_thread *)arg)[i].proc_ns;
}

static int64_t known(const struct analysis_proc *p)
{
    int64_t ns = 0;
    for (int use = 0; use < ANALYSIS_N_USES; use++)
        ns += p->use_ns[use];
    return ns;
}

static void text(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    const struct analysis_procs *ps = &f->procs;
    struct analysis_table t;
    size_t shown = analysis_n_rows(f, ps->rows.n);
    uint32_t *order = analysis_sorted(out, ps->rows.n, by_id, ps->rows.items);
    buf_printf(out, "processors: %zu\n", ps->rows.n);
    analysis_table_begin(&t, "rrrrrrrrr",
                         "processor\0running\0GC workers\0syscall\0scheduling\0idle\0runs\0"
                         "idle gaps\0longest\0");
    for (size_t i = 0; order && i < shown; i++) {
        const struct analysis_proc *p = &ps->rows.items[order[i]];
        double all = (double)known(p);
        analysis_table_count(&t, (uint64_t)p->id);
        analysis_table_share(&t, (double)p->use_ns[ANALYSIS_USE_GO], all);
        analysis_table_share(&t, (double)p->use_ns[ANALYSIS_USE_WORKER], all);
        analysis_table_share(&t, (double)p->use_ns[ANALYSIS_USE_SYSCALL], all);
        analysis_table_share(&t, (double)p->use_ns[ANALYSIS_USE_SCHED], all);
        analysis_table_share(&t, (double)p->use_ns[ANALYSIS_USE_IDLE], all);
        analysis_table_count(&t, p->n_runs);
        analysis_table_count(&t, p->n_gaps);
        analysis_table_time(&t, p->longest_gap_ns);
    }
    analysis_table_end(&t, out);
    analysis_text_more(out, ps->rows.n, shown);
    free(order);

    shown = analysis_n_rows(f, ps->threads.n);
    order = analysis_sorted(out, ps->threads.n, by_time, ps->threads.items);
    buf_printf(out, "\nthreads: %zu\n", ps->threads.n);
    analysis_table_begin(&t, "rrr", "thread\0with a processor\0share\0");
    for (size_t i = 0; order && i < shown; i++) {
        const struct analysis_thread *m = &ps->threads.items[order[i]];
        analysis_table_printf(&t, "%lld", (long long)m->id);
        analysis_table_time(&t, m->proc_ns);
        analysis_table_share(&t, (double)m->proc_ns, (double)analysis_facts_length(f));
    }
    analysis_table_end(&t, out);
    analysis_text_more(out, ps->threads.n, shown);
    free(order);
}

static void json(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    const struct analysis_procs *ps = &f->procs;
    struct json j = {.out = out};
    size_t shown = analysis_n_rows(f, ps->rows.n);
    uint32_t *order = analysis_sorted(out, ps->rows.n, by_id, ps->rows.items);
    json_open(&j, '{');
    json_member_int(&j, "gomaxprocs", (int64_t)ps->max_procs);
    json_member_int(&j, "n_processors", (int64_t)ps->rows.n);
    json_key(&j, "processors");
    json_open(&j, '[');
    for (size_t i = 0; order && i < shown; i++) {
        const struct analysis_proc *p = &ps->rows.items[order[i]];
        json_open(&j, '{');
        json_member_int(&j, "id", p->id);
        for (int use = 0; use < ANALYSIS_N_USES; use++) {
            char key[32];
            snprintf(key, sizeof key, "%s_ns", analysis_use_names[use]);
            json_member_int(&j, key, p->use_ns[use]);
        }
        json_member_int(&j, "runs", (int64_t)p->n_runs);
        json_member_int(&j, "idle_gaps", (int64_t)p->n_gaps);
        json_member_int(&j, "longest_idle_gap_ns", p->longest_gap_ns);
        json_member_int(&j, "longest_idle_gap_start_ns",
                        p->n_gaps ? p->longest_gap_at_ns - f->first_ns : 0);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    free(order);
    shown = analysis_n_rows(f, ps->threads.n);
    order = analysis_sorted(out, ps->threads.n, by_time, ps->threads.items);
    json_member_int(&j, "n_threads", (int64_t)ps->threads.n);
    json_key(&j, "threads");
    json_open(&j, '[');
    for (size_t i = 0; order && i < shown; i++) {
        json_open(&j, '{');
        json_member_int(&j, "id", ps->threads.items[order[i]].id);
        json_member_int(&j, "processor_ns", ps->threads.items[order[i]].proc_ns);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    free(order);
}

extern const struct analysis_ops analysis_sum_procs;
const struct analysis_ops analysis_sum_procs = {.name = "procs",
                                                .help = "What processors and threads did",
                                                .group = ANALYSIS_SUMMARY,
                                                .begin = analysis_facts_begin,
                                                .events = analysis_facts_events,
                                                .end = analysis_facts_end,
                                                .free = analysis_facts_free,
                                                .text = text,
                                                .json = json};
