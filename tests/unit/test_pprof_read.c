/* The decoder against messages written field by field, and with every allocation
 * failing once. */
#include "alloc_fail.h"
#include "base/buf.h"
#include "base/gzip.h"
#include "format/pprof_read.h"
#include "proto_message.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void text(struct buf *b, const char *s)
{
    bytes(b, 6, s, strlen(s));
}

static void location(struct buf *b, uint64_t id, uint64_t mapping, uint64_t function)
{
    AUTO_BUF inner = {0};
    number(&inner, 1, id);
    number(&inner, 2, mapping);
    number(&inner, 3, 0x1000 + id);
    if (function)
        MESSAGE(&inner, 4, (int64_t)function, 42, -1);
    bytes(b, 4, inner.data, inner.len);
}

/* Packed ids and values. */
static void sample(struct buf *b, const uint64_t *ids, size_t n_ids, int64_t value)
{
    AUTO_BUF inner = {0}, packed = {0};
    for (size_t i = 0; i < n_ids; i++)
        varint(&packed, ids[i]);
    bytes(&inner, 1, packed.data, packed.len);
    buf_clear(&packed);
    varint(&packed, (uint64_t)value);
    bytes(&inner, 2, packed.data, packed.len);
    bytes(b, 2, inner.data, inner.len);
}

#define SAMPLE(b, value, ...)                                                                      \
    sample((b), (const uint64_t[]){__VA_ARGS__},                                                   \
           sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (value))

enum { CPU = 1, NS, F, PID, UNIT, KERNEL, CPU_AGAIN, EMPTY_AGAIN, N_TEXTS };

static void strings(struct buf *b)
{
    static const char *const texts[] = {
        "", "cpu", "ns", "f", "pid", "B", "[kernel.kallsyms]_text", "cpu", ""};
    for (int i = 0; i < N_TEXTS; i++)
        text(b, texts[i]);
}

/* What every test starts from: one type, the strings, mapping 1, function 1,
 * locations 1 and 2. */
static void start(struct buf *b)
{
    MESSAGE(b, 1, CPU, NS);
    strings(b);
    MESSAGE(b, 3, 1, 0x1000, 0x9000, 0, KERNEL);
    MESSAGE(b, 5, 1, F, F, -1, 40);
    location(b, 1, 1, 1);
    location(b, 2, 0, 0);
}

static struct profile *read_buf(const struct buf *b, struct err *err)
{
    return pprof_read((const uint8_t *)buf_str(b), b->len, NULL, err);
}

static struct profile *good(const struct buf *b)
{
    struct err err = {0};
    struct profile *p = read_buf(b, &err);
    if (!p)
        fail_msg("%s", err.msg);
    return p;
}

static void refused(const struct buf *b, const char *part)
{
    struct err err = {0};
    struct profile *p = read_buf(b, &err);
    profile_free(p);
    assert_null(p);
    assert_int_equal(err.code, ERR_INPUT);
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" has no \"%s\"", err.msg, part);
}

static void a_whole_profile(void **state)
{
    AUTO_BUF b = {0};
    start(&b);
    SAMPLE(&b, 7, 1, 2, 1);
    SAMPLE(&b, -1, 2);
    number(&b, 9, 1234);
    number(&b, 10, 99);
    MESSAGE(&b, 11, CPU, NS);
    number(&b, 12, 100);
    number(&b, 13, F);
    number(&b, 14, CPU_AGAIN);
    struct profile *p = good(&b);
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->stack_first[1], 3);
    assert_int_equal(p->stack_first[2], 4);
    const uint32_t locs[] = {0, 1, 0, 1};
    assert_memory_equal(p->stack_locs, locs, sizeof locs);
    assert_int_equal(p->values[0], 7);
    assert_int_equal(p->values[1], -1);
    assert_null(p->label_first);
    assert_int_equal(p->n_locations, 2);
    assert_int_equal(p->locations[0].mapping, 0);
    assert_int_equal(p->locations[0].address, 0x1001);
    assert_int_equal(p->lines[p->locations[0].first_line].line, 42);
    assert_int_equal(p->locations[1].mapping, PROFILE_NONE);
    assert_int_equal(p->locations[1].n_lines, 0);
    assert_string_equal(profile_cstr(p, p->functions[0].name), "f");
    assert_int_equal(p->functions[0].start_line, 40);
    assert_string_equal(profile_cstr(p, p->mappings[0].kernel_relocation_symbol), "_text");
    assert_int_equal(p->time_nanos, 1234);
    assert_int_equal(p->duration_nanos, 99);
    assert_int_equal(p->period, 100);
    assert_int_equal(p->n_comments, 1);
    assert_int_equal(p->default_type, p->types[0].type); /* equal texts, equal ids */
    profile_free(p);
}

