/* analysis_sum_overview: what a trace has to say first: what processors did, where the program
 * waited and for whom, whether the garbage collector is to blame. */
#include "analysis/analysis_site_pairs.h"
#include "analysis/analysis_text.h"

#include <string.h>

static double share(int64_t part, int64_t of)
{
    return of ? (double)part / (double)of : 0;
}

/* --- processors --- */

struct uses {
    int64_t ns[ANALYSIS_N_USES], all;
    int64_t gc; /* of it: all work of the garbage collector */
};

static struct uses sum_uses(const struct analysis_facts *f)
{
    struct uses u = {.gc = analysis_gc_work(&f->gc)};
    for (size_t i = 0; i < f->procs.rows.n; i++)
        for (int use = 0; use < ANALYSIS_N_USES; use++) {
            u.ns[use] += f->procs.rows.items[i].use_ns[use];
            u.all += f->procs.rows.items[i].use_ns[use];
        }
    /* Assists and sweeping are done by goroutines that run. */
    int64_t within = f->gc.assist_ns + f->gc.sweep_ns;
    u.ns[ANALYSIS_USE_GO] -= within < u.ns[ANALYSIS_USE_GO] ? within : u.ns[ANALYSIS_USE_GO];
    u.ns[ANALYSIS_USE_WORKER] = u.gc;
    return u;
}

/* Of the time of goroutines, as traces from outside tell it. */
struct off {
    int64_t ready_ns, waits_ns;
};

static struct off sum_off(const struct analysis_facts *f)
{
    struct off off = {0};
    for (size_t i = 0; i < f->user.region_kinds.n; i++) {
        const struct analysis_kind *k = &f->user.region_kinds.items[i];
        const char *name = k->name ? trace_string(f->trace, k->name, NULL) : "";
        if (!strcmp(name, GOTRACE_OFF_READY))
            off.ready_ns += k->lengths.total_ns;
        else if (!strcmp(name, GOTRACE_OFF_WAITS))
            off.waits_ns += k->lengths.total_ns;
    }
    return off;
}

static void text_off(const struct analysis_facts *f, struct buf *out)
{
    struct off off = sum_off(f);
    if (!off.ready_ns && !off.waits_ns)
        return;
    buf_puts(out, "  threads of goroutines that ran were off their processors: preempted ");
    analysis_text_time(out, off.ready_ns);
    buf_puts(out, ", waiting in the kernel ");
    analysis_text_time(out, off.waits_ns);
    buf_putc(out, '\n');
}

static void text_uses(const struct analysis_facts *f, struct buf *out)
{
    static const struct {
        enum analysis_use use;
        const char *name;
    } rows[] = {{ANALYSIS_USE_GO, NULL},
                {ANALYSIS_USE_WORKER, "garbage collector"},
                {ANALYSIS_USE_SYSCALL, "system calls"},
                {ANALYSIS_USE_SCHED, "scheduling"},
                {ANALYSIS_USE_IDLE, "idle"}};
    struct uses u = sum_uses(f);
    struct analysis_words words = analysis_words(f->trace);
    struct analysis_table t;
    buf_puts(out, "\nprocessors\n");
    analysis_table_begin(&t, "lrr", "for\0time\0share\0");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (words.is_native && rows[i].use == ANALYSIS_USE_WORKER)
            continue;
        analysis_table_text(&t, rows[i].name ? rows[i].name : words.goroutines);
        analysis_table_time(&t, u.ns[rows[i].use]);
        analysis_table_share(&t, (double)u.ns[rows[i].use], (double)u.all);
    }
    analysis_table_end(&t, out);
}

/* --- where it waited --- */

/* Who ended it, or held the lock, and how much of it is theirs if others did, too. */
static void text_by(struct buf *out, const struct analysis_facts *f,
                    const struct analysis_site_pair *p)
{
    if (p->is_idle && p->kind != ANALYSIS_WAIT_LOCK) {
        buf_puts(out, "idle");
        return;
    }
    analysis_text_by(out, f->trace, p->kind, analysis_by_stack(p), analysis_by_name(p));
    if (share(p->by_ns, p->total_ns) < 0.995 && (analysis_by_stack(p) || analysis_by_name(p)))
        buf_printf(out, " (%.0f%%)", 100 * share(p->by_ns, p->total_ns));
    if (p->n_open && p->n_open < p->count)
        buf_printf(out, ", %llu times " ANALYSIS_NOBODY, (unsigned long long)p->n_open);
}

