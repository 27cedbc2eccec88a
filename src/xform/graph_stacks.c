#include "xform/graph_stacks.h"

#include <stdlib.h>

/* More flags, of what is in tables. */
#define TRAIL 0x20000000u    /* absent ones come after it */
#define PRESENT 0x10000000u  /* there is a node */
#define COMPOUND 0x08000000u /* instead of a node, where in `compound` there are several */

_Static_assert(TRAIL << 1 == GRAPH_STACK_RESIDUAL, "what trails one is before the next");

/* Write a word, which counts if it is present. */
static inline size_t step(uint32_t *words, size_t n, uint32_t word, uint32_t *residual)
{
    uint32_t is_present = word / PRESENT & 1, trail = (word & TRAIL) << 1;
    words[n] = (word & ~(TRAIL | PRESENT)) | *residual;
    *residual = trail | (*residual & (is_present - 1));
    return n + is_present;
}

bool graph_stack_add(struct graph_stack *stack, const struct graph_stack_table *t,
                     const struct view_sample *s)
{
    uint32_t residual = 0, i = s->n_locs;
    size_t n = stack->words.n;
    if (!vec_reserve(&stack->words, n + i + 1))
        return false;
    while (i--) {
        uint32_t word = t->locations[s->locs[i]];
        if (!(word & COMPOUND)) {
            n = step(stack->words.items, n, word, &residual);
            continue;
        }
        const uint32_t *parts = t->compound.items + (word & GRAPH_STACK_NODE);
        if (!vec_reserve(&stack->words, n + parts[0] + i + 1))
            return false;
        for (uint32_t k = 1; k <= parts[0]; k++)
            n = step(stack->words.items, n, parts[k], &residual);
    }
    stack->words.n = n;
    return true;
}

bool graph_stack_add_again(struct graph_stack *stack, const uint32_t *words, size_t n,
                           const uint8_t *present)
{
    size_t at = stack->words.n;
    uint32_t residual = 0;
    if (!vec_reserve(&stack->words, at + n + 1))
        return false;
    for (size_t i = 0; i < n; i++) {
        uint32_t is_present = present[words[i] & GRAPH_STACK_NODE] != 0;
        stack->words.items[at] = words[i] | residual;
        residual = GRAPH_STACK_RESIDUAL & (is_present - 1);
        at += is_present;
    }
    stack->words.n = at;
    return true;
}

/* The words of a location's frames at the end of t->compound; how many are present. */
static bool add_words(struct graph_stack_table *t, const uint8_t *present, uint32_t location,
                      uint32_t *n)
{
    const struct graph *g = t->g;
    uint32_t flag = 0;
    *n = 0;
    for (uint32_t f = g->frame_first[location]; f < g->frame_first[location + 1]; f++) {
        uint32_t node = g->frames[f] & ~GRAPH_FRAME_INLINED;
        if (!present[node]) {
            flag = GRAPH_STACK_RESIDUAL;
            if (*n)
                t->compound.items[t->compound.n - 1] |= TRAIL;
            continue;
        }
        if (*n) /* the one before says it */
            flag = 0;
        if (!vec_push(&t->compound, g->frames[f] | flag | PRESENT))
            return false;
        ++*n;
    }
    return true;
}

bool graph_stack_fits(const struct graph *g)
{
    uint64_t n_locations = g->view->profile->n_locations;
    return g->frame_first[n_locations] + n_locations <= GRAPH_STACK_NODE;
}

bool graph_stack_table_init(struct graph_stack_table *t, const struct graph *g,
                            const uint8_t *present)
{
    uint32_t n_locations = g->view->profile->n_locations;
    *t = (struct graph_stack_table){.g = g};
    t->locations = malloc(((size_t)n_locations + 1) * sizeof *t->locations);
    bool ok = t->locations != NULL;
    for (uint32_t i = 0; ok && i < n_locations; i++) {
        size_t first = t->compound.n;
        uint32_t f = g->frame_first[i];
        if (g->frame_first[i + 1] - f == 1) { /* as most have */
            bool is_present = present[g->frames[f] & ~GRAPH_FRAME_INLINED];
            t->locations[i] = is_present ? g->frames[f] | PRESENT : TRAIL;
            continue;
        }
        uint32_t n;
        ok = vec_push(&t->compound, 0) && add_words(t, present, i, &n);
        if (!ok)
            break;
        if (n > 1) {
            t->compound.items[first] = n;
            t->locations[i] = COMPOUND | (uint32_t)first;
            continue;
        }
        bool any = g->frame_first[i] < g->frame_first[i + 1];
        t->locations[i] = n ? t->compound.items[first + 1] : any ? TRAIL : 0;
        t->compound.n = first;
    }
    return ok;
}

void graph_stack_table_release(struct graph_stack_table *t)
{
    free(t->locations);
    vec_release(&t->compound);
}
