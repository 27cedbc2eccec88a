/* inside OUT: uses the functions of sonde/sonde.h and checks what they promise.
 * Prints "inside: CPU_SECONDS", or the line number of a check that failed. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sonde/sonde.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            printf("line %d: errno %d\n", __LINE__, errno);                                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static volatile double sink;

static double cpu_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

__attribute__((noinline)) void inside_hot(int n)
{
    double x = 1;
    for (int i = 0; i < n; i++)
        x = x * 1.0000001 + 1e-9;
    sink = x;
}

static void burn(double s)
{
    double end = cpu_s(CLOCK_THREAD_CPUTIME_ID) + s;
    while (cpu_s(CLOCK_THREAD_CPUTIME_ID) < end)
        inside_hot(20000);
}

static void *thread(void *arg)
{
    burn(0.4);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    CHECK(sonde_stop_cpu_profile() == 0);
    CHECK(sonde_start_cpu_profile(-1) == -1 && errno == EBADF);
    int ro = open("/dev/null", O_RDONLY), full = open("/dev/full", O_WRONLY);
    CHECK(sonde_start_cpu_profile(ro) == -1 && errno == EBADF);
    CHECK(sonde_set_cpu_profile_rate(-1) == -1 && errno == EINVAL);
    CHECK(sonde_set_cpu_profile_rate(10001) == -1 && errno == EINVAL);
    CHECK(sonde_set_cpu_profile_rate(0) == 0);
    CHECK(sonde_set_cpu_profile_rate(200) == 0);
    CHECK(sonde_start_cpu_profile(full) == 0);
    CHECK(sonde_stop_cpu_profile() == -1 && errno == ENOSPC);
    for (int i = 0; i < 20; i++) { /* again and again */
        int null = open("/dev/null", O_WRONLY);
        CHECK(sonde_start_cpu_profile(null) == 0);
        burn(0.005);
        CHECK(sonde_stop_cpu_profile() == 0);
        close(null);
    }
    int fd = open(argv[1], O_CREAT | O_WRONLY | O_TRUNC, 0644);
    CHECK(fd >= 0);
    double before = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(sonde_start_cpu_profile(fd) == 0);
    CHECK(sonde_start_cpu_profile(fd) == -1 && errno == EBUSY);
    CHECK(sonde_set_cpu_profile_rate(100) == -1 && errno == EBUSY);
    pthread_t t;
    CHECK(pthread_create(&t, NULL, thread, NULL) == 0);
    pthread_join(t, NULL);
    burn(0.4);
    pid_t pid = fork(); /* the child's samples are not the parent's */
    if (pid == 0) {
        burn(0.1);
        _exit(sonde_stop_cpu_profile() == 0 ? 0 : 1);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(sonde_stop_cpu_profile() == 0);
    printf("inside: %.3f\n", cpu_s(CLOCK_PROCESS_CPUTIME_ID) - before);
    return 0;
}
