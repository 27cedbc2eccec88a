#include "analysis/analysis_facts.h"

#include "analysis/analysis_ledger.h"

void *analysis_facts_begin_user(const struct trace *trace, const struct analysis_options *options,
                                struct buf *out, struct err *err)
{
    (void)out;
    if (options->facts && *options->facts) {
        (*options->facts)->n_users++;
        return *options->facts;
    }
    struct analysis_facts *f = calloc(1, sizeof *f);
    if (!f) {
        err_nomem(err);
        return NULL;
    }
    f->trace = trace;
    f->options = options;
    f->n_users = 1;
    analysis_goroutines_init(&f->goroutines, trace, &f->window);
    analysis_procs_init(&f->procs, &f->window);
    analysis_gc_init(&f->gc, trace, &f->window, options->n_rows);
    f->gc.other_mmu = options->mmu;
    analysis_waits_init(&f->waits, trace, options, &f->window);
    analysis_user_init(&f->user, trace, options, &f->window, &f->goroutines, &f->waits);
    if (options->facts)
        *options->facts = f;
    return f;
}

void *analysis_facts_begin(const struct trace *trace, const struct analysis_options *options,
                           struct buf *out, struct err *err)
{
    if (options->task) {
        err_set(err, ERR_USAGE, "-task can be had with -summary=tasks,regions only");
        return NULL;
    }
    return analysis_facts_begin_user(trace, options, out, err);
}

void analysis_facts_free(void *state)
{
    struct analysis_facts *f = state;
    if (!f || --f->n_users)
        return;
    if (f->options->facts)
        *f->options->facts = NULL;
    analysis_user_release(&f->user);
    analysis_waits_release(&f->waits, &f->goroutines.parts);
    analysis_gc_release(&f->gc);
    analysis_procs_release(&f->procs);
    analysis_goroutines_release(&f->goroutines);
    free(f);
}

/* --- the pass --- */

/* The goroutine's exec is final. */
static void finish(struct analysis_facts *f, uint32_t row)
{
    struct analysis_goroutines *gs = &f->goroutines;
    struct analysis_goroutine *g = &gs->rows.items[row];
    analysis_waits_finish(&f->waits, &gs->parts, g);
    if (f->options->ledger)
        analysis_ledger_goroutine(f->options->ledger, &gs->parts, g);
    analysis_goroutines_remove(gs, row);
}

static void on_goroutine(struct analysis_facts *f, const struct trace_event *event,
                         const struct trace_transition *t)
{
    struct analysis_goroutines *gs = &f->goroutines;
    struct analysis_stay stay;
    if (t->from == t->to)
        return;
    uint32_t row = analysis_goroutines_transition(gs, event, t, &stay);
    if (row == ANALYSIS_NO_ROW)
        return;
    struct analysis_goroutine *g = &gs->rows.items[row];
    analysis_gc_transition(&f->gc, event, t, g);
    analysis_procs_goroutine(&f->procs, event, t, g->worker != ANALYSIS_WORKER_NONE);
    if (stay.since_ns != ANALYSIS_NEVER && stay.state != TRACE_GO_RUNNING) {
        struct analysis_wait wait;
        uint32_t waker = stay.state == TRACE_GO_WAITING && event->g != TRACE_NONE
                             ? analysis_goroutines_find(gs, event->g)
                             : ANALYSIS_NO_ROW;
        if (analysis_waits_make(&f->waits, g, &stay, event,
                                waker != ANALYSIS_NO_ROW ? &gs->rows.items[waker] : NULL, &wait)) {
            analysis_waits_add(&f->waits, g, &wait);
            if (g->own_tasks)
                analysis_user_wait(&f->user, g, &wait);
        }
    } else if (t->from == TRACE_GO_NOT_EXIST) {
        analysis_user_created(&f->user, event, row);
    }
    analysis_waits_run(&f->waits, g, t->to, event->time_ns);
    if (t->to == TRACE_GO_NOT_EXIST) {
        analysis_user_finish(&f->user, row, event->time_ns);
        finish(f, row);
    }
}

static void on_proc(struct analysis_facts *f, const struct trace_event *event,
                    const struct trace_transition *t)
{
    if (t->from == t->to)
        return;
    analysis_goroutines_proc(&f->goroutines, event, t);
    analysis_procs_proc(&f->procs, event, t);
}

