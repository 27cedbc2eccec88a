#include "base/intern.h"

#include "base/map.h"

#include <stdlib.h>

/* So many texts are looked up together. */
#define LOT 16u

bool intern_init(struct intern *intern, struct arena *arena)
{
    *intern = (struct intern){.arena = arena};
    return intern_add(intern, STR("")) == 0;
}

bool intern_init_with(struct intern *intern, struct arena *arena, struct str **strings, uint32_t n)
{
    *intern = (struct intern){.arena = arena};
    if (!rows_reserve(&intern->rows, n))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t hash = (uint32_t)hash_bytes((*strings)[i].p, (*strings)[i].len);
        struct rows_slot *slot = rows_first(&intern->rows, hash);
        while (slot->row != ROWS_NONE)
            slot = rows_next(&intern->rows, slot);
        rows_put(&intern->rows, slot, i, hash);
    }
    intern->strings = *strings;
    intern->n = intern->cap = n;
    *strings = NULL;
    return true;
}

void intern_release(struct intern *intern)
{
    free(intern->strings);
    rows_release(&intern->rows);
    *intern = (struct intern){0};
}

static struct rows_slot *find_slot(const struct intern *intern, struct str s, uint32_t hash)
{
    struct rows_slot *slot = rows_first(&intern->rows, hash);
    while (slot->row != ROWS_NONE && !(slot->hash == hash && str_eq(intern->strings[slot->row], s)))
        slot = rows_next(&intern->rows, slot);
    return slot;
}

static bool reserve_strings(struct intern *intern, uint32_t n)
{
    if (n <= intern->cap)
        return true;
    struct str *strings = realloc(intern->strings, n * sizeof *strings);
    if (!strings)
        return false;
    intern->strings = strings;
    intern->cap = n;
    return true;
}

bool intern_reserve(struct intern *intern, uint32_t n)
{
    return reserve_strings(intern, n) && rows_reserve(&intern->rows, n);
}

static bool grow(struct intern *intern)
{
    uint32_t doubled = intern->cap ? intern->cap * 2 : 256;
    return (intern->n < intern->cap || reserve_strings(intern, doubled)) &&
           rows_reserve(&intern->rows, intern->n + 1);
}

static uint32_t add(struct intern *intern, struct str s, uint32_t hash)
{
    if (intern->n >= (1u << 30) || !grow(intern))
        return INTERN_NONE;
    struct rows_slot *slot = find_slot(intern, s, hash);
    if (slot->row != ROWS_NONE)
        return slot->row;
    char *text = arena_strndup(intern->arena, s.p, s.len);
    if (!text)
        return INTERN_NONE;
    intern->strings[intern->n] = (struct str){text, s.len};
    rows_put(&intern->rows, slot, intern->n, hash);
    return intern->n++;
}

uint32_t intern_add(struct intern *intern, struct str s)
{
    return add(intern, s, (uint32_t)hash_bytes(s.p, s.len));
}

/* As intern_add_all, of up to LOT texts. */
static bool add_lot(struct intern *intern, const struct str *texts, size_t n, uint32_t *ids)
{
    uint32_t hashes[LOT];
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        hashes[i] = (uint32_t)hash_bytes(texts[i].p, texts[i].len);
        rows_prefetch(&intern->rows, hashes[i]);
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = rows_first(&intern->rows, hashes[i])->row;
        if (ids[i] != ROWS_NONE)
            __builtin_prefetch(&intern->strings[ids[i]]);
    }
    for (size_t i = 0; i < n; i++)
        if (ids[i] != ROWS_NONE)
            __builtin_prefetch(intern->strings[ids[i]].p);
    for (size_t i = 0; i < n && ok; i++) {
        ids[i] = add(intern, texts[i], hashes[i]);
        ok = ids[i] != INTERN_NONE;
    }
    return ok;
}

bool intern_add_all(struct intern *intern, const struct str *texts, size_t n, uint32_t *ids)
{
    bool ok = true;
    for (size_t i = 0; i < n && ok; i += LOT)
        ok = add_lot(intern, texts + i, n - i < LOT ? n - i : LOT, ids + i);
    return ok;
}

uint32_t intern_find(const struct intern *intern, struct str s)
{
    return intern->rows.n ? find_slot(intern, s, (uint32_t)hash_bytes(s.p, s.len))->row
                          : INTERN_NONE;
}
