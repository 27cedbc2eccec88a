#include "made.h"
#include "xform/graph.h"

#include <stdio.h>
#include <stdlib.h>

struct setup {
    struct made made;
    struct graph g;
};

static void setup_with(struct setup *s, const struct made_stack *stacks, size_t n,
                       const struct graph_options *options)
{
    made_init(&s->made, stacks, n, NULL, NULL);
    struct view *v = &s->made.view;
    v->has_filename = v->has_line = v->has_column = v->has_address = false;
    assert_true(graph_init(&s->g, v, options, NULL));
}

/* A graph of functions. */
static void setup_init(struct setup *s, const struct made_stack *stacks, size_t n)
{
    setup_with(s, stacks, n, &(struct graph_options){0});
}

static void setup_release(struct setup *s)
{
    graph_release(&s->g);
    made_release(&s->made);
}

/* The nodes in order: "a 3/7" is flat 3, cum 7. */
static void check_nodes(struct graph *g, const char *want)
{
    AUTO_BUF text = {0};
    for (uint32_t i = 0; i < g->n_order; i++) {
        const struct graph_node *node = &g->nodes[g->order[i]];
        struct str label = graph_label(g, g->order[i]);
        assert_true(node->is_kept);
        buf_puts(&text, i ? ", " : "");
        buf_add(&text, label.p, label.len);
        buf_printf(&text, " %lld/%lld", (long long)node->flat, (long long)node->cum);
    }
    assert_string_equal(buf_str(&text), want);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The edges, sorted as text: "a>b 4", "a..b" if residual, "*" if inlined. */
static void check_edges(struct graph *g, const char *want)
{
    char *texts[64];
    uint32_t n = 0;
    AUTO_BUF all = {0};
    for (uint32_t i = 0; i < g->n_edges; i++) {
        const struct graph_edge *e = &g->edges[i];
        AUTO_BUF text = {0};
        if (e->is_dropped)
            continue;
        buf_printf(&text, "%s%s%s%s %lld", graph_label(g, e->src).p, e->residual ? ".." : ">",
                   graph_label(g, e->dest).p, e->is_inlined ? "*" : "", (long long)e->weight);
        texts[n++] = strdup(buf_str(&text));
    }
    qsort(texts, n, sizeof *texts, by_text);
    for (uint32_t i = 0; i < n; i++) {
        buf_printf(&all, "%s%s", i ? ", " : "", texts[i]);
        free(texts[i]);
    }
    assert_string_equal(buf_str(&all), want);
}

static const struct made_stack simple[] = {{"abc", 1}, {"ab", 2}, {"xbc", 4}, {"abc", 8}};

static void values_are_summed(void **state)
{
    struct setup s;
    (void)state;
    setup_init(&s, simple, 4);
    assert_true(graph_sort(&s.g, GRAPH_ORDER_NAME, NULL));
    check_nodes(&s.g, "a 0/11, b 2/15, c 13/13, x 0/4");
    assert_int_equal(graph_flat_sum(&s.g), 15);
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "a>b 11, b>c 13, x>b 4");
    setup_release(&s);
}

static void recursion_counts_a_sample_once(void **state)
{
    static const struct made_stack stacks[] = {{"aaa", 5}, {"abab", 7}};
    struct setup s;
    (void)state;
    setup_init(&s, stacks, 2);
    assert_true(graph_sort(&s.g, GRAPH_ORDER_NAME, NULL));
    check_nodes(&s.g, "a 5/12, b 7/7");
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "a>b 7, b>a 7"); /* none from a node to itself */
    setup_release(&s);
}

static void inlined_edges_are_so_in_all_samples(void **state)
{
    static const struct made_stack stacks[] = {{"aB", 1}, {"ac", 2}, {"aC", 4}};
    struct setup s;
    (void)state;
    setup_init(&s, stacks, 3);
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "a>b* 1, a>c 6");
    setup_release(&s);
}

static void nodes_without_a_value_are_left_out(void **state)
{
    static const struct made_stack stacks[] = {{"ab", 0}, {"ac", 3}, {"ac", -3}, {"x", 1}};
    struct setup s;
    (void)state;
    setup_init(&s, stacks, 4);
    check_nodes(&s.g, "x 1/1");
    setup_release(&s);
}

