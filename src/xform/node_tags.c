#include "xform/node_tags.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"
#include "xform/unit.h"

#include <stdlib.h>
#include <string.h>

/* A kind of tag: what a sample's labels ask to be counted at each node. */
struct tag_kind {
    uint32_t labels, name;
    bool is_num;
};

struct tag_maker {
    struct node_tags *t;
    const struct graph *g;
    const char *unit;
    uint32_t bytes_key, base_key; /* strings, PROFILE_NONE if the profile has none */
    struct map kind_ids;          /* labels, name -> kinds */
    VEC(struct tag_kind) kinds;
    struct map tag_ids; /* node, kind -> tags */
    VEC(struct node_tag) tags;
    VEC(uint32_t) pending;      /* kinds of the sample at hand; */
    VEC(int64_t) pending_value; /* and their values */
    VEC(struct str) parts;      /* "key:value" of the sample at hand */
    struct arena scratch;
    struct map num_names; /* value -> text */
    uint32_t *seen;       /* [n_nodes]: last sample that counted, plus 1 */
};

static int compare_parts(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The set of a sample's text labels as one text; INTERN_NONE without memory. */
static uint32_t join_labels(struct tag_maker *m, const struct profile_label *labels, uint64_t n)
{
    const struct profile *p = m->g->view->profile;
    AUTO_BUF text = {0};
    vec_clear(&m->parts);
    arena_release(&m->scratch);
    for (uint64_t i = 0; i < n; i++) {
        const struct profile_label *l = &labels[i];
        if (l->is_num || l->key == m->base_key || !view_shows_key(m->g->view, l->key))
            continue;
        const char *part =
            arena_printf(&m->scratch, "%s:%s", profile_cstr(p, l->key), profile_cstr(p, l->str));
        if (!part || !vec_push(&m->parts, str_of(part)))
            return INTERN_NONE;
    }
    if (m->parts.n > 1)
        qsort(m->parts.items, m->parts.n, sizeof *m->parts.items, compare_parts);
    for (size_t i = 0; i < m->parts.n; i++) {
        buf_puts(&text, i ? "\\n" : "");
        buf_add(&text, m->parts.items[i].p, m->parts.items[i].len);
    }
    return text.failed ? INTERN_NONE
                       : intern_add(&m->t->texts, (struct str){buf_str(&text), text.len});
}

static uint32_t name_number(struct tag_maker *m, int64_t value)
{
    uint32_t name = map_get(&m->num_names, (uint64_t)value);
    if (name != MAP_NONE)
        return name;
    AUTO_BUF text = {0};
    unit_print(&text, value, m->t->num_unit, m->unit);
    name = text.failed ? INTERN_NONE
                       : intern_add(&m->t->texts, (struct str){buf_str(&text), text.len});
    return name != INTERN_NONE && map_put(&m->num_names, (uint64_t)value, name) ? name
                                                                                : INTERN_NONE;
}

/* Note a kind for the sample at hand.  False when memory runs out. */
static bool push_kind(struct tag_maker *m, uint32_t labels, uint32_t name, bool is_num,
                      int64_t value)
{
    if (labels == INTERN_NONE || name == INTERN_NONE)
        return false;
    uint64_t key = (uint64_t)labels << 32 | (uint64_t)is_num << 31 | name;
    uint32_t id = map_get_or_put(&m->kind_ids, key, (uint32_t)m->kinds.n);
    if (id == MAP_NONE)
        return false;
    if (id == m->kinds.n && !vec_push(&m->kinds, (struct tag_kind){labels, name, is_num}))
        return false;
    return vec_push(&m->pending, id) && vec_push(&m->pending_value, value);
}

static bool find_kinds(struct tag_maker *m, const struct profile_label *labels, uint64_t n)
{
    vec_clear(&m->pending);
    vec_clear(&m->pending_value);
    uint32_t set = join_labels(m, labels, n);
    if (set == INTERN_NONE || (set && !push_kind(m, set, set, false, 0)))
        return false;
    for (uint64_t i = 0; i < n; i++)
        if (labels[i].is_num && labels[i].key == m->bytes_key &&
            view_shows_key(m->g->view, m->bytes_key) &&
            !push_kind(m, set, name_number(m, labels[i].num), true, labels[i].num))
            return false;
    return true;
}

static int64_t add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* A sample of value w, divisor d: to the own values of a node, or to all of them. */
static bool add_node(struct tag_maker *m, uint32_t node, int64_t w, int64_t d, bool is_flat)
{
    for (size_t i = 0; i < m->pending.n; i++) {
        uint32_t kind = m->pending.items[i];
        uint32_t id = map_get_or_put(&m->tag_ids, (uint64_t)node << 32 | kind, (uint32_t)m->tags.n);
        if (id == MAP_NONE)
            return false;
        if (id == m->tags.n) {
            const struct tag_kind *k = &m->kinds.items[kind];
            struct node_tag tag = {.node = node,
                                   .labels = k->labels,
                                   .name = k->name,
                                   .is_num = k->is_num,
                                   .value = m->pending_value.items[i]};
            if (!vec_push(&m->tags, tag))
                return false;
        }
        struct node_tag *tag = &m->tags.items[id];
        if (is_flat) {
            tag->flat = add(tag->flat, w);
            tag->flat_div = add(tag->flat_div, d);
        } else {
            tag->cum = add(tag->cum, w);
            tag->cum_div = add(tag->cum_div, d);
        }
    }
    return true;
}

static bool add_sample(struct tag_maker *m, const struct view_sample *s, int64_t w, int64_t d,
                       uint32_t stamp)
{
    const struct graph *g = m->g;
    uint32_t leaf = GRAPH_NONE;
    for (uint32_t i = g->parent ? 0 : s->n_locs; i--;) {
        for (uint32_t f = g->frame_first[s->locs[i]]; f < g->frame_first[s->locs[i] + 1]; f++) {
            leaf = g->frames[f] & ~GRAPH_FRAME_INLINED;
            if (!g->nodes[leaf].is_kept || m->seen[leaf] == stamp)
                continue;
            m->seen[leaf] = stamp;
            if (!add_node(m, leaf, w, d, false))
                return false;
        }
    }
    if (g->parent) {
        leaf = g->leaf[s - g->view->samples];
        for (uint32_t node = leaf; node != GRAPH_NONE; node = g->parent[node])
            if (g->nodes[node].is_kept && !add_node(m, node, w, d, false))
                return false;
    }
    return leaf == GRAPH_NONE || !g->nodes[leaf].is_kept || add_node(m, leaf, w, d, true);
}

static bool add_all(struct tag_maker *m)
{
    const struct view *v = m->g->view;
    const struct profile *p = v->profile;
    for (uint32_t i = 0; i < v->n_samples; i++) {
        const struct view_sample *s = &v->samples[i];
        uint64_t first = p->label_first[s->sample], n = p->label_first[s->sample + 1] - first;
        int64_t w = view_value(v, s), d = view_divisor(v, s);
        if (!n || (!w && !d))
            continue;
        if (!find_kinds(m, p->labels + first, n))
            return false;
        if (m->pending.n && !add_sample(m, s, w, d, i + 1))
            return false;
    }
    return true;
}

/* Hand over the tags, ordered by node. */
static bool list_tags(struct tag_maker *m)
{
    struct node_tags *t = m->t;
    size_t n_nodes = m->g->n_nodes;
    t->first = ARENA_ARRAY(&t->arena, uint32_t, n_nodes + 2);
    t->tags = malloc((m->tags.n + 1) * sizeof *t->tags);
    if (!t->first || !t->tags)
        return false;
    t->n_tags = (uint32_t)m->tags.n;
    for (size_t i = 0; i < m->tags.n; i++)
        t->first[m->tags.items[i].node + 2]++;
    for (size_t i = 2; i < n_nodes + 2; i++)
        t->first[i] += t->first[i - 1];
    for (size_t i = 0; i < m->tags.n; i++)
        t->tags[t->first[m->tags.items[i].node + 1]++] = m->tags.items[i];
    return true;
}

bool node_tags_init(struct node_tags *t, const struct graph *g, const struct label_units *units,
                    const char *unit, struct err *err)
{
    const struct profile *p = g->view->profile;
    struct tag_maker m = {.t = t, .g = g, .unit = unit};
    *t = (struct node_tags){.num_unit = "bytes"};
    arena_init(&t->arena);
    arena_init(&m.scratch);
    bool ok = intern_init(&t->texts, &t->arena);
    if (ok && p->label_first) {
        m.bytes_key = profile_find_string(p, STR("bytes"));
        m.base_key = profile_find_string(p, STR(VIEW_BASE_KEY));
        if (m.bytes_key != PROFILE_NONE)
            t->num_unit = label_units_get(units, m.bytes_key);
        m.seen = calloc((size_t)g->n_nodes + 1, sizeof *m.seen);
        ok = m.seen && add_all(&m);
    }
    ok = ok && list_tags(&m);
    map_release(&m.kind_ids);
    map_release(&m.tag_ids);
    map_release(&m.num_names);
    vec_release(&m.kinds);
    vec_release(&m.tags);
    vec_release(&m.pending);
    vec_release(&m.pending_value);
    vec_release(&m.parts);
    arena_release(&m.scratch);
    free(m.seen);
    return ok || err_nomem(err);
}

void node_tags_release(struct node_tags *t)
{
    free(t->tags);
    intern_release(&t->texts);
    arena_release(&t->arena);
    *t = (struct node_tags){0};
}

void node_tags_drop(struct node_tags *t, const struct graph *g, int64_t cutoff)
{
    uint32_t n = 0;
    for (uint32_t node = 0, i = 0; node < g->n_nodes; node++) {
        uint32_t end = t->first[node + 1];
        for (; i < end; i++) {
            const struct node_tag *tag = &t->tags[i];
            if (unit_abs(tag->flat) >= cutoff || unit_abs(tag->cum) >= cutoff)
                t->tags[n++] = *tag;
        }
        t->first[node + 1] = n;
    }
    t->n_tags = n;
}

uint32_t node_tags_count_flat(const struct node_tags *t, uint32_t node)
{
    uint32_t n = 0;
    for (uint32_t i = t->first[node]; i < t->first[node + 1]; i++)
        n += t->tags[i].flat != 0;
    return n;
}
