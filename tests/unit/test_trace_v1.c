/* Traces of Go 1.5 to 1.21, written by hand, as events of v2. */
#include "unit.h"

#include "trace/trace_v1_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"

/* ---- A trace that is written by hand ---- */

static struct {
    uint8_t bytes[32768];
    size_t n;
    unsigned version;
} t;

static void put(uint64_t value)
{
    t.n = (size_t)(gotrace_put(t.bytes + t.n, value) - t.bytes);
}

static void begin(unsigned version)
{
    t.version = version;
    memset(t.bytes, 0, sizeof t.bytes);
    t.n = GOTRACE_HEADER_BYTES;
    snprintf((char *)t.bytes, GOTRACE_HEADER_BYTES, "go 1.%u trace", version);
}

/* An event with these varints, times first, as the runtime writes it. */
static void event_(uint8_t type, size_t n, const uint64_t *values)
{
    uint8_t args[64], *p = args;
    size_t count = n - (t.version < 7 ? 2 : 1);
    if (n < (t.version < 7 ? 2 : 1))
        count = 0;
    t.bytes[t.n++] = (uint8_t)(type | (count > 3 ? 3 : count) << 6);
    for (size_t i = 0; i < n; i++)
        p = gotrace_put(p, values[i]);
    if (count >= 3)
        put((uint64_t)(p - args));
    memcpy(t.bytes + t.n, args, (size_t)(p - args));
    t.n += (size_t)(p - args);
}
#define event(type, ...)                                                                           \
    event_(TRACE_V1_##type, sizeof((const uint64_t[]){__VA_ARGS__}) / 8,                           \
           (const uint64_t[]){__VA_ARGS__})

static void batch(uint64_t p, uint64_t ticks)
{
    t.bytes[t.n++] = TRACE_V1_BATCH | 1 << 6;
    put(p);
    if (t.version < 7)
        put(0);
    put(ticks);
}

static void string(uint64_t id, const char *text)
{
    t.bytes[t.n++] = TRACE_V1_STRING;
    put(id);
    put(strlen(text));
    memcpy(t.bytes + t.n, text, strlen(text));
    t.n += strlen(text);
}

static void log_(uint64_t dt, uint64_t task, uint64_t key, uint64_t stack, const char *text)
{
    event(USER_LOG, dt, task, key, stack);
    put(strlen(text));
    memcpy(t.bytes + t.n, text, strlen(text));
    t.n += strlen(text);
}

/* Ticks are ns. */
static void end(void)
{
    event(FREQUENCY, 1000000000);
}

/* ---- What comes out ---- */

static struct {
    struct trace *trace;
    struct trace_event events[256];
    size_t n;
    struct err err;
    bool is_whole;
} got;

static void forget(void)
{
    trace_free(got.trace);
    memset(&got, 0, sizeof got);
}

/* Small blocks, so that all has to go on in the next one. */
static void read_bytes(const uint8_t *bytes, size_t n)
{
    forget();
    struct trace_input input = {bytes, n, t.version, false};
    got.trace = trace_new();
    void *source = got.trace ? trace_v1_source.open(&input, got.trace, &got.err) : NULL;
    got.is_whole = source != NULL;
    while (got.is_whole) {
        struct trace_event events[16];
        struct trace_block block = {.events = events, .cap = 16};
        got.is_whole = trace_v1_source.next(source, &block, &got.err);
        assert_true(got.n + block.n <= 256);
        memcpy(got.events + got.n, events, block.n * sizeof *events);
        got.n += block.n;
        if (block.n == 0)
            break;
    }
    trace_v1_source.free(source);
}

static void read_all(void)
{
    uint8_t *exact = malloc(t.n); /* so that a sanitizer sees reads past it */
    assert_non_null(exact);
    memcpy(exact, t.bytes, t.n);
    read_bytes(exact, t.n);
    free(exact);
}

