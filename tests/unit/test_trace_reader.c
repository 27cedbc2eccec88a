#include "alloc_fail.h"
#include "trace/trace_parsed.h"
#include "trace/trace_reader.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a small writer ---- */

struct made {
    struct buf out, batch;
    uint64_t gen, m, time;
};

static void varint(struct buf *out, uint64_t value)
{
    uint8_t bytes[GOTRACE_VARINT_MAX];
    buf_add(out, bytes, (size_t)(gotrace_put(bytes, value) - bytes));
}

static void header(struct made *t, unsigned version)
{
    char text[GOTRACE_HEADER_BYTES + 1] = {0};
    *t = (struct made){.gen = 1};
    snprintf(text, sizeof text, "go 1.%u trace", version);
    buf_add(&t->out, text, GOTRACE_HEADER_BYTES);
}

static void begin(struct made *t, int64_t m, uint64_t time)
{
    t->m = (uint64_t)m;
    t->time = time;
    buf_clear(&t->batch);
}

static void end(struct made *t)
{
    buf_putc(&t->out, GOTRACE_EVENT_BATCH);
    varint(&t->out, t->gen);
    varint(&t->out, t->m);
    varint(&t->out, t->time);
    varint(&t->out, t->batch.len);
    buf_add(&t->out, t->batch.data, t->batch.len);
}

/* An event of the batch, its arguments up to END. */
#define END 0xe0dull
static void event_(struct made *t, unsigned type, const uint64_t *args)
{
    buf_putc(&t->batch, (char)type);
    for (; *args != END; args++)
        varint(&t->batch, *args);
}
#define event(t, type, ...) event_(t, type, (const uint64_t[]){__VA_ARGS__ __VA_OPT__(, ) END})

static void string(struct made *t, uint64_t id, const char *text)
{
    event(t, GOTRACE_STRING, id, strlen(text));
    buf_puts(&t->batch, text);
}

static void strings(struct made *t)
{
    begin(t, -1, 0);
    event(t, GOTRACE_STRINGS);
    string(t, 1, "main.main");
    string(t, 2, "main.go");
    string(t, 3, "why");
    end(t);
}

/* Stack 1 has two frames, of pcs 16 and 32; stack 2 has the second. */
static void stacks(struct made *t)
{
    begin(t, -1, 0);
    event(t, GOTRACE_STACKS);
    event(t, GOTRACE_STACK, 1, 2, 16, 1, 2, 5, 32, 1, 2, 6);
    event(t, GOTRACE_STACK, 2, 1, 32, 3, 3, 99); /* the pc is known already: as it was */
    end(t);
}

/* A tick is a ns. */
static void clocks(struct made *t, unsigned version)
{
    begin(t, -1, 1);
    if (version >= 25)
        event(t, GOTRACE_SYNC);
    event(t, GOTRACE_FREQUENCY, 1000000000);
    if (version >= 25)
        event(t, GOTRACE_CLOCK_SNAPSHOT, 4, 77, 1700000000, 5);
    end(t);
}

static void end_generation(struct made *t, unsigned version)
{
    if (version >= 26)
        buf_putc(&t->out, GOTRACE_END_OF_GENERATION);
    t->gen++;
}

/* M 1 runs goroutine 1 on processor 0, processor 1 is idle. */
static void begin_main(struct made *t, uint64_t time)
{
    begin(t, 1, time);
    event(t, GOTRACE_PROC_STATUS, 0, 0, GOTRACE_PROC_RUNNING);
    event(t, GOTRACE_PROC_STATUS, 0, 1, GOTRACE_PROC_IDLE);
    event(t, GOTRACE_GO_STATUS, 0, 1, 1, GOTRACE_GO_RUNNING);
}

static void release(struct made *t)
{
    assert_false(t->out.failed || t->batch.failed);
    buf_release(&t->out);
    buf_release(&t->batch);
}

/* ---- reading ---- */

struct got {
    struct trace_event events[256];
    size_t n;
    struct trace *trace;
    struct trace_clock clock; /* of the first block */
    struct err err;           /* code ERR_NONE: to its end */
};

