/* Profiles of events whose answer is known by adding up. */
#include "analysis/analysis.h"
#include "unit.h"

#include <string.h>

static struct trace *trace;
static uint32_t stack_a, stack_b, chan_receive, network, region_name, inner_name, task_name;

static uint32_t add_string(const char *text)
{
    return trace_add_string(trace, text, strlen(text));
}

static uint32_t add_stack(const char *leaf, uint64_t pc, const char *root)
{
    uint32_t file = add_string("/x.go");
    struct trace_frame frames[] = {{pc, add_string(leaf), file, 7},
                                   {0x900, add_string(root), file, 1}};
    uint32_t numbers[] = {trace_add_frame(trace, &frames[0]), trace_add_frame(trace, &frames[1])};
    return trace_add_stack(trace, numbers, 2);
}

static int setup(void **state)
{
    trace = trace_new();
    stack_a = add_stack("main.wait", 0x100, "main.work");
    stack_b = add_stack("main.send", 0x200, "main.main");
    chan_receive = add_string("chan receive");
    network = add_string("network");
    region_name = add_string("region");
    inner_name = add_string("inner");
    task_name = add_string("task");
    return trace ? 0 : -1;
}

static int teardown(void **state)
{
    trace_free(trace);
    return 0;
}

static struct trace_event event(int64_t time_ns, int64_t g, enum gotrace_type type, uint64_t a,
                                uint64_t b, uint64_t c)
{
    return (struct trace_event){time_ns, g, 1, 0, type, {a, b, c}};
}

static struct profile *run(const char *name, const struct trace_event *events, size_t n,
                           const struct analysis_options *options)
{
    struct err err = {0};
    const struct analysis_ops *ops = analysis_find(ANALYSIS_PROFILE, name);
    assert_non_null(ops);
    void *state = ops->begin(trace, options, NULL, &err);
    assert_non_null(state);
    /* In two blocks: what is kept between them must be kept. */
    ops->events(state, events, n / 2);
    ops->events(state, events + n / 2, n - n / 2);
    assert_true(ops->end(state, &err));
    struct profile *profile = ops->profile(state, &err);
    assert_non_null(profile);
    ops->free(state);
    return profile;
}

/* The second value of the sample whose innermost function is `leaf` and whose label, if that is
 * not NULL, is `label`; -1: none. */
static int64_t value(const struct profile *p, const char *leaf, const char *label, int which)
{
    for (uint32_t i = 0; i < p->n_samples; i++) {
        const char *name = "";
        if (p->stack_first[i] < p->stack_first[i + 1]) {
            const struct profile_location *l = &p->locations[p->stack_locs[p->stack_first[i]]];
            name = profile_cstr(p, p->functions[p->lines[l->first_line].function].name);
        }
        if (strcmp(name, leaf) != 0)
            continue;
        if (label && (!p->label_first || p->label_first[i] == p->label_first[i + 1] ||
                      strcmp(profile_cstr(p, p->labels[p->label_first[i]].str), label) != 0))
            continue;
        return p->values[2 * i + which];
    }
    return -1;
}

/* Goroutine 1 makes 2, which waits twice for a channel and once for the network. */
static size_t make_waits(struct trace_event *e)
{
    size_t n = 0;
    e[n++] = event(1000, TRACE_NONE, TRACE_SYNC, 1, 0, 0);
    e[n++] = event(1001, 1, GOTRACE_GO_STATUS, 1, 0, GOTRACE_GO_RUNNING);
    e[n++] = event(1010, 1, GOTRACE_GO_CREATE, 2, stack_a, stack_b);
    e[n++] = event(1030, TRACE_NONE, GOTRACE_GO_START, 2, 1, 0);
    e[n++] = event(1040, 2, GOTRACE_GO_BLOCK, chan_receive, stack_a, 0);
    e[n++] = event(1140, 1, GOTRACE_GO_UNBLOCK, 2, 1, stack_b);
    e[n++] = event(1145, TRACE_NONE, GOTRACE_GO_START, 2, 2, 0);
    e[n++] = event(1150, 2, GOTRACE_GO_BLOCK, chan_receive, stack_a, 0);
    e[n++] = event(1160, 1, GOTRACE_GO_UNBLOCK, 2, 3, stack_b);
    e[n++] = event(1163, TRACE_NONE, GOTRACE_GO_START, 2, 4, 0);
    e[n++] = event(1170, 2, GOTRACE_GO_BLOCK, network, stack_a, 0);
    e[n++] = event(1270, 1, GOTRACE_GO_UNBLOCK, 2, 5, 0);
    e[n++] = event(1271, TRACE_NONE, GOTRACE_GO_START, 2, 6, 0);
    e[n++] = event(1280, 2, GOTRACE_GO_SYSCALL_BEGIN, 1, stack_a, 0);
    e[n++] = event(1300, 2, GOTRACE_GO_SYSCALL_END, 0, 0, 0);
    e[n++] = event(1310, 2, GOTRACE_GO_DESTROY, 0, 0, 0);
    return n;
}

