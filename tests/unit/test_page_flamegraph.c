/* The flame graph's data: numbers, and what is not to be there. */
#include "alloc_fail.h"
#include "base/json_read.h"
#include "made.h"
#include "page/page.h"
#include "unit.h"
#include "xform/calltree.h"
#include "xform/neighbours.h"

#include <stdio.h>
#include <stdlib.h>

/* What a view says of a profile, from a member on; of an error, that. */
static void ask_view(const char *view, const char *from, const struct profile *profile,
                     const struct page_ctx *want, struct buf *out)
{
    struct err err = {0};
    struct report_options options;
    struct diag diag;
    AUTO_BUF all = {0};
    struct json j = {.out = &all};
    struct page_ctx ctx = *want;
    report_options_init(&options);
    diag_init(&diag);
    ctx.report = (struct report_ctx){.profile = profile, .options = &options, .diag = &diag};
    json_open(&j, '{');
    bool ok = page_find(view)->write(&ctx, &j, &err);
    json_close(&j, '}');
    buf_clear(out);
    for (size_t i = 0; i < diag.n; i++)
        buf_printf(out, "%s; ", diag.texts[i]);
    const char *member = strstr(buf_str(&all), from);
    assert_true(!ok || member);
    buf_puts(out, ok ? member : err.msg);
    diag_release(&diag);
}

static void ask(const struct profile *profile, const struct page_ctx *want, struct buf *out)
{
    ask_view("flamegraph", "\"frames\":", profile, want, out);
}

static void check(const struct made_stack *stacks, size_t n, const char *want)
{
    struct made m;
    AUTO_BUF out = {0};
    made_init(&m, stacks, n, NULL, NULL);
    ask(m.profile, &(struct page_ctx){0}, &out);
    assert_string_equal(buf_str(&out), want);
    made_release(&m);
}

/* Print boxes [i ...] of a tree in JSON as text: "a5/1(b4)", self after a slash. */
struct tree {
    struct buf names[32];
    size_t n_names, n_boxes;
    long frame[64], children[64], value[64], self[64], before[64], after[64];
    size_t n_inlined;
    long inlined[64];
};

static long read_number(struct json_reader *r)
{
    struct str number;
    json_read_number(r, &number);
    return strtol(number.p, NULL, 10);
}

static size_t read_numbers(struct json_reader *r, long *numbers)
{
    size_t n = 0;
    json_enter(r, JSON_ARRAY);
    while (json_next_item(r)) {
        assert_true(n < 64);
        numbers[n++] = read_number(r);
    }
    return n;
}

static void read_tree(struct json_reader *r, struct tree *t)
{
    AUTO_BUF key = {0};
    long step = 1;
    json_enter(r, JSON_OBJECT);
    while (json_next_key(r, &key)) {
        if (!strcmp(buf_str(&key), "step"))
            step = read_number(r);
        else if (!strcmp(buf_str(&key), "frame"))
            t->n_boxes = read_numbers(r, t->frame);
        else if (!strcmp(buf_str(&key), "children"))
            read_numbers(r, t->children);
        else if (!strcmp(buf_str(&key), "value"))
            read_numbers(r, t->value);
        else if (!strcmp(buf_str(&key), "self"))
            read_numbers(r, t->self);
        else if (!strcmp(buf_str(&key), "inlined"))
            t->n_inlined = read_numbers(r, t->inlined);
        else if (!strcmp(buf_str(&key), "before"))
            read_numbers(r, t->before);
        else
            json_skip(r);
    }
    for (size_t i = 0; i < t->n_boxes; i++) {
        t->value[i] *= step;
        t->self[i] *= step;
        t->before[i] *= step;
    }
}

static void print_box(const struct tree *t, size_t i, struct buf *out)
{
    size_t first = 1;
    for (size_t k = 0; k < i; k++)
        first += (size_t)t->children[k];
    buf_puts(out, t->frame[i] < 0 ? "." : buf_str(&t->names[t->frame[i]]));
    for (size_t k = 0; k < t->n_inlined; k++)
        if ((size_t)t->inlined[k] == i)
            buf_putc(out, '*');
    buf_printf(out, "%ld", t->value[i]);
    if (t->before[i])
        buf_printf(out, "-%ld", t->before[i]);
    if (t->self[i])
        buf_printf(out, "/%ld", t->self[i]);
    for (size_t k = 0; k < (size_t)t->children[i]; k++) {
        buf_putc(out, k ? ' ' : '(');
        print_box(t, first + k, out);
    }
    if (t->children[i])
        buf_putc(out, ')');
}

