/* Whatever is in the memory that a process shares with us: what is made of it is a trace that a
 * reader with Go's rules takes, to its end. */
#include "base/buf.h"
#include "trace/trace_reader.h"
#include "wire/gotrace_heap.h"
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
    merge.states.memory = gotrace_heap;
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

/* The type of each event of thread 1 in the order of time, and how long it takes from the first to
 * the last. */
static uint64_t read_logs(const struct buf *buf, char *texts, size_t max)
{
    struct err err = {0};
    struct trace_reader *reader = trace_reader_open_memory(buf->data, buf->len, "made", &err);
    assert_non_null(reader);
    const struct trace_event *events;
    uint64_t first_ns = 0, last_ns = 0, n_logs = 0;
    for (size_t n = 1; n;) {
        assert_true(trace_reader_next(reader, &events, &n, &err));
        for (size_t i = 0; i < n; i++) {
            struct trace_log log;
            if (!trace_event_log(&events[i], &log) || n_logs + 1 >= max)
                continue;
            last_ns = (uint64_t)events[i].time_ns;
            first_ns = n_logs ? first_ns : last_ns;
            texts[n_logs++] = *trace_string(trace_reader_trace(reader), log.message, NULL);
        }
    }
    texts[n_logs] = 0;
    trace_reader_free(reader);
    return last_ns - first_ns;
}

/* A log of one letter, which takes two records. */
static void put_log(struct trace_chunk *c, uint64_t time, char letter)
{
    struct trace_record *r = &c->records[c->n];
    r[0] = (struct trace_record){.time = time, .type = TRACE_RAW_LOG, .n_text = 1};
    r[1] = (struct trace_record){.time = (uint8_t)letter, .type = TRACE_RAW_TEXT};
    c->n += 2;
}

static void begin(struct trace_merge *merge, struct buf *buf, struct trace_raw_header *h)
{
    merge->states.memory = gotrace_heap;
    merge->states.sink = (struct gotrace_sink){write_buf, buf};
    merge->states.put_stacks = put_stacks;
    h->start_ns = h->start_ticks = trace_raw_mono_ns() - 6000000000u;
    for (unsigned i = 0; i < N_CHUNKS; i++) {
        struct trace_chunk *c = chunk(h, i);
        *c = (struct trace_chunk){.state = TRACE_CHUNK_FULL, .serial = i + 1, .tid = 1};
    }
    assert_true(trace_merge_add(merge, h, BYTES));
}

/* A time that cannot be does not move the others, and the trace can be read to its end. */
static void times_to_come_are_now(void **arg)
{
    (void)arg;
    struct trace_raw_header *h = make_memory();
    struct trace_merge merge = {0};
    AUTO_BUF buf = {0};
    char texts[10];
    begin(&merge, &buf, h);
    uint64_t now = trace_raw_mono_ns() - 2000000000u;
    put_log(chunk(h, 0), now, 'a');
    put_log(chunk(h, 0), UINT64_MAX - 5, 'z');
    put_log(chunk(h, 0), now + 1000, 'b');
    trace_merge_step(&merge, true);
    assert_false(merge.states.failed);
    assert_true(read_logs(&buf, texts, sizeof texts) < 4000000000u);
    assert_string_equal(texts, "abz");
    trace_merge_release(&merge);
    free(h);
}

/* What says that it was long before what its thread did since is told in its place: that costs no
 * more than the place where it stands. */
static void times_before_others_are_bounded(void **arg)
{
    (void)arg;
    struct trace_raw_header *h = make_memory();
    struct trace_merge merge = {0};
    AUTO_BUF buf = {0};
    char texts[1000];
    begin(&merge, &buf, h);
    uint64_t now = trace_raw_mono_ns() - 2000000000u;
    for (unsigned i = 0; i < 300; i++)
        put_log(chunk(h, i / 63), now + 1000 * i, i == 299 ? 'y' : 'a');
    put_log(chunk(h, 4), now - 1000000, 'z'); /* in front of the last 256 */
    put_log(chunk(h, 4), now + 290500, 'x');  /* among them */
    trace_merge_step(&merge, true);
    assert_true(read_logs(&buf, texts, sizeof texts) < 1000000u);
    assert_int_equal(strlen(texts), 302);
    assert_int_equal(strchr(texts, 'z') - texts, 300 - 256);
    assert_int_equal(strchr(texts, 'x') - texts, 292);
    assert_int_equal(strchr(texts, 'y') - texts, 301);
    trace_merge_release(&merge);
    free(h);
}