/* The i-th event: "time type m p g args". */
static const char *text_of(size_t i)
{
    static char text[8][256];
    static unsigned at;
    char *out = text[at++ % 8];
    assert_true(i < got.n);
    const struct trace_event *e = &got.events[i];
    const char *name = e->type == TRACE_SYNC ? "Sync" : gotrace_specs[e->type].name;
    snprintf(out, 256, "%ld %s m%ld p%d g%ld %ld %ld %ld %ld", (long)e->time_ns, name, (long)e->m,
             e->p, (long)e->g, (long)e->args[0], (long)e->args[1], (long)e->args[2],
             (long)e->args[3]);
    return out;
}

static const char *string_of(uint64_t number)
{
    assert_true(number < trace_n_strings(got.trace));
    return trace_string(got.trace, (uint32_t)number, NULL);
}

/* The beginning of most: processor 0 on thread 7 runs goroutine 1. */
static void start(void)
{
    batch(0, 100);
    event(GO_CREATE, 0, 1, 1, 0);
    event(GO_CREATE, 1, 2, 1, 0);
    event(GO_WAITING, 1, 2);
    event(PROC_START, 1, 7);
    event(GO_START, 1, 1, 1);
    event(GOMAXPROCS, 1, 4, 0); /* at 105, not shown */
}

static void test_statuses(void **state)
{
    (void)state;
    begin(21);
    batch(0, 100);
    event(GO_CREATE, 0, 1, 1, 0); /* of these, 4 and 5 tell nothing of themselves */
    event(GO_CREATE, 0, 2, 1, 0);
    event(GO_CREATE, 0, 3, 1, 0);
    event(GO_CREATE, 0, 4, 1, 0);
    event(GO_CREATE, 0, 5, 1, 0);
    event(GO_WAITING, 10, 2);
    event(GO_IN_SYSCALL, 10, 3);
    event(PROC_START, 10, 7);
    event(GO_START, 10, 1, 1);
    event(GOMAXPROCS, 10, 4, 0);
    event(GOMAXPROCS, 10, 3, 0);
    batch(1, 200);
    event(PROC_STOP, 1);
    end();
    read_all();
    assert_false(got.is_whole); /* processor 1 was not running, as Go's tools see it */
    assert_string_equal(text_of(0), "-1 Sync m-1 p-1 g-1 1 0 0 0");
    assert_string_equal(text_of(1), "10 GoStatus m-1 p0 g2 2 -1 4 0");
    assert_string_equal(text_of(2), "20 GoStatus m-1 p0 g3 3 -1 3 0");
    assert_string_equal(text_of(3), "30 ProcStatus m7 p0 g-1 0 1 0 0");
    assert_string_equal(text_of(4), "40 GoStatus m7 p0 g1 1 -1 2 0");
    assert_string_equal(text_of(5), "50 GoStatus m-1 p-1 g-1 4 -1 1 0");
    assert_string_equal(text_of(6), "51 GoStatus m-1 p-1 g-1 5 -1 1 0"); /* never the same time */
    assert_string_equal(text_of(7), "60 ProcsChange m7 p0 g1 3 0 0 0");
    assert_string_equal(text_of(8), "61 Sync m-1 p-1 g-1 2 0 0 0");
    assert_int_equal(got.n, 9);
    struct trace_transition transition;
    assert_true(trace_event_transition(&got.events[2], &transition));
    assert_int_equal(transition.from, TRACE_GO_UNDETERMINED);
    assert_int_equal(transition.to, TRACE_GO_SYSCALL);
    assert_int_equal(transition.id, 3);
    struct trace_metric metric;
    assert_true(trace_event_metric(&got.events[7], &metric));
    assert_int_equal(metric.value, 3);
}