static void read_bytes(struct got *got, const void *bytes, size_t n)
{
    memset(got, 0, sizeof *got);
    void *exact = malloc(n ? n : 1); /* so that a read behind it is found */
    memcpy(exact, bytes, n);
    struct trace_reader *reader = trace_reader_open_memory(exact, n, "made", &got->err);
    const struct trace_event *events;
    bool is_first = true;
    for (size_t k; reader && trace_reader_next(reader, &events, &k, &got->err) && k > 0;) {
        assert_true(got->n + k <= 256);
        memcpy(got->events + got->n, events, k * sizeof *events);
        for (size_t i = 1; i < k; i++)
            assert_int_not_equal(events[i].type, TRACE_SYNC); /* the first of its block */
        got->n += k;
        if (is_first)
            got->clock = trace_reader_clock(reader);
        is_first = false;
    }
    for (size_t i = 1; i < got->n; i++)
        assert_true(got->events[i].time_ns > got->events[i - 1].time_ns);
    if (reader) {
        struct err again = {0};
        size_t k = 1;
        assert_true(trace_reader_next(reader, &events, &k, &again)); /* told once */
        assert_int_equal(k, 0);
        got->trace = trace_reader_take_trace(reader);
    }
    trace_reader_free(reader);
    free(exact);
}

static void read_made(struct got *got, struct made *t)
{
    read_bytes(got, t->out.data, t->out.len);
    release(t);
}

/* The types that were read, and why no more. */
#define assert_types(got, ...)                                                                     \
    do {                                                                                           \
        const uint8_t types_[] = {__VA_ARGS__};                                                    \
        assert_string_equal((got)->err.msg, "");                                                   \
        assert_int_equal((got)->n, sizeof types_);                                                 \
        for (size_t i_ = 0; i_ < sizeof types_; i_++)                                              \
            assert_int_equal((got)->events[i_].type, types_[i_]);                                  \
    } while (0)

static void assert_error(struct got *got, const char *text)
{
    if (!strstr(got->err.msg, text))
        fail_msg("'%s' is not in '%s'", text, got->err.msg);
    assert_null(strchr(got->err.msg, '\n'));
    assert_int_equal(got->err.code, ERR_INPUT);
    trace_free(got->trace);
}

/* A whole trace of one generation. */
static void whole(struct made *t, unsigned version)
{
    header(t, version);
    begin_main(t, 100);
    event(t, GOTRACE_GO_CREATE, 10, 7, 1, 2);
    event(t, GOTRACE_GO_BLOCK, 10, 3, 1);
    event(t, GOTRACE_GO_START, 10, 7, 1);
    event(t, GOTRACE_GO_UNBLOCK, 10, 1, 1, 2);
    event(t, GOTRACE_GO_DESTROY, 10);
    end(t);
    strings(t);
    stacks(t);
    clocks(t, version);
    end_generation(t, version);
}

static void a_generation(void **state)
{
    static const unsigned versions[] = {22, 23, 25, 26};
    for (unsigned i = 0; i < 4; i++) {
        struct made t;
        struct got got;
        whole(&t, versions[i]);
        read_made(&got, &t);
        assert_types(&got, TRACE_SYNC, GOTRACE_PROC_STATUS, GOTRACE_PROC_STATUS, GOTRACE_GO_STATUS,
                     GOTRACE_GO_CREATE, GOTRACE_GO_BLOCK, GOTRACE_GO_START, GOTRACE_GO_UNBLOCK,
                     GOTRACE_GO_DESTROY, TRACE_SYNC);
        const struct trace_event *e = got.events;
        assert_int_equal(e[0].args[0], 1);
        assert_int_equal(e[9].args[0], 2);
        /* Context: that before the event. */
        assert_int_equal(e[1].p, TRACE_NONE);
        assert_int_equal(e[4].p, 0);
        assert_int_equal(e[4].g, 1);
        assert_int_equal(e[4].m, 1);
        assert_int_equal(e[4].time_ns, 110);
        assert_int_equal(e[6].g, TRACE_NONE);
        assert_int_equal(e[7].g, 7);
        /* Old states. */
        assert_int_equal(e[1].args[2], TRACE_PROC_UNDETERMINED);
        assert_int_equal(e[3].args[2], (uint64_t)TRACE_GO_UNDETERMINED << 32 | GOTRACE_GO_RUNNING);
        /* Strings and stacks by number; a pc has one frame. */
        struct trace_transition t1;
        assert_true(trace_event_transition(&e[5], &t1));
        assert_int_equal(t1.scope, TRACE_SCOPE_GOROUTINE);
        assert_int_equal(t1.id, 1);
        assert_int_equal(t1.from, TRACE_GO_RUNNING);
        assert_int_equal(t1.to, TRACE_GO_WAITING);
        assert_string_equal(trace_string(got.trace, t1.reason, NULL), "why");
        struct trace_stack two = trace_stack(got.trace, t1.stack);
        struct trace_stack one = trace_stack(got.trace, trace_event_stack(&e[4]));
        assert_int_equal(two.n_frames, 2);
        assert_int_equal(one.n_frames, 1);
        assert_int_equal(one.frames[0], two.frames[1]);
        assert_int_equal(trace_frame(got.trace, one.frames[0])->line, 6);
        assert_int_equal(got.clock.is_known, versions[i] >= 25);
        if (got.clock.is_known) {
            assert_int_equal(got.clock.trace_ns, 5);
            assert_int_equal(got.clock.mono_ns, 77);
            assert_int_equal(got.clock.wall_s, 1700000000);
            assert_int_equal(got.clock.wall_ns, 5);
        }
        trace_free(got.trace);
    }
}

