/* The formats from before profile.proto: known answers, what is refused, every
 * truncation, and every allocation failing once. */
#include "alloc_fail.h"
#include "base/buf.h"
#include "format/legacy.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct profile *read_bytes(const struct format_ops *ops, const void *data, size_t len,
                                  struct diag *diag, struct err *err)
{
    if (!ops->probe(data, len)) {
        err_set(err, ERR_INPUT, "not this format");
        return NULL;
    }
    return ops->read(data, len, diag, err);
}

static struct profile *good(const struct format_ops *ops, const char *text)
{
    struct err err = {0};
    struct profile *p = read_bytes(ops, text, strlen(text), NULL, &err);
    if (!p)
        fail_msg("%s", err.msg);
    return p;
}

static void refused(const struct format_ops *ops, const char *text, const char *part)
{
    struct err err = {0};
    struct profile *p = read_bytes(ops, text, strlen(text), NULL, &err);
    profile_free(p);
    assert_null(p);
    assert_int_equal(err.code, ERR_INPUT);
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" has no \"%s\"", err.msg, part);
}

/* The addresses of a sample, and 0. */
static void check_stack(const struct profile *p, uint32_t sample, const uint64_t *want)
{
    uint64_t i = p->stack_first[sample];
    for (; i < p->stack_first[sample + 1]; i++, want++)
        assert_int_equal(p->locations[p->stack_locs[i]].address, *want);
    assert_int_equal(*want, 0);
}

#define STACK(p, sample, ...) check_stack((p), (sample), (const uint64_t[]){__VA_ARGS__, 0})

static const char *line_name(const struct profile *p, uint32_t location, uint32_t line)
{
    assert_true(line < p->locations[location].n_lines);
    uint32_t f = p->lines[p->locations[location].first_line + line].function;
    return profile_cstr(p, p->functions[f].name);
}

/* --- CPU --- */

static void put_word(struct buf *b, uint64_t v, bool is_64, bool is_swapped)
{
    uint32_t v32 = is_swapped ? __builtin_bswap32((uint32_t)v) : (uint32_t)v;
    v = is_swapped ? __builtin_bswap64(v) : v;
    buf_add(b, is_64 ? (void *)&v : (void *)&v32, is_64 ? 8 : 4);
}

static void put_words(struct buf *b, const uint64_t *words, size_t n, bool is_64, bool is_swapped)
{
    for (size_t i = 0; i < n; i++)
        put_word(b, words[i], is_64, is_swapped);
}

#define WORDS(b, is_64, is_swapped, ...)                                                           \
    put_words((b), (const uint64_t[]){__VA_ARGS__},                                                \
              sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (is_64), (is_swapped))

static struct profile *good_cpu(const struct buf *b, struct diag *diag)
{
    struct err err = {0};
    struct profile *p = read_bytes(&legacy_cpu_format, b->data, b->len, diag, &err);
    if (!p)
        fail_msg("%s", err.msg);
    return p;
}

static void cpu_in_all_words(void **state)
{
    for (int i = 0; i < 4; i++) {
        AUTO_BUF b = {0};
        WORDS(&b, i / 2, i % 2, 0, 3, 0, 10000, 0);
        WORDS(&b, i / 2, i % 2, 2, 3, 0x1100, 0x1200, 0x1300, 1, 1, 0x1100, 0, 1, 0);
        buf_puts(&b, "1000-2000 r-xp 00000000 08:01 1 /bin/prog\n");
        struct profile *p = good_cpu(&b, NULL);
        assert_int_equal(p->n_samples, 2);
        assert_int_equal(p->period, 10000000);
        assert_int_equal(p->values[0], 2);
        assert_int_equal(p->values[1], 20000000);
        STACK(p, 0, 0x1100, 0x11ff, 0x12ff);
        STACK(p, 1, 0x1100);
        assert_int_equal(p->n_mappings, 1);
        assert_string_equal(profile_cstr(p, p->mappings[0].file), "/bin/prog");
        assert_int_equal(p->locations[0].mapping, 0);
        assert_non_null(strstr(profile_cstr(p, p->drop_frames), "__pthread_sighandler"));
        profile_free(p);
    }
}

