/* Lists of buckets as Go's runtime has them, and as nobody should. */
#include "fake_go.h"
#include "go/go_buckets.h"

enum { HEADER = 48, N_FUTURE = 3 };

static void set_layout(struct fake_go *fake, bool has_bytes)
{
    uint16_t *at = fake->program.layout.at;
    at[GO_BUCKET_SIZE] = HEADER;
    at[GO_BUCKET_ALLNEXT] = 8;
    at[GO_BUCKET_TYP] = 16;
    at[GO_BUCKET_BYTES] = 32;
    at[GO_BUCKET_NSTK] = 40;
    at[GO_MEMCYCLE_SIZE] = has_bytes ? 32 : 16;
    at[GO_MEMRECORD_SIZE] = (uint16_t)(at[GO_MEMCYCLE_SIZE] * (1 + N_FUTURE));
    at[GO_MEMRECORD_ACTIVE] = 0;
    at[GO_MEMRECORD_FUTURE] = at[GO_MEMCYCLE_SIZE];
    at[GO_MEMCYCLE_ALLOCS] = 0;
    at[GO_MEMCYCLE_FREES] = 8;
    at[GO_MEMCYCLE_ALLOC_BYTES] = has_bytes ? 16 : GO_NO_FIELD;
    at[GO_MEMCYCLE_FREE_BYTES] = has_bytes ? 24 : GO_NO_FIELD;
    at[GO_BLOCKRECORD_COUNT] = 0;
    at[GO_BLOCKRECORD_CYCLES] = 8;
}

/* A bucket with two addresses; its record is what comes after. */
static uint64_t put_bucket(struct fake_go *fake, uint64_t address, uint64_t next, uint64_t type,
                           uint64_t size)
{
    fake_put(fake, address + 8, next, 8);
    fake_put(fake, address + 16, type, 8);
    fake_put(fake, address + 32, size, 8);
    fake_put(fake, address + 40, 2, 8);
    fake_put(fake, address + HEADER, address + 1, 8);
    fake_put(fake, address + HEADER + 8, address + 2, 8);
    return address + HEADER + 16;
}

/* cycle 0 is `active`, then those that are counted ahead. */
static void put_cycle(struct fake_go *fake, uint64_t record, unsigned cycle, uint64_t allocs,
                      uint64_t frees, uint64_t size)
{
    uint64_t n_bytes = fake->program.layout.at[GO_MEMCYCLE_SIZE];
    record += cycle * n_bytes;
    fake_put(fake, record, allocs, 8);
    fake_put(fake, record + 8, frees, 8);
    if (n_bytes == 32) {
        fake_put(fake, record + 16, allocs * size, 8);
        fake_put(fake, record + 24, frees * size, 8);
    }
}

static void set_cycle(struct fake_go *fake, uint32_t cycle, bool is_flushed)
{
    fake_put(fake, fake_variable(GO_VAR_MPROF_CYCLE), cycle << 1 | is_flushed, 4);
}

#define FIRST (FAKE_BASE + 0xfff8u) /* over the end of a block that is read ahead */
#define SECOND (FAKE_BASE + 0x30000u)

static void read_ok(struct fake_go *fake, enum go_global head, struct go_buckets *buckets)
{
    struct err err = {0};
    if (!go_buckets_read(&fake->program, head, buckets, &err))
        fail_msg("%s", err.msg);
}

static void expect_failure(struct fake_go *fake, const char *what)
{
    struct go_buckets buckets;
    struct err err = {0};
    assert_false(go_buckets_read(&fake->program, GO_VAR_MBUCKETS, &buckets, &err));
    if (!strstr(err.msg, what))
        fail_msg("'%s' does not say '%s'", err.msg, what);
}

