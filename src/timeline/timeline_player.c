#include "timeline/timeline_player.h"

#include <stdlib.h>
#include <string.h>

void timeline_player_release(struct timeline_player *player)
{
    free(player->cursors);
    free(player->heap);
    map_release(&player->cursor_of);
    *player = (struct timeline_player){0};
}

static int64_t ns_of(const struct timeline_player *player, uint64_t ticks)
{
    double ns = (double)ticks * player->generation->ns_per_tick;
    return ns < 0x1p63 ? (int64_t)ns : INT64_MIN;
}

/* Read the event at c->p, or the first of the next batches. */
static void read_next(const struct timeline_player *player, struct timeline_cursor *c)
{
    const struct trace_mark_generation *gen = player->generation;
    c->is_there = false;
    while (c->p == c->end) {
        uint32_t next = c->batch == UINT32_MAX ? UINT32_MAX : gen->batches[c->batch].next;
        if (next >= gen->n_batches || gen->batches[next].at > player->n_data ||
            gen->batches[next].n > player->n_data - gen->batches[next].at)
            return;
        c->batch = next;
        c->p = player->data + gen->batches[next].at;
        c->end = c->p + gen->batches[next].n;
        c->last_ns = 0;
    }
    if (c->last_ns == 0)
        c->last_ns = ns_of(player, gen->batches[c->batch].time);
    c->begin = c->p;
    c->begin_ns = c->last_ns;
    const uint8_t *p = c->p;
    unsigned type = *p++;
    if (type >= GOTRACE_MAX_TYPES || !gotrace_specs[type].is_timed)
        return;
    unsigned n = gotrace_specs[type].n_args;
    memset(c->args, 0, sizeof c->args);
    for (unsigned i = 0; i < n; i++) {
        if (p < c->end && *p < 0x80)
            c->args[i] = *p++;
        else if (!(p = gotrace_get(p, c->end, &c->args[i])))
            return;
    }
    c->p = p;
    c->type = (uint8_t)type;
    c->last_ns = (int64_t)((uint64_t)ns_of(player, c->args[0]) + (uint64_t)c->last_ns);
    c->time_ns = c->last_ns;
    c->is_there = true;
}

bool timeline_player_begin(struct timeline_player *player,
                           const struct trace_mark_generation *generation, const uint8_t *data,
                           size_t n_data)
{
    uint32_t n = generation->n_threads;
    if (n > player->cap) {
        timeline_player_release(player);
        player->cursors = malloc(n * sizeof *player->cursors);
        player->heap = malloc(n * sizeof *player->heap);
        if (!player->cursors || !player->heap)
            return false;
        player->cap = n;
    }
    player->generation = generation;
    player->data = data;
    player->n_data = n_data;
    player->n = n;
    player->n_heap = 0;
    map_release(&player->cursor_of);
    if (!map_reserve(&player->cursor_of, n))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        (void)map_put(&player->cursor_of, (uint64_t)generation->threads[i].m, i); /* has room */
        player->cursors[i] = (struct timeline_cursor){
            .m = generation->threads[i].m, .g = TRACE_NONE, .proc = TRACE_NONE};
        timeline_player_at(player, i, generation->threads[i].first, 0, 0);
    }
    return true;
}

void timeline_player_at(struct timeline_player *player, uint32_t cursor, uint32_t batch,
                        uint32_t at, int64_t last_ns)
{
    struct timeline_cursor *c = &player->cursors[cursor];
    const struct trace_mark_generation *gen = player->generation;
    c->is_there = false;
    c->batch = batch;
    c->p = c->end = NULL;
    if (batch >= gen->n_batches || gen->batches[batch].at > player->n_data ||
        gen->batches[batch].n > player->n_data - gen->batches[batch].at ||
        at > gen->batches[batch].n) {
        c->batch = UINT32_MAX;
        return;
    }
    const uint8_t *data = player->data + gen->batches[batch].at;
    c->p = data + at;
    c->end = data + gen->batches[batch].n;
    c->last_ns = last_ns;
    read_next(player, c);
}

/* ---- the heap: by time, then by place ---- */

static inline bool less(const struct timeline_player *player, uint32_t a, uint32_t b)
{
    int64_t ta = player->cursors[a].time_ns, tb = player->cursors[b].time_ns;
    return ta != tb ? ta < tb : a < b;
}

static void sift_down(struct timeline_player *player, uint32_t i)
{
    uint32_t *heap = player->heap, moved = heap[i];
    for (;;) {
        uint32_t least = 2 * i + 1;
        if (least >= player->n_heap)
            break;
        if (least + 1 < player->n_heap && less(player, heap[least + 1], heap[least]))
            least++;
        if (!less(player, heap[least], moved))
            break;
        heap[i] = heap[least];
        i = least;
    }
    heap[i] = moved;
}

