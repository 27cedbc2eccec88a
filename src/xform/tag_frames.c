#include "xform/tag_frames.h"

#include "base/buf.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"
#include "xform/unit.h"

#include <string.h>

/* A key whose labels become frames. */
struct tag_key {
    uint32_t name;  /* string of the new profile */
    uint32_t label; /* the same in the old one; PROFILE_NONE: no label has it */
};

struct frame_maker {
    struct view *view;
    const struct profile *old;
    const char *unit;
    struct intern strings; /* the profile's, with the same ids, and new ones */
    VEC(struct tag_key) keys;
    size_t n_roots;                         /* of them; then come the leaves */
    VEC(struct profile_function) functions; /* new ones */
    struct map ids;                         /* key and text -> functions */
    struct buf text;
};

static bool add_keys(struct frame_maker *m, const char *names)
{
    for (const char *p = names ? names : ""; *p;) {
        size_t n = strcspn(p, ",");
        if (n) {
            struct str name = {p, n};
            struct tag_key key = {intern_add(&m->strings, name), profile_find_string(m->old, name)};
            if (key.name == INTERN_NONE || !vec_push(&m->keys, key))
                return false;
        }
        p += n + (p[n] == ',');
    }
    return true;
}

static void separate(struct buf *text, bool *any)
{
    if (*any)
        buf_putc(text, ',');
    *any = true;
}

/* The values of a label, texts before numbers, to m->text.  False: there are none. */
static bool write_values(struct frame_maker *m, uint32_t key, const struct profile_label *labels,
                         size_t n)
{
    bool any = false, has_units = false;
    buf_clear(&m->text);
    for (size_t i = 0; i < n; i++) {
        if (labels[i].key != key)
            continue;
        if (labels[i].is_num) {
            has_units |= labels[i].unit != 0;
            continue;
        }
        struct str s = profile_str(m->old, labels[i].str);
        separate(&m->text, &any);
        buf_add(&m->text, s.p, s.len);
    }
    for (size_t i = 0; i < n; i++) {
        if (labels[i].key != key || !labels[i].is_num)
            continue;
        separate(&m->text, &any);
        unit_print(&m->text, labels[i].num, profile_cstr(m->old, labels[i].unit),
                   has_units ? m->unit : "");
    }
    return any;
}

/* The location of the frame that is named by m->text; PROFILE_NONE without memory. */
static uint32_t find_frame(struct frame_maker *m, const struct tag_key *key)
{
    struct str text = {buf_str(&m->text), m->text.len};
    uint32_t name = m->text.failed ? INTERN_NONE : intern_add(&m->strings, text);
    if (name == INTERN_NONE)
        return PROFILE_NONE;
    uint32_t n = (uint32_t)m->functions.n;
    uint32_t id = map_get_or_put(&m->ids, (uint64_t)key->name << 32 | name, n);
    if (id == MAP_NONE)
        return PROFILE_NONE;
    struct profile_function f = {.name = name, .filename = key->name};
    if (id == n && !vec_push(&m->functions, f))
        return PROFILE_NONE;
    return m->old->n_locations + id;
}

/* The frames of keys[first .. end), the last key's first.  False without memory. */
static bool make_frames(struct frame_maker *m, size_t first, size_t end,
                        const struct profile_label *labels, size_t n_labels, uint32_t *to,
                        bool *found)
{
    for (size_t k = end; k-- > first;) {
        *found |= write_values(m, m->keys.items[k].label, labels, n_labels);
        *to = find_frame(m, &m->keys.items[k]);
        if (*to++ == PROFILE_NONE)
            return false;
    }
    return true;
}

