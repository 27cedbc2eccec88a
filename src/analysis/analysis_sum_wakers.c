/* analysis_sum_wakers: who waits for whom: where goroutines were blocked, and where others were
 * that ended it; of a lock, also who held it while they waited. */
#include "analysis/analysis_site_pairs.h"
#include "analysis/analysis_text.h"

static void text_who(struct buf *out, const struct trace *trace, uint32_t stack, uint32_t name,
                     const char *none)
{
    analysis_text_site(out, trace, stack, name ? analysis_text_name(trace, name) : none);
}

static void text(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    struct analysis_site_pairs pairs;
    struct analysis_table t;
    if (!analysis_site_pairs_make(&pairs, f)) {
        out->failed = true;
        return;
    }
    size_t shown = analysis_n_rows(f, pairs.rows.n);
    struct analysis_words words = analysis_words(f->trace);
    buf_printf(out, "wakers: where %s waited, and who ended it or held the lock\n",
               words.goroutines);
    analysis_table_begin(&t, "rrrrllll",
                         "waited\0count\0mean\0longest\0reason\0where\0ended by\0lock held by\0");
    for (size_t i = 0; i < shown; i++) {
        const struct analysis_site_pair *p = &pairs.rows.items[i];
        analysis_table_time(&t, p->total_ns);
        analysis_table_count(&t, p->count);
        analysis_table_time(&t, p->total_ns / (int64_t)p->count);
        analysis_table_time(&t, p->max_ns);
        analysis_table_text(&t, analysis_text_reason(f->trace, p->reason));
        analysis_text_site(&t.text, f->trace, p->stack, "");
        analysis_table_cell(&t);
        if (p->waker_stack || p->waker_name || p->kind != ANALYSIS_WAIT_LOCK)
            text_who(&t.text, f->trace, p->waker_stack, p->waker_name, words.runtime);
        else
            buf_puts(&t.text, ANALYSIS_NOBODY);
        analysis_table_cell(&t);
        if (p->kind == ANALYSIS_WAIT_LOCK)
            text_who(&t.text, f->trace, p->holder_stack, p->holder_name, "");
        analysis_table_cell(&t);
    }
    analysis_table_end(&t, out);
    analysis_text_more(out, pairs.rows.n, shown);
    analysis_site_pairs_release(&pairs);
}

static void json(const void *state, struct buf *out)
{
    const struct analysis_facts *f = state;
    struct analysis_site_pairs pairs;
    struct json j = {.out = out};
    if (!analysis_site_pairs_make(&pairs, f)) {
        out->failed = true;
        return;
    }
    size_t shown = analysis_n_rows(f, pairs.rows.n);
    json_open(&j, '{');
    json_member_int(&j, "n_pairs", (int64_t)pairs.rows.n);
    json_key(&j, "pairs");
    json_open(&j, '[');
    for (size_t i = 0; i < shown; i++) {
        const struct analysis_site_pair *p = &pairs.rows.items[i];
        json_open(&j, '{');
        json_member_int(&j, "total_ns", p->total_ns);
        json_member_int(&j, "count", (int64_t)p->count);
        json_member_int(&j, "max_ns", p->max_ns);
        analysis_json_string(&j, "reason", f->trace, p->reason);
        analysis_json_frame(&j, "where", f->trace, analysis_site(f->trace, p->stack));
        analysis_json_frame(&j, "ended_by", f->trace, analysis_site(f->trace, p->waker_stack));
        json_member_bool(&j, "idle", p->is_idle);
        if (p->kind == ANALYSIS_WAIT_LOCK) {
            json_member_int(&j, "not_given_up", (int64_t)p->n_open);
            analysis_json_frame(&j, "held_by", f->trace, analysis_site(f->trace, p->holder_stack));
            analysis_json_string(&j, "held_by_name", f->trace, p->holder_name);
            analysis_json_stack(&j, "held_by_stack", f->trace, p->holder_stack);
        }
        /* Of the pair of stacks with the most time. */
        analysis_json_stack(&j, "stack", f->trace, p->stack);
        analysis_json_stack(&j, "ended_by_stack", f->trace, p->waker_stack);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    analysis_site_pairs_release(&pairs);
}

extern const struct analysis_ops analysis_sum_wakers;
const struct analysis_ops analysis_sum_wakers = {
    .name = "wakers",
    .help = "Who waits for whom: where goroutines are blocked, who ends it, who holds the lock",
    .group = ANALYSIS_SUMMARY,
    .begin = analysis_facts_begin,
    .events = analysis_facts_events,
    .end = analysis_facts_end,
    .free = analysis_facts_free,
    .text = text,
    .json = json};