static void read_names(struct json_reader *r, struct tree *t)
{
    AUTO_BUF key = {0};
    json_enter(r, JSON_OBJECT);
    while (json_next_key(r, &key)) {
        if (strcmp(buf_str(&key), "names") != 0) {
            json_skip(r);
            continue;
        }
        json_enter(r, JSON_ARRAY);
        while (json_next_item(r)) {
            assert_true(t->n_names < 32);
            json_read_string(r, &t->names[t->n_names++]);
        }
    }
}

/* The trees as text, callees first, and what comes after them as it is; errors too. */
static void print_trees(const char *json, struct buf *out)
{
    struct tree *t = calloc(1, sizeof *t), *up = calloc(1, sizeof *up);
    AUTO_BUF key = {0};
    AUTO_BUF text = {0};
    const char *frames = strstr(json, "\"frames\":");
    if (frames) {
        buf_add(out, json, (size_t)(frames - json));
        buf_putc(&text, '{');
        buf_puts(&text, frames);
        struct json_reader r = json_reader_of(text.data, text.len);
        json_enter(&r, JSON_OBJECT);
        while (json_next_key(&r, &key)) {
            if (!strcmp(buf_str(&key), "frames"))
                read_names(&r, t);
            else if (!strcmp(buf_str(&key), "callees") || !strcmp(buf_str(&key), "down"))
                read_tree(&r, t);
            else if ((!strcmp(buf_str(&key), "callers") || !strcmp(buf_str(&key), "up")) &&
                     json_peek(&r) == JSON_OBJECT)
                read_tree(&r, up);
            else
                json_skip(&r);
        }
        assert_true(json_finish(&r, NULL));
        memcpy(up->names, t->names, sizeof up->names);
        print_box(t, 0, out);
        if (up->n_boxes) {
            buf_puts(out, " ^ ");
            print_box(up, 0, out);
        }
    } else {
        buf_puts(out, json);
    }
    for (size_t i = 0; i < t->n_names; i++)
        buf_release(&t->names[i]);
    free(t);
    free(up);
}

static void check_trees(const struct made_stack *stacks, size_t n, struct page_ctx ctx,
                        const char *trees, const char *end)
{
    struct made m;
    AUTO_BUF out = {0};
    AUTO_BUF text = {0};
    made_init(&m, stacks, n, NULL, NULL);
    ask(m.profile, &ctx, &out);
    print_trees(buf_str(&out), &text);
    assert_string_equal(buf_str(&text), trees);
    const char *rest = strstr(buf_str(&out), "\"pivot\":");
    if (end)
        assert_string_equal(rest, end);
    made_release(&m);
}

static void boxes_are_what_stacks_add_up_to(void **state)
{
    static const struct made_stack stacks[] = {{"aC", 6}, {"ab", 3}, {"abC", 1}};
    check(stacks, 3,
          "\"frames\":{\"names\":[\"a\",\"c\",\"b\"],\"lines\":[0,0,0],\"shades\":[1,1,1],"
          "\"files\":[1,2,3],\"texts\":[\"\",\"a.c\",\"c.c\",\"b.c\"],"
          "\"groups\":[{\"name\":\"prog\",\"hue\":11,\"grey\":false,\"self\":10}],"
          "\"modules\":[0,0,0]},"
          "\"callees\":{\"frame\":[-1,0,1,2,1],\"children\":[1,2,0,1,0],"
          "\"value\":[10,10,6,4,1],\"self\":[0,0,6,3,1],\"inlined\":[2,4],\"cut\":[]},"
          "\"callers\":null,\"pivot\":null,\"zoom\":null,\"search\":null,\"smallest\":1}");
}

static void nothing_is_one_box(void **state)
{
    check(NULL, 0,
          "\"frames\":{\"names\":[],\"lines\":[],\"shades\":[],\"files\":[],\"texts\":[\"\"],"
          "\"groups\":[],\"modules\":[]},"
          "\"callees\":{\"frame\":[-1],\"children\":[0],\"value\":[0],\"self\":[0],"
          "\"inlined\":[],\"cut\":[]},"
          "\"callers\":null,\"pivot\":null,\"zoom\":null,\"search\":null,\"smallest\":1}");
}

