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

static struct intern_slot *find_slot(const struct intern *intern, struct str s, uint32_t hash)
{
    uint32_t mask = intern->n_slots - 1, i = hash & mask;
    for (;; i = (i + 1) & mask) {
        struct intern_slot *slot = &intern->slots[i];
        if (slot->id == INTERN_NONE || (slot->hash == hash && str_eq(intern->strings[slot->id], s)))
            return slot;
    }
}

static bool grow_slots(struct intern *intern)
{
    uint32_t n_slots = intern->cap * 2, mask = n_slots - 1;
    struct intern_slot *slots = malloc(n_slots * sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < n_slots; i++)
        slots[i].id = INTERN_NONE;
    for (uint32_t k = 0; k < intern->n_slots; k++) {
        uint32_t i = intern->slots[k].hash & mask;
        if (intern->slots[k].id == INTERN_NONE)
            continue;
        while (slots[i].id != INTERN_NONE)
            i = (i + 1) & mask;
        slots[i] = intern->slots[k];
    }
    free(intern->slots);
    intern->slots = slots;
    intern->n_slots = n_slots;
    return true;
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
    return intern->n_slots >= intern->cap * 2 || grow_slots(intern);
}

uint32_t intern_add(struct intern *intern, struct str s)
{
    if (intern->n >= (1u << 30) || !grow(intern))
        return INTERN_NONE;
    uint32_t hash = (uint32_t)hash_bytes(s.p, s.len);
    struct intern_slot *slot = find_slot(intern, s, hash);
    if (slot->id != INTERN_NONE)
        return slot->id;
    char *text = arena_strndup(intern->arena, s.p, s.len);
    if (!text)
        return INTERN_NONE;
    intern->strings[intern->n] = (struct str){text, s.len};
    *slot = (struct intern_slot){intern->n, hash};
    return intern->n++;
}

uint32_t intern_find(const struct intern *intern, struct str s)
{
    return intern->n_slots ? find_slot(intern, s, (uint32_t)hash_bytes(s.p, s.len))->id
                           : INTERN_NONE;
}
