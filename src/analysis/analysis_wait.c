#include "analysis/analysis_wait.h"

#include <string.h>

void analysis_waits_init(struct analysis_waits *ws, const struct trace *trace,
                         const struct analysis_options *options,
                         const struct analysis_window *window)
{
    *ws = (struct analysis_waits){.trace = trace, .options = options, .window = window};
    analysis_top_init(&ws->longest_sched, options->n_rows, sizeof(struct analysis_wait));
    analysis_top_init(&ws->longest_blocks, options->n_rows, sizeof(struct analysis_wait));
    analysis_top_init(&ws->longest_runs, options->n_rows, sizeof(struct analysis_wait));
    analysis_top_init(&ws->longest_busy, options->n_rows, sizeof(struct analysis_wait));
    analysis_top_init(&ws->longest_syscalls, options->n_rows, sizeof(struct analysis_wait));
}

void analysis_waits_release(struct analysis_waits *ws, struct analysis_parts *parts)
{
    for (size_t i = 0; i < ws->groups.n; i++) {
        analysis_histogram_release(&ws->groups.items[i].sched);
        analysis_exec_drop(parts, &ws->groups.items[i].exec);
    }
    for (size_t i = 0; i < ws->reasons.n; i++)
        analysis_histogram_release(&ws->reasons.items[i].lengths);
    vec_release(&ws->groups);
    vec_release(&ws->reasons);
    vec_release(&ws->pairs);
    map_release(&ws->group_index);
    map_release(&ws->reason_index);
    map_release(&ws->pair_index);
    map_release(&ws->kind_index);
    analysis_histogram_release(&ws->sched);
    analysis_histogram_release(&ws->syscalls);
    analysis_top_release(&ws->longest_sched);
    analysis_top_release(&ws->longest_blocks);
    analysis_top_release(&ws->longest_busy);
    analysis_top_release(&ws->longest_runs);
    analysis_top_release(&ws->longest_syscalls);
}

/* --- groups --- */

static void name_top(struct analysis_top *top, int64_t g, uint32_t name)
{
    for (size_t i = 0; i < top->n; i++) {
        struct analysis_wait *w = (struct analysis_wait *)(top->items + i * top->item_bytes);
        if (w->g == g && !w->name)
            w->name = name;
        if (w->waker_g == g && !w->waker_name)
            w->waker_name = name;
        if (w->holder_g == g && !w->holder_name)
            w->holder_name = name;
    }
}

/* The name is known only now: the longest waits are told, too. */
static void name_late(struct analysis_waits *ws, const struct analysis_goroutine *g)
{
    name_top(&ws->longest_sched, g->id, g->name);
    name_top(&ws->longest_blocks, g->id, g->name);
    name_top(&ws->longest_busy, g->id, g->name);
    name_top(&ws->longest_runs, g->id, g->name);
    name_top(&ws->longest_syscalls, g->id, g->name);
}

struct analysis_go_group *analysis_waits_group(struct analysis_waits *ws,
                                               struct analysis_goroutine *g)
{
    if (g->group != ANALYSIS_NO_ROW && ws->groups.items[g->group].name == g->name)
        return &ws->groups.items[g->group];
    if (g->group != ANALYSIS_NO_ROW)
        name_late(ws, g);
    uint32_t next = (uint32_t)ws->groups.n;
    uint32_t row = map_get_or_put(&ws->group_index, g->name, next);
    const char *name = trace_string(ws->trace, g->name, NULL),
               *wanted = ws->options->goroutine_name;
    if (row == MAP_NONE ||
        (row == next &&
         !vec_push(&ws->groups,
                   (struct analysis_go_group){.name = g->name,
                                              .is_wanted = !wanted || !strcmp(name, wanted),
                                              .is_system = *name && analysis_is_system(name)}))) {
        ws->failed = true;
        return NULL;
    }
    g->group = row;
    return &ws->groups.items[row];
}

void analysis_waits_finish(struct analysis_waits *ws, struct analysis_parts *parts,
                           struct analysis_goroutine *g)
{
    struct analysis_go_group *group = analysis_waits_group(ws, g);
    bool is_part = ws->window->start_ns != INT64_MIN || ws->window->end_ns != INT64_MAX;
    if (!group || (ws->options->goroutine && g->id != ws->options->goroutine) ||
        (is_part && !g->exec.total_ns))
        return;
    group->count++;
    analysis_exec_add(parts, &group->exec, &g->exec, 1);
}

/* --- waits --- */