static void what_is_too_small_is_counted(void **state)
{
    static const struct made_stack stacks[] = {{"ab", 4000}, {"ac", 1}, {"ad", 0}};
    check(stacks, 3,
          "\"frames\":{\"names\":[\"a\",\"b\"],\"lines\":[0,0],\"shades\":[1,1],"
          "\"files\":[1,2],\"texts\":[\"\",\"a.c\",\"b.c\"],"
          "\"groups\":[{\"name\":\"prog\",\"hue\":11,\"grey\":false,\"self\":4001}],"
          "\"modules\":[0,0]},"
          "\"callees\":{\"frame\":[-1,0,1],\"children\":[1,1,0],\"value\":[4001,4001,4000],"
          "\"self\":[0,0,4000],\"inlined\":[],\"cut\":[[1,1,1]]},"
          "\"callers\":null,\"pivot\":null,\"zoom\":null,\"search\":null,\"smallest\":2}");
}

static const struct made_stack calls[] = {{"axbxc", 1}, {"ayb", 2}, {"bxd", 4}, {"ayX", 8}};
#define CALLS calls, 4

static void a_pivot_has_callers_and_callees(void **state)
{
    /* The outermost x of each stack; above it a and b, y and a. */
    check_trees(CALLS, (struct page_ctx){.pivot = "^x$"},
                "x13/8(d4/4 b1(x1(c1/1))) ^ x13(y8(a8/8) b4/4 a1/1)",
                "\"pivot\":{\"text\":\"^x$\",\"functions\":1,\"value\":13},"
                "\"zoom\":null,\"search\":null,\"smallest\":1}");
    check_trees(CALLS, (struct page_ctx){.pivot = "^b[.]c$"}, /* a file */
                "b7/2(x5(d4/4 c1/1)) ^ b7/4(y2(a2/2) x1(a1/1))", NULL);
}

static void several_pivots_stand_side_by_side(void **state)
{
    check_trees(CALLS, (struct page_ctx){.pivot = "^[xy]$"},
                ".15(y10(x*8/8 b2/2) x5(d4/4 b1(x1(c1/1)))) ^ .15(y10(a10/10) x5(b4/4 a1/1))",
                "\"pivot\":{\"text\":\"^[xy]$\",\"functions\":2,\"value\":15},"
                "\"zoom\":null,\"search\":null,\"smallest\":1}");
}

static void an_inlined_pivot(void **state)
{
    static const struct made_stack stacks[] = {{"aBCd", 1}, {"eBC", 2}};
    check_trees(stacks, 2, (struct page_ctx){.pivot = "^b$"}, "b*3(c*3/2(d1/1)) ^ b*3(e2/2 a1/1)",
                NULL);
    check_trees(stacks, 2, (struct page_ctx){.pivot = "^c$"}, "c*3/2(d1/1) ^ c*3(b*3(e2/2 a1/1))",
                NULL);
}

static void a_pivot_that_is_not_there(void **state)
{
    check_trees(CALLS, (struct page_ctx){.pivot = "nothing"},
                "Pivot expression matched no samples; "
                ".15(a11(y10(x*8/8 b2/2) x1(b1(x1(c1/1)))) b4(x4(d4/4)))",
                "\"pivot\":{\"text\":\"nothing\",\"functions\":0,\"value\":0},"
                "\"zoom\":null,\"search\":null,\"smallest\":1}");
    check_trees(CALLS, (struct page_ctx){.pivot = "("},
                "parsing pivot regexp: error parsing regexp: missing closing ): `(`", NULL);
}

