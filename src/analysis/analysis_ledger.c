#include "analysis/analysis_ledger.h"

void analysis_ledger_release(struct analysis_ledger *ledger)
{
    vec_release(&ledger->goroutines);
    vec_release(&ledger->regions);
    vec_release(&ledger->tasks);
    vec_release(&ledger->logs);
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
