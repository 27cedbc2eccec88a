#include "analysis/analysis_user.h"

#include "analysis/analysis_ledger.h"

#include <string.h>

/* Of a goroutine's open tasks and regions only so many, the latest, are looked through at each of
 * its events: who leaves more open gets less exact answers, but gets them. */
#define CHAIN_MAX 1000

void analysis_user_init(struct analysis_user *u, const struct trace *trace,
                        const struct analysis_options *options,
                        const struct analysis_window *window, struct analysis_goroutines *gs,
                        struct analysis_waits *waits)
{
    *u = (struct analysis_user){.trace = trace,
                                .options = options,
                                .window = window,
                                .gs = gs,
                                .waits = waits,
                                .first_ns = ANALYSIS_NEVER};
    analysis_top_init(&u->slowest, options->n_rows, sizeof(struct analysis_slow_task));
}

static void release_kinds(struct analysis_kind *kinds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        analysis_histogram_release(&kinds[i].lengths);
}

void analysis_user_release(struct analysis_user *u)
{
    release_kinds(u->task_kinds.items, u->task_kinds.n);
    release_kinds(u->region_kinds.items, u->region_kinds.n);
    vec_release(&u->tasks);
    vec_release(&u->details);
    vec_release(&u->logs);
    vec_release(&u->open);
    vec_release(&u->task_kinds);
    vec_release(&u->region_kinds);
    map_release(&u->task_index);
    map_release(&u->task_kind_index);
    map_release(&u->region_kind_index);
    analysis_top_release(&u->slowest);
}

/* A free place in a pool, which is a vec with a chain of free places: UINT32_MAX: no memory. */
#define POOL_TAKE(u, pool, free_chain, type)                                                       \
    ((u)->free_chain ? pool_pop(&(u)->free_chain, &(u)->pool.items[(u)->free_chain].next)          \
     : (((u)->pool.n || vec_push(&(u)->pool, (type){0})) && vec_push(&(u)->pool, (type){0}))       \
         ? (uint32_t)((u)->pool.n - 1)                                                             \
         : UINT32_MAX)

static uint32_t pool_pop(uint32_t *chain, const uint32_t *next)
{
    uint32_t at = *chain;
    *chain = *next;
    return at;
}

static struct analysis_kind *find_kind(struct analysis_user *u, bool is_region, uint32_t name,
                                       uint32_t frame)
{
    struct map *index = is_region ? &u->region_kind_index : &u->task_kind_index;
    uint32_t next = (uint32_t)(is_region ? u->region_kinds.n : u->task_kinds.n);
    uint32_t row = map_get_or_put(index, (uint64_t)name << 32 | frame, next);
    struct analysis_kind new = {.name = name, .frame = frame};
    if (row == MAP_NONE || (row == next && !(is_region ? vec_push(&u->region_kinds, new)
                                                       : vec_push(&u->task_kinds, new)))) {
        u->failed = true;
        return NULL;
    }
    return is_region ? &u->region_kinds.items[row] : &u->task_kinds.items[row];
}

/* --- tasks --- */

static struct analysis_task_row *find_task(struct analysis_user *u, uint64_t id)
{
    uint32_t next = (uint32_t)u->tasks.n, row = map_get_or_put(&u->task_index, id, next);
    struct analysis_task_row new = {.id = id,
                                    .parent = TRACE_NO_TASK,
                                    .is_wanted = !u->options->task || u->options->task == id,
                                    .start_ns = ANALYSIS_NEVER,
                                    .end_ns = ANALYSIS_NEVER};
    if (row == MAP_NONE || (row == next && !vec_push(&u->tasks, new))) {
        u->failed = true;
        return NULL;
    }
    return &u->tasks.items[row];
}

