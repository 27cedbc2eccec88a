/* legacy_java: heapz and contentionz profiles of Java: attributes, samples with the
 * size before the count, locations. */
#include "format/legacy_java.h"

#include "base/regex.h"

#include <string.h>

/* --- locations --- */

#define LOCATION "^\\s*0x([[:xdigit:]]+)\\s+(.*)\\s*$"
#define WITH_LINE "^(.*)\\s+\\((.+):(-?[[:digit:]]+)\\)$"
#define WITH_PATH "^(.*)\\s+\\((.*)\\)$"

struct location_reader {
    struct legacy *l;
    struct regex *location, *with_line, *with_path;
};

/* As Go's filepath.Base. */
static struct str base_name(struct str path)
{
    if (path.len == 0)
        return STR(".");
    while (path.len > 1 && path.p[path.len - 1] == '/')
        path.len--;
    const char *slash = path.len > 1 ? text_last(path, '/') : NULL;
    size_t n = slash ? (size_t)(slash + 1 - path.p) : 0;
    return (struct str){path.p + n, path.len - n};
}

/* "NAME (FILE:LINE)", "NAME (/path/of/library.so)" or just a name. */
static void add_line(const struct location_reader *r, uint32_t location, struct str text)
{
    struct str g[4], name = text, file = STR("");
    int64_t line = 0;
    if (regex_groups(r->with_line, text, g, 4)) {
        name = g[1];
        file = g[2];
        if (!text_decimal(g[3], &line) || line < 0)
            line = 0;
    } else if (regex_groups(r->with_path, text, g, 3)) {
        name = g[1];
        file = base_name(g[2]);
    } else if (text_contains(text, STR("generated stub/JIT"))) {
        name = STR("STUB");
    }
    struct legacy *l = r->l;
    uint32_t function = legacy_function(l, builder_string(l->builder, name),
                                        builder_string(l->builder, file), true);
    legacy_set_line(l, location, function, line);
}

static bool read_locations(const struct location_reader *r, struct text *t, struct err *err)
{
    struct str g[3];
    uint64_t address;
    while (text_next(t)) {
        struct str line = text_trim(t->line);
        if (!regex_groups(r->location, line, g, 3))
            continue;
        if (!text_hex(g[1], &address))
            return text_malformed(t, err, "an address is too large");
        uint32_t location = legacy_find(r->l, address);
        if (location != MAP_NONE)
            add_line(r, location, g[2]);
    }
    return true;
}

bool legacy_java_locations(struct legacy *l, struct text *t, struct err *err)
{
    struct location_reader r = {.l = l};
    r.location = regex_new_bytes(LOCATION, err);
    r.with_line = regex_new_bytes(WITH_LINE, err);
    r.with_path = regex_new_bytes(WITH_PATH, err);
    bool ok = r.location && r.with_line && r.with_path && read_locations(&r, t, err);
    regex_free(r.location);
    regex_free(r.with_line);
    regex_free(r.with_path);
    return ok;
}

/* --- heapz and contentionz --- */

#define ATTRIBUTE "([\\w ]+)=([\\w ]+)"
#define SAMPLE " *(\\d+) +(\\d+) +@ +([ x0-9a-f]*)"
#define HEAP_RATE 524288 /* bytes; the profiles do not say */

enum kind { KIND_NONE, KIND_HEAP, KIND_CONTENTION };

struct java_reader {
    struct legacy *l;
    struct text *t;
    enum kind kind;
    struct regex *attribute, *sample;
};

/* The kind that the first line, which must be a whole one, names. */
static enum kind first_line(struct text *t)
{
    if (!text_next(t) || text_is_cut(t))
        return KIND_NONE;
    struct str line = text_trim(t->line);
    return str_eq(line, STR("--- heapz 1 ---"))         ? KIND_HEAP
           : str_eq(line, STR("--- contentionz 1 ---")) ? KIND_CONTENTION
                                                        : KIND_NONE;
}

/* contentionz is also what C++ programs write, who know neither of these attributes. */
static bool java_probe(const uint8_t *data, size_t len)
{
    struct text t = text_of(data, len);
    enum kind kind = first_line(&t);
    while (kind == KIND_CONTENTION && text_next(&t)) {
        struct str line = text_trim(t.line), value = line;
        if (line.len == 0 || line.p[0] == '#')
            continue;
        struct str name = text_trim(text_split(&value, '='));
        if (str_eq(name, STR("format")) || str_eq(name, STR("resolution")))
            return true;
        if (name.len == line.len)
            return false;
    }
    return kind == KIND_HEAP;
}

