#include "model/builder.h"
#include "ui/shell_command.h"
#include "ui/shell_complete.h"
#include "ui/shell_config.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two columns, functions main.one, main.two and ns::(three), a label. */
static struct profile *make_profile(void)
{
    static const char *const names[] = {"main.one", "main.two", "ns::(three)"};
    struct builder *b = builder_new(NULL);
    builder_type(b, builder_string(b, STR("samples")), builder_string(b, STR("count")));
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("nanoseconds")));
    uint32_t locs[3];
    for (uint32_t i = 0; i < 3; i++) {
        struct profile_function f = {.name = builder_string(b, str_of(names[i]))};
        struct profile_line line = {.function = builder_function(b, &f)};
        struct profile_location l = {.mapping = PROFILE_NONE};
        locs[i] = builder_location(b, &l, &line, 1);
    }
    struct profile_label label = {.key = builder_string(b, STR("worker")),
                                  .str = builder_string(b, STR("w1"))};
    builder_sample(b, locs, 3, (int64_t[]){1, 10}, &label, 1);
    return builder_seal(b, NULL);
}

struct fixture {
    struct profile *profile;
    struct shell_session session;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct report_options options;
    report_options_init(&options);
    f->profile = make_profile();
    shell_session_init(&f->session, f->profile, &options);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    shell_session_release(&f->session);
    profile_free(f->profile);
    free(f);
    return 0;
}

static struct shell_command good(struct fixture *f, const char *line)
{
    struct shell_command c;
    struct err err = {0};
    if (!shell_command_parse(&f->session, line, &c, &err))
        fail_msg("%s: %s", line, err.msg);
    return c;
}

static void bad(struct fixture *f, const char *line, const char *why)
{
    struct shell_command c;
    struct err err = {0};
    struct report_options before = f->session.options;
    assert_false(shell_command_parse(&f->session, line, &c, &err));
    assert_string_equal(err.msg, why);
    assert_memory_equal(&before, &f->session.options, sizeof before);
}

static void reports(void **state)
{
    struct fixture *f = *state;
    struct shell_command c = good(f, "  top  ");
    assert_int_equal(c.action, SHELL_REPORT);
    assert_string_equal(c.report->name, "top");
    assert_int_equal(c.options.nodecount, 10);
    assert_true(c.options.compact_labels);
    c = good(f, "top25 -cum one -two three");
    assert_int_equal(c.options.nodecount, 25);
    assert_int_equal(c.options.sort, SORT_CUM);
    assert_string_equal(c.options.focus, "one|three");
    assert_string_equal(c.options.ignore, "two");
    assert_int_equal(f->session.options.nodecount, -1);
    assert_null(f->session.options.focus);
    c = good(f, "tree 7 > file");
    assert_int_equal(c.options.nodecount, 7);
    assert_string_equal(c.output, "file");
    assert_string_equal(good(f, "tree >file").output, "file");
    c = good(f, "peek main\\.one -x");
    assert_string_equal(c.regexp, "main\\.one");
    assert_string_equal(c.options.ignore, "x");
}

static void assignments(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(good(f, "focus = a=b  //: why").action, SHELL_NOTHING);
    assert_string_equal(f->session.options.focus, "a=b");
    assert_string_equal(good(f, "tree").options.focus, "a=b");
    assert_string_equal(good(f, "tree c").options.focus, "c");
    good(f, "noinlines");
    assert_true(f->session.options.noinlines);
    good(f, "noinlines=no");
    assert_false(f->session.options.noinlines);
    good(f, "cum");
    assert_int_equal(f->session.options.sort, SORT_CUM);
    good(f, "sort=flat");
    assert_int_equal(f->session.options.sort, SORT_FLAT);
    good(f, "granularity=lines");
    assert_int_equal(f->session.options.granularity, GRANULARITY_LINES);
    good(f, "granularity=");
    assert_int_equal(f->session.options.granularity, GRANULARITY_DEFAULT);
    good(f, "sample_index=0");
    assert_string_equal(f->session.options.sample_index, "samples");
    good(f, "cpu");
    assert_string_equal(f->session.options.sample_index, "cpu");
    good(f, "output=x");
    assert_string_equal(good(f, "tree").output, "x");
    good(f, "ignore=i");
    good(f, ":");
    assert_string_equal(f->session.options.focus, "");
    assert_string_equal(f->session.options.ignore, "");
}

static void mistakes(void **state)
{
    struct fixture *f = *state;
    bad(f, "foo", "unrecognized command: \"foo\" (\"help\" lists them)");
    bad(f, "foo10", "unrecognized command: \"foo10\" (\"help\" lists them)");
    bad(f, "focus", "please specify a value, e.g. focus=<val>");
    bad(f, "focus x", "did you mean: focus=x");
    bad(f, "peek", "command peek requires an argument");
    bad(f, "top >", "unexpected end of line after >");
    bad(f, "nodecount=x", "nodecount: 'x' is not a whole number");
    bad(f, "noinlines=maybe", "noinlines: 'maybe' is neither true nor false");
    bad(f, "cum=maybe", "cum: 'maybe' is neither true nor false");
    bad(f, "granularity=x",
        "granularity: 'x' is none of functions, filefunctions, files, lines, addresses");
    bad(f, "top99999999999", "99999999999: not a number of nodes");
}

