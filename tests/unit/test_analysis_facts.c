/* Summaries of a trace whose answers are known: two processors, a goroutine that holds a lock
 * and two that wait for it, a system call, a mark assist, a task with a region and logs. */
#include "analysis/analysis.h"
#include "analysis/analysis_facts.h"
#include "analysis/analysis_site_pairs.h"
#include "base/json_read.h"

#include "alloc_fail.h"
#include "made_trace.h"
#include "unit.h"

static struct made_trace m;

static void task_begin(int64_t t, int64_t g, int p, uint64_t id, uint64_t parent, const char *name)
{
    made_args(made_event(&m, t, GOTRACE_USER_TASK_BEGIN, g, p), id, parent, made_string(&m, name),
              0);
}

static void region(int64_t t, int64_t g, int p, bool is_begin, uint64_t task, const char *name)
{
    made_args(
        made_event(&m, t, is_begin ? GOTRACE_USER_REGION_BEGIN : GOTRACE_USER_REGION_END, g, p),
        task, made_string(&m, name), made_stack(&m, "main.work main.worker"), 0);
}

/* Times in ns.  Goroutine 1 is main, 2 and 3 are workers. */
static int setup(void **state)
{
    m = (struct made_trace){.trace = trace_new()};
    if (!m.trace)
        return -1;
    made_sync(&m, 0, 1);
    made_procs(&m, 10, 2);
    made_proc_start(&m, 20, 0);
    made_status(&m, 100, 1, 0, TRACE_GO_UNDETERMINED, GOTRACE_GO_RUNNING); /* 100 since the sync */
    made_create(&m, 200, 1, 0, 2, "main.worker", "main.spawn main.main");
    made_create(&m, 250, 1, 0, 3, "main.worker", "main.spawn main.main");
    made_proc_start(&m, 300, 1);
    made_start(&m, 350, 2, 1); /* runnable 150 */
    task_begin(360, 2, 1, 1, 0, "request");
    region(370, 2, 1, true, 1, "lock");
    made_block(&m, 450, 2, 1, "sync", "sync.(*Mutex).Lock main.take main.worker"); /* ran 100 */
    made_start(&m, 500, 3, 1); /* runnable 250 */
    made_block(&m, 600, 3, 1, "sync", "sync.(*Mutex).Lock main.take main.worker"); /* ran 100 */
    made_proc_stop(&m, 650, 1);
    made_unblock(&m, 1450, 1, 0, 2,
                 "sync.(*Mutex).Unlock main.release main.main"); /* waited 1000 */
    made_proc_start(&m, 1500, 1);
    made_start(&m, 1550, 2, 1); /* runnable 100 */
    made_args(made_event(&m, 1600, GOTRACE_USER_LOG, 2, 1), 1, made_string(&m, "state"),
              made_string(&m, "locked"), 0);
    region(1650, 2, 1, false, 1, "lock");
    made_unblock(&m, 1700, 2, 1, 3, "sync.(*Mutex).Unlock main.release main.worker"); /* 1100 */
    made_syscall(&m, 1800, 2, 1);                                                     /* ran 250 */
    made_event(&m, 1900, GOTRACE_GO_SYSCALL_END, 2, 1);                               /* 100 */
    made_args(made_event(&m, 1950, GOTRACE_USER_TASK_END, 2, 1), 1, 0, 0,
              made_string(&m, "request"));
    made_destroy(&m, 2000, 2, 1); /* ran 100 */
    made_start(&m, 2050, 3, 1);   /* runnable 350 */
    made_event(&m, 2060, GOTRACE_GC_MARK_ASSIST_BEGIN, 3, 1);
    made_event(&m, 2160, GOTRACE_GC_MARK_ASSIST_END, 3, 1);
    made_destroy(&m, 2250, 3, 1); /* ran 200 */
    made_proc_stop(&m, 2300, 1);
    made_block(&m, 3000, 1, 0, "chan receive", "main.wait main.main"); /* ran 3000 in all */
    made_proc_stop(&m, 3100, 0);
    made_sync(&m, 4000, 2);
    return 0;
}

static int teardown(void **state)
{
    trace_free(m.trace);
    return 0;
}

