#include "base/diag.h"
#include "base/err.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

static void set_and_wrap(void **state)
{
    struct err err = {0};
    assert_false(err_set(&err, ERR_INPUT, "truncated at byte %d", 512));
    assert_false(err_wrap(&err, "cannot read '%s'", "x"));
    assert_string_equal(err.msg, "cannot read 'x': truncated at byte 512");
    assert_int_equal(err.code, ERR_INPUT);
    assert_int_equal(err.sys_errno, 0);
}

static void system_errors_keep_their_kind(void **state)
{
    struct err err = {0};
    static const struct {
        int sys;
        enum err_code code;
    } cases[] = {{EACCES, ERR_PERM}, {EPERM, ERR_PERM}, {ENOMEM, ERR_NOMEM}, {ENOSPC, ERR_IO}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err_sys(&err, cases[i].sys, "open");
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.sys_errno, cases[i].sys);
    }
    assert_string_equal(err.msg, "open: No space left on device");
    err_set(&err, ERR_USAGE, "x");
    assert_int_equal(err.sys_errno, 0);
}

static void null_is_taken(void **state)
{
    assert_false(err_set(NULL, ERR_IO, "x"));
    assert_false(err_sys(NULL, EIO, "x"));
    assert_false(err_wrap(NULL, "x"));
    assert_false(err_nomem(NULL));
}

static void long_messages_are_cut(void **state)
{
    struct {
        struct err err;
        char guard[16];
    } s;
    memset(&s, 0x5a, sizeof s);
    err_set(&s.err, ERR_IO, "%*d", 5000, 1);
    assert_int_equal(strlen(s.err.msg), sizeof s.err.msg - 1);
    for (int i = 0; i < 100; i++)
        err_wrap(&s.err, "in '%*d'", i * 10, 1);
    err_sys(&s.err, EIO, "%*d", (int)sizeof s.err.msg - 3, 1);
    assert_int_equal(strlen(s.err.msg), sizeof s.err.msg - 1);
    for (size_t i = 0; i < sizeof s.guard; i++)
        assert_int_equal(s.guard[i], 0x5a);
}

static void exit_statuses(void **state)
{
    assert_int_equal(err_exit_status(&(struct err){.code = ERR_USAGE}), 2);
    assert_int_equal(err_exit_status(&(struct err){.code = ERR_INPUT}), 2);
    assert_int_equal(err_exit_status(&(struct err){.code = ERR_IO}), 1);
    assert_int_equal(err_exit_status(&(struct err){.code = ERR_NOMEM}), 1);
}

static void notes_are_kept_once_and_counted(void **state)
{
    struct diag diag;
    diag_init(&diag);
    for (int round = 0; round < 3; round++)
        diag_add(&diag, "the same");
    assert_int_equal(diag.n, 1);
    for (int i = 0; i < 100; i++)
        diag_add(&diag, "note %d", i);
    assert_int_equal(diag.n, DIAG_MAX);
    assert_int_equal(diag.n_suppressed, 101 - DIAG_MAX);
    assert_string_equal(diag.texts[1], "note 0");
    diag_add(NULL, "nobody listens");
    diag_release(&diag);
    diag_release(&diag);
    assert_int_equal(diag.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_and_wrap),  cmocka_unit_test(system_errors_keep_their_kind),
        cmocka_unit_test(null_is_taken), cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(exit_statuses), cmocka_unit_test(notes_are_kept_once_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
