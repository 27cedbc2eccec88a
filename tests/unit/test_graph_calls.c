#include "made.h"
#include "xform/graph_calls.h"
#include "xform/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* "a: b 3, c 1" of each node that calls. */
static void check_calls(const struct made_stack *stacks, size_t n, bool call_tree, const char *want)
{
    struct made made;
    struct graph g;
    struct graph_calls calls;
    AUTO_BUF text = {0};
    made_init(&made, stacks, n, NULL, NULL);
    struct view *v = &made.view;
    v->has_filename = v->has_line = v->has_column = v->has_address = false;
    assert_true(graph_init(&g, v, &(struct graph_options){.call_tree = call_tree}, NULL));
    assert_true(graph_sort(&g, GRAPH_ORDER_NAME, NULL));
    assert_true(graph_calls_init(&calls, &g, NULL));
    for (uint32_t i = 0; i < g.n_order; i++) {
        const struct graph_callee *callees;
        uint32_t n_callees;
        assert_true(graph_calls_of(&calls, g.order[i], &callees, &n_callees, NULL));
        for (uint32_t k = 0; k < n_callees; k++)
            buf_printf(&text, "%s%s%s %lld",
                       k          ? ", "
                       : text.len ? "; "
                                  : "",
                       k ? "" : graph_label(&g, g.order[i]).p, graph_label(&g, callees[k].node).p,
                       (long long)callees[k].weight);
    }
    assert_string_equal(buf_str(&text), want);
    graph_calls_release(&calls);
    graph_release(&g);
    made_release(&made);
}

static void calls_are_summed(void **state)
{
    const struct made_stack stacks[] = {{"abc", 1}, {"ab", 2}, {"xbc", 4}, {"abc", 8}, {"abd", 16}};
    check_calls(stacks, 5, false, "ab 27; bd 16, c 13; xb 4");
}

static void equal_calls_come_by_label(void **state)
{
    const struct made_stack stacks[] = {{"ad", 1}, {"ac", 1}, {"ab", -1}, {"ae", -2}};
    check_calls(stacks, 4, false, "ae -2, b -1, c 1, d 1");
}

/* Also where the stack before had the call elsewhere. */
static void recursion_counts_a_sample_once(void **state)
{
    const struct made_stack stacks[] = {{"abab", 1}, {"abcab", 2}, {"ab", 4}, {"aab", 8}, {"a", 3}};
    check_calls(stacks, 5, false, "ab 15; bc 2, a 1; ca 2");
}

static void frames_of_one_location_call_each_other(void **state)
{
    const struct made_stack stacks[] = {{"aBc", 1}, {"aBd", 2}, {"ae", 4}};
    check_calls(stacks, 3, false, "ae 4, b 3; bd 2, c 1");
}

static void samples_without_a_value_call_nobody(void **state)
{
    const struct made_stack stacks[] = {{"ab", 0}, {"ac", 1}, {"xy", 5}, {"xy", -5}};
    check_calls(stacks, 4, false, "ac 1");
}

static void a_tree_has_calls_of_its_own(void **state)
{
    const struct made_stack stacks[] = {{"abc", 1}, {"xbc", 4}, {"abab", 8}};
    check_calls(stacks, 3, true, "ab 9; ab 8; ba 8, c 1; bc 4; xb 4");
}

/* Stacks like those of a program: most begin as the one before.  Some recur deeply. */
static struct profile *make_profile(uint32_t n_samples, uint32_t n_locations, uint32_t depth)
{
    struct builder *b = builder_new(NULL);
    uint32_t *locs = malloc((4 * (size_t)depth + 1) * sizeof *locs), n = 0;
    uint32_t *stack = malloc((4 * (size_t)depth + 1) * sizeof *stack);
    uint32_t *known = malloc(n_locations * sizeof *known);
    srand(1);
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("count")));
    for (uint32_t i = 0; i < n_locations; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%u", i % (n_locations / 2));
        struct profile_function f = {.name = builder_string(b, str_of(name))};
        uint32_t function = builder_function(b, &f);
        struct profile_line lines[] = {{.function = function, .line = 1},
                                       {.function = i ? 0 : function, .line = 2}};
        struct profile_location loc = {.address = 0x1000 + (i * 7919u % n_locations) * 16};
        known[i] = builder_location(b, &loc, lines, 1 + (i % 5 == 0));
    }
    for (uint32_t i = 0; i < n_samples; i++) {
        uint32_t most = i % 100 == 7 ? 4 * depth : depth, from = (uint32_t)rand() % (n + 1);
        from = from < most ? from : most;
        for (n = from; n < most && rand() % 40; n++)
            stack[n] = known[(uint32_t)rand() % (rand() % 3 ? n_locations : 5)];
        for (uint32_t k = 0; k < n; k++)
            locs[k] = stack[n - 1 - k];
        builder_sample(b, locs, n, &(int64_t){rand() % 7 - 2}, NULL, 0);
    }
    free(locs);
    free(stack);
    free(known);
    struct profile *p = builder_seal(b, NULL);
    assert_non_null(p);
    return p;
}

