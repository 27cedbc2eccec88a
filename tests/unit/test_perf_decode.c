/* Perf records as the kernel lays them out, and cut ones. */
#include "os/perf_ring.h"
#include "unit.h"

struct raw {
    _Alignas(8) uint8_t bytes[512];
    size_t n;
};

static void put(struct raw *raw, const void *data, size_t n)
{
    memcpy(raw->bytes + raw->n, data, n);
    raw->n += n;
}

static void put_u64(struct raw *raw, uint64_t value)
{
    put(raw, &value, sizeof value);
}

static void put_ids(struct raw *raw, uint32_t a, uint32_t b)
{
    put(raw, &a, sizeof a);
    put(raw, &b, sizeof b);
}

static void start(struct raw *raw, uint32_t type, uint16_t misc)
{
    *raw = (struct raw){0};
    put(raw, &(struct perf_event_header){.type = type, .misc = misc}, 8);
}

static const struct perf_event_header *done(struct raw *raw)
{
    struct perf_event_header *header = (void *)raw->bytes;
    header->size = (uint16_t)raw->n;
    return header;
}

static void make_sample(struct raw *raw)
{
    start(raw, PERF_RECORD_SAMPLE, 0);
    put_u64(raw, 0x1000); /* ip */
    put_ids(raw, 7, 8);
    put_u64(raw, 12345); /* time */
    put_u64(raw, 2);
    put_u64(raw, (uint64_t)PERF_CONTEXT_USER);
    put_u64(raw, 0x1000);
    put_u64(raw, PERF_SAMPLE_REGS_ABI_64);
    put_u64(raw, 0xb9); /* in the order of the registers' numbers: bp, sp, ip */
#if defined(__aarch64__)
    put_u64(raw, 0x30);
#endif
    put_u64(raw, 0x59);
    put_u64(raw, 0x1c);
#if defined(__x86_64__)
    put_u64(raw, 0x14);
#endif
    put_u64(raw, 16);
    put_u64(raw, 0x1111);
    put_u64(raw, 0x2222);
    put_u64(raw, 8); /* of the 16, those that are filled */
}

static void a_sample(void **state)
{
    struct raw raw;
    struct perf_record r;
    make_sample(&raw);
    assert_int_equal(perf_record_time(done(&raw)), 12345);
    perf_decode(done(&raw), &r);
    assert_int_equal(r.kind, PERF_SAMPLE);
    assert_int_equal(r.pid, 7);
    assert_int_equal(r.tid, 8);
    assert_int_equal(r.n_chain, 2);
    assert_int_equal(r.chain[1], 0x1000);
    assert_true(r.has_regs);
    assert_int_equal(r.fp, 0xb9);
    assert_int_equal(r.sp, 0x59);
    assert_int_equal(r.pc, 0x1c);
    assert_int_equal(r.n_stack, 8);
    assert_int_equal(r.stack[0], 0x11);
}

static void a_cut_sample_is_none(void **state)
{
    struct raw raw;
    struct perf_record r;
    make_sample(&raw);
    size_t without_stack = raw.n - 32;
    for (size_t n = raw.n - 8; n > 8; n -= 8) {
        raw.n = n;
        perf_decode(done(&raw), &r);
        assert_int_equal(r.kind, n == without_stack ? PERF_SAMPLE : PERF_NONE);
        assert_int_equal(r.n_stack, 0);
    }
    make_sample(&raw);
    uint64_t huge = UINT64_MAX;
    memcpy(raw.bytes + 32, &huge, 8); /* frames of the chain */
    perf_decode(done(&raw), &r);
    assert_int_equal(r.kind, PERF_NONE);
}

static void a_payload(void **state)
{
    const struct perf perf = {.has_payload = true};
    struct raw raw, with = {0};
    struct perf_record r;
    const size_t before = 8 + 8 + 8 + 8 + 8 + 16; /* up to the chain's end */
    make_sample(&raw);
    put(&with, raw.bytes, before);
    put(&with, &(uint32_t){12}, 4);
    put(&with, "twelve bytes", 12);
    put(&with, raw.bytes + before, raw.n - before);
    perf_decode_of(&perf, done(&with), &r);
    assert_int_equal(r.kind, PERF_SAMPLE);
    assert_int_equal(r.n_payload, 12);
    assert_memory_equal(r.payload, "twelve bytes", 12);
    assert_int_equal(r.pc, 0x1c);
    assert_int_equal(r.n_stack, 8);
    memset(with.bytes + before, 0xff, 4);
    perf_decode_of(&perf, done(&with), &r);
    assert_int_equal(r.kind, PERF_NONE);
}

static void a_map_with_its_build_id(void **state)
{
    struct raw raw;
    struct perf_record r;
    const uint8_t id[24] = {4, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef};
    start(&raw, PERF_RECORD_MMAP2, PERF_RECORD_MISC_MMAP_BUILD_ID);
    put_ids(&raw, 7, 8);
    put_u64(&raw, 0x400000);
    put_u64(&raw, 0x1000);
    put_u64(&raw, 0x2000);
    put(&raw, id, sizeof id);
    put_ids(&raw, 5, 2);
    put(&raw, "/bin/x\0", 8);
    put_ids(&raw, 7, 8); /* sample_id_all */
    put_u64(&raw, 99);
    assert_int_equal(perf_record_time(done(&raw)), 99);
    perf_decode(done(&raw), &r);
    assert_int_equal(r.kind, PERF_MAP);
    assert_int_equal(r.start, 0x400000);
    assert_int_equal(r.limit, 0x401000);
    assert_int_equal(r.offset, 0x2000);
    assert_int_equal(r.n_build_id, 4);
    assert_int_equal(r.build_id[0], 0xde);
    assert_true(str_eq(r.name, STR("/bin/x")));
}

static void forks_execs_and_losses(void **state)
{
    struct raw raw;
    struct perf_record r;
    start(&raw, PERF_RECORD_FORK, 0);
    put_ids(&raw, 20, 10);
    put_ids(&raw, 21, 11);
    put_u64(&raw, 1);
    perf_decode(done(&raw), &r);
    assert_int_equal(r.kind, PERF_FORK);
    assert_int_equal(r.pid, 20);
    assert_int_equal(r.parent_pid, 10);

    start(&raw, PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC);
    put_ids(&raw, 20, 20);
    put(&raw, "name\0\0\0", 8);
    perf_decode(done(&raw), &r);
    assert_int_equal(r.kind, PERF_COMM);
    assert_true(r.exec);
    assert_true(str_eq(r.name, STR("name")));

    start(&raw, PERF_RECORD_LOST, 0);
    put_u64(&raw, 1);
    put_u64(&raw, 17);
    perf_decode(done(&raw), &r);
    assert_int_equal(r.kind, PERF_LOST);
    assert_int_equal(r.n_lost, 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample),
        cmocka_unit_test(a_cut_sample_is_none),
        cmocka_unit_test(a_payload),
        cmocka_unit_test(a_map_with_its_build_id),
        cmocka_unit_test(forks_execs_and_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