static void edges_reach_nodes_that_cancel(void **state)
{
    static const struct made_stack stacks[] = {{"ac", 3}, {"bc", -3}, {"a", 9}, {"bd", 1}};
    struct setup s;
    (void)state;
    setup_init(&s, stacks, 4);
    assert_true(graph_sort(&s.g, GRAPH_ORDER_NAME, NULL));
    check_nodes(&s.g, "a 9/12, b 0/-2, d 1/1");
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "a>c 3, b>c -3, b>d 1");
    assert_int_equal(graph_drop_edges(&s.g, 5), 1); /* of edges into the nodes */
    check_edges(&s.g, "a>c 3, b>c -3");
    /* Once others are left out they are like those. */
    assert_int_equal(graph_keep_cum(&s.g, 2), 1);
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "");
    setup_release(&s);
}

static void small_nodes_leave_residual_edges(void **state)
{
    static const struct made_stack stacks[] = {{"abc", 1}, {"ac", 10}, {"adc", 1}, {"xbc", 1}};
    struct setup s;
    (void)state;
    setup_init(&s, stacks, 4);
    assert_int_equal(graph_keep_cum(&s.g, 3), 3); /* b, d, x */
    assert_true(graph_sort(&s.g, GRAPH_ORDER_NAME, NULL));
    check_nodes(&s.g, "a 0/12, c 13/13"); /* values do not change */
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "a..c 12");
    setup_release(&s);
}

static void only_nodes_over_others_make_an_edge_residual(void **state)
{
    static const struct made_stack stacks[] = {{"abc", 1}, {"xc", 10}};
    struct setup s;
    (void)state;
    setup_init(&s, stacks, 2);
    assert_true(graph_sort(&s.g, GRAPH_ORDER_CUM_NAME, NULL));
    check_nodes(&s.g, "c 11/11, x 0/10, a 0/1, b 0/1");
    assert_int_equal(graph_keep_first(&s.g, 3), 1);
    assert_int_equal(graph_keep_first(&s.g, 3), 0);
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "a..c 1, x>c 10");
    setup_release(&s);
}

static void redundant_residual_edges_go(void **state)
{
    /* a reaches c over x, which is kept, and over b, which is not. */
    static const struct made_stack stacks[] = {{"axc", 10}, {"abc", 1}, {"ybz", 9}};
    struct setup s;
    (void)state;
    setup_init(&s, stacks, 3);
    for (uint32_t i = 0, n = 0; i < s.g.n_order; i++) {
        if (*graph_name(&s.g, s.g.order[i]).p == 'b')
            s.g.nodes[s.g.order[i]].is_kept = false;
        else
            s.g.order[n++] = s.g.order[i];
        if (i + 1 == s.g.n_order)
            s.g.n_order = n;
    }
    s.g.is_cut = true;
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "a..c 1, a>x 10, x>c 10, y..z 9");
    assert_true(graph_drop_redundant_edges(&s.g, NULL));
    check_edges(&s.g, "a>x 10, x>c 10, y..z 9");
    setup_release(&s);
}

/* The edges of some stacks between the letters of `kept`, by what an edge is: the next frame
 * further in that is kept; once a sample; residual if frames between are not kept. */
static void want_edges(struct buf *out, const struct made_stack *stacks, size_t n, const char *kept)
{
    char *texts[64];
    size_t n_texts = 0;
    for (char src = 'a'; src <= 'h'; src++)
        for (char dest = 'a'; dest <= 'h'; dest++) {
            long long weight = 0;
            bool residual = false, inlined = true, any = false;
            for (size_t i = 0; i < n; i++) {
                char last = 0;
                bool absent = false, is_seen = false;
                for (const char *p = stacks[i].frames; *p; p++) {
                    char c = (char)(*p | 0x20);
                    if (!strchr(kept, c)) {
                        absent = true;
                        continue;
                    }
                    if (last == src && c == dest && src != dest && !is_seen) {
                        is_seen = any = true;
                        weight += stacks[i].value;
                        residual |= absent;
                        inlined &= *p != c;
                    }
                    last = c;
                    absent = false;
                }
            }
            if (any && asprintf(&texts[n_texts], "%c%s%c%s %lld", src, residual ? ".." : ">", dest,
                                inlined ? "*" : "", weight) > 0)
                n_texts++;
        }
    qsort(texts, n_texts, sizeof *texts, by_text);
    for (size_t i = 0; i < n_texts; i++) {
        buf_printf(out, "%s%s", i ? ", " : "", texts[i]);
        free(texts[i]);
    }
}

