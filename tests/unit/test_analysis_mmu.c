#include "analysis/analysis_mmu.h"

#include "made_trace.h"
#include "unit.h"

#define MS 1000000

static const int64_t lengths[] = {1 * MS, 4 * MS, 100 * MS};

static struct made_trace m;
static struct analysis_mmu mmu;

static int setup(void **state)
{
    m = (struct made_trace){.trace = trace_new()};
    mmu = (struct analysis_mmu){0};
    return m.trace ? 0 : -1;
}

static int teardown(void **state)
{
    analysis_mmu_release(&mmu);
    trace_free(m.trace);
    return 0;
}

static void run(unsigned flags, int64_t end_ns)
{
    struct trace_transition t;
    analysis_mmu_release(&mmu); /* of the run before */
    analysis_mmu_init(&mmu, flags, lengths, 3);
    for (size_t i = 0; i < m.n; i++)
        analysis_mmu_event(&mmu, m.trace, &m.events[i],
                           trace_event_transition(&m.events[i], &t) ? &t : NULL);
    analysis_mmu_end(&mmu, end_ns);
}

static void expect(size_t window, double share)
{
    struct analysis_mmu_window w;
    assert_true(analysis_mmu_at(&mmu, window, &w));
    if (!(w.mmu > share - 1e-6 && w.mmu < share + 1e-6))
        fail_msg("window %zu: %g, not %g", window, w.mmu, share);
}

static void world(int64_t t, const char *why, bool is_begin)
{
    made_args(made_event(&m, t, is_begin ? GOTRACE_STW_BEGIN : GOTRACE_STW_END, 1, 0),
              made_string(&m, why), 0, 0, 0);
}

/* 20 ms; the world stands still from 5 to 5.5 and from 8 to 9: a window of 4 ms that has both
 * has 1.5 of them. */
static void stops_of_the_world(void **state)
{
    made_sync(&m, 0, 1);
    made_procs(&m, 1, 2);
    world(5 * MS, "GC sweep termination", true);
    world(5 * MS + MS / 2, "GC sweep termination", false);
    world(8 * MS, "GC mark termination", true);
    world(9 * MS, "GC mark termination", false);
    world(12 * MS, "start trace", true); /* not the collector's */
    world(19 * MS, "start trace", false);
    run(ANALYSIS_MMU_STW, 20 * MS);
    expect(0, 0);
    expect(1, 1 - 1.5 / 4);
    expect(2, 1 - 1.5 * MS / (20 * MS - 1)); /* longer than the trace: all of it */
}

/* Of 20 ms one is stopped: a window of 1 ms goes evenly from all to nothing and back, and has all
 * in 17 of the 19 ms over which it can be moved. */
static void quantiles(void **state)
{
    struct trace_transition t;
    struct analysis_mud *muds = calloc(3, sizeof *muds);
    struct analysis_worst worst = {0};
    made_sync(&m, 0, 1);
    made_procs(&m, 0, 2);
    world(5 * MS, "GC sweep termination", true);
    world(6 * MS, "GC sweep termination", false);
    world(11 * MS, "GC mark termination", true);
    world(11 * MS + MS / 4, "GC mark termination", false);
    analysis_mmu_init(&mmu, ANALYSIS_MMU_STW, lengths, 3);
    mmu.muds = muds;
    mmu.worst = &worst;
    for (size_t i = 0; i < m.n; i++)
        analysis_mmu_event(&mmu, m.trace, &m.events[i],
                           trace_event_transition(&m.events[i], &t) ? &t : NULL);
    analysis_mmu_end(&mmu, 20 * MS);
    /* At most half: 1 of 19 ms.  At most 13/16: 0.75 ms of the short stop and its edges, too. */
    double half = analysis_mud_at(&muds[0], 1.0 / 19, -1);
    double more = analysis_mud_at(&muds[0], (1.625 + 0.75 + 0.125) / 19, -1);
    assert_true(half > 0.499 && half < 0.501);
    assert_true(more > 0.8115 && more < 0.8135);
    assert_true(analysis_mud_at(&muds[0], 0.5, -1) == 1);
    assert_true(analysis_mud_at(&muds[2], 0.5, -1) == -1); /* longer than the trace */
    assert_int_equal(worst.n, 2);
    assert_true(worst.windows[0].share < 1e-9 && worst.windows[0].at_ns == 5 * MS);
    assert_true(worst.windows[1].share > 0.749 && worst.windows[1].share < 0.751);
    free(muds);
}