static void cpu_frames_of_the_signal(void **state)
{
    AUTO_BUF b = {0};
    WORDS(&b, true, false, 0, 3, 0, 10000, 0);
    /* 0x20 and 0x30 are second in all; the leaf again, as a return address. */
    for (uint64_t i = 0; i < 40; i++)
        WORDS(&b, true, false, 1, 4, 0x1000 + i, 0x21, 0x31, 0x41 + i % 2);
    WORDS(&b, true, false, 1, 2, 0x2000, 0x2000, 0, 1, 0);
    struct profile *p = good_cpu(&b, NULL);
    assert_int_equal(p->n_samples, 41);
    STACK(p, 0, 0x1000, 0x40);
    STACK(p, 1, 0x1001, 0x41);
    STACK(p, 40, 0x2000);
    assert_int_equal(p->n_locations, 40 + 2 + 2); /* 0x1fff stays, unused */
    profile_free(p);
}

static void cpu_cut_off(void **state)
{
    AUTO_BUF b = {0};
    WORDS(&b, true, false, 0, 3, 0, 10000, 0, 7, 1, 0x1000, 7, 3, 0x1000, 0x2000);
    for (size_t cut = 0; cut < 32; cut++, b.len--) {
        struct diag diag;
        diag_init(&diag);
        struct profile *p = good_cpu(&b, &diag);
        assert_int_equal(p->n_samples, 1);
        assert_int_equal(diag.n, 1);
        assert_string_equal(diag.texts[0], "the profile is cut off at byte 64");
        profile_free(p);
        diag_release(&diag);
    }
    AUTO_BUF huge = {0};
    struct err err = {0};
    WORDS(&huge, true, false, 0, 3, 0, 10000, 0, 7, UINT64_MAX, 0x1000);
    assert_null(read_bytes(&legacy_cpu_format, huge.data, huge.len, NULL, &err));
    assert_string_equal(err.msg, "malformed profile: a stack of 18446744073709551615 addresses "
                                 "at byte 40");
    AUTO_BUF empty = {0};
    WORDS(&empty, true, false, 0, 3, 0, 10000, 0);
    struct profile *p = good_cpu(&empty, NULL);
    assert_int_equal(p->n_samples, 0);
    profile_free(p);
}

/* --- heap --- */

static void heap_is_unsampled(void **state)
{
    struct profile *p =
        good(&legacy_heap_format, "heap profile: 3: 6400 [ 10: 20000] @ heap_v2/1024\n"
                                  " 2: 4096 [ 3: 3072] @ 0x11 0x21\n"
                                  " 0: 0 [ 5: 50] @\n"
                                  "MAPPED_LIBRARIES:\n");
    assert_int_equal(p->n_types, 4);
    assert_string_equal(profile_cstr(p, p->types[3].type), "inuse_space");
    assert_int_equal(p->period, 1024);
    double one = 1 / (1 - exp(-1)), two = 1 / (1 - exp(-2));
    assert_int_equal(p->values[0], (int64_t)(3 * one));
    assert_int_equal(p->values[1], (int64_t)(3072 * one));
    assert_int_equal(p->values[2], (int64_t)(2 * two));
    assert_int_equal(p->values[3], (int64_t)(4096 * two));
    STACK(p, 0, 0x10, 0x20);
    assert_int_equal(p->labels[0].num, 2048);
    assert_int_equal(p->labels[1].num, 10); /* nothing is left: of what was allocated */
    assert_int_equal(p->values[7], 0);
    assert_non_null(strstr(profile_cstr(p, p->drop_frames), "|tc_malloc|"));
    assert_non_null(strstr(profile_cstr(p, p->keep_frames), "reflectcall"));
    profile_free(p);
}

