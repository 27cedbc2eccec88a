#include "wire/gotrace_write.h"

#include <string.h>

#define HEAD_MAX (1 + 4 * GOTRACE_VARINT_MAX)

bool gotrace_grow(const struct gotrace_memory *memory, void **array, size_t *max, size_t n,
                  size_t item)
{
    if (n <= *max)
        return true;
    size_t more = *max ? *max : 64;
    while (more < n)
        more *= 2;
    void *p = memory->grow(*array, *max * item, more * item);
    if (!p)
        return false;
    *array = p;
    *max = more;
    return true;
}

bool gotrace_room(const struct gotrace_memory *memory, struct gotrace_bytes *bytes, size_t n)
{
    void *p = bytes->p;
    bool ok = gotrace_grow(memory, &p, &bytes->max, bytes->n + n, 1);
    bytes->p = p;
    return ok;
}

void gotrace_release(const struct gotrace_memory *memory, struct gotrace_bytes *bytes)
{
    if (bytes->p)
        memory->release(bytes->p, bytes->max);
    *bytes = (struct gotrace_bytes){0};
}

size_t gotrace_batch_head(uint8_t *p, uint64_t generation, uint64_t m, uint64_t time,
                          size_t n_bytes)
{
    uint8_t *at = p;
    *at++ = GOTRACE_EVENT_BATCH;
    at = gotrace_put(at, generation);
    at = gotrace_put(at, m);
    at = gotrace_put(at, time);
    at = gotrace_put(at, n_bytes);
    return (size_t)(at - p);
}

bool gotrace_put_batch(const struct gotrace_sink *sink, uint64_t generation, uint64_t m,
                       uint64_t time, const void *bytes, size_t n)
{
    uint8_t head[HEAD_MAX];
    return sink->write(sink->arg, head, gotrace_batch_head(head, generation, m, time, n)) &&
           sink->write(sink->arg, bytes, n);
}

/* Texts. */