static void zoom_is_the_subtree_of_a_box(void **state)
{
    check_trees(CALLS, (struct page_ctx){.zoom = "0"}, "a11(y10(x*8/8 b2/2) x1(b1(x1(c1/1))))",
                "\"pivot\":null,\"zoom\":{\"path\":\"0\",\"names\":[]},\"search\":null,"
                "\"smallest\":1}");
    check_trees(CALLS, (struct page_ctx){.zoom = "0.1.0"}, "b1(x1(c1/1))",
                "\"pivot\":null,\"zoom\":{\"path\":\"0.1.0\",\"names\":[\"a\",\"x\"]},"
                "\"search\":null,\"smallest\":1}");
    check_trees(CALLS, (struct page_ctx){.zoom = "0.0.0"}, "x*8/8", NULL);
    check_trees(CALLS, (struct page_ctx){.pivot = "^x$", .zoom = "1.0"}, "x1(c1/1)",
                "\"pivot\":{\"text\":\"^x$\",\"functions\":1,\"value\":13},"
                "\"zoom\":{\"path\":\"1.0\",\"names\":[\"x\",\"b\"]},\"search\":null,"
                "\"smallest\":1}");
    check_trees(CALLS, (struct page_ctx){.zoom = "0.2"},
                "there is no box 2 at depth 2: it would be one of 2", NULL);
    check_trees(CALLS, (struct page_ctx){.zoom = "0.99999999999999999999"},
                "\"0.99999999999999999999\" is no box: that would be like 2.0.1", NULL);
    check_trees(CALLS, (struct page_ctx){.zoom = "0."},
                "\"0.\" is no box: that would be like 2.0.1", NULL);
    check_trees(CALLS, (struct page_ctx){.zoom = "-1"},
                "\"-1\" is no box: that would be like 2.0.1", NULL);
}

static void search_counts_each_sample_once(void **state)
{
    check_trees(CALLS, (struct page_ctx){.search = "^[bx]$"},
                ".15(a11(y10(x*8/8 b2/2) x1(b1(x1(c1/1)))) b4(x4(d4/4)))",
                "\"pivot\":null,\"zoom\":null,\"search\":{\"functions\":2,\"value\":15},"
                "\"smallest\":1}");
    check_trees(CALLS, (struct page_ctx){.search = "^[cd]$"},
                ".15(a11(y10(x*8/8 b2/2) x1(b1(x1(c1/1)))) b4(x4(d4/4)))",
                "\"pivot\":null,\"zoom\":null,\"search\":{\"functions\":2,\"value\":5},"
                "\"smallest\":1}");
}

static void negative_values_are_what_was_before(void **state)
{
    static const struct made_stack stacks[] = {{"ab", -3}, {"ac", 5}, {"ab", 1}};
    check_trees(stacks, 3, (struct page_ctx){0}, ".9-3(a9-3(c5/5 b4-3/4))", NULL);
    check_trees(stacks, 1, (struct page_ctx){0}, ".3-3(a3-3(b3-3/3))", NULL);
    check_trees(stacks, 3, (struct page_ctx){.pivot = "^b$"}, "b4-3/4 ^ b4-3(a4-3/4)", NULL);
}

static void huge_values_stop_at_the_end(void **state)
{
    static const struct made_stack stacks[] = {
        {"a", INT64_MAX}, {"ab", INT64_MAX}, {"c", INT64_MIN}};
    check_trees(stacks, 3, (struct page_ctx){0},
                ".9223372036854775807-9223372036854775807("
                "a9223372036854775807/9223372036854775807(b9223372036854775807/"
                "9223372036854775807) c9223372036854775807-9223372036854775807/"
                "9223372036854775807)",
                NULL);
}

/* One stack of n functions, "f0" the outermost, of which every other is `odd`. */
static struct profile *make_deep(uint32_t n, const char *odd)
{
    struct builder *b = builder_new(NULL);
    uint32_t *locs = calloc(n, sizeof *locs);
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("count")));
    for (uint32_t i = 0; i < n; i++) {
        struct profile_function fn = {.name = builder_string(b, str_of(i % 2 ? odd : "even"))};
        struct profile_line line = {.function = builder_function(b, &fn)};
        struct profile_location loc = {.mapping = PROFILE_NONE};
        locs[n - 1 - i] = builder_location(b, &loc, &line, 1);
    }
    builder_sample(b, locs, n, &(int64_t){7}, NULL, 0);
    free(locs);
    return builder_seal(b, NULL);
}

static void depth_is_not_cut(void **state)
{
    AUTO_BUF out = {0};
    struct profile *p = make_deep(10000, "odd");
    size_t n = 0;
    ask(p, &(struct page_ctx){0}, &out);
    for (const char *at = strstr(buf_str(&out), "\"value\":["); *at != ']'; at++)
        n += *at == '1';
    assert_int_equal(n, 10001);
    assert_non_null(strstr(buf_str(&out), "{\"step\":7,"));
    profile_free(p);
}

