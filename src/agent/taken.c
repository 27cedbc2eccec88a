#include "agent/taken.h"

#include "agent/modules.h"
#include "agent/out.h"
#include "agent/raw.h"

#define ROWS_FIRST 1024
#define CHUNK_BYTES (1u << 20)

struct taken_memory {
    struct taken_memory *next;
    size_t size, used;
};

void taken_init(struct taken *t, uint64_t period)
{
    *t = (struct taken){.period = period, .time_ns = raw_clock_ns(CLOCK_REALTIME)};
}

void taken_release(struct taken *t)
{
    if (t->rows)
        raw_unmap(t->rows, t->max * sizeof *t->rows);
    for (struct taken_memory *m = t->memory, *next; m; m = next) {
        next = m->next;
        raw_unmap(m, m->size);
    }
    if (t->store) {
        store_close(t->store);
        raw_unmap(t->store, sizeof *t->store);
    }
    *t = (struct taken){0};
}

struct store *taken_own_store(struct taken *t)
{
    struct store *store = raw_alloc(sizeof *store);
    if (store && !store_open(store, NULL, &(struct store_options){.hz = 1})) {
        raw_unmap(store, sizeof *store);
        store = NULL;
    }
    t->store = store;
    return store;
}

static struct taken_row *new_row(struct taken *t)
{
    if (t->n == t->max) {
        size_t max = t->max ? 2 * t->max : ROWS_FIRST;
        void *rows = out_grow(t->rows, t->max * sizeof *t->rows, max * sizeof *t->rows);
        if (!rows)
            return NULL;
        t->rows = rows;
        t->max = max;
    }
    return &t->rows[t->n];
}

bool taken_add_store(struct taken *t, const struct store *store, enum wire_kind kind,
                     taken_values *values)
{
    const struct wire_header *h = store->header;
    for (uint64_t i = 0; i < h->n_slots; i++) {
        uint64_t granule = (h->slots_offset + 4 * i) / STORE_GRANULE;
        if (!store->all_ready && !__atomic_load_n(&store->ready[granule], __ATOMIC_ACQUIRE)) {
            /* On to the next granule. */
            i = ((granule + 1) * STORE_GRANULE - h->slots_offset) / 4 - 1;
            continue;
        }
        const uint32_t *slot = (const void *)((const char *)h + h->slots_offset + 4 * i);
        uint32_t at = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
        const struct wire_stack *s = (const void *)((const char *)h + 8ull * at);
        if (!at || s->kind != kind)
            continue;
        struct taken_row *row = new_row(t);
        if (!row)
            return false;
        *row = (struct taken_row){
            .frames = s->frames,
            .n_frames = s->n_frames,
            .key = s->key,
            .n = {__atomic_load_n(&s->n[0], __ATOMIC_RELAXED),
                  __atomic_load_n(&s->n[1], __ATOMIC_RELAXED)},
        };
        if (s->labels) {
            const struct wire_stack *labels = (const void *)((const char *)h + 8ull * s->labels);
            row->labels = (const char *)labels->frames;
            row->n_label_bytes = 8u * labels->n_frames;
        }
        t->n += values(row, t->period);
    }
    return true;
}

static void *copy(struct taken *t, const void *data, size_t n)
{
    struct taken_memory *m = t->memory;
    if (!m || n > m->size - m->used) {
        m = n <= CHUNK_BYTES - sizeof *m ? raw_alloc(CHUNK_BYTES) : NULL;
        if (!m)
            return NULL;
        *m = (struct taken_memory){t->memory, CHUNK_BYTES, sizeof *m};
        t->memory = m;
    }
    void *to = (char *)m + m->used;
    m->used += (n + 7) & ~(size_t)7;
    return memcpy(to, data, n);
}

bool taken_add(struct taken *t, const uint64_t *frames, uint32_t n_frames, int64_t value)
{
    struct taken_row *row = new_row(t);
    const uint64_t *mine = row ? copy(t, frames, n_frames * sizeof *frames) : NULL;
    if (!mine)
        return false;
    *row = (struct taken_row){.frames = mine, .n_frames = n_frames, .values = {value}};
    t->n++;
    return true;
}

const char *taken_value(const char *key)
{
    return key + strlen(key) + 1;
}

const char *taken_key(const struct taken_row *row, const char *key)
{
    const char *next = row->labels;
    if (key)
        next = taken_value(key) + strlen(taken_value(key)) + 1;
    return next && next < row->labels + row->n_label_bytes && *next ? next : NULL;
}