static void fields_in_any_order(void **state)
{
    AUTO_BUF b = {0};
    SAMPLE(&b, 1, 1, 2, 3, 4);
    location(&b, 4, 0, 0);
    SAMPLE(&b, 2, 4, 3, 2, 1);
    for (uint64_t id = 1; id < 4; id++)
        location(&b, id, 77, 0); /* mapping 77 does not exist: none */
    MESSAGE(&b, 1, CPU, NS);
    strings(&b);
    struct profile *p = good(&b);
    const uint32_t locs[] = {1, 2, 3, 0, 0, 3, 2, 1};
    assert_memory_equal(p->stack_locs, locs, sizeof locs);
    assert_int_equal(p->locations[1].mapping, PROFILE_NONE);
    assert_int_equal(p->values[1], 2);
    profile_free(p);
}

/* Ids of every length, so that pairs end anywhere in the 8 bytes looked at. */
static void ids_of_all_sizes(void **state)
{
    AUTO_BUF b = {0};
    uint64_t ids[200];
    size_t n = 0;
    start(&b);
    for (unsigned shift = 4; shift < 64; shift++) {
        ids[n++] = (uint64_t)1 << shift;
        ids[n++] = (uint64_t)1 << shift | 5;
        if (shift % 3 == 0)
            ids[n++] = UINT64_MAX - shift;
    }
    for (size_t i = 0; i < n; i++)
        location(&b, ids[i], 0, 0);
    sample(&b, ids, n, 1);
    for (size_t i = 0; i + 1 < n; i++) /* short ones beside long ones */
        SAMPLE(&b, 1, ids[i], 1, ids[n - 1 - i], 2, ids[i]);
    struct profile *p = good(&b);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(p->stack_locs[i], i + 2);
    for (size_t i = 0; i + 1 < n; i++) {
        const uint32_t *locs = p->stack_locs + p->stack_first[i + 1];
        assert_int_equal(locs[0], i + 2);
        assert_int_equal(locs[1], 0);
        assert_int_equal(locs[2], n - 1 - i + 2);
        assert_int_equal(locs[3], 1);
        assert_int_equal(locs[4], i + 2);
    }
    profile_free(p);
}

/* Functions and mappings, too, whatever their ids are and in whatever order they are used. */
static void ids_in_locations_of_all_sizes(void **state)
{
    static const uint64_t ids[] = {7, UINT32_MAX - 1ull, UINT32_MAX,        UINT32_MAX + 1ull,
                                   9, UINT64_MAX - 1,    UINT32_MAX + 2ull, 1ull << 63,
                                   8};
    enum { N_IDS = sizeof ids / sizeof *ids };
    AUTO_BUF b = {0};
    start(&b);
    for (size_t i = 0; i < N_IDS; i++) {
        AUTO_BUF mapping = {0}, function = {0};
        number(&mapping, 1, ids[i]);
        number(&function, 1, ids[i]);
        bytes(&b, 3, mapping.data, mapping.len);
        bytes(&b, 5, function.data, function.len);
    }
    for (size_t i = 0; i < N_IDS * N_IDS; i++)
        location(&b, 3 + i, ids[i % N_IDS], i % 7 ? ids[i / N_IDS] : 0);
    location(&b, 1000, UINT32_MAX - 2ull, 1); /* is not there */
    location(&b, 1001, UINT32_MAX + 3ull, 1);
    struct profile *p = good(&b);
    for (uint32_t i = 0; i < N_IDS * N_IDS; i++) {
        const struct profile_location *l = &p->locations[2 + i];
        assert_int_equal(l->mapping, 1 + i % N_IDS);
        assert_int_equal(l->n_lines, i % 7 ? 1 : 0);
        if (l->n_lines)
            assert_int_equal(p->lines[l->first_line].function, 1 + i / N_IDS);
    }
    assert_int_equal(p->locations[2 + N_IDS * N_IDS].mapping, PROFILE_NONE);
    assert_int_equal(p->locations[3 + N_IDS * N_IDS].mapping, PROFILE_NONE);
    profile_free(p);
}

