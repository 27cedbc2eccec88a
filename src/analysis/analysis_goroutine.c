#include "analysis/analysis_goroutine.h"

#include <string.h>

/* --- ids --- */

static size_t id_home(const struct analysis_goroutines *gs, int64_t id)
{
    return (size_t)hash_u64((uint64_t)id) & (gs->ids.n_slots - 1);
}

static size_t id_slot(const struct analysis_goroutines *gs, int64_t id)
{
    const struct analysis_ids *ids = &gs->ids;
    size_t at = id_home(gs, id);
    while (ids->slots[at] != ANALYSIS_NO_ROW && gs->rows.items[ids->slots[at]].id != id)
        at = (at + 1) & (ids->n_slots - 1);
    return at;
}

static bool id_add(struct analysis_goroutines *gs, uint32_t row)
{
    struct analysis_ids *ids = &gs->ids;
    if (2 * (ids->n + 1) > ids->n_slots) {
        struct analysis_ids old = *ids;
        size_t n = old.n_slots ? 2 * old.n_slots : 64;
        if (!(ids->slots = malloc(n * sizeof *ids->slots))) {
            *ids = old;
            return false;
        }
        memset(ids->slots, 0xff, n * sizeof *ids->slots);
        ids->n_slots = n;
        for (size_t i = 0; i < old.n_slots; i++)
            if (old.slots[i] != ANALYSIS_NO_ROW)
                ids->slots[id_slot(gs, gs->rows.items[old.slots[i]].id)] = old.slots[i];
        free(old.slots);
    }
    ids->slots[id_slot(gs, gs->rows.items[row].id)] = row;
    ids->n++;
    return true;
}

static void id_remove(struct analysis_goroutines *gs, int64_t id)
{
    struct analysis_ids *ids = &gs->ids;
    size_t mask = ids->n_slots - 1, hole = id_slot(gs, id);
    if (ids->slots[hole] == ANALYSIS_NO_ROW)
        return;
    /* What comes after and would be found through the hole only moves into it. */
    for (size_t at = (hole + 1) & mask; ids->slots[at] != ANALYSIS_NO_ROW; at = (at + 1) & mask) {
        size_t home = id_home(gs, gs->rows.items[ids->slots[at]].id);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        ids->slots[hole] = ids->slots[at];
        hole = at;
    }
    ids->slots[hole] = ANALYSIS_NO_ROW;
    ids->n--;
}

uint32_t analysis_goroutines_find(struct analysis_goroutines *gs, int64_t id)
{
    if (id == gs->last_id && gs->last_row != ANALYSIS_NO_ROW)
        return gs->last_row;
    if (!gs->ids.n_slots)
        return ANALYSIS_NO_ROW;
    uint32_t row = gs->ids.slots[id_slot(gs, id)];
    if (row != ANALYSIS_NO_ROW) {
        gs->last_id = id;
        gs->last_row = row;
    }
    return row;
}

/* --- rows --- */

void analysis_goroutines_init(struct analysis_goroutines *gs, const struct trace *trace,
                              const struct analysis_window *window)
{
    *gs = (struct analysis_goroutines){.trace = trace,
                                       .window = window,
                                       .free = ANALYSIS_NO_ROW,
                                       .last_id = INT64_MIN,
                                       .last_row = ANALYSIS_NO_ROW,
                                       .sync_ns = ANALYSIS_NEVER};
}

void analysis_goroutines_release(struct analysis_goroutines *gs)
{
    vec_release(&gs->rows);
    free(gs->ids.slots);
    analysis_parts_release(&gs->parts);
    vec_release(&gs->syscalls);
    map_release(&gs->sweeps);
}

/* A new one under this id; one that was there is replaced. */
static uint32_t new_row(struct analysis_goroutines *gs, int64_t id, int64_t created_ns)
{
    uint32_t row = analysis_goroutines_find(gs, id);
    if (row != ANALYSIS_NO_ROW)
        analysis_goroutines_remove(gs, row);
    row = gs->free;
    if (row != ANALYSIS_NO_ROW) {
        gs->free = gs->rows.items[row].group;
    } else {
        row = (uint32_t)gs->rows.n;
        if (row >= ANALYSIS_NO_ROW - 1 || !vec_push(&gs->rows, (struct analysis_goroutine){0})) {
            gs->failed = true;
            return ANALYSIS_NO_ROW;
        }
    }
    gs->rows.items[row] = (struct analysis_goroutine){.id = id,
                                                      .created_ns = created_ns,
                                                      .started_ns = ANALYSIS_NEVER,
                                                      .end_ns = ANALYSIS_NEVER,
                                                      .since_ns = ANALYSIS_NEVER,
                                                      .syscall_block_ns = ANALYSIS_NEVER,
                                                      .assist_since_ns = ANALYSIS_NEVER,
                                                      .worker_since_ns = ANALYSIS_NEVER,
                                                      .busy_since_ns = ANALYSIS_NEVER,
                                                      .held.until_ns = ANALYSIS_NEVER,
                                                      .syscall_p = TRACE_NONE,
                                                      .group = ANALYSIS_NO_ROW};
    if (!id_add(gs, row)) {
        gs->rows.items[row].group = gs->free;
        gs->free = row;
        gs->failed = true;
        return ANALYSIS_NO_ROW;
    }
    gs->n++;
    gs->last_id = id;
    gs->last_row = row;
    return row;
}