static void others(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(good(f, "").action, SHELL_NOTHING);
    assert_int_equal(good(f, "o").action, SHELL_OPTIONS);
    assert_int_equal(good(f, "quit").action, SHELL_QUIT);
    assert_string_equal(good(f, "help").topic, "");
    assert_string_equal(good(f, "help top").topic, "top");
    AUTO_BUF out = {0};
    shell_options_print(&f->session, &out);
    assert_non_null(strstr(buf_str(&out), "  nodecount                 = -1"
                                          "                   //: default\n"));
    assert_non_null(strstr(buf_str(&out),
                           "  sample_index              = cpu                  //: [samples | "
                           "cpu]\n"));
    assert_false(shell_help_print(&f->session, "nothing", &out));
    assert_true(shell_help_print(&f->session, "output", &out));
    assert_true(shell_help_print(&f->session, "trim", &out));
    assert_non_null(strstr(buf_str(&out), "\nfalse shows everything.\n"));
    assert_true(shell_help_print(&f->session, "cum", &out));
}

/* `words`: what is offered, joined with spaces. */
static void completes(struct fixture *f, const char *line, const char *words)
{
    AUTO_BUF out = {0};
    size_t start = strlen(line);
    while (start > 0 && !strchr(" >", line[start - 1]))
        start--;
    shell_complete(f->profile, line, start, &out);
    for (size_t i = 0; i < out.len; i++)
        if (!out.data[i])
            out.data[i] = ' ';
    assert_string_equal(buf_str(&out), words);
}

static void completion(void **state)
{
    struct fixture *f = *state;
    completes(f, "traces", "traces ");
    completes(f, "noin", "noinlines= ");
    completes(f, "help noin", "noinlines ");
    completes(f, "cp", "cpu ");
    completes(f, "peek main", "main\\.one main\\.two ");
    completes(f, "peek wo", "main\\.two ");
    completes(f, "peek x -thr", "-ns::\\(three\\) ");
    completes(f, "peek main\\.o", "main\\.one ");
    completes(f, "focus=main.t", "focus=main\\.two ");
    completes(f, "granularity=fi", "granularity=filefunctions granularity=files ");
    completes(f, "sample_index=", "sample_index=samples sample_index=cpu ");
    completes(f, "trim=f", "trim=false ");
    completes(f, "tagfocus=w", "tagfocus=worker=w1 ");
    completes(f, "peek zzz", "");
}

/* Commands about saved configurations; the file has "two words" and "two". */
static void configurations(void **state)
{
    struct fixture *f = *state;
    char folder[] = "/tmp/sonde-shell-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    setenv("XDG_CONFIG_HOME", folder, 1);
    completes(f, "config ", "Default ");

    struct shell_command c = good(f, "  saveconfig two  words ");
    assert_int_equal(c.action, SHELL_CONFIG);
    assert_string_equal(c.config->name, "saveconfig");
    assert_string_equal(c.topic, "two  words");
    assert_int_equal(good(f, "configs").action, SHELL_CONFIG);
    bad(f, "config", "please name a configuration, e.g. config <name>");
    bad(f, "deleteconfig  ", "please name a configuration, e.g. deleteconfig <name>");
    bad(f, "configs x", "configs takes no argument");

    AUTO_BUF out = {0};
    struct err err = {0};
    const struct shell_config_command *save = shell_config_find("saveconfig");
    good(f, "focus=x\x1b");
    assert_true(shell_config_run(&f->session, save, "two words", &out, &err));
    good(f, "cum");
    good(f, "focus=");
    assert_true(shell_config_run(&f->session, save, "two", &out, &err));
    buf_clear(&out);
    const struct shell_config_command *list = shell_config_find("configs");
    assert_true(shell_config_run(&f->session, list, "", &out, &err));
    assert_string_equal(buf_str(&out), "  Default\n  two words: focus=x\\x1b\n* two: sort=cum\n");

    completes(f, "conf", "configs config ");
    completes(f, "help savec", "saveconfig ");
    completes(f, "config tw", "two words two ");
    completes(f, "deleteconfig two w", "words ");
    completes(f, "configs tw", "main\\.two ");

    good(f, "sample_index=samples");
    const struct shell_config_command *use = shell_config_find("config");
    assert_true(shell_config_run(&f->session, use, "two words", &out, &err));
    assert_string_equal(f->session.options.focus, "x\x1b");
    assert_int_equal(f->session.options.sort, SORT_DEFAULT);
    assert_string_equal(f->session.options.sample_index, "samples");
    assert_true(f->session.options.compact_labels);
    assert_false(shell_config_run(&f->session, use, "three", &out, &err));
    assert_string_equal(f->session.options.focus, "x\x1b");

    const struct shell_config_command *delete = shell_config_find("deleteconfig");
    assert_true(shell_config_run(&f->session, delete, "two words", &out, &err));
    assert_false(shell_config_run(&f->session, delete, "two words", &out, &err));
    completes(f, "config ", "Default two ");

    snprintf(path, sizeof path, "rm -rf %s", folder);
    assert_int_equal(system(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reports, set_up, tear_down),
        cmocka_unit_test_setup_teardown(assignments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mistakes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(completion, set_up, tear_down),
        cmocka_unit_test_setup_teardown(configurations, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