/* Processor 1's clock is behind, but its events need what 0 did. */
static void test_order(void **state)
{
    (void)state;
    begin(19);
    start();
    event(GO_CREATE, 5, 9, 1, 2);   /* 110 */
    event(GO_UNBLOCK, 10, 2, 2, 3); /* 120 */
    event(GO_BLOCK_RECV, 20, 2);    /* 140: g 1 */
    batch(1, 111);
    event(PROC_START, 0, 8);        /* 111 */
    event(GO_START, 9, 2, 3);       /* 120 */
    event(GO_UNBLOCK, 30, 1, 2, 0); /* 150 */
    event(GO_SCHED, 1, 0);          /* 151 */
    event(GO_START_LOCAL, 1, 1);    /* 152: the state of goroutine 1 is the third */
    event(GO_END, 1);               /* 153 */
    event(PROC_STOP, 1);            /* 154 */
    batch(3, 0);
    event(STACK, 1, 1, 0x10, 1, 2, 33);
    event(STACK, 2, 2, 0x20, 1, 2, 44, 0x10, 1, 2, 99);
    event(STACK, 3, 0);
    string(1, "main.f");
    string(2, "/m.go");
    end();
    read_all();
    assert_true(got.is_whole);
    assert_int_equal(got.n, 15);
    size_t i = 4;
    assert_string_equal(text_of(i++), "10 GoCreate m7 p0 g1 9 2 3 0");
    assert_string_equal(text_of(i++), "11 ProcStatus m8 p1 g-1 1 1 0 0");
    assert_string_equal(text_of(i++), "20 GoUnblock m7 p0 g1 2 2 0 0"); /* 3 has no frames */
    assert_string_equal(text_of(i++), "21 GoStart m8 p1 g2 2 3 0 0");
    assert_int_equal(got.events[i].type, GOTRACE_GO_BLOCK);
    assert_string_equal(string_of(got.events[i++].args[0]), "chan receive");
    assert_string_equal(text_of(i++), "50 GoUnblock m8 p1 g2 1 2 0 0");
    assert_int_equal(got.events[i].type, GOTRACE_GO_STOP);
    assert_string_equal(string_of(got.events[i++].args[0]), "runtime.Gosched");
    assert_string_equal(text_of(i++), "52 GoStart m8 p1 g1 1 0 0 0");
    assert_string_equal(text_of(i++), "53 GoDestroy m8 p1 g1 0 0 0 0");
    assert_string_equal(text_of(i++), "54 ProcStop m8 p1 g-1 1 0 0 0");
    assert_string_equal(text_of(i++), "55 Sync m-1 p-1 g-1 2 0 0 0");

    /* The new goroutine's stack is told of, and that of who made it. */
    struct trace_transition transition;
    assert_true(trace_event_transition(&got.events[4], &transition));
    assert_int_equal(transition.id, 9);
    struct trace_stack stack = trace_stack(got.trace, transition.stack);
    assert_int_equal(stack.n_frames, 1);
    assert_int_equal(trace_frame(got.trace, stack.frames[0])->line, 33);
    assert_string_equal(string_of(trace_frame(got.trace, stack.frames[0])->func), "main.f");
    stack = trace_stack(got.trace, trace_event_stack(&got.events[4]));
    assert_int_equal(stack.n_frames, 2);
    assert_int_equal(trace_frame(got.trace, stack.frames[0])->pc, 0x20);
    /* What was said of a pc first holds. */
    assert_int_equal(trace_frame(got.trace, stack.frames[1])->line, 33);
}

static void test_system_calls(void **state)
{
    (void)state;
    begin(21);
    start();
    event(GO_SYS_CALL, 5, 0);          /* 110: goes on at once */
    event(GO_SYS_CALL, 10, 0);         /* 120: blocks */
    event(GO_SYS_BLOCK, 1);            /* 121 */
    event(PROC_STOP, 1);               /* 122 */
    event(PROC_START, 78, 7);          /* 200 */
    event(HEAP_ALLOC, 5, 4096);        /* 205 */
    event(GO_SYS_EXIT, 10, 1, 2, 160); /* written at 215, was at 160 */
    event(GO_START, 1, 1, 3);          /* 216 */
    end();
    read_all();
    assert_true(got.is_whole);
    assert_string_equal(text_of(4), "10 GoSyscallBegin m7 p0 g1 0 0 0 0");
    assert_string_equal(text_of(5), "11 GoSyscallEnd m7 p0 g1 0 0 0 0");
    assert_string_equal(text_of(6), "20 GoSyscallBegin m7 p0 g1 0 0 0 0");
    assert_string_equal(text_of(7), "22 ProcStop m7 p0 g-1 0 0 0 0");
    assert_string_equal(text_of(8), "60 GoSyscallEndBlocked m-1 p1000003 g1 0 0 0 0");
    assert_string_equal(text_of(9), "100 ProcStart m7 p0 g-1 0 0 0 0");
    assert_string_equal(text_of(10), "105 HeapAlloc m7 p0 g-1 4096 0 0 0");
    assert_string_equal(text_of(11), "116 GoStart m7 p0 g1 1 3 0 0");
    assert_int_equal(got.n, 13);
}