static bool read_attribute(struct java_reader *r, struct str name, struct str value,
                           struct str *resolution, struct err *err)
{
    struct profile *header = builder_header(r->l->builder);
    bool is_contention = r->kind == KIND_CONTENTION;
    int64_t v;
    if (str_eq(name, STR("format"))) {
        if (!str_eq(value, STR("java")))
            return text_malformed(r->t, err, "unknown format");
    } else if (str_eq(name, STR("resolution"))) {
        *resolution = value;
    } else if (is_contention && str_eq(name, STR("sampling period"))) {
        if (!text_number(value, &v))
            return text_malformed(r->t, err, "bad number");
        legacy_period(r->l, STR("contentions"), STR("count"), v);
    } else if (is_contention && str_eq(name, STR("ms since reset"))) {
        if (!text_number(value, &v))
            return text_malformed(r->t, err, "bad number");
        header->duration_nanos = legacy_multiply(v, 1000 * 1000);
    } else {
        return text_malformed(r->t, err, "unknown attribute");
    }
    return true;
}

/* Up to the first line that is no attribute. */
static bool read_attributes(struct java_reader *r, struct err *err)
{
    struct str g[3], resolution = {NULL, 0};
    legacy_period(r->l, STR(""), STR(""), 0);
    for (struct text at = *r->t; text_next(r->t); at = *r->t) {
        struct str line = text_trim(r->t->line);
        if (text_is_cut(r->t) || (line.len && !regex_groups(r->attribute, line, g, 3))) {
            *r->t = at;
            break;
        }
        if (line.len && !read_attribute(r, text_trim(g[1]), text_trim(g[2]), &resolution, err))
            return false;
    }
    if (resolution.p && r->kind == KIND_HEAP) {
        legacy_type(r->l, STR("inuse_objects"), STR("count"));
        legacy_type(r->l, STR("inuse_space"), resolution);
    } else if (resolution.p) {
        legacy_type(r->l, STR("contentions"), STR("count"));
        legacy_type(r->l, STR("delay"), resolution);
    }
    return true;
}

static bool add_sample(struct java_reader *r, const struct str *g, uint32_t bytes, struct err *err)
{
    int64_t values[2], period = builder_header(r->l->builder)->period;
    if (!text_number(g[2], &values[0]) || !text_number(g[1], &values[1]) ||
        !legacy_push_text(r->l, g[3], 0, 0))
        return text_malformed(r->t, err, "bad number");
    struct profile_label label = {.key = bytes, .is_num = true};
    if (r->kind == KIND_HEAP) {
        if (values[0] == 0)
            return text_malformed(r->t, err, "second value must be non-zero");
        label.num = values[1] / values[0];
        legacy_unsample(&values[0], &values[1], HEAP_RATE);
    } else if (period) {
        values[0] = legacy_multiply(values[0], period);
        values[1] = legacy_multiply(values[1], period);
    }
    legacy_sample(r->l, values);
    if (r->kind == KIND_HEAP)
        legacy_label(r->l, &label);
    return true;
}

/* Up to the first line that is no sample. */
static bool read_samples(struct java_reader *r, struct err *err)
{
    struct str g[4];
    uint32_t bytes = builder_string(r->l->builder, STR("bytes"));
    for (struct text at = *r->t; text_next(r->t); at = *r->t) {
        struct str line = text_trim(r->t->line);
        if (text_is_cut(r->t) || (line.len && !regex_groups(r->sample, line, g, 4))) {
            *r->t = at;
            return true;
        }
        if (line.len && !add_sample(r, g, bytes, err))
            return false;
    }
    return true;
}

static struct profile *read_text(struct java_reader *r, struct err *err)
{
    unsigned flags = r->kind == KIND_HEAP ? LEGACY_HEAP : LEGACY_CONTENTION;
    r->attribute = regex_new_bytes(ATTRIBUTE, err);
    r->sample = regex_new_bytes(SAMPLE, err);
    if (!r->attribute || !r->sample || !read_attributes(r, err) || !read_samples(r, err) ||
        !legacy_java_locations(r->l, r->t, err))
        return NULL;
    return legacy_seal(r->l, r->t, flags | LEGACY_NO_ADDRESSES, err);
}

static struct profile *java_read(const uint8_t *data, size_t len, struct diag *diag,
                                 struct err *err)
{
    struct legacy l;
    struct text t = text_of(data, len);
    struct java_reader r = {.l = &l, .t = &t, .kind = first_line(&t)};
    struct profile *profile = NULL;
    if (legacy_init(&l, len, diag, err))
        profile = read_text(&r, err);
    regex_free(r.attribute);
    regex_free(r.sample);
    legacy_release(&l);
    return profile;
}

const struct format_ops legacy_java_format = {
    .name = "java",
    .help = "heapz and contentionz profiles of Java",
    .probe = java_probe,
    .read = java_read,
};