/* No more than there is room for, the least of them, and none beside another. */
static void worst_windows(void **state)
{
    struct analysis_worst worst = {0};
    for (int i = 0; i < 1000; i++)
        analysis_worst_add(&worst, 10, i * 3, (i * 7919 % 1000) / 1000.0);
    analysis_worst_add(&worst, 10, 5000, 1);
    analysis_worst_sort(&worst);
    assert_int_equal(worst.n, ANALYSIS_WORST_MAX);
    assert_true(worst.windows[0].share == 0);
    for (size_t i = 0; i < worst.n; i++) {
        assert_true(!i || worst.windows[i - 1].share <= worst.windows[i].share);
        for (size_t k = 0; k < i; k++)
            assert_true(llabs(worst.windows[i].at_ns - worst.windows[k].at_ns) >= 10);
    }
}

/* The same from the second generation on: changes are worked off as they come, and dropped. */
static void long_traces(void **state)
{
    made_sync(&m, 0, 1);
    made_procs(&m, 1, 4);
    analysis_mmu_init(&mmu, ANALYSIS_MMU_STW, lengths, 3);
    for (size_t i = 0; i < m.n; i++)
        analysis_mmu_event(&mmu, m.trace, &m.events[i], NULL);
    struct trace_event sync = {.time_ns = 2, .type = TRACE_SYNC, .args = {2}};
    analysis_mmu_event(&mmu, m.trace, &sync, NULL);
    /* A tenth of each ms is stopped; once it is a half. */
    for (int64_t i = 1; i <= 50000; i++) {
        struct trace_event e = {.time_ns = i * MS, .type = GOTRACE_STW_BEGIN};
        e.args[0] = made_string(&m, "GC mark termination");
        analysis_mmu_event(&mmu, m.trace, &e, NULL);
        e.type = GOTRACE_STW_END;
        e.time_ns += i == 30000 ? MS / 2 : MS / 10;
        analysis_mmu_event(&mmu, m.trace, &e, NULL);
    }
    analysis_mmu_end(&mmu, 50001ll * MS);
    expect(0, 0.5);
    expect(1, 1 - 0.8 / 4);
    struct analysis_mmu_window w;
    assert_true(analysis_mmu_at(&mmu, 2, &w));
    assert_true(w.is_known && w.at_ns >= 29900ll * MS && w.at_ns <= 30000ll * MS);
    assert_true(mmu.series.items[0].changes.cap < 40000); /* not all 100,000 */
}

static void assist(int64_t t, int64_t g, int p, bool is_begin)
{
    made_event(&m, t, is_begin ? GOTRACE_GC_MARK_ASSIST_BEGIN : GOTRACE_GC_MARK_ASSIST_END, g, p);
}

/* An assist counts while its goroutine runs. */
static void assists(void **state)
{
    made_sync(&m, 0, 1);
    made_procs(&m, 1, 2);
    made_status(&m, 2, 7, 0, TRACE_GO_UNDETERMINED, GOTRACE_GO_RUNNING);
    assist(4 * MS, 7, 0, true);
    made_block(&m, 5 * MS, 7, 0, "GC mark assist wait for work", "main.work main.main");
    made_unblock(&m, 6 * MS, TRACE_NONE, 1, 7, "");
    made_start(&m, 7 * MS, 7, 1);
    assist(8 * MS, 7, 1, false);
    made_block(&m, 15 * MS, 7, 1, "sync", "main.work main.main");
    run(ANALYSIS_MMU_ASSIST, 20 * MS);
    expect(0, 0.5);
    expect(1, 1 - 0.5 * 2 / 4);
    run(ANALYSIS_MMU_ASSIST | ANALYSIS_MMU_PER_PROC, 20 * MS);
    expect(0, 0);
    expect(1, 0.75);
}

static void label(int64_t t, int64_t g, int p, const char *text)
{
    made_args(made_event(&m, t, GOTRACE_GO_LABEL, g, p), made_string(&m, text), 0, 0, 0);
}

/* A mark worker is told with each run: it counts once, and not while it only fills gaps. */
static void workers(void **state)
{
    made_sync(&m, 0, 1);
    made_procs(&m, 1, 2);
    for (int i = 0; i < 3; i++) {
        int64_t t = (2 + 10 * i) * (int64_t)MS;
        made_start(&m, t, 5, 0);
        label(t + 1, 5, 0, i < 2 ? "GC (dedicated)" : "GC (idle)");
        made_block(&m, t + 1 * MS + 1, 5, 0, "system goroutine wait", "runtime.gcBgMarkWorker");
    }
    run(ANALYSIS_MMU_BACKGROUND, 40 * MS);
    expect(0, 0.5);
    expect(1, 1 - 0.5 / 4);
    run(ANALYSIS_MMU_STW, 40 * MS);
    expect(0, 1);
}

