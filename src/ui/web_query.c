#include "ui/web_query.h"

#include "base/vec.h"
#include "ui/percent.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 256

/* --- pairs --- */

/* NULL and *err: it cannot be decoded. */
static const char *decode(struct str text, struct arena *arena, struct err *err)
{
    AUTO_BUF out = {0};
    const char *copy = NULL;
    if (!percent_decode(&out, text))
        err_set(err, ERR_USAGE, "invalid URL escape in \"%.*s\"",
                (int)(text.len < 64 ? text.len : 64), text.p);
    else if (out.len && memchr(out.data, '\0', out.len))
        err_set(err, ERR_USAGE, "a zero byte in the URL");
    else if (out.failed || !(copy = arena_strndup(arena, buf_str(&out), out.len)))
        err_nomem(err);
    return copy;
}

bool web_query_parse(struct web_query *query, const char *text, struct arena *arena,
                     struct err *err)
{
    size_t most = 1;
    *query = (struct web_query){0};
    for (const char *p = text; *p; p++)
        most += *p == '&';
    if (most > PAIRS_MAX)
        return err_set(err, ERR_USAGE, "more than %d parameters in the URL", PAIRS_MAX);
    struct web_pair *pairs = ARENA_ARRAY(arena, struct web_pair, most);
    if (!pairs)
        return err_nomem(err);
    query->pairs = pairs;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "&"), n_key = strcspn(p, "&=");
        struct web_pair *pair = &pairs[query->n];
        if (n) {
            pair->key = decode((struct str){p, n_key}, arena, err);
            pair->value = !pair->key ? NULL
                          : n_key < n
                              ? decode((struct str){p + n_key + 1, n - n_key - 1}, arena, err)
                              : "";
            if (!pair->value)
                return false;
            query->n++;
        }
        p += n + (p[n] == '&');
    }
    return true;
}

const char *web_query_get(const struct web_query *query, const char *key)
{
    for (size_t i = 0; i < query->n; i++)
        if (!strcmp(query->pairs[i].key, key))
            return *query->pairs[i].value ? query->pairs[i].value : NULL;
    return NULL;
}

/* --- options --- */

/* A text as Go's %q shows it, at most so much of it. */
static void quote(struct buf *out, const char *text)
{
    buf_putc(out, '"');
    for (const char *p = text; *p && p < text + 80; p++) {
        if (*p == '"' || *p == '\\')
            buf_printf(out, "\\%c", *p);
        else if ((unsigned char)*p < ' ' || *p == 0x7f)
            buf_printf(out, "\\x%02x", (unsigned char)*p);
        else
            buf_putc(out, *p);
    }
    buf_putc(out, '"');
}

/* What pprof says of a value that is none. */
static void complain(const struct option_def *def, const char *value, struct err *err)
{
    AUTO_BUF text = {0};
    quote(&text, value);
    char *end;
    errno = 0;
    (void)strtod(value, &end);
    bool is_large = def->kind == OPTION_INT && *value &&
                    value[strspn(value, "+-0123456789")] == 0 && end[0] == 0;
    const char *reason = is_large ? "value out of range" : "invalid syntax";
    if (def->kind == OPTION_BOOL)
        err_set(err, ERR_USAGE, "error setting config field %s: illegal value %s for bool variable",
                def->name, buf_str(&text));
    else if (def->kind == OPTION_CHOICE)
        err_set(err, ERR_USAGE, "error setting config field %s: invalid \"%s\" value %s", def->name,
                def->name, buf_str(&text));
    else
        err_set(err, ERR_USAGE, "error setting config field %s: strconv.%s: parsing %s: %s",
                def->name, def->kind == OPTION_INT ? "Atoi" : "ParseFloat", buf_str(&text), reason);
}

bool web_query_options(const struct web_query *query, struct report_options *options,
                       struct err *err)
{
    for (const struct option_def *def = option_defs; def->name; def++) {
        const char *value = def->param ? web_query_get(query, def->param) : NULL;
        if (value && !report_options_set(options, def, value, NULL)) {
            complain(def, value, err);
            return false;
        }
    }
    return true;
}