static void test_waits(void **state)
{
    struct trace_event e[32];
    struct analysis_options all = {0};
    size_t n = make_waits(e);
    struct profile *p = run("sync", e, n, &all);
    assert_int_equal(p->n_samples, 1);
    assert_int_equal(value(p, "main.wait", NULL, 0), 2);
    assert_int_equal(value(p, "main.wait", NULL, 1), 110);
    profile_free(p);
    p = run("net", e, n, &all);
    assert_int_equal(value(p, "main.wait", NULL, 1), 100);
    profile_free(p);
    p = run("syscall", e, n, &all);
    assert_int_equal(value(p, "main.wait", NULL, 1), 20);
    profile_free(p);
    /* From waking to running, by who woke; the time before it ran first does not count. */
    p = run("sched", e, n, &all);
    assert_int_equal(value(p, "main.send", NULL, 1), 5 + 3);
    assert_int_equal(value(p, "", NULL, 1), 1);
    assert_int_equal(p->n_samples, 2);
    profile_free(p);
}

static void test_parts(void **state)
{
    struct trace_event e[32];
    size_t n = make_waits(e);
    struct analysis_options part = {.start_ns = 100, .end_ns = 155};
    struct profile *p = run("sync", e, n, &part);
    assert_int_equal(value(p, "main.wait", NULL, 1), 40 + 5); /* 1100 to 1155 */
    profile_free(p);
    struct analysis_options by_name = {.goroutine_name = "main.work"};
    p = run("sync", e, n, &by_name);
    assert_int_equal(value(p, "main.wait", NULL, 1), 110);
    profile_free(p);
    struct analysis_options other = {.goroutine_name = "main.main"};
    p = run("sync", e, n, &other);
    assert_int_equal(p->n_samples, 0);
    profile_free(p);
    struct analysis_options one = {.goroutine = 1};
    p = run("sync", e, n, &one);
    assert_int_equal(p->n_samples, 0);
    profile_free(p);
}

/* What never ran in the trace counts from its begin. */
static void test_never_ran(void **state)
{
    struct analysis_options all = {0};
    const struct trace_event e[] = {
        event(1000, TRACE_NONE, TRACE_SYNC, 1, 0, 0),
        event(1001, TRACE_NONE, GOTRACE_GO_STATUS, 5, 0, GOTRACE_GO_WAITING),
        event(1050, 1, GOTRACE_GO_UNBLOCK, 5, 1, stack_b),
        event(1060, TRACE_NONE, TRACE_SYNC, 2, 0, 0),
    };
    struct profile *p = run("sched", e, 4, &all);
    assert_int_equal(p->n_samples, 0); /* it still waits for its processor */
    profile_free(p);
}

static void test_states(void **state)
{
    struct trace_event e[32];
    struct analysis_options one = {.goroutine = 2};
    size_t n = make_waits(e);
    struct profile *p = run("states", e, n, &one);
    assert_int_equal(value(p, "main.wait", "waiting: chan receive", 1), 110);
    assert_int_equal(value(p, "main.wait", "waiting: network", 1), 100);
    assert_int_equal(value(p, "main.wait", "syscall", 1), 20);
    assert_int_equal(value(p, "main.wait", "runnable", 1), 20 + 5 + 3 + 1);
    assert_int_equal(value(p, "main.wait", "running", 1), 10 + 5 + 7 + 9 + 10);
    profile_free(p);
}