static void text_sites(const struct analysis_facts *f, struct buf *out)
{
    struct analysis_site_pairs pairs;
    struct analysis_table t;
    if (!analysis_sites_make(&pairs, f)) {
        out->failed = true;
        return;
    }
    struct analysis_words words = analysis_words(f->trace);
    size_t shown = analysis_n_rows(f, pairs.rows.n);
    if (shown) {
        buf_printf(out, "\nwhat %s waited for\n", words.goroutines);
        analysis_table_begin(&t, "rrrlll", "waited\0count\0longest\0reason\0where\0by whom\0");
        for (size_t i = 0; i < shown; i++) {
            const struct analysis_site_pair *p = &pairs.rows.items[i];
            analysis_table_time(&t, p->total_ns);
            analysis_table_count(&t, p->count);
            analysis_table_time(&t, p->max_ns);
            const char *reason = analysis_text_reason(f->trace, p->reason);
            analysis_table_printf(
                &t, "%s%s", reason,
                p->kind == ANALYSIS_WAIT_COLLECTOR && !strstr(reason, "GC") ? " (for the GC)" : "");
            analysis_text_site(&t.text, f->trace, p->stack, "");
            analysis_table_cell(&t);
            text_by(&t.text, f, p);
            analysis_table_cell(&t);
        }
        analysis_table_end(&t, out);
        analysis_text_more(out, pairs.rows.n, shown);
    }
    analysis_site_pairs_release(&pairs);
}

/* --- the garbage collector --- */

static void text_gc(const struct analysis_facts *f, struct buf *out)
{
    const struct analysis_gc *gc = &f->gc;
    struct analysis_mmu_window w;
    if (!gc->cycles.count && !gc->active_ns && !gc->pauses.count && !analysis_gc_work(gc)) {
        buf_puts(out, "\ngarbage collector: it did not run\n");
        return;
    }
    buf_printf(out, "\ngarbage collector: %llu cycles, active %.2f%% of the time",
               (unsigned long long)gc->cycles.count,
               100 * share(gc->active_ns, analysis_facts_length(f)));
    buf_printf(out, ", %.2f%% of the processors' time\n",
               100 * share(analysis_gc_work(gc), analysis_facts_proc_time(f)));
    buf_puts(out, "  assists by goroutines that allocate: ");
    analysis_text_time(out, gc->assist_ns);
    buf_printf(out, "\n  pauses: %llu", (unsigned long long)gc->pauses.count);
    if (gc->pauses.count) {
        const struct analysis_pause *p = analysis_top_at(&gc->longest_pauses, 0);
        buf_puts(out, ", together ");
        analysis_text_time(out, gc->pauses.total_ns);
        buf_puts(out, ", the longest ");
        analysis_text_time(out, p->ns);
        buf_printf(out, " (%s)", analysis_text_reason(f->trace, p->kind));
    }
    analysis_mmu_at(&gc->mmu, 1, &w);
    buf_printf(out, "\n  left to the program in the worst 10ms: %.2f%%\n", 100 * w.mmu);
}

/* What a program without tasks was slow at. */
static void text_runs(const struct analysis_facts *f, struct buf *out)
{
    const struct analysis_top *runs = &f->waits.longest_runs;
    struct analysis_words words = analysis_words(f->trace);
    struct analysis_table t;
    if (!runs->n)
        return;
    buf_printf(out, "\nlongest times that %s went on without a wait\n", words.goroutines);
    analysis_table_begin(&t, "rrrl",
                         words.is_native ? "took\0at\0thread\0started with\0"
                                         : "took\0at\0goroutine\0started with\0");
    for (size_t i = 0; i < runs->n; i++) {
        const struct analysis_wait *w = analysis_top_at(runs, i);
        analysis_table_time(&t, w->ns);
        analysis_table_time(&t, w->at_ns - f->first_ns);
        analysis_table_printf(&t, "%lld", (long long)w->g);
        analysis_table_text(&t, analysis_text_name(f->trace, w->name));
    }
    analysis_table_end(&t, out);
}

static void text_latency(const struct analysis_facts *f, struct buf *out)
{
    static const struct {
        const char *name;
        double at;
    } shares[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};
    const struct analysis_histogram *h = &f->waits.sched;
    if (!h->count && f->waits.n_untold)
        buf_puts(out, "\nfrom runnable to running");
    else
        buf_printf(out, "\nfrom runnable to running: %llu times", (unsigned long long)h->count);
    for (size_t i = 0; i < sizeof shares / sizeof *shares && h->count; i++) {
        buf_printf(out, ", %s ", shares[i].name);
        analysis_text_time(out, analysis_histogram_at(h, shares[i].at));
    }
    buf_putc(out, '\n');
    analysis_text_untold(out, f);
}

static uint64_t n_tasks(const struct analysis_facts *f)
{
    uint64_t n = 0;
    for (size_t i = 0; i < f->user.task_kinds.n; i++)
        n += f->user.task_kinds.items[i].count;
    return n;
}

static void text(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    const char *program = trace_origin(f->trace).program;
    buf_printf(out, "trace of %s%s", program, *program ? ", " : "");
    analysis_text_time(out, analysis_facts_length(f));
    bool is_native = trace_is_native(f->trace);
    buf_printf(out, ": %llu events, ", (unsigned long long)f->n_events);
    if (!is_native)
        buf_printf(out, "%llu goroutines, %zu processors, ", (unsigned long long)f->goroutines.n,
                   f->procs.rows.n);
    buf_printf(out, "%zu threads", f->procs.threads.n);
    if (n_tasks(f))
        buf_printf(out, ", %llu tasks", (unsigned long long)n_tasks(f));
    if (f->n_samples)
        buf_printf(out, ", %llu CPU samples", (unsigned long long)f->n_samples);
    buf_putc(out, '\n');
    text_uses(f, out);
    text_off(f, out);
    text_sites(f, out);
    if (f->waits.longest_busy.n) {
        buf_puts(out, "\nlongest waits that were not idle\n");
        analysis_text_waits(out, f, &f->waits.longest_busy, true, true);
    }
    if (!n_tasks(f))
        text_runs(f, out);
    text_latency(f, out);
    if (!is_native)
        text_gc(f, out);
}

