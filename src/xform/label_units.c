#include "xform/label_units.h"

#include "base/buf.h"
#include "base/vec.h"

#include <stdlib.h>

/* A unit that came second for its key. */
struct other_unit {
    uint32_t key, unit;
};

static int compare_others(const void *a, const void *b, void *profile)
{
    const struct other_unit *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return str_cmp(profile_str(profile, x->unit), profile_str(profile, y->unit));
}

static void note_others(struct label_units *u, struct other_unit *others, size_t n,
                        struct diag *diag)
{
    const struct profile *p = u->profile;
    qsort_r(others, n, sizeof *others, compare_others, (void *)p);
    for (size_t i = 0; i < n;) {
        uint32_t key = others[i].key;
        AUTO_BUF list = {0};
        for (size_t first = i; i < n && others[i].key == key; i++)
            if (i == first || others[i].unit != others[i - 1].unit)
                buf_printf(&list, "%s%s", i == first ? "" : ", ", profile_cstr(p, others[i].unit));
        diag_add(diag, "For tag %s used unit %s, also encountered unit(s) %s", profile_cstr(p, key),
                 label_units_get(u, key), buf_str(&list));
    }
}

bool label_units_init(struct label_units *u, const struct profile *profile, struct diag *diag,
                      struct err *err)
{
    *u = (struct label_units){.profile = profile};
    map_init(&u->units);
    if (!profile->label_first)
        return true;
    VEC(struct other_unit) others = {0};
    bool ok = true;
    uint32_t last_key = 0, last_unit = 0; /* most samples have the same label */
    uint64_t n = profile->label_first[profile->n_samples];
    for (uint64_t i = 0; ok && i < n; i++) {
        const struct profile_label *l = &profile->labels[i];
        if (!l->is_num || !l->unit || (l->key == last_key && l->unit == last_unit))
            continue;
        uint32_t unit = map_get_or_put(&u->units, l->key, l->unit);
        ok = unit != MAP_NONE;
        if (ok && unit != l->unit)
            ok = vec_push(&others, (struct other_unit){l->key, l->unit});
        last_key = l->key;
        last_unit = l->unit;
    }
    if (ok && others.n)
        note_others(u, others.items, others.n, diag);
    vec_release(&others);
    return ok || err_nomem(err);
}

void label_units_release(struct label_units *u)
{
    map_release(&u->units);
    *u = (struct label_units){0};
}

const char *label_units_get(const struct label_units *u, uint32_t key)
{
    uint32_t unit = map_get(&u->units, key);
    if (unit != MAP_NONE)
        return profile_cstr(u->profile, unit);
    const char *name = profile_cstr(u->profile, key);
    return !strcmp(name, "alignment") || !strcmp(name, "request") ? "bytes" : name;
}
