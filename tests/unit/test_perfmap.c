/* perfmap: names of JIT code. */
#include "unit.h"

#include "sym/perfmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct perfmap *map_of(const char *text, size_t n)
{
    char path[] = "/tmp/sonde-perfmap-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    close(fd);
    struct perfmap *map = perfmap_open(path, NULL);
    unlink(path);
    assert_non_null(map);
    return map;
}

static const char *name_at(const struct perfmap *map, uint64_t address)
{
    static char name[256];
    struct str s = perfmap_find(map, address);
    snprintf(name, sizeof name, "%.*s", (int)s.len, s.p);
    return name;
}

static void names(void **state)
{
    static const char text[] = "7f0000001000 100 LazyCompile:~f a.js:1\n"
                               "0x7F0000002000 0x10 hex with prefix\n"
                               "7f0000001080 40 inside, later\n"
                               "7f0000003000 8 no newline at the end";
    struct perfmap *map = map_of(text, sizeof text - 1);
    assert_string_equal(name_at(map, 0x7f0000000fff), "");
    assert_string_equal(name_at(map, 0x7f0000001000), "LazyCompile:~f a.js:1");
    assert_string_equal(name_at(map, 0x7f000000107f), "LazyCompile:~f a.js:1");
    assert_string_equal(name_at(map, 0x7f0000001080), "inside, later");
    assert_string_equal(name_at(map, 0x7f00000010bf), "inside, later");
    assert_string_equal(name_at(map, 0x7f00000010c0), "LazyCompile:~f a.js:1");
    assert_string_equal(name_at(map, 0x7f0000001100), "");
    assert_string_equal(name_at(map, 0x7f000000200f), "hex with prefix");
    assert_string_equal(name_at(map, 0x7f0000003007), "no newline at the end");
    perfmap_free(map);
}

static void memory_used_again(void **state)
{
    static const char text[] = "1000 100 old\n2000 10 x\n1000 100 new\n";
    struct perfmap *map = map_of(text, sizeof text - 1);
    assert_string_equal(name_at(map, 0x1050), "new");
    perfmap_free(map);
}

static void odd_lines(void **state)
{
    static const char text[] = "\n \nzz 10 a\n1000\n1000 \n1000 10\n1000 10 \n1000 0 empty\n"
                               "ffffffffffffffff 10 beyond the end\n11111111111111111 1 long\n"
                               "2000 10 good\n\0\0\0\n";
    struct perfmap *map = map_of(text, sizeof text - 1);
    assert_string_equal(name_at(map, 0x1000), "");
    assert_string_equal(name_at(map, UINT64_MAX), "");
    assert_string_equal(name_at(map, 0x2000), "good");
    perfmap_free(map);
    map = map_of("", 0);
    assert_string_equal(name_at(map, 0), "");
    perfmap_free(map);
    struct err err = {0};
    assert_null(perfmap_open("/nonexistent/perf-1.map", &err));
    assert_int_equal(err.code, ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(memory_used_again),
        cmocka_unit_test(odd_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