static bool make_stacks(struct frame_maker *m, struct tag_frames_found *found)
{
    const struct profile *p = m->old;
    struct view *view = m->view;
    uint64_t n_frames = 0;
    for (uint32_t i = 0; i < view->n_samples; i++)
        n_frames += view->samples[i].n_locs + m->keys.n;
    uint32_t *to = arena_alloc(&view->arena, n_frames * sizeof *to);
    if (!to)
        return false;
    for (uint32_t i = 0; i < view->n_samples; i++) {
        struct view_sample *s = &view->samples[i];
        const struct profile_label *labels = NULL;
        size_t n_labels = 0, n_leaves = m->keys.n - m->n_roots;
        if (p->label_first) {
            labels = p->labels + p->label_first[s->sample];
            n_labels = (size_t)(p->label_first[s->sample + 1] - p->label_first[s->sample]);
        }
        /* pprof numbers the frames in this order too. */
        if (!make_frames(m, 0, m->n_roots, labels, n_labels, to + n_leaves + s->n_locs,
                         &found->roots) ||
            !make_frames(m, m->n_roots, m->keys.n, labels, n_labels, to, &found->leaves))
            return false;
        if (s->n_locs)
            memcpy(to + n_leaves, s->locs, s->n_locs * sizeof *to);
        s->locs = to;
        s->n_locs += (uint32_t)m->keys.n;
        to += s->n_locs;
    }
    return true;
}

/* The old tables and the new rows, in the view's arena. */
static bool extend_profile(struct frame_maker *m)
{
    struct view *view = m->view;
    struct arena *arena = &view->arena;
    const struct profile *old = m->old;
    uint32_t n = (uint32_t)m->functions.n;
    struct profile *p = ARENA_NEW(arena, struct profile);
    struct profile_function *functions =
        ARENA_ARRAY(arena, struct profile_function, (size_t)old->n_functions + n);
    struct profile_location *locations =
        ARENA_ARRAY(arena, struct profile_location, (size_t)old->n_locations + n);
    struct profile_line *lines = ARENA_ARRAY(arena, struct profile_line, (size_t)old->n_lines + n);
    struct view_location *view_locations =
        ARENA_ARRAY(arena, struct view_location, (size_t)old->n_locations + n);
    uint32_t n_strings = m->strings.n;
    struct str *strings =
        arena_adopt(arena, (void **)&m->strings.strings, n_strings, sizeof *m->strings.strings);
    if (!p || !functions || !locations || !lines || !view_locations || !strings)
        return false;
    uint64_t function_id = 0, location_id = 0;
    for (uint32_t i = 0; i < old->n_functions; i++) {
        functions[i] = old->functions[i];
        function_id = functions[i].id > function_id ? functions[i].id : function_id;
    }
    for (uint32_t i = 0; i < old->n_locations; i++) {
        locations[i] = old->locations[i];
        view_locations[i] = view->locations[i];
        location_id = locations[i].id > location_id ? locations[i].id : location_id;
    }
    if (old->n_lines)
        memcpy(lines, view->lines, old->n_lines * sizeof *lines);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t f = old->n_functions + i, l = old->n_locations + i, line = old->n_lines + i;
        functions[f] = m->functions.items[i];
        functions[f].id = ++function_id;
        lines[line].function = f;
        locations[l] = (struct profile_location){
            .id = ++location_id, .mapping = PROFILE_NONE, .first_line = line, .n_lines = 1};
        view_locations[l] = (struct view_location){.first = line, .n = 1};
    }
    *p = *old;
    p->parent = NULL;
    p->arena = (struct arena){0};
    p->strings = strings;
    p->n_strings = n_strings;
    p->functions = functions;
    p->n_functions += n;
    p->locations = locations;
    p->n_locations += n;
    p->lines = lines;
    p->n_lines += n;
    view->profile = p;
    view->lines = lines;
    view->locations = view_locations;
    return true;
}

bool tag_frames_add(struct view *view, const char *roots, const char *leaves, const char *unit,
                    struct tag_frames_found *found, struct err *err)
{
    struct frame_maker m = {.view = view, .old = view->profile, .unit = unit};
    *found = (struct tag_frames_found){0};
    map_init(&m.ids);
    bool ok = intern_init(&m.strings, &view->arena);
    for (uint32_t i = 1; ok && i < m.old->n_strings; i++)
        ok = intern_add(&m.strings, m.old->strings[i]) == i;
    ok = ok && add_keys(&m, roots);
    m.n_roots = m.keys.n;
    ok = ok && add_keys(&m, leaves);
    if (ok && m.keys.n)
        ok = make_stacks(&m, found) && extend_profile(&m);
    intern_release(&m.strings);
    vec_release(&m.keys);
    vec_release(&m.functions);
    map_release(&m.ids);
    buf_release(&m.text);
    return ok || err_nomem(err);
}
