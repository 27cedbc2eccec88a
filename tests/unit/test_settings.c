#include "alloc_fail.h"
#include "base/reader.h"
#include "ui/settings.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the web page of Go 1.27's pprof wrote: see there. */
#define FROM_GO "data/settings/go.json"

static struct file read_go(void)
{
    char path[4096];
    struct file file;
    struct err err = {0};
    snprintf(path, sizeof path, "%s/tests/%s", getenv("SONDE_SOURCE_ROOT"), FROM_GO);
    if (!file_read(&file, path, &err))
        fail_msg("%s", err.msg);
    return file;
}

static void decode(struct settings *s, const char *text)
{
    struct err err = {0};
    if (!settings_decode(s, text, strlen(text), &err))
        fail_msg("%s: %s", text, err.msg);
}

static void from_go(void **state)
{
    AUTO_FILE file = read_go();
    struct settings s;
    assert_true(settings_decode(&s, file.data, file.len, NULL));
    assert_int_equal(s.n_configs, 2);
    const struct settings_config *c = settings_find(&s, "cum & <lines> \"q\"\\");
    assert_non_null(c);
    const struct report_options *o = &c->options;
    assert_true(o->call_tree && o->relative_percentages && o->compact_labels && o->intel_syntax);
    assert_true(o->mean && o->normalize && o->drop_negative && o->noinlines && o->showcolumns);
    assert_false(o->trim);
    assert_int_equal(o->sort, SORT_CUM);
    assert_int_equal(o->granularity, GRANULARITY_LINES);
    assert_int_equal(o->nodecount, 7);
    assert_true(o->nodefraction == 1.2e-7 && o->edgefraction == 0.0125);
    assert_string_equal(o->unit, "ms");
    assert_string_equal(o->focus, "a<b\x01\f\x7f\u2028\ufffdx");
    assert_string_equal(o->ignore, "x");
    assert_string_equal(o->prune_from, "p");
    assert_string_equal(o->hide, "h");
    assert_string_equal(o->show, "s");
    assert_string_equal(o->show_from, "sf");
    assert_string_equal(o->tagfocus, "tf");
    assert_string_equal(o->tagignore, "ti");
    assert_string_equal(o->tagshow, "ts");
    assert_string_equal(o->taghide, "th");
    assert_null(o->tagroot);

    c = settings_find(&s, "\u00e9t\u00e9");
    assert_non_null(c);
    assert_int_equal(c->options.nodecount, 0);
    assert_true(c->options.trim);
    assert_true(c->options.nodefraction == 1e21 && c->options.edgefraction == 123456.75);
    assert_null(settings_find(&s, "plain"));

    /* what was read is written as it was, byte for byte */
    AUTO_BUF out = {0};
    settings_encode(&s, &out);
    assert_int_equal(out.len, file.len);
    assert_memory_equal(out.data, file.data, file.len);
    settings_release(&s);
}

static void as_go_reads(void **state)
{
    struct settings s;
    decode(&s, "null");
    assert_int_equal(s.n_configs, 0);
    settings_release(&s);
    decode(&s, "{\"configs\": null, \"other\": [1, {\"a\": 2}]}");
    assert_int_equal(s.n_configs, 0);
    settings_release(&s);
    decode(&s, "{\"Configs\": [{\"NAME\": \"x\", \"Sort\": \"cum\", \"new\": {}, \"focus\": null,"
               "\"tagroot\": \"\\ud800x\\ud83d\\ude00\\/\"}, null, {}, {\"name\": \"x\"}]}");
    assert_int_equal(s.n_configs, 4);
    assert_ptr_equal(settings_find(&s, "x"), &s.configs[0]); /* of two, the first */
    assert_int_equal(s.configs[0].options.sort, SORT_CUM);
    AUTO_BUF out = {0};
    settings_encode(&s, &out);
    assert_string_equal(buf_str(&out), "{\n  \"configs\": [\n"
                                       "    {\n      \"name\": \"x\",\n      \"sort\": \"cum\",\n"
                                       "      \"tagroot\": \"\ufffdx\U0001f600/\"\n    },\n"
                                       "    {\n      \"name\": \"\"\n    },\n"
                                       "    {\n      \"name\": \"\"\n    },\n"
                                       "    {\n      \"name\": \"x\"\n    }\n  ]\n}");
    settings_release(&s);
}