/* Sweeping that is met in the first generation has gone on since the trace began. */
static void what_was_there_before(void **state)
{
    made_sync(&m, 0, 1);
    made_procs(&m, 1, 2);
    world(2 * MS, "GC mark termination", true);
    world(3 * MS, "GC mark termination", false);
    made_args(made_event(&m, 10 * MS, GOTRACE_GC_SWEEP_ACTIVE, 3, 0), 0, 0, 0, 0);
    made_event(&m, 12 * MS, GOTRACE_GC_SWEEP_END, 3, 0);
    run(ANALYSIS_MMU_SWEEP, 30 * MS);
    expect(0, 0.5);
    expect(2, (12 * MS * 0.5 + 18.0 * MS) / (30 * MS));
}

/* A processor that goes while the collector has it takes nothing from the others any more. */
static void processors_that_go(void **state)
{
    made_sync(&m, 0, 1);
    made_procs(&m, 1, 2);
    made_status(&m, 2, 7, 1, TRACE_GO_UNDETERMINED, GOTRACE_GO_RUNNING);
    assist(4 * MS, 7, 1, true);
    made_procs(&m, 7 * MS, 1);
    made_procs(&m, 12 * MS, 2);
    run(ANALYSIS_MMU_ASSIST, 20 * MS);
    expect(0, 0.5);
    expect(1, (3 * 0.5 + 1) / 4);
}

/* Each by itself: what happens on one is nothing to the other, a stop is to both. */
static void processors_by_themselves(void **state)
{
    made_sync(&m, 0, 1);
    made_procs(&m, 1, 2);
    world(5 * MS, "GC mark termination", true);
    world(5 * MS + MS / 4, "GC mark termination", false);
    made_status(&m, 6 * MS, 7, 1, TRACE_GO_UNDETERMINED, GOTRACE_GO_RUNNING);
    assist(8 * MS, 7, 1, true);
    assist(8 * MS + MS / 2, 7, 1, false);
    run(ANALYSIS_MMU_ASSIST | ANALYSIS_MMU_STW | ANALYSIS_MMU_PER_PROC, 20 * MS);
    expect(0, 0.5);
    expect(1, 1 - 0.75 / 4);
    struct analysis_mmu_window *own = mmu.series.items[0].windows;
    assert_true(own[0].mmu > 0.7499 && own[0].mmu < 0.7501);
}

/* As many as no machine has, again and again: they are not believed for long. */
static void processors_without_end(void **state)
{
    made_sync(&m, 0, 1);
    for (int i = 0; i < 100; i++)
        made_procs(&m, 1 + i * MS, i % 2 ? 0 : 16000);
    made_procs(&m, 100 * MS, UINT64_MAX);
    run(ANALYSIS_MMU_STW | ANALYSIS_MMU_PER_PROC, 101 * MS);
    assert_int_equal(mmu.series.n, 16000);
    assert_false(mmu.failed);
    expect(0, 1);
}

static void no_processors(void **state)
{
    made_sync(&m, 0, 1);
    world(5 * MS, "GC mark termination", true);
    run(ANALYSIS_MMU_STW, 20 * MS);
    expect(0, 1);
}

/* So many processors and stops of the world that it is not worked out for each of them. */
static void processors_and_stops_without_end(void **state)
{
    struct analysis_mmu_window w;
    made_sync(&m, 0, 1);
    made_procs(&m, 1, 1 << 14);
    world(MS, "GC sweep termination", true);
    world(MS + MS / 2, "GC sweep termination", false);
    for (int per_proc = 0; per_proc < 2; per_proc++) {
        analysis_mmu_release(&mmu);
        analysis_mmu_init(&mmu, ANALYSIS_MMU_STW | (per_proc ? ANALYSIS_MMU_PER_PROC : 0), lengths,
                          3);
        mmu.n_steps = ANALYSIS_MMU_STEPS_MAX - (10u << 14); /* as if there were others before */
        for (size_t i = 0; i < m.n; i++)
            analysis_mmu_event(&mmu, m.trace, &m.events[i], NULL);
        for (int i = 0; i < 20; i++) {
            struct trace_event e = m.events[m.n - 2 + i % 2];
            e.time_ns += (1 + i / 2) * MS;
            analysis_mmu_event(&mmu, m.trace, &e, NULL);
        }
        analysis_mmu_end(&mmu, 12 * MS);
        assert_int_equal(mmu.is_too_much, per_proc);
        if (!per_proc)
            expect(0, 0.5);
    }
    assert_true(mmu.n_steps <= ANALYSIS_MMU_STEPS_MAX + (1u << 14));
    assert_false(analysis_mmu_at(&mmu, 0, &w));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(stops_of_the_world),
        TEST(long_traces),
        TEST(assists),
        TEST(workers),
        TEST(what_was_there_before),
        TEST(processors_that_go),
        TEST(processors_by_themselves),
        TEST(processors_without_end),
        TEST(processors_and_stops_without_end),
        TEST(no_processors),
        TEST(quantiles),
        TEST(worst_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
