/* What is written to a Go program is put back: by us, or by the watchdog when we are killed. */
#include "fake_go.h"
#include "go/go_gc.h"
#include "go/go_rates.h"
#include "os/tasks.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

enum { PENDING = 8, ENABLED = 9, NUMGC = 16, LAST_GC = 24, PERIOD = 1000000 };

static void start(struct fake_go *fake)
{
    fake_start(fake);
    uint16_t *at = fake->program.layout.at;
    at[GO_WORK_LEAK_PENDING] = PENDING;
    at[GO_WORK_LEAK_ENABLED] = ENABLED;
    at[GO_MSTATS_NUMGC] = NUMGC;
    at[GO_MSTATS_LAST_GC] = LAST_GC;
    fake_put(fake, fake_variable(GO_VAR_FORCE_GC_PERIOD), 120000000000, 8);
    /* What lies beside a word stays. */
    fake_put(fake, fake_variable(GO_VAR_BLOCK_PROFILE_RATE) + 8, 0x1122334455667788, 8);
    fake_put(fake, fake_variable(GO_VAR_WORK) + PENDING + 1, 0, 1);
}

static struct go_rates *open_rates(struct fake_go *fake)
{
    struct err err = {0};
    struct go_rates *rates = go_rates_open(&fake->program, &err);
    if (!rates)
        fail_msg("%s", err.msg);
    return rates;
}