static void heap_of_all_kinds(void **state)
{
    static const struct {
        const char *kind;
        int64_t period, objects, bytes;
        unsigned n_types;
    } kinds[] = {
        {"heapprofile", 1, 1, 512, 4}, {"heap/2048", 1024, 2, 1301, 4},
        {"heap_v2", 0, 1, 512, 4},     {"heapz_v2/1", 1, 1, 512, 4},
        {"growthz", 1, 1, 512, 2},     {"fragmentation", 1, 1, 512, 2},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        AUTO_BUF b = {0};
        buf_printf(&b, "heap profile: 1: 512 [2: 600] @ %s\n1: 512 [2: 600] @ 0x11\n",
                   kinds[i].kind);
        struct profile *p = good(&legacy_heap_format, buf_str(&b));
        assert_int_equal(p->n_types, kinds[i].n_types);
        assert_int_equal(p->period, kinds[i].period);
        assert_int_equal(p->values[p->n_types - 2], kinds[i].objects);
        assert_int_equal(p->values[p->n_types - 1], kinds[i].bytes);
        profile_free(p);
    }
}

#define HEAP "heap profile: 1: 2 [1: 2] @ heapprofile\n"

static void heap_refused(void **state)
{
    refused(&legacy_heap_format, "heap profile: 1: 2 [1: 2] @ heapxyz\n", "unknown kind of heap");
    refused(&legacy_heap_format, "heap profile: 1: 2 [1: 2] @ what\n", "unknown kind of heap");
    refused(&legacy_heap_format, "heap profile: 1: 2\n", "not this format");
    refused(&legacy_heap_format, HEAP "x\n", "not a sample at line 2: 'x'");
    refused(&legacy_heap_format, HEAP "\n1: 2 [1: 2]@ 0x1\n", "not a sample at line 3");
    refused(&legacy_heap_format, HEAP "0: 2 [1: 2] @ 0x1\n",
            "inuse count was 0 but inuse bytes was 2");
    refused(&legacy_heap_format, HEAP "1: 9223372036854775808 [1: 2] @ 0x1\n", "too large");
    refused(&legacy_heap_format, HEAP "1: 2 [1: 2] @ 0x1 0x10000000000000000\n",
            "an address is too large at line 2");
}

static void heap_signs(void **state)
{
    struct profile *p = good(&legacy_heap_format, "heap profile: 1: 2 [1: 2] @ growthz\n"
                                                  "x 7 -1: -9223372036854775808 [ 1: 2] @ 0x11\n");
    assert_int_equal(p->values[0], -1);
    assert_int_equal(p->values[1], INT64_MIN);
    assert_int_equal(p->labels[0].num, INT64_MIN);
    profile_free(p);
}

/* tcmalloc says so when it was not sampling. */
static void heap_with_a_warning(void **state)
{
    const char *text = "%warn\n%warn There is no\n%warn data.\n"
                       "heap profile: 0: 0 [ 0: 0] @ heap_v2/0\n\nMAPPED_LIBRARIES:\n";
    struct diag diag;
    struct err err = {0};
    diag_init(&diag);
    struct profile *p = read_bytes(&legacy_heap_format, text, strlen(text), &diag, &err);
    assert_non_null(p);
    assert_int_equal(p->n_samples, 0);
    assert_int_equal(diag.n, 1);
    assert_string_equal(diag.texts[0], "tcmalloc warns: There is no data.");
    diag_release(&diag);
    profile_free(p);
    refused(&legacy_heap_format, "%warn\nheap profile: 0: 0 [ 0: 0] @ nonsense\n", "unknown kind");
}

/* --- counts, threads, contention --- */

static void counts(void **state)
{
    struct profile *p = good(&legacy_count_format, "# a comment\n\nbirds profile: total 7\n"
                                                   "3 @ 0x11 0x21\n4 @ 0x21\n--- tail ---\nx\n"
                                                   "--- Memory map: ---\n0-100: /bin/prog\n");
    assert_string_equal(profile_cstr(p, p->types[0].type), "birds");
    assert_int_equal(p->n_samples, 2);
    STACK(p, 0, 0x10, 0x20);
    STACK(p, 1, 0x20);
    assert_string_equal(profile_cstr(p, p->mappings[0].file), "/bin/prog");
    profile_free(p);
    refused(&legacy_count_format, "a b profile: total 7\n", "not this format");
    refused(&legacy_count_format, "a profile: total 7x\n", "not this format");
    refused(&legacy_count_format, " profile: total 7\n", "not this format");
    refused(&legacy_count_format, "a profile: total 1\n1 @ 0x1 \n", "not a sample at line 2");
    refused(&legacy_count_format, "a profile: total 1\n1 @\n", "not a sample");
    refused(&legacy_count_format, "a profile: total 1\n08 @ 0x1\n", "not a sample");
    refused(&legacy_count_format, "a profile: total 1\n1 @ 0xfffffffffffffffff\n", "too large");
}

