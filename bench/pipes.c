/* pipes: for each line of stdin, hands a byte to and fro between two threads for half a second, and
 * prints the nanoseconds of a round, which has two waits.
 *
 *   pipes [PROCESSOR]   both threads on that one */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LASTS_NS 500000000u

static int there[2], back[2];

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void takes(int fd)
{
    char byte;
    if (read(fd, &byte, 1) != 1)
        exit(1);
}

static void gives(int fd)
{
    if (write(fd, "x", 1) != 1)
        exit(1);
}

static void *answers(void *arg)
{
    for (;;) {
        takes(there[0]);
        gives(back[1]);
    }
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    char line[80];
    if (argc > 1) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET((size_t)atoi(argv[1]), &one);
        sched_setaffinity(0, sizeof one, &one);
    }
    if (pipe(there) != 0 || pipe(back) != 0 || pthread_create(&thread, NULL, answers, NULL) != 0)
        return 1;
    while (fgets(line, sizeof line, stdin)) {
        uint64_t n = 0, from = now_ns(), now;
        for (; (now = now_ns()) - from < LASTS_NS; n++) {
            gives(there[1]);
            takes(back[0]);
        }
        printf("%.1f\n", (double)(now - from) / (double)n);
        fflush(stdout);
    }
    return 0;
}