static void bad_files(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "line 1: it ends too early"},
        {"[]", "line 1: an object was expected"},
        {"{\"configs\": {}}", "line 1: a list was expected"},
        {"{\"configs\": [1]}", "line 1: an object was expected"},
        {"{\"configs\": [{\"name\": 1}]}", "line 1: a text was expected"},
        {"{\"configs\": [{\n\"trim\": \"yes\"}]}", "line 2: true or false was expected"},
        {"{\"configs\": [{\"nodecount\": 1.0}]}", "line 1: a whole number was expected"},
        {"{\"configs\": [{\"nodecount\": 1e2}]}", "line 1: a whole number was expected"},
        {"{\"configs\": [{\"nodecount\": 99999999999}]}", "line 1: a whole number was expected"},
        {"{\"configs\": [{\"nodecount\": \"1\"}]}", "line 1: a number was expected"},
        {"{\"configs\": [{\"nodefraction\": 1e999}]}", "line 1: this number is too large"},
        {"{\"configs\": [{\"sort\": \"foo\"}]}", "line 1: unknown value of \"sort\""},
        {"{\"configs\": [{\"granularity\": \"x\"}]}", "line 1: unknown value of \"granularity\""},
        {"{\"configs\": [{\"focus\": \"a\\u0000b\"}]}", "line 1: a zero byte in a text"},
        {"{\"configs\": []} x", "line 1: something follows the end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings s;
        struct err err = {0};
        if (settings_decode(&s, cases[i].text, strlen(cases[i].text), &err))
            fail_msg("taken: %s", cases[i].text);
        assert_string_equal(err.msg, cases[i].why);
        assert_int_equal(err.code, ERR_INPUT);
        assert_int_equal(s.n_configs, 0);
    }
}

static void put_and_remove(void **state)
{
    struct settings s;
    struct report_options o;
    struct err err = {0};
    AUTO_BUF out = {0};
    decode(&s, "{}");
    settings_encode(&s, &out);
    assert_string_equal(buf_str(&out), "{\n  \"configs\": []\n}");
    report_options_init(&o);
    assert_true(settings_put(&s, "plain", &o, NULL));
    o.focus = "f";
    o.sample_index = "cpu";
    o.source_path = "/src";
    o.granularity = GRANULARITY_FILES;
    assert_true(settings_put(&s, "two", &o, NULL));
    o.focus = "g";
    assert_true(settings_put(&s, "two", &o, NULL)); /* instead of it */
    assert_int_equal(s.n_configs, 2);
    assert_null(s.configs[1].options.sample_index);
    buf_clear(&out);
    settings_encode(&s, &out);
    assert_string_equal(
        buf_str(&out),
        "{\n  \"configs\": [\n"
        "    {\n      \"name\": \"plain\",\n      \"unit\": \"minimum\",\n      \"sort\": "
        "\"flat\",\n"
        "      \"nodecount\": -1,\n      \"nodefraction\": 0.005,\n      \"edgefraction\": 0.001,\n"
        "      \"trim\": true\n    },\n"
        "    {\n      \"name\": \"two\",\n      \"unit\": \"minimum\",\n      \"sort\": \"flat\",\n"
        "      \"nodecount\": -1,\n      \"nodefraction\": 0.005,\n      \"edgefraction\": 0.001,\n"
        "      \"trim\": true,\n      \"focus\": \"g\",\n      \"granularity\": \"files\"\n    }\n"
        "  ]\n}");

    assert_false(settings_put(&s, "", &o, &err));
    assert_string_equal(err.msg, "a configuration needs a name");
    o.nodefraction = 1 / 0.0;
    assert_false(settings_put(&s, "x", &o, &err));
    assert_string_equal(err.msg, "nodefraction and edgefraction have to be numbers to be saved");
    assert_int_equal(s.n_configs, 2);

    assert_false(settings_remove(&s, "x"));
    assert_true(settings_remove(&s, "plain"));
    assert_int_equal(s.n_configs, 1);
    assert_string_equal(s.configs[0].name, "two");
    assert_true(settings_remove(&s, "two"));
    buf_clear(&out);
    settings_encode(&s, &out);
    assert_string_equal(buf_str(&out), "{\n  \"configs\": []\n}");
    settings_release(&s);
}