/* The calls of each node are the edges out of it, in their order. */
static void check_as_edges(const struct profile *p, bool has_address, bool call_tree)
{
    struct view v;
    struct graph g;
    struct graph_calls calls;
    uint64_t n_calls = 0;
    assert_true(view_init(&v, p, NULL));
    v.has_address = has_address;
    assert_true(graph_init(&g, &v, &(struct graph_options){.call_tree = call_tree}, NULL));
    assert_true(graph_build_edges(&g, GRAPH_EDGES_ALL, NULL));
    assert_true(graph_calls_init(&calls, &g, NULL));
    for (uint32_t i = 0; i < g.n_nodes; i++) {
        const struct graph_callee *callees;
        uint32_t *edges, n_edges, n;
        assert_true(graph_out_edges(&g, i, &edges, &n_edges, NULL));
        assert_true(graph_calls_of(&calls, i, &callees, &n, NULL));
        assert_int_equal(n, n_edges);
        n_calls += n;
        for (uint32_t k = 0; k < n; k++) {
            assert_int_equal(callees[k].weight, g.edges[edges[k]].weight);
            assert_int_equal(callees[k].node, g.edges[edges[k]].dest);
            assert_int_equal(callees[k].address, g.nodes[callees[k].node].info.address);
        }
    }
    assert_true(n_calls > 100);
    graph_calls_release(&calls);
    graph_release(&g);
    view_release(&v);
}

static void calls_are_edges(void **state)
{
    struct profile *p = make_profile(3000, 600, 60);
    check_as_edges(p, true, false);
    check_as_edges(p, false, false);
    check_as_edges(p, true, true);
    profile_free(p);
}

/* More than are kept, by each of several threads. */
static void many_calls_are_edges(void **state)
{
    struct profile *p = make_profile(150000, 1500, 90);
    check_as_edges(p, true, false);
    profile_free(p);
}

/* Is what comes first larger, or of the same size and its label first? */
static bool is_before(struct graph *g, uint32_t a, uint32_t b, enum graph_order order)
{
    const struct graph_node *l = &g->nodes[a], *r = &g->nodes[b];
    int64_t of_l = unit_abs(order == GRAPH_ORDER_CUM_NAME ? l->cum : l->flat);
    int64_t of_r = unit_abs(order == GRAPH_ORDER_CUM_NAME ? r->cum : r->flat);
    if (of_l == of_r && order == GRAPH_ORDER_FLAT_CUM_NAME) {
        of_l = unit_abs(l->cum);
        of_r = unit_abs(r->cum);
    }
    return of_l != of_r ? of_l > of_r : str_cmp(graph_label(g, a), graph_label(g, b)) < 0;
}

static void many_nodes_are_in_order(void **state)
{
    const enum graph_order orders[] = {GRAPH_ORDER_FLAT_NAME, GRAPH_ORDER_FLAT_CUM_NAME,
                                       GRAPH_ORDER_CUM_NAME};
    struct profile *p = make_profile(3000, 600, 60);
    for (int has_address = 0; has_address < 2; has_address++) {
        struct view v;
        struct graph g;
        assert_true(view_init(&v, p, NULL));
        v.has_address = has_address;
        assert_true(graph_init(&g, &v, &(struct graph_options){0}, NULL));
        assert_true(g.n_order > 100);
        for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
            assert_true(graph_sort(&g, orders[i], NULL));
            for (uint32_t k = 1; k < g.n_order; k++)
                assert_true(is_before(&g, g.order[k - 1], g.order[k], orders[i]));
        }
        graph_release(&g);
        view_release(&v);
    }
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_summed),
        cmocka_unit_test(equal_calls_come_by_label),
        cmocka_unit_test(recursion_counts_a_sample_once),
        cmocka_unit_test(frames_of_one_location_call_each_other),
        cmocka_unit_test(samples_without_a_value_call_nobody),
        cmocka_unit_test(a_tree_has_calls_of_its_own),
        cmocka_unit_test(calls_are_edges),
        cmocka_unit_test(many_calls_are_edges),
        cmocka_unit_test(many_nodes_are_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
