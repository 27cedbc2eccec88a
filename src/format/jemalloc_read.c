#include "format/jemalloc_read.h"

#include "format/heap_values.h"
#include "format/memory_map.h"

/* What each stack has allocated, in all and by thread:
 *
 *   heap_v2/524288                          mean bytes between two samples
 *     t*: 28106: 56637512 [0: 0]            of all stacks
 *     t0: 28106: 56637512 [0: 0]
 *   @ 0x1234 0x5678
 *     t*: 13: 6688 [0: 0]                   objects and bytes in use [and allocated]
 *     t0: 12: 6496 [0: 0]
 *
 *   MAPPED_LIBRARIES:
 */

static bool parse_header(struct str line, int64_t *rate)
{
    const struct str start = STR("heap_v2/");
    return str_has_prefix(line, start) &&
           text_decimal((struct str){line.p + start.len, line.len - start.len}, rate);
}

static bool jemalloc_probe(const uint8_t *data, size_t len)
{
    struct text t = text_of(data, len);
    int64_t rate;
    return text_next(&t) && parse_header(t.line, &rate);
}

/* "t*: 1: 2 [3: 4]" */
static bool parse_values(struct str line, bool *is_of_all, struct heap_values *values)
{
    struct str thread;
    if (!text_take(&line, 't'))
        return false;
    *is_of_all = text_take(&line, '*');
    if ((!*is_of_all && !text_take_digits(&line, false, &thread)) || !text_take(&line, ':'))
        return false;
    text_take_blanks(&line);
    return heap_values_take(&line, values) && line.len == 0;
}

/* The next line that is not empty, trimmed; false when the stacks are over. */
static bool next_line(struct text *t, struct str *line)
{
    do {
        if (!text_next(t) || memory_map_begins(t->line))
            return false;
        *line = text_trim(t->line);
    } while (line->len == 0);
    return true;
}

/* The totals, which come first, say what there is to tell. */
static bool read_samples(struct legacy *l, struct text *t, struct heap_sampling *sampling,
                         struct err *err)
{
    struct heap_values values;
    struct str line;
    bool has_totals = false, has_stack = false, is_of_all;
    while (next_line(t, &line)) {
        if (text_take(&line, '@') && has_totals) {
            if (has_stack)
                return text_malformed(t, err, "the stack before has no values");
            if (!legacy_push_text(l, line, -1, -1))
                return text_malformed(t, err, "an address is too large");
            has_stack = true;
        } else if (!parse_values(line, &is_of_all, &values)) {
            return text_malformed(t, err, "neither a stack nor its values");
        } else if (is_of_all && has_stack) {
            if (!heap_sample(l, &values, sampling, t, err))
                return false;
            has_stack = false;
        } else if (is_of_all && has_totals) {
            return text_malformed(t, err, "values without a stack");
        } else if (is_of_all) {
            sampling->has_alloc = heap_values_have_alloc(&values);
            heap_types(l, sampling->has_alloc);
            has_totals = true;
        }
    }
    return has_totals || text_malformed(t, err, "no totals");
}

static struct profile *jemalloc_read(const uint8_t *data, size_t len, struct diag *diag,
                                     struct err *err)
{
    struct legacy l;
    struct text t = text_of(data, len);
    struct heap_sampling sampling = {.is_sampled = true};
    struct profile *profile = NULL;
    text_next(&t);
    parse_header(t.line, &sampling.rate);
    if (legacy_init(&l, len, diag, err)) {
        legacy_period(&l, STR("space"), STR("bytes"), sampling.rate);
        if (read_samples(&l, &t, &sampling, err))
            profile = legacy_seal(&l, &t, LEGACY_HEAP | LEGACY_JEMALLOC, err);
    }
    legacy_release(&l);
    return profile;
}

const struct format_ops jemalloc_format = {
    .name = "jemalloc",
    .help = "heap profiles of jemalloc",
    .probe = jemalloc_probe,
    .read = jemalloc_read,
};
