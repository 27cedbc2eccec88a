#include "analysis/analysis_proc.h"

#define N_DIRECT 256

const char *const analysis_use_names[ANALYSIS_N_USES] = {"idle", "scheduling", "running",
                                                         "gc_worker", "syscall"};

void analysis_procs_init(struct analysis_procs *ps, const struct analysis_window *window)
{
    *ps = (struct analysis_procs){.window = window, .sync_ns = INT64_MIN, .last_m = TRACE_NONE};
}

void analysis_procs_release(struct analysis_procs *ps)
{
    vec_release(&ps->rows);
    map_release(&ps->ids);
    free(ps->direct);
    vec_release(&ps->threads);
    map_release(&ps->thread_ids);
}

/* NULL: no memory, or none. */
static struct analysis_proc *find(struct analysis_procs *ps, int64_t id, int64_t now_ns)
{
    if (id < 0 || id > INT32_MAX)
        return NULL;
    if (id < N_DIRECT && ps->direct && ps->direct[id])
        return &ps->rows.items[ps->direct[id] - 1];
    uint32_t next = (uint32_t)ps->rows.n, row = map_get_or_put(&ps->ids, (uint64_t)id, next);
    if (row != MAP_NONE && row != next)
        return &ps->rows.items[row];
    struct analysis_proc p = {.id = (int32_t)id,
                              .use = ANALYSIS_N_USES, /* not known yet */
                              .since_ns = now_ns,
                              .first_ns = now_ns,
                              .m = TRACE_NONE};
    if (!ps->direct)
        ps->direct = calloc(N_DIRECT, sizeof *ps->direct);
    if (row == MAP_NONE || !ps->direct || !vec_push(&ps->rows, p)) {
        ps->failed = true;
        return NULL;
    }
    if (id < N_DIRECT)
        ps->direct[id] = next + 1;
    return &ps->rows.items[next];
}

static void set_use(struct analysis_procs *ps, struct analysis_proc *p, uint8_t use, int64_t now_ns)
{
    if (p->use == use)
        return;
    if (p->use < ANALYSIS_N_USES) {
        int64_t ns = analysis_window_clip(ps->window, p->since_ns, now_ns);
        p->use_ns[p->use] += ns;
        if (p->use == ANALYSIS_USE_IDLE && ns > 0 && p->is_gap_whole) {
            p->n_gaps++;
            if (ns > p->longest_gap_ns) {
                p->longest_gap_ns = ns;
                p->longest_gap_at_ns = p->since_ns;
            }
        }
    }
    p->use = use;
    p->since_ns = now_ns;
    p->is_gap_whole = true;
}

/* The thread of the event, which is one more if it was not met yet. */
static uint32_t see_thread(struct analysis_procs *ps, int64_t m)
{
    uint32_t next = (uint32_t)ps->threads.n;
    uint32_t row = map_get_or_put(&ps->thread_ids, (uint64_t)m, next);
    if (row == MAP_NONE ||
        (row == next && !vec_push(&ps->threads, (struct analysis_thread){.id = m})))
        ps->failed = true;
    return row;
}

static void leave_thread(struct analysis_procs *ps, struct analysis_proc *p, int64_t now_ns)
{
    if (p->m != TRACE_NONE && p->thread < ps->threads.n)
        ps->threads.items[p->thread].proc_ns +=
            analysis_window_clip(ps->window, p->thread_since_ns, now_ns);
    p->m = TRACE_NONE;
}

static void on_thread(struct analysis_procs *ps, struct analysis_proc *p, int64_t m, int64_t now_ns)
{
    leave_thread(ps, p, now_ns);
    if (m == TRACE_NONE)
        return;
    p->m = m;
    p->thread = see_thread(ps, m);
    p->thread_since_ns = now_ns;
}

void analysis_procs_proc(struct analysis_procs *ps, const struct trace_event *event,
                         const struct trace_transition *t)
{
    int64_t now_ns = event->time_ns;
    bool is_first = t->from == TRACE_PROC_UNDETERMINED;
    /* What is met for the first time was so since the last sync. */
    int64_t since_ns = is_first && ps->sync_ns != INT64_MIN ? ps->sync_ns : now_ns;
    struct analysis_proc *p = find(ps, t->id, since_ns);
    if (!p)
        return;
    if (t->to == TRACE_PROC_RUNNING) {
        set_use(ps, p, ANALYSIS_USE_SCHED, since_ns);
        /* Of a state that is told about another thread's processor nothing is known. */
        on_thread(ps, p,
                  !is_first || event->p == t->id || event->p == TRACE_NONE ? event->m : TRACE_NONE,
                  since_ns);
    } else {
        set_use(ps, p, ANALYSIS_USE_IDLE, since_ns);
        p->is_gap_whole = !is_first;
        leave_thread(ps, p, now_ns);
    }
}

void analysis_procs_goroutine(struct analysis_procs *ps, const struct trace_event *event,
                              const struct trace_transition *t, bool is_worker)
{
    if (event->m != ps->last_m && event->m != TRACE_NONE) {
        ps->last_m = event->m;
        see_thread(ps, event->m);
    }
    uint8_t use;
    if (t->to == TRACE_GO_RUNNING)
        use = is_worker ? ANALYSIS_USE_WORKER : ANALYSIS_USE_GO;
    else if (t->to == TRACE_GO_SYSCALL && t->from == TRACE_GO_RUNNING)
        use = ANALYSIS_USE_SYSCALL;
    else if (t->from == TRACE_GO_RUNNING ||
             (t->from == TRACE_GO_SYSCALL && t->to == TRACE_GO_NOT_EXIST))
        use = ANALYSIS_USE_SCHED;
    else
        return;
    struct analysis_proc *p = find(ps, event->p, event->time_ns);
    if (!p)
        return;
    p->n_runs += t->from == TRACE_GO_RUNNABLE && t->to == TRACE_GO_RUNNING;
    set_use(ps, p, use, event->time_ns);
}

void analysis_procs_worker(struct analysis_procs *ps, const struct trace_event *event)
{
    struct analysis_proc *p = find(ps, event->p, event->time_ns);
    if (p && p->use == ANALYSIS_USE_GO)
        set_use(ps, p, ANALYSIS_USE_WORKER, event->time_ns);
}

void analysis_procs_end(struct analysis_procs *ps, int64_t time_ns)
{
    for (size_t i = 0; i < ps->rows.n; i++) {
        struct analysis_proc *p = &ps->rows.items[i];
        p->is_gap_whole = false;
        set_use(ps, p, ANALYSIS_N_USES, time_ns);
        leave_thread(ps, p, time_ns);
    }
}