/* A timer's goroutine and the network wake others: on processors of their own. */
static void test_wakers(void **state)
{
    (void)state;
    begin(11);
    start();
    event(GO_CREATE, 5, 3, 1, 0); /* 110 */
    event(GO_BLOCK_NET, 10, 0);   /* 120 */
    event(GO_START_LABEL, 0, 3, 1, 5);
    event(GO_UNBLOCK, 10, 1, 2, 0); /* 130: from the network */
    event(GO_UNBLOCK, 10, 2, 2, 0); /* 140: by a timer */
    event(TIMER_GOROUTINE, 3);
    string(5, "GC (dedicated)");
    end();
    read_all();
    assert_true(got.is_whole);
    assert_int_equal(got.events[4].type, GOTRACE_GO_CREATE);
    assert_int_equal(trace_stack(got.trace, (uint32_t)got.events[4].args[1]).n_frames, 0);
    assert_int_not_equal(got.events[4].args[1], 0); /* told of, but without frames */
    assert_string_equal(string_of(got.events[5].args[0]), "network");
    assert_string_equal(text_of(6), "21 GoStart m7 p0 g3 3 1 0 0");
    assert_int_equal(got.events[7].type, GOTRACE_GO_LABEL);
    assert_string_equal(string_of(got.events[7].args[0]), "GC (dedicated)");
    assert_string_equal(text_of(8), "30 GoUnblock m-1 p1000002 g3 1 2 0 0");
    assert_string_equal(text_of(9), "40 GoUnblock m-1 p1000001 g3 2 2 0 0");
}

static void test_gc(void **state)
{
    (void)state;
    static const struct {
        unsigned version;
        uint64_t kind;
        const char *name;
    } stops[] = {
        {9, 0, "stop-the-world (GC mark termination)"},
        {11, 0, "stop-the-world (GC mark termination)"},
        {19, 1, "stop-the-world (GC sweep termination)"},
        {19, 2, "stop-the-world ()"},
        {21, 1, "stop-the-world (GC mark termination)"},
        {21, 9, "stop-the-world (GOMAXPROCS)"},
        {21, 17, "stop-the-world ()"},
    };
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        begin(stops[i].version);
        start();
        if (stops[i].version < 10)
            event(STW_START, 5);
        else
            event(STW_START, 5, stops[i].kind);
        event(GC_START, 1, 0, 0);
        event(STW_DONE, 1);
        event(GC_SWEEP_START, 1, 0);
        event(GC_SWEEP_DONE, 1, 8192, 4096);
        event(GC_MARK_ASSIST_DONE, 1); /* that began before */
        event(GC_MARK_ASSIST_START, 1, 0);
        event(GC_DONE, 1);
        event(HEAP_GOAL, 1, 123456);
        end();
        read_all();
        assert_true(got.is_whole);
        char buf[256];
        struct trace_range range;
        assert_true(trace_event_range(got.trace, &got.events[4], buf, &range));
        assert_string_equal(range.name, stops[i].name);
        assert_int_equal(range.id, 1);
        assert_string_equal(text_of(5), "11 GCBegin m-1 p1000004 g1 0 0 0 0");
        assert_int_equal(got.events[6].type, GOTRACE_STW_END);
        assert_true(trace_event_range(got.trace, &got.events[6], buf, &range));
        assert_string_equal(range.name, stops[i].name);
        assert_string_equal(text_of(7), "13 GCSweepBegin m7 p0 g1 0 0 0 0");
        assert_string_equal(text_of(8), "14 GCSweepEnd m7 p0 g1 8192 4096 0 0");
        assert_int_equal(got.events[9].type, GOTRACE_GC_MARK_ASSIST_END);
        assert_int_equal(got.events[10].type, GOTRACE_GC_MARK_ASSIST_BEGIN);
        assert_int_equal(got.events[11].type, GOTRACE_GC_END);
        assert_string_equal(text_of(12), "18 HeapGoal m7 p0 g1 123456 0 0 0");
    }
}