static void single_and_packed_mix(void **state)
{
    AUTO_BUF b = {0}, inner = {0};
    start(&b);
    number(&inner, 1, 2);
    bytes(&inner, 1, "\1\2\1", 3);
    number(&inner, 2, 5);
    number(&inner, 1, 2);
    varint(&inner, 99 << 3 | 1); /* unknown fields are skipped */
    buf_add(&inner, "12345678", 8);
    varint(&inner, 98 << 3 | 5);
    buf_add(&inner, "1234", 4);
    bytes(&inner, 97, "xyz", 3);
    bytes(&b, 2, inner.data, inner.len);
    number(&b, 200, 1);
    struct profile *p = good(&b);
    const uint32_t locs[] = {1, 0, 1, 0, 1};
    assert_int_equal(p->stack_first[1], 5);
    assert_memory_equal(p->stack_locs, locs, sizeof locs);
    assert_int_equal(p->values[0], 5);
    profile_free(p);
}

static void labels(void **state)
{
    AUTO_BUF b = {0}, inner = {0};
    start(&b);
    SAMPLE(&b, 1, 1);
    number(&inner, 2, 5);
    MESSAGE(&inner, 3, PID, F);               /* text */
    MESSAGE(&inner, 3, PID, -1, 12, UNIT);    /* number */
    MESSAGE(&inner, 3, PID, -1, -1, -1);      /* nothing: dropped, as in Go */
    MESSAGE(&inner, 3, PID, F, 3, UNIT);      /* text wins */
    MESSAGE(&inner, 3, PID, EMPTY_AGAIN, -1); /* text "", not at index 0 */
    bytes(&b, 2, inner.data, inner.len);
    struct profile *p = good(&b);
    assert_int_equal(p->label_first[1], 0);
    assert_int_equal(p->label_first[2], 4);
    assert_false(p->labels[0].is_num);
    assert_string_equal(profile_cstr(p, p->labels[0].key), "pid");
    assert_string_equal(profile_cstr(p, p->labels[0].str), "f");
    assert_true(p->labels[1].is_num);
    assert_int_equal(p->labels[1].num, 12);
    assert_string_equal(profile_cstr(p, p->labels[1].unit), "B");
    assert_false(p->labels[2].is_num);
    assert_int_equal(p->labels[2].num, 0);
    assert_false(p->labels[3].is_num);
    assert_int_equal(p->labels[3].str, 0);
    profile_free(p);
}

/* Other fields between the samples, labels at some. */
static void check_samples(unsigned n)
{
    AUTO_BUF b = {0}, inner = {0};
    start(&b);
    for (unsigned i = 0; i < n; i++) {
        SAMPLE(&b, i, 1 + i % 2, 1, 2);
        if (i % 1000 == 0)
            number(&b, 10, i);
    }
    number(&inner, 2, 5);
    MESSAGE(&inner, 3, PID, -1, 12, UNIT);
    bytes(&b, 2, inner.data, inner.len);
    struct profile *p = good(&b);
    assert_int_equal(p->n_samples, n + 1);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(p->stack_first[i], 3 * i);
        assert_int_equal(p->stack_locs[3 * i], i % 2);
        assert_int_equal(p->values[i], i);
        assert_int_equal(p->label_first[i], 0);
    }
    assert_int_equal(p->label_first[n], 0);
    assert_int_equal(p->label_first[n + 1], 1);
    assert_int_equal(p->labels[0].num, 12);
    profile_free(p);
    size_t len = b.len;
    SAMPLE(&b, 1, 3);
    refused(&b, "location 3, which does not exist at byte");
    b.len = len;
    buf_clear(&inner);
    bytes(&inner, 2, "\1\2\3", 3);
    bytes(&b, 2, inner.data, inner.len);
    refused(&b, "mismatch: sample has 3 values vs. 1 types at byte");
}

/* More than a chunk holds. */
static void many_chunks(void **state)
{
    check_samples(20000);
}

/* So many that threads share them. */
static void enough_for_threads(void **state)
{
    check_samples(400000);
}

static void no_samples_is_fine(void **state)
{
    AUTO_BUF b = {0};
    text(&b, "");
    struct profile *p = good(&b);
    assert_int_equal(p->n_samples, 0);
    assert_int_equal(p->stack_first[0], 0);
    assert_int_equal(p->n_types, 0);
    profile_free(p);
}

