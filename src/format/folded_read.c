#include "format/folded_read.h"

#include "base/map.h"
#include "base/vec.h"
#include "format/text.h"
#include "model/builder.h"

#include <inttypes.h>

#define PROBED_LINES 16

struct folded_reader {
    struct builder *b;
    struct map location_of; /* by the string of the function's name */
    VEC(uint32_t) stack;
    uint64_t n_bad, first_bad; /* lines */
};

static bool is_ignored(struct str line)
{
    return text_trim(line).len == 0 || str_has_prefix(line, STR("# "));
}

/* "STACK COUNT": the count may have decimals, of which the first decides. */
static bool parse_line(struct str line, struct str *stack, int64_t *count)
{
    const char *space = text_last(line, ' '), *tab = text_last(line, '\t');
    const char *gap = !space || tab > space ? tab : space;
    if (!gap)
        return false;
    struct str rest = {gap + 1, (size_t)(line.p + line.len - gap - 1)}, digits, decimals;
    if (!text_take_digits(&rest, true, &digits) || !text_decimal(digits, count))
        return false;
    if (text_take(&rest, '.') && text_take_digits(&rest, false, &decimals))
        *count += decimals.p[0] < '5' ? 0
                  : *digits.p == '-'  ? -(*count > INT64_MIN)
                                      : *count < INT64_MAX;
    *stack = text_trim((struct str){line.p, (size_t)(gap - line.p)});
    return rest.len == 0 && stack->len > 0;
}

static bool is_text(struct str line)
{
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
            return false;
    return true;
}

/* Nothing marks the format: the first lines must all be stacks, one of several frames. */
static bool folded_probe(const uint8_t *data, size_t len)
{
    struct text t = text_of(data, len);
    bool has_callers = false;
    for (int i = 0; i < PROBED_LINES && text_next(&t); i++) {
        struct str stack;
        int64_t count;
        if (is_ignored(t.line))
            continue;
        if (!is_text(t.line) || !parse_line(t.line, &stack, &count))
            return false;
        has_callers |= memchr(stack.p, ';', stack.len) != NULL;
    }
    return has_callers;
}

/* The location that stands for a function; false when memory runs out. */
static bool location_of(struct folded_reader *r, struct str name, uint32_t *location)
{
    uint32_t string = builder_string(r->b, name);
    *location = map_get(&r->location_of, string);
    if (*location != MAP_NONE)
        return true;
    struct profile_function function = {.name = string, .system_name = string};
    struct profile_line line = {.function = builder_function(r->b, &function)};
    *location = builder_location(r->b, &(struct profile_location){0}, &line, 1);
    return map_put(&r->location_of, string, *location);
}

static bool add_sample(struct folded_reader *r, struct str stack, int64_t count)
{
    vec_clear(&r->stack);
    while (stack.len) {
        struct str name = text_split(&stack, ';');
        uint32_t location;
        if (name.len == 0)
            continue;
        if (!location_of(r, name, &location) || !vec_push(&r->stack, location))
            return false;
    }
    for (size_t i = 0, k = r->stack.n; i + 1 < k; i++) {
        uint32_t swapped = r->stack.items[i];
        r->stack.items[i] = r->stack.items[--k];
        r->stack.items[k] = swapped;
    }
    builder_sample(r->b, r->stack.items, (uint32_t)r->stack.n, &count, NULL, 0);
    return true;
}

static bool read_lines(struct folded_reader *r, struct text *t, struct err *err)
{
    while (text_next(t)) {
        struct str stack;
        int64_t count;
        if (is_ignored(t->line))
            continue;
        if (parse_line(t->line, &stack, &count)) {
            if (!add_sample(r, stack, count))
                return err_nomem(err);
        } else if (r->n_bad++ == 0) {
            r->first_bad = t->number;
        }
    }
    return true;
}

static void add_header(struct builder *b)
{
    struct profile *header = builder_header(b);
    uint32_t samples = builder_string(b, STR("samples")), unit = builder_string(b, STR("count"));
    builder_type(b, samples, unit);
    header->period_type = (struct profile_value_type){samples, unit};
    header->has_period_type = true;
    header->period = 1;
    /* Says that nothing is left to be symbolised. */
    builder_mapping(b, &(struct profile_mapping){.limit = UINT64_MAX, .has_functions = true});
}

static struct profile *folded_read(const uint8_t *data, size_t len, struct diag *diag,
                                   struct err *err)
{
    struct folded_reader r = {.b = builder_new(err)};
    struct text t = text_of(data, len);
    struct profile *profile = NULL;
    if (r.b) {
        add_header(r.b);
        if (read_lines(&r, &t, err)) {
            profile = builder_seal(r.b, err);
            r.b = NULL;
        }
    }
    if (profile && r.n_bad)
        diag_add(diag, "%" PRIu64 " line(s) are no stacks, the first is line %" PRIu64, r.n_bad,
                 r.first_bad);
    builder_free(r.b);
    map_release(&r.location_of);
    vec_release(&r.stack);
    return profile;
}

const struct format_ops folded_format = {
    .name = "folded",
    .help = "folded stacks, as flame graph tools take them",
    .probe = folded_probe,
    .read = folded_read,
};
