#include "format/original.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/sonde-original-XXXXXX", path[64];

static void put(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void what_was_noted_is_read(void **state)
{
    struct original o;
    AUTO_BUF out = {0};
    put(path, "a profile");
    original_note(&o, path);
    buf_puts(&out, "> ");
    assert_true(original_read(&o, &out));
    assert_int_equal(out.len, 11);
    assert_memory_equal(out.data, "> a profile", 11);
}

static void another_file_is_not(void **state)
{
    struct original o;
    AUTO_BUF out = {0};
    char other[sizeof path + 2];
    snprintf(other, sizeof other, "%s.2", path);
    put(path, "a profile");
    original_note(&o, path);
    put(other, "a profile");
    assert_int_equal(rename(other, path), 0);
    assert_false(original_read(&o, &out));
    assert_int_equal(out.len, 0);
    unlink(path);
    assert_false(original_read(&o, &out));
}

static void a_changed_file_is_not(void **state)
{
    struct original o;
    AUTO_BUF out = {0};
    put(path, "a profile");
    original_note(&o, path);
    put(path, "a profile of more");
    assert_false(original_read(&o, &out));

    /* Of the same size: the times tell. */
    const struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    put(path, "a profile");
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    original_note(&o, path);
    assert_true(original_read(&o, &out));
    buf_clear(&out);
    put(path, "b profile");
    assert_false(original_read(&o, &out));
    assert_int_equal(out.len, 0);
}

static void what_is_no_file_is_none(void **state)
{
    static const char *const names[] = {"/tmp", "/dev/null", "/nowhere/at/all", "pid:1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct original o;
        AUTO_BUF out = {0};
        original_note(&o, names[i]);
        assert_null(o.path);
        assert_false(original_read(&o, &out));
    }
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/profile", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_noted_is_read),
        cmocka_unit_test(another_file_is_not),
        cmocka_unit_test(a_changed_file_is_not),
        cmocka_unit_test(what_is_no_file_is_none),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(folder);
    return failed;
}
