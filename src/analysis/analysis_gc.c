#include "analysis/analysis_gc.h"

#include <string.h>

#define PROCS_MAX (1 << 16)

const int64_t analysis_gc_windows[ANALYSIS_GC_N_WINDOWS] = {1000000, 10000000, 100000000};

void analysis_gc_init(struct analysis_gc *gc, const struct trace *trace,
                      const struct analysis_window *window, unsigned n_rows)
{
    *gc = (struct analysis_gc){.trace = trace,
                               .window = window,
                               .first_ns = ANALYSIS_NEVER,
                               .stop_since_ns = ANALYSIS_NEVER};
    analysis_top_init(&gc->longest_cycles, n_rows, sizeof(struct analysis_pause));
    analysis_top_init(&gc->longest_pauses, n_rows, sizeof(struct analysis_pause));
    analysis_mmu_init(&gc->mmu,
                      ANALYSIS_MMU_STW | ANALYSIS_MMU_BACKGROUND | ANALYSIS_MMU_ASSIST |
                          ANALYSIS_MMU_SWEEP,
                      analysis_gc_windows, ANALYSIS_GC_N_WINDOWS);
}

void analysis_gc_release(struct analysis_gc *gc)
{
    analysis_histogram_release(&gc->cycles);
    analysis_histogram_release(&gc->pauses);
    for (size_t i = 0; i < gc->kinds.n; i++)
        analysis_histogram_release(&gc->kinds.items[i].lengths);
    vec_release(&gc->kinds);
    map_release(&gc->kind_of);
    vec_release(&gc->sweeping);
    analysis_top_release(&gc->longest_cycles);
    analysis_top_release(&gc->longest_pauses);
    analysis_mmu_release(&gc->mmu);
}

static int64_t span(const struct analysis_gc *gc, int64_t from_ns, int64_t to_ns)
{
    return analysis_window_clip(gc->window, from_ns, to_ns);
}

/* --- pauses and cycles --- */

static struct analysis_histogram *kind_lengths(struct analysis_gc *gc, uint32_t kind)
{
    uint32_t next = (uint32_t)gc->kinds.n, at = map_get_or_put(&gc->kind_of, kind, next);
    if (at == MAP_NONE ||
        (at == next && !vec_push(&gc->kinds, (struct analysis_pause_kind){.kind = kind})))
        return NULL;
    return &gc->kinds.items[at].lengths;
}

static void end_pause(struct analysis_gc *gc, int64_t now_ns)
{
    if (gc->stop_since_ns == ANALYSIS_NEVER)
        return;
    struct analysis_pause pause = {span(gc, gc->stop_since_ns, now_ns), gc->stop_since_ns,
                                   gc->stop_kind};
    gc->stop_since_ns = ANALYSIS_NEVER;
    if (!pause.ns)
        return;
    struct analysis_histogram *of_kind = kind_lengths(gc, pause.kind);
    if (!of_kind || !analysis_histogram_add(of_kind, pause.ns) ||
        !analysis_histogram_add(&gc->pauses, pause.ns) ||
        !analysis_top_add(&gc->longest_pauses, &pause, NULL, NULL))
        gc->failed = true;
}

static void end_cycle(struct analysis_gc *gc, int64_t now_ns)
{
    struct analysis_pause cycle = {span(gc, gc->cycle_since_ns, now_ns), gc->cycle_since_ns, 0};
    if (!gc->is_marking)
        return;
    gc->is_marking = false;
    gc->active_ns += cycle.ns;
    if (cycle.ns && (!analysis_histogram_add(&gc->cycles, cycle.ns) ||
                     !analysis_top_add(&gc->longest_cycles, &cycle, NULL, NULL)))
        gc->failed = true;
}

/* --- workers and assists: time counts while the goroutine runs --- */

static void stop_running(struct analysis_gc *gc, struct analysis_goroutine *g, int64_t now_ns)
{
    if (g->assist_since_ns != ANALYSIS_NEVER)
        gc->assist_ns += span(gc, g->assist_since_ns, now_ns);
    if (g->worker_since_ns != ANALYSIS_NEVER)
        gc->worker_ns[g->worker] += span(gc, g->worker_since_ns, now_ns);
    g->assist_since_ns = g->worker_since_ns = ANALYSIS_NEVER;
}

static void start_running(struct analysis_goroutine *g, int64_t now_ns)
{
    if (g->is_assisting && g->assist_since_ns == ANALYSIS_NEVER)
        g->assist_since_ns = now_ns;
    if (g->worker && g->worker_since_ns == ANALYSIS_NEVER)
        g->worker_since_ns = now_ns;
}

void analysis_gc_transition(struct analysis_gc *gc, const struct trace_event *event,
                            const struct trace_transition *t, struct analysis_goroutine *g)
{
    analysis_mmu_event(&gc->mmu, gc->trace, event, t);
    if (gc->other_mmu)
        analysis_mmu_event(gc->other_mmu, gc->trace, event, t);
    if (!g->worker && !g->is_assisting)
        return;
    if (t->to == TRACE_GO_RUNNING)
        start_running(g, event->time_ns);
    else
        stop_running(gc, g, event->time_ns);
}

static void set_assist(struct analysis_gc *gc, const struct trace_event *event,
                       struct analysis_goroutine *g, bool is_active)
{
    if (!g)
        return;
    g->is_assisting = event->type != GOTRACE_GC_MARK_ASSIST_END;
    if (g->is_assisting) {
        gc->n_assists += !is_active;
        if (g->state == TRACE_GO_RUNNING)
            start_running(g, is_active ? g->since_ns : event->time_ns);
    } else if (g->assist_since_ns != ANALYSIS_NEVER) {
        gc->assist_ns += span(gc, g->assist_since_ns, event->time_ns);
        g->assist_since_ns = ANALYSIS_NEVER;
    }
}

