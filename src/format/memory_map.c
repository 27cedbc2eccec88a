#include "format/memory_map.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/regex.h"

#include <stdlib.h>
#include <string.h>

#define MAX_VARIABLES 64
#define MAX_EXPANDED_LINE ((size_t)64 << 10) /* bytes */

#define HEX_RANGE                                                                                  \
    "^\\s*(?:0x)?([[:xdigit:]]+)[\\s-]?\\s*(?:0x)?([[:xdigit:]]+):?(?:\\s+([-rwxp]+))?"
#define PROC_LINE                                                                                  \
    HEX_RANGE "(?:\\s+([[:xdigit:]]+))?\\s+[[:xdigit:]]+:[[:xdigit:]]+\\s+[[:digit:]]+"            \
              "(?:\\s+(\\S+))?"
#define BRIEF_LINE                                                                                 \
    HEX_RANGE "(?:\\s+(\\S+))?(?:\\s+\\(@([[:xdigit:]]+)\\))?(?:\\s+([[:xdigit:]]+))?"

struct variable {
    struct str name, value; /* name with its '$' */
};

struct map_reader {
    struct memory_map *map;
    struct builder *builder;
    struct regex *proc_line, *brief_line;
    struct arena arena; /* texts of variables */
    struct variable variables[MAX_VARIABLES];
    size_t n_variables;
    struct buf expanded;
    size_t bytes_left; /* what lines may still expand to, in all */
};

bool memory_map_begins(struct str line)
{
    return text_contains(line, STR("--- Memory map: ---")) ||
           text_contains(line, STR("MAPPED_LIBRARIES:"));
}

void memory_map_seek(struct text *t)
{
    while (!memory_map_begins(t->line) && text_next(t))
        ;
}

/* "... file.cc:123] what was logged": only the latter. */
static struct str without_log_prefix(struct str line)
{
    size_t i = 0;
    while (i < line.len && line.p[i] != '[' && line.p[i] != ']')
        i++;
    size_t digit = i;
    while (digit > 0 && text_is_digit(line.p[digit - 1]))
        digit--;
    if (digit == i || digit < 2 || line.p[digit - 1] != ':' || i + 1 >= line.len ||
        line.p[i] != ']' || !memchr("\t\n\f\r ", line.p[i + 1], 5))
        return line;
    return (struct str){line.p + i + 2, line.len - i - 2};
}

static const struct variable *variable_at(const struct map_reader *r, struct str rest)
{
    for (size_t i = 0; i < r->n_variables; i++)
        if (str_has_prefix(rest, r->variables[i].name))
            return &r->variables[i];
    return NULL;
}

/* The line with the values of variables in it.  Values may hold those of others, so
 * a few lines could ask for any amount of memory. */
static bool expand(struct map_reader *r, const struct text *t, struct str *line, struct err *err)
{
    if (r->n_variables == 0 || !memchr(line->p, '$', line->len))
        return true;
    buf_clear(&r->expanded);
    for (size_t i = 0; i < line->len && r->expanded.len <= MAX_EXPANDED_LINE;) {
        struct str rest = {line->p + i, line->len - i};
        const struct variable *variable = *rest.p == '$' ? variable_at(r, rest) : NULL;
        if (variable)
            buf_add(&r->expanded, variable->value.p, variable->value.len);
        else
            buf_putc(&r->expanded, *rest.p);
        i += variable ? variable->name.len : 1;
    }
    if (r->expanded.failed)
        return err_nomem(err);
    if (r->expanded.len > MAX_EXPANDED_LINE || r->expanded.len > r->bytes_left)
        return text_malformed(t, err, "memory map whose variables expand without end");
    r->bytes_left -= r->expanded.len;
    *line = (struct str){buf_str(&r->expanded), r->expanded.len};
    return true;
}

static bool set_variable(struct map_reader *r, struct str line, struct err *err)
{
    if (r->n_variables == MAX_VARIABLES || !memchr(line.p, '=', line.len))
        return true;
    struct str value = line, name = text_trim(text_split(&value, '='));
    value = text_trim(value);
    char *text = arena_alloc(&r->arena, 1 + name.len + value.len);
    if (!text)
        return err_nomem(err);
    text[0] = '$';
    memcpy(text + 1, name.p, name.len);
    memcpy(text + 1 + name.len, value.p, value.len);
    r->variables[r->n_variables++] =
        (struct variable){{text, 1 + name.len}, {text + 1 + name.len, value.len}};
    return true;
}

/* What a line begins with that can be a mapping: cheap, as most others are not. */
static bool may_be_mapping(struct str line)
{
    size_t i = 0;
    while (i < line.len && memchr("\t\n\f\r ", line.p[i], 5))
        i++;
    uint64_t digit;
    return i < line.len && text_hex((struct str){line.p + i, 1}, &digit);
}

enum line_kind { LINE_OTHER, LINE_SKIPPED, LINE_MAPPING };

