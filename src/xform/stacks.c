#include "xform/stacks.h"

#include "base/map.h"

#include <stdlib.h>

/* A stack's frames one by one, leaf first. */
struct walk {
    const struct graph *g;
    const uint32_t *locs, *end;
    uint32_t first, frame; /* those of the location left to give: first .. frame */
};

static struct walk walk_of(const struct graph *g, uint32_t sample)
{
    const struct view_sample *s = &g->view->samples[sample];
    return (struct walk){.g = g, .locs = s->locs, .end = s->locs + s->n_locs};
}

/* The next frame, GRAPH_NONE at the end. */
static inline uint32_t walk_next(struct walk *w)
{
    while (w->first == w->frame) {
        if (w->locs == w->end)
            return GRAPH_NONE;
        uint32_t loc = *w->locs++;
        w->first = w->g->frame_first[loc];
        w->frame = w->g->frame_first[loc + 1];
    }
    return w->g->frames[--w->frame] & ~GRAPH_FRAME_INLINED;
}

/* 0 for a stack without frames. */
static uint64_t hash_stack(const struct graph *g, uint32_t sample)
{
    struct walk w = walk_of(g, sample);
    uint64_t h = 0;
    bool any = false;
    for (uint32_t frame; (frame = walk_next(&w)) != GRAPH_NONE; any = true)
        h = (h << 27 | h >> 37) * 0x9e3779b97f4a7c15u + frame;
    return any ? hash_u64(h) | 1 : 0;
}

static bool equal_stacks(const struct graph *g, uint32_t a, uint32_t b)
{
    const struct view_sample *s = &g->view->samples[a], *t = &g->view->samples[b];
    if (s->n_locs == t->n_locs && !memcmp(s->locs, t->locs, s->n_locs * sizeof *s->locs))
        return true;
    struct walk w = walk_of(g, a), v = walk_of(g, b);
    for (;;) {
        uint32_t frame = walk_next(&w);
        if (frame != walk_next(&v))
            return false;
        if (frame == GRAPH_NONE)
            return true;
    }
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    return !__builtin_add_overflow(a, b, &sum) ? sum : b < 0 ? INT64_MIN : INT64_MAX;
}

struct slot {
    uint32_t item, hash;
};

bool stacks_init(struct stacks *stacks, const struct graph *g, struct err *err)
{
    const struct view *v = g->view;
    size_t n_slots = 16;
    while (n_slots < (size_t)v->n_samples * 2)
        n_slots *= 2;
    *stacks = (struct stacks){0};
    stacks->items = malloc(((size_t)v->n_samples + 1) * sizeof *stacks->items);
    struct slot *slots = malloc(n_slots * sizeof *slots);
    if (!stacks->items || !slots) {
        free(slots);
        return err_nomem(err);
    }
    memset(slots, 0xff, n_slots * sizeof *slots);
    for (uint32_t i = 0; i < v->n_samples; i++) {
        int64_t value = view_value(v, &v->samples[i]);
        uint64_t hash = value ? hash_stack(g, i) : 0;
        if (!hash)
            continue;
        uint32_t high = (uint32_t)(hash >> 32);
        struct slot *slot = &slots[hash & (n_slots - 1)];
        while (slot->item != UINT32_MAX &&
               (slot->hash != high || !equal_stacks(g, stacks->items[slot->item].sample, i)))
            slot = &slots[++hash & (n_slots - 1)];
        if (slot->item == UINT32_MAX) {
            *slot = (struct slot){stacks->n, high};
            stacks->items[stacks->n++] =
                (struct stacks_item){value, view_divisor(v, &v->samples[i]), i};
        } else {
            struct stacks_item *item = &stacks->items[slot->item];
            item->value = add(item->value, value);
            item->divisor = add(item->divisor, view_divisor(v, &v->samples[i]));
        }
    }
    free(slots);
    uint32_t n = 0;
    for (uint32_t i = 0; i < stacks->n; i++) {
        struct stacks_item *item = &stacks->items[i];
        item->value = view_mean(item->value, item->divisor);
        if (item->value)
            stacks->items[n++] = *item;
    }
    stacks->n = n;
    return true;
}

void stacks_release(struct stacks *stacks)
{
    free(stacks->items);
    *stacks = (struct stacks){0};
}

bool stacks_load(struct stacks_frames *frames, const struct graph *g, uint32_t sample)
{
    const struct view_sample *s = &g->view->samples[sample];
    vec_clear(frames);
    for (uint32_t i = s->n_locs; i--;) {
        uint32_t first = g->frame_first[s->locs[i]], n = g->frame_first[s->locs[i] + 1] - first;
        if (!vec_reserve(frames, frames->n + n))
            return false;
        for (uint32_t k = 0; k < n; k++)
            frames->items[frames->n++] = g->frames[first + k];
    }
    return true;
}