static void names_of_any_bytes(void **state)
{
    AUTO_BUF out = {0};
    struct profile *p = make_deep(2, "<script>\xff\"\n");
    ask(p, &(struct page_ctx){0}, &out);
    assert_non_null(strstr(buf_str(&out), "\"names\":[\"even\",\"<script>\xef\xbf\xbd\\\"\\n\"]"));
    profile_free(p);
}

static void a_moment_is_compared_with_another(void **state)
{
    static const struct made_stack old[] = {{"ab", 3}, {"ac", 1}};
    static const struct made_stack new[] = {{"ad", 4}, {"ab", 1}, {"e", 2}};
    struct made before, after;
    AUTO_BUF out = {0};
    AUTO_BUF text = {0};
    made_init(&before, old, 2, NULL, NULL);
    made_init(&after, new, 3, NULL, NULL);
    const struct page_moment moments[] = {{"old", before.profile, NULL, 0, 1},
                                          {"new", after.profile, NULL, 0, 2}};
    struct page_ctx ctx = {.moments = moments, .n_moments = 2};
    ask_view("diff", "\"frames\":", after.profile, &ctx, &out);
    print_trees(buf_str(&out), &text);
    assert_string_equal(buf_str(&text), ".11-4(a9-4(b4-3/4 d4/4 c1-1/1) e2/2)");
    assert_non_null(strstr(buf_str(&out),
                           "\"before\":{\"name\":\"old\",\"moment\":1,\"total\":4},"
                           "\"after\":{\"name\":\"new\",\"moment\":2,\"total\":7}}"));
    /* The first one with the next, and only the callers and callees of one. */
    ctx.pivot = "^c$";
    ask_view("diff", "\"frames\":", before.profile, &ctx, &out);
    buf_clear(&text);
    print_trees(buf_str(&out), &text);
    assert_string_equal(buf_str(&text), "c1/1 ^ c1(a1/1)");
    assert_non_null(
        strstr(buf_str(&out), "\"before\":{\"name\":\"new\",\"moment\":2,\"total\":7},"));
    made_release(&before);
    made_release(&after);
}

static void a_base_is_what_is_negative(void **state)
{
    static const struct made_stack stacks[] = {{"ab", -3}, {"ab", 4}, {"c", 2}};
    struct made m;
    AUTO_BUF out = {0};
    AUTO_BUF text = {0};
    made_init(&m, stacks, 3, NULL, NULL);
    /* The first page shows it, too. */
    static const char *const views[] = {"diff", "flamegraph"};
    for (int i = 0; i < 2; i++) {
        buf_clear(&out);
        buf_clear(&text);
        ask_view(views[i], "\"frames\":", m.profile, &(struct page_ctx){0}, &out);
        print_trees(buf_str(&out), &text);
        assert_string_equal(buf_str(&text), ".9-3(a7-3(b7-3/7) c2/2)");
        assert_non_null(strstr(buf_str(&out),
                               "\"before\":{\"name\":\"base\",\"moment\":0,\"total\":3},"
                               "\"after\":{\"name\":\"profile\",\"moment\":0,\"total\":6}}"));
    }
    made_release(&m);
}

static void nothing_to_compare(void **state)
{
    struct made m;
    struct report_options options;
    AUTO_BUF out = {0};
    made_init(&m, CALLS, NULL, NULL);
    report_options_init(&options);
    ask_view("diff", "\"frames\":", m.profile, &(struct page_ctx){0}, &out);
    assert_string_equal(buf_str(&out), "there is nothing to compare with: give -diff_base, two "
                                       "sources, or read this one again");
    const struct page_ctx ctx = {.report = {.profile = m.profile, .options = &options}};
    assert_string_equal(page_find("diff")->missing(&ctx), "two profiles to compare");
    made_release(&m);
}

static void check_sandwich(const char *pivot, const char *tables, const char *trees)
{
    struct made m;
    AUTO_BUF out = {0};
    AUTO_BUF text = {0};
    made_init(&m, CALLS, NULL, NULL);
    ask_view("sandwich", "\"functions\":", m.profile, &(struct page_ctx){.pivot = pivot}, &out);
    print_trees(strstr(buf_str(&out), "\"frames\":"), &text);
    assert_string_equal(buf_str(&text), trees);
    buf_clear(&text);
    buf_add(&text, buf_str(&out), (size_t)(strstr(buf_str(&out), ",\"frames\":") - buf_str(&out)));
    assert_string_equal(buf_str(&text), tables);
    made_release(&m);
}