/* In two blocks, for several summaries that share what they need. */
static struct analysis_facts *run(struct analysis_options *options, struct analysis_facts **shared)
{
    struct err err = {0};
    options->facts = shared;
    struct analysis_facts *f = analysis_facts_begin_user(m.trace, options, NULL, &err), *g = NULL;
    assert_non_null(f);
    if (shared) {
        g = analysis_facts_begin_user(m.trace, options, NULL, &err);
        assert_ptr_equal(f, g);
    }
    for (int half = 0; half < 2; half++) {
        const struct trace_event *events = m.events + (half ? m.n / 2 : 0);
        size_t n = half ? m.n - m.n / 2 : m.n / 2;
        analysis_facts_events(f, events, n);
        if (g)
            analysis_facts_events(g, events, n);
    }
    assert_true(analysis_facts_end(f, &err));
    if (g) {
        assert_true(analysis_facts_end(g, &err));
        analysis_facts_free(g);
    }
    return f;
}

static const struct analysis_go_group *group(const struct analysis_facts *f, const char *name)
{
    for (size_t i = 0; i < f->waits.groups.n; i++)
        if (!strcmp(trace_string(m.trace, f->waits.groups.items[i].name, NULL), name))
            return &f->waits.groups.items[i];
    fail_msg("no goroutines that start with %s", name);
    return NULL;
}

static void goroutines(void **state)
{
    struct analysis_facts *shared = NULL, *f = run(&(struct analysis_options){0}, &shared);
    const struct analysis_parts *parts = &f->goroutines.parts;
    uint32_t sync = made_string(&m, "sync");
    assert_int_equal(f->n_events, m.n); /* not twice */
    assert_int_equal(f->goroutines.n, 3);
    const struct analysis_go_group *workers = group(f, "main.worker"),
                                   *main = group(f, "main.main");
    assert_int_equal(workers->count, 2);
    assert_int_equal(workers->exec.exec_ns, 100 + 250 + 100 + 100 + 200);
    assert_int_equal(workers->exec.sched_ns, 150 + 250 + 100 + 350);
    assert_int_equal(workers->exec.syscall_ns, 100);
    assert_int_equal(workers->exec.syscall_block_ns, 0);
    assert_int_equal(analysis_parts_get(parts, workers->exec.blocked, sync), 2100);
    assert_int_equal(analysis_exec_blocked(parts, &workers->exec), 2100);
    assert_int_equal(analysis_parts_get(parts, workers->exec.ranges, ANALYSIS_RANGE_ASSIST), 100);
    assert_int_equal(workers->exec.total_ns, 2000 - 200 + 2250 - 250);
    assert_int_equal(analysis_exec_unknown(parts, &workers->exec), 0);
    assert_int_equal(main->count, 1);
    assert_int_equal(main->exec.exec_ns, 3000);
    assert_int_equal(main->exec.total_ns, 4000);
    assert_int_equal(analysis_exec_blocked(parts, &main->exec), 1000);
    analysis_facts_free(f);
    assert_null(shared);
}

static void waits(void **state)
{
    struct analysis_facts *f = run(&(struct analysis_options){0}, NULL);
    /* Not that of goroutine 1 at the end: nobody ended it. */
    assert_int_equal(f->waits.sched.count, 4);
    assert_int_equal(f->waits.sched.total_ns, 850);
    assert_int_equal(f->waits.sched.max_ns, 350);
    assert_int_equal(f->waits.reasons.n, 1);
    assert_int_equal(f->waits.reasons.items[0].lengths.count, 2);
    const struct analysis_wait *w = analysis_top_at(&f->waits.longest_blocks, 0);
    assert_int_equal(w->ns, 1100);
    assert_int_equal(w->at_ns, 600);
    assert_int_equal(w->g, 3);
    assert_int_equal(w->waker_g, 2);
    assert_string_equal(trace_string(m.trace, w->waker_name, NULL), "main.worker");
    assert_int_equal(f->waits.syscalls.count, 1);
    assert_int_equal(f->waits.syscalls.max_ns, 100);

    struct analysis_site_pairs pairs;
    assert_true(analysis_site_pairs_make(&pairs, f));
    assert_int_equal(pairs.rows.n, 1); /* both at main.take, both by main.release: one place */
    assert_int_equal(pairs.rows.items[0].count, 2);
    assert_int_equal(pairs.rows.items[0].total_ns, 2100);
    assert_int_equal(pairs.rows.items[0].max_ns, 1100);
    const struct trace_frame *site = analysis_site(m.trace, pairs.rows.items[0].stack);
    assert_string_equal(trace_string(m.trace, site->func, NULL), "main.take");
    site = analysis_site(m.trace, pairs.rows.items[0].waker_stack);
    assert_string_equal(trace_string(m.trace, site->func, NULL), "main.release");
    analysis_site_pairs_release(&pairs);
    analysis_facts_free(f);
}