static void threads(void **state)
{
    struct profile *p = good(&legacy_thread_format, "--- threadz 1 ---\nhello\n\n"
                                                    "--- Thread 7f (name: a/1) stack: ---\n"
                                                    "  PC: 0x100 0x201: f(x)\n  creator: 0x301\n"
                                                    "--- Thread 7e (name: b/2) stack: ---\n"
                                                    "  [same as previous thread]\n"
                                                    "--- Thread 7d (name: c/3) stack: ---\n"
                                                    "  0x400\n"
                                                    "---- no stack trace for thread 9\n");
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->values[0], 2);
    assert_int_equal(p->values[1], 1);
    STACK(p, 0, 0x100, 0x200, 0x300);
    STACK(p, 1, 0x400);
    profile_free(p);
    /* The leaf again as its own caller. */
    p = good(&legacy_thread_format, "--- Thread 7f (name: a/1) stack: ---\n0x100 0x100 0x200\n");
    STACK(p, 0, 0x100, 0x1ff);
    profile_free(p);
    refused(&legacy_thread_format, "--- threadz 1 ---\n", "no threads");
    refused(&legacy_thread_format, "--- threadz 1 ---\n--- Thread 7f\n", "first line of a thread");
}

static void contention(void **state)
{
    struct profile *p = good(&legacy_contention_format,
                             "--- contentionz 1 ---\ncycles/second = 2000000000\n"
                             "sampling period = 100\nms since reset = 7\ndiscarded samples = 0\n"
                             "  20 3 @ 0x11 0x21\n 123 @ 0x31\n 1 2 3 @ 0x41\n");
    assert_int_equal(p->period, 100);
    assert_int_equal(p->duration_nanos, 7000000);
    const int64_t want[] = {300, 1000, 300, 600, 300, 100};
    assert_memory_equal(p->values, want, sizeof want);
    assert_non_null(strstr(profile_cstr(p, p->drop_frames), "SpinLock"));
    profile_free(p);
    p = good(&legacy_contention_format, "--- mutex:\nsampling period=0\n20 3 @ 0x11\n");
    assert_int_equal(p->values[0], 3);
    assert_int_equal(p->values[1], 20);
    profile_free(p);
    p = good(&legacy_contention_format, "--- contention:\n--- 1\n20 3 @ 0x11\n");
    assert_int_equal(p->n_samples, 0);
    profile_free(p);
    refused(&legacy_contention_format, "--- mutex:\nwhat = 5\n", "unknown attribute at line 2");
    refused(&legacy_contention_format, "--- mutex:\nsampling period = x\n", "bad number");
    refused(&legacy_contention_format, "--- mutex:\n1 @ 0x1\n", "not a sample");
}

/* --- what Go says in comments --- */

#define GO_TEXT                                                                                    \
    "goroutine profile: total 3\n"                                                                 \
    "2 @ 0x11 0x21 0x31 0x31 0x41 0x51\n"                                                          \
    "# labels: {\"k\":\"v\\n\\u00e9\\xff\\\"\", \"l\":\"\"}\n"                                     \
    "#\t0x20\tmain.inlined+0x1\t\t/a b.go:7\n"                                                     \
    "#\t0x20\tmain.f[go.shape.struct { X int }]+0x1\t/a b.go:9\n"                                  \
    "#\t0x30\tmain.self+0x2\t/a.go:3\n"                                                            \
    "#\t0x30\tmain.self+0x2\t/a.go:3\n"                                                            \
    "#\t0x40\tmain.main+0x1\t/a.go:1\n\n"                                                          \
    "1 @ 0x61\n"