static uint64_t hash_text(const char *text, size_t n)
{
    uint64_t h = n * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)text[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

void gotrace_texts_release(const struct gotrace_memory *memory, struct gotrace_texts *t)
{
    if (t->items)
        memory->release(t->items, t->max * sizeof *t->items);
    if (t->slots)
        memory->release(t->slots, t->n_slots * sizeof *t->slots);
    gotrace_release(memory, &t->bytes);
    *t = (struct gotrace_texts){0};
}

void gotrace_texts_clear(struct gotrace_texts *t)
{
    t->n = 0;
    t->bytes.n = 0;
    if (t->slots)
        memset(t->slots, 0, t->n_slots * sizeof *t->slots);
}

/* The slot of this text, or the free one where it belongs. */
static uint32_t *find_slot(const struct gotrace_texts *t, const char *text, size_t n)
{
    for (uint64_t i = hash_text(text, n);; i++) {
        uint32_t *slot = &t->slots[i & (t->n_slots - 1)];
        const struct gotrace_text *there = *slot ? &t->items[*slot - 1] : NULL;
        if (!there || (there->n_bytes == n && memcmp(t->bytes.p + there->offset, text, n) == 0))
            return slot;
    }
}

static bool widen(const struct gotrace_memory *memory, struct gotrace_texts *t)
{
    size_t n_slots = t->n_slots ? 2 * t->n_slots : 256;
    uint32_t *slots = memory->grow(NULL, 0, n_slots * sizeof *slots);
    if (!slots)
        return false;
    if (t->slots)
        memory->release(t->slots, t->n_slots * sizeof *slots);
    t->slots = slots;
    t->n_slots = n_slots;
    for (size_t i = 0; i < t->n; i++) {
        const struct gotrace_text *text = &t->items[i];
        *find_slot(t, (const char *)t->bytes.p + text->offset, text->n_bytes) = (uint32_t)i + 1;
    }
    return true;
}

uint32_t gotrace_text(const struct gotrace_memory *memory, struct gotrace_texts *t,
                      const char *text, size_t n)
{
    n = n < GOTRACE_STRING_MAX ? n : GOTRACE_STRING_MAX;
    if (2 * (t->n + 1) > t->n_slots && !widen(memory, t))
        return 0;
    uint32_t *slot = find_slot(t, text, n);
    if (*slot)
        return *slot;
    void *items = t->items;
    bool ok = gotrace_grow(memory, &items, &t->max, t->n + 1, sizeof *t->items);
    t->items = items;
    if (!ok || t->bytes.n + n > UINT32_MAX || !gotrace_room(memory, &t->bytes, n + 1))
        return 0;
    t->items[t->n] = (struct gotrace_text){(uint32_t)t->bytes.n, (uint32_t)n};
    memcpy(t->bytes.p + t->bytes.n, text, n);
    t->bytes.n += n;
    *slot = (uint32_t)++t->n;
    return *slot;
}

static bool put_full(const struct gotrace_sink *sink, struct gotrace_bytes *batch,
                     uint64_t generation, uint64_t time)
{
    bool ok = batch->n <= 1 ||
              gotrace_put_batch(sink, generation, GOTRACE_NO_THREAD, time, batch->p, batch->n);
    batch->n = 0;
    return ok;
}

static bool begin_table(const struct gotrace_memory *memory, struct gotrace_bytes *batch,
                        enum gotrace_type type)
{
    if (batch->n)
        return true;
    if (!gotrace_room(memory, batch, 1))
        return false;
    batch->p[batch->n++] = (uint8_t)type;
    return true;
}

bool gotrace_put_texts(const struct gotrace_memory *memory, const struct gotrace_sink *sink,
                       const struct gotrace_texts *t, uint64_t generation, uint64_t time,
                       uint64_t first)
{
    struct gotrace_bytes batch = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < t->n; i++) {
        const struct gotrace_text *text = &t->items[i];
        ok = begin_table(memory, &batch, GOTRACE_STRINGS) &&
             gotrace_room(memory, &batch, 1 + 2 * GOTRACE_VARINT_MAX + text->n_bytes);
        if (!ok)
            break;
        uint8_t *p = batch.p + batch.n;
        *p++ = GOTRACE_STRING;
        p = gotrace_put(p, first + i + 1);
        p = gotrace_put(p, text->n_bytes);
        memcpy(p, t->bytes.p + text->offset, text->n_bytes);
        batch.n = (size_t)(p + text->n_bytes - batch.p);
        if (batch.n > GOTRACE_BATCH_USUAL)
            ok = put_full(sink, &batch, generation, time);
    }
    ok = ok && put_full(sink, &batch, generation, time);
    gotrace_release(memory, &batch);
    return ok;
}

/* Stacks. */

bool gotrace_put_stack(const struct gotrace_memory *memory, const struct gotrace_sink *sink,
                       struct gotrace_bytes *batch, uint64_t generation, uint64_t time,
                       uint64_t stack, const struct gotrace_frame *frames, size_t n)
{
    n = n < GOTRACE_FRAMES_MAX ? n : GOTRACE_FRAMES_MAX;
    if (!begin_table(memory, batch, GOTRACE_STACKS) ||
        !gotrace_room(memory, batch, 1 + (2 + 4 * n) * GOTRACE_VARINT_MAX))
        return false;
    uint8_t *p = batch->p + batch->n;
    *p++ = GOTRACE_STACK;
    p = gotrace_put(p, stack);
    p = gotrace_put(p, n);
    for (size_t i = 0; i < n; i++) {
        p = gotrace_put(p, frames[i].pc);
        p = gotrace_put(p, frames[i].function);
        p = gotrace_put(p, frames[i].file);
        p = gotrace_put(p, frames[i].line);
    }
    batch->n = (size_t)(p - batch->p);
    return batch->n <= GOTRACE_BATCH_USUAL || put_full(sink, batch, generation, time);
}

bool gotrace_put_stacks_end(const struct gotrace_sink *sink, struct gotrace_bytes *batch,
                            uint64_t generation, uint64_t time)
{
    return put_full(sink, batch, generation, time);
}