static void check_wanted_edges(struct graph *g, const struct made_stack *stacks, size_t n)
{
    AUTO_BUF want = {0};
    char kept[16] = "";
    for (uint32_t i = 0; i < g->n_order; i++)
        kept[i] = *graph_name(g, g->order[i]).p;
    assert_true(graph_build_edges(g, GRAPH_EDGES_ALL, NULL));
    want_edges(&want, stacks, n, kept);
    check_edges(g, buf_str(&want));
}

/* Edges are made again from what the first time left; whatever is left out. */
static void edges_between_fewer_and_fewer_nodes(void **state)
{
    char texts[24][12];
    struct made_stack stacks[24];
    uint32_t random = 7;
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct setup s;
        for (size_t i = 0; i < 24; i++) {
            size_t len = 1 + (random >> 16) % 10;
            for (size_t k = 0; k < len; k++) {
                random = random * 1103515245u + 12345;
                texts[i][k] = (char)((k && random >> 29 == 0 ? 'A' : 'a') + (random >> 16) % 8);
            }
            texts[i][len] = 0;
            stacks[i] = (struct made_stack){texts[i], 1 + (int)i};
        }
        setup_init(&s, stacks, 24);
        assert_true(graph_sort(&s.g, GRAPH_ORDER_CUM_NAME, NULL));
        check_wanted_edges(&s.g, stacks, 24);
        for (uint32_t n = 6; n; n -= 2) {
            graph_keep_first(&s.g, n);
            check_wanted_edges(&s.g, stacks, 24);
        }
        setup_release(&s);
    }
}

static void too_many_edges_are_none(void **state)
{
    struct setup s;
    (void)state;
    setup_init(&s, simple, 4);
    s.g.most_edges = 2;
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    assert_true(s.g.has_too_many);
    check_edges(&s.g, "");
    s.g.most_edges = 3;
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    assert_false(s.g.has_too_many);
    check_edges(&s.g, "a>b 11, b>c 13, x>b 4");
    setup_release(&s);
}

static void light_edges_are_dropped(void **state)
{
    struct setup s;
    (void)state;
    setup_init(&s, simple, 4);
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    assert_int_equal(graph_drop_edges(&s.g, 11), 1);
    check_edges(&s.g, "a>b 11, b>c 13");
    setup_release(&s);
}

static void edges_of_a_node_come_heaviest_first(void **state)
{
    static const struct made_stack stacks[] = {{"ab", 1}, {"ac", -5}, {"ad", 3}, {"ae", 3}};
    struct setup s;
    uint32_t *edges, n;
    AUTO_BUF text = {0};
    (void)state;
    setup_init(&s, stacks, 4);
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    assert_true(graph_sort(&s.g, GRAPH_ORDER_NAME, NULL));
    assert_true(graph_out_edges(&s.g, s.g.order[0], &edges, &n, NULL));
    for (uint32_t i = 0; i < n; i++)
        buf_puts(&text, graph_label(&s.g, s.g.edges[edges[i]].dest).p);
    assert_string_equal(buf_str(&text), "cdeb");
    assert_true(graph_in_edges(&s.g, s.g.order[0], &edges, &n, NULL));
    assert_int_equal(n, 0);
    setup_release(&s);
}

static void orders(void **state)
{
    static const struct made_stack stacks[] = {{"ab", 5}, {"ac", -6}, {"zad", 5}, {"y", 5}};
    static const struct {
        enum graph_order order;
        const char *want;
    } cases[] = {
        {GRAPH_ORDER_FLAT_NAME, "c -6/-6, b 5/5, d 5/5, y 5/5, a 0/4, z 0/5"},
        {GRAPH_ORDER_FLAT_CUM_NAME, "c -6/-6, b 5/5, d 5/5, y 5/5, z 0/5, a 0/4"},
        {GRAPH_ORDER_CUM_NAME, "c -6/-6, b 5/5, d 5/5, y 5/5, z 0/5, a 0/4"},
        {GRAPH_ORDER_NAME, "a 0/4, b 5/5, c -6/-6, d 5/5, y 5/5, z 0/5"},
    };
    struct setup s;
    (void)state;
    setup_init(&s, stacks, 4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(graph_sort(&s.g, cases[i].order, NULL));
        check_nodes(&s.g, cases[i].want);
    }
    setup_release(&s);
}