static void bytes_that_are_not_text(void **state)
{
    AUTO_BUF b = {0};
    text(&b, "");
    bytes(&b, 6, "\xff\xfe\0x", 4);
    MESSAGE(&b, 5, 1, 1);
    struct profile *p = good(&b);
    struct str name = profile_str(p, p->functions[0].name);
    assert_int_equal(name.len, 4);
    assert_memory_equal(name.p, "\xff\xfe\0x", 5);
    profile_free(p);
}

#define REFUSED(part, ...)                                                                         \
    do {                                                                                           \
        AUTO_BUF b = {0};                                                                          \
        start(&b);                                                                                 \
        __VA_ARGS__;                                                                               \
        refused(&b, part);                                                                         \
    } while (0)

static void bad_references(void **state)
{
    REFUSED("mapping with reserved id 0", MESSAGE(&b, 3, -1, 5));
    REFUSED("multiple mappings with same id: 1", MESSAGE(&b, 3, 1));
    REFUSED("function with reserved id 0", MESSAGE(&b, 5, -1, F));
    REFUSED("multiple functions with same id: 1", MESSAGE(&b, 5, 1));
    REFUSED("location with reserved id 0", location(&b, 0, 0, 0));
    REFUSED("multiple locations with same id: 2", location(&b, 2, 0, 0));
    REFUSED("multiple locations with same id: 9000",
            (location(&b, 9000, 0, 0), location(&b, 9000, 0, 0)));
    REFUSED("location id: 3 has a line with unknown function 8", location(&b, 3, 0, 8));
    REFUSED("location id: 3 has a line with unknown function 4294967295",
            location(&b, 3, 0, UINT32_MAX));
    REFUSED("location id: 3 has a line with unknown function 4294967297",
            location(&b, 3, 0, UINT32_MAX + 2ull));
    REFUSED("location 0, which does not exist", SAMPLE(&b, 1, 0));
    REFUSED("location 3, which does not exist", SAMPLE(&b, 1, 1, 2, 1, 3, 1));
    REFUSED("location 18446744073709551615", SAMPLE(&b, 1, UINT64_MAX));
    REFUSED("function refers to a string past", MESSAGE(&b, 5, 2, N_TEXTS));
    REFUSED("function refers to a string past", MESSAGE(&b, 5, 2, -2));
    REFUSED("default sample type refers", number(&b, 14, N_TEXTS));
    REFUSED("comment refers", number(&b, 13, UINT64_MAX));
    REFUSED("comment refers", bytes(&b, 13, "\1\2\44", 3));
}

static void bad_samples(void **state)
{
    AUTO_BUF inner = {0}, typeless = {0};
    REFUSED("mismatch: sample has 0 values vs. 1 types", bytes(&b, 2, "", 0));
    REFUSED("mismatch: sample has 2 values vs. 1 types", bytes(&b, 2, "\x10\1\x10\1", 4));
    REFUSED("has wire type 2 instead of 0", bytes(&b, 2, "\x10\1\x1a\2\x0a\0", 6));
    REFUSED("label refers to string 99",
            (MESSAGE(&inner, 3, 99), number(&inner, 2, 1), bytes(&b, 2, inner.data, inner.len)));
    REFUSED("bad location id", bytes(&b, 2, "\x10\1\x0a\2\1\x80", 6));
    REFUSED("bad location id",
            bytes(&b, 2, "\x10\1\x0a\xb\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\1", 15));
    text(&typeless, "");
    SAMPLE(&typeless, 1, 1);
    refused(&typeless, "missing sample type information");
}

static void bad_wire(void **state)
{
    REFUSED("unknown wire type 3 at byte", varint(&b, 1 << 3 | 3));
    REFUSED("field 1 has wire type 0 instead of 2", number(&b, 1, 5));
    REFUSED("field 9 has wire type 2 instead of 0", bytes(&b, 9, "x", 1));
    REFUSED("concatenated profiles", (number(&b, 9, 5), number(&b, 9, 6)));
    REFUSED("truncated: field 6 claims", (varint(&b, 6 << 3 | 2), varint(&b, UINT64_MAX)));
    REFUSED("bad or truncated number", buf_putc(&b, (char)0x80));
    REFUSED("truncated in field 99", varint(&b, 99 << 3 | 5));
    AUTO_BUF c = {0};
    refused(&c, "empty input file");
    number(&c, 12, 5);
    refused(&c, "no string table");
    text(&c, "x");
    refused(&c, "string_table[0] is not ''");
}