void analysis_goroutines_remove(struct analysis_goroutines *gs, uint32_t row)
{
    struct analysis_goroutine *g = &gs->rows.items[row];
    analysis_exec_drop(&gs->parts, &g->exec);
    analysis_parts_drop(&gs->parts, &g->open_ranges);
    id_remove(gs, g->id);
    gs->last_id = INT64_MIN;
    gs->last_row = ANALYSIS_NO_ROW;
    g->id = INT64_MIN;
    g->group = gs->free;
    gs->free = row;
}

static int64_t span(const struct analysis_goroutines *gs, int64_t from_ns, int64_t to_ns)
{
    return analysis_window_clip(gs->window, from_ns, to_ns);
}

/* --- system calls and their processors --- */

static uint32_t *syscall_of(struct analysis_goroutines *gs, int64_t p)
{
    /* More processors than that there are none. */
    if (p < 0 || p >= 1 << 16)
        return NULL;
    while (gs->syscalls.n <= (size_t)p)
        if (!vec_push(&gs->syscalls, ANALYSIS_NO_ROW)) {
            gs->failed = true;
            return NULL;
        }
    return &gs->syscalls.items[p];
}

/* --- the state a goroutine is in, added up to `now` --- */

static void add_state(struct analysis_goroutines *gs, const struct analysis_goroutine *g,
                      struct analysis_exec *exec, int64_t now_ns)
{
    int64_t ns = span(gs, g->since_ns, now_ns);
    switch (g->state) {
    case TRACE_GO_RUNNING:
        exec->exec_ns += ns;
        break;
    case TRACE_GO_RUNNABLE:
        exec->sched_ns += ns;
        break;
    case TRACE_GO_WAITING:
        analysis_parts_add(&gs->parts, &exec->blocked, g->reason, ns);
        break;
    case TRACE_GO_SYSCALL:
        exec->syscall_ns += ns;
        break;
    default:
        break;
    }
}

struct analysis_exec analysis_goroutines_snapshot(struct analysis_goroutines *gs, uint32_t row,
                                                  int64_t now_ns)
{
    const struct analysis_goroutine *g = &gs->rows.items[row];
    struct analysis_exec exec = {0};
    analysis_exec_add(&gs->parts, &exec, &g->exec, 1);
    if (!exec.total_ns)
        exec.total_ns = span(gs, g->created_ns, now_ns);
    if (g->since_ns != ANALYSIS_NEVER) {
        add_state(gs, g, &exec, now_ns);
        /* Go counts a system call that lost its processor so while it lasts. */
        if (g->syscall_block_ns != ANALYSIS_NEVER)
            exec.sched_ns += span(gs, g->syscall_block_ns, now_ns);
    }
    for (uint32_t at = g->open_ranges; at; at = gs->parts.parts.items[at].next)
        analysis_parts_add(&gs->parts, &exec.ranges, gs->parts.parts.items[at].key,
                           span(gs, gs->parts.parts.items[at].ns, now_ns));
    return exec;
}

void analysis_goroutines_finish(struct analysis_goroutines *gs, uint32_t row, int64_t now_ns)
{
    struct analysis_exec exec = analysis_goroutines_snapshot(gs, row, now_ns);
    struct analysis_goroutine *g = &gs->rows.items[row];
    analysis_exec_drop(&gs->parts, &g->exec);
    analysis_parts_drop(&gs->parts, &g->open_ranges);
    g->exec = exec;
    g->since_ns = g->syscall_block_ns = ANALYSIS_NEVER;
}

/* --- transitions --- */

/* A goroutine that is met for the first time was in the state since the last sync. */
static void begin_undetermined(struct analysis_goroutines *gs, struct analysis_goroutine *g,
                               const struct trace_event *event, const struct trace_transition *t)
{
    int64_t ns = span(gs, gs->sync_ns, event->time_ns);
    switch (t->to) {
    case TRACE_GO_RUNNING:
        g->exec.exec_ns += ns;
        break;
    case TRACE_GO_WAITING:
        analysis_parts_add(&gs->parts, &g->exec.blocked, t->reason, ns);
        break;
    case TRACE_GO_RUNNABLE:
        g->exec.sched_ns += ns;
        break;
    case TRACE_GO_SYSCALL:
        *(event->p == TRACE_NONE ? &g->exec.syscall_block_ns : &g->exec.syscall_ns) += ns;
        break;
    default:
        break;
    }
}