/* Events that are no transition. */
static void on_other(struct analysis_facts *f, const struct trace_event *event)
{
    struct analysis_goroutines *gs = &f->goroutines;
    int64_t id = event->type == GOTRACE_GC_MARK_ASSIST_ACTIVE ? (int64_t)event->args[0] : event->g;
    uint32_t row;
    switch (trace_event_kind(event)) {
    case TRACE_KIND_STACK_SAMPLE:
        f->n_samples++;
        break;
    case TRACE_KIND_SYNC:
        gs->sync_ns = f->procs.sync_ns = event->time_ns;
        analysis_gc_event(&f->gc, event, NULL);
        break;
    case TRACE_KIND_METRIC:
        if (event->type == GOTRACE_PROCS_CHANGE && event->args[0] > f->procs.max_procs)
            f->procs.max_procs = event->args[0];
        analysis_gc_event(&f->gc, event, NULL);
        break;
    case TRACE_KIND_RANGE_BEGIN:
    case TRACE_KIND_RANGE_ACTIVE:
    case TRACE_KIND_RANGE_END:
    case TRACE_KIND_LABEL:
        row = analysis_goroutines_find(gs, id);
        analysis_gc_event(&f->gc, event, row != ANALYSIS_NO_ROW ? &gs->rows.items[row] : NULL);
        if (f->options->ledger)
            analysis_ledger_gc(f->options->ledger, &f->gc, event);
        if (event->type == GOTRACE_GO_LABEL && row != ANALYSIS_NO_ROW && gs->rows.items[row].worker)
            analysis_procs_worker(&f->procs, event);
        else
            analysis_goroutines_range(gs, event);
        break;
    case TRACE_KIND_TASK_BEGIN:
    case TRACE_KIND_TASK_END:
    case TRACE_KIND_REGION_BEGIN:
    case TRACE_KIND_REGION_END:
    case TRACE_KIND_LOG:
        analysis_user_event(&f->user, event);
        break;
    default:
        break;
    }
}

void analysis_facts_events(void *state, const struct trace_event *events, size_t n)
{
    struct analysis_facts *f = state;
    struct trace_transition t;
    /* Another summary of the same pass may have given us this block already. */
    if (!n || (f->n_events && events[0].time_ns <= f->last_ns))
        return;
    analysis_window_begin(&f->window, f->options, events);
    if (!f->n_events)
        f->first_ns = f->user.first_ns = f->gc.first_ns = events[0].time_ns;
    for (size_t i = 0; i < n; i++) {
        if (!trace_event_transition(&events[i], &t))
            on_other(f, &events[i]);
        else if (t.scope == TRACE_SCOPE_GOROUTINE)
            on_goroutine(f, &events[i], &t);
        else
            on_proc(f, &events[i], &t);
    }
    f->n_events += n;
    f->last_ns = events[n - 1].time_ns;
}

bool analysis_facts_end(void *state, struct err *err)
{
    struct analysis_facts *f = state;
    struct analysis_goroutines *gs = &f->goroutines;
    for (uint32_t row = 0; !f->has_ended && row < gs->rows.n; row++) {
        struct analysis_goroutine *g = &gs->rows.items[row];
        if (g->id == INT64_MIN)
            continue;
        analysis_gc_end_goroutine(&f->gc, g, f->last_ns);
        if (g->state == TRACE_GO_WAITING)
            analysis_waits_add_open(&f->waits, g, f->last_ns);
        analysis_goroutines_finish(gs, row, f->last_ns);
        analysis_user_finish(&f->user, row, f->last_ns);
        finish(f, row);
    }
    if (!f->has_ended) {
        analysis_procs_end(&f->procs, f->last_ns);
        if (f->options->ledger)
            analysis_ledger_gc_end(f->options->ledger, &f->gc);
        analysis_gc_end(&f->gc, f->last_ns);
        analysis_waits_end(&f->waits);
        analysis_user_end(&f->user, f->last_ns);
    }
    f->has_ended = true;
    bool failed = gs->failed || gs->parts.failed || f->procs.failed || f->gc.failed ||
                  f->waits.failed || f->user.failed ||
                  (f->options->ledger && f->options->ledger->failed);
    return !failed || err_nomem(err);
}

int64_t analysis_facts_start(const struct analysis_facts *f)
{
    return f->window.start_ns > f->first_ns ? f->window.start_ns : f->first_ns;
}

int64_t analysis_facts_length(const struct analysis_facts *f)
{
    return analysis_window_clip(&f->window, f->first_ns, f->last_ns);
}

int64_t analysis_facts_proc_time(const struct analysis_facts *f)
{
    int64_t ns = 0;
    for (size_t i = 0; i < f->procs.rows.n; i++)
        for (int use = 0; use < ANALYSIS_N_USES; use++)
            ns += f->procs.rows.items[i].use_ns[use];
    return ns;
}