static void processors(void **state)
{
    struct analysis_facts *f = run(&(struct analysis_options){0}, NULL);
    assert_int_equal(f->procs.rows.n, 2);
    assert_int_equal(f->procs.max_procs, 2);
    const struct analysis_proc *p = &f->procs.rows.items[0], *q = &f->procs.rows.items[1];
    assert_int_equal(p->id, 0);
    assert_int_equal(p->use_ns[ANALYSIS_USE_GO], 2900); /* the begin of main's run is not told */
    assert_int_equal(p->use_ns[ANALYSIS_USE_SCHED], 80 + 100);
    assert_int_equal(p->use_ns[ANALYSIS_USE_IDLE], 900);
    assert_int_equal(q->use_ns[ANALYSIS_USE_GO], 100 + 100 + 250 + 100 + 200);
    assert_int_equal(q->use_ns[ANALYSIS_USE_SYSCALL], 100);
    assert_int_equal(q->use_ns[ANALYSIS_USE_IDLE], 850 + 1700);
    assert_int_equal(q->n_gaps, 1); /* the last has no end */
    assert_int_equal(q->longest_gap_ns, 850);
    assert_int_equal(q->longest_gap_at_ns, 650);
    assert_int_equal(q->n_runs, 4);
    assert_int_equal(f->gc.assist_ns, 100);
    assert_int_equal(f->gc.n_assists, 1);
    analysis_facts_free(f);
}

static void tasks(void **state)
{
    struct analysis_facts *f = run(&(struct analysis_options){0}, NULL);
    const struct analysis_user *u = &f->user;
    assert_int_equal(u->task_kinds.n, 1);
    assert_int_equal(u->task_kinds.items[0].count, 1);
    assert_int_equal(u->task_kinds.items[0].n_unfinished, 0);
    assert_int_equal(u->task_kinds.items[0].lengths.max_ns, 1950 - 360);
    assert_int_equal(u->slowest.n, 1);
    const struct analysis_slow_task *slow = analysis_top_at(&u->slowest, 0);
    const struct analysis_task_detail *d = &u->details.items[slow->detail];
    assert_int_equal(d->own.exec_ns, 90 + 250 + 50);
    assert_int_equal(d->own.sched_ns, 100);
    assert_int_equal(d->own.syscall_ns, 100);
    assert_int_equal(analysis_exec_blocked(&f->goroutines.parts, &d->own), 1000);
    assert_int_equal(d->own.total_ns, 1950 - 360);
    assert_int_equal(d->longest.ns, 1000);
    assert_int_equal(d->longest.waker_g, 1);
    assert_int_equal(d->n_logs, 1);
    assert_string_equal(trace_string(m.trace, u->logs.items[d->first_log].message, NULL), "locked");

    assert_int_equal(u->region_kinds.n, 1);
    const struct analysis_kind *r = &u->region_kinds.items[0];
    assert_int_equal(r->count, 1);
    assert_int_equal(r->lengths.max_ns, 1650 - 370);
    assert_int_equal(r->exec.exec_ns, 80 + 100);
    assert_int_equal(analysis_exec_blocked(&f->goroutines.parts, &r->exec), 1000);
    analysis_facts_free(f);
}