static void push(struct timeline_player *player, uint32_t cursor)
{
    uint32_t *heap = player->heap, i = player->n_heap++;
    for (; i && less(player, cursor, heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = cursor;
}

void timeline_player_heap(struct timeline_player *player)
{
    player->n_heap = 0;
    for (uint32_t i = 0; i < player->n; i++)
        if (player->cursors[i].is_there && !player->cursors[i].is_aside)
            push(player, i);
}

void timeline_player_aside(struct timeline_player *player)
{
    player->cursors[player->heap[0]].is_aside = true;
    player->heap[0] = player->heap[--player->n_heap];
    if (player->n_heap)
        sift_down(player, 0);
}

void timeline_player_step(struct timeline_player *player, uint32_t cursor)
{
    struct timeline_cursor *c = &player->cursors[cursor];
    read_next(player, c);
    if (c->is_aside) {
        c->is_aside = false;
        if (c->is_there)
            push(player, cursor);
        return;
    }
    /* It is the first of the heap: others are set aside before. */
    if (!c->is_there)
        player->heap[0] = player->heap[--player->n_heap];
    if (player->n_heap)
        sift_down(player, 0);
}

/* ---- what events mean ---- */

static void map_args(const struct timeline_player *player, struct trace_event *out)
{
    const struct gotrace_spec *spec = &gotrace_specs[out->type];
    for (const uint8_t *i = spec->stack_args; *i; i++)
        out->args[*i - 1] = trace_ids_get(&player->generation->stacks, out->args[*i - 1]);
    for (const uint8_t *i = spec->string_args; *i; i++)
        out->args[*i - 1] = trace_ids_get(&player->generation->strings, out->args[*i - 1]);
}

unsigned timeline_player_foresee(const struct timeline_player *player, uint32_t cursor,
                                 struct trace_event *out)
{
    const struct timeline_cursor *c = &player->cursors[cursor];
    int64_t time_ns = c->time_ns;
    if (time_ns <= player->last_ns)
        time_ns = (int64_t)((uint64_t)player->last_ns + 1);
    out[0] = (struct trace_event){.time_ns = time_ns,
                                  .g = c->g,
                                  .m = c->m,
                                  .p = c->proc,
                                  .type = c->type,
                                  .args = {c->args[1], c->args[2], c->args[3], c->args[4]}};
    switch (c->type) {
    case GOTRACE_GO_SWITCH:
    case GOTRACE_GO_SWITCH_DESTROY:
        out[1] = out[2] = out[0];
        out[1].type = c->type == GOTRACE_GO_SWITCH ? GOTRACE_GO_BLOCK : GOTRACE_GO_DESTROY;
        memset(out[1].args, 0, sizeof out[1].args);
        out[2].type = GOTRACE_GO_START;
        out[2].g = TRACE_NONE;
        out[1].time_ns = time_ns + 1;
        out[2].time_ns = time_ns + 2;
        return 3;
    case GOTRACE_GO_DESTROY_SYSCALL:
        if (c->proc == TRACE_NONE)
            return 1;
        out[1] = out[0];
        out[1].time_ns = time_ns + 1;
        out[0].type = GOTRACE_PROC_STEAL;
        out[0].args[0] = (uint64_t)c->proc;
        out[0].args[1] = out[0].args[2] = 0;
        out[0].args[3] = GOTRACE_PROC_SYSCALL;
        return 2;
    case GOTRACE_PROC_STEAL:
        out[0].args[3] = GOTRACE_PROC_SYSCALL;
        return 1;
    case GOTRACE_USER_TASK_BEGIN:
        if (!out[0].args[1])
            out[0].args[1] = TRACE_NO_TASK;
        break;
    default:
        break;
    }
    map_args(player, out);
    return 1;
}

void timeline_player_apply(struct timeline_player *player, uint32_t cursor,
                           const struct trace_event *event)
{
    struct timeline_cursor *c = &player->cursors[cursor];
    player->last_ns = event->time_ns;
    switch (event->type) {
    case GOTRACE_GO_START:
    case GOTRACE_GO_CREATE_SYSCALL:
        c->g = (int64_t)event->args[0];
        break;
    case GOTRACE_GO_STOP:
    case GOTRACE_GO_BLOCK:
    case GOTRACE_GO_DESTROY:
    case GOTRACE_GO_SYSCALL_END_BLOCKED:
        c->g = TRACE_NONE;
        break;
    case GOTRACE_GO_DESTROY_SYSCALL:
        c->g = TRACE_NONE;
        c->proc = TRACE_NONE;
        break;
    case GOTRACE_GO_STATUS:
    case GOTRACE_GO_STATUS_STACK: {
        uint32_t status = (uint32_t)event->args[2];
        if (status == GOTRACE_GO_RUNNING ||
            (status == GOTRACE_GO_SYSCALL && (int64_t)event->args[1] == c->m)) {
            c->g = (int64_t)event->args[0];
        } else if (status == GOTRACE_GO_SYSCALL) {
            uint32_t i = timeline_player_of(player, (int64_t)event->args[1]);
            if (i != MAP_NONE)
                player->cursors[i].g = (int64_t)event->args[0];
        }
        break;
    }
    case GOTRACE_PROC_START:
        c->proc = (int32_t)event->args[0];
        break;
    case GOTRACE_PROC_STATUS:
        if (event->args[1] == GOTRACE_PROC_RUNNING || event->args[1] == GOTRACE_PROC_SYSCALL)
            c->proc = (int32_t)event->args[0];
        break;
    case GOTRACE_PROC_STOP:
        c->proc = TRACE_NONE;
        break;
    case GOTRACE_PROC_STEAL: {
        uint32_t i = timeline_player_of(player, (int64_t)event->args[2]);
        if (i != MAP_NONE && player->cursors[i].proc == (int32_t)event->args[0])
            player->cursors[i].proc = TRACE_NONE;
        break;
    }
    default:
        break;
    }
}
