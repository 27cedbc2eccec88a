#include "made.h"
#include "xform/pipeline_cache.h"

#include <stdio.h>

static const struct made_stack stacks[] = {{"ab", 1}, {"ac", 2}, {"xb", 4}};

static struct made made;
static struct pipeline_cache *cache;

static int init(void **state)
{
    (void)state;
    made_init(&made, stacks, sizeof stacks / sizeof *stacks, NULL, NULL);
    cache = pipeline_cache_new(made.profile);
    assert_non_null(cache);
    return 0;
}

static int release(void **state)
{
    (void)state;
    pipeline_cache_free(cache);
    made_release(&made);
    return 0;
}

static const struct pipeline *get(const char *focus, struct diag *diag)
{
    const struct pipeline_options options = {.focus = focus};
    struct err err = {0};
    const struct pipeline *p = pipeline_cache_get(cache, &options, diag, &err);
    assert_non_null(p);
    return p;
}

static void the_same_settings_share_a_view(void **state)
{
    (void)state;
    struct diag diag;
    diag_init(&diag);
    const struct pipeline *a = get("a", &diag), *again = get("a", &diag), *b = get("x", &diag);
    assert_ptr_equal(a, again);
    assert_ptr_not_equal(a, b);
    assert_int_equal(a->view.n_samples, 2);
    assert_int_equal(b->view.n_samples, 1);
    pipeline_cache_put(cache, a);
    pipeline_cache_put(cache, again);
    pipeline_cache_put(cache, b);
    assert_ptr_equal(get("a", &diag), a);
    pipeline_cache_put(cache, a);
    assert_int_equal(diag.n, 0);
    diag_release(&diag);
}

static void notes_come_each_time(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct diag diag;
        diag_init(&diag);
        pipeline_cache_put(cache, get("nothing", &diag));
        assert_int_equal(diag.n, 1);
        assert_string_equal(diag.texts[0], "Focus expression matched no samples");
        diag_release(&diag);
    }
}

static void what_is_used_outlives_its_place(void **state)
{
    (void)state;
    struct diag diag;
    diag_init(&diag);
    const struct pipeline *first = get("a", &diag);
    for (int i = 0; i < 20; i++) {
        char focus[8];
        snprintf(focus, sizeof focus, "b|%d", i);
        pipeline_cache_put(cache, get(focus, &diag));
    }
    assert_int_equal(first->view.n_samples, 2);
    const struct pipeline *again = get("a", &diag);
    assert_ptr_not_equal(first, again);
    pipeline_cache_put(cache, first);
    assert_int_equal(again->view.n_samples, 2);
    pipeline_cache_put(cache, again);
    diag_release(&diag);
}

static void a_bad_expression_is_not_kept(void **state)
{
    (void)state;
    const struct pipeline_options options = {.hide = "("};
    for (int i = 0; i < 2; i++) {
        struct diag diag;
        struct err err = {0};
        diag_init(&diag);
        assert_null(pipeline_cache_get(cache, &options, &diag, &err));
        assert_int_equal(err.code, ERR_USAGE);
        diag_release(&diag);
    }
}

/* A graph of the view, by the sums that are kept for it or, without any, by its samples. */
static void make_graph(struct graph *g, const struct pipeline *p, struct graph_options options,
                       bool is_kept)
{
    options.sums = pipeline_cache_sums(cache, p, &options);
    assert_int_equal(options.sums != NULL, is_kept);
    assert_true(graph_init(g, &p->view, &options, NULL));
    if (!is_kept && !options.call_tree)
        pipeline_cache_keep(cache, p, &options, graph_sums_new(g, &options));
}

static void check_same_nodes(const struct graph *a, const struct graph *b)
{
    assert_int_equal(a->n_nodes, b->n_nodes);
    assert_int_equal(a->n_order, b->n_order);
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        assert_int_equal(a->nodes[i].flat, b->nodes[i].flat);
        assert_int_equal(a->nodes[i].cum, b->nodes[i].cum);
        assert_int_equal(a->nodes[i].flat_div, b->nodes[i].flat_div);
        assert_int_equal(a->nodes[i].cum_div, b->nodes[i].cum_div);
        assert_int_equal(a->nodes[i].is_kept, b->nodes[i].is_kept);
    }
}

static void graphs_of_a_view_are_added_up_once(void **state)
{
    static const struct graph_options all[] = {
        {.obj_names = false}, {.obj_names = true}, {.flat_only = true}, {.trim_path = "/src"}};
    (void)state;
    struct diag diag;
    diag_init(&diag);
    const struct pipeline *p = get("a", &diag), *other = get("x", &diag);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct graph first, again;
        make_graph(&first, p, all[i], false);
        graph_keep_first(&first, 1); /* of no matter to those that come later */
        graph_release(&first);
        make_graph(&again, p, all[i], true);
        assert_true(graph_init(&first, &p->view, &all[i], NULL));
        check_same_nodes(&first, &again);
        assert_int_equal(graph_flat_sum(&again), 3);
        graph_release(&first);
        graph_release(&again);
    }
    struct graph g;
    make_graph(&g, p, (struct graph_options){.drop_negative = true}, true); /* only other nodes */
    graph_release(&g);
    make_graph(&g, p, (struct graph_options){.call_tree = true}, false);
    graph_release(&g);
    make_graph(&g, p, (struct graph_options){.source_path = "a fifth is not kept"}, false);
    graph_release(&g);
    make_graph(&g, p, (struct graph_options){.source_path = "a fifth is not kept"}, false);
    graph_release(&g);
    make_graph(&g, other, all[0], false); /* of another view */
    graph_release(&g);
    pipeline_cache_put(cache, p);
    pipeline_cache_put(cache, other);
    diag_release(&diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_settings_share_a_view, init, release),
        cmocka_unit_test_setup_teardown(notes_come_each_time, init, release),
        cmocka_unit_test_setup_teardown(what_is_used_outlives_its_place, init, release),
        cmocka_unit_test_setup_teardown(a_bad_expression_is_not_kept, init, release),
        cmocka_unit_test_setup_teardown(graphs_of_a_view_are_added_up_once, init, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