/* Goroutine 3 is passed the lock by 2, who waited for it, too; a fourth waits for ever. */
static void holders(void **state)
{
    const char *lock = "sync.(*Mutex).Lock main.take main.worker";
    uint32_t held = made_stack(&m, "sync.(*Mutex).Unlock main.release main.main");
    made_create(&m, 2500, TRACE_NONE, 0, 4, "main.worker", "main.main");
    made_start(&m, 2510, 4, 0);
    made_block(&m, 2520, 4, 0, "sync", lock);
    made_create(&m, 2530, TRACE_NONE, 0, 5, "main.worker", "main.main");
    made_start(&m, 2540, 5, 0);
    made_block(&m, 2550, 5, 0, "sync", "sync.(*WaitGroup).Wait main.join main.worker");
    made_sync(&m, 3000, 2);
    struct analysis_facts *f = run(&(struct analysis_options){.n_rows = 10}, NULL);
    const struct analysis_wait *w = analysis_top_at(&f->waits.longest_busy, 0);
    assert_int_equal(w->ns, 1100);
    assert_int_equal(w->waker_g, 2);
    assert_int_equal(w->holder_g, 1);
    assert_int_equal(w->holder_stack, held);
    w = analysis_top_at(&f->waits.longest_busy, 2);
    assert_int_equal(w->ns, 480);
    assert_true(w->is_open);
    w = analysis_top_at(&f->waits.longest_runs, 1); /* after main; with its time in a system call */
    assert_int_equal(w->g, 2);
    assert_int_equal(w->at_ns, 1550);
    assert_int_equal(w->ns, 450);
    assert_int_equal(f->waits.longest_busy.n, 3); /* others that go on do not count */

    struct analysis_site_pairs sites;
    assert_true(analysis_sites_make(&sites, f));
    assert_int_equal(sites.rows.n, 1);
    const struct analysis_site_pair *p = &sites.rows.items[0];
    assert_int_equal(p->kind, ANALYSIS_WAIT_LOCK);
    assert_false(p->is_idle);
    assert_int_equal(p->count, 3);
    assert_int_equal(p->n_open, 1);
    assert_int_equal(p->total_ns, 2580);
    assert_int_equal(p->by_ns, 2100);
    assert_int_equal(analysis_by_stack(p), held);
    analysis_site_pairs_release(&sites);
    analysis_facts_free(f);
}

static void kind_is(const char *reason, const char *stack, enum analysis_wait_kind kind)
{
    assert_int_equal(analysis_wait_kind(m.trace, made_string(&m, reason), made_stack(&m, stack)),
                     kind);
}

static void kinds_of_waits(void **state)
{
    kind_is("sync", "sync.(*Mutex).Lock main.take main.main", ANALYSIS_WAIT_LOCK);
    kind_is("sync", "sync.(*WaitGroup).Wait main.main", ANALYSIS_WAIT_OTHER);
    kind_is("sync", "runtime.gcStart runtime.mallocgc main.main", ANALYSIS_WAIT_COLLECTOR);
    kind_is("GC mark assist wait for work", "runtime.gcParkAssist main.main",
            ANALYSIS_WAIT_COLLECTOR);
    kind_is("sync rwlock lock", "pthread_rwlock_wrlock put", ANALYSIS_WAIT_LOCK);
    kind_is("sync cond wait", "pthread_cond_wait get jobs start_thread", ANALYSIS_WAIT_OTHER);
    kind_is("chan receive", "runtime.chanrecv1 main.worker", ANALYSIS_WAIT_IDLE);
    kind_is("chan receive", "runtime.chanrecv1 main.ask main.worker", ANALYSIS_WAIT_OTHER);
    kind_is("chan send", "runtime.chansend1 main.worker", ANALYSIS_WAIT_OTHER);
    kind_is("sync cond wait", "pthread_cond_wait jobs start_thread clone3", ANALYSIS_WAIT_IDLE);
    kind_is("network", "epoll_wait loop main", ANALYSIS_WAIT_IDLE);
    kind_is("network", "internal/poll.(*FD).Accept net.(*TCPListener).Accept main.serve",
            ANALYSIS_WAIT_IDLE);
    kind_is("network", "net.(*conn).Read bufio.(*Reader).Peek net/http.(*conn).serve",
            ANALYSIS_WAIT_IDLE);
    kind_is("network", "net.(*conn).Read main.handler.ServeHTTP net/http.(*conn).serve",
            ANALYSIS_WAIT_OTHER);
    kind_is("network", "net.(*conn).Read main.query main.main", ANALYSIS_WAIT_OTHER);
    kind_is("sleep", "time.Sleep main.main", ANALYSIS_WAIT_IDLE);
}

