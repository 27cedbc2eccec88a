#include "unit.h"
#include "xform/tag_filter.h"

#include "model/builder.h"

#include <string.h>

/* Four samples, named by their values 1, 2, 4, 8. */
static struct profile *profile;
static struct view view;
static struct label_units units;
static struct diag notes;

static void add_text(struct builder *b, struct profile_label *labels, uint32_t *n, const char *key,
                     const char *value)
{
    labels[(*n)++] = (struct profile_label){.key = builder_string(b, str_of(key)),
                                            .str = builder_string(b, str_of(value))};
}

static void add_number(struct builder *b, struct profile_label *labels, uint32_t *n,
                       const char *key, int64_t value, const char *unit)
{
    labels[(*n)++] = (struct profile_label){.key = builder_string(b, str_of(key)),
                                            .num = value,
                                            .unit = builder_string(b, str_of(unit)),
                                            .is_num = true};
}

static int init(void **state)
{
    (void)state;
    struct builder *b = builder_new(NULL);
    struct profile_label labels[4];
    builder_type(b, builder_string(b, STR("n")), builder_string(b, STR("count")));
    for (int64_t value = 1; value <= 8; value *= 2) {
        uint32_t n = 0;
        if (value == 1)
            add_text(b, labels, &n, "user", "anna");
        if (value == 2) {
            add_text(b, labels, &n, "user", "bert");
            add_text(b, labels, &n, "user", "anna");
            add_text(b, labels, &n, "zone", "eu");
            add_number(b, labels, &n, "size", 2048, "bytes");
        }
        if (value == 4) {
            add_number(b, labels, &n, "size", 4096, "");
            add_number(b, labels, &n, "age", 3, "");
        }
        builder_sample(b, NULL, 0, &value, labels, n);
    }
    profile = builder_seal(b, NULL);
    assert_non_null(profile);
    assert_true(view_init(&view, profile, NULL));
    assert_true(label_units_init(&units, profile, NULL, NULL));
    diag_init(&notes);
    return 0;
}

static int release(void **state)
{
    (void)state;
    view_release(&view);
    label_units_release(&units);
    profile_free(profile);
    diag_release(&notes);
    return 0;
}

/* The samples that are left, added up; as found "f" or "i". */
static int64_t filter(const char *focus, const char *ignore, const char *want_found)
{
    struct tag_filter *f = focus ? tag_filter_new("tagfocus", focus, &notes, NULL) : NULL;
    struct tag_filter *i = ignore ? tag_filter_new("tagignore", ignore, &notes, NULL) : NULL;
    bool focused, ignored;
    char found[3] = "", *end = found;
    view_release(&view);
    assert_true(view_init(&view, profile, NULL));
    assert_true((f || !focus) && (i || !ignore));
    assert_true(tag_filter_samples(&view, &units, f, i, &focused, &ignored, NULL));
    if (focus && focused)
        *end++ = 'f';
    if (ignored)
        *end++ = 'i';
    assert_string_equal(found, want_found);
    tag_filter_free(f);
    tag_filter_free(i);
    return view_total(&view);
}

static void texts(void **state)
{
    (void)state;
    assert_int_equal(filter("anna", NULL, "f"), 3);
    assert_int_equal(filter("user:b", NULL, "f"), 2);
    assert_int_equal(filter("size", NULL, ""), 0); /* numbers are not asked */
    assert_int_equal(filter("user=^a", NULL, "f"), 3);
    assert_int_equal(filter("user=eu", NULL, ""), 0);
    assert_int_equal(filter("nobody=a", NULL, ""), 0);
    assert_int_equal(filter(NULL, "zone", "i"), 13);
    assert_int_equal(filter("anna", "bert", "fi"), 1);
}