static void check_published(bool has_bytes)
{
    struct fake_go fake;
    struct go_buckets buckets;
    fake_start(&fake);
    set_layout(&fake, has_bytes);
    fake_put(&fake, fake_variable(GO_VAR_MBUCKETS), FIRST, 8);
    uint64_t record = put_bucket(&fake, FIRST, SECOND, 1, 100);
    put_cycle(&fake, record, 0, 10, 4, 100);
    put_cycle(&fake, record, 1, 1000, 500, 100);
    put_cycle(&fake, record, 2, 3, 2, 100); /* of the cycle that is about to be added */
    put_cycle(&fake, record, 3, 2000, 1, 100);
    put_bucket(&fake, SECOND, 0, 1, 8);
    set_cycle(&fake, 7, true);
    read_ok(&fake, GO_VAR_MBUCKETS, &buckets);
    assert_int_equal(buckets.items.n, 2);
    const struct go_bucket *b = &buckets.items.items[0];
    assert_int_equal(b->n_allocs, 13);
    assert_int_equal(b->n_frees, 6);
    assert_int_equal(b->alloc_bytes, 1300);
    assert_int_equal(b->free_bytes, 600);
    assert_int_equal(b->size, 100);
    assert_int_equal(b->n_pcs, 2);
    assert_int_equal(buckets.pcs.items[b->first_pc + 1], FIRST + 2);
    assert_int_equal(b[1].n_allocs, 0);
    assert_int_equal(buckets.pcs.items[b[1].first_pc], SECOND + 1);
    assert_false(buckets.is_torn);
    go_buckets_release(&buckets);
    fake_end(&fake);
}

static void test_published(void **state)
{
    (void)state;
    check_published(true);
    check_published(false);
}

/* Before the first collection Go shows all that it has counted. */
static void test_before_the_first_collection(void **state)
{
    (void)state;
    struct fake_go fake;
    struct go_buckets buckets;
    fake_start(&fake);
    set_layout(&fake, true);
    fake_put(&fake, fake_variable(GO_VAR_MBUCKETS), FIRST, 8);
    uint64_t record = put_bucket(&fake, FIRST, 0, 1, 100);
    put_cycle(&fake, record, 3, 5, 0, 100);
    set_cycle(&fake, 0, false);
    read_ok(&fake, GO_VAR_MBUCKETS, &buckets);
    assert_int_equal(buckets.items.items[0].n_allocs, 5);
    assert_int_equal(buckets.items.items[0].alloc_bytes, 500);
    go_buckets_release(&buckets);
    fake_end(&fake);
}

static void end_collection_once(struct fake_go *fake, uint64_t address)
{
    if (address == fake_variable(GO_VAR_MPROF_CYCLE) || address < SECOND - 0x10000)
        return;
    set_cycle(fake, 2, false);
    fake->on_read = NULL;
}

static unsigned n_cycles;
static void end_collection_each_time(struct fake_go *fake, uint64_t address)
{
    if (address == fake_variable(GO_VAR_MBUCKETS))
        set_cycle(fake, ++n_cycles, false);
}

/* A collection ends while the list is read. */
static void test_moving(void **state)
{
    (void)state;
    struct fake_go fake;
    struct go_buckets buckets;
    fake_start(&fake);
    set_layout(&fake, true);
    fake_put(&fake, fake_variable(GO_VAR_MBUCKETS), FIRST, 8);
    put_cycle(&fake, put_bucket(&fake, FIRST, SECOND, 1, 100), 2, 1, 0, 100);
    put_cycle(&fake, put_bucket(&fake, SECOND, 0, 1, 100), 3, 2, 0, 100);
    set_cycle(&fake, 1, true);
    fake.on_read = end_collection_once;
    read_ok(&fake, GO_VAR_MBUCKETS, &buckets);
    assert_false(buckets.is_torn);
    assert_int_equal(buckets.items.items[0].n_allocs, 0);
    assert_int_equal(buckets.items.items[1].n_allocs, 2);
    go_buckets_release(&buckets);
    fake.on_read = end_collection_each_time;
    read_ok(&fake, GO_VAR_MBUCKETS, &buckets);
    assert_true(buckets.is_torn);
    assert_int_equal(buckets.items.n, 2);
    go_buckets_release(&buckets);
    fake_end(&fake);
}

