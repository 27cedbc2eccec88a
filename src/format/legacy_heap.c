/* legacy_heap: heap profiles of gperftools, tcmalloc and Go as text: a line "heap
 * profile: ... @ KIND", a line a stack, a memory map.  KIND is heapprofile (all
 * blocks), heap_v2, heapz_v2 and heap (sampled), growth(z) or fragmentation(z). */
#include "base/regex.h"
#include "format/go_comments.h"
#include "format/heap_values.h"
#include "format/legacy.h"
#include "format/memory_map.h"

#include <string.h>

#define TOTALS "heap profile: *(\\d+): *(\\d+) *\\[ *(\\d+): *(\\d+) *\\]"
#define HEAP_HEADER TOTALS " *@ *(heap[_a-z0-9]*)/?(\\d*)"
#define OTHER_HEADER TOTALS " @ (growth|fragmentation)"

/* On to the first line that is not a warning of tcmalloc, of which the texts are put
 * into *warning. */
static bool next_header(struct text *t, struct buf *warning)
{
    const struct str mark = STR("%warn");
    bool there;
    while ((there = text_next(t)) && str_has_prefix(t->line, mark))
        if (warning)
            buf_add(warning, t->line.p + mark.len, t->line.len - mark.len);
    return there;
}

static bool heap_probe(const uint8_t *data, size_t len)
{
    struct text t = text_of(data, len);
    const struct str start = STR("heap profile:");
    if (!next_header(&t, NULL))
        return false;
    const char *at = memmem(t.line.p, t.line.len, start.p, start.len);
    return at && memchr(at, '[', (size_t)(t.line.p + t.line.len - at));
}

/* False, also with *err for want of memory, when the line does not match. */
static bool match(const char *pattern, struct str line, struct str *groups, int n, struct err *err)
{
    struct regex *re = regex_new_bytes(pattern, err);
    bool ok = re && regex_groups(re, line, groups, n);
    regex_free(re);
    return ok;
}

/* The first line: how was it sampled, what is its period? */
static bool read_header(const struct text *t, struct heap_sampling *sampling, int64_t *period,
                        struct err *err)
{
    struct str g[7];
    struct err why = {0};
    if (match(HEAP_HEADER, t->line, g, 7, &why)) {
        struct heap_values totals = {g[1], g[2], g[3], g[4]};
        bool is_go = str_eq(g[5], STR("heap")), is_whole = str_eq(g[5], STR("heapprofile"));
        *period = 0;
        if ((!g[6].len || text_decimal(g[6], period)) &&
            (is_go || is_whole || str_eq(g[5], STR("heap_v2")) || str_eq(g[5], STR("heapz_v2")))) {
            *period = is_whole ? 1 : is_go ? *period / 2 : *period;
            *sampling = (struct heap_sampling){
                .has_alloc = heap_values_have_alloc(&totals),
                .is_sampled = !is_whole,
                .rate = *period,
            };
            return true;
        }
    } else if (!why.code && match(OTHER_HEADER, t->line, g, 1, &why)) {
        *period = 1;
        return true;
    }
    return why.code ? err_nomem(err) : text_malformed(t, err, "unknown kind of heap profile");
}

/* " 1: 2 [ 3: 4] @ 0x5 0x6", perhaps after something else. */
static bool find_sample(struct str line, struct heap_values *values, struct str *addresses)
{
    while (line.len) {
        struct str rest = line, digits;
        if (heap_values_take(&rest, values) && text_take(&rest, ' ') && text_take(&rest, '@')) {
            *addresses = text_addresses(rest);
            return true;
        }
        /* No later digit of the same number can begin one either. */
        if (!text_take_digits(&line, true, &digits))
            line = (struct str){line.p + 1, line.len - 1};
    }
    return false;
}

static bool read_samples(struct legacy *l, struct go_comments *comments, struct text *t,
                         const struct heap_sampling *sampling, struct err *err)
{
    while (text_next(t)) {
        struct str line = text_trim(t->line), addresses;
        struct heap_values values;
        if (text_is_comment(line)) {
            go_comments_add(comments, line);
            continue;
        }
        if (memory_map_begins(line))
            break;
        if (!find_sample(line, &values, &addresses))
            return text_malformed(t, err, "not a sample");
        go_comments_flush(comments);
        if (!legacy_push_text(l, addresses, -1, -1))
            return text_malformed(t, err, "an address is too large");
        if (!heap_sample(l, &values, sampling, t, err))
            return false;
    }
    go_comments_flush(comments);
    return true;
}

static struct profile *read_text(struct legacy *l, struct text *t, struct err *err)
{
    struct go_comments comments = {.l = l};
    struct heap_sampling sampling = {0};
    int64_t period;
    AUTO_BUF warning = {0};
    next_header(t, &warning);
    if (warning.len)
        diag_add(l->diag, "tcmalloc warns:%s", buf_str(&warning));
    if (!read_header(t, &sampling, &period, err))
        return NULL;
    legacy_period(l, STR("space"), STR("bytes"), period);
    heap_types(l, sampling.has_alloc);
    bool ok = read_samples(l, &comments, t, &sampling, err);
    go_comments_release(&comments);
    return ok ? legacy_seal(l, t, LEGACY_HEAP, err) : NULL;
}

static struct profile *heap_read(const uint8_t *data, size_t len, struct diag *diag,
                                 struct err *err)
{
    struct legacy l;
    struct text t = text_of(data, len);
    struct profile *profile = NULL;
    if (legacy_init(&l, len, diag, err))
        profile = read_text(&l, &t, err);
    legacy_release(&l);
    return profile;
}

const struct format_ops legacy_heap_format = {
    .name = "heap",
    .help = "heap profiles of gperftools, tcmalloc and Go as text; growth, fragmentation",
    .probe = heap_probe,
    .read = heap_read,
};
