#include "model/builder.h"
#include "unit.h"
#include "xform/calltree.h"

#include <stdio.h>
#include <stdlib.h>

/* A profile of one-letter functions: "abc" is a stack, outermost first; a capital
 * letter is inlined into the one before it. */
struct made {
    struct profile *profile;
    struct view view;
    struct graph graph;
};

static void make(struct made *m, const char *const *stacks, const int64_t *values, size_t n)
{
    struct builder *b = builder_new(NULL);
    uint32_t locs[64], functions[128] = {0};
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("count")));
    for (size_t i = 0; i < n; i++) {
        uint32_t n_locs = 0;
        size_t len = strlen(stacks[i]);
        for (size_t k = len; k > 0;) {
            struct profile_line lines[8];
            uint32_t n_lines = 0;
            bool inlined;
            do { /* the leaf's end first; inlined ones share a location */
                char c = stacks[i][--k], name[2] = {(char)(c | 0x20), 0};
                inlined = c >= 'A' && c <= 'Z';
                uint32_t *f = &functions[(unsigned char)name[0]];
                if (!*f) {
                    struct profile_function fn = {.name = builder_string(b, str_of(name))};
                    *f = builder_function(b, &fn) + 1;
                }
                lines[n_lines++] = (struct profile_line){.function = *f - 1, .line = 1};
            } while (inlined && k > 0);
            struct profile_location loc = {.mapping = PROFILE_NONE};
            locs[n_locs++] = builder_location(b, &loc, lines, n_lines);
        }
        builder_sample(b, locs, n_locs, &values[i], NULL, 0);
    }
    m->profile = builder_seal(b, NULL);
    assert_non_null(m->profile);
    assert_true(view_init(&m->view, m->profile, NULL));
    m->view.has_address = m->view.has_line = m->view.has_column = false;
    assert_true(graph_init(&m->graph, &m->view, &(struct graph_options){0}, NULL));
}

static void made_release(struct made *m)
{
    graph_release(&m->graph);
    view_release(&m->view);
    profile_free(m->profile);
}

/* The tree as text: "a 5 (b 3)", self after a slash where it is not 0. */
static void print(const struct made *m, const struct calltree *t, uint32_t i, struct buf *out)
{
    const struct calltree_node *node = &t->nodes[i];
    struct str name = node->frame == GRAPH_NONE ? STR(".") : graph_name(&m->graph, node->frame);
    buf_add(out, name.p, name.len);
    if (node->is_inlined)
        buf_putc(out, '*');
    buf_printf(out, "%lld", (long long)node->cum);
    if (node->self)
        buf_printf(out, "/%lld", (long long)node->self);
    if (node->n_cut)
        buf_printf(out, "-%u:%lld", node->n_cut, (long long)node->cut);
    for (uint32_t k = 0; k < node->n_children; k++) {
        uint32_t child = node->first_child + k;
        assert_int_equal(t->nodes[child].parent, i);
        assert_int_equal(t->nodes[child].depth, node->depth + 1);
        assert_true(child > i);
        buf_putc(out, k ? ' ' : '(');
        print(m, t, child, out);
    }
    if (node->n_children)
        buf_putc(out, ')');
}

static void check(const char *const *stacks, const int64_t *values, size_t n, int64_t min,
                  uint32_t max_nodes, const char *want)
{
    struct made m;
    struct calltree t;
    AUTO_BUF text = {0};
    make(&m, stacks, values, n);
    assert_true(calltree_build(&t, &m.graph, min, max_nodes, NULL));
    print(&m, &t, 0, &text);
    assert_string_equal(buf_str(&text), want);
    calltree_release(&t);
    made_release(&m);
}

static void stacks_merge_from_the_root(void **state)
{
    static const char *const stacks[] = {"abc", "abd", "ab", "xbc", "abc"};
    static const int64_t values[] = {1, 2, 4, 8, 16};
    check(stacks, values, 5, 1, 100, ".31(a23(b23/4(c17/17 d2/2)) x8(b8(c8/8)))");
}

static void recursion_is_not_folded(void **state)
{
    static const char *const stacks[] = {"aaa", "aab", "a"};
    static const int64_t values[] = {1, 2, 3};
    check(stacks, values, 3, 1, 100, ".6(a6/3(a3(b2/2 a1/1)))");
}

static void inlined_only_when_always(void **state)
{
    static const char *const stacks[] = {"aB", "aBc", "ab", "aD", "xEF"};
    static const int64_t values[] = {1, 1, 1, 1, 1};
    check(stacks, values, 5, 1, 100, ".5(a4(b3/2(c1/1) d*1/1) x1(e*1(f*1/1)))");
}

static void small_ones_are_cut_and_counted(void **state)
{
    static const char *const stacks[] = {"ab", "ac", "ad", "ade", "f"};
    static const int64_t values[] = {10, 1, 1, 1, 2};
    check(stacks, values, 5, 3, 100, ".15-1:2(a13-2:3(b10/10))");
}

static void no_more_than_so_many(void **state)
{
    static const char *const stacks[] = {"ab", "ac", "d", "e"};
    static const int64_t values[] = {10, 5, 3, 3};
    check(stacks, values, 4, 1, 4, ".21-2:6(a15(b10/10 c5/5))");
    check(stacks, values, 4, 1, 5, ".21-1:3(a15(b10/10 c5/5) d3/3)"); /* of equals the last goes */
    check(stacks, values, 4, 1, 6, ".21(a15(b10/10 c5/5) d3/3 e3/3)");
}

static void odd_values(void **state)
{
    static const char *const stacks[] = {"a", "a", "b", "c"};
    static const int64_t values[] = {INT64_MAX, INT64_MIN, -5, 0};
    struct made m;
    struct calltree t;
    make(&m, stacks, values, 4);
    assert_true(calltree_build(&t, &m.graph, 0, 100, NULL));
    assert_true(t.has_negative);
    assert_true(t.nodes[0].cum == INT64_MAX);
    assert_int_equal(t.nodes[0].n_children, 2);
    assert_true(t.nodes[1].cum == INT64_MAX);
    assert_int_equal(t.nodes[2].cum, 5);
    assert_int_equal(t.nodes[0].n_cut, 0); /* what is 0 is no loss */
    calltree_release(&t);
    made_release(&m);
    check(NULL, NULL, 0, 1, 10, ".0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stacks_merge_from_the_root),
        cmocka_unit_test(recursion_is_not_folded),
        cmocka_unit_test(inlined_only_when_always),
        cmocka_unit_test(small_ones_are_cut_and_counted),
        cmocka_unit_test(no_more_than_so_many),
        cmocka_unit_test(odd_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
