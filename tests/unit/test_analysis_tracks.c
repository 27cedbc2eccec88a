/* What timelines are made of, of a trace that is known. */
#include "analysis/analysis_tracks.h"

#include "made_trace.h"
#include "unit.h"

static struct made_trace m;
static struct analysis_slice slices[128];
static struct analysis_point points[128];
static struct analysis_arrow arrows[128];
static size_t n_slices, n_points, n_arrows;
static struct analysis_counts last;

static void on_slice(void *arg, const struct analysis_slice *s)
{
    slices[n_slices++] = *s;
}
static void on_point(void *arg, const struct analysis_point *p)
{
    points[n_points++] = *p;
}
static void on_arrow(void *arg, const struct analysis_arrow *a)
{
    arrows[n_arrows++] = *a;
}
static void on_counts(void *arg, enum analysis_counters which, int64_t t,
                      const struct analysis_counts *c)
{
    last = *c;
}

static int setup(void **state)
{
    m = (struct made_trace){.trace = trace_new()};
    n_slices = n_points = n_arrows = 0;
    return m.trace ? 0 : -1;
}

static int teardown(void **state)
{
    trace_free(m.trace);
    return 0;
}

static void run(const struct analysis_options *options)
{
    static const struct analysis_track_ops ops = {on_slice, on_point, on_arrow, on_counts};
    struct analysis_tracks ts;
    analysis_tracks_init(&ts, m.trace, options, &ops, NULL);
    analysis_tracks_events(&ts, m.events, m.n / 2);
    analysis_tracks_events(&ts, m.events + m.n / 2, m.n - m.n / 2);
    assert_true(analysis_tracks_end(&ts));
    analysis_tracks_release(&ts);
}

/* The only slice of that kind on the track. */
static const struct analysis_slice *find(enum analysis_track track, int64_t id,
                                         enum analysis_what what)
{
    const struct analysis_slice *found = NULL;
    for (size_t i = 0; i < n_slices; i++) {
        if (slices[i].track != track || slices[i].id != id || slices[i].what != what)
            continue;
        assert_null(found);
        found = &slices[i];
    }
    assert_non_null(found);
    return found;
}

static void expect(const struct analysis_slice *s, int64_t start_ns, int64_t end_ns)
{
    assert_int_equal(s->start_ns, start_ns);
    assert_int_equal(s->end_ns, end_ns);
}

/* Goroutine 1 wakes 2, which does a system call, and assists the collector. */
static void make(void)
{
    made_sync(&m, 0, 1);
    made_proc_start(&m, 10, 0);
    made_proc_start(&m, 20, 1);
    made_status(&m, 30, 1, 0, TRACE_GO_UNDETERMINED, GOTRACE_GO_RUNNING);
    made_create(&m, 100, 1, 0, 2, "main.worker", "main.spawn main.main");
    made_start(&m, 150, 2, 1);
    made_block(&m, 200, 2, 1, "chan receive", "main.take main.worker");
    made_unblock(&m, 300, 1, 0, 2, "main.put main.main");
    made_start(&m, 350, 2, 1);
    made_syscall(&m, 400, 2, 1);
    made_event(&m, 450, GOTRACE_GO_SYSCALL_END, 2, 1);
    made_event(&m, 500, GOTRACE_GC_MARK_ASSIST_BEGIN, 2, 1);
    made_stop(&m, 550, 2, 1);
    made_start(&m, 600, 2, 1);
    made_event(&m, 650, GOTRACE_GC_MARK_ASSIST_END, 2, 1);
    made_destroy(&m, 700, 2, 1);
    made_sync(&m, 1000, 2);
}

static void slices_and_arrows(void **state)
{
    make();
    run(&(struct analysis_options){0});
    expect(find(ANALYSIS_TRACK_PROC, 0, ANALYSIS_RUNNING), 0, 1000); /* from the begin to the end */
    const struct analysis_slice *call = find(ANALYSIS_TRACK_PROC, 1, ANALYSIS_SYSCALL);
    expect(call, 400, 450);
    assert_false(call->has_blocked);
    const struct analysis_slice *wait = find(ANALYSIS_TRACK_GOROUTINE, 2, ANALYSIS_WAITING);
    expect(wait, 200, 300);
    assert_string_equal(trace_string(m.trace, wait->text, NULL), "chan receive");
    assert_string_equal(trace_string(m.trace, wait->name, NULL), "main.worker");

    /* The assist goes on where its goroutine does. */
    size_t n = 0;
    for (size_t i = 0; i < n_slices; i++)
        if (slices[i].what == ANALYSIS_ASSIST) {
            expect(&slices[i], n ? 600 : 500, n ? 650 : 550);
            assert_true(slices[i].is_inner == (n == 1));
            n++;
        }
    assert_int_equal(n, 2);

    assert_int_equal(n_arrows, 2); /* preempted goroutines have none */
    assert_int_equal(arrows[0].what, ANALYSIS_CREATE);
    assert_int_equal(arrows[0].from_ns, 100);
    assert_int_equal(arrows[0].to_ns, 150);
    assert_int_equal(arrows[1].what, ANALYSIS_WAKE);
    assert_int_equal(arrows[1].from_id, 0);
    assert_int_equal(arrows[1].to_p, 1);
    assert_int_equal(arrows[1].from_ns, 300);
    assert_int_equal(arrows[1].to_ns, 350);

    /* The flow from the point on the one's track to what the other ran then. */
    const struct analysis_point *wake = NULL;
    for (size_t i = 0; i < n_points; i++)
        if (points[i].what == ANALYSIS_WAKE)
            wake = &points[i];
    assert_non_null(wake);
    assert_int_equal(wake->id, 1);
    assert_int_equal(wake->target, 2);
    n = 0;
    for (size_t i = 0; i < n_slices; i++)
        if (slices[i].flow == wake->flow) {
            expect(&slices[i], 350, 400);
            assert_int_equal(slices[i].track, ANALYSIS_TRACK_GOROUTINE);
            n++;
        }
    assert_int_equal(n, 1);
    assert_int_equal(last.running, 1);
    assert_int_equal(last.runnable, 0);
    assert_int_equal(last.threads, 2);
}

