#include "base/reader.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char dir[] = "/tmp/sonde-test-XXXXXX";
static char path[256];

static const char *in_dir(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static size_t n_files(void)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void write_then_read(void **state)
{
    const char *p = in_dir("file");
    assert_true(file_write_atomic(p, "one", 3, NULL));
    assert_true(file_write_atomic(p, "second", 6, NULL));
    AUTO_FILE mapped = {0};
    AUTO_FILE whole = {0};
    assert_true(file_map(&mapped, p, NULL));
    assert_true(file_read(&whole, p, NULL));
    assert_true(mapped.mapped);
    assert_false(whole.mapped);
    assert_int_equal(mapped.len, 6);
    assert_memory_equal(mapped.data, "second", 6);
    assert_int_equal(whole.len, 6);
    assert_memory_equal(whole.data, "second", 6);
    assert_int_equal(n_files(), 1);
    unlink(p);
}

static void an_empty_file(void **state)
{
    const char *p = in_dir("empty");
    assert_true(file_write_atomic(p, "", 0, NULL));
    AUTO_FILE f = {0};
    assert_true(file_map(&f, p, NULL));
    assert_int_equal(f.len, 0);
    unlink(p);
}

static void a_file_without_a_size(void **state)
{
    AUTO_FILE f = {0};
    assert_true(file_map(&f, "/proc/self/maps", NULL));
    assert_true(f.len > 100);
    assert_false(f.mapped);
}

static void a_pipe_is_read_to_its_end(void **state)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    char text[20000];
    memset(text, 'p', sizeof text);
    assert_int_equal(write(fds[1], text, sizeof text), sizeof text);
    close(fds[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    AUTO_FILE f = {0};
    assert_true(file_map(&f, path, NULL));
    assert_int_equal(f.len, sizeof text);
    assert_memory_equal(f.data, text, sizeof text);
    close(fds[0]);
}

static void what_cannot_be_read(void **state)
{
    struct err err = {0};
    struct file f;
    assert_false(file_map(&f, in_dir("absent"), &err));
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(err.sys_errno, ENOENT);
    assert_non_null(strstr(err.msg, "absent': No such file or directory"));
    assert_null(f.data);
    assert_false(file_read(&f, dir, &err));
    assert_int_equal(err.sys_errno, EISDIR);
    assert_false(file_read(&f, "/dev/zero", &err));
    assert_string_equal(err.msg, "cannot read '/dev/zero': it is a device");
}

static void what_cannot_be_written(void **state)
{
    struct err err = {0};
    assert_false(file_write_atomic(in_dir("no/such/folder"), "x", 1, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_false(file_write_atomic(dir, "x", 1, &err));
    assert_false(file_write_atomic("/dev/full", "x", 1, &err));
    assert_int_equal(err.sys_errno, ENOSPC);
    assert_string_equal(err.msg, "cannot write '/dev/full': No space left on device");
    assert_true(file_write_atomic("/dev/null", "x", 1, &err));
    assert_int_equal(n_files(), 0);
}

static void permissions_stay(void **state)
{
    struct stat st;
    const char *p = in_dir("mode");
    mode_t mask = umask(027);
    assert_true(file_write_atomic(p, "x", 1, NULL));
    umask(mask);
    assert_int_equal(stat(p, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    chmod(p, 0604);
    assert_true(file_write_atomic(p, "y", 1, NULL));
    assert_int_equal(stat(p, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0604);
    if (geteuid() != 0) {
        struct err err = {0};
        chmod(p, 0400);
        assert_false(file_write_atomic(p, "z", 1, &err));
        assert_int_equal(err.code, ERR_PERM);
    }
    unlink(p);
}

static void links_are_followed(void **state)
{
    struct stat st;
    char target[256];
    snprintf(target, sizeof target, "%s/target", dir);
    assert_true(file_write_atomic(target, "old", 3, NULL));
    assert_int_equal(symlink("target", in_dir("link")), 0);
    assert_true(file_write_atomic(path, "new!", 4, NULL));
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, 4);
    unlink(path);
    unlink(target);
}

static void varints(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        uint64_t value;
        bool bad;
    } cases[] = {
        {"\x00", 1, 0, false},
        {"\x7f", 1, 127, false},
        {"\x80\x01", 2, 128, false},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, UINT64_MAX, false},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10, 1ull << 63, false},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, 0, true}, /* too long */
        {"\x80", 1, 0, true},
        {"", 0, 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cursor c = cursor_of(cases[i].bytes, cases[i].n);
        assert_int_equal(cursor_varint(&c), cases[i].value);
        assert_int_equal(c.bad, cases[i].bad);
        assert_int_equal(cursor_left(&c), 0);
    }
}

static void a_cursor_never_passes_its_end(void **state)
{
    uint8_t *data = malloc(5); /* a read behind it is seen by ASan */
    memcpy(data, "\1\2\3\4\5", 5);
    struct cursor c = cursor_of(data, 5);
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u16(&c), 0x0302);
    assert_false(c.bad);
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(c.bad);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(cursor_varint(&c), 0);
    assert_int_equal(cursor_bytes(&c, 1).len, 0);
    assert_true(c.bad);
    c = cursor_of(data, 5);
    assert_int_equal(cursor_bytes(&c, UINT64_MAX).len, 0);
    assert_true(c.bad);
    c = cursor_of(data, 5);
    assert_int_equal(cursor_bytes(&c, 5).len, 5);
    assert_int_equal(cursor_bytes(&c, 0).len, 0);
    assert_false(c.bad);
    c = cursor_of(NULL, 0);
    assert_int_equal(cursor_u64(&c), 0);
    assert_true(c.bad);
    free(data);
}

static void strings(void **state)
{
    assert_true(str_eq(STR("ab"), str_of("ab")));
    assert_true(str_eq((struct str){NULL, 0}, STR("")));
    assert_false(str_eq(STR("ab"), STR("abc")));
    assert_true(str_cmp(STR("ab"), STR("abc")) < 0);
    assert_true(str_cmp(STR("b"), STR("abc")) > 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
    assert_int_equal(str_cmp(STR(""), (struct str){NULL, 0}), 0);
    assert_true(str_has_prefix(STR("abc"), STR("ab")));
    assert_false(str_has_prefix(STR("a"), STR("ab")));
    assert_true(str_has_suffix(STR("abc"), STR("bc")));
    assert_true(str_has_suffix(STR("abc"), STR("")));
    assert_false(str_has_suffix(STR("c"), STR("bc")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_then_read),
        cmocka_unit_test(an_empty_file),
        cmocka_unit_test(a_file_without_a_size),
        cmocka_unit_test(a_pipe_is_read_to_its_end),
        cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(what_cannot_be_written),
        cmocka_unit_test(permissions_stay),
        cmocka_unit_test(links_are_followed),
        cmocka_unit_test(varints),
        cmocka_unit_test(a_cursor_never_passes_its_end),
        cmocka_unit_test(strings),
    };
    if (!mkdtemp(dir))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(dir) != 0 || failed;
}