static void drop_detail(struct analysis_user *u, uint32_t at)
{
    struct analysis_task_detail *d = &u->details.items[at];
    struct analysis_parts *parts = &u->gs->parts;
    analysis_exec_drop(parts, &d->before);
    analysis_exec_drop(parts, &d->own);
    analysis_exec_drop(parts, &d->others);
    if (d->first_log) {
        u->logs.items[d->last_log].next = u->free_log;
        u->free_log = d->first_log;
    }
    u->tasks.items[d->task].detail = 0;
    *d = (struct analysis_task_detail){.next = u->free_detail};
    u->free_detail = at;
}

static void unchain(struct analysis_user *u, struct analysis_goroutine *g, uint32_t detail)
{
    struct analysis_task_detail *d = &u->details.items[detail];
    if (d->next)
        u->details.items[d->next].previous = d->previous;
    if (d->previous)
        u->details.items[d->previous].next = d->next;
    else
        g->own_tasks = d->next;
    d->next = d->previous = 0;
}

static bool wants_goroutine(struct analysis_user *u, struct analysis_goroutine *g)
{
    if (u->options->goroutine && (!g || g->id != u->options->goroutine))
        return false;
    if (!u->options->goroutine_name)
        return true;
    struct analysis_go_group *group = g ? analysis_waits_group(u->waits, g) : NULL;
    return group && group->is_wanted;
}

static void begin_task(struct analysis_user *u, const struct trace_event *event,
                       const struct trace_task *t)
{
    struct analysis_task_row *task = find_task(u, t->id);
    uint32_t g_row = analysis_goroutines_find(u->gs, event->g);
    struct analysis_goroutine *g = g_row != ANALYSIS_NO_ROW ? &u->gs->rows.items[g_row] : NULL;
    if (!task || task->start_ns != ANALYSIS_NEVER)
        return;
    task->name = t->name;
    task->start_ns = event->time_ns;
    task->parent = t->parent;
    if (!task->is_wanted && t->parent != TRACE_NO_TASK) {
        uint32_t parent = map_get(&u->task_index, t->parent);
        task->is_wanted = parent != MAP_NONE && u->tasks.items[parent].is_wanted &&
                          t->parent != TRACE_BACKGROUND_TASK;
    }
    task->is_wanted = task->is_wanted && wants_goroutine(u, g);
    uint32_t at = POOL_TAKE(u, details, free_detail, struct analysis_task_detail);
    if (at == UINT32_MAX) {
        u->failed = true;
        return;
    }
    task->detail = at;
    u->details.items[at] =
        (struct analysis_task_detail){.task = (uint32_t)(task - u->tasks.items), .g = TRACE_NONE};
    if (!g)
        return;
    struct analysis_exec before = analysis_goroutines_snapshot(u->gs, g_row, event->time_ns);
    struct analysis_task_detail *d = &u->details.items[at];
    d->before = before;
    d->g = event->g;
    d->next = g->own_tasks;
    if (d->next)
        u->details.items[d->next].previous = at;
    g->own_tasks = at;
}

/* What the goroutine has done since: `before` is used up. */
static struct analysis_exec since(struct analysis_user *u, uint32_t row, int64_t now_ns,
                                  struct analysis_exec *before)
{
    struct analysis_exec exec = analysis_goroutines_snapshot(u->gs, row, now_ns);
    analysis_exec_add(&u->gs->parts, &exec, before, -1);
    analysis_exec_drop(&u->gs->parts, before);
    return exec;
}

static void end_own(struct analysis_user *u, const struct trace_event *event, uint32_t at)
{
    struct analysis_task_detail *d = &u->details.items[at];
    if (d->g == TRACE_NONE)
        return;
    uint32_t row = analysis_goroutines_find(u->gs, d->g);
    if (row == ANALYSIS_NO_ROW)
        return;
    unchain(u, &u->gs->rows.items[row], at);
    struct analysis_exec own = since(u, row, event->time_ns, &d->before);
    d->own = own;
}

/* The task may be one of the slowest: then what is known of it is kept. */
static void judge(struct analysis_user *u, struct analysis_task_row *task, int64_t ns)
{
    struct analysis_slow_task slow = {ns, (uint32_t)(task - u->tasks.items), task->detail}, dropped;
    bool has_dropped;
    if (!task->detail)
        return;
    if (!task->is_wanted) {
        drop_detail(u, task->detail);
        return;
    }
    if (!analysis_top_add(&u->slowest, &slow, &dropped, &has_dropped))
        u->failed = true;
    else if (has_dropped)
        drop_detail(u, dropped.detail);
}