static void test_blocked(void **state)
{
    (void)state;
    struct fake_go fake;
    struct go_buckets buckets;
    fake_start(&fake);
    set_layout(&fake, true);
    double count = 2.75;
    uint64_t bits;
    memcpy(&bits, &count, 8);
    fake_put(&fake, fake_variable(GO_VAR_XBUCKETS), FIRST, 8);
    uint64_t record = put_bucket(&fake, FIRST, 0, 3, 0);
    fake_put(&fake, record, bits, 8);
    fake_put(&fake, record + 8, (uint64_t)-5, 8);
    read_ok(&fake, GO_VAR_XBUCKETS, &buckets);
    assert_true(buckets.items.items[0].count == 2.75);
    assert_int_equal(buckets.items.items[0].cycles, -5);
    go_buckets_release(&buckets);
    /* No list is an empty one. */
    read_ok(&fake, GO_VAR_BBUCKETS, &buckets);
    assert_int_equal(buckets.items.n, 0);
    go_buckets_release(&buckets);
    fake_end(&fake);
}

static void test_hostile(void **state)
{
    (void)state;
    struct fake_go fake;
    fake_start(&fake);
    set_layout(&fake, true);
    uint64_t head = fake_variable(GO_VAR_MBUCKETS);
    fake_put(&fake, head, FIRST, 8);
    put_bucket(&fake, FIRST, SECOND, 1, 1);
    put_bucket(&fake, SECOND, FIRST, 1, 1);
    expect_failure(&fake, "it goes round");
    put_bucket(&fake, SECOND, SECOND, 1, 1);
    expect_failure(&fake, "it goes round");
    put_bucket(&fake, SECOND, 0, 2, 1);
    expect_failure(&fake, "something else than a bucket");
    put_bucket(&fake, SECOND, 0, 1, 1);
    fake_put(&fake, SECOND + 40, 1025, 8);
    expect_failure(&fake, "something else than a bucket");
    fake_put(&fake, SECOND + 40, UINT64_MAX, 8);
    expect_failure(&fake, "something else than a bucket");
    put_bucket(&fake, FIRST, SECOND + 4, 1, 1);
    expect_failure(&fake, "a bucket");
    /* Not written to by any program: code, or nothing. */
    put_bucket(&fake, FIRST, FAKE_BASE + FAKE_BYTES / 2, 1, 1);
    expect_failure(&fake, "there is no data");
    put_bucket(&fake, FIRST, 0xfffffffffffffff8, 1, 1);
    expect_failure(&fake, "there is no data");
    /* Its record reaches out of what is mapped. */
    put_bucket(&fake, FIRST, FAKE_BASE + FAKE_BYTES / 2 - 64, 1, 1);
    put_bucket(&fake, FAKE_BASE + FAKE_BYTES / 2 - 64, 0, 1, 1);
    expect_failure(&fake, "there is no data");
    /* A layout that says nonsense. */
    fake.program.layout.at[GO_BUCKET_NSTK] = 48;
    expect_failure(&fake, "not known");
    fake_end(&fake);
}

/* Neighbours are read in one go. */
static void test_reads(void **state)
{
    (void)state;
    enum { N = 2000, APART = HEADER + 16 + 128 };
    struct fake_go fake;
    struct go_buckets buckets;
    fake_start(&fake);
    set_layout(&fake, true);
    uint64_t first = FAKE_BASE + 0x10000;
    for (uint64_t i = 0; i < N; i++)
        put_bucket(&fake, first + i * APART, i + 1 < N ? first + (i + 1) * APART : 0, 1, 16);
    fake_put(&fake, fake_variable(GO_VAR_MBUCKETS), first, 8);
    put_cycle(&fake, first + HEADER + 16, 0, 1, 0, 16);
    read_ok(&fake, GO_VAR_MBUCKETS, &buckets);
    assert_int_equal(buckets.items.n, N);
    assert_true(fake.n_reads < 4 + N * APART / 16384);
    go_buckets_release(&buckets);
    fake_end(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published), cmocka_unit_test(test_before_the_first_collection),
        cmocka_unit_test(test_moving),    cmocka_unit_test(test_blocked),
        cmocka_unit_test(test_hostile),   cmocka_unit_test(test_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