static enum line_kind parse_line(struct map_reader *r, struct str line,
                                 struct profile_mapping *mapping)
{
    struct str g[7], perm, file, offset, build_id = STR("");
    if (!may_be_mapping(line))
        return LINE_OTHER;
    if (regex_groups(r->proc_line, line, g, 6)) {
        perm = g[3], offset = g[4], file = g[5];
    } else if (regex_groups(r->brief_line, line, g, 7)) {
        perm = g[3], file = g[4], offset = g[5], build_id = g[6];
    } else {
        return LINE_OTHER;
    }
    if (perm.len && !memchr(perm.p, 'x', perm.len))
        return LINE_SKIPPED;
    *mapping = (struct profile_mapping){0};
    if (!text_hex(g[1], &mapping->start) || !text_hex(g[2], &mapping->limit) ||
        (offset.len && !text_hex(offset, &mapping->offset)))
        return LINE_OTHER;
    mapping->file = builder_string(r->builder, file);
    mapping->build_id = builder_string(r->builder, build_id);
    return LINE_MAPPING;
}

static bool read_lines(struct map_reader *r, struct text *t, struct err *err)
{
    while (text_next(t)) {
        struct str line = without_log_prefix(t->line);
        struct profile_mapping mapping;
        if (!expand(r, t, &line, err))
            return false;
        switch (parse_line(r, line, &mapping)) {
        case LINE_MAPPING:
            if (!vec_push(&r->map->mappings, mapping))
                return err_nomem(err);
            break;
        case LINE_OTHER:
            if (!set_variable(r, line, err))
                return false;
            break;
        case LINE_SKIPPED:
            break;
        }
    }
    return true;
}

/* Are these two one mapping that was split? */
static bool is_continued(const struct profile_mapping *a, const struct profile_mapping *b)
{
    return (!a->file || !b->file || a->file == b->file) &&
           (!a->build_id || !b->build_id || a->build_id == b->build_id) && a->limit == b->start &&
           (!a->offset || !b->offset || a->offset + (a->limit - a->start) == b->offset);
}

static void join(struct memory_map *map)
{
    struct profile_mapping *mappings = map->mappings.items;
    size_t n = 0;
    for (size_t i = 0; i < map->mappings.n; i++) {
        struct profile_mapping *last = n ? &mappings[n - 1] : NULL;
        if (last && is_continued(last, &mappings[i])) {
            last->limit = mappings[i].limit;
            last->file = mappings[i].file ? mappings[i].file : last->file;
            last->build_id = mappings[i].build_id ? mappings[i].build_id : last->build_id;
        } else {
            mappings[n++] = mappings[i];
        }
    }
    map->mappings.n = n;
}

/* "/lib/libc.so", "/lib/libc.so.6", "/lib/libc.so_1" */
static bool is_library(struct str file)
{
    for (size_t i = 0; i + 3 <= file.len; i++) {
        if (memcmp(file.p + i, ".so", 3) != 0)
            continue;
        if (i + 3 == file.len ||
            (i + 4 < file.len && (file.p[i + 3] == '.' || file.p[i + 3] == '_') &&
             text_is_digit(file.p[i + 4])))
            return true;
    }
    return false;
}

/* Is this likely to be the program's own file? */
static bool is_program(struct str file, struct buf *scratch)
{
    const struct str deleted = STR("(deleted)");
    buf_clear(scratch);
    while (file.len) {
        const char *at = memmem(file.p, file.len, deleted.p, deleted.len);
        size_t n = at ? (size_t)(at - file.p) : file.len, used = n + (at ? deleted.len : 0);
        buf_add(scratch, file.p, n);
        file = (struct str){file.p + used, file.len - used};
    }
    file = text_trim((struct str){buf_str(scratch), scratch->len});
    return file.len && file.p[0] != '[' && !is_library(file);
}

static void put_program_first(struct memory_map *map, struct map_reader *r)
{
    struct profile_mapping *mappings = map->mappings.items;
    for (size_t i = 0; i < map->mappings.n; i++) {
        if (!is_program(builder_text(r->builder, mappings[i].file), &r->expanded))
            continue;
        struct profile_mapping program = mappings[i];
        mappings[i] = mappings[0];
        mappings[0] = program;
        return;
    }
}

/* What some handlers get wrong when the program's first pages were remapped. */
static void mend_first(struct memory_map *map, const struct builder *b)
{
    const uint64_t usual_start = 0x400000;
    struct profile_mapping *mappings = map->mappings.items;
    size_t n = map->mappings.n;
    if (n > 1 && mappings[0].limit == mappings[1].start &&
        str_has_prefix(builder_text(b, mappings[0].file), STR("/anon_hugepage")))
        memmove(mappings, mappings + 1, --map->mappings.n * sizeof *mappings);
    if (map->mappings.n && mappings[0].start - mappings[0].offset == usual_start) {
        mappings[0].start = usual_start;
        mappings[0].offset = 0;
    }
}

/* --- which mapping --- */

/* Over the bounds stands a tree, whose leaves are the spaces between two of them; a
 * node holds the first mapping that covers all of its leaves.  So a mapping is
 * written to, and the mappings of an address are read from, O(log n) nodes. */