static void several_are_all_without_a_key_and_any_with_one(void **state)
{
    (void)state;
    assert_int_equal(filter("anna,zone", NULL, "f"), 2);
    assert_int_equal(filter("anna,nothing", NULL, ""), 0);
    assert_int_equal(filter("user=nothing,bert", NULL, "f"), 2);
    assert_int_equal(filter("=anna,zone", NULL, "f"), 2);
}

static void ranges(void **state)
{
    (void)state;
    assert_int_equal(filter("2kb", NULL, "f"), 2);
    assert_int_equal(filter("2kb:", NULL, "f"), 6);
    assert_int_equal(filter("size=:3kb", NULL, "f"), 2);
    assert_int_equal(filter("3kb:5kb", NULL, "f"), 4);
    assert_int_equal(filter("3kb:0mb", NULL, ""), 0); /* to 0 kB */
    assert_int_equal(filter("size=1b:1mb", NULL, "f"), 6);
    assert_int_equal(filter("age=4b:1mb", NULL, ""), 0);
    /* As pprof has it: what is in no known unit is in the filter's. */
    assert_int_equal(filter("age=1b:1mb", NULL, "f"), 4);
    assert_int_equal(filter("3age", NULL, "f"), 4);
    assert_int_equal(filter(NULL, "4096bytes", "i"), 11);
    assert_int_equal(notes.n, 9);
    assert_string_equal(notes.texts[5], "tagfocus:Interpreted '1b:1mb' as range, not regexp");
}

static void what_looks_like_a_range_may_be_a_regexp(void **state)
{
    (void)state;
    assert_int_equal(filter("1kb:2ms", NULL, ""), 0);
    assert_int_equal(filter("1:2:3", NULL, ""), 0);
    assert_int_equal(filter("user=a1?", NULL, "f"), 3);
    assert_int_equal(notes.n, 0);
}

static void errors(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(tag_filter_new("tagfocus", "a,(", NULL, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.msg, "parsing tagfocus regexp: "));
    assert_null(tag_filter_new("tagignore", "99999999999999999999kb:", NULL, &err));
    assert_string_equal(err.msg, "parsing tagignore range: 99999999999999999999 is too large");
}

/* The keys that show. */
static void check_keys(const char *show, const char *hide, const char *want, const char *want_found)
{
    struct regex *s = show ? regex_new(show, NULL) : NULL, *h = hide ? regex_new(hide, NULL) : NULL;
    struct labels labels = {0};
    bool shown, hidden;
    char text[64] = "", found[3] = "", *end = found;
    view_release(&view);
    assert_true(view_init(&view, profile, NULL));
    assert_true(tag_filter_keys(&view, s, h, &shown, &hidden, NULL));
    if (shown)
        *end++ = 's';
    if (hidden)
        *end++ = 'h';
    for (uint32_t i = 0; i < view.n_samples; i++) {
        assert_true(view_load_labels(&view, view.samples[i].sample, &labels));
        for (size_t k = 0; k < labels.n; k++) {
            strcat(text, labels.items[k].key.p);
            strcat(text, " ");
        }
    }
    assert_string_equal(text, want);
    assert_string_equal(found, want_found);
    labels_release(&labels);
    regex_free(s);
    regex_free(h);
}

static void keys(void **state)
{
    (void)state;
    check_keys(NULL, NULL, "user user user zone size age size ", "");
    check_keys("e$", NULL, "zone size age size ", "s");
    check_keys(NULL, "e$", "user user user ", "sh");
    check_keys("e", "size", "user user user zone age ", "sh");
    check_keys("nothing", NULL, "", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts, init, release),
        cmocka_unit_test_setup_teardown(several_are_all_without_a_key_and_any_with_one, init,
                                        release),
        cmocka_unit_test_setup_teardown(ranges, init, release),
        cmocka_unit_test_setup_teardown(what_looks_like_a_range_may_be_a_regexp, init, release),
        cmocka_unit_test_setup_teardown(errors, init, release),
        cmocka_unit_test_setup_teardown(keys, init, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