static void tasks(void)
{
    begin(19);
    start();
    event(USER_TASK_CREATE, 5, 1, 0, 10, 0);
    event(USER_TASK_CREATE, 1, 2, 1, 11, 0);
    event(USER_REGION, 1, 2, 0, 12, 0);
    log_(1, 2, 10, 0, "a message");
    event(USER_REGION, 1, 2, 1, 12, 0);
    event(USER_REGION, 1, 0, 1, 12, 0); /* that began before */
    event(USER_TASK_END, 1, 2, 0);
    event(USER_TASK_END, 1, 77, 0); /* likewise */
    string(10, "outer");
    string(11, "inner");
    string(12, "part");
}

static void test_tasks(void **state)
{
    (void)state;
    tasks();
    end();
    read_all();
    assert_true(got.is_whole);
    struct trace_task task;
    struct trace_region region;
    struct trace_log log;
    assert_true(trace_event_task(&got.events[4], &task));
    assert_string_equal(string_of(task.name), "outer");
    assert_true(task.parent == TRACE_NO_TASK);
    assert_true(trace_event_task(&got.events[5], &task));
    assert_true(task.id == 2 && task.parent == 1);
    assert_int_equal(got.events[6].type, GOTRACE_USER_REGION_BEGIN);
    assert_true(trace_event_region(&got.events[6], &region));
    assert_string_equal(string_of(region.name), "part");
    assert_int_equal(region.task, 2);
    assert_true(trace_event_log(&got.events[7], &log));
    assert_string_equal(string_of(log.category), "outer");
    assert_string_equal(string_of(log.message), "a message");
    assert_int_equal(got.events[8].type, GOTRACE_USER_REGION_END);
    assert_int_equal(got.events[9].type, GOTRACE_USER_REGION_END);
    assert_true(trace_event_task(&got.events[10], &task));
    assert_string_equal(string_of(task.name), "inner");
    assert_int_equal(task.parent, 1);
    assert_true(trace_event_task(&got.events[11], &task));
    assert_true(task.id == 77 && task.parent == TRACE_NO_TASK && task.name == 0);
}

/* Samples are written late; they have the time at which they were taken. */
static void test_samples(void **state)
{
    (void)state;
    begin(19);
    start();
    event(HEAP_ALLOC, 45, 1); /* 150 */
    batch(UINT64_MAX, 500);
    event(CPU_SAMPLE, 1, 170, 0, 1, 1);
    event(CPU_SAMPLE, 1, 130, UINT64_MAX, 0, 0);
    event(STACK, 1, 1, 0x10, 1, 2, 33);
    end();
    read_all();
    assert_true(got.is_whole);
    assert_string_equal(text_of(4), "30 CPUSample m-1 p-1 g-1 1 0 0 0");
    assert_int_equal(trace_stack(got.trace, 1).n_frames, 0);
    assert_string_equal(text_of(5), "50 HeapAlloc m7 p0 g1 1 0 0 0");
    assert_string_equal(text_of(6), "70 CPUSample m-1 p0 g1 2 0 0 0");
    assert_int_equal(trace_event_stack(&got.events[6]), 2);
    assert_int_equal(got.n, 8);
}