static void a_part(void **state)
{
    make();
    run(&(struct analysis_options){.start_ns = 250, .end_ns = 420});
    expect(find(ANALYSIS_TRACK_PROC, 0, ANALYSIS_RUNNING), 250, 420);
    expect(find(ANALYSIS_TRACK_GOROUTINE, 2, ANALYSIS_WAITING), 250, 300);
    expect(find(ANALYSIS_TRACK_PROC, 1, ANALYSIS_SYSCALL), 400, 420);
    assert_int_equal(n_arrows, 1);
}

static void one_goroutine(void **state)
{
    make();
    run(&(struct analysis_options){.goroutine_name = "main.worker"});
    for (size_t i = 0; i < n_slices; i++)
        assert_int_equal(slices[i].g, 2);
    assert_true(n_slices > 5);
}

/* A system call that loses its processor ends there on its row; the goroutine's goes on. */
static void lost_processors(void **state)
{
    made_sync(&m, 0, 1);
    made_proc_start(&m, 10, 0);
    made_create(&m, 20, TRACE_NONE, 0, 5, "main.reader", "main.main");
    made_start(&m, 30, 5, 0);
    made_syscall(&m, 100, 5, 0);
    made_args(made_event(&m, 300, GOTRACE_PROC_STEAL, TRACE_NONE, 1), 0, 0, 0,
              GOTRACE_PROC_SYSCALL);
    made_event(&m, 1000, GOTRACE_GO_SYSCALL_END_BLOCKED, 5, TRACE_NONE);
    made_start(&m, 1100, 5, 0);
    made_sync(&m, 1500, 2);
    run(&(struct analysis_options){0});
    const struct analysis_slice *call = find(ANALYSIS_TRACK_PROC, 0, ANALYSIS_SYSCALL);
    expect(call, 100, 300);
    assert_true(call->has_blocked);
    expect(find(ANALYSIS_TRACK_GOROUTINE, 5, ANALYSIS_SYSCALL), 100, 1000);
    assert_int_equal(arrows[n_arrows - 1].what, ANALYSIS_SYSCALL_EXIT);
    assert_int_equal(arrows[n_arrows - 1].from, ANALYSIS_TRACK_SYSCALLS);
}

static void what_programs_mark(void **state)
{
    made_sync(&m, 0, 1);
    made_status(&m, 30, 1, 0, TRACE_GO_UNDETERMINED, GOTRACE_GO_RUNNING);
    made_args(made_event(&m, 100, GOTRACE_USER_TASK_BEGIN, 1, 0), 9, TRACE_NO_TASK,
              made_string(&m, "request"), 0);
    made_args(made_event(&m, 150, GOTRACE_USER_REGION_END, 1, 0), 9, made_string(&m, "before"), 0,
              0);
    made_args(made_event(&m, 200, GOTRACE_USER_REGION_BEGIN, 1, 0), 9, made_string(&m, "outer"), 0,
              0);
    made_args(made_event(&m, 250, GOTRACE_USER_LOG, 1, 0), 9, made_string(&m, "key"),
              made_string(&m, "value"), 0);
    made_sync(&m, 400, 2);
    run(&(struct analysis_options){0});
    expect(find(ANALYSIS_TRACK_TASK, 9, ANALYSIS_TASK), 100, 400);
    size_t n = 0;
    for (size_t i = 0; i < n_slices; i++)
        if (slices[i].what == ANALYSIS_REGION) {
            expect(&slices[i], n ? 200 : 0, n ? 400 : 150);
            n++;
        }
    assert_int_equal(n, 2);
    assert_int_equal(n_points, 2); /* on the goroutine's row, and on the processor's */
    assert_string_equal(trace_string(m.trace, points[0].text, NULL), "value");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(slices_and_arrows),  TEST(a_part), TEST(one_goroutine), TEST(lost_processors),
        TEST(what_programs_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