static void nodes_are_what_the_view_keeps(void **state)
{
    static const struct made_stack stacks[] = {{"ab?", 1}};
    struct setup s;
    (void)state;
    made_init(&s.made, stacks, 1, NULL, NULL);
    struct view *v = &s.made.view;
    const struct graph_options none = {0};
    assert_true(graph_init(&s.g, v, &none, NULL));
    assert_true(graph_sort(&s.g, GRAPH_ORDER_ADDRESS, NULL));
    check_nodes(&s.g, "00000000000013f0 [prog] 1/1, 0000000000001610 a a.c:1 0/1, "
                      "0000000000001620 b b.c:11 0/1");
    graph_release(&s.g);
    v->has_address = v->has_column = false;
    assert_true(graph_init(&s.g, v, &none, NULL));
    assert_true(graph_sort(&s.g, GRAPH_ORDER_NAME, NULL));
    check_nodes(&s.g, "[prog] 1/1, a a.c:1 0/1, b b.c:11 0/1");
    graph_release(&s.g);
    v->has_function = v->has_line = false;
    assert_true(graph_init(&s.g, v, &none, NULL));
    assert_true(graph_sort(&s.g, GRAPH_ORDER_FLAT_NAME, NULL));
    check_nodes(&s.g, "[prog] 1/1, a.c 0/1, b.c 0/1");
    setup_release(&s);
}

static void names_from_parts(void **state)
{
    static const struct {
        uint64_t address;
        const char *name, *file;
        int64_t line, column;
        const char *objfile, *want;
    } cases[] = {
        {0, "f", "", 0, 0, "", "f"},
        {0, "f", "a.c", 0, 0, "", "f a.c"},
        {0, "f", "a.c", 7, 0, "x", "f a.c:7"},
        {0, "f", "a.c", 7, 3, "x", "f a.c:7:3"},
        {0, "", "a.c", 0, 0, "x", "a.c"},
        {0, "f", "", 7, 0, "x", "f :7"},
        {0x10, "", "", 0, 0, "/lib/x.so", "0000000000000010 [x.so]"},
        {0, "", "", 0, 0, "", "<unknown>"},
        {0x10, "", "", 0, 0, "", "0000000000000010 <unknown>"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUF text = {0};
        graph_print_name(&text, cases[i].address, str_of(cases[i].name), str_of(cases[i].file),
                         cases[i].line, cases[i].column, str_of(cases[i].objfile), " ");
        assert_string_equal(buf_str(&text), cases[i].want);
    }
}

static void a_tree_has_a_node_for_each_way(void **state)
{
    struct setup s;
    (void)state;
    setup_with(&s, simple, 4, &(struct graph_options){.call_tree = true});
    assert_true(graph_sort(&s.g, GRAPH_ORDER_FLAT_NAME, NULL));
    check_nodes(&s.g, "c 9/9, c 4/4, b 2/11, a 0/11, b 0/4, x 0/4");
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "a>b 11, b>c 4, b>c 9, x>b 4");
    assert_int_equal(s.g.leaf[0], s.g.leaf[3]); /* equal stacks */
    assert_int_equal(s.g.parent[s.g.leaf[0]], s.g.leaf[1]);
    setup_release(&s);
}

static void a_tree_closes_over_what_is_left_out(void **state)
{
    static const struct made_stack stacks[] = {{"abcd", -9}, {"abx", 8}, {"aBcd", 7}, {"aB", -5}};
    struct setup s;
    (void)state;
    setup_with(&s, stacks, 4, &(struct graph_options){.call_tree = true});
    assert_true(graph_sort(&s.g, GRAPH_ORDER_CUM_NAME, NULL));
    /* "b", inlined or not, is one node: its edge is not. */
    check_nodes(&s.g, "x 8/8, c 0/-2, d -2/-2, a 0/1, b -5/1");
    assert_int_equal(graph_keep_cum(&s.g, 2), 2);
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "c>d -2"); /* "a" and "b" are gone, and nothing above them */
    setup_release(&s);
}

