#include "xform/tag_filter.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"
#include "xform/unit.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A regexp, asked about each pair of key and value once. */
struct asked {
    struct regex *re;
    struct map answers; /* key and value, strings of the profile -> 0 or 1 */
};

struct tag_filter {
    char *text;      /* what the rest points into */
    const char *key; /* NULL: any */
    VEC(struct asked) regexes;

    bool is_range, has_min, has_max;
    const char *unit; /* of min and max */
    double min, max;
};

/* A number and its unit, as `digits` and `letters` of a range have it. */
struct quantity {
    const char *begin, *letters, *end; /* [begin, letters) is the number */
    int64_t value;
};

/* The first number in `text`: [+-]?[0-9]+ and letters after it.  False if none. */
static bool find_quantity(const char *text, struct quantity *q)
{
    const char *p = text + strcspn(text, "0123456789");
    if (!*p)
        return false;
    q->begin = p > text && (p[-1] == '+' || p[-1] == '-') ? p - 1 : p;
    q->letters = p + strspn(p, "0123456789");
    for (q->end = q->letters; isalpha((unsigned char)*q->end);)
        q->end++;
    return true;
}

/* Its value.  False with ERR_USAGE when it is too large. */
static bool read_value(const char *name, struct quantity *q, struct err *err)
{
    errno = 0;
    q->value = strtoll(q->begin, NULL, 10);
    return !errno || err_set(err, ERR_USAGE, "parsing %s range: %.*s is too large", name,
                             (int)(q->letters - q->begin), q->begin);
}

/* Is the text a range?  Then it is cut into numbers and units; what is not remains
 * whole.  False with ERR_USAGE. */
static bool parse_range(struct tag_filter *f, const char *name, char *text, struct err *err)
{
    struct quantity first, second;
    const char *unit;
    if (!find_quantity(text, &first))
        return true;
    bool is_pair = find_quantity(first.end, &second);
    if (is_pair) {
        if (first.begin != text || *first.end != ':' || second.begin != first.end + 1 ||
            *second.end)
            return true;
        f->has_min = f->has_max = true;
    } else {
        bool from_start = first.begin == text, colon_after = !strcmp(first.end, ":");
        f->has_min = from_start && (!*first.end || colon_after);
        f->has_max = !*first.end && (from_start || (first.begin == text + 1 && text[0] == ':'));
        if (!f->has_min && !f->has_max)
            return true;
    }
    if (!read_value(name, &first, err) || (is_pair && !read_value(name, &second, err)))
        return false;
    char kept = *first.end;
    text[first.end - text] = '\0';
    f->min = f->max = unit_scale(first.value, first.letters, first.letters, &f->unit);
    if (is_pair) {
        f->max = unit_scale(second.value, second.letters, f->unit, &unit);
        if (strcmp(unit, f->unit) != 0) { /* not of the same dimension, so it is a regexp */
            text[first.end - text] = kept;
            f->has_min = f->has_max = false;
        }
    }
    f->is_range = f->has_min || f->has_max;
    return true;
}

/* The regexps of "A,B,C". */
static bool parse_regexes(struct tag_filter *f, const char *name, char *text, struct err *err)
{
    for (bool more = true; more;) {
        char *comma = strchr(text, ',');
        more = comma != NULL;
        if (more)
            *comma = '\0';
        struct asked asked = {.re = regex_new(text, err)};
        map_init(&asked.answers);
        if (!asked.re)
            return err_wrap(err, "parsing %s regexp", name);
        if (!vec_push(&f->regexes, asked)) {
            regex_free(asked.re);
            return err_nomem(err);
        }
        if (more)
            text = comma + 1;
    }
    return true;
}

struct tag_filter *tag_filter_new(const char *name, const char *expression, struct diag *diag,
                                  struct err *err)
{
    struct tag_filter *f = calloc(1, sizeof *f);
    if (!f || !(f->text = strdup(expression))) {
        free(f);
        err_nomem(err);
        return NULL;
    }
    char *value = strchr(f->text, '=');
    if (value) {
        *value++ = '\0';
        f->key = *f->text ? f->text : NULL;
    } else {
        value = f->text;
    }
    const char *as_given = expression + (value - f->text);
    bool ok = parse_range(f, name, value, err);
    if (ok && f->is_range)
        diag_add(diag, "%s:Interpreted '%s' as range, not regexp", name, as_given);
    else if (ok)
        ok = parse_regexes(f, name, value, err);
    if (ok)
        return f;
    tag_filter_free(f);
    return NULL;
}

void tag_filter_free(struct tag_filter *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->regexes.n; i++) {
        regex_free(f->regexes.items[i].re);
        map_release(&f->regexes.items[i].answers);
    }
    vec_release(&f->regexes);
    free(f->text);
    free(f);
}

/* A filter at work. */
struct matcher {
    struct tag_filter *filter;
    const struct profile *profile;
    const struct label_units *units;
    uint32_t key; /* of filter->key; PROFILE_NONE: the profile has none */
    /* The last number that was asked about: most are like the one before. */
    uint32_t last_key;
    int64_t last_num;
    bool has_last, last_answer;
    struct buf text;
    bool failed; /* out of memory */
};

