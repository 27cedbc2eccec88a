#include "xform/view.h"

#include "base/buf.h"
#include "xform/unit.h"

#include <errno.h>
#include <stdlib.h>

bool view_init(struct view *view, const struct profile *profile, struct err *err)
{
    *view = (struct view){
        .profile = profile,
        .lines = profile->lines,
        .n_samples = profile->n_samples,
        .has_function = true,
        .has_filename = true,
        .has_line = true,
        .has_column = true,
        .has_address = true,
    };
    arena_init(&view->arena);
    /* All of both is filled. */
    view->locations = arena_alloc(&view->arena, profile->n_locations * sizeof *view->locations);
    view->samples = arena_alloc(&view->arena, profile->n_samples * sizeof *view->samples);
    if (!view->locations || !view->samples)
        return err_nomem(err);
    for (uint32_t i = 0; i < profile->n_locations; i++) {
        const struct profile_location *l = &profile->locations[i];
        view->locations[i] = (struct view_location){.first = l->first_line, .n = l->n_lines};
    }
    for (uint32_t i = 0; i < profile->n_samples; i++) {
        uint64_t first = profile->stack_first[i];
        view->samples[i] = (struct view_sample){
            .locs = profile->stack_locs + first,
            .n_locs = (uint32_t)(profile->stack_first[i + 1] - first),
            .sample = i,
        };
    }
    return true;
}

void view_release(struct view *view)
{
    arena_release(&view->arena);
    *view = (struct view){0};
}

bool view_load_labels(const struct view *view, uint32_t sample, struct labels *labels)
{
    if (!labels_load(labels, view->profile, sample))
        return false;
    size_t n = 0;
    for (size_t i = 0; view->hidden_keys && i < labels->n; i++)
        if (!view->hidden_keys[labels->items[i].label->key])
            labels->items[n++] = labels->items[i];
    labels->n = view->hidden_keys ? n : labels->n;
    return true;
}

/* Samples of the base, by their label. */
struct base_finder {
    const struct profile *profile; /* NULL: there are none */
    uint32_t key, yes;
};

static void find_base(struct base_finder *f, const struct view *view)
{
    const struct profile *p = view->profile;
    *f = (struct base_finder){0};
    if (!p->label_first)
        return;
    f->key = profile_find_string(p, STR(VIEW_BASE_KEY));
    f->yes = profile_find_string(p, STR("true"));
    if (f->key != PROFILE_NONE && f->yes != PROFILE_NONE && view_shows_key(view, f->key))
        f->profile = p;
}

static bool is_base(const struct base_finder *f, uint32_t sample)
{
    const struct profile *p = f->profile;
    if (!p)
        return false;
    for (uint64_t i = p->label_first[sample]; i < p->label_first[sample + 1]; i++)
        if (p->labels[i].key == f->key && !p->labels[i].is_num && p->labels[i].str == f->yes)
            return true;
    return false;
}

int64_t view_total(const struct view *view)
{
    uint64_t total = 0, divisor = 0, base = 0, base_divisor = 0;
    struct base_finder finder;
    find_base(&finder, view);
    for (uint32_t i = 0; i < view->n_samples; i++) {
        const struct view_sample *s = &view->samples[i];
        uint64_t v = (uint64_t)unit_abs(view_value(view, s)), d = (uint64_t)view_divisor(view, s);
        total += v;
        divisor += d;
        if (is_base(&finder, s->sample)) {
            base += v;
            base_divisor += d;
        }
    }
    return (int64_t)base > 0 ? view_mean((int64_t)base, (int64_t)base_divisor)
                             : view_mean((int64_t)total, (int64_t)divisor);
}

/* Add s as Go's %q does, as far as names of sample types go. */
static void add_quoted(struct buf *out, const char *s)
{
    buf_putc(out, '"');
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_printf(out, "\\%c", *p);
        else if (*p == '\n')
            buf_puts(out, "\\n");
        else if (*p == '\t')
            buf_puts(out, "\\t");
        else if (*p < 0x20 || *p == 0x7f)
            buf_printf(out, "\\x%02x", *p);
        else
            buf_putc(out, (char)*p);
    }
    buf_putc(out, '"');
}

/* The number that `s` is in decimal, as Go's Atoi takes it. */
static bool is_number(const char *s, long *value)
{
    const char *digits = s + (*s == '-' || *s == '+');
    char *end;
    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    *value = strtol(s, &end, 10);
    return !errno && !*end;
}

uint64_t view_count_frames(const struct view *view)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < view->n_samples; i++)
        n += view->samples[i].n_locs;
    return n;
}

bool view_find_type(const struct profile *profile, const char *name, uint32_t *type,
                    struct err *err)
{
    uint32_t n = profile->n_types;
    long number;
    if (!n)
        return err_set(err, ERR_INPUT, "profile has no samples");
    if (!name || !*name) {
        *type = n - 1;
        for (uint32_t i = 0; profile->default_type && i < n; i++) {
            if (profile->types[i].type == profile->default_type) {
                *type = i;
                break;
            }
        }
        return true;
    }
    if (is_number(name, &number)) {
        if (number < 0 || number >= (long)n)
            return err_set(err, ERR_USAGE, "sample_index %s is outside the range [0..%u]", name,
                           n - 1);
        *type = (uint32_t)number;
        return true;
    }
    /* "inuse_space" finds the type "space" of old heap profiles. */
    struct str whole = str_of(name), rest = whole;
    if (str_has_prefix(whole, STR("inuse_")))
        rest = str_of(name + strlen("inuse_"));
    for (uint32_t i = 0; i < n; i++) {
        struct str t = profile_str(profile, profile->types[i].type);
        if (str_eq(t, whole) || str_eq(t, rest)) {
            *type = i;
            return true;
        }
    }
    AUTO_BUF msg = {0};
    buf_puts(&msg, "sample_index ");
    add_quoted(&msg, name);
    buf_puts(&msg, " must be one of: [");
    for (uint32_t i = 0; i < n; i++)
        buf_printf(&msg, "%s%s", i ? " " : "", profile_cstr(profile, profile->types[i].type));
    buf_putc(&msg, ']');
    return err_set(err, ERR_USAGE, "%s", buf_str(&msg));
}
