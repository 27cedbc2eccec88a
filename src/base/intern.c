#include "base/intern.h"

#include "base/map.h"

#include <stdlib.h>

bool intern_init(struct intern *intern, struct arena *arena)
{
    *intern = (struct intern){.arena = arena};
    return intern_add(intern, STR("")) == 0;
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

static bool grow(struct intern *intern)
{
    if (intern->n == intern->cap) {
        uint32_t cap = intern->cap ? intern->cap * 2 : 256;
        struct str *strings = realloc(intern->strings, cap * sizeof *strings);
        if (!strings)
            return false;
        intern->strings = strings;
        intern->cap = cap;
    }
    return rows_reserve(&intern->rows, intern->n + 1);
}

uint32_t intern_add(struct intern *intern, struct str s)
{
    if (intern->n >= (1u << 30) || !grow(intern))
        return INTERN_NONE;
    uint32_t hash = (uint32_t)hash_bytes(s.p, s.len);
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

uint32_t intern_find(const struct intern *intern, struct str s)
{
    return intern->rows.n ? find_slot(intern, s, (uint32_t)hash_bytes(s.p, s.len))->row
                          : INTERN_NONE;
}
