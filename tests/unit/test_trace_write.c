#include "unit.h"

#include "trace/trace_write.h"

#include <string.h>

struct reader {
    const uint8_t *p, *end;
};

static uint64_t number(struct reader *r)
{
    uint64_t value = 0;
    r->p = gotrace_get(r->p, r->end, &value);
    assert_non_null(r->p);
    return value;
}

struct batch {
    uint64_t generation, thread, time;
    struct reader events;
};

/* False: the generation's end. */
static bool next_batch(struct reader *r, struct batch *batch)
{
    assert_true(r->p < r->end);
    if (*r->p == GOTRACE_END_OF_GENERATION) {
        r->p++;
        return false;
    }
    assert_int_equal(*r->p++, GOTRACE_EVENT_BATCH);
    batch->generation = number(r);
    batch->thread = number(r);
    batch->time = number(r);
    uint64_t n = number(r);
    assert_in_range(n, 1, GOTRACE_BATCH_MAX);
    assert_true(n <= (size_t)(r->end - r->p));
    batch->events = (struct reader){r->p, r->p + n};
    r->p += n;
    return true;
}

static const struct trace_write_clock snapshot = {1500, 7000, 1700000000, 42};

static struct reader open_trace(const struct buf *out)
{
    assert_false(out->failed);
    assert_true(out->len > GOTRACE_HEADER_BYTES);
    assert_memory_equal(out->data, "go 1.26 trace\0\0\0", GOTRACE_HEADER_BYTES);
    return (struct reader){(const uint8_t *)out->data + GOTRACE_HEADER_BYTES,
                           (const uint8_t *)out->data + out->len};
}

static void is_event(struct reader *r, unsigned type, const uint64_t *args, size_t n)
{
    assert_int_equal(*r->p++, type);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(number(r), args[i]);
}

static void writes_batches_tables_and_clock(void **state)
{
    (void)state;
    AUTO_BUF out = {0};
    struct trace_writer *w = trace_writer_new(&out);
    const struct trace_write_frame frames[] = {{0x1001, "main.f", "f.go", 10},
                                               {0x2001, "main.main", "f.go", 20}};
    assert_int_equal(trace_writer_begin(w), 1);
    uint32_t unused = trace_writer_string(w, "unused", 6);
    uint32_t reason = trace_writer_string(w, "chan receive", 12);
    uint32_t stack = trace_writer_stack(w, frames, 2);
    assert_int_equal(stack, trace_writer_stack(w, frames, 2));
    assert_int_not_equal(stack, trace_writer_stack(w, frames, 1));
    assert_int_not_equal(unused, reason);
    trace_writer_event(w, 77, 1000, GOTRACE_PROC_STATUS, (uint64_t[]){3, 1}, 2);
    trace_writer_event(w, 78, 1005, GOTRACE_PROC_STOP, NULL, 0);
    trace_writer_event(w, 77, 1300, GOTRACE_GO_BLOCK, (uint64_t[]){reason, stack}, 2);
    trace_writer_event(w, 77, 1200, GOTRACE_PROC_STOP, NULL, 0); /* not before */
    trace_writer_end(w, &snapshot);
    trace_writer_free(w);

    struct reader r = open_trace(&out);
    struct batch b;
    assert_true(next_batch(&r, &b));
    assert_int_equal(b.generation, 1);
    assert_int_equal(b.thread, 77);
    assert_int_equal(b.time, 1000);
    is_event(&b.events, GOTRACE_PROC_STATUS, (uint64_t[]){0, 3, 1}, 3);
    is_event(&b.events, GOTRACE_GO_BLOCK, (uint64_t[]){300, reason, stack}, 3);
    is_event(&b.events, GOTRACE_PROC_STOP, (uint64_t[]){0}, 1);
    assert_ptr_equal(b.events.p, b.events.end);
    assert_true(next_batch(&r, &b));
    assert_int_equal(b.thread, 78);
    assert_int_equal(b.time, 1005);

    assert_true(next_batch(&r, &b)); /* the one stack that an event names */
    assert_true(b.thread == TRACE_WRITE_NO_THREAD);
    assert_int_equal(*b.events.p++, GOTRACE_STACKS);
    assert_int_equal(*b.events.p++, GOTRACE_STACK);
    assert_int_equal(number(&b.events), stack);
    assert_int_equal(number(&b.events), 2);
    uint64_t names[4], pcs[2], lines[2];
    for (int i = 0; i < 2; i++) {
        pcs[i] = number(&b.events);
        names[2 * i] = number(&b.events);
        names[2 * i + 1] = number(&b.events);
        lines[i] = number(&b.events);
    }
    assert_int_equal(pcs[0], 0x1001);
    assert_int_equal(lines[1], 20);
    assert_int_equal(names[1], names[3]);
    assert_ptr_equal(b.events.p, b.events.end);

    assert_true(next_batch(&r, &b)); /* the reason, two functions, a file */
    assert_int_equal(*b.events.p++, GOTRACE_STRINGS);
    size_t n = 0;
    for (; b.events.p < b.events.end; n++) {
        assert_int_equal(*b.events.p++, GOTRACE_STRING);
        uint64_t id = number(&b.events), len = number(&b.events);
        assert_int_not_equal(id, unused);
        if (id == reason)
            assert_memory_equal(b.events.p, "chan receive", len);
        if (id == names[2])
            assert_memory_equal(b.events.p, "main.main", len);
        b.events.p += len;
    }
    assert_int_equal(n, 4);

    assert_true(next_batch(&r, &b));
    assert_int_equal(b.time, 1000);
    assert_int_equal(*b.events.p++, GOTRACE_SYNC);
    is_event(&b.events, GOTRACE_FREQUENCY, (uint64_t[]){1000000000}, 1);
    is_event(&b.events, GOTRACE_CLOCK_SNAPSHOT, (uint64_t[]){500, 7000, 1700000000, 42}, 4);
    assert_false(next_batch(&r, &b));
    assert_ptr_equal(r.p, r.end);
}

