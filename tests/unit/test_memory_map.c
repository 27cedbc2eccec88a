/* Memory maps in all their forms, and the search against the plain way to do it. */
#include "format/memory_map.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct builder *b;
    struct memory_map map;
    struct err err;
};

static bool load_bytes(struct fixture *f, const char *s, size_t len)
{
    struct text t = text_of(s, len);
    *f = (struct fixture){0};
    f->b = builder_new(&f->err);
    assert_non_null(f->b);
    return memory_map_read(&f->map, &t, f->b, &f->err);
}

static struct fixture load(const char *s)
{
    struct fixture f;
    if (!load_bytes(&f, s, strlen(s)))
        fail_msg("%s", f.err.msg);
    return f;
}

static void done(struct fixture *f)
{
    memory_map_release(&f->map);
    builder_free(f->b);
}

static void check(const struct fixture *f, size_t i, uint64_t start, uint64_t limit,
                  uint64_t offset, const char *file, const char *build_id)
{
    assert_true(i < f->map.mappings.n);
    const struct profile_mapping *m = &f->map.mappings.items[i];
    assert_int_equal(m->start, start);
    assert_int_equal(m->limit, limit);
    assert_int_equal(m->offset, offset);
    assert_string_equal(builder_text(f->b, m->file).p, file);
    assert_string_equal(builder_text(f->b, m->build_id).p, build_id);
}

static void forms(void **state)
{
    struct fixture f = load("08000000-08001000 r-xp 00002000 08:01 131 /bin/prog\n"
                            "09000000-09001000 rw-p 00002000 08:01 131 /bin/data\n"
                            "  0x0a000000-0x0a001000: /lib/x.so (@fF00) abc123\n"
                            "W0102 server.cc:77] 0b000000-0b001000 r-xp /lib/y.so\n"
                            "nothing\n"
                            "ffffffffffffffff0-1 r-xp 0 1:1 2 /too/large\n"
                            "7ffe00000000-7ffe00001000 r-xp 00000000 00:00 0 [vdso]\r\n"
                            "0c000000-0c001000 r-xp 00000000 00:00 0");
    assert_int_equal(f.map.mappings.n, 5);
    check(&f, 0, 0x8000000, 0x8001000, 0x2000, "/bin/prog", "");
    check(&f, 1, 0xa000000, 0xa001000, 0xff00, "/lib/x.so", "abc123");
    check(&f, 2, 0xb000000, 0xb001000, 0, "/lib/y.so", "");
    check(&f, 3, 0x7ffe00000000, 0x7ffe00001000, 0, "[vdso]", "");
    check(&f, 4, 0xc000000, 0xc001000, 0, "", "");
    done(&f);
}

static void variables(void **state)
{
    struct fixture f = load(" build = /home/me \n"
                            "bin=$build/bin\n"
                            "build=/ignored\n"
                            "1000-2000: $bin/a$b\n");
    assert_int_equal(f.map.mappings.n, 1);
    check(&f, 0, 0x1000, 0x2000, 0, "/home/me/bin/a$b", "");
    done(&f);
}

static void variables_without_end(void **state)
{
    char text[4096];
    size_t n = 0;
    struct fixture f;
    n += (size_t)sprintf(text + n, "xa=aaaaaaaaaaaaaaaa\n");
    for (int i = 1; i < 26; i++)
        n += (size_t)sprintf(text + n, "x%c=$x%c$x%c\n", 'a' + i, 'a' + i - 1, 'a' + i - 1);
    assert_false(load_bytes(&f, text, n));
    assert_int_equal(f.err.code, ERR_INPUT);
    assert_non_null(strstr(f.err.msg, "expand without end at line"));
    done(&f);
}

static void split_mappings_are_joined(void **state)
{
    struct fixture f = load("1000-2000 r-xp 00000500 08:01 1 /bin/a\n"
                            "2000-3000 r-xp 00001500 08:01 1 /bin/a\n"
                            "3000-4000 r-xp 00001500 08:01 1 /bin/a\n" /* another offset */
                            "4000-5000: \n"
                            "5000-6000: /bin/b\n");
    assert_int_equal(f.map.mappings.n, 3);
    check(&f, 0, 0x1000, 0x3000, 0x500, "/bin/a", "");
    check(&f, 1, 0x3000, 0x5000, 0x1500, "/bin/a", "");
    check(&f, 2, 0x5000, 0x6000, 0, "/bin/b", "");
    done(&f);
}

