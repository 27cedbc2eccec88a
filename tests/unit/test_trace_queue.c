#include "wire/gotrace_heap.h"
#include "wire/trace_queue.h"

#include "unit.h"

#include <string.h>

struct fixture {
    struct trace_queue queue;
    struct trace_queued all;
};

/* A record at that time, whose text is `n_text` times the letter. */
static void insert(struct fixture *f, uint64_t ns, char letter, uint16_t n_text)
{
    struct trace_record parts[TRACE_RAW_TEXT_MAX / TRACE_RAW_TEXT_BYTES + 1];
    memset(parts, letter, sizeof parts);
    const struct trace_item item = {
        .ns = ns, .record = {.type = TRACE_RAW_LOG, .a = (uint64_t)letter, .n_text = n_text}};
    assert_true(trace_queue_insert(&f->queue, &gotrace_heap, &f->all, &item, parts));
}

/* The next one is of that time, with the text that it was put in with. */
static void take(struct fixture *f, uint64_t ns)
{
    const struct trace_item *next = trace_queue_next(&f->queue);
    assert_non_null(next);
    const struct trace_item item = trace_queue_take(&f->queue, &f->all);
    assert_int_equal(item.ns, ns);
    const char *text = trace_queue_text(&f->queue, &item);
    for (size_t i = 0; i < item.record.n_text; i++)
        assert_int_equal(text[i], item.record.a);
}

static void release(struct fixture *f)
{
    trace_queue_release(&f->queue, &gotrace_heap, &f->all);
    assert_int_equal(f->all.n_items, 0);
    assert_int_equal(f->all.n_text_bytes, 0);
}

static void records_come_by_time(void **state)
{
    struct fixture f = {0};
    insert(&f, 10, 'a', 3);
    insert(&f, 30, 'b', 0);
    insert(&f, 20, 'c', 1024);
    insert(&f, 30, 'd', 25);
    assert_int_equal(f.all.n_items, 4);
    assert_int_equal(f.all.n_text_bytes, 3 + 1024 + 25);
    take(&f, 10);
    take(&f, 20);
    assert_int_equal(trace_queue_next(&f.queue)->record.a, 'b'); /* the first one of that time */
    take(&f, 30);
    take(&f, 30);
    assert_null(trace_queue_next(&f.queue));
    insert(&f, 40, 'e', 7);
    assert_int_equal(f.all.n_text_bytes, 7); /* those before are gone */
    release(&f);
}

/* A queue that is never empty. */
static void texts_of_what_was_taken_make_room(void **state)
{
    struct fixture f = {0};
    for (uint64_t i = 0; i < 30; i++)
        insert(&f, 10 * i, (char)('a' + i % 26), (uint16_t)(i % 3 ? 1000 : 0));
    for (uint64_t i = 30; i < 20000; i++) {
        insert(&f, i % 5 ? 10 * i : 10 * i - 15, (char)('a' + i % 26), (uint16_t)(i % 1024));
        assert_true(f.all.n_text_bytes < 200 * TRACE_RAW_TEXT_MAX);
        uint64_t ns = trace_queue_next(&f.queue)->ns;
        take(&f, ns);
    }
    assert_int_equal(f.all.n_items, 30);
    assert_true(f.queue.text.max < 512 * TRACE_RAW_TEXT_MAX);
    release(&f);
}

static void what_was_nothing_is_forgotten(void **state)
{
    struct fixture f = {0};
    struct trace_item item = {.ns = 1, .record = {.type = TRACE_RAW_BLOCK}};
    assert_true(trace_queue_insert(&f.queue, &gotrace_heap, &f.all, &item, NULL));
    item.record.type = TRACE_RAW_SAMPLE;
    assert_true(trace_queue_insert(&f.queue, &gotrace_heap, &f.all, &item, NULL));
    trace_queue_forget(&f.queue, TRACE_RAW_CALL); /* there is none */
    assert_int_equal(trace_queue_next(&f.queue)->record.type, TRACE_RAW_BLOCK);
    trace_queue_forget(&f.queue, TRACE_RAW_BLOCK);
    assert_int_equal(trace_queue_next(&f.queue)->record.type, TRACE_RAW_NONE);
    release(&f);
}

static void what_was_appended_is_sorted(void **state)
{
    struct fixture f = {0};
    for (uint64_t i = 0; i < 100; i++)
        assert_true(trace_queue_append(&f.queue, &gotrace_heap, &f.all,
                                       &(struct trace_item){.ns = i * 37 % 100}));
    trace_queue_sort(&f.queue);
    for (uint64_t i = 0; i < 100; i++)
        take(&f, i);
    release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_by_time),
        cmocka_unit_test(texts_of_what_was_taken_make_room),
        cmocka_unit_test(what_was_nothing_is_forgotten),
        cmocka_unit_test(what_was_appended_is_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