static void use(void **state)
{
    struct settings s;
    struct report_options o, defaults;
    AUTO_ARENA arena = {0};
    AUTO_BUF says = {0};
    arena_init(&arena);
    report_options_init(&defaults);
    settings_describe(&defaults, &says);
    assert_string_equal(buf_str(&says), "");

    o = defaults;
    o.sample_index = "cpu";
    o.divide_by = 2;
    o.ignore = "old";
    decode(&s, "{\"configs\": [{\"name\": \"a\", \"sort\": \"cum\", \"focus\": \"f\", "
               "\"nodecount\": 3}]}");
    assert_true(settings_use(&s.configs[0], &o, &arena));
    settings_release(&s);                       /* its texts are copied */
    assert_string_equal(o.sample_index, "cpu"); /* is not saved, and so stays */
    assert_true(o.divide_by == 2);
    assert_string_equal(o.focus, "f");
    assert_null(o.ignore);
    assert_string_equal(o.unit, "minimum"); /* empty: pprof's web page takes the default */
    assert_int_equal(o.nodecount, 3);
    assert_false(o.trim); /* what is not said is off */
    assert_true(o.nodefraction == 0);
    settings_describe(&o, &says);
    assert_string_equal(buf_str(&says), "sort=cum nodecount=3 nodefraction=0 edgefraction=0 "
                                        "trim=false focus=f");
}

static void files(void **state)
{
    char folder[] = "/tmp/sonde-settings-XXXXXX", path[256], command[256];
    struct settings s;
    struct err err = {0};
    struct report_options o;
    struct stat st;
    AUTO_BUF at = {0}, none = {0};
    AUTO_ARENA arena = {0};
    assert_non_null(mkdtemp(folder));
    setenv("XDG_CONFIG_HOME", folder, 1);
    snprintf(path, sizeof path, "%s/pprof/settings.json", folder);
    assert_true(settings_path(&at, NULL));
    assert_string_equal(buf_str(&at), path);

    arena_init(&arena);
    report_options_init(&o);
    assert_true(settings_read(&s, path, &err)); /* no file, no folder */
    assert_int_equal(s.n_configs, 0);
    assert_true(settings_put(&s, "a", &o, NULL));
    assert_true(settings_write(&s, path, &err));
    settings_release(&s);
    snprintf(command, sizeof command, "%s/pprof", folder);
    assert_int_equal(stat(command, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);

    assert_true(settings_use_saved("a", &o, &arena, &err));
    assert_true(settings_use_saved(SETTINGS_DEFAULT, &o, &arena, &err));
    assert_false(settings_use_saved("b", &o, &arena, &err));
    assert_non_null(strstr(err.msg, "there is no configuration 'b' in "));
    assert_non_null(strstr(err.msg, "there is: Default, a"));
    assert_int_equal(err.code, ERR_USAGE);

    FILE *f = fopen(path, "w");
    fputs("{\"configs\":\n[", f);
    fclose(f);
    assert_false(settings_read(&s, path, &err));
    assert_int_equal(s.n_configs, 0);
    assert_non_null(strstr(err.msg, "/pprof/settings.json': line 2: it ends too early"));
    assert_int_equal(truncate(path, 17 << 20), 0);
    assert_false(settings_read(&s, path, &err));
    assert_non_null(strstr(err.msg, "it is too large for settings"));
    remove(path);
    mkdir(path, 0700);
    assert_false(settings_read(&s, path, &err));
    assert_non_null(strstr(err.msg, "it is not a file"));

    setenv("XDG_CONFIG_HOME", "relative", 1);
    assert_false(settings_path(&none, &err));
    assert_string_equal(err.msg, "XDG_CONFIG_HOME is not an absolute path: 'relative'");
    setenv("XDG_CONFIG_HOME", "", 1);
    setenv("HOME", "/home/x", 1);
    assert_true(settings_path(&none, &err));
    assert_string_equal(buf_str(&none), "/home/x/.config/pprof/settings.json");
    unsetenv("HOME");
    assert_false(settings_path(&none, &err));
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

/* Whatever allocation fails, the struct is as before or empty, and nothing leaks. */
static void no_memory(void **state)
{
    AUTO_FILE file = read_go();
    struct report_options o;
    report_options_init(&o);
    o.focus = "focus";
    bool done = false;
    for (long n = 0; !done && n < 1000; n++) {
        struct settings s;
        struct err err = {0};
        alloc_countdown = n;
        bool is_read = settings_decode(&s, file.data, file.len, &err);
        bool is_put = is_read && settings_put(&s, "new", &o, &err);
        done = alloc_countdown >= 0;
        alloc_countdown = -1;
        assert_int_equal(err.code, done ? ERR_NONE : ERR_NOMEM);
        assert_int_equal(is_put, done);
        assert_int_equal(s.n_configs, is_put ? 3 : is_read ? 2 : 0);
        settings_release(&s);
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_go),   cmocka_unit_test(as_go_reads),
        cmocka_unit_test(bad_files), cmocka_unit_test(put_and_remove),
        cmocka_unit_test(use),       cmocka_unit_test(files),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
