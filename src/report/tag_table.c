#include "report/tag_table.h"

#include "base/map.h"
#include "base/vec.h"
#include "xform/unit.h"

#include <stdlib.h>

struct tag_key {
    uint32_t key;
    struct map nums; /* number -> tags */
};

struct tagger {
    const struct report_run *run;
    struct tag_table *table;
    VEC(struct tag) tags;
    struct map texts; /* key and text -> tags */
    VEC(struct tag_key) keys;
};

static struct tag_key *find_key(struct tagger *t, uint32_t key)
{
    for (size_t i = 0; i < t->keys.n; i++)
        if (t->keys.items[i].key == key)
            return &t->keys.items[i];
    struct tag_key new = {.key = key};
    map_init(&new.nums);
    return vec_push(&t->keys, new) ? &t->keys.items[t->keys.n - 1] : NULL;
}

/* Count a label of a sample.  False when memory runs out. */
static bool add_label(struct tagger *t, const struct profile_label *label, int64_t value)
{
    uint32_t n = (uint32_t)t->tags.n, id = MAP_NONE;
    if (label->is_num) {
        struct tag_key *key = find_key(t, label->key);
        if (key)
            id = map_get_or_put(&key->nums, (uint64_t)label->num, n);
    } else {
        id = map_get_or_put(&t->texts, (uint64_t)label->key << 32 | label->str, n);
    }
    if (id == MAP_NONE)
        return false;
    const struct tag new = {.key = label->key,
                            .is_num = label->is_num,
                            .str = label->str,
                            .num = label->num,
                            .last_num = label->num};
    if (id == n && !vec_push(&t->tags, new))
        return false;
    struct tag *tag = &t->tags.items[id];
    tag->value = (int64_t)((uint64_t)tag->value + (uint64_t)value);
    return true;
}

static bool add_all(struct tagger *t)
{
    const struct view *v = &t->run->pipeline.view;
    const struct profile *p = v->profile;
    for (uint32_t i = 0; p->label_first && i < v->n_samples; i++) {
        const struct view_sample *s = &v->samples[i];
        int64_t value = view_value(v, s);
        for (uint64_t k = p->label_first[s->sample]; k < p->label_first[s->sample + 1]; k++)
            if (view_shows_key(v, p->labels[k].key) && !add_label(t, &p->labels[k], value))
                return false;
    }
    return true;
}

/* How each tag is shown. */
static bool name_all(struct tagger *t)
{
    const struct profile *p = t->run->pipeline.view.profile;
    AUTO_BUF text = {0};
    for (size_t i = 0; i < t->tags.n; i++) {
        struct tag *tag = &t->tags.items[i];
        if (!tag->is_num) {
            tag->text = profile_str(p, tag->str);
            continue;
        }
        buf_clear(&text);
        unit_print(&text, tag->num, label_units_get(&t->run->pipeline.label_units, tag->key),
                   t->run->unit);
        const char *copy = arena_strndup(&t->table->arena, buf_str(&text), text.len);
        if (!copy || text.failed)
            return false;
        tag->text = (struct str){copy, text.len};
    }
    return true;
}

static int by_text(const void *a, const void *b, void *profile)
{
    const struct tag *l = a, *r = b;
    int c = str_cmp(profile_str(profile, l->key), profile_str(profile, r->key));
    return c ? c : str_cmp(l->text, r->text);
}

static int by_value(const void *a, const void *b)
{
    const struct tag *l = a, *r = b;
    int64_t lv = unit_abs(l->value), rv = unit_abs(r->value);
    return lv != rv ? (lv < rv) - (lv > rv) : str_cmp(l->text, r->text);
}

/* Numbers that look the same are one. */
static size_t join_equal(struct tag *tags, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct tag *last = kept ? &tags[kept - 1] : NULL;
        if (!last || last->key != tags[i].key || !str_eq(last->text, tags[i].text)) {
            tags[kept++] = tags[i];
            continue;
        }
        last->value = (int64_t)((uint64_t)last->value + (uint64_t)tags[i].value);
        if (tags[i].is_num && tags[i].num < last->num)
            last->num = tags[i].num;
        if (tags[i].is_num && tags[i].num > last->last_num)
            last->last_num = tags[i].num;
    }
    return kept;
}

static void sort(struct tagger *t)
{
    const struct profile *p = t->run->pipeline.view.profile;
    struct tag *tags = t->tags.items;
    if (t->tags.n)
        qsort_r(tags, t->tags.n, sizeof *tags, by_text, (void *)p);
    t->tags.n = join_equal(tags, t->tags.n);
    for (size_t i = 0, end; i < t->tags.n; i = end) {
        for (end = i + 1; end < t->tags.n && tags[end].key == tags[i].key;)
            end++;
        qsort(tags + i, end - i, sizeof *tags, by_value);
    }
}

bool tag_table_init(struct tag_table *table, const struct report_run *run, struct err *err)
{
    struct tagger t = {.run = run, .table = table};
    *table = (struct tag_table){0};
    map_init(&t.texts);
    bool ok = (add_all(&t) && name_all(&t)) || err_nomem(err);
    if (ok) {
        sort(&t);
        table->n = t.tags.n;
        table->tags =
            arena_adopt(&table->arena, (void **)&t.tags.items, t.tags.n, sizeof *table->tags);
        ok = table->tags || !table->n || err_nomem(err);
    }
    for (size_t i = 0; i < t.keys.n; i++)
        map_release(&t.keys.items[i].nums);
    vec_release(&t.keys);
    vec_release(&t.tags);
    map_release(&t.texts);
    return ok;
}

void tag_table_release(struct tag_table *t)
{
    arena_release(&t->arena);
}

size_t tag_table_key(const struct tag_table *t, size_t first, int64_t *sum)
{
    size_t end = first;
    uint64_t total = 0;
    for (; end < t->n && t->tags[end].key == t->tags[first].key; end++)
        total += (uint64_t)t->tags[end].value;
    *sum = (int64_t)total;
    return end;
}