static void a_function_between_callers_and_callees(void **state)
{
    check_sandwich("^x$",
                   "\"functions\":1,\"names\":[\"x\"],\"flat\":8,\"cum\":13,"
                   "\"callers\":{\"names\":[\"y\",\"b\",\"a\"],\"values\":[8,5,1]},"
                   "\"callees\":{\"names\":[\"d\",\"b\",\"c\"],\"values\":[4,1,1]}",
                   "x13/8(d4/4 b1(x1(c1/1))) ^ x13(y8(a8/8) b4/4 a1/1)");
    check_sandwich("^[xy]$",
                   "\"functions\":2,\"names\":[\"x\",\"y\"],\"flat\":8,\"cum\":15,"
                   "\"callers\":{\"names\":[\"a\",\"y\",\"b\"],\"values\":[11,8,5]},"
                   "\"callees\":{\"names\":[\"x\",\"d\",\"b\",\"c\"],\"values\":[8,4,3,1]}",
                   ".15(y10(x*8/8 b2/2) x5(d4/4 b1(x1(c1/1)))) ^ .15(y10(a10/10) x5(b4/4 a1/1))");
    check_sandwich(NULL,
                   "\"functions\":0,\"names\":[],\"flat\":0,\"cum\":0,"
                   "\"callers\":{\"names\":[],\"values\":[]},"
                   "\"callees\":{\"names\":[],\"values\":[]}",
                   ".0 ^ .0");
}

/* As many samples as it takes to go through them on several threads: 40 frames each of
 * 50 functions. */
#define N_MANY 40000u
#define N_DEEP 40u
#define N_FUNCTIONS 50u

static uint32_t function_of(uint32_t sample, uint32_t place)
{
    uint64_t x = (uint64_t)sample * N_DEEP + place + 1;
    x *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(x >> 32) % N_FUNCTIONS;
}

static struct profile *make_many(void)
{
    struct builder *b = builder_new(NULL);
    uint32_t locations[N_FUNCTIONS];
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("count")));
    for (uint32_t i = 0; i < N_FUNCTIONS; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%u", i);
        struct profile_function fn = {.name = builder_string(b, str_of(name))};
        struct profile_line line = {.function = builder_function(b, &fn)};
        struct profile_location loc = {.mapping = PROFILE_NONE};
        locations[i] = builder_location(b, &loc, &line, 1);
    }
    for (uint32_t i = 0; i < N_MANY; i++) {
        uint32_t locs[N_DEEP];
        for (uint32_t k = 0; k < N_DEEP; k++)
            locs[k] = locations[function_of(i, k)];
        builder_sample(b, locs, N_DEEP, &(int64_t){i % 7 + 1}, NULL, 0);
    }
    return builder_seal(b, NULL);
}

static void many_samples_are_counted_once(void **state)
{
    int64_t value = 0, cum = 0, called = 0;
    char want[128];
    AUTO_BUF out = {0};
    struct profile *p = make_many();
    for (uint32_t i = 0; i < N_MANY; i++) {
        bool is_pivot = false, is_3 = false, is_called = false;
        for (uint32_t k = 0; k < N_DEEP; k++) { /* the leaf is 0 */
            uint32_t f = function_of(i, k);
            is_pivot |= f == 7 || f == 8;
            is_3 |= f == 3;
            is_called |= k > 0 && f == 3 && function_of(i, k - 1) == 7;
        }
        value += is_pivot ? i % 7 + 1 : 0;
        cum += is_3 ? i % 7 + 1 : 0;
        called += is_called ? i % 7 + 1 : 0;
    }
    ask(p, &(struct page_ctx){.pivot = "^f[78]$", .search = "^f3$"}, &out);
    snprintf(want, sizeof want, "\"functions\":2,\"value\":%lld}", (long long)value);
    assert_non_null(strstr(buf_str(&out), want));
    snprintf(want, sizeof want, "\"search\":{\"functions\":1,\"value\":%lld}", (long long)cum);
    assert_non_null(strstr(buf_str(&out), want));
    ask_view("sandwich", "\"functions\":", p, &(struct page_ctx){.pivot = "^f3$"}, &out);
    snprintf(want, sizeof want, "\"cum\":%lld,", (long long)cum);
    assert_non_null(strstr(buf_str(&out), want));
    /* What f3 calls: f7 is at the place of its value. */
    const char *callees = strstr(buf_str(&out), "\"callees\":{\"names\":[");
    size_t place = 0;
    for (const char *at = callees; at < strstr(callees, "\"f7\""); at++)
        place += *at == ',';
    const char *values = strstr(callees, "\"values\":[") + strlen("\"values\":[");
    while (place--)
        values = strchr(values, ',') + 1;
    assert_int_equal(strtoll(values, NULL, 10), called);
    profile_free(p);
}