/* --- JSON --- */

static void json_sites(struct json *j, const struct analysis_facts *f)
{
    struct analysis_site_pairs pairs;
    if (!analysis_sites_make(&pairs, f)) {
        j->out->failed = true;
        return;
    }
    json_key(j, "waits");
    json_open(j, '[');
    for (size_t i = 0; i < analysis_n_rows(f, pairs.rows.n); i++) {
        const struct analysis_site_pair *p = &pairs.rows.items[i];
        json_open(j, '{');
        json_member_int(j, "total_ns", p->total_ns);
        json_member_int(j, "count", (int64_t)p->count);
        analysis_json_string(j, "reason", f->trace, p->reason);
        analysis_json_frame(j, "where", f->trace, analysis_site(f->trace, p->stack));
        json_member_int(j, "max_ns", p->max_ns);
        json_member_bool(j, "idle", p->is_idle);
        json_member_int(j, "not_given_up", (int64_t)p->n_open);
        bool is_lock = p->kind == ANALYSIS_WAIT_LOCK;
        analysis_json_frame(j, is_lock ? "held_by" : "ended_by", f->trace,
                            analysis_site(f->trace, analysis_by_stack(p)));
        analysis_json_string(j, is_lock ? "held_by_name" : "ended_by_name", f->trace,
                             analysis_by_name(p));
        json_member_int(j, "by_ns", p->by_ns); /* of total_ns */
        json_close(j, '}');
    }
    json_close(j, ']');
    analysis_site_pairs_release(&pairs);
}

static void json(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    struct json j = {.out = out};
    struct uses u = sum_uses(f);
    struct analysis_mmu_window w;
    json_open(&j, '{');
    json_member(&j, "program", str_of(trace_origin(f->trace).program));
    json_member_int(&j, "duration_ns", analysis_facts_length(f));
    json_member_int(&j, "start_ns", analysis_facts_start(f) - f->first_ns);
    json_member_int(&j, "events", (int64_t)f->n_events);
    json_member_int(&j, "goroutines", (int64_t)f->goroutines.n);
    json_member_int(&j, "processors", (int64_t)f->procs.rows.n);
    json_member_int(&j, "threads", (int64_t)f->procs.threads.n);
    json_member_int(&j, "tasks", (int64_t)n_tasks(f));
    json_member_int(&j, "cpu_samples", (int64_t)f->n_samples);
    json_key(&j, "processor_time");
    json_open(&j, '{');
    json_member_int(&j, "total_ns", u.all);
    json_member_int(&j, "goroutines_ns", u.ns[ANALYSIS_USE_GO]);
    json_member_int(&j, "gc_ns", u.gc);
    json_member_int(&j, "syscall_ns", u.ns[ANALYSIS_USE_SYSCALL]);
    json_member_int(&j, "scheduling_ns", u.ns[ANALYSIS_USE_SCHED]);
    json_member_int(&j, "idle_ns", u.ns[ANALYSIS_USE_IDLE]);
    json_close(&j, '}');
    struct off off = sum_off(f);
    json_key(&j, "off_processor"); /* of goroutines_ns */
    json_open(&j, '{');
    json_member_int(&j, "preempted_ns", off.ready_ns);
    json_member_int(&j, "waiting_ns", off.waits_ns);
    json_close(&j, '}');
    json_sites(&j, f);
    analysis_json_waits(&j, "longest_waits", f, &f->waits.longest_busy);
    analysis_json_waits(&j, "longest_runs", f, &f->waits.longest_runs);
    analysis_json_sched(&j, f);
    json_key(&j, "gc");
    json_open(&j, '{');
    json_member_int(&j, "cycles", (int64_t)f->gc.cycles.count);
    json_member_int(&j, "active_ns", f->gc.active_ns);
    json_member_double(&j, "share", share(analysis_gc_work(&f->gc), u.all));
    json_member_int(&j, "assists_ns", f->gc.assist_ns);
    analysis_json_lengths(&j, "pauses", &f->gc.pauses);
    analysis_mmu_at(&f->gc.mmu, 1, &w);
    json_member_double(&j, "mmu_10ms", w.mmu);
    json_close(&j, '}');
    json_close(&j, '}');
}

extern const struct analysis_ops analysis_sum_overview;
const struct analysis_ops analysis_sum_overview = {
    .name = "overview",
    .help = "The most important of all: use of processors, waits, the garbage collector",
    .group = ANALYSIS_SUMMARY,
    .begin = analysis_facts_begin,
    .events = analysis_facts_events,
    .end = analysis_facts_end,
    .free = analysis_facts_free,
    .text = text,
    .json = json};
