/* forker N: a program of one thread whose handler for a timer forks, N times, wherever malloc
 * and stdio are: libc takes no lock for them in a program without threads, and fork waits for
 * none. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/single_threaded.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_US 200

static volatile sig_atomic_t n_forks, n_wanted = 1000;

/* Once the handler is over: the program gets on, however slow a fork is. */
static void set_timer(void)
{
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, PAUSE_US}}, NULL);
}

static void on_timer(int signo)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(7);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7 &&
        ++n_forks < n_wanted)
        set_timer();
}

int main(int argc, char **argv)
{
    FILE *nothing = fopen("/dev/null", "w");
    if (!nothing)
        return 1;
    if (argc > 1)
        n_wanted = atoi(argv[1]);
    for (clock_t begin = clock(); clock() - begin < CLOCKS_PER_SEC / 5;)
        ; /* what libsonde begins late has begun */
    signal(SIGALRM, on_timer);
    set_timer();
    while (n_forks < n_wanted) {
        for (int i = 0; i < 1000; i++) {
            free(malloc((size_t)i * 40));
            fputc('x', nothing);
        }
    }
    puts(__libc_single_threaded ? "one thread" : "threads");
    return 0;
}