/* A pivot's trees and neighbours.  False: no memory. */
static bool grow_all(const struct view *view, const uint8_t *marks, struct err *err)
{
    struct graph g;
    struct places p = {0};
    struct places_found found;
    struct neighbours n = {0};
    struct calltree up = {0}, down = {0};
    struct calltree_options o = {.max_nodes = 3, .root = GRAPH_NONE};
    bool ok = graph_init(&g, view, &(struct graph_options){.flat_only = true}, err) &&
              places_init(&p, &g, NULL, 1, err) && places_find(&p, marks, &found, err) &&
              places_pivot(&p, marks, &found, err) && calltree_grow(&down, &p, &o, err);
    o.outwards = true;
    ok = ok && calltree_grow(&up, &p, &o, err) && neighbours_init(&n, &p, marks, err);
    neighbours_release(&n);
    calltree_release(&up);
    calltree_release(&down);
    places_release(&p);
    graph_release(&g);
    return ok;
}

/* Each allocation fails in turn: an error, or an output that says so, and nothing leaks.
 * (Expressions are left out: RE2 ends the program.) */
static void memory_that_runs_out(void **state)
{
    static const struct made_stack old[] = {{"ab", 3}, {"acD", 1}};
    static const uint8_t marks[] = {0, 1, 0, 0, 1, 0, 0, 0};
    struct made m, before;
    made_init(&m, CALLS, NULL, NULL);
    made_init(&before, old, 2, NULL, NULL);
    const struct page_moment base = {"old", before.profile, NULL, 0, 1};
    for (int i = 0; i < 3; i++) {
        static const char *const views[] = {"flamegraph", "diff", "sandwich"};
        for (long n = 0, done = 0; !done; n++) {
            struct err err = {0};
            struct report_options options;
            struct diag diag;
            AUTO_BUF out = {0};
            struct json j = {.out = &out};
            report_options_init(&options);
            diag_init(&diag);
            const struct page_ctx ctx = {
                .report = {.profile = m.profile, .options = &options, .diag = &diag},
                .zoom = "0.0",
                .base = i == 1 ? &base : NULL};
            alloc_countdown = n;
            bool ok = page_find(views[i])->write(&ctx, &j, &err);
            done = alloc_countdown >= 0;
            alloc_countdown = -1;
            assert_true(done ? ok && !out.failed : out.failed || (!ok && err.code == ERR_NOMEM));
            diag_release(&diag);
        }
    }
    for (long n = 0, done = 0; !done; n++) {
        struct err err = {0};
        alloc_countdown = n;
        bool ok = grow_all(&m.view, marks, &err);
        done = alloc_countdown >= 0;
        alloc_countdown = -1;
        assert_true(ok == done && (ok || err.code == ERR_NOMEM));
    }
    made_release(&m);
    made_release(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_are_what_stacks_add_up_to),
        cmocka_unit_test(nothing_is_one_box),
        cmocka_unit_test(what_is_too_small_is_counted),
        cmocka_unit_test(a_pivot_has_callers_and_callees),
        cmocka_unit_test(several_pivots_stand_side_by_side),
        cmocka_unit_test(an_inlined_pivot),
        cmocka_unit_test(a_pivot_that_is_not_there),
        cmocka_unit_test(zoom_is_the_subtree_of_a_box),
        cmocka_unit_test(search_counts_each_sample_once),
        cmocka_unit_test(negative_values_are_what_was_before),
        cmocka_unit_test(huge_values_stop_at_the_end),
        cmocka_unit_test(depth_is_not_cut),
        cmocka_unit_test(names_of_any_bytes),
        cmocka_unit_test(a_moment_is_compared_with_another),
        cmocka_unit_test(a_base_is_what_is_negative),
        cmocka_unit_test(nothing_to_compare),
        cmocka_unit_test(a_function_between_callers_and_callees),
        cmocka_unit_test(many_samples_are_counted_once),
        cmocka_unit_test(memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
