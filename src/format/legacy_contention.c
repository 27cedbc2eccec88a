/* legacy_contention: contentionz profiles of C++ programs, and Go's block and mutex
 * profiles as text: attributes, then "CYCLES COUNT @ 0x1 0x2" a line. */
#include "format/go_comments.h"
#include "format/legacy.h"
#include "format/memory_map.h"

struct contention_reader {
    struct legacy *l;
    struct text *t;
    int64_t period, cycles_per_second;
};

static bool contention_probe(const uint8_t *data, size_t len)
{
    struct text t = text_of(data, len);
    return text_next(&t) && (str_has_prefix(t.line, STR("--- contentionz ")) ||
                             str_has_prefix(t.line, STR("--- mutex:")) ||
                             str_has_prefix(t.line, STR("--- contention:")));
}

static bool read_attribute(struct contention_reader *r, struct str name, struct str value,
                           struct err *err)
{
    struct profile *header = builder_header(r->l->builder);
    int64_t v = 0, *to = NULL;
    if (str_eq(name, STR("cycles/second")))
        to = &r->cycles_per_second;
    else if (str_eq(name, STR("sampling period")))
        to = &r->period;
    else if (str_eq(name, STR("ms since reset")))
        to = &v;
    else if (!str_eq(name, STR("discarded samples")))
        return text_malformed(r->t, err, "unknown attribute");
    if (to && !text_number(value, to))
        return text_malformed(r->t, err, "bad number");
    if (to == &v)
        header->duration_nanos = legacy_multiply(v, 1000 * 1000);
    return true;
}

/* Up to the first line that is no "NAME = VALUE", which is then the current one. */
static bool read_attributes(struct contention_reader *r, struct err *err)
{
    while (text_next(r->t)) {
        struct str value = text_trim(r->t->line);
        if (text_is_comment(value))
            continue;
        if (str_has_prefix(value, STR("---")) || !memchr(value.p, '=', value.len))
            break;
        struct str name = text_trim(text_split(&value, '='));
        if (!read_attribute(r, name, text_trim(value), err))
            return false;
    }
    return true;
}

/* "CYCLES COUNT @ ADDRESSES", perhaps after something else; no blank is needed
 * between the numbers: "123 @" is 12 and 3, as pprof reads it. */
static bool find_sample(struct str line, struct str *cycles, struct str *count,
                        struct str *addresses)
{
    while (line.len) {
        struct str start = line, rest;
        if (!text_take_digits(&line, false, cycles)) {
            line = (struct str){line.p + 1, line.len - 1};
            continue;
        }
        rest = line;
        text_take_blanks(&rest);
        if (!text_take_digits(&rest, false, count)) {
            size_t n = cycles->len - 1;
            rest = line;
            *cycles = (struct str){start.p, n};
            *count = (struct str){start.p + n, 1};
        }
        if (cycles->len && text_take(&rest, ' ') && text_take(&rest, '@')) {
            *addresses = text_addresses(rest);
            return true;
        }
    }
    return false;
}

static bool read_sample(struct contention_reader *r, struct str line, struct err *err)
{
    struct str cycles, count, addresses;
    int64_t delay, n;
    if (!find_sample(line, &cycles, &count, &addresses))
        return text_malformed(r->t, err, "not a sample");
    if (!text_decimal(cycles, &delay) || !text_decimal(count, &n))
        return text_malformed(r->t, err, "a number is too large");
    if (!legacy_push_text(r->l, addresses, -1, -1))
        return text_malformed(r->t, err, "an address is too large");
    if (r->period > 0) {
        /* Cycles to nanoseconds, and what was sampled to what there was. */
        if (r->cycles_per_second > 0) {
            double cycles_per_ns = (double)r->cycles_per_second / 1e9;
            delay = legacy_to_int((double)delay * (double)r->period / cycles_per_ns);
        }
        n = legacy_multiply(n, r->period);
    }
    const int64_t values[] = {n, delay};
    legacy_sample(r->l, values);
    return true;
}

static bool read_samples(struct contention_reader *r, struct go_comments *comments, struct err *err)
{
    do {
        struct str line = text_trim(r->t->line);
        if (str_has_prefix(line, STR("---")))
            break;
        if (text_is_comment(line)) {
            go_comments_add(comments, line);
            continue;
        }
        go_comments_flush(comments);
        if (!read_sample(r, line, err))
            return false;
    } while (text_next(r->t));
    go_comments_flush(comments);
    return true;
}

static struct profile *read_text(struct contention_reader *r, struct err *err)
{
    struct go_comments comments = {.l = r->l};
    text_next(r->t);
    legacy_type(r->l, STR("contentions"), STR("count"));
    legacy_type(r->l, STR("delay"), STR("nanoseconds"));
    if (!read_attributes(r, err))
        return NULL;
    legacy_period(r->l, STR("contentions"), STR("count"), r->period);
    bool ok = read_samples(r, &comments, err);
    go_comments_release(&comments);
    if (!ok)
        return NULL;
    memory_map_seek(r->t);
    return legacy_seal(r->l, r->t, LEGACY_CONTENTION, err);
}

static struct profile *contention_read(const uint8_t *data, size_t len, struct diag *diag,
                                       struct err *err)
{
    struct legacy l;
    struct text t = text_of(data, len);
    struct contention_reader r = {.l = &l, .t = &t, .period = 1};
    struct profile *profile = NULL;
    if (legacy_init(&l, len, diag, err))
        profile = read_text(&r, err);
    legacy_release(&l);
    return profile;
}

const struct format_ops legacy_contention_format = {
    .name = "contention",
    .help = "contentionz, and Go's block and mutex profiles as text",
    .probe = contention_probe,
    .read = contention_read,
};