/* Numbers on events say their order, whatever their times and places are; no names. */
static void test_1_5(void **state)
{
    (void)state;
    begin(5);
    batch(0, 100);
    event(GO_CREATE, 1, 0, 1, 0x40, 0); /* 1 */
    event(PROC_START, 1, 1, 7);         /* 2 */
    event(GO_START, 1, 1, 1);           /* 3 */
    event(GOMAXPROCS, 1, 1, 4, 0);      /* 4, at 103 */
    event(GO_CREATE, 1, 7, 2, 0x50, 1); /* 5, at 110 */
    event(GO_SYS_CALL, 1, 10, 0);       /* 6, at 120 */
    event(GO_SYS_BLOCK, 2, 10);         /* 8, at 130 */
    event(PROC_STOP, 6, 40);            /* 14, at 170 */
    event(GO_SYS_EXIT, 10, 1, 1, 12, 160);
    batch(1, 125);
    event(PROC_START, 7, 0, 8);       /* 7, at 125 */
    event(GO_START, 3, 10, 2);        /* 10, at 135 */
    event(GO_BLOCK_SELECT, 1, 10, 0); /* 11, at 145 */
    t.bytes[t.n++] = TRACE_V1_STACK | 2 << 6;
    put(1), put(2), put(0x99), put(0x98);
    t.bytes[t.n++] = TRACE_V1_FREQUENCY;
    put(500000000), put(0);
    read_all();
    assert_true(got.is_whole);
    assert_string_equal(text_of(1), "2 ProcStatus m7 p0 g-1 0 1 0 0");
    assert_string_equal(text_of(2), "4 GoStatus m7 p0 g1 1 -1 2 0");
    assert_string_equal(text_of(3), "20 GoCreate m7 p0 g1 2 3 2 0");
    assert_string_equal(text_of(4), "40 GoSyscallBegin m7 p0 g1 0 0 0 0");
    assert_string_equal(text_of(5), "50 ProcStatus m8 p1 g-1 1 1 0 0");
    assert_string_equal(text_of(6), "70 GoStart m8 p1 g2 2 0 0 0");
    assert_int_equal(got.events[7].type, GOTRACE_GO_BLOCK);
    assert_string_equal(text_of(8), "120 GoSyscallEndBlocked m-1 p1000003 g1 0 0 0 0");
    assert_string_equal(text_of(9), "140 ProcStop m7 p0 g-1 0 0 0 0");
    assert_int_equal(got.n, 11);
    struct trace_stack stack = trace_stack(got.trace, 3);
    assert_int_equal(trace_frame(got.trace, stack.frames[0])->pc, 0x51);
    stack = trace_stack(got.trace, 2);
    assert_int_equal(stack.n_frames, 2);
    assert_int_equal(trace_frame(got.trace, stack.frames[1])->pc, 0x98);
}

/* However much of a trace is there: what it had before, and why it ends. */
static void test_cut_off(void **state)
{
    (void)state;
    tasks();
    uint8_t types[64];
    read_all();
    size_t n_all = got.n;
    assert_false(got.is_whole);
    assert_non_null(strstr(got.err.msg, "truncated at byte"));
    for (size_t i = 0; i < n_all; i++)
        types[i] = got.events[i].type;
    bool is_between = false;
    for (size_t n = t.n - 1; n >= GOTRACE_HEADER_BYTES; n--) {
        uint8_t *exact = malloc(n);
        assert_non_null(exact);
        memcpy(exact, t.bytes, n);
        read_bytes(exact, n);
        free(exact);
        assert_false(got.is_whole);
        assert_non_null(strstr(got.err.msg, "truncated"));
        assert_non_null(strstr(got.err.msg, "ticks"));
        is_between |= got.n > 1 && got.n < n_all;
        for (size_t i = 0; i + 1 < got.n; i++)
            assert_int_equal(got.events[i].type, types[i]);
        assert_int_equal(got.events[got.n - 1].type, TRACE_SYNC);
    }
    assert_true(is_between);
}

static void assert_broken(const char *why, size_t n)
{
    read_all();
    assert_false(got.is_whole);
    assert_non_null(strstr(got.err.msg, why));
    assert_int_equal(got.n, n);
}

