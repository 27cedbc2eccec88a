/* report_tags: the values of each label, with what their samples come to. */
#include "report/report_run.h"

#include "base/map.h"
#include "base/vec.h"
#include "render/tabs.h"
#include "xform/unit.h"

#include <stdlib.h>

/* One value of a label. */
struct tag {
    uint32_t key; /* string */
    bool is_num;
    uint32_t str;
    int64_t num, value;
    struct str text; /* as it is shown */
};

struct tag_key {
    uint32_t key;
    struct map nums; /* number -> tags */
};

struct tagger {
    struct report_run *run;
    VEC(struct tag) tags;
    struct map texts; /* key and text -> tags */
    VEC(struct tag_key) keys;
    struct arena arena; /* of the texts of numbers */
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
    const struct tag new = {
        .key = label->key, .is_num = label->is_num, .str = label->str, .num = label->num};
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
        const char *copy = arena_strndup(&t->arena, buf_str(&text), text.len);
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
        if (kept && tags[kept - 1].key == tags[i].key && str_eq(tags[kept - 1].text, tags[i].text))
            tags[kept - 1].value =
                (int64_t)((uint64_t)tags[kept - 1].value + (uint64_t)tags[i].value);
        else
            tags[kept++] = tags[i];
    }
    return kept;
}

/* The tags of one key. */
static void write_key(const struct tagger *t, struct tag *tags, size_t n, struct buf *out)
{
    const struct report_run *run = t->run;
    int64_t total = run->pipeline.total;
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (uint64_t)tags[i].value;
    buf_puts(out, profile_cstr(run->pipeline.view.profile, tags[0].key));
    buf_puts(out, ":\t Total ");
    report_value(run, out, (int64_t)sum);
    buf_puts(out, " of ");
    report_value(run, out, total);
    if (total > 0) {
        buf_puts(out, " (");
        unit_print_percent(out, (int64_t)sum, total);
        buf_putc(out, ')');
    }
    buf_putc(out, '\n');
    qsort(tags, n, sizeof *tags, by_value);
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, " \t");
        report_value(run, out, tags[i].value);
        if (total > 0) {
            buf_puts(out, " (");
            unit_print_percent(out, tags[i].value, total);
            buf_putc(out, ')');
        }
        buf_puts(out, ":\t ");
        buf_add(out, tags[i].text.p, tags[i].text.len);
        buf_putc(out, '\n');
    }
    buf_putc(out, '\n');
}

static bool write_all(struct tagger *t, struct buf *out)
{
    struct tag *tags = t->tags.items;
    AUTO_BUF text = {0};
    if (t->tags.n)
        qsort_r(tags, t->tags.n, sizeof *tags, by_text, (void *)t->run->pipeline.view.profile);
    size_t n = join_equal(tags, t->tags.n);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && tags[end].key == tags[i].key;)
            end++;
        write_key(t, tags + i, end - i, &text);
    }
    return !text.failed && tabs_right(out, (struct str){buf_str(&text), text.len});
}

static bool write_tags(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct report_run run;
    struct tagger t = {.run = &run};
    arena_init(&t.arena);
    map_init(&t.texts);
    bool ok = report_begin(&run, &report_tags, ctx, err) &&
              ((add_all(&t) && name_all(&t) && write_all(&t, out)) || err_nomem(err));
    for (size_t i = 0; i < t.keys.n; i++)
        map_release(&t.keys.items[i].nums);
    vec_release(&t.keys);
    vec_release(&t.tags);
    map_release(&t.texts);
    arena_release(&t.arena);
    report_end(&run);
    return ok;
}

const struct report_ops report_tags = {
    .name = "tags",
    .help = "Outputs all tags in the profile",
    .nodecount = 80,
    .write = write_tags,
};
