/* crash HOW [FILE]: crashes in that way; with FILE the flight recorder is to write there. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sonde/sonde.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int zero;
static int *volatile nowhere;
static char other_stack[8192];
static sigjmp_buf saved;

static void on_own(int signo)
{
    (void)signo;
    _exit(7);
}

static void on_saved(int signo)
{
    siglongjmp(saved, signo);
}

static __attribute__((noinline)) int overflow(volatile char *above)
{
    volatile char frame[4096];
    frame[0] = *above;
    return overflow(frame) + frame[0];
}

static __attribute__((noinline)) void *write_nowhere(void *arg)
{
    *nowhere = 1;
    return arg;
}

/* Closes all, and has another file at each number. */
static void use_all_numbers(const char *file)
{
    char path[512];
    snprintf(path, sizeof path, "%s.other", file);
    close_range(3, ~0u, 0);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    for (int i = 3; i < 1024; i++)
        if (i != fd)
            dup2(fd, i);
    if (write(fd, "precious", 8) != 8)
        abort();
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    pthread_t thread, second;
    int fd = -1, status;
    if (strcmp(how, "handled") == 0)
        signal(SIGSEGV, on_own);
    if (strcmp(how, "saved") == 0)
        signal(SIGSEGV, on_saved);
    if (strcmp(how, "ignored") == 0)
        signal(SIGABRT, SIG_IGN);
    if (argc > 2) {
        fd = open(argv[2], O_CREAT | O_TRUNC | O_WRONLY, 0600);
        if (sonde_flight_recorder_on_crash(fd) == 0) /* it is not on yet */
            return 2;
        if (sonde_flight_recorder_start(60, 0) != 0 || sonde_flight_recorder_on_crash(fd) != 0)
            return 3;
        close(fd);
    }
    sonde_trace_log(0, "last", "words");
    if (strcmp(how, "segv") == 0 || strcmp(how, "handled") == 0)
        write_nowhere(NULL);
    if (strcmp(how, "fpe") == 0)
        return argc / zero;
    if (strcmp(how, "ill") == 0)
        __builtin_trap();
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "killed") == 0)
        kill(getpid(), SIGBUS);
    if (strcmp(how, "ignored") == 0) {
        raise(SIGABRT);
        return 4;
    }
    if (strcmp(how, "overflow") == 0) {
        const stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
        sigaltstack(&stack, NULL);
        return overflow(other_stack);
    }
    if (strcmp(how, "thread") == 0 || strcmp(how, "both") == 0) {
        pthread_create(&thread, NULL, write_nowhere, NULL);
        if (strcmp(how, "both") == 0)
            pthread_create(&second, NULL, write_nowhere, NULL);
        pthread_join(thread, NULL);
    }
    if (strcmp(how, "saved") == 0) { /* it goes on; and may ask again */
        if (sigsetjmp(saved, 1) == 0)
            write_nowhere(NULL);
        if (argc > 2) {
            fd = open(argv[2], O_CREAT | O_TRUNC | O_WRONLY, 0600);
            if (sonde_flight_recorder_on_crash(fd) != 0)
                return 5;
        }
        abort();
    }
    if (strcmp(how, "child") == 0) {
        if (fork() == 0)
            abort();
        wait(&status);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }
    if (strcmp(how, "vfork") == 0) {
        if (vfork() == 0)
            write_nowhere(NULL);
        wait(&status);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }
    if (strcmp(how, "off") == 0) {
        sonde_flight_recorder_on_crash(-1);
        abort();
    }
    if (strcmp(how, "stopped") == 0) {
        sonde_flight_recorder_stop();
        abort();
    }
    if (strcmp(how, "numbers") == 0) {
        use_all_numbers(argc > 2 ? argv[2] : "bare");
        abort();
    }
    return 0;
}