static enum analysis_wait_kind kind_of(struct analysis_waits *ws, uint32_t reason, uint32_t stack)
{
    uint64_t key = (uint64_t)stack << 32 | reason;
    uint32_t kind = map_get(&ws->kind_index, key);
    if (kind == MAP_NONE) {
        kind = analysis_wait_kind(ws->trace, reason, stack);
        ws->failed |= !map_put(&ws->kind_index, key, kind);
    }
    return (enum analysis_wait_kind)kind;
}

/* Who ended it gave the lock away.  Had he waited, too, for most of the time, it is who held it
 * then. */
static void find_holder(struct analysis_waits *ws, struct analysis_goroutine *g,
                        const struct analysis_goroutine *waker, struct analysis_wait *w)
{
    int64_t until_ns = w->at_ns + w->ns;
    w->kind = (uint8_t)kind_of(ws, w->reason, w->stack);
    w->is_open = w->kind == ANALYSIS_WAIT_LOCK && w->waker_g == TRACE_NONE;
    if (w->kind == ANALYSIS_WAIT_LOCK && !w->is_open) {
        const struct analysis_held *held = waker ? &waker->held : NULL;
        if (held && held->until_ns != ANALYSIS_NEVER && held->g != g->id &&
            held->until_ns - w->at_ns > until_ns - held->until_ns) {
            w->holder_g = held->g;
            w->holder_name = held->name;
            w->holder_stack = held->stack;
        } else {
            w->holder_g = w->waker_g;
            w->holder_name = w->waker_name;
            w->holder_stack = w->waker_stack;
        }
        g->held = (struct analysis_held){until_ns, w->holder_g, w->holder_name, w->holder_stack};
    }
}

bool analysis_waits_make(struct analysis_waits *ws, struct analysis_goroutine *g,
                         const struct analysis_stay *stay, const struct trace_event *event,
                         const struct analysis_goroutine *waker, struct analysis_wait *out)
{
    if (!stay->is_whole || stay->since_ns == ANALYSIS_NEVER || stay->state == TRACE_GO_RUNNING ||
        !analysis_window_has(ws->window, stay->until_ns))
        return false;
    *out = (struct analysis_wait){.ns = stay->until_ns - stay->since_ns,
                                  .at_ns = stay->since_ns,
                                  .g = g->id,
                                  .waker_g = TRACE_NONE,
                                  .holder_g = TRACE_NONE,
                                  .name = g->name,
                                  .reason = stay->reason,
                                  .stack = stay->stack,
                                  .state = stay->state};
    if (stay->state == TRACE_GO_WAITING) {
        out->waker_g = event->g;
        out->waker_name = waker ? waker->name : 0;
        out->waker_stack = event->type == GOTRACE_GO_UNBLOCK ? trace_event_stack(event) : 0;
        find_holder(ws, g, waker, out);
    }
    return true;
}

bool analysis_is_untold(const struct trace *trace, int64_t ns, int8_t *is_native)
{
    if (ns >= GOTRACE_UNTOLD_NS || *is_native < 0)
        return false;
    *is_native = trace_origin(trace).is_native ? 1 : -1;
    return *is_native > 0;
}

static struct analysis_histogram *reason_lengths(struct analysis_waits *ws, uint32_t reason)
{
    uint32_t next = (uint32_t)ws->reasons.n, row = map_get_or_put(&ws->reason_index, reason, next);
    if (row == MAP_NONE ||
        (row == next && !vec_push(&ws->reasons, (struct analysis_reason){.reason = reason})))
        return NULL;
    return &ws->reasons.items[row].lengths;
}

static bool add_pair(struct analysis_waits *ws, const struct analysis_wait *w)
{
    uint32_t next = (uint32_t)ws->pairs.n;
    uint64_t key = (uint64_t)w->stack << 32 | w->waker_stack;
    if (w->kind == ANALYSIS_WAIT_LOCK)
        key ^= hash_u64(w->holder_stack);
    uint32_t row = map_get_or_put(&ws->pair_index, key, next);
    struct analysis_pair new = {.stack = w->stack,
                                .waker_stack = w->waker_stack,
                                .holder_stack = w->holder_stack,
                                .reason = w->reason,
                                .kind = w->kind};
    if (row == MAP_NONE || (row == next && !vec_push(&ws->pairs, new)))
        return false;
    struct analysis_pair *pair = &ws->pairs.items[row];
    pair->name = w->name;
    pair->waker_name = w->waker_name;
    pair->holder_name = w->holder_name;
    pair->count++;
    pair->n_open += w->is_open;
    pair->total_ns += w->ns;
    if (w->ns > pair->max_ns) {
        pair->max_ns = w->ns;
        pair->max_at_ns = w->at_ns;
        pair->max_g = w->g;
    }
    return true;
}