static void go_comments(void **state)
{
    struct profile *p = good(&legacy_count_format, GO_TEXT);
    assert_int_equal(p->n_samples, 2);
    assert_string_equal(line_name(p, 0, 0), "runtime.<hidden>");
    assert_string_equal(line_name(p, 1, 0), "main.inlined");
    assert_string_equal(line_name(p, 1, 1), "main.f[go.shape.struct { X int }]");
    assert_int_equal(p->locations[1].n_lines, 2);
    assert_int_equal(p->locations[2].n_lines, 1);
    assert_string_equal(line_name(p, 2, 0), "main.self");
    assert_string_equal(line_name(p, 4, 0), "runtime.goexit");
    assert_int_equal(p->locations[5].n_lines, 0);
    assert_int_equal(p->lines[p->locations[1].first_line + 1].line, 9);
    assert_string_equal(profile_cstr(p, p->functions[1].filename), "/a b.go");
    assert_false(p->mappings[0].has_functions);
    assert_int_equal(p->label_first[1], 2);
    assert_int_equal(p->label_first[2], 2);
    assert_string_equal(profile_cstr(p, p->labels[0].str), "v\n\xc3\xa9\xff\"");
    profile_free(p);
    p = good(&legacy_contention_format, "--- mutex:\n1 2 @ 0x11\n#\t0x10\tmain.f+0x1\t/a.go:1\n");
    assert_true(p->mappings[0].has_functions && p->mappings[0].has_line_numbers);
    profile_free(p);
}

/* --- Java --- */

#define JAVA_HEAP                                                                                  \
    "--- heapz 1 ---\nformat = java\nresolution = bytes\n"                                         \
    "  1048576  2 @ 0x3 0x4 0x5 0x6 0x7\n\n"                                                       \
    " 0x3 a.B.c (B.java:12)\n 0x4 jni (/usr/lib/libjvm.so)\n 0x5 xx generated stub/JIT\n"          \
    " 0x6 GC\n 0x99 unused\n"

static void java_heap(void **state)
{
    struct profile *p = good(&legacy_java_format, JAVA_HEAP);
    double scale = 1 / (1 - exp(-1));
    assert_int_equal(p->values[0], (int64_t)(2 * scale));
    assert_int_equal(p->values[1], (int64_t)(1048576 * scale));
    assert_int_equal(p->labels[0].num, 524288);
    assert_int_equal(p->n_locations, 5);
    assert_string_equal(line_name(p, 0, 0), "a.B.c");
    assert_int_equal(p->lines[0].line, 12);
    assert_string_equal(line_name(p, 1, 0), "jni");
    assert_string_equal(profile_cstr(p, p->functions[1].filename), "libjvm.so");
    assert_string_equal(line_name(p, 2, 0), "STUB");
    assert_string_equal(line_name(p, 3, 0), "GC");
    assert_int_equal(p->locations[3].mapping, PROFILE_NONE);
    assert_int_equal(p->locations[4].n_lines, 0);
    assert_int_equal(p->locations[4].mapping, 0);
    assert_int_equal(p->locations[4].address, 0);
    profile_free(p);
}

static void java_contention(void **state)
{
    const char *text = "--- contentionz 1 ---\n format = java\nresolution = microseconds\n"
                       "sampling period = 100\nms since reset = 6\n 5 2 @ 0x3\n 0x3 f (a:3)\n";
    assert_false(
        legacy_java_format.probe((const uint8_t *)"--- contentionz 1 ---\n1 1 @ 0x1\n", 32));
    struct profile *p = good(&legacy_java_format, text);
    assert_int_equal(p->values[0], 200);
    assert_int_equal(p->values[1], 500);
    assert_string_equal(profile_cstr(p, p->types[1].unit), "microseconds");
    profile_free(p);
    refused(&legacy_java_format, "--- heapz 1 ---\nformat = c\n", "unknown format");
    refused(&legacy_java_format, "--- heapz 1 ---\nx = c\n", "unknown attribute at line 2");
    refused(&legacy_java_format, "--- heapz 1 ---\n 1 1 @ 0x3\n", "missing sample type");
    refused(&legacy_java_format, "--- heapz 1 ---\nresolution = bytes\n 1 0 @ 0x3\n",
            "second value must be non-zero");
}