static void dropped_edges_of_a_tree_stay_cut(void **state)
{
    static const struct made_stack stacks[] = {{"abcX", 9}, {"ab", -8}, {"abcX", -1}, {"ae", 50}};
    struct setup s;
    (void)state;
    setup_with(&s, stacks, 4, &(struct graph_options){.call_tree = true});
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "a>b 0, a>e 50, b>c 8, c>x* 8");
    assert_true(graph_sort(&s.g, GRAPH_ORDER_FLAT_NAME, NULL));
    check_nodes(&s.g, "e 50/50, b -8/0, x 8/8, a 0/50, c 0/8");
    assert_int_equal(graph_drop_edges(&s.g, 5), 1);
    graph_keep_first(&s.g, 3); /* without "a" and "c" */
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "b..x 8");
    assert_int_equal(graph_drop_edges(&s.g, 5), 0);
    setup_release(&s);
}

static void negative_nodes_may_be_dropped(void **state)
{
    static const struct made_stack stacks[] = {{"ab", 3}, {"ac", -9}, {"x", -1}, {"ab", 4}};
    struct setup s;
    (void)state;
    setup_with(&s, stacks, 4, &(struct graph_options){.drop_negative = true});
    check_nodes(&s.g, "b 7/7");
    assert_true(graph_build_edges(&s.g, GRAPH_EDGES_ALL, NULL));
    check_edges(&s.g, "a>b 7, a>c -9"); /* as with what is 0 */
    setup_release(&s);
}

static void means_are_divided(void **state)
{
    (void)state;
    struct builder *b = builder_new(NULL);
    uint32_t functions[128] = {0}, locs[2];
    static const int64_t values[][2] = {{2, 10}, {1, 3}, {3, 0}};
    builder_type(b, builder_string(b, STR("n")), 0);
    builder_type(b, builder_string(b, STR("t")), 0);
    for (uint32_t i = 0; i < 2; i++) {
        struct profile_line line = {made_function(b, functions, (char)('b' - i)), 1, 0};
        locs[i] = builder_location(b, &(struct profile_location){0}, &line, 1);
    }
    for (uint32_t i = 0; i < 3; i++)
        builder_sample(b, locs + (i == 1), 2 - (i == 1), values[i], NULL, 0);
    struct profile *p = builder_seal(b, NULL);
    struct view view;
    struct graph g;
    assert_true(view_init(&view, p, NULL));
    view.type = 1;
    view.is_mean = true;
    assert_true(graph_init(&g, &view, &(struct graph_options){0}, NULL));
    assert_true(graph_build_edges(&g, GRAPH_EDGES_ALL, NULL));
    assert_true(graph_sort(&g, GRAPH_ORDER_CUM_NAME, NULL));
    const struct graph_node *a = &g.nodes[g.order[0]], *c = &g.nodes[g.order[1]];
    assert_int_equal(a->cum, 13);
    assert_int_equal(graph_cum(a), 13 / 6);
    assert_int_equal(graph_flat(a), 3);
    assert_int_equal(graph_flat(c), 10 / 5);
    assert_int_equal(graph_weight(&g.edges[0]), 2);
    assert_int_equal(graph_shown_sum(&g), 5);
    assert_int_equal(view_total(&view), 13 / 6);
    graph_release(&g);
    view_release(&view);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_summed),
        cmocka_unit_test(recursion_counts_a_sample_once),
        cmocka_unit_test(inlined_edges_are_so_in_all_samples),
        cmocka_unit_test(nodes_without_a_value_are_left_out),
        cmocka_unit_test(edges_reach_nodes_that_cancel),
        cmocka_unit_test(small_nodes_leave_residual_edges),
        cmocka_unit_test(only_nodes_over_others_make_an_edge_residual),
        cmocka_unit_test(redundant_residual_edges_go),
        cmocka_unit_test(edges_between_fewer_and_fewer_nodes),
        cmocka_unit_test(too_many_edges_are_none),
        cmocka_unit_test(light_edges_are_dropped),
        cmocka_unit_test(edges_of_a_node_come_heaviest_first),
        cmocka_unit_test(orders),
        cmocka_unit_test(nodes_are_what_the_view_keeps),
        cmocka_unit_test(names_from_parts),
        cmocka_unit_test(a_tree_has_a_node_for_each_way),
        cmocka_unit_test(a_tree_closes_over_what_is_left_out),
        cmocka_unit_test(dropped_edges_of_a_tree_stay_cut),
        cmocka_unit_test(negative_nodes_may_be_dropped),
        cmocka_unit_test(means_are_divided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