/* As long as too much waits for its time, what comes stays where it is. */
static void with_so_much_waiting(bool of_text)
{
    struct trace_raw_header *h = make_memory();
    struct trace_merge merge = {0};
    AUTO_BUF buf = {0};
    char texts[10];
    begin(&merge, &buf, h);
    uint64_t now = trace_raw_mono_ns() - 2000000000u,
             *n = of_text ? &merge.queued.n_text_bytes : &merge.queued.n_items,
             max = of_text ? TRACE_MERGE_TEXT_MAX : TRACE_MERGE_PENDING_MAX;
    put_log(chunk(h, 0), now, 'a');
    put_log(chunk(h, 0), now + 1, 'b');
    *n += max;
    trace_merge_step(&merge, false); /* the first one passes the bound */
    *n += 1;
    trace_merge_step(&merge, false);
    assert_int_equal(chunk(h, 0)->state, TRACE_CHUNK_FULL);
    *n -= max + 1;
    trace_merge_step(&merge, true);
    assert_int_equal(chunk(h, 0)->state, TRACE_CHUNK_FREE);
    read_logs(&buf, texts, sizeof texts);
    assert_string_equal(texts, "ab");
    trace_merge_release(&merge);
    free(h);
}

static void what_waits_is_bounded(void **arg)
{
    (void)arg;
    with_so_much_waiting(false);
    with_so_much_waiting(true);
}

/* Turns that are handed over in the wrong order: it comes to an end. */
static void turns_out_of_order(void **arg)
{
    (void)arg;
    struct trace_raw_header *h = make_memory();
    struct trace_merge merge = {.states.n_cpus = 2};
    AUTO_BUF buf = {0};
    char texts[10];
    begin(&merge, &buf, h);
    uint64_t now = trace_raw_mono_ns() - 2000000000u;
    put_log(chunk(h, 0), now, 'a');
    put_log(chunk(h, 0), now + 1000000, 'b');
    const struct trace_turn turns[] = {{now - 1000, 1, 0, TRACE_TURN_COMES},
                                       {now + 500, 1, 0, TRACE_TURN_LEAVES},
                                       {now + 1040000, 2, 1, TRACE_TURN_COMES},
                                       {now + 1000010, 1, 0, TRACE_TURN_COMES}};
    for (size_t i = 0; i < 4; i++)
        trace_merge_turn(&merge, &turns[i]);
    trace_merge_step(&merge, true);
    read_logs(&buf, texts, sizeof texts);
    assert_string_equal(texts, "ab");
    trace_merge_release(&merge);
    free(h);
}

/* Of processes that have ended, too. */
static void losses_are_counted(void **arg)
{
    (void)arg;
    struct trace_merge merge = {0};
    struct trace_raw_header *h[] = {make_memory(), make_memory()};
    merge.states.memory = gotrace_heap;
    for (size_t i = 0; i < 2; i++) {
        h[i]->n_lost = 5 + i;
        assert_true(trace_merge_add(&merge, h[i], BYTES));
    }
    trace_merge_drop(&merge, 0);
    free(h[0]);
    trace_merge_drop(&merge, 0); /* it is gone already */
    assert_int_equal(trace_merge_n_lost(&merge), 11);
    trace_merge_release(&merge);
    free(h[1]);
}

static void headers_are_checked(void **arg)
{
    (void)arg;
    struct trace_merge merge = {0};
    merge.states.memory = gotrace_heap;
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
        cmocka_unit_test(times_to_come_are_now),
        cmocka_unit_test(times_before_others_are_bounded),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(turns_out_of_order),
        cmocka_unit_test(losses_are_counted),
        cmocka_unit_test(any_bytes_are_a_trace),
        cmocka_unit_test(a_part_is_a_trace),
        cmocka_unit_test(headers_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