static void set_worker(struct analysis_gc *gc, const struct trace_event *event,
                       struct analysis_goroutine *g)
{
    const char *label = trace_string(gc->trace, (uint32_t)event->args[0], NULL);
    if (!g || strncmp(label, "GC ", 3) != 0)
        return;
    if (g->worker_since_ns != ANALYSIS_NEVER)
        stop_running(gc, g, event->time_ns);
    g->worker = !strcmp(label, "GC (dedicated)")    ? ANALYSIS_WORKER_DEDICATED
                : !strcmp(label, "GC (fractional)") ? ANALYSIS_WORKER_FRACTIONAL
                                                    : ANALYSIS_WORKER_IDLE;
    if (g->state == TRACE_GO_RUNNING)
        start_running(g, event->time_ns);
}

/* --- sweeping, the heap --- */

static void set_sweep(struct analysis_gc *gc, const struct trace_event *event, int64_t p)
{
    if (p < 0 || p >= PROCS_MAX)
        return;
    while (gc->sweeping.n <= (size_t)p)
        if (!vec_push(&gc->sweeping, ANALYSIS_NEVER)) {
            gc->failed = true;
            return;
        }
    int64_t *since_ns = &gc->sweeping.items[p];
    if (event->type != GOTRACE_GC_SWEEP_END) {
        gc->n_sweeps += event->type == GOTRACE_GC_SWEEP_BEGIN;
        if (event->type == GOTRACE_GC_SWEEP_BEGIN || *since_ns == ANALYSIS_NEVER)
            *since_ns = event->time_ns;
        return;
    }
    if (*since_ns != ANALYSIS_NEVER)
        gc->sweep_ns += span(gc, *since_ns, event->time_ns);
    *since_ns = ANALYSIS_NEVER;
}

static void set_level(struct analysis_level *level, uint64_t value)
{
    if (!level->is_known)
        *level = (struct analysis_level){true, value, value, value, value};
    level->least = value < level->least ? value : level->least;
    level->most = value > level->most ? value : level->most;
    level->last = value;
}

void analysis_gc_event(struct analysis_gc *gc, const struct trace_event *event,
                       struct analysis_goroutine *g)
{
    int64_t now_ns = event->time_ns;
    if (gc->first_ns == ANALYSIS_NEVER)
        gc->first_ns = now_ns;
    analysis_mmu_event(&gc->mmu, gc->trace, event, NULL);
    if (gc->other_mmu)
        analysis_mmu_event(gc->other_mmu, gc->trace, event, NULL);
    switch (event->type) {
    case TRACE_SYNC:
        gc->n_sync = event->args[0];
        break;
    case GOTRACE_GC_ACTIVE: /* of the first generation: since the trace began */
        if (gc->is_marking)
            break;
        gc->is_marking = true;
        gc->cycle_since_ns = gc->n_sync <= 1 ? gc->first_ns : now_ns;
        break;
    case GOTRACE_GC_BEGIN:
        gc->is_marking = true;
        gc->cycle_since_ns = now_ns;
        break;
    case GOTRACE_GC_END:
        end_cycle(gc, now_ns);
        break;
    case GOTRACE_STW_BEGIN:
        gc->stop_since_ns = now_ns;
        gc->stop_kind = (uint32_t)event->args[0];
        break;
    case GOTRACE_STW_END:
        end_pause(gc, now_ns);
        break;
    case GOTRACE_GC_SWEEP_ACTIVE:
        set_sweep(gc, event, (int64_t)event->args[0]);
        break;
    case GOTRACE_GC_SWEEP_BEGIN:
    case GOTRACE_GC_SWEEP_END:
        set_sweep(gc, event, event->p);
        break;
    case GOTRACE_GC_MARK_ASSIST_ACTIVE:
    case GOTRACE_GC_MARK_ASSIST_BEGIN:
    case GOTRACE_GC_MARK_ASSIST_END:
        set_assist(gc, event, g, event->type == GOTRACE_GC_MARK_ASSIST_ACTIVE);
        break;
    case GOTRACE_GO_LABEL:
        set_worker(gc, event, g);
        break;
    case GOTRACE_HEAP_ALLOC:
        if (analysis_window_has(gc->window, now_ns))
            set_level(&gc->heap, event->args[0]);
        break;
    case GOTRACE_HEAP_GOAL:
        /* What is not limited yet is told as nearly 2^64. */
        if (analysis_window_has(gc->window, now_ns) && event->args[0] < (uint64_t)1 << 50)
            set_level(&gc->goal, event->args[0]);
        break;
    default:
        break;
    }
}

void analysis_gc_end_goroutine(struct analysis_gc *gc, struct analysis_goroutine *g,
                               int64_t time_ns)
{
    stop_running(gc, g, time_ns);
}

void analysis_gc_end(struct analysis_gc *gc, int64_t time_ns)
{
    gc->last_ns = time_ns;
    if (gc->is_marking)
        gc->active_ns += span(gc, gc->cycle_since_ns, time_ns);
    for (size_t i = 0; i < gc->sweeping.n; i++)
        if (gc->sweeping.items[i] != ANALYSIS_NEVER)
            gc->sweep_ns += span(gc, gc->sweeping.items[i], time_ns);
    analysis_mmu_end(&gc->mmu, time_ns);
    analysis_top_sort(&gc->longest_cycles);
    analysis_top_sort(&gc->longest_pauses);
    gc->failed |= gc->mmu.failed;
}

int64_t analysis_gc_work(const struct analysis_gc *gc)
{
    int64_t ns = gc->assist_ns + gc->sweep_ns;
    for (int i = 0; i < ANALYSIS_N_WORKERS; i++)
        ns += gc->worker_ns[i];
    return ns;
}