static void parts_of_a_trace(void **state)
{
    /* From 1000 to 2100: 450 of the first wait, 700 of the second. */
    struct analysis_facts *f =
        run(&(struct analysis_options){.start_ns = 1000, .end_ns = 2100}, NULL);
    const struct analysis_go_group *workers = group(f, "main.worker");
    assert_int_equal(analysis_facts_length(f), 1100);
    assert_int_equal(analysis_exec_blocked(&f->goroutines.parts, &workers->exec), 450 + 700);
    assert_int_equal(workers->exec.exec_ns, 250 + 100 + 50);
    assert_int_equal(f->waits.reasons.items[0].lengths.count, 2); /* both end there, whole */
    assert_int_equal(f->waits.reasons.items[0].lengths.total_ns, 2100);
    assert_int_equal(f->gc.assist_ns, 40);
    analysis_facts_free(f);

    f = run(&(struct analysis_options){.goroutine = 3}, NULL);
    assert_int_equal(group(f, "main.worker")->count, 1);
    assert_int_equal(f->waits.reasons.items[0].lengths.total_ns, 1100);
    assert_int_equal(f->user.task_kinds.n, 0);
    analysis_facts_free(f);

    f = run(&(struct analysis_options){.goroutine_name = "main.main"}, NULL);
    assert_false(group(f, "main.worker")->is_wanted);
    assert_int_equal(f->waits.sched.count, 0);
    analysis_facts_free(f);

    f = run(&(struct analysis_options){.task = 2}, NULL);
    assert_int_equal(f->user.task_kinds.n, 0);
    assert_int_equal(f->user.region_kinds.n, 0);
    analysis_facts_free(f);
}

/* A system call whose processor is taken from it; and one that lasts. */
static void system_calls(void **state)
{
    m.n = 0;
    made_sync(&m, 0, 1);
    made_proc_start(&m, 10, 0);
    made_create(&m, 20, TRACE_NONE, 0, 5, "main.reader", "main.main");
    made_start(&m, 30, 5, 0);
    made_syscall(&m, 100, 5, 0);
    made_args(made_event(&m, 300, GOTRACE_PROC_STEAL, TRACE_NONE, 1), 0, 0, 0,
              GOTRACE_PROC_SYSCALL);
    made_event(&m, 1000, GOTRACE_GO_SYSCALL_END_BLOCKED, 5, TRACE_NONE);
    made_start(&m, 1100, 5, 0);
    made_syscall(&m, 1200, 5, 0);
    made_sync(&m, 1500, 2);
    struct analysis_facts *f = run(&(struct analysis_options){0}, NULL);
    const struct analysis_exec *exec = &group(f, "main.reader")->exec;
    assert_int_equal(exec->syscall_ns, 200 + 300);
    assert_int_equal(exec->syscall_block_ns, 700);
    assert_int_equal(exec->sched_ns, 10 + 100);
    assert_int_equal(exec->exec_ns, 70 + 100);
    assert_int_equal(f->waits.syscalls.count, 1);
    assert_int_equal(f->waits.syscalls.max_ns, 900);
    analysis_facts_free(f);
}

/* Goroutines that come and go leave their rows and ids to others. */
static void many_goroutines(void **state)
{
    struct analysis_options options = {0};
    struct err err = {0};
    struct analysis_facts *f = analysis_facts_begin(m.trace, &options, NULL, &err);
    int64_t t = 1;
    for (int64_t g = 1; g <= 100000; g++) {
        m.n = 0;
        made_create(&m, t, TRACE_NONE, 0, g, g % 2 ? "main.odd" : "main.even", "main.main");
        made_start(&m, t + 5, g, 0);
        if (g > 50) {
            struct trace_event *e = made_event(&m, t + 6, GOTRACE_GO_DESTROY, g - 50, 0);
            e->g = g - 50;
        }
        t += 10;
        analysis_facts_events(f, m.events, m.n);
    }
    assert_true(f->goroutines.rows.n <= 52);
    assert_true(f->goroutines.ids.n_slots <= 256);
    assert_true(analysis_facts_end(f, &err));
    assert_int_equal(f->goroutines.n, 100000);
    assert_int_equal(group(f, "main.odd")->count, 50000);
    assert_int_equal(group(f, "main.odd")->exec.sched_ns, 50000 * 5);
    analysis_facts_free(f);
}

static const char *const names[] = {"overview", "goroutines", "wakers", "latency",
                                    "gc",       "procs",      "tasks",  "regions"};