/* What is known of the task goes to the ledger. */
static void enter_task(struct analysis_user *u, const struct analysis_task_row *task)
{
    struct analysis_ledger_task row = {.id = task->id,
                                       .parent = task->parent,
                                       .name = task->name,
                                       .start_ns = task->start_ns,
                                       .end_ns = task->end_ns};
    const struct analysis_task_detail *d = &u->details.items[task->detail];
    struct analysis_exec others = {0};
    if (!u->options->ledger)
        return;
    if (task->detail) {
        row.n_regions = d->n_regions;
        row.n_logs = d->n_logs;
        row.exec = d->own;
        others = d->others;
    }
    analysis_ledger_task(u->options->ledger, &u->gs->parts, &row, &others);
}

static void end_task(struct analysis_user *u, const struct trace_event *event,
                     const struct trace_task *t)
{
    struct analysis_task_row *task = find_task(u, t->id);
    if (!task || task->end_ns != ANALYSIS_NEVER)
        return;
    if (!task->name)
        task->name = t->name;
    if (task->parent == TRACE_NO_TASK)
        task->parent = t->parent;
    task->end_ns = event->time_ns;
    if (task->detail)
        end_own(u, event, task->detail);
    enter_task(u, task);
    if (task->start_ns == ANALYSIS_NEVER)
        return;
    int64_t ns = task->end_ns - task->start_ns;
    if (!analysis_window_has(u->window, task->end_ns)) {
        if (task->detail)
            drop_detail(u, task->detail);
        return;
    }
    struct analysis_kind *kind = task->is_wanted ? find_kind(u, false, task->name, 0) : NULL;
    if (kind) {
        u->failed |= !analysis_histogram_add(&kind->lengths, ns);
        if (task->detail)
            analysis_exec_add(&u->gs->parts, &kind->exec, &u->details.items[task->detail].own, 1);
    }
    judge(u, task, ns);
}

static void add_log(struct analysis_user *u, const struct trace_event *event,
                    const struct trace_log *log)
{
    struct analysis_task_row *task = find_task(u, log->task);
    const struct analysis_ledger_log row = {event->time_ns, event->g, log->task, log->category,
                                            log->message};
    if (u->options->ledger)
        analysis_ledger_log(u->options->ledger, &row);
    u->n_logs += analysis_window_has(u->window, event->time_ns);
    if (!task || !task->detail || task->end_ns != ANALYSIS_NEVER)
        return;
    uint32_t detail = task->detail;
    if (u->details.items[detail].n_logs++ >= ANALYSIS_LOGS_MAX)
        return;
    uint32_t at = POOL_TAKE(u, logs, free_log, struct analysis_log);
    if (at == UINT32_MAX) {
        u->failed = true;
        return;
    }
    u->logs.items[at] =
        (struct analysis_log){event->time_ns, event->g, log->category, log->message, 0};
    struct analysis_task_detail *d = &u->details.items[detail];
    if (d->first_log)
        u->logs.items[d->last_log].next = at;
    else
        d->first_log = at;
    d->last_log = at;
}

/* --- regions --- */

static uint32_t outermost(const struct analysis_user *u, uint32_t stack)
{
    struct trace_stack s = trace_stack(u->trace, stack);
    return s.n_frames ? s.frames[s.n_frames - 1] + 1 : 0;
}

/* `before` is taken over. */
static void open_region(struct analysis_user *u, struct analysis_goroutine *g, uint64_t task,
                        uint32_t name, const struct trace_event *event, struct analysis_exec before)
{
    uint32_t at = POOL_TAKE(u, open, free_open, struct analysis_open_region);
    if (at == UINT32_MAX) {
        analysis_exec_drop(&u->gs->parts, &before);
        u->failed = true;
        return;
    }
    u->open.items[at] = (struct analysis_open_region){
        .name = name,
        .next = g->regions,
        .frame = outermost(u, trace_event_stack(event)),
        .task = task,
        .start_ns = event->time_ns,
        .before = before,
    };
    g->regions = at;
}