static void test_broken(void **state)
{
    (void)state;
    begin(19); /* an event that is in no version */
    start();
    event(HEAP_ALLOC, 1, 1);
    t.bytes[t.n++] = 60;
    assert_broken("unknown type of event at byte", 6);

    begin(9); /* one of later versions */
    start();
    event(USER_TASK_END, 1, 1, 0);
    assert_broken("unknown type of event", 5);

    begin(19); /* no batch */
    event(HEAP_ALLOC, 1, 1);
    assert_broken("outside of a batch", 1);

    begin(19); /* arguments */
    start();
    event(HEAP_ALLOC, 1);
    assert_broken("wrong number of arguments", 5);

    tasks(); /* a task twice */
    event(USER_TASK_CREATE, 1, 1, 0, 10, 0);
    end();
    assert_broken("UserTaskCreate at byte", 13);

    tasks(); /* regions that cross */
    event(USER_REGION, 1, 1, 0, 10, 0);
    event(USER_REGION, 1, 1, 0, 11, 0);
    event(USER_REGION, 1, 1, 1, 10, 0);
    end();
    assert_broken("innermost region", 15);

    begin(19); /* a goroutine that nobody made */
    start();
    batch(1, 110);
    event(PROC_START, 0, 8);
    event(GO_START, 1, 55, 1);
    end();
    assert_broken("fit into no order", 6);

    begin(19); /* a clock that goes back */
    start();
    event(GO_CREATE, 50, 9, 1, 0); /* 155 */
    batch(1, 110);
    event(GO_START, 10, 9, 1); /* 120 */
    end();
    assert_broken("out of order", 6);

    begin(19); /* a system call that ended before it began */
    start();
    event(GO_SYS_CALL, 5, 0);
    event(GO_SYS_BLOCK, 1);
    event(GO_SYS_EXIT, 10, 1, 2, 50);
    end();
    assert_broken("out of order", 6);

    begin(19); /* numbers that are too long */
    start();
    t.bytes[t.n++] = TRACE_V1_PROC_STOP;
    memset(t.bytes + t.n, 0xff, 12);
    t.n += 12;
    assert_broken("bad number", 5);

    begin(19);
    for (uint64_t p = 0; p < 5000; p++)
        batch(p, 1);
    assert_broken("too many processors", 1);

    begin(19); /* lengths that are too long */
    start();
    t.bytes[t.n++] = TRACE_V1_STRING;
    put(1), put(UINT64_MAX);
    assert_broken("bad string", 5);
    begin(19);
    start();
    t.bytes[t.n++] = TRACE_V1_GO_CREATE | 3 << 6;
    put(UINT64_MAX);
    assert_broken("truncated", 5);
    begin(19);
    start();
    event(STACK, 1, UINT64_MAX, 1, 1, 1, 1);
    assert_broken("bad stack", 5);
}

static void test_empty(void **state)
{
    (void)state;
    begin(19);
    batch(0, 1);
    end();
    read_all();
    assert_true(got.is_whole);
    assert_int_equal(got.n, 1);
    assert_string_equal(text_of(0), "0 Sync m-1 p-1 g-1 1 0 0 0");
}

static void test_no_memory(void **state)
{
    (void)state;
    for (unsigned version = 5; version <= 19; version += 14) {
        if (version == 5) {
            begin(5);
            batch(0, 100);
            event(GO_CREATE, 1, 0, 1, 0x40, 0);
            event(GO_IN_SYSCALL, 1, 10, 1);
            event(GO_SYS_EXIT, 10, 1, 1, 12, 160);
            event(FREQUENCY, 1, 1);
        } else {
            tasks();
            event(CPU_SAMPLE, 1, 170, 0, 1, 1);
            event(STACK, 1, 1, 0x10, 1, 2, 33);
            event(GO_SYS_CALL, 5, 0);
            event(GO_SYS_BLOCK, 1);
            event(GO_SYS_EXIT, 10, 1, 2, 150);
            event(TIMER_GOROUTINE, 3);
            end();
        }
        read_bytes(t.bytes, t.n);
        bool is_whole = false, was_whole = got.is_whole;
        size_t n_all = got.n;
        for (long i = 0; !is_whole && i < 1000; i++) {
            alloc_countdown = i;
            read_bytes(t.bytes, t.n);
            is_whole = alloc_countdown >= 0;
            alloc_countdown = -1;
            if (got.is_whole || (got.trace && got.err.code != ERR_NOMEM))
                assert_int_equal(got.n, n_all); /* it could do without */
        }
        assert_true(is_whole && was_whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),     cmocka_unit_test(test_order),
        cmocka_unit_test(test_system_calls), cmocka_unit_test(test_wakers),
        cmocka_unit_test(test_gc),           cmocka_unit_test(test_tasks),
        cmocka_unit_test(test_samples),      cmocka_unit_test(test_1_5),
        cmocka_unit_test(test_cut_off),      cmocka_unit_test(test_broken),
        cmocka_unit_test(test_empty),        cmocka_unit_test(test_no_memory),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    forget();
    return failed;
}
