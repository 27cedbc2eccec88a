/* Every allocation of the base folder fails once, the first, the second...: each
 * call then reports it, keeps what it had, and leaks nothing.  The linker sends
 * malloc and realloc here (--wrap). */
#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/gzip.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/reader.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_realloc(void *p, size_t n);

static long countdown = -1; /* fails at 0; below, never */

static bool fails(void)
{
    return countdown >= 0 && countdown-- == 0;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

/* Run `work` with the k-th allocation failing, for all k until none fails; it
 * returns whether it saw a failure. */
static void fail_each(bool (*work)(void))
{
    for (long k = 0;; k++) {
        countdown = k;
        bool saw = work();
        bool failed = countdown < 0;
        countdown = -1;
        assert_int_equal(saw, failed);
        if (!failed)
            return;
        assert_true(k < 10000);
    }
}

static bool use_buf(void)
{
    AUTO_BUF buf = {0};
    for (int i = 0; i < 200; i++)
        buf_printf(&buf, "%d %*d;", i, i * 3, i);
    assert_int_equal(strlen(buf_str(&buf)), buf.len);
    return buf.failed;
}

static bool use_arena(void)
{
    AUTO_ARENA arena = {0};
    bool failed = false;
    for (size_t i = 0; i < 100; i++) {
        char *p = arena_alloc(&arena, i * 1000);
        failed |= !p;
        if (p)
            memset(p, 1, i * 1000);
    }
    return failed;
}

static bool use_map(void)
{
    struct map map = {0};
    bool failed = false;
    for (uint32_t i = 0; i < 1000; i++) {
        if (map_get_or_put(&map, i, i) == MAP_NONE) {
            failed = true;
            assert_true(map_put(&map, i, i)); /* only one fails */
        }
        assert_int_equal(map_get(&map, i / 2), i / 2);
    }
    assert_int_equal(map.n, 1000);
    map_release(&map);
    return failed;
}

static bool use_intern(void)
{
    AUTO_ARENA arena = {0};
    struct intern in;
    bool failed = !intern_init(&in, &arena);
    char text[16];
    for (uint32_t i = 0; i < 3000 && !failed; i++) {
        struct str s = {text, (size_t)snprintf(text, sizeof text, "s%u", i)};
        uint32_t id = intern_add(&in, s);
        if (id == INTERN_NONE) {
            failed = true;
            assert_int_equal(intern_find(&in, s), INTERN_NONE);
            id = intern_add(&in, s);
        }
        assert_int_equal(id, i + 1);
        assert_int_equal(intern_find(&in, s), i + 1);
    }
    intern_release(&in);
    return failed;
}

static bool use_gzip(void)
{
    static const uint8_t text[5000];
    struct err err = {0};
    uint8_t *packed = NULL, *out = NULL;
    size_t packed_len, out_len;
    bool ok = gzip_deflate(text, sizeof text, 6, &packed, &packed_len, &err);
    if (ok) {
        memset(packed + packed_len - 4, 0, 4); /* the size is unknown: it has to grow */
        ok = gzip_inflate(packed, packed_len, 1 << 20, &out, &out_len, &err);
        if (!ok && err.code == ERR_INPUT) /* the wrong size is found out in the end */
            ok = true;
    }
    if (!ok)
        assert_int_equal(err.code, ERR_NOMEM);
    free(packed);
    free(out);
    return !ok;
}

static bool use_file(void)
{
    struct err err = {0};
    struct file file;
    if (file_map(&file, "/proc/self/maps", &err)) {
        file_release(&file);
        return false;
    }
    assert_int_equal(err.code, ERR_NOMEM);
    return true;
}

static void buffers(void **state)
{
    fail_each(use_buf);
}
static void arenas(void **state)
{
    fail_each(use_arena);
}
static void maps(void **state)
{
    fail_each(use_map);
}
static void strings(void **state)
{
    fail_each(use_intern);
}
static void gzips(void **state)
{
    fail_each(use_gzip);
}
static void files(void **state)
{
    fail_each(use_file);
}

static void adopting(void **state)
{
    AUTO_ARENA arena = {0};
    void *items = malloc(64);
    countdown = 0;
    assert_null(arena_adopt(&arena, &items, 1, 4));
    assert_non_null(items); /* still the caller's */
    countdown = 1;          /* cutting it to size is not needed for success */
    assert_non_null(arena_adopt(&arena, &items, 1, 4));
    countdown = -1;
    assert_null(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers),  cmocka_unit_test(arenas), cmocka_unit_test(maps),
        cmocka_unit_test(strings),  cmocka_unit_test(gzips),  cmocka_unit_test(files),
        cmocka_unit_test(adopting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