static void tables_are_those_of_the_generation(void **state)
{
    (void)state;
    AUTO_BUF out = {0};
    struct trace_writer *w = trace_writer_new(&out);
    uint32_t a = trace_writer_string(w, "a", 1), b = trace_writer_string(w, "b", 1);
    const uint32_t each[] = {a, b, a};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(trace_writer_begin(w), i + 1);
        trace_writer_event(w, 1, 10 * i, GOTRACE_GO_LABEL, (uint64_t[]){each[i]}, 1);
        trace_writer_end(w, &snapshot);
    }
    trace_writer_free(w);
    struct reader r = open_trace(&out);
    for (size_t i = 0; i < 3; i++) {
        struct batch batch;
        assert_true(next_batch(&r, &batch) && next_batch(&r, &batch));
        assert_int_equal(batch.generation, i + 1);
        assert_int_equal(*batch.events.p++, GOTRACE_STRINGS);
        assert_int_equal(*batch.events.p++, GOTRACE_STRING);
        assert_int_equal(number(&batch.events), each[i]);
        assert_ptr_equal(batch.events.p + 2, batch.events.end);
        assert_true(next_batch(&r, &batch));
        assert_false(next_batch(&r, &batch));
    }
    assert_ptr_equal(r.p, r.end);
}

static void long_batches_are_cut(void **state)
{
    (void)state;
    AUTO_BUF out = {0};
    struct trace_writer *w = trace_writer_new(&out);
    enum { N = 40000 };
    uint64_t n = 0, time = 0;
    trace_writer_begin(w);
    for (uint64_t i = 0; i < N; i++)
        trace_writer_event(w, 5, 1000 * i, GOTRACE_GO_START, (uint64_t[]){i, 1}, 2);
    assert_true(trace_writer_bytes(w) > 2 * GOTRACE_BATCH_MAX);
    trace_writer_end(w, &snapshot);
    trace_writer_free(w);
    struct reader r = open_trace(&out);
    struct batch b;
    while (next_batch(&r, &b) && b.thread == 5)
        for (time = b.time; b.events.p < b.events.end; n++) {
            assert_int_equal(*b.events.p++, GOTRACE_GO_START);
            time += number(&b.events);
            assert_int_equal(time, 1000 * n);
            assert_int_equal(number(&b.events), n);
            assert_int_equal(number(&b.events), 1);
        }
    assert_int_equal(n, N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_batches_tables_and_clock),
        cmocka_unit_test(tables_are_those_of_the_generation),
        cmocka_unit_test(long_batches_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
