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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_settings_share_a_view, init, release),
        cmocka_unit_test_setup_teardown(notes_come_each_time, init, release),
        cmocka_unit_test_setup_teardown(what_is_used_outlives_its_place, init, release),
        cmocka_unit_test_setup_teardown(a_bad_expression_is_not_kept, init, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
