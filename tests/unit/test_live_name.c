#include "ui/live_name.h"
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void are_names(void **state)
{
    (void)state;
    assert_true(live_name_is("pid:1/heap"));
    assert_true(live_name_is("core:x"));
    assert_false(live_name_is("http://pid:1/heap"));
    assert_false(live_name_is("pid"));
}

static void parses_processes(void **state)
{
    (void)state;
    struct live_name name;
    assert_true(live_name_parse(&name, "pid:12/heap?seconds=2.5&gc=1", NULL));
    assert_int_equal(name.pid, 12);
    assert_string_equal(name.kind, "heap");
    assert_true(name.seconds == 2.5 && name.gc && !name.enable && !name.consistent);
    live_name_release(&name);
    assert_true(live_name_parse(&name, "pid:12", NULL));
    assert_string_equal(name.kind, "cpu");
    live_name_release(&name);
    assert_true(live_name_parse(&name, "pid:12/profile?hz=250&enable&consistent=0", NULL));
    assert_string_equal(name.kind, "cpu");
    assert_true(name.hz == 250 && name.enable && !name.consistent);
    live_name_release(&name);
    assert_true(live_name_parse(&name, "pid:12/block?enable=1&rate=2500", NULL));
    assert_true(name.rate == 2500 && name.enable);
    live_name_release(&name);
    assert_true(live_name_parse(&name, "pid:12/threads", NULL));
    assert_string_equal(name.kind, "goroutine");
    live_name_release(&name);
}

static void parses_cores(void **state)
{
    (void)state;
    struct live_name name;
    assert_true(live_name_parse(&name, "core:/no/such/core.1/heap?exe=/bin/x", NULL));
    assert_string_equal(name.core, "/no/such/core.1");
    assert_string_equal(name.kind, "heap");
    assert_string_equal(name.exe, "/bin/x");
    assert_int_equal(name.pid, 0);
    live_name_release(&name);
    /* a file that is there */
    assert_true(live_name_parse(&name, "core:/proc/self/comm", NULL));
    assert_string_equal(name.core, "/proc/self/comm");
    assert_string_equal(name.kind, "goroutine");
    live_name_release(&name);
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        enum err_code code;
        const char *text; /* of the message */
    } cases[] = {
        {"pid:12/heat", ERR_USAGE, "no profile 'heat'; there are cpu, heap,"},
        {"pid:12/heap?second=3", ERR_USAGE, "no parameter 'second'"},
        {"core:/no/such/core.1/heap?seconds=3", ERR_USAGE, "no parameter 'seconds'; there is exe"},
        {"pid:12/heap?exe=x", ERR_USAGE, "no parameter 'exe'"},
        {"pid:12/heap?seconds=0", ERR_USAGE, "seconds takes a number above 0"},
        {"pid:12/heap?seconds=nan", ERR_USAGE, "seconds takes a number above 0"},
        {"pid:12/heap?gc=yes", ERR_USAGE, "gc takes 0 or 1, not 'yes'"},
        {"pid:99999999999/heap", ERR_INPUT, "no process 99999999999"},
        {"pid:0/heap", ERR_INPUT, "no process 0"},
        {"pid:/heap", ERR_USAGE, "no process is given"},
        {"pid:no-such-program-at-all/heap", ERR_INPUT, "no process called"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct live_name name;
        struct err err = {0};
        assert_false(live_name_parse(&name, cases[i].source, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_non_null(strstr(err.msg, cases[i].text));
        live_name_release(&name);
    }
}

static pid_t sleeper(const char *comm)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NAME, comm);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(write(ready[1], "x", 1) == 1 ? pause() : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void finds_by_name(void **state)
{
    (void)state;
    char comm[16];
    struct err err = {0};
    snprintf(comm, sizeof comm, "zz%d", (int)getpid());
    pid_t one = sleeper(comm);
    assert_int_equal(live_name_process(comm, &err), one);
    pid_t two = sleeper(comm);
    assert_int_equal(live_name_process(comm, &err), 0);
    char number[16];
    snprintf(number, sizeof number, "%d (", (int)two);
    assert_non_null(strstr(err.msg, "2 processes are called"));
    assert_non_null(strstr(err.msg, number));
    assert_int_equal(err.code, ERR_INPUT);
    kill(one, SIGKILL);
    kill(two, SIGKILL);
    waitpid(one, NULL, 0);
    /* a zombie is none */
    err = (struct err){0};
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)two, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(live_name_process(comm, &err), 0);
    waitpid(two, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_names),     cmocka_unit_test(parses_processes),
        cmocka_unit_test(parses_cores),  cmocka_unit_test(refuses),
        cmocka_unit_test(finds_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