/* Is it within another region of the same task? */
static bool is_nested(const struct analysis_user *u, const struct analysis_goroutine *g,
                      uint64_t task)
{
    uint32_t at = g->regions;
    for (unsigned i = 0; at && i < CHAIN_MAX; i++, at = u->open.items[at].next)
        if (u->open.items[at].task == task)
            return true;
    return false;
}

/* A region is over, or the trace is (is_whole: both ends were seen).  The region is off the
 * goroutine's chain; `exec`, what was done in it, is used up. */
static void add_region(struct analysis_user *u, struct analysis_goroutine *g,
                       const struct analysis_open_region *r, struct analysis_exec *exec,
                       int64_t end_ns, bool is_whole)
{
    struct analysis_parts *parts = &u->gs->parts;
    int64_t start_ns = r->start_ns == ANALYSIS_NEVER ? u->first_ns : r->start_ns;
    uint32_t task = map_get(&u->task_index, r->task);
    bool is_wanted =
        !u->options->task || (task != MAP_NONE && u->tasks.items[task].is_wanted && r->task);
    if (is_wanted && wants_goroutine(u, g) && analysis_window_clip(u->window, start_ns, end_ns)) {
        struct analysis_kind *kind = find_kind(u, true, r->name, r->frame);
        if (kind) {
            kind->count++;
            kind->n_unfinished += !is_whole;
            u->failed |= !analysis_histogram_add(&kind->lengths, end_ns - start_ns);
            analysis_exec_add(parts, &kind->exec, exec, 1);
        }
    }
    if (u->options->ledger) {
        const struct analysis_ledger_region row = {
            .g = g->id,
            .task = r->task,
            .name = r->name,
            .frame = r->frame,
            .start_ns = r->start_ns,
            .end_ns = is_whole || r->start_ns == ANALYSIS_NEVER ? end_ns : ANALYSIS_NEVER,
            .exec = *exec};
        analysis_ledger_region(u->options->ledger, parts, &row);
    }
    uint32_t detail = task != MAP_NONE ? u->tasks.items[task].detail : 0;
    if (detail && u->tasks.items[task].end_ns == ANALYSIS_NEVER) {
        struct analysis_task_detail *d = &u->details.items[detail];
        d->n_regions++;
        if (d->g != g->id && !is_nested(u, g, r->task))
            analysis_exec_add(parts, &d->others, exec, 1);
    }
    analysis_exec_drop(parts, exec);
}

static struct analysis_open_region pop_region(struct analysis_user *u, struct analysis_goroutine *g)
{
    uint32_t at = g->regions;
    struct analysis_open_region r = u->open.items[at];
    g->regions = r.next;
    u->open.items[at].next = u->free_open;
    u->free_open = at;
    return r;
}

static void end_region(struct analysis_user *u, const struct trace_event *event, uint32_t row,
                       const struct trace_region *region)
{
    struct analysis_goroutine *g = &u->gs->rows.items[row];
    struct analysis_open_region r = {
        .name = region->name, .task = region->task, .start_ns = ANALYSIS_NEVER};
    bool is_whole = g->regions != 0;
    if (is_whole)
        r = pop_region(u, g);
    struct analysis_exec exec = since(u, row, event->time_ns, &r.before);
    add_region(u, g, &r, &exec, event->time_ns, is_whole);
}

/* --- events --- */