static void the_program_comes_first(void **state)
{
    struct fixture f = load("1000-2000: [vdso]\n"
                            "2000-3000: /lib/a.so\n"
                            "4000-5000: /lib/b.so.6\n"
                            "6000-7000: /lib/c.so(deleted)\n"
                            "8000-9000: /lib/d.so_1\n"
                            "a000-b000: /bin/e.soap\n"
                            "c000-d000: /bin/f\n");
    check(&f, 0, 0xa000, 0xb000, 0, "/bin/e.soap", "");
    check(&f, 5, 0x1000, 0x2000, 0, "[vdso]", "");
    done(&f);
}

static void quirks_of_the_first(void **state)
{
    struct fixture f = load("400000-500000: /anon_hugepage\n500000-600000: /bin/x (@100000)\n");
    /* Joined no, dropped yes; and what is left began at 0x400000. */
    assert_int_equal(f.map.mappings.n, 1);
    check(&f, 0, 0x400000, 0x600000, 0, "/bin/x", "");
    done(&f);
}

static void growth_and_what_is_nowhere(void **state)
{
    struct fixture f = load("10000-11000: /bin/a\n20000-21000: /lib/b.so (@2000)\n");
    assert_int_equal(memory_map_find(&f.map, 0x10fff), 0);
    assert_int_equal(memory_map_find(&f.map, 0x1e000), 1);
    assert_int_equal(f.map.mappings.items[1].start, 0x1e000);
    assert_int_equal(f.map.mappings.items[1].offset, 0);
    assert_int_equal(memory_map_find(&f.map, 0x1dfff), 2);
    assert_int_equal(memory_map_find(&f.map, UINT64_MAX), 2);
    assert_int_equal(memory_map_find(&f.map, 0x20000), 1);
    check(&f, 2, 0, UINT64_MAX, 0, "", "");
    done(&f);
    f = load("");
    assert_int_equal(memory_map_find(&f.map, 5), 0);
    assert_int_equal(f.map.mappings.n, 1);
    done(&f);
}

/* As pprof does it. */
static size_t plain_find(struct profile_mapping *m, size_t *n, size_t catch_all, uint64_t a)
{
    for (size_t i = 0; i < *n; i++)
        if (m[i].start <= a && a < m[i].limit)
            return i;
    for (size_t i = 0; i < *n; i++)
        if (m[i].offset && m[i].start - m[i].offset <= a && a < m[i].start) {
            m[i].start -= m[i].offset;
            m[i].offset = 0;
            return i;
        }
    if (*n == catch_all)
        m[(*n)++] = (struct profile_mapping){.limit = UINT64_MAX};
    return catch_all;
}

static void overlapping_at_random(void **state)
{
    unsigned seed = 1;
    for (int round = 0; round < 300; round++) {
        char text[2048];
        struct profile_mapping want[32];
        size_t n = 0;
        for (int i = 0; i < 12; i++) {
            unsigned start = 0x1000 + (unsigned)rand_r(&seed) % 64;
            n += (size_t)sprintf(text + n, "%x-%x: /lib/%d.so (@%x)\n", start,
                                 start + (unsigned)rand_r(&seed) % 16, i,
                                 (unsigned)rand_r(&seed) % 12);
        }
        struct fixture f = load(text);
        size_t n_want = f.map.mappings.n, catch_all = n_want;
        memcpy(want, f.map.mappings.items, n_want * sizeof *want);
        for (int i = 0; i < 60; i++) {
            uint64_t a = 0xff0 + (unsigned)rand_r(&seed) % 100;
            assert_int_equal(memory_map_find(&f.map, a), plain_find(want, &n_want, catch_all, a));
        }
        assert_int_equal(f.map.mappings.n, n_want);
        assert_memory_equal(f.map.mappings.items, want, n_want * sizeof *want);
        done(&f);
    }
}

/* What takes the plain way minutes. */
static void many(void **state)
{
    const size_t n = 200000;
    char *text = malloc(n * 64);
    size_t len = 0;
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        len += (size_t)sprintf(text + len, "%zx-%zx: /lib/%zu.so (@8)\n", i * 32 + 0x10010,
                               i * 32 + 0x10018, i);
    struct fixture f;
    assert_true(load_bytes(&f, text, len));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(memory_map_find(&f.map, i * 32 + 0x10011), i);
        assert_int_equal(memory_map_find(&f.map, i * 32 + 0x10009), i);
    }
    done(&f);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(variables),
        cmocka_unit_test(variables_without_end),
        cmocka_unit_test(split_mappings_are_joined),
        cmocka_unit_test(the_program_comes_first),
        cmocka_unit_test(quirks_of_the_first),
        cmocka_unit_test(growth_and_what_is_nowhere),
        cmocka_unit_test(overlapping_at_random),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