bool taken_shows(const struct taken_row *row, uint32_t i)
{
    const struct module *m = i ? modules_get(WIRE_FRAME_MODULE(row->frames[i])) : NULL;
    const char *base = m && m->path ? strrchr(m->path, '/') : NULL;
    return !base || strncmp(base, "/libsonde", 9) != 0;
}

/* Rows by their stacks: a table of indexes + 1. */
struct index {
    uint32_t *slots;
    size_t size; /* power of two */
};

static bool index_init(struct index *x, size_t n)
{
    x->size = 1024;
    while (x->size < 2 * n)
        x->size *= 2;
    x->slots = raw_alloc(x->size * sizeof *x->slots);
    return x->slots != NULL;
}

static bool is_same(const struct taken_row *a, const struct taken_row *b)
{
    return a->key == b->key && a->n_frames == b->n_frames && a->n_label_bytes == b->n_label_bytes &&
           memcmp(a->frames, b->frames, a->n_frames * sizeof *a->frames) == 0 &&
           (a->labels == b->labels || memcmp(a->labels, b->labels, a->n_label_bytes) == 0);
}

/* The slot of this stack: empty when it is new. */
static uint32_t *index_find(const struct index *x, const struct taken *t,
                            const struct taken_row *row)
{
    uint64_t hash = row->key ^ (uint64_t)row->n_label_bytes << 32;
    for (uint32_t i = 0; i < row->n_frames; i++) {
        hash = (hash ^ row->frames[i]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    for (size_t i = hash & (x->size - 1);; i = (i + 1) & (x->size - 1)) {
        const struct taken_row *there = x->slots[i] ? &t->rows[x->slots[i] - 1] : NULL;
        if (!there || is_same(there, row))
            return &x->slots[i];
    }
}

static void index_release(struct index *x)
{
    raw_unmap(x->slots, x->size * sizeof *x->slots);
}

static void add_values(struct taken_row *row, const struct taken_row *more, int sign)
{
    for (int i = 0; i < TAKEN_VALUES_MAX; i++)
        row->values[i] += sign * more->values[i];
    row->n[0] += more->n[0];
    row->n[1] += more->n[1];
}

bool taken_merge(struct taken *t)
{
    struct index x;
    size_t n = 0;
    if (!index_init(&x, t->n))
        return false;
    for (size_t i = 0; i < t->n; i++) {
        uint32_t *slot = index_find(&x, t, &t->rows[i]);
        if (*slot) {
            add_values(&t->rows[*slot - 1], &t->rows[i], 1);
            continue;
        }
        t->rows[n++] = t->rows[i];
        *slot = (uint32_t)n;
    }
    t->n = n;
    index_release(&x);
    return true;
}

bool taken_subtract(struct taken *t, const struct taken *before)
{
    struct index x;
    if (!index_init(&x, t->n + before->n))
        return false;
    for (size_t i = 0; i < t->n; i++)
        *index_find(&x, t, &t->rows[i]) = (uint32_t)(i + 1);
    bool ok = true;
    for (size_t i = 0; i < before->n && ok; i++) {
        const struct taken_row *old = &before->rows[i];
        uint32_t *slot = index_find(&x, t, old);
        if (!*slot) {
            struct taken_row *row = new_row(t);
            const uint64_t *frames =
                row ? copy(t, old->frames, old->n_frames * sizeof *old->frames) : NULL;
            ok = frames != NULL;
            if (!ok)
                break;
            *row = (struct taken_row){.frames = frames,
                                      .n_frames = old->n_frames,
                                      .key = old->key,
                                      .labels = old->labels,
                                      .n_label_bytes = old->n_label_bytes};
            *slot = (uint32_t)++t->n;
        }
        add_values(&t->rows[*slot - 1], old, -1);
    }
    index_release(&x);
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        int64_t any = 0;
        for (int j = 0; j < TAKEN_VALUES_MAX; j++)
            any |= t->rows[i].values[j];
        if (any)
            t->rows[n++] = t->rows[i];
    }
    t->n = n;
    t->duration_ns = t->time_ns - before->time_ns;
    return ok;
}

void taken_sort(struct taken *t, bool (*less)(const struct taken_row *a, const struct taken_row *b))
{
    struct taken_row *rows = t->rows, row;
    for (size_t start = t->n / 2, end = t->n; end > 1;) {
        if (start > 0) { /* the heap is being made */
            row = rows[--start];
        } else {
            row = rows[--end];
            rows[end] = rows[0];
        }
        size_t at = start;
        for (size_t child; (child = 2 * at + 1) < end; at = child) {
            child += child + 1 < end && less(&rows[child], &rows[child + 1]);
            if (!less(&row, &rows[child]))
                break;
            rows[at] = rows[child];
        }
        rows[at] = row;
    }
}