static void leave_syscall(struct analysis_goroutines *gs, struct analysis_goroutine *g,
                          int64_t now_ns)
{
    if (g->syscall_block_ns != ANALYSIS_NEVER) {
        g->exec.syscall_block_ns += span(gs, g->syscall_block_ns, now_ns);
        g->exec.syscall_ns += span(gs, g->since_ns, g->syscall_block_ns);
    } else {
        g->exec.syscall_ns += span(gs, g->since_ns, now_ns);
    }
    g->syscall_block_ns = ANALYSIS_NEVER;
    uint32_t *in_syscall = syscall_of(gs, g->syscall_p);
    if (in_syscall)
        *in_syscall = ANALYSIS_NO_ROW;
}

static void leave(struct analysis_goroutines *gs, struct analysis_goroutine *g, uint8_t from,
                  int64_t now_ns)
{
    if (g->since_ns == ANALYSIS_NEVER || g->state != from)
        return;
    if (from == TRACE_GO_SYSCALL)
        leave_syscall(gs, g, now_ns);
    else
        add_state(gs, g, &g->exec, now_ns);
    g->since_ns = ANALYSIS_NEVER;
}

static void name(struct analysis_goroutines *gs, struct analysis_goroutine *g, uint32_t stack)
{
    struct trace_stack s = trace_stack(gs->trace, stack);
    if (s.n_frames)
        g->name = trace_frame(gs->trace, s.frames[s.n_frames - 1])->func;
}

/* The last reason is remembered: most are the same. */
static bool is_forever(struct analysis_goroutines *gs, uint32_t reason)
{
    if (reason != gs->last_reason) {
        gs->last_reason = reason;
        gs->is_last_forever = !strcmp(trace_string(gs->trace, reason, NULL), "forever");
    }
    return gs->is_last_forever;
}

uint32_t analysis_goroutines_transition(struct analysis_goroutines *gs,
                                        const struct trace_event *event,
                                        const struct trace_transition *t,
                                        struct analysis_stay *stay)
{
    int64_t now_ns = event->time_ns;
    bool is_first = t->from == TRACE_GO_UNDETERMINED || t->from == TRACE_GO_NOT_EXIST;
    stay->since_ns = ANALYSIS_NEVER;
    if (gs->sync_ns == ANALYSIS_NEVER)
        gs->sync_ns = now_ns;
    uint32_t row = is_first ? ANALYSIS_NO_ROW : analysis_goroutines_find(gs, t->id);
    if (row == ANALYSIS_NO_ROW) {
        row = new_row(gs, t->id, t->from == TRACE_GO_UNDETERMINED ? gs->sync_ns : now_ns);
        if (row == ANALYSIS_NO_ROW)
            return row;
    }
    struct analysis_goroutine *g = &gs->rows.items[row];
    if (t->from == TRACE_GO_UNDETERMINED) {
        begin_undetermined(gs, g, event, t);
    } else if (!is_first) {
        *stay =
            (struct analysis_stay){g->state, g->is_whole, g->reason, g->stack, g->since_ns, now_ns};
        leave(gs, g, t->from, now_ns);
    }
    if (!g->name && t->stack)
        name(gs, g, t->stack);

    g->state = t->to;
    g->reason = t->reason;
    g->stack = trace_event_stack(event);
    g->is_whole = t->from != TRACE_GO_UNDETERMINED;
    switch (t->to) {
    case TRACE_GO_RUNNING:
        if (g->started_ns == ANALYSIS_NEVER)
            g->started_ns = now_ns;
        g->since_ns = now_ns;
        break;
    case TRACE_GO_RUNNABLE:
        g->since_ns = now_ns;
        break;
    case TRACE_GO_WAITING:
        if (!is_forever(gs, t->reason)) {
            g->since_ns = now_ns;
            break;
        }
        /* "Forever" is like an end. */
        /* fall through */
    case TRACE_GO_NOT_EXIST:
        g->end_ns = now_ns;
        analysis_goroutines_finish(gs, row, now_ns);
        break;
    case TRACE_GO_SYSCALL:
        g->since_ns = now_ns;
        g->syscall_p = event->p;
        uint32_t *in_syscall = syscall_of(gs, event->p);
        if (in_syscall)
            *in_syscall = row;
        break;
    default:
        break;
    }
    return row;
}