/* As Go's %v shows it. */
static void put_float(struct buf *out, double v)
{
    char text[40];
    int digits = 0;
    if (!isfinite(v)) {
        buf_puts(out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
        return;
    }
    do
        snprintf(text, sizeof text, "%.*e", digits, v);
    while (strtod(text, NULL) != v && ++digits < 17);
    int exponent = atoi(strchr(text, 'e') + 1);
    if (exponent < -4 || exponent >= 21)
        buf_puts(out, text);
    else
        buf_printf(out, "%.*f", digits > exponent ? digits - exponent : 0, v);
}

void web_query_value(const struct report_options *options, const struct option_def *def,
                     struct buf *out)
{
    const void *field = (const char *)options + def->offset;
    const char *text;
    unsigned chosen;
    switch (def->kind) {
    case OPTION_BOOL:
        buf_puts(out, *(const bool *)field ? "true" : "false");
        break;
    case OPTION_INT:
        buf_printf(out, "%d", *(const int *)field);
        break;
    case OPTION_FLOAT:
        put_float(out, *(const double *)field);
        break;
    case OPTION_STRING:
        text = *(const char *const *)field;
        buf_puts(out, text ? text : "");
        break;
    case OPTION_CHOICE:
        memcpy(&chosen, field, sizeof chosen);
        if (!chosen && def->offset == offsetof(struct report_options, sort))
            chosen = SORT_FLAT; /* the default's name */
        buf_puts(out, chosen ? def->choices[chosen - 1] : "");
        break;
    }
}

static void put_pair(struct buf *out, size_t begin, const struct web_pair *pair)
{
    if (out->len > begin)
        buf_putc(out, '&');
    percent_encode(out, str_of(pair->key));
    buf_putc(out, '=');
    percent_encode(out, str_of(pair->value));
}

/* The value that an option has in a URL; "" when that is the default. */
static void url_value(const struct report_options *options, const struct option_def *def,
                      struct buf *out)
{
    AUTO_BUF normal = {0};
    struct report_options defaults;
    report_options_init(&defaults);
    buf_clear(out);
    web_query_value(options, def, out);
    web_query_value(&defaults, def, &normal);
    if (!strcmp(buf_str(out), buf_str(&normal)))
        buf_clear(out);
    else if (def->kind == OPTION_BOOL)
        out->len = 1, out->data[1] = '\0';
}

/* The option of the key, which configurations hold too; NULL: there is none. */
static const struct option_def *saved_option(const char *key)
{
    for (const struct option_def *def = option_defs; def->name; def++)
        if (def->param && !def->is_transient && !strcmp(def->param, key))
            return def;
    return NULL;
}

bool web_query_with(const struct web_query *query, const char *text,
                    const struct report_options *options, struct buf *out)
{
    VEC(struct web_pair) pairs = {0};
    AUTO_ARENA arena = {0};
    AUTO_BUF value = {0};
    bool changed = false, ok = true;
    size_t begin = out->len;
    arena_init(&arena);
    for (size_t i = 0; i < query->n; i++)
        if (!saved_option(query->pairs[i].key))
            ok = vec_push(&pairs, query->pairs[i]) && ok;
    for (const struct option_def *def = option_defs; def->name; def++) {
        if (!def->param || def->is_transient)
            continue;
        const char *before = web_query_get(query, def->param);
        url_value(options, def, &value);
        if (!strcmp(before ? before : "", buf_str(&value))) {
            /* As it is, with all that was repeated. */
            for (size_t i = 0; i < query->n; i++)
                if (!strcmp(query->pairs[i].key, def->param))
                    ok = vec_push(&pairs, query->pairs[i]) && ok;
            continue;
        }
        changed = true;
        const char *copy = arena_strndup(&arena, buf_str(&value), value.len);
        if (value.len)
            ok = ok && copy && vec_push(&pairs, (struct web_pair){def->param, copy});
    }
    if (!changed) {
        buf_puts(out, text);
    } else {
        /* Stable, since equal keys stand in their order. */
        for (size_t i = 1; i < pairs.n; i++) {
            struct web_pair one = pairs.items[i];
            size_t k = i;
            for (; k > 0 && strcmp(pairs.items[k - 1].key, one.key) > 0; k--)
                pairs.items[k] = pairs.items[k - 1];
            pairs.items[k] = one;
        }
        for (size_t i = 0; i < pairs.n; i++)
            put_pair(out, begin, &pairs.items[i]);
    }
    out->failed |= !ok || value.failed;
    vec_release(&pairs);
    return changed;
}