static void test_regions(void **state)
{
    struct analysis_options all = {0}, of_task = {.task = 3};
    const struct trace_event e[] = {
        event(1000, TRACE_NONE, TRACE_SYNC, 1, 0, 0),
        event(1010, 1, GOTRACE_USER_TASK_BEGIN, 3, 0, task_name),
        event(1020, 1, GOTRACE_USER_REGION_BEGIN, 3, region_name, stack_a),
        event(1030, 1, GOTRACE_USER_REGION_BEGIN, 0, inner_name, stack_b),
        event(1040, 2, GOTRACE_USER_REGION_END, 0, inner_name, 0), /* began before the trace */
        event(1050, 1, GOTRACE_USER_REGION_END, 0, inner_name, 0),
        event(1070, 1, GOTRACE_USER_REGION_END, 3, region_name, 0),
        event(1080, 1, GOTRACE_USER_REGION_BEGIN, 0, inner_name, stack_b), /* does not end */
        event(1100, TRACE_NONE, TRACE_SYNC, 2, 0, 0),
    };
    struct profile *p = run("regions", e, sizeof e / sizeof *e, &all);
    assert_int_equal(value(p, "main.wait", "region", 1), 50);
    assert_int_equal(value(p, "main.send", "inner", 1), 20 + 20);
    assert_int_equal(value(p, "", "inner", 1), 40);
    profile_free(p);
    p = run("regions", e, sizeof e / sizeof *e, &of_task);
    assert_int_equal(p->n_samples, 1);
    profile_free(p);
    p = run("tasks", e, sizeof e / sizeof *e, &all);
    assert_int_equal(value(p, "", "task", 1), 90);
    profile_free(p);
}

static void test_gc(void **state)
{
    struct analysis_options all = {0};
    const struct trace_event e[] = {
        event(1000, TRACE_NONE, TRACE_SYNC, 1, 0, 0),
        event(1010, 1, GOTRACE_GC_BEGIN, 1, stack_a, 0),
        event(1020, 1, GOTRACE_GC_MARK_ASSIST_BEGIN, stack_b, 0, 0),
        event(1025, 2, GOTRACE_GC_MARK_ASSIST_BEGIN, stack_b, 0, 0),
        event(1030, 1, GOTRACE_GC_MARK_ASSIST_END, 0, 0, 0),
        event(1040, TRACE_NONE, TRACE_SYNC, 2, 0, 0),
        event(1041, TRACE_NONE, GOTRACE_GC_ACTIVE, 1, 0, 0), /* the same one, in a new generation */
        event(1042, TRACE_NONE, GOTRACE_GC_MARK_ASSIST_ACTIVE, 2, 0, 0),
        event(1055, 2, GOTRACE_GC_MARK_ASSIST_END, 0, 0, 0),
        event(1110, 3, GOTRACE_GC_END, 1, 0, 0),
    };
    struct profile *p = run("gc", e, sizeof e / sizeof *e, &all);
    assert_int_equal(value(p, "main.wait", "GC concurrent mark phase", 0), 1);
    assert_int_equal(value(p, "main.wait", "GC concurrent mark phase", 1), 100);
    assert_int_equal(value(p, "main.send", "GC mark assist", 1), 10 + 30);
    profile_free(p);
}

static void test_cpu(void **state)
{
    struct analysis_options all = {0}, by_name = {.goroutine_name = "main.main"};
    const struct trace_event e[] = {
        event(1000, TRACE_NONE, TRACE_SYNC, 1, 0, 0),
        event(1010, 1, GOTRACE_CPU_SAMPLE, stack_a, 0, 0),
        event(1020, 1, GOTRACE_CPU_SAMPLE, stack_a, 0, 0),
        event(1030, 2, GOTRACE_CPU_SAMPLE, stack_b, 0, 0),
    };
    struct profile *p = run("cpu", e, 4, &all);
    assert_int_equal(value(p, "main.wait", NULL, 0), 2);
    assert_int_equal(value(p, "main.wait", NULL, 1), 20000000);
    assert_int_equal(p->period, 10000000);
    profile_free(p);
    p = run("cpu", e, 4, &by_name);
    assert_int_equal(p->n_samples, 1);
    assert_int_equal(value(p, "main.send", NULL, 0), 1);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits),     cmocka_unit_test(test_parts),
        cmocka_unit_test(test_never_ran), cmocka_unit_test(test_states),
        cmocka_unit_test(test_regions),   cmocka_unit_test(test_gc),
        cmocka_unit_test(test_cpu),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
