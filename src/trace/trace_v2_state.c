#include "trace/trace_v2_state.h"

#include <stdlib.h>
#include <string.h>

#define GO_BLOCK 256 /* goroutines that are allocated together */

bool trace_v2_table_reserve(struct trace_v2_table *table)
{
    if (2 * (table->n + 1) <= table->n_slots)
        return true;
    struct trace_v2_table grown = {.n = table->n,
                                   .n_slots = table->n_slots ? 2 * table->n_slots : 64};
    if (!(grown.slots = calloc(grown.n_slots, sizeof *grown.slots)))
        return false;
    for (size_t i = 0; i < table->n_slots; i++)
        if (table->slots[i].value)
            *trace_v2_table_at(&grown, table->slots[i].id) = table->slots[i];
    free(table->slots);
    *table = grown;
    return true;
}

void trace_v2_table_put(struct trace_v2_table *table, uint64_t id, void *value)
{
    *trace_v2_table_at(table, id) = (struct trace_v2_table_slot){id, value};
    table->n++;
}

/* Those behind it that would not be found any more move up. */
void trace_v2_table_remove(struct trace_v2_table *table, struct trace_v2_table_slot *slot)
{
    size_t mask = table->n_slots - 1, hole = (size_t)(slot - table->slots);
    for (size_t at = hole;;) {
        table->slots[hole].value = NULL;
        for (;;) {
            at = (at + 1) & mask;
            if (!table->slots[at].value) {
                table->n--;
                return;
            }
            size_t home = trace_v2_table_home(table, table->slots[at].id);
            if (((at - home) & mask) >= ((at - hole) & mask))
                break;
        }
        table->slots[hole] = table->slots[at];
        hole = at;
    }
}

bool trace_v2_state_init(struct trace_v2_state *state)
{
    *state = (struct trace_v2_state){.n_in_block = GO_BLOCK};
    memset(state->proc_of, 0xff, sizeof state->proc_of);
    return trace_v2_table_reserve(&state->goes) && trace_v2_table_reserve(&state->ms) &&
           trace_v2_table_reserve(&state->tasks);
}

static void held_free(struct trace_v2_held *held)
{
    if (!held)
        return;
    vec_release(&held->ranges);
    vec_release(&held->regions);
    free(held);
}

void trace_v2_state_release(struct trace_v2_state *state)
{
    for (size_t i = 0; i < state->go_blocks.n; i++) {
        size_t n = i + 1 < state->go_blocks.n ? GO_BLOCK : state->n_in_block;
        for (size_t k = 0; k < n; k++)
            held_free(state->go_blocks.items[i][k].held);
        free(state->go_blocks.items[i]);
    }
    for (size_t i = 0; i < state->procs.n; i++)
        held_free(state->procs.items[i].held);
    for (size_t i = 0; i < state->all_ms.n; i++)
        free(state->all_ms.items[i]);
    for (size_t i = 0; i < state->tasks.n_slots; i++)
        free(state->tasks.slots[i].value);
    vec_release(&state->go_blocks);
    vec_release(&state->procs);
    vec_release(&state->all_ms);
    free(state->goes.slots);
    free(state->ms.slots);
    free(state->tasks.slots);
    map_release(&state->far_proc_of);
}

struct trace_v2_go *trace_v2_state_add_go(struct trace_v2_state *state, int64_t g)
{
    if (!trace_v2_table_reserve(&state->goes))
        return NULL;
    struct trace_v2_go *go = state->free;
    if (go) {
        state->free = go->next_free;
    } else {
        if (state->n_in_block == GO_BLOCK) {
            struct trace_v2_go *block = calloc(GO_BLOCK, sizeof *block);
            if (!block || !vec_push(&state->go_blocks, block)) {
                free(block);
                return NULL;
            }
            state->n_in_block = 0;
        }
        go = &state->go_blocks.items[state->go_blocks.n - 1][state->n_in_block++];
    }
    go->id = g;
    trace_v2_table_put(&state->goes, (uint64_t)g, go);
    return go;
}

void trace_v2_state_remove_go(struct trace_v2_state *state, struct trace_v2_go *go)
{
    trace_v2_table_remove(&state->goes, trace_v2_table_at(&state->goes, (uint64_t)go->id));
    go->status = GOTRACE_GO_BAD;
    if (go->held) {
        vec_clear(&go->held->ranges);
        vec_clear(&go->held->regions);
    }
    go->next_free = state->free;
    state->free = go;
}

struct trace_v2_proc *trace_v2_state_add_proc(struct trace_v2_state *state, int32_t p)
{
    uint32_t at = (uint32_t)state->procs.n;
    if (!vec_push(&state->procs, (struct trace_v2_proc){.id = p}))
        return NULL;
    if (p < 256)
        state->proc_of[p] = at;
    else if (!map_put(&state->far_proc_of, (uint64_t)p, at))
        return NULL;
    return &state->procs.items[at];
}

struct trace_v2_m *trace_v2_state_m(struct trace_v2_state *state, int64_t m, bool make)
{
    struct trace_v2_m *found = trace_v2_table_at(&state->ms, (uint64_t)m)->value;
    if (found || !make)
        return found;
    found = malloc(sizeof *found);
    if (!found || !trace_v2_table_reserve(&state->ms) || !vec_push(&state->all_ms, found)) {
        free(found);
        return NULL;
    }
    *found = (struct trace_v2_m){.id = m, .g = TRACE_NONE, .p = TRACE_NONE};
    trace_v2_table_put(&state->ms, (uint64_t)m, found);
    return found;
}

void trace_v2_state_set_p(struct trace_v2_state *state, struct trace_v2_m *m, int32_t p)
{
    struct trace_v2_proc *proc =
        m->p == TRACE_NONE ? NULL : trace_v2_state_proc(state, (uint64_t)m->p);
    if (m->next_of_p)
        m->next_of_p->previous_of_p = m->previous_of_p;
    if (m->previous_of_p)
        m->previous_of_p->next_of_p = m->next_of_p;
    else if (proc)
        proc->m = m->next_of_p;
    m->next_of_p = m->previous_of_p = NULL;
    m->p = p;
    proc = p == TRACE_NONE ? NULL : trace_v2_state_proc(state, (uint64_t)p);
    if (!proc)
        return;
    m->next_of_p = proc->m;
    if (proc->m)
        proc->m->previous_of_p = m;
    proc->m = m;
}

struct trace_v2_held *trace_v2_state_hold(struct trace_v2_held **held)
{
    if (!*held)
        *held = calloc(1, sizeof **held);
    return *held;
}

bool trace_v2_held_has(const struct trace_v2_held *held, struct trace_v2_range range)
{
    for (size_t i = 0; held && i < held->ranges.n; i++)
        if (held->ranges.items[i].type == range.type && held->ranges.items[i].kind == range.kind)
            return true;
    return false;
}
