#include "trace/trace_mark.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct trace_marks {
    pthread_mutex_t lock;
    VEC(struct trace_mark_generation *) generations;
    size_t n_bytes;
};

struct trace_marks *trace_marks_new(void)
{
    struct trace_marks *marks = calloc(1, sizeof *marks);
    if (marks)
        pthread_mutex_init(&marks->lock, NULL);
    return marks;
}

static void free_generation(struct trace_mark_generation *g)
{
    if (!g)
        return;
    free(g->batches);
    free(g->threads);
    trace_ids_release(&g->strings);
    trace_ids_release(&g->stacks);
    free(g);
}

void trace_marks_free(struct trace_marks *marks)
{
    if (!marks)
        return;
    for (size_t i = 0; i < marks->generations.n; i++)
        free_generation(marks->generations.items[i]);
    vec_release(&marks->generations);
    pthread_mutex_destroy(&marks->lock);
    free(marks);
}

/* A copy without the room for more; its bytes are added. */
static bool copy_ids(const struct trace_ids *ids, struct trace_ids *out, size_t *n_bytes)
{
    size_t n = ids->n_dense;
    while (n && ids->dense[n - 1] == TRACE_NO_ID)
        n--;
    *out = (struct trace_ids){.n = ids->n, .n_dense = n};
    if (n) {
        if (!(out->dense = malloc(n * sizeof *out->dense)))
            return false;
        memcpy(out->dense, ids->dense, n * sizeof *out->dense);
    }
    for (size_t i = 0; i < ids->sparse.n_slots; i++)
        if (ids->sparse.slots[i].value != MAP_NONE &&
            !map_put(&out->sparse, ids->sparse.slots[i].key, ids->sparse.slots[i].value))
            return false;
    *n_bytes += n * sizeof *out->dense + out->sparse.n_slots * sizeof *out->sparse.slots;
    return true;
}

bool trace_marks_add(struct trace_marks *marks, const struct trace_v2_gen *gen,
                     const struct trace_input *input)
{
    size_t n_batches = gen->batches.n, n_threads = gen->threads.n, n_bytes;
    struct trace_mark_generation *g = calloc(1, sizeof *g);
    if (!g)
        return false;
    g->ns_per_tick = gen->ns_per_tick;
    g->n_batches = (uint32_t)n_batches;
    g->n_threads = (uint32_t)n_threads;
    g->batches = malloc((n_batches + 1) * sizeof *g->batches);
    g->threads = malloc((n_threads + 1) * sizeof *g->threads);
    n_bytes = sizeof *g + n_batches * sizeof *g->batches + n_threads * sizeof *g->threads;
    bool good = g->batches && g->threads && copy_ids(&gen->strings, &g->strings, &n_bytes) &&
                copy_ids(&gen->stacks, &g->stacks, &n_bytes);
    for (size_t i = 0; i < n_batches && good; i++) {
        const struct trace_v2_batch *b = &gen->batches.items[i];
        g->batches[i] =
            (struct trace_mark_batch){(uint64_t)(b->data - input->data), b->time, b->n, b->next};
    }
    if (good && n_threads)
        memcpy(g->threads, gen->threads.items, n_threads * sizeof *g->threads);
    pthread_mutex_lock(&marks->lock);
    good = good && vec_push(&marks->generations, g);
    marks->n_bytes += good ? n_bytes : 0;
    pthread_mutex_unlock(&marks->lock);
    if (!good)
        free_generation(g);
    return good;
}

const struct trace_mark_generation *trace_marks_get(struct trace_marks *marks, size_t i)
{
    pthread_mutex_lock(&marks->lock);
    const struct trace_mark_generation *g =
        i < marks->generations.n ? marks->generations.items[i] : NULL;
    pthread_mutex_unlock(&marks->lock);
    return g;
}

size_t trace_marks_bytes(struct trace_marks *marks)
{
    pthread_mutex_lock(&marks->lock);
    size_t n = marks->n_bytes;
    pthread_mutex_unlock(&marks->lock);
    return n;
}