static void every_truncation(void **state)
{
    AUTO_BUF b = {0};
    start(&b);
    SAMPLE(&b, 7, 1, 2, 1, 2, 1, 2, 1, 2);
    number(&b, 9, 1234);
    size_t whole = b.len;
    for (size_t len = 0; len <= whole; len++) {
        struct err err = {0};
        uint8_t *copy = malloc(len ? len : 1); /* exact, for the address sanitizer */
        memcpy(copy, b.data, len);
        struct profile *p = pprof_read(copy, len, NULL, &err);
        assert_true(p || err.code == ERR_INPUT);
        assert_true(p || len < whole);
        profile_free(p);
        free(copy);
    }
}

static void every_flipped_byte(void **state)
{
    AUTO_BUF b = {0};
    start(&b);
    SAMPLE(&b, 7, 1, 2, 1, 2, 1, 2, 1, 2);
    for (size_t i = 0; i < b.len * 8; i++) {
        struct err err = {0};
        b.data[i / 8] ^= (char)(1 << i % 8);
        struct profile *p = read_buf(&b, &err);
        assert_true(p || err.code == ERR_INPUT);
        profile_free(p);
        b.data[i / 8] ^= (char)(1 << i % 8);
    }
}

static struct profile *read_file(const char *name, const void *data, size_t len, struct err *err)
{
    AUTO_FILE file = {len ? memcpy(malloc(len), data, len) : NULL, len, false};
    return format_read(name, &file, NULL, err);
}

static void files(void **state)
{
    AUTO_BUF b = {0};
    struct err err = {0};
    uint8_t *packed;
    size_t n;
    start(&b);
    SAMPLE(&b, 7, 1);
    assert_true(gzip_deflate(b.data, b.len, 6, &packed, &n, &err));
    struct profile *p = read_file("x.pb.gz", packed, n, &err);
    assert_non_null(p);
    profile_free(p);
    assert_null(read_file("x.pb.gz", packed, n - 9, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.msg, "cannot read 'x.pb.gz': "));
    free(packed);
    assert_null(read_file("x", "hello, world", 12, &err));
    assert_string_equal(err.msg, "cannot read 'x': unrecognized profile format");
    assert_null(read_file("x", NULL, 0, &err));
    assert_string_equal(err.msg, "cannot read 'x': empty input file");
    assert_null(read_file("x", b.data, b.len - 1, &err));
    assert_non_null(strstr(err.msg, "cannot read 'x': malformed profile: truncated"));
}

static void every_allocation_fails(void **state)
{
    AUTO_BUF b = {0}, inner = {0};
    start(&b);
    location(&b, 1000, 0, 1);
    MESSAGE(&b, 3, 5000);
    number(&inner, 2, 5);
    MESSAGE(&inner, 3, PID, F);
    bytes(&b, 2, inner.data, inner.len);
    SAMPLE(&b, 7, 1, 2, 1000);
    number(&b, 13, F);
    for (long k = 0;; k++) {
        struct err err = {0};
        alloc_countdown = k;
        struct profile *p = read_buf(&b, &err);
        bool failed = alloc_countdown < 0;
        alloc_countdown = -1;
        /* Cutting a table to its size may fail without harm. */
        assert_true(p || (failed && err.code == ERR_NOMEM));
        profile_free(p);
        if (!failed)
            break;
        assert_true(k < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_profile),
        cmocka_unit_test(fields_in_any_order),
        cmocka_unit_test(ids_of_all_sizes),
        cmocka_unit_test(ids_in_locations_of_all_sizes),
        cmocka_unit_test(single_and_packed_mix),
        cmocka_unit_test(labels),
        cmocka_unit_test(many_chunks),
        cmocka_unit_test(enough_for_threads),
        cmocka_unit_test(no_samples_is_fine),
        cmocka_unit_test(bytes_that_are_not_text),
        cmocka_unit_test(bad_references),
        cmocka_unit_test(bad_samples),
        cmocka_unit_test(bad_wire),
        cmocka_unit_test(every_truncation),
        cmocka_unit_test(every_flipped_byte),
        cmocka_unit_test(files),
        cmocka_unit_test(every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