/* M 2's clock is behind: what it starts is still created first. */
static void causes_come_before_effects(void **state)
{
    struct made t;
    struct got got;
    header(&t, 22);
    begin(&t, 2, 50); /* in the file, and by its clock, before all else */
    event(&t, GOTRACE_PROC_START, 1, 1, 1);
    event(&t, GOTRACE_GO_START, 1, 7, 1);
    event(&t, GOTRACE_GO_BLOCK, 1, 0, 0);
    event(&t, GOTRACE_GO_START, 1, 7, 3);
    end(&t);
    begin_main(&t, 100);
    event(&t, GOTRACE_GO_CREATE, 10, 7, 0, 0);
    event(&t, GOTRACE_GO_UNBLOCK, 10, 7, 2, 0);
    end(&t);
    clocks(&t, 22);
    read_made(&got, &t);
    assert_types(&got, TRACE_SYNC, GOTRACE_PROC_STATUS, GOTRACE_PROC_STATUS, GOTRACE_PROC_START,
                 GOTRACE_GO_STATUS, GOTRACE_GO_CREATE, GOTRACE_GO_START, GOTRACE_GO_BLOCK,
                 GOTRACE_GO_UNBLOCK, GOTRACE_GO_START, TRACE_SYNC);
    assert_int_equal(got.events[6].m, 2);
    assert_int_equal(got.events[6].p, 1);
    trace_free(got.trace);
}

static void a_switch_is_three_events(void **state)
{
    struct made t;
    struct got got;
    header(&t, 23);
    begin_main(&t, 100);
    event(&t, GOTRACE_GO_CREATE_BLOCKED, 1, 7, 0, 0);
    event(&t, GOTRACE_GO_SWITCH, 1, 7, 1);
    event(&t, GOTRACE_GO_SWITCH_DESTROY, 1, 1, 1);
    end(&t);
    clocks(&t, 23);
    read_made(&got, &t);
    assert_types(&got, TRACE_SYNC, GOTRACE_PROC_STATUS, GOTRACE_PROC_STATUS, GOTRACE_GO_STATUS,
                 GOTRACE_GO_CREATE_BLOCKED, GOTRACE_GO_SWITCH, GOTRACE_GO_BLOCK, GOTRACE_GO_START,
                 GOTRACE_GO_SWITCH_DESTROY, GOTRACE_GO_DESTROY, GOTRACE_GO_START, TRACE_SYNC);
    struct trace_transition of;
    assert_true(trace_event_transition(&got.events[5], &of));
    assert_int_equal(of.id, 7);
    assert_int_equal(of.to, TRACE_GO_RUNNABLE);
    assert_true(trace_event_transition(&got.events[6], &of));
    assert_int_equal(of.id, 1);
    assert_int_equal(of.to, TRACE_GO_WAITING);
    assert_true(trace_event_transition(&got.events[7], &of));
    assert_int_equal(of.id, 7);
    assert_int_equal(got.events[7].g, TRACE_NONE);
    assert_int_equal(of.to, TRACE_GO_RUNNING);
    trace_free(got.trace);
}