void analysis_user_event(struct analysis_user *u, const struct trace_event *event)
{
    struct trace_task task;
    struct trace_region region;
    struct trace_log log;
    if (trace_event_task(event, &task)) {
        if (event->type == GOTRACE_USER_TASK_BEGIN)
            begin_task(u, event, &task);
        else
            end_task(u, event, &task);
    } else if (trace_event_log(event, &log)) {
        add_log(u, event, &log);
    } else if (trace_event_region(event, &region)) {
        uint32_t row = analysis_goroutines_find(u->gs, event->g);
        if (row == ANALYSIS_NO_ROW)
            return;
        if (event->type == GOTRACE_USER_REGION_END)
            end_region(u, event, row, &region);
        else
            open_region(u, &u->gs->rows.items[row], region.task, region.name, event,
                        analysis_goroutines_snapshot(u->gs, row, event->time_ns));
    }
}

void analysis_user_created(struct analysis_user *u, const struct trace_event *event, uint32_t row)
{
    uint32_t creator = analysis_goroutines_find(u->gs, event->g);
    if (creator == ANALYSIS_NO_ROW || creator == row || !u->gs->rows.items[creator].regions)
        return;
    uint64_t task = u->open.items[u->gs->rows.items[creator].regions].task;
    open_region(u, &u->gs->rows.items[row], task, 0, event, (struct analysis_exec){0});
}

void analysis_user_finish(struct analysis_user *u, uint32_t row, int64_t time_ns)
{
    struct analysis_goroutine *g = &u->gs->rows.items[row];
    /* The runtime's are in a region only because it was there when they were made. */
    bool counts = !analysis_is_system(trace_string(u->trace, g->name, NULL));
    while (g->regions) {
        struct analysis_open_region r = pop_region(u, g);
        if (counts) {
            struct analysis_exec exec = {0};
            analysis_exec_add(&u->gs->parts, &exec, &g->exec, 1);
            analysis_exec_add(&u->gs->parts, &exec, &r.before, -1);
            add_region(u, g, &r, &exec, time_ns, false);
        }
        analysis_exec_drop(&u->gs->parts, &r.before);
    }
    while (g->own_tasks) {
        struct analysis_task_detail *d = &u->details.items[g->own_tasks];
        g->own_tasks = d->next;
        d->next = d->previous = 0;
        analysis_exec_add(&u->gs->parts, &d->own, &g->exec, 1);
        analysis_exec_add(&u->gs->parts, &d->own, &d->before, -1);
        analysis_exec_drop(&u->gs->parts, &d->before);
        d->g = TRACE_NONE;
    }
}

void analysis_user_wait(struct analysis_user *u, const struct analysis_goroutine *g,
                        const struct analysis_wait *wait)
{
    uint32_t at = g->own_tasks;
    for (unsigned i = 0; at && i < CHAIN_MAX; i++, at = u->details.items[at].next) {
        struct analysis_task_detail *d = &u->details.items[at];
        if (wait->ns > d->longest.ns && wait->at_ns >= u->tasks.items[d->task].start_ns)
            d->longest = *wait;
    }
}

void analysis_user_end(struct analysis_user *u, int64_t time_ns)
{
    for (size_t i = 0; i < u->tasks.n; i++) {
        struct analysis_task_row *task = &u->tasks.items[i];
        int64_t start_ns = task->start_ns != ANALYSIS_NEVER ? task->start_ns : u->first_ns;
        int64_t end_ns = task->end_ns != ANALYSIS_NEVER ? task->end_ns : time_ns;
        bool is_whole = task->start_ns != ANALYSIS_NEVER && task->end_ns != ANALYSIS_NEVER;
        /* One that was only spoken of is none; nor is what belongs to no task. */
        if (!task->is_wanted || task->id == TRACE_BACKGROUND_TASK ||
            (task->start_ns == ANALYSIS_NEVER && task->end_ns == ANALYSIS_NEVER) ||
            analysis_window_clip(u->window, start_ns, end_ns) == 0)
            continue;
        struct analysis_kind *kind = find_kind(u, false, task->name, 0);
        if (!kind)
            return;
        kind->count++;
        kind->n_unfinished += !is_whole;
        if (task->end_ns == ANALYSIS_NEVER) {
            enter_task(u, task);
            judge(u, task, end_ns - start_ns);
        }
    }
    analysis_top_sort(&u->slowest);
}