static bool add_top(struct analysis_top *top, const struct analysis_wait *w)
{
    return !analysis_top_wants(top, w->ns) || analysis_top_add(top, w, NULL, NULL);
}

void analysis_waits_add(struct analysis_waits *ws, struct analysis_goroutine *g,
                        const struct analysis_wait *w)
{
    struct analysis_go_group *group = analysis_waits_group(ws, g);
    if (!group || !group->is_wanted || (ws->options->goroutine && g->id != ws->options->goroutine))
        return;
    bool ok = true;
    struct analysis_histogram *h;
    switch (w->state) {
    case TRACE_GO_RUNNABLE:
        if (analysis_is_untold(ws->trace, w->ns, &ws->is_native)) {
            ws->n_untold++;
            break;
        }
        ok = analysis_histogram_add(&ws->sched, w->ns) &&
             analysis_histogram_add(&group->sched, w->ns) &&
             (group->is_system || add_top(&ws->longest_sched, w));
        break;
    case TRACE_GO_SYSCALL:
        ok = analysis_histogram_add(&ws->syscalls, w->ns) && add_top(&ws->longest_syscalls, w);
        break;
    case TRACE_GO_WAITING:
        if (group->is_system)
            break;
        h = reason_lengths(ws, w->reason);
        ok = h && analysis_histogram_add(h, w->ns) && add_top(&ws->longest_blocks, w) &&
             (w->kind == ANALYSIS_WAIT_IDLE || add_top(&ws->longest_busy, w)) && add_pair(ws, w);
        break;
    default:
        break;
    }
    ws->failed |= !ok;
}

static void add_run(struct analysis_waits *ws, struct analysis_goroutine *g, int64_t now_ns)
{
    int64_t ns = now_ns - g->busy_since_ns;
    if (g->worker || !analysis_top_wants(&ws->longest_runs, ns) ||
        !analysis_window_has(ws->window, now_ns) ||
        (ws->options->goroutine && g->id != ws->options->goroutine))
        return;
    const struct analysis_go_group *group = analysis_waits_group(ws, g);
    const struct analysis_wait run = {.ns = ns,
                                      .at_ns = g->busy_since_ns,
                                      .g = g->id,
                                      .waker_g = TRACE_NONE,
                                      .holder_g = TRACE_NONE,
                                      .name = g->name,
                                      .state = TRACE_GO_RUNNING};
    if (group && group->is_wanted && !group->is_system && !add_top(&ws->longest_runs, &run))
        ws->failed = true;
}

void analysis_waits_run(struct analysis_waits *ws, struct analysis_goroutine *g, uint8_t to,
                        int64_t now_ns)
{
    if (to == TRACE_GO_RUNNING && g->busy_since_ns == ANALYSIS_NEVER) {
        g->busy_since_ns = now_ns;
    } else if ((to == TRACE_GO_WAITING || to == TRACE_GO_NOT_EXIST) &&
               g->busy_since_ns != ANALYSIS_NEVER) {
        add_run(ws, g, now_ns);
        g->busy_since_ns = ANALYSIS_NEVER;
    }
}

void analysis_waits_add_open(struct analysis_waits *ws, struct analysis_goroutine *g,
                             int64_t now_ns)
{
    struct analysis_go_group *group = analysis_waits_group(ws, g);
    if (!group || !group->is_wanted || group->is_system || g->since_ns == ANALYSIS_NEVER ||
        (ws->options->goroutine && g->id != ws->options->goroutine) ||
        !analysis_window_has(ws->window, now_ns) ||
        kind_of(ws, g->reason, g->stack) != ANALYSIS_WAIT_LOCK)
        return;
    const struct analysis_wait w = {.ns = now_ns - g->since_ns,
                                    .at_ns = g->since_ns,
                                    .g = g->id,
                                    .waker_g = TRACE_NONE,
                                    .holder_g = TRACE_NONE,
                                    .name = g->name,
                                    .reason = g->reason,
                                    .stack = g->stack,
                                    .state = g->state,
                                    .kind = ANALYSIS_WAIT_LOCK,
                                    .is_open = true};
    if (!add_top(&ws->longest_blocks, &w) || !add_top(&ws->longest_busy, &w) || !add_pair(ws, &w))
        ws->failed = true;
}

void analysis_waits_end(struct analysis_waits *ws)
{
    analysis_top_sort(&ws->longest_sched);
    analysis_top_sort(&ws->longest_blocks);
    analysis_top_sort(&ws->longest_busy);
    analysis_top_sort(&ws->longest_runs);
    analysis_top_sort(&ws->longest_syscalls);
}
