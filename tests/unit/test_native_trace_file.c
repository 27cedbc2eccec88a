#include "collect/native_trace_file.h"

#include "base/buf.h"
#include "trace/trace_reader.h"
#include "unit.h"
#include "wire/gotrace_heap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A thread that calls something, in two generations; the second is the last. */
static void record(struct native_trace_spool *spool, struct trace_states *s)
{
    s->memory = gotrace_heap;
    native_trace_spool_use(spool, s);
    trace_states_start(s, 1000);
    uint32_t thread = trace_states_begin(s, TRACE_STATES_NONE, 7, 2000, true, TRACE_STATES_NONE);
    for (uint64_t i = 0; i < 100; i++) {
        trace_states_call(s, thread, 3000 + 20 * i, 0);
        trace_states_run(s, thread, 3010 + 20 * i);
    }
    trace_states_cut(s, 10000, 10000, 10000, false);
    trace_states_call(s, thread, 11000, 0);
    trace_states_cut(s, 12000, 12000, 12000, true);
}

static void events_are_counted(void **state)
{
    (void)state;
    struct native_trace_spool spool = {0};
    struct trace_states s = {0};
    struct err err = {0};
    struct diag diag;
    char path[] = "/tmp/sonde-test-XXXXXX";
    int fd = mkstemp(path);
    uint64_t n_bytes;
    const struct native_trace_stacks stacks = {0};
    diag_init(&diag);
    assert_true(fd >= 0 && native_trace_spool_open(&spool, &err));
    record(&spool, &s);
    assert_false(s.failed);
    assert_int_equal(spool.n_events, s.n_events);
    for (int i = 0; i < 2; i++) { /* it can be written again, where that failed */
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_true(native_trace_put(&spool, &s, &stacks, fd, &n_bytes, &diag, &err));
        assert_int_equal(lseek(fd, 0, SEEK_CUR), n_bytes);
    }
    close(fd);
    struct trace_reader *reader = trace_reader_open(path, &err);
    const struct trace_event *events;
    size_t n_all = 0;
    for (size_t n = 1; n; n_all += n)
        assert_true(trace_reader_next(reader, &events, &n, &err));
    assert_true(n_all > 200);
    trace_reader_free(reader);
    unlink(path);
    trace_states_release(&s);
    native_trace_spool_release(&spool);
    diag_release(&diag);
}

/* Nothing fits: that is told, and no empty file is called a trace. */
static void no_room_at_all(void **state)
{
    (void)state;
    struct native_trace_spool spool = {.file = fopen("/dev/full", "w+")};
    struct trace_states s = {0};
    struct err err = {0};
    struct diag diag;
    uint64_t n_bytes = 0;
    const struct native_trace_stacks stacks = {0};
    diag_init(&diag);
    assert_non_null(spool.file);
    record(&spool, &s);
    assert_true(s.failed);
    assert_int_equal(spool.n_events, 0);
    assert_false(native_trace_put(&spool, &s, &stacks, -1, &n_bytes, &diag, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(
        err.msg, "cannot keep the events in TMPDIR, /var/tmp or /tmp: No space left on device");
    trace_states_release(&s);
    native_trace_spool_release(&spool);
    diag_release(&diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_counted),
        cmocka_unit_test(no_room_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