static void a_processor_is_stolen(void **state)
{
    struct made t;
    struct got got;
    header(&t, 22);
    begin_main(&t, 100);
    event(&t, GOTRACE_GO_SYSCALL_BEGIN, 10, 1, 0);
    event(&t, GOTRACE_GO_SYSCALL_END_BLOCKED, 1); /* by its clock before it was stolen */
    end(&t);
    begin(&t, 2, 200);
    event(&t, GOTRACE_PROC_START, 1, 1, 1);
    event(&t, GOTRACE_PROC_STEAL, 1, 0, 2, 1);
    end(&t);
    clocks(&t, 22);
    read_made(&got, &t);
    assert_types(&got, TRACE_SYNC, GOTRACE_PROC_STATUS, GOTRACE_PROC_STATUS, GOTRACE_GO_STATUS,
                 GOTRACE_GO_SYSCALL_BEGIN, GOTRACE_PROC_START, GOTRACE_PROC_STEAL,
                 GOTRACE_GO_SYSCALL_END_BLOCKED, TRACE_SYNC);
    assert_int_equal(got.events[6].args[3], GOTRACE_PROC_SYSCALL);
    assert_int_equal(got.events[7].p, TRACE_NONE);
    assert_int_equal(got.events[7].g, 1);
    trace_free(got.trace);
}

static void samples_are_put_between(void **state)
{
    struct made t;
    struct got got;
    header(&t, 22);
    begin_main(&t, 100);
    event(&t, GOTRACE_HEAP_ALLOC, 50, 4096);
    end(&t);
    begin(&t, -1, 0);
    event(&t, GOTRACE_CPU_SAMPLES);
    event(&t, GOTRACE_CPU_SAMPLE, 900, 1, UINT64_MAX, 0, 2);
    event(&t, GOTRACE_CPU_SAMPLE, 120, 1, 0, 1, 1);
    end(&t);
    strings(&t);
    stacks(&t);
    clocks(&t, 22);
    read_made(&got, &t);
    assert_types(&got, TRACE_SYNC, GOTRACE_PROC_STATUS, GOTRACE_PROC_STATUS, GOTRACE_GO_STATUS,
                 GOTRACE_CPU_SAMPLE, GOTRACE_HEAP_ALLOC, GOTRACE_CPU_SAMPLE, TRACE_SYNC);
    assert_int_equal(trace_stack(got.trace, trace_event_stack(&got.events[4])).n_frames, 2);
    assert_int_equal(got.events[4].g, 1);
    assert_int_equal(got.events[6].g, TRACE_NONE);
    assert_int_equal(got.events[6].p, TRACE_NONE);
    trace_free(got.trace);
}

/* A task that ends in a later generation has the name of its begin; ids are anew. */
static void generations_go_on(void **state)
{
    static const unsigned versions[] = {22, 26};
    for (unsigned i = 0; i < 2; i++) {
        struct made t;
        struct got got;
        header(&t, versions[i]);
        begin_main(&t, 100);
        event(&t, GOTRACE_USER_TASK_BEGIN, 1, 5, 0, 3, 0);
        event(&t, GOTRACE_USER_REGION_BEGIN, 1, 5, 3, 0);
        event(&t, GOTRACE_STW_BEGIN, 1, 3, 0);
        event(&t, GOTRACE_STW_END, 1);
        end(&t);
        strings(&t);
        clocks(&t, versions[i]);
        end_generation(&t, versions[i]);
        begin(&t, 1, 200);
        event(&t, GOTRACE_PROC_STATUS, 0, 0, GOTRACE_PROC_RUNNING);
        event(&t, GOTRACE_GO_STATUS, 0, 1, 1, GOTRACE_GO_RUNNING);
        event(&t, GOTRACE_USER_REGION_END, 1, 5, 900000000, 0);
        event(&t, GOTRACE_USER_TASK_END, 1, 5, 0);
        event(&t, GOTRACE_USER_TASK_END, 1, 6, 0);
        end(&t);
        begin(&t, -1, 0);
        event(&t, GOTRACE_STRINGS);
        string(&t, 900000000, "why"); /* ids may be anything */
        end(&t);
        clocks(&t, versions[i]);
        end_generation(&t, versions[i]);
        read_made(&got, &t);
        assert_types(&got, TRACE_SYNC, GOTRACE_PROC_STATUS, GOTRACE_PROC_STATUS, GOTRACE_GO_STATUS,
                     GOTRACE_USER_TASK_BEGIN, GOTRACE_USER_REGION_BEGIN, GOTRACE_STW_BEGIN,
                     GOTRACE_STW_END, TRACE_SYNC, GOTRACE_PROC_STATUS, GOTRACE_GO_STATUS,
                     GOTRACE_USER_REGION_END, GOTRACE_USER_TASK_END, GOTRACE_USER_TASK_END,
                     TRACE_SYNC);
        struct trace_task task;
        assert_true(trace_event_task(&got.events[12], &task));
        assert_string_equal(trace_string(got.trace, task.name, NULL), "why");
        assert_true(task.parent == TRACE_NO_TASK);
        assert_true(trace_event_task(&got.events[13], &task));
        assert_int_equal(task.name, 0);
        char name[256];
        struct trace_range range;
        assert_true(trace_event_range(got.trace, &got.events[7], name, &range));
        assert_string_equal(range.name, "stop-the-world (why)");
        trace_free(got.trace);
    }
}