/* Each summary is a text, and JSON that can be read. */
static void texts(void **state)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct analysis_options options = {.n_rows = 10};
        struct err err = {0};
        struct buf out = {0}, json = {0};
        const struct analysis_ops *ops = analysis_find(ANALYSIS_SUMMARY, names[i]);
        assert_non_null(ops);
        void *s = ops->begin(m.trace, &options, NULL, &err);
        ops->events(s, m.events, m.n);
        assert_true(ops->end(s, &err));
        ops->text(s, &out);
        ops->json(s, &json);
        assert_true(out.len > 0 && out.data[out.len - 1] == '\n');
        struct json_reader reader = json_reader_of(json.data, json.len);
        json_skip(&reader);
        assert_true(json_finish(&reader, &err));
        if (!strcmp(names[i], "wakers")) {
            assert_non_null(strstr(out.data, "main.take main.go:"));
            assert_non_null(strstr(out.data, "2.10us      2  1.05us   1.10us"));
        }
        ops->free(s);
        buf_release(&out);
        buf_release(&json);
    }
    struct analysis_options options = {.task = 1};
    struct err err = {0};
    assert_null(analysis_find(ANALYSIS_SUMMARY, "gc")->begin(m.trace, &options, NULL, &err));
    assert_int_equal(err.code, ERR_USAGE);
}

/* Without memory a summary fails: it does not leave out what there was no memory for. */
static void texts_without_memory(void **state)
{
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        struct analysis_options options = {.n_rows = 10};
        struct err err = {0};
        struct buf whole = {0};
        const struct analysis_ops *ops = analysis_find(ANALYSIS_SUMMARY, names[i / 2]);
        void (*write)(const void *state, struct buf *out) = i % 2 ? ops->json : ops->text;
        void *s = ops->begin(m.trace, &options, NULL, &err);
        ops->events(s, m.events, m.n);
        assert_true(ops->end(s, &err));
        write(s, &whole);
        bool failed = true;
        for (long n = 0; failed; n++) {
            struct buf out = {0};
            alloc_countdown = n;
            write(s, &out);
            failed = alloc_countdown < 0;
            alloc_countdown = -1;
            if (out.failed != failed)
                fail_msg("%s: allocation %ld", names[i / 2], n);
            if (!failed)
                assert_string_equal(out.data, whole.data);
            buf_release(&out);
        }
        buf_release(&whole);
        ops->free(s);
    }
}

/* What no reader would hand out does no harm. */
static void nonsense(void **state)
{
    uint64_t seed = 3;
    for (int round = 0; round < 200; round++) {
        struct analysis_options options = {.n_rows = 3};
        struct err err = {0};
        uint32_t stack = made_stack(&m, "main.a main.b"), string = made_string(&m, "sync");
        m.n = 0;
        for (int i = 0; i < 400; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint64_t bits = seed >> 20;
            struct trace_event *e =
                made_event(&m, i, (int)(bits % GOTRACE_N_TYPES), (int64_t)(bits >> 8) % 6 - 1,
                           (int)((bits >> 16) % 5) - 1);
            for (int k = 0; k < 4; k++)
                e->args[k] = (bits >> (4 * k)) % 3;
            const struct gotrace_spec *spec = &gotrace_specs[e->type];
            for (int k = 0; k < 3; k++) {
                if (spec->stack_args[k])
                    e->args[spec->stack_args[k] - 1] = bits % 2 ? stack : 0;
                if (spec->string_args[k])
                    e->args[spec->string_args[k] - 1] = bits % 2 ? string : 0;
            }
            if (e->type == GOTRACE_GO_STATUS || e->type == GOTRACE_GO_STATUS_STACK)
                e->args[2] = (uint64_t)(bits % TRACE_GO_N_STATES) << 32 | (bits >> 3) % 5;
            if (e->type == GOTRACE_USER_TASK_END)
                e->args[3] = string;
        }
        struct analysis_facts *shared = NULL;
        for (size_t i = 0; analysis_registry[i]; i++) {
            const struct analysis_ops *ops = analysis_registry[i];
            struct buf out = {0};
            if (ops->group == ANALYSIS_PROFILE)
                continue;
            options.facts = ops->group == ANALYSIS_SUMMARY ? &shared : NULL;
            void *s = ops->begin(m.trace, &options, &out, &err);
            assert_non_null(s);
            ops->events(s, m.events, m.n);
            assert_true(ops->end(s, &err));
            if (ops->text)
                ops->text(s, &out);
            if (ops->json)
                ops->json(s, &out);
            ops->free(s);
            buf_release(&out);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(goroutines),      TEST(waits),          TEST(processors),           TEST(tasks),
        TEST(holders),         TEST(kinds_of_waits), TEST(parts_of_a_trace),     TEST(system_calls),
        TEST(many_goroutines), TEST(texts),          TEST(texts_without_memory), TEST(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
