#include "format/heap_values.h"

static bool take_pair(struct str *s, bool may_be_negative, struct str *objects, struct str *bytes)
{
    if (!text_take_digits(s, may_be_negative, objects) || !text_take(s, ':'))
        return false;
    text_take_blanks(s);
    return text_take_digits(s, may_be_negative, bytes);
}

bool heap_values_take(struct str *s, struct heap_values *values)
{
    struct str rest = *s;
    if (!take_pair(&rest, true, &values->inuse_objects, &values->inuse_bytes))
        return false;
    text_take_blanks(&rest);
    if (!text_take(&rest, '['))
        return false;
    text_take_blanks(&rest);
    if (!take_pair(&rest, false, &values->alloc_objects, &values->alloc_bytes))
        return false;
    text_take_blanks(&rest);
    if (!text_take(&rest, ']'))
        return false;
    *s = rest;
    return true;
}

bool heap_values_have_alloc(const struct heap_values *values)
{
    return (!str_eq(values->alloc_objects, values->inuse_objects) &&
            !str_eq(values->alloc_objects, STR("0"))) ||
           (!str_eq(values->alloc_bytes, values->inuse_bytes) &&
            !str_eq(values->alloc_bytes, STR("0")));
}

void heap_types(struct legacy *l, bool has_alloc)
{
    /* What is in use comes last, which is where reports look first. */
    if (has_alloc) {
        legacy_type(l, STR("alloc_objects"), STR("count"));
        legacy_type(l, STR("alloc_space"), STR("bytes"));
    }
    legacy_type(l, has_alloc ? STR("inuse_objects") : STR("objects"), STR("count"));
    legacy_type(l, has_alloc ? STR("inuse_space") : STR("space"), STR("bytes"));
}

/* Two values of the sample; *block_bytes is left alone when there are no objects. */
static bool read_pair(struct str objects, struct str bytes, const char *what,
                      const struct heap_sampling *sampling, int64_t *values, int64_t *block_bytes,
                      const struct text *t, struct err *err)
{
    if (!text_decimal(objects, &values[0]) || !text_decimal(bytes, &values[1]))
        return text_malformed(t, err, "a number is too large");
    if (values[0] == 0 && values[1] != 0)
        return text_malformed(t, err, "%s count was 0 but %s bytes was %lld", what, what,
                              (long long)values[1]);
    if (values[0] == 0)
        return true;
    *block_bytes = values[0] == -1 ? legacy_multiply(values[1], -1) : values[1] / values[0];
    if (sampling->is_sampled)
        legacy_unsample(&values[0], &values[1], sampling->rate);
    return true;
}

bool heap_sample(struct legacy *l, const struct heap_values *values,
                 const struct heap_sampling *sampling, const struct text *t, struct err *err)
{
    int64_t numbers[4], block_bytes = 0;
    int n = 0;
    if (sampling->has_alloc) {
        if (!read_pair(values->alloc_objects, values->alloc_bytes, "allocation", sampling, numbers,
                       &block_bytes, t, err))
            return false;
        n = 2;
    }
    if (!read_pair(values->inuse_objects, values->inuse_bytes, "inuse", sampling, numbers + n,
                   &block_bytes, t, err))
        return false;
    legacy_sample(l, numbers);
    struct profile_label label = {
        .key = builder_string(l->builder, STR("bytes")),
        .num = block_bytes,
        .is_num = true,
    };
    legacy_label(l, &label);
    return true;
}