/* ---- what is broken ---- */

static void no_trace(void **state)
{
    struct got got;
    read_bytes(&got, "", 0);
    assert_error(&got, "no execution trace");
    read_bytes(&got, "go 1.22 trace\0\0x", 16);
    assert_error(&got, "no execution trace");
    read_bytes(&got, "go 1.99 trace\0\0\0", 16);
    assert_error(&got, "version 1.99");
}

/* Cut at each byte: what is read is the begin of what there was. */
static void cut_anywhere(void **state)
{
    static const unsigned versions[] = {22, 25, 26};
    for (unsigned i = 0; i < 3; i++) {
        struct made t;
        struct got all, got;
        whole(&t, versions[i]);
        if (versions[i] < 26) { /* so that the end of the first is known */
            begin(&t, 1, 1000);
            event(&t, GOTRACE_PROC_STATUS, 0, 0, GOTRACE_PROC_RUNNING);
            end(&t);
            clocks(&t, versions[i]);
        }
        read_bytes(&all, t.out.data, t.out.len);
        assert_string_equal(all.err.msg, "");
        for (size_t n = GOTRACE_HEADER_BYTES; n < t.out.len; n++) {
            read_bytes(&got, t.out.data, n);
            if (versions[i] >= 26 && n > GOTRACE_HEADER_BYTES) {
                assert_int_equal(got.err.code, ERR_INPUT);
                assert_non_null(strstr(got.err.msg, "truncated at byte "));
            }
            for (size_t k = 0; k < got.n; k++)
                if (got.events[k].type != TRACE_SYNC)
                    assert_int_equal(got.events[k].type, all.events[k].type);
            trace_free(got.trace);
        }
        trace_free(all.trace);
        release(&t);
    }
}

/* Each byte changed in several ways: an end, one way or another. */
static void changed_anywhere(void **state)
{
    static const uint8_t masks[] = {0x01, 0x02, 0x10, 0x80, 0xff};
    struct made t;
    struct got got;
    whole(&t, 26);
    for (size_t i = 0; i < t.out.len; i++)
        for (size_t k = 0; k < sizeof masks; k++) {
            t.out.data[i] ^= (char)masks[k];
            read_bytes(&got, t.out.data, t.out.len);
            assert_null(strchr(got.err.msg, '\n'));
            trace_free(got.trace);
            t.out.data[i] ^= (char)masks[k];
        }
    release(&t);
}

static void lengths_that_lie(void **state)
{
    struct made t;
    struct got got;
    header(&t, 22);
    buf_putc(&t.out, GOTRACE_EVENT_BATCH);
    varint(&t.out, 1), varint(&t.out, 1), varint(&t.out, 1), varint(&t.out, 1ull << 62);
    read_made(&got, &t);
    assert_error(&got, "bytes, more than 65536");

    header(&t, 22);
    begin(&t, -1, 0);
    event(&t, GOTRACE_STRINGS);
    event(&t, GOTRACE_STRING, 1, UINT64_MAX);
    end(&t);
    read_made(&got, &t);
    assert_error(&got, "longer than its batch");

    header(&t, 22);
    begin(&t, -1, 0);
    event(&t, GOTRACE_STACKS);
    event(&t, GOTRACE_STACK, 1, UINT64_MAX);
    end(&t);
    clocks(&t, 22);
    read_made(&got, &t);
    assert_error(&got, "frames, more than 128");

    header(&t, 22); /* an event that its batch cuts off */
    begin(&t, 1, 0);
    buf_putc(&t.batch, GOTRACE_GO_START);
    end(&t);
    clocks(&t, 22);
    read_made(&got, &t);
    assert_error(&got, "thread 1: its batch ends within");
}

