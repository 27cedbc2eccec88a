/* Whatever is in the memory that a process shares with us: what is made of it is a trace that a
 * reader with Go's rules takes, to its end. */
#include "base/buf.h"
#include "trace/trace_reader.h"
#include "wire/trace_merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_CHUNKS 24
#define N_TIDS 9
#define BYTES (64 + N_CHUNKS * sizeof(struct trace_chunk) + 4096)

static uint64_t state;

static uint64_t random_below(uint64_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 20) % n;
}

static void *grow(void *old, size_t n_old, size_t n_new)
{
    char *p = realloc(old, n_new);
    if (p)
        memset(p + n_old, 0, n_new - n_old);
    return p;
}

static void release(void *p, size_t n)
{
    (void)n;
    free(p);
}

static bool write_buf(void *arg, const void *bytes, size_t n)
{
    buf_add(arg, bytes, n);
    return !((struct buf *)arg)->failed;
}

static bool put_stacks(void *arg, struct trace_states *s)
{
    struct gotrace_bytes batch = {0};
    bool ok = true;
    (void)arg;
    uint32_t text = gotrace_text(&s->memory, &s->texts, "f", 1);
    for (size_t i = 0; ok && i < s->n_stack_ids; i++)
        ok = gotrace_put_stack(&s->memory, &s->sink, &batch, s->generation, s->begin_ns,
                               s->stack_ids[i],
                               &(struct gotrace_frame){s->stack_ids[i], text, text, 1}, 1);
    ok = ok && gotrace_put_stacks_end(&s->sink, &batch, s->generation, s->begin_ns);
    gotrace_release(&s->memory, &batch);
    return ok;
}

static struct trace_raw_header *make_memory(void)
{
    struct trace_raw_header *h = calloc(1, BYTES);
    *h = (struct trace_raw_header){.magic = TRACE_RAW_MAGIC,
                                   .version = TRACE_RAW_VERSION,
                                   .chunks_offset = 4096,
                                   .n_chunks = N_CHUNKS,
                                   .clock = TRACE_CLOCK_MONOTONIC,
                                   .n_used = N_CHUNKS};
    return h;
}

static struct trace_chunk *chunk(struct trace_raw_header *h, unsigned i)
{
    return (struct trace_chunk *)((char *)h + 4096) + i;
}

/* Any type, at times that mostly go on; now and then bytes that mean nothing at all. */
static void fill(struct trace_raw_header *h, bool wild)
{
    uint64_t now = trace_raw_mono_ns() - 5000000000u;
    for (unsigned i = 0; i < N_CHUNKS; i++) {
        struct trace_chunk *c = chunk(h, i);
        c->state = random_below(8) ? TRACE_CHUNK_FULL : TRACE_CHUNK_OWNED;
        c->serial = i + 1;
        c->tid = (int32_t)(1 + random_below(N_TIDS));
        c->n = (uint32_t)random_below(wild ? 1000 : TRACE_RAW_RECORDS + 1);
        for (unsigned j = 0; j < TRACE_RAW_RECORDS; j++) {
            struct trace_record *r = &c->records[j];
            now += random_below(3000000);
            *r = (struct trace_record){
                .time = now - random_below(random_below(4) ? 1 : 20000000),
                .type = (uint8_t)(1 + random_below(TRACE_RAW_N_TYPES)),
                .reason = (uint8_t)random_below(random_below(3) ? 1 : 20),
                .stack = (uint32_t)random_below(20),
                .a = random_below(2) ? now - random_below(5000000) : random_below(6),
                .b = 1 + random_below(N_TIDS + 2),
                .n_text = (uint16_t)(random_below(3) ? 0 : random_below(200))};
            if (!wild || random_below(10) != 0)
                continue;
            for (size_t k = 0; k < sizeof *r; k++)
                ((uint8_t *)r)[k] = (uint8_t)random_below(256);
            r->time %= TRACE_LENGTH_MAX_NS / 2; /* no reader takes a longer trace */
            r->a %= TRACE_LENGTH_MAX_NS / 2;
        }
    }
}

/* Reads what was made; the number of events. */
static uint64_t read_back(const struct buf *buf)
{
    struct err err = {0};
    struct trace_reader *reader = trace_reader_open_memory(buf->data, buf->len, "made", &err);
    assert_non_null(reader);
    const struct trace_event *events;
    uint64_t n_all = 0;
    for (size_t n = 1; n; n_all += n)
        if (!trace_reader_next(reader, &events, &n, &err))
            fail_msg("%s", err.msg);
    trace_reader_free(reader);
    return n_all;
}

static uint64_t make(bool wild, unsigned n_steps, uint64_t since_ns)
{
    struct trace_raw_header *h = make_memory();
    struct trace_merge merge = {0};
    AUTO_BUF buf = {0};
    merge.states.memory = (struct gotrace_memory){grow, release};
    merge.states.sink = (struct gotrace_sink){write_buf, &buf};
    merge.states.put_stacks = put_stacks;
    h->start_ns = h->start_ticks = trace_raw_mono_ns() - 6000000000u;
    assert_true(trace_merge_add(&merge, h, BYTES));
    if (since_ns)
        trace_merge_since(&merge, since_ns);
    for (unsigned i = 0; i < n_steps; i++) {
        fill(h, wild);
        trace_merge_step(&merge, i + 1 == n_steps);
        assert_false(merge.states.failed);
    }
    uint64_t n = read_back(&buf);
    trace_merge_release(&merge);
    free(h);
    return n;
}

static void any_records_are_a_trace(void **arg)
{
    (void)arg;
    for (unsigned i = 0; i < 150; i++) {
        state = i;
        assert_true(make(false, 1 + i % 3, 0) > 100);
    }
}

static void any_bytes_are_a_trace(void **arg)
{
    (void)arg;
    for (unsigned i = 0; i < 150; i++) {
        state = 1000 + i;
        make(true, 1 + i % 3, 0);
    }
}

static void a_part_is_a_trace(void **arg)
{
    (void)arg;
    for (unsigned i = 0; i < 60; i++) {
        state = 2000 + i;
        make(i % 2, 1, trace_raw_mono_ns() - random_below(6000000000u));
    }
}

static void headers_are_checked(void **arg)
{
    (void)arg;
    struct trace_merge merge = {0};
    merge.states.memory = (struct gotrace_memory){grow, release};
    struct trace_raw_header *h = make_memory();
    assert_false(trace_merge_add(&merge, h, sizeof *h - 1));
    assert_false(trace_merge_add(&merge, h, BYTES - sizeof(struct trace_chunk)));
    h->n_chunks = UINT64_MAX / 4096 + 2;
    assert_false(trace_merge_add(&merge, h, BYTES));
    h->n_chunks = N_CHUNKS;
    h->chunks_offset = UINT64_MAX - 63;
    assert_false(trace_merge_add(&merge, h, BYTES));
    h->chunks_offset = 8;
    assert_false(trace_merge_add(&merge, h, BYTES));
    h->chunks_offset = 4096;
    h->version++;
    assert_false(trace_merge_add(&merge, h, BYTES));
    trace_merge_release(&merge);
    free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_records_are_a_trace),
        cmocka_unit_test(any_bytes_are_a_trace),
        cmocka_unit_test(a_part_is_a_trace),
        cmocka_unit_test(headers_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