static int compare_bounds(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The number of bounds up to and with this address. */
static size_t n_bounds_up_to(const struct memory_map *map, uint64_t address)
{
    size_t low = 0, high = map->bounds.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->bounds.items[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* start and limit are bounds. */
static void cover(struct memory_map *map, uint32_t *tree, uint64_t start, uint64_t limit,
                  uint32_t mapping)
{
    if (start >= limit)
        return;
    size_t low = n_bounds_up_to(map, start) - 1 + map->bounds.n;
    size_t high = n_bounds_up_to(map, limit) - 1 + map->bounds.n;
    for (; low < high; low /= 2, high /= 2) {
        if (low & 1) {
            tree[low] = mapping < tree[low] ? mapping : tree[low];
            low++;
        }
        if (high & 1) {
            high--;
            tree[high] = mapping < tree[high] ? mapping : tree[high];
        }
    }
}

static uint32_t covered_by(const struct memory_map *map, const uint32_t *tree, uint64_t address)
{
    uint32_t first = PROFILE_NONE;
    size_t n = n_bounds_up_to(map, address);
    if (n == 0)
        return PROFILE_NONE;
    for (size_t i = n - 1 + map->bounds.n; i > 0; i /= 2)
        first = tree[i] < first ? tree[i] : first;
    return first;
}

/* May the mapping grow by what its file has before it? */
static bool can_grow(const struct profile_mapping *m)
{
    return m->offset && m->offset <= m->start && m->start <= m->limit;
}

static bool index_mappings(struct memory_map *map)
{
    const struct profile_mapping *mappings = map->mappings.items;
    for (size_t i = 0; i < map->mappings.n; i++)
        if (!vec_push(&map->bounds, mappings[i].start) ||
            !vec_push(&map->bounds, mappings[i].limit) ||
            (can_grow(&mappings[i]) &&
             !vec_push(&map->bounds, mappings[i].start - mappings[i].offset)))
            return false;
    size_t n = 0;
    if (map->bounds.n)
        qsort(map->bounds.items, map->bounds.n, sizeof *map->bounds.items, compare_bounds);
    for (size_t i = 0; i < map->bounds.n; i++)
        if (n == 0 || map->bounds.items[n - 1] != map->bounds.items[i])
            map->bounds.items[n++] = map->bounds.items[i];
    map->bounds.n = n;
    map->holds = malloc(2 * n * sizeof *map->holds + 1);
    map->begins = malloc(2 * n * sizeof *map->begins + 1);
    if (!map->holds || !map->begins)
        return false;
    for (size_t i = 0; i < 2 * n; i++)
        map->holds[i] = map->begins[i] = PROFILE_NONE;
    for (size_t i = 0; i < map->mappings.n; i++) {
        const struct profile_mapping *m = &mappings[i];
        cover(map, map->holds, m->start, m->limit, (uint32_t)i);
        if (can_grow(m))
            cover(map, map->begins, m->start - m->offset, m->start, (uint32_t)i);
    }
    map->catch_all = PROFILE_NONE;
    return true;
}

uint32_t memory_map_find(struct memory_map *map, uint64_t address)
{
    uint32_t i = covered_by(map, map->holds, address);
    bool is_caught = map->catch_all != PROFILE_NONE && address != UINT64_MAX;
    if (i != PROFILE_NONE || is_caught)
        return i != PROFILE_NONE ? i : map->catch_all;
    i = covered_by(map, map->begins, address);
    if (i != PROFILE_NONE) {
        struct profile_mapping *m = &map->mappings.items[i];
        m->start -= m->offset;
        m->offset = 0;
        cover(map, map->holds, m->start, m->limit, i);
        return i;
    }
    if (map->catch_all == PROFILE_NONE) {
        if (!vec_push(&map->mappings, (struct profile_mapping){.limit = UINT64_MAX}))
            return PROFILE_NONE;
        map->catch_all = (uint32_t)map->mappings.n - 1;
    }
    return map->catch_all;
}

bool memory_map_read(struct memory_map *map, struct text *t, struct builder *b, struct err *err)
{
    struct map_reader r = {.map = map, .builder = b};
    size_t len = (size_t)(t->end - t->p);
    r.bytes_left = len > SIZE_MAX / 32 ? SIZE_MAX : 16 * len + MAX_EXPANDED_LINE;
    arena_init(&r.arena);
    bool ok = true;
    if (len) {
        r.proc_line = regex_new_bytes(PROC_LINE, err);
        r.brief_line = regex_new_bytes(BRIEF_LINE, err);
        ok = r.proc_line && r.brief_line && read_lines(&r, t, err);
    }
    if (ok) {
        join(map);
        put_program_first(map, &r);
        mend_first(map, b);
        ok = (!r.expanded.failed && index_mappings(map)) || err_nomem(err);
    }
    regex_free(r.proc_line);
    regex_free(r.brief_line);
    buf_release(&r.expanded);
    arena_release(&r.arena);
    return ok;
}

void memory_map_release(struct memory_map *map)
{
    vec_release(&map->mappings);
    vec_release(&map->bounds);
    free(map->holds);
    free(map->begins);
    *map = (struct memory_map){0};
}
