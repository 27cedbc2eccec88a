#include "base/intern.h"

#include <stdlib.h>

bool intern_init(struct intern *intern, struct arena *arena)
{
    *intern = (struct intern){.arena = arena};
    return intern_add(intern, STR("")) == 0;
}

void intern_release(struct intern *intern)
{
    free(intern->strings);
    free(intern->slots);
    *intern = (struct intern){0};
}

static uint32_t *find_slot(const struct intern *intern, struct str s)
{
    uint32_t mask = intern->n_slots - 1, i = (uint32_t)hash_bytes(s.p, s.len) & mask;
    while (intern->slots[i] != INTERN_NONE && !str_eq(intern->strings[intern->slots[i]], s))
        i = (i + 1) & mask;
    return &intern->slots[i];
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
    if (intern->n_slots < intern->cap * 2) {
        uint32_t n_slots = intern->cap * 2;
        uint32_t *slots = realloc(intern->slots, n_slots * sizeof *slots);
        if (!slots)
            return false;
        intern->slots = slots;
        intern->n_slots = n_slots;
        for (uint32_t i = 0; i < n_slots; i++)
            slots[i] = INTERN_NONE;
        for (uint32_t id = 0; id < intern->n; id++)
            *find_slot(intern, intern->strings[id]) = id;
    }
    return true;
}

uint32_t intern_add(struct intern *intern, struct str s)
{
    if (intern->n >= (1u << 30) || !grow(intern))
        return INTERN_NONE;
    uint32_t *slot = find_slot(intern, s);
    if (*slot != INTERN_NONE)
        return *slot;
    char *text = arena_strndup(intern->arena, s.p, s.len);
    if (!text)
        return INTERN_NONE;
    intern->strings[intern->n] = (struct str){text, s.len};
    return *slot = intern->n++;
}

uint32_t intern_find(const struct intern *intern, struct str s)
{
    return intern->n_slots ? *find_slot(intern, s) : INTERN_NONE;
}