/* --- all of them --- */

static const struct {
    const struct format_ops *ops;
    const char *text;
} samples[] = {
    {&legacy_heap_format, "heap profile: 1: 2 [ 1: 3] @ heap_v2/1024\n1: 2 [1: 3] @ 0x11 0x21\n"
                          "MAPPED_LIBRARIES:\na=b\n1000-2000 r-xp 00000010 08:01 1 /bin/$a\n"},
    {&legacy_count_format, GO_TEXT},
    {&legacy_thread_format, "--- Thread 7f (name: a/1) stack: ---\n0x100 0x100 0x200\n"
                            "--- Memory map: ---\n1000-2000: /bin/a\n"},
    {&legacy_contention_format, "--- contentionz 1 ---\nsampling period = 100\n 20 3 @ 0x11\n"},
    {&legacy_java_format, JAVA_HEAP},
};
#define N_SAMPLES (sizeof samples / sizeof *samples)

static void every_truncation_and_flip(void **state)
{
    for (size_t i = 0; i < N_SAMPLES; i++) {
        size_t whole = strlen(samples[i].text);
        for (size_t k = 0; k < 9 * whole; k++) {
            size_t len = k < whole ? k : whole;
            struct err err = {0};
            uint8_t *copy = malloc(len ? len : 1); /* exact, for the address sanitizer */
            memcpy(copy, samples[i].text, len);
            if (k >= whole)
                copy[k / 8 - whole / 8 < whole ? k / 8 - whole / 8 : 0] ^= (uint8_t)(1 << k % 8);
            struct profile *p = read_bytes(samples[i].ops, copy, len, NULL, &err);
            assert_true(p || (err.code == ERR_INPUT && err.msg[0]));
            profile_free(p);
            free(copy);
        }
    }
}

static void with_failures(const struct format_ops *ops, const void *data, size_t len)
{
    for (long k = 0;; k++) {
        struct err err = {0};
        alloc_countdown = k;
        struct profile *p = read_bytes(ops, data, len, NULL, &err);
        bool failed = alloc_countdown < 0;
        alloc_countdown = -1;
        /* Cutting a table to its size may fail without harm. */
        assert_true(p || (failed && err.code == ERR_NOMEM));
        profile_free(p);
        if (!failed)
            break;
        assert_true(k < 10000);
    }
}

/* Of those without regular expressions: RE2 does not survive it. */
static void every_allocation_fails(void **state)
{
    const char *mutex = "--- mutex:\n1 2 @ 0x11 0x21\n#\t0x10\tmain.f+0x1\t/a.go:1\n";
    AUTO_BUF b = {0};
    with_failures(&legacy_count_format, GO_TEXT, sizeof GO_TEXT - 1);
    with_failures(&legacy_contention_format, mutex, strlen(mutex));
    WORDS(&b, true, false, 0, 3, 0, 10000, 0, 7, 2, 0x1000, 0x2000, 0, 1, 0);
    with_failures(&legacy_cpu_format, b.data, b.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_in_all_words),
        cmocka_unit_test(cpu_frames_of_the_signal),
        cmocka_unit_test(cpu_cut_off),
        cmocka_unit_test(heap_is_unsampled),
        cmocka_unit_test(heap_of_all_kinds),
        cmocka_unit_test(heap_refused),
        cmocka_unit_test(heap_signs),
        cmocka_unit_test(heap_with_a_warning),
        cmocka_unit_test(counts),
        cmocka_unit_test(threads),
        cmocka_unit_test(contention),
        cmocka_unit_test(go_comments),
        cmocka_unit_test(java_heap),
        cmocka_unit_test(java_contention),
        cmocka_unit_test(every_truncation_and_flip),
        cmocka_unit_test(every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