void analysis_goroutines_proc(struct analysis_goroutines *gs, const struct trace_event *event,
                              const struct trace_transition *t)
{
    if (t->to != TRACE_PROC_IDLE || t->id < 0 || (size_t)t->id >= gs->syscalls.n)
        return;
    uint32_t *row = &gs->syscalls.items[t->id];
    if (*row == ANALYSIS_NO_ROW)
        return;
    struct analysis_goroutine *g = &gs->rows.items[*row];
    if (g->state == TRACE_GO_SYSCALL)
        g->syscall_block_ns = event->time_ns;
    *row = ANALYSIS_NO_ROW;
}

/* --- ranges --- */

static void begin_range(struct analysis_goroutines *gs, struct analysis_goroutine *g, uint32_t key,
                        int64_t now_ns, bool is_active)
{
    for (uint32_t at = g->open_ranges; at; at = gs->parts.parts.items[at].next) {
        struct analysis_part *open = &gs->parts.parts.items[at];
        if (open->key != key)
            continue;
        int64_t since_ns = open->ns;
        open->ns = is_active ? gs->sync_ns : now_ns;
        if (is_active)
            analysis_parts_add(&gs->parts, &g->exec.ranges, key, span(gs, since_ns, gs->sync_ns));
        return;
    }
    analysis_parts_add(&gs->parts, &g->open_ranges, key, is_active ? gs->sync_ns : now_ns);
}

static void end_range(struct analysis_goroutines *gs, struct analysis_goroutine *g, uint32_t key,
                      int64_t now_ns)
{
    for (uint32_t *link = &g->open_ranges; *link; link = &gs->parts.parts.items[*link].next) {
        struct analysis_part *open = &gs->parts.parts.items[*link];
        if (open->key != key)
            continue;
        uint32_t at = *link;
        int64_t ns = span(gs, open->ns, now_ns);
        *link = open->next;
        open->next = gs->parts.free;
        gs->parts.free = at;
        analysis_parts_add(&gs->parts, &g->exec.ranges, key, ns);
        return;
    }
}

/* Sweeping is on a processor; it is the goroutine's that runs there if that is the same at
 * both ends. */
static uint32_t sweeper(struct analysis_goroutines *gs, const struct trace_event *event, int64_t p)
{
    uint32_t row = analysis_goroutines_find(gs, event->g);
    if (event->type != GOTRACE_GC_SWEEP_END) {
        if (row != ANALYSIS_NO_ROW && !map_put(&gs->sweeps, (uint64_t)p, row))
            gs->failed = true;
        return row;
    }
    uint32_t began = map_get(&gs->sweeps, (uint64_t)p);
    if (began == MAP_NONE)
        return ANALYSIS_NO_ROW;
    map_put(&gs->sweeps, (uint64_t)p, ANALYSIS_NO_ROW - 1); /* nobody */
    return began == row ? row : ANALYSIS_NO_ROW;
}

void analysis_goroutines_range(struct analysis_goroutines *gs, const struct trace_event *event)
{
    enum trace_kind kind = trace_event_kind(event);
    uint32_t row, key;
    switch (event->type) {
    case GOTRACE_GC_SWEEP_ACTIVE:
        row = sweeper(gs, event, (int64_t)event->args[0]);
        key = ANALYSIS_RANGE_SWEEP;
        break;
    case GOTRACE_GC_SWEEP_BEGIN:
    case GOTRACE_GC_SWEEP_END:
        row = sweeper(gs, event, event->p);
        key = ANALYSIS_RANGE_SWEEP;
        break;
    case GOTRACE_GC_MARK_ASSIST_ACTIVE:
        row = analysis_goroutines_find(gs, (int64_t)event->args[0]);
        key = ANALYSIS_RANGE_ASSIST;
        break;
    case GOTRACE_GC_MARK_ASSIST_BEGIN:
    case GOTRACE_GC_MARK_ASSIST_END:
        row = analysis_goroutines_find(gs, event->g);
        key = ANALYSIS_RANGE_ASSIST;
        break;
    case GOTRACE_STW_BEGIN:
    case GOTRACE_STW_END:
        row = analysis_goroutines_find(gs, event->g);
        key = ANALYSIS_RANGE_STW + (uint32_t)event->args[0];
        break;
    default:
        return; /* the GC's own is no goroutine's */
    }
    if (row == ANALYSIS_NO_ROW)
        return;
    struct analysis_goroutine *g = &gs->rows.items[row];
    if (kind == TRACE_KIND_RANGE_END)
        end_range(gs, g, key, event->time_ns);
    else
        begin_range(gs, g, key, event->time_ns, kind == TRACE_KIND_RANGE_ACTIVE);
}

bool analysis_is_system(const char *name)
{
    return !*name || (strcmp(name, "runtime.main") != 0 && !strncmp(name, "runtime.", 8));
}