static uint64_t rate(struct fake_go *fake)
{
    return fake_get(fake, fake_variable(GO_VAR_BLOCK_PROFILE_RATE), 8);
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Until the watchdog has done its work. */
static bool becomes(struct fake_go *fake, uint64_t value)
{
    for (int i = 0; i < 5000 && rate(fake) != value; i++)
        pause_ms(1);
    return rate(fake) == value;
}

static void test_restore(void **state)
{
    (void)state;
    struct fake_go fake;
    struct err err = {0};
    start(&fake);
    struct go_rates *rates = open_rates(&fake);
    assert_true(go_rates_enable(rates, &go_kind_block, 1, NULL, &err));
    assert_int_equal(rate(&fake), 1);
    assert_false(go_rates_set(rates, GO_VAR_BLOCK_PROFILE_RATE, 2, &err));
    assert_true(go_rates_set(rates, GO_VAR_WORK, 1, &err));
    assert_int_equal(fake_get(&fake, fake_variable(GO_VAR_WORK) + PENDING, 8), 1);
    assert_true(go_rates_restore(rates, &err));
    assert_int_equal(rate(&fake), 0);
    assert_int_equal(fake_get(&fake, fake_variable(GO_VAR_WORK) + PENDING, 8), 0);
    assert_int_equal(fake_get(&fake, fake_variable(GO_VAR_BLOCK_PROFILE_RATE) + 8, 8),
                     0x1122334455667788);
    /* Once more, and it is put back with the rest. */
    assert_true(go_rates_set(rates, GO_VAR_BLOCK_PROFILE_RATE, 7, &err));
    assert_int_equal(rate(&fake), 7);
    go_rates_free(rates);
    assert_int_equal(rate(&fake), 0);
    fake_end(&fake);
}

/* What the program has set meanwhile stays, and so does a profile that is on. */
static void test_changed_meanwhile(void **state)
{
    (void)state;
    struct fake_go fake;
    struct err err = {0};
    start(&fake);
    struct go_rates *rates = open_rates(&fake);
    assert_true(go_rates_enable(rates, &go_kind_block, 1, NULL, &err));
    fake_put(&fake, fake_variable(GO_VAR_BLOCK_PROFILE_RATE), 5, 8);
    assert_true(go_rates_restore(rates, &err));
    assert_int_equal(rate(&fake), 5);
    assert_true(go_rates_enable(rates, &go_kind_block, 1, NULL, &err));
    assert_int_equal(rate(&fake), 5);
    go_rates_free(rates);
    assert_int_equal(rate(&fake), 5);
    fake_end(&fake);
}

static void test_refused(void **state)
{
    (void)state;
    struct fake_go fake;
    struct err err = {0};
    start(&fake);
    struct go_rates *rates = open_rates(&fake);
    fake.program.sure[GO_VAR_BLOCK_PROFILE_RATE] = false;
    assert_false(go_rates_enable(rates, &go_kind_block, 1, NULL, &err));
    assert_non_null(strstr(err.msg, "not beyond doubt"));
    fake_put(&fake, fake_variable(GO_VAR_FORCE_GC_PERIOD), 0, 8);
    assert_false(go_rates_set(rates, GO_VAR_FORCE_GC_PERIOD, PERIOD, &err));
    assert_non_null(strstr(err.msg, "cannot be"));
    fake.program.layout.at[GO_WORK_LEAK_PENDING] = GO_NO_FIELD;
    assert_false(go_rates_set(rates, GO_VAR_WORK, 1, &err));
    /* Two at a time. */
    assert_null(go_rates_open(&fake.program, &err));
    assert_non_null(strstr(err.msg, "another sonde"));
    go_rates_free(rates);
    rates = open_rates(&fake);
    go_rates_free(rates);
    assert_int_equal(rate(&fake), 0);
    fake.mem->can_write = false;
    assert_null(go_rates_open(&fake.program, &err));
    fake_end(&fake);
}

static void test_off(void **state)
{
    (void)state;
    struct fake_go fake;
    struct err err = {0};
    start(&fake);
    assert_false(go_rates_check(&fake.program, &go_kind_mutex, &err));
    assert_non_null(strstr(err.msg, "mutex profiling is off in process 7 (fake)"));
    assert_non_null(strstr(err.msg, "enable=1"));
    /* It was on once. */
    fake_put(&fake, fake_variable(GO_VAR_XBUCKETS), FAKE_BASE, 8);
    assert_true(go_rates_check(&fake.program, &go_kind_mutex, &err));
    fake_put(&fake, fake_variable(GO_VAR_BLOCK_PROFILE_RATE), 1, 8);
    assert_true(go_rates_check(&fake.program, &go_kind_block, &err));
    fake_end(&fake);
}

static void *sleeper(void *arg)
{
    for (;;)
        pause();
    return arg;
}

/* A child takes our place and is killed. */
static pid_t child_that_enables(struct fake_go *fake, int *ready)
{
    int fds[2];
    char byte;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        /* who started the tests in the background may have them ignored */
        signal(SIGINT, SIG_DFL);
        signal(SIGQUIT, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        struct err err;
        struct go_rates *rates = go_rates_open(&fake->program, &err);
        bool ok = rates && go_rates_enable(rates, &go_kind_block, 1, NULL, &err);
        ssize_t n = write(fds[1], ok ? "y" : "n", 1);
        (void)n;
        for (;;)
            pause();
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    *ready = fds[0];
    return pid;
}

static void test_killed(void **state)
{
    (void)state;
    static const int signals[] = {SIGKILL, SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct fake_go fake;
    int fd;
    start(&fake);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        pid_t pid = child_that_enables(&fake, &fd);
        assert_int_equal(rate(&fake), 1);
        kill(pid, signals[i]);
        waitpid(pid, NULL, 0);
        close(fd);
        assert_true(becomes(&fake, 0));
    }
    /* The watchdog, too, leaves what the program has set. */
    pid_t pid = child_that_enables(&fake, &fd);
    fake_put(&fake, fake_variable(GO_VAR_BLOCK_PROFILE_RATE), 9, 8);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fd);
    /* It holds the lock until it has ended. */
    struct go_rates *rates = NULL;
    for (int k = 0; k < 5000 && !(rates = go_rates_open(&fake.program, NULL)); k++)
        pause_ms(1);
    assert_non_null(rates);
    go_rates_free(rates);
    assert_int_equal(rate(&fake), 9);
    fake_end(&fake);
}

/* A signal to all of our process group does not reach the watchdog. */
static void test_group(void **state)
{
    (void)state;
    struct fake_go fake;
    start(&fake);
    pid_t leader = fork();
    assert_true(leader >= 0);
    if (leader == 0) {
        struct err err;
        setpgid(0, 0);
        struct go_rates *rates = go_rates_open(&fake.program, &err);
        if (!rates || !go_rates_enable(rates, &go_kind_block, 1, NULL, &err))
            _exit(1);
        kill(0, SIGKILL);
        _exit(2);
    }
    int status;
    waitpid(leader, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_true(becomes(&fake, 0));
    fake_end(&fake);
}

/* Its main thread ends before the others: it still runs, and is as it was afterwards. */
static void test_main_thread_ends(void **state)
{
    (void)state;
    struct fake_go fake;
    struct err err = {0};
    int fds[2];
    start(&fake);
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        pthread_t thread;
        char byte;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pthread_create(&thread, NULL, sleeper, NULL);
        ssize_t n = read(fds[0], &byte, 1);
        (void)n;
        pthread_exit(NULL);
    }
    struct proc proc;
    assert_true(proc_open(&proc, pid, &err));
    fake.mem->proc = &proc;
    struct go_rates *rates = open_rates(&fake);
    assert_true(go_rates_enable(rates, &go_kind_block, 0, NULL, &err));
    assert_int_equal(write(fds[1], "x", 1), 1);
    while (tasks_state(&proc, pid) != 'Z')
        pause_ms(1);
    assert_true(go_rates_restore(rates, &err));
    assert_int_equal(rate(&fake), 0);
    go_rates_free(rates);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    proc_release(&proc);
    close(fds[0]);
    close(fds[1]);
    fake_end(&fake);
}

/* --- collections --- */

static void *collector(void *arg)
{
    struct fake_go *fake = arg;
    uint64_t work = fake_variable(GO_VAR_WORK), stats = fake_variable(GO_VAR_MEMSTATS);
    uint64_t n = fake_get(fake, stats + NUMGC, 4);
    for (int i = 0; i < 5000; i++, pause_ms(1)) {
        if (fake_get(fake, fake_variable(GO_VAR_FORCE_GC_PERIOD), 8) != PERIOD)
            continue;
        if (fake_get(fake, work + PENDING, 1)) {
            fake_put(fake, work + ENABLED, 1, 1);
            fake_put(fake, work + PENDING, 0, 1);
            pause_ms(5);
            fake_put(fake, work + ENABLED, 0, 1);
        }
        fake_put(fake, stats + NUMGC, ++n, 4);
        if (n == 3)
            break;
    }
    return NULL;
}

static void test_collect(void **state)
{
    (void)state;
    struct fake_go fake;
    struct err err = {0};
    pthread_t thread;
    start(&fake);
    uint64_t stats = fake_variable(GO_VAR_MEMSTATS), work = fake_variable(GO_VAR_WORK);
    struct go_rates *rates = open_rates(&fake);
    struct go_options options = {.rates = rates};
    /* Before its first collection none can be asked for. */
    assert_false(go_gc_publish(&options, &err));
    assert_non_null(strstr(err.msg, "has not collected garbage yet"));
    fake_put(&fake, stats + LAST_GC, 5, 8);
    fake_put(&fake, stats + NUMGC, 1, 4);
    pthread_create(&thread, NULL, collector, &fake);
    assert_true(go_gc_publish(&options, &err));
    pthread_join(thread, NULL);
    assert_int_equal(fake_get(&fake, stats + NUMGC, 4), 3);
    assert_int_equal(fake_get(&fake, fake_variable(GO_VAR_FORCE_GC_PERIOD), 8), 120000000000);
    fake_put(&fake, stats + NUMGC, 2, 4);
    pthread_create(&thread, NULL, collector, &fake);
    assert_true(go_gc_find_leaks(&options, &err));
    pthread_join(thread, NULL);
    assert_int_equal(fake_get(&fake, work + PENDING, 1), 0);
    assert_int_equal(fake_get(&fake, work + ENABLED, 1), 0);
    assert_int_equal(fake_get(&fake, fake_variable(GO_VAR_FORCE_GC_PERIOD), 8), 120000000000);
    go_rates_free(rates);
    fake_end(&fake);
}

static bool after_ten(void *arg)
{
    return ++*(int *)arg >= 10;
}

/* A collection that does not come is waited for until somebody stops that. */
static void test_stop_waiting(void **state)
{
    (void)state;
    struct fake_go fake;
    struct err err = {0};
    start(&fake);
    struct go_rates *rates = open_rates(&fake);
    int n = 0;
    struct go_options options = {.rates = rates, .stop = after_ten, .stop_arg = &n};
    fake_put(&fake, fake_variable(GO_VAR_MEMSTATS) + LAST_GC, 5, 8);
    assert_false(go_gc_find_leaks(&options, &err));
    assert_non_null(strstr(err.msg, "until it was stopped"));
    assert_int_equal(n, 10);
    assert_int_equal(fake_get(&fake, fake_variable(GO_VAR_FORCE_GC_PERIOD), 8), 120000000000);
    assert_int_equal(fake_get(&fake, fake_variable(GO_VAR_WORK) + PENDING, 1), 0);
    go_rates_free(rates);
    fake_end(&fake);
}

/* Leaks are looked for by a collection: only where one was asked for. */
static void test_leak_needs_gc(void **state)
{
    (void)state;
    struct fake_go fake;
    struct err err = {0};
    start(&fake);
    struct go_rates *rates = open_rates(&fake);
    struct go_options options = {.rates = rates};
    fake_put(&fake, fake_variable(GO_VAR_MEMSTATS) + LAST_GC, 5, 8);
    assert_null(go_kind_goroutineleak.profile(&fake.program, &options, NULL, &err));
    assert_non_null(strstr(err.msg, "goroutineleak?gc=1"));
    go_rates_free(rates);
    fake_end(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restore),          cmocka_unit_test(test_changed_meanwhile),
        cmocka_unit_test(test_refused),          cmocka_unit_test(test_off),
        cmocka_unit_test(test_killed),           cmocka_unit_test(test_group),
        cmocka_unit_test(test_main_thread_ends), cmocka_unit_test(test_collect),
        cmocka_unit_test(test_stop_waiting),     cmocka_unit_test(test_leak_needs_gc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
