#include "analysis/analysis_ledger.h"

void analysis_ledger_release(struct analysis_ledger *ledger)
{
    vec_release(&ledger->goroutines);
    vec_release(&ledger->regions);
    vec_release(&ledger->tasks);
    vec_release(&ledger->logs);
    vec_release(&ledger->cycles);
}

/* A copy with chains of its own. */
static struct analysis_exec copy(struct analysis_parts *parts, const struct analysis_exec *exec)
{
    struct analysis_exec own = {0};
    analysis_exec_add(parts, &own, exec, 1);
    return own;
}

/* Is there room for one more of n rows? */
static bool has_room(struct analysis_ledger *ledger, size_t n)
{
    if (n < ANALYSIS_LEDGER_ROWS_MAX)
        return true;
    ledger->n_dropped++;
    return false;
}

void analysis_ledger_goroutine(struct analysis_ledger *ledger, struct analysis_parts *parts,
                               const struct analysis_goroutine *g)
{
    if (!has_room(ledger, ledger->goroutines.n))
        return;
    const struct analysis_ledger_goroutine row = {.id = g->id,
                                                  .name = g->name,
                                                  .created_ns = g->created_ns,
                                                  .started_ns = g->started_ns,
                                                  .end_ns = g->end_ns,
                                                  .exec = copy(parts, &g->exec)};
    ledger->failed |= !vec_push(&ledger->goroutines, row);
}

void analysis_ledger_region(struct analysis_ledger *ledger, struct analysis_parts *parts,
                            const struct analysis_ledger_region *region)
{
    struct analysis_ledger_region row = *region;
    if (!has_room(ledger, ledger->regions.n))
        return;
    row.exec = copy(parts, &region->exec);
    ledger->failed |= !vec_push(&ledger->regions, row);
}

void analysis_ledger_task(struct analysis_ledger *ledger, struct analysis_parts *parts,
                          const struct analysis_ledger_task *task,
                          const struct analysis_exec *others)
{
    struct analysis_ledger_task row = *task;
    if (!has_room(ledger, ledger->tasks.n))
        return;
    row.exec = copy(parts, &task->exec);
    analysis_exec_add(parts, &row.exec, others, 1);
    ledger->failed |= !vec_push(&ledger->tasks, row);
}

void analysis_ledger_log(struct analysis_ledger *ledger, const struct analysis_ledger_log *log)
{
    if (has_room(ledger, ledger->logs.n))
        ledger->failed |= !vec_push(&ledger->logs, *log);
}

/* --- cycles --- */

void analysis_ledger_gc_end(struct analysis_ledger *ledger, const struct analysis_gc *gc)
{
    struct analysis_ledger_cycle now = {.assist_ns = gc->assist_ns, .sweep_ns = gc->sweep_ns};
    for (int i = 0; i < ANALYSIS_N_WORKERS; i++)
        now.worker_ns += gc->worker_ns[i];
    if (ledger->cycles.n) {
        struct analysis_ledger_cycle *last = &ledger->cycles.items[ledger->cycles.n - 1];
        last->worker_ns = now.worker_ns - ledger->before.worker_ns;
        last->assist_ns = now.assist_ns - ledger->before.assist_ns;
        last->sweep_ns = now.sweep_ns - ledger->before.sweep_ns;
    }
    ledger->before = now;
}

static uint64_t level(const struct analysis_level *l)
{
    return l->is_known ? l->last : 0;
}

void analysis_ledger_gc(struct analysis_ledger *ledger, const struct analysis_gc *gc,
                        const struct trace_event *event)
{
    size_t n = ledger->cycles.n;
    bool is_open = n && ledger->cycles.items[n - 1].end_ns == ANALYSIS_NEVER;
    if (event->type == GOTRACE_GC_END) {
        if (is_open) {
            ledger->cycles.items[n - 1].end_ns = event->time_ns;
            ledger->cycles.items[n - 1].heap_after = level(&gc->heap);
        }
        return;
    }
    if ((event->type != GOTRACE_GC_BEGIN && event->type != GOTRACE_GC_ACTIVE) || is_open ||
        !has_room(ledger, n))
        return;
    analysis_ledger_gc_end(ledger, gc);
    const struct analysis_ledger_cycle row = {
        .start_ns = gc->cycle_since_ns,
        .end_ns = ANALYSIS_NEVER,
        .heap_before = level(&gc->heap),
        .goal = level(&gc->goal),
        .stack = event->type == GOTRACE_GC_BEGIN ? trace_event_stack(event) : 0};
    ledger->failed |= !vec_push(&ledger->cycles, row);
}