static void matcher_init(struct matcher *m, struct tag_filter *filter, const struct view *view,
                         const struct label_units *units)
{
    *m = (struct matcher){.filter = filter, .profile = view->profile, .units = units};
    m->key = PROFILE_NONE;
    if (filter && filter->key)
        m->key = profile_find_string(view->profile, str_of(filter->key));
    for (size_t i = 0; filter && i < filter->regexes.n; i++) /* answers of another profile */
        map_release(&filter->regexes.items[i].answers);
}

static bool in_range(struct matcher *m, const struct profile_label *label)
{
    const struct tag_filter *f = m->filter;
    const char *unit;
    if (m->has_last && m->last_key == label->key && m->last_num == label->num)
        return m->last_answer;
    double v = unit_scale(label->num, label_units_get(m->units, label->key), f->unit, &unit);
    m->last_answer =
        !strcmp(unit, f->unit) && (!f->has_min || v >= f->min) && (!f->has_max || v <= f->max);
    m->has_last = true;
    m->last_key = label->key;
    m->last_num = label->num;
    return m->last_answer;
}

static bool matches(struct matcher *m, struct asked *asked, const struct profile_label *label)
{
    uint64_t pair = (uint64_t)label->key << 32 | label->str;
    uint32_t answer = map_get(&asked->answers, pair);
    if (answer != MAP_NONE)
        return answer;
    struct str value = profile_str(m->profile, label->str);
    if (!m->filter->key) {
        buf_clear(&m->text);
        struct str key = profile_str(m->profile, label->key);
        buf_add(&m->text, key.p, key.len);
        buf_putc(&m->text, ':');
        buf_add(&m->text, value.p, value.len);
        value = (struct str){buf_str(&m->text), m->text.len};
        m->failed |= m->text.failed;
    }
    answer = regex_match(asked->re, value);
    m->failed |= !map_put(&asked->answers, pair, answer);
    return answer;
}

/* Does any of the labels match this regexp? */
static bool any_matches(struct matcher *m, struct asked *asked, const struct profile_label *labels,
                        size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!labels[i].is_num && (!m->filter->key || labels[i].key == m->key) &&
            matches(m, asked, &labels[i]))
            return true;
    return false;
}

static bool sample_matches(struct matcher *m, const struct profile_label *labels, size_t n)
{
    struct tag_filter *f = m->filter;
    if (f->key && m->key == PROFILE_NONE)
        return false;
    for (size_t i = 0; f->is_range && i < n; i++)
        if (labels[i].is_num && (!f->key || labels[i].key == m->key) && in_range(m, &labels[i]))
            return true;
    if (f->is_range)
        return false;
    /* With a key one has to match, without one all. */
    for (size_t i = 0; i < f->regexes.n; i++)
        if (any_matches(m, &f->regexes.items[i], labels, n) == (f->key != NULL))
            return f->key != NULL;
    return f->key == NULL;
}

bool tag_filter_samples(struct view *view, const struct label_units *units,
                        struct tag_filter *focus, struct tag_filter *ignore, bool *focused,
                        bool *ignored, struct err *err)
{
    const struct profile *p = view->profile;
    struct matcher mf, mi;
    matcher_init(&mf, focus, view, units);
    matcher_init(&mi, ignore, view, units);
    *focused = *ignored = false;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < view->n_samples; i++) {
        uint32_t sample = view->samples[i].sample;
        const struct profile_label *labels = NULL;
        size_t n = 0;
        if (p->label_first) {
            labels = p->labels + p->label_first[sample];
            n = (size_t)(p->label_first[sample + 1] - p->label_first[sample]);
        }
        bool is_focused = !focus || sample_matches(&mf, labels, n);
        bool is_ignored = ignore && sample_matches(&mi, labels, n);
        *focused |= is_focused;
        *ignored |= is_ignored;
        if (is_focused && !is_ignored)
            view->samples[kept++] = view->samples[i];
    }
    view->n_samples = kept;
    buf_release(&mf.text);
    buf_release(&mi.text);
    return !(mf.failed || mi.failed) || err_nomem(err);
}

bool tag_filter_keys(struct view *view, const struct regex *show, const struct regex *hide,
                     bool *shown, bool *hidden, struct err *err)
{
    enum { NOT_ASKED, SHOWS, HIDDEN };
    const struct profile *p = view->profile;
    *shown = *hidden = false;
    if ((!show && !hide) || !p->label_first)
        return true;
    uint8_t *keys = ARENA_ARRAY(&view->arena, uint8_t, p->n_strings);
    if (!keys)
        return err_nomem(err);
    for (uint32_t i = 0; i < view->n_samples; i++) {
        uint32_t sample = view->samples[i].sample;
        for (uint64_t k = p->label_first[sample]; k < p->label_first[sample + 1]; k++) {
            uint32_t key = p->labels[k].key;
            if (keys[key] != NOT_ASKED)
                continue;
            bool shows = !show || regex_match(show, profile_str(p, key));
            bool hides = hide && regex_match(hide, profile_str(p, key));
            *shown |= shows;
            *hidden |= hides;
            keys[key] = shows && !hides ? SHOWS : HIDDEN;
        }
    }
    for (uint32_t i = 0; i < p->n_strings; i++)
        keys[i] = keys[i] == HIDDEN;
    view->hidden_keys = keys;
    return true;
}