static void ids_that_lie(void **state)
{
    struct made t;
    struct got got;
    header(&t, 22);
    strings(&t);
    strings(&t);
    read_made(&got, &t);
    assert_error(&got, "two strings with id 1");

    header(&t, 22);
    strings(&t);
    stacks(&t);
    stacks(&t);
    clocks(&t, 22);
    read_made(&got, &t);
    assert_error(&got, "two stacks with id 1");

    header(&t, 22); /* frames without their strings */
    stacks(&t);
    clocks(&t, 22);
    read_made(&got, &t);
    assert_error(&got, "the string 1, which is not there");

    header(&t, 22);
    begin_main(&t, 1);
    event(&t, GOTRACE_GO_BLOCK, 1, 4, 0);
    end(&t);
    strings(&t);
    clocks(&t, 22);
    read_made(&got, &t);
    assert_int_equal(got.n, 4);
    assert_error(&got, "GoBlock: there is no string 4");

    header(&t, 22);
    begin_main(&t, 1);
    event(&t, GOTRACE_GO_BLOCK, 1, 3, UINT64_MAX);
    end(&t);
    strings(&t);
    clocks(&t, 22);
    read_made(&got, &t);
    assert_error(&got, "GoBlock: there is no stack");
}

static void orders_that_cannot_be(void **state)
{
    struct made t;
    struct got got;
    header(&t, 22);
    begin_main(&t, 1);
    event(&t, GOTRACE_GO_UNBLOCK, 1, 99, 1, 0);
    end(&t);
    clocks(&t, 22);
    read_made(&got, &t);
    assert_int_equal(got.n, 4);
    assert_error(&got, "generation 1: no event can come next: thread 1 waits with GoUnblock of 99");

    header(&t, 22);
    begin_main(&t, 1);
    event(&t, GOTRACE_GO_SYSCALL_END, 1);
    end(&t);
    clocks(&t, 22);
    read_made(&got, &t);
    assert_error(&got, "generation 1, thread 1: GoSyscallEnd: it is of a goroutine that is in no");

    header(&t, 26);
    begin_main(&t, 1);
    end(&t);
    end_generation(&t, 26);
    read_made(&got, &t);
    assert_error(&got, "generation 1: it has no frequency");
}

/* Memory runs out at each place in turn. */
static void without_memory(void **state)
{
    struct made t;
    whole(&t, 26);
    bool is_whole = false;
    for (long i = 0; !is_whole; i++) {
        const struct trace_event *events;
        struct err err = {0};
        alloc_countdown = i;
        struct trace_reader *reader = trace_reader_open_memory(t.out.data, t.out.len, "made", &err);
        for (size_t n; reader && trace_reader_next(reader, &events, &n, &err) && n > 0;)
            ;
        trace_reader_free(reader);
        is_whole = alloc_countdown >= 0;
        alloc_countdown = -1;
        /* Without a thread of its own it is read all the same. */
        assert_true(err.code == ERR_NOMEM || err.code == ERR_NONE);
    }
    release(&t);
}

static void text_of_events(void **state)
{
    struct made t;
    struct err err = {0};
    AUTO_BUF out = {0};
    whole(&t, 22);
    struct trace_reader *reader = trace_reader_open_memory(t.out.data, t.out.len, "made", &err);
    assert_non_null(reader);
    assert_true(trace_parsed(reader, &out, &err));
    trace_reader_free(reader);
    release(&t);
    assert_non_null(strstr(buf_str(&out), "M=-1 P=-1 G=-1 Sync Time=1 N=1\n"));
    assert_non_null(strstr(buf_str(&out),
                           "M=1 P=0 G=1 StateTransition Time=120 GoID=1 Running->Waiting "
                           "Reason=\"why\"\nTransitionStack=\n\tmain.main @ 0x10\n\t\tmain.go:5\n"
                           "\tmain.main @ 0x20\n\t\tmain.go:6\n\nStack=\n\tmain.main @ 0x10\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_generation),
        cmocka_unit_test(causes_come_before_effects),
        cmocka_unit_test(a_switch_is_three_events),
        cmocka_unit_test(a_processor_is_stolen),
        cmocka_unit_test(samples_are_put_between),
        cmocka_unit_test(generations_go_on),
        cmocka_unit_test(no_trace),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(changed_anywhere),
        cmocka_unit_test(lengths_that_lie),
        cmocka_unit_test(ids_that_lie),
        cmocka_unit_test(orders_that_cannot_be),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(text_of_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
