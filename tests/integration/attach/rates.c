/* rates: waits more often than stacks are copied, with what they were as the program itself knows.
 *
 * "ping" and "pong" hand a byte to and fro on one processor, where "spins" runs twice as well;
 * every now and then "ping" naps.  "mixed" takes short and long naps, of one depth of the stack.
 * "children" starts threads, each of which naps five times, and ends; "child" does so in a process
 * of its own.  Prints "ready", begins with a line of stdin, takes three seconds, and prints for
 * each a line of its name, the number of waits and their nanoseconds; ends with stdin. */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OWN __attribute__((noipa)) static
#define NS_PER_S 1000000000ull
#define LASTS_NS (3 * NS_PER_S)
#define NAPS 5

static int there[2], back[2];
static uint64_t end_ns;
static volatile int stop, count;

struct sum {
    uint64_t n, ns;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t switches(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return (uint64_t)usage.ru_nvcsw;
}

static void one_processor(void)
{
    cpu_set_t first, all;
    sched_getaffinity(0, sizeof all, &all);
    CPU_ZERO(&first);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&first); i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &first);
    sched_setaffinity(0, sizeof first, &first);
}

OWN void gives(int fd)
{
    if (write(fd, "x", 1) != 1)
        _exit(3);
    count++;
}

OWN void takes(int fd)
{
    char byte;
    if (read(fd, &byte, 1) != 1)
        _exit(3);
    count++;
}

OWN void seldom(void)
{
    usleep(5000);
    count++;
}

OWN void shortly(void)
{
    usleep(50);
    count++;
}

OWN void long_one(void)
{
    usleep(2000);
    count++;
}

OWN void in_thread(void)
{
    usleep(1000);
    count++;
}

OWN void in_child(void)
{
    usleep(1000);
    count++;
}

static struct sum ping_sum, pong_sum, seldom_sum, short_sum, long_sum, thread_sum;

static void *ping(void *arg)
{
    one_processor();
    uint64_t wall = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_THREAD_CPUTIME_ID), n = switches();
    uint64_t next = wall;
    while (now_ns(CLOCK_MONOTONIC) < end_ns) {
        gives(there[1]);
        takes(back[0]);
        if (now_ns(CLOCK_MONOTONIC) < next)
            continue;
        seldom();
        seldom_sum.n++;
        next = now_ns(CLOCK_MONOTONIC) + 50000000;
    }
    ping_sum = (struct sum){switches() - n, now_ns(CLOCK_MONOTONIC) - wall -
                                                (now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu)};
    stop = 1;
    gives(there[1]);
    return arg;
}

static void *pong(void *arg)
{
    one_processor();
    uint64_t n = switches();
    while (!stop) {
        takes(there[0]);
        gives(back[1]);
    }
    pong_sum.n = switches() - n;
    return arg;
}

OWN void computes(void)
{
    while (!stop)
        count++;
}

static void *spins(void *arg)
{
    one_processor();
    nice(15);
    computes();
    return arg;
}

static void add(struct sum *sum, void (*fn)(void))
{
    uint64_t from = now_ns(CLOCK_MONOTONIC);
    fn();
    sum->ns += now_ns(CLOCK_MONOTONIC) - from;
    sum->n++;
}

static void *mixed(void *arg)
{
    unsigned seed = 1;
    while (now_ns(CLOCK_MONOTONIC) < end_ns)
        if (rand_r(&seed) % 16)
            add(&short_sum, shortly);
        else
            add(&long_sum, long_one);
    return arg;
}

static void *naps(void *arg)
{
    for (int i = 0; i < NAPS; i++)
        in_thread();
    return arg;
}

static void *children(void *arg)
{
    while (now_ns(CLOCK_MONOTONIC) < end_ns) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, naps, NULL) != 0)
            _exit(3);
        pthread_join(thread, NULL);
        thread_sum.n += NAPS;
    }
    return arg;
}

int main(void)
{
    void *(*const all[])(void *) = {ping, pong, spins, spins, mixed, children};
    pthread_t threads[sizeof all / sizeof *all];
    if (pipe(there) != 0 || pipe(back) != 0)
        return 3;
    puts("ready");
    fflush(stdout);
    if (getchar() == EOF)
        return 3;
    end_ns = now_ns(CLOCK_MONOTONIC) + LASTS_NS;
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < NAPS; i++)
            in_child();
        _exit(0);
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (pthread_create(&threads[i], NULL, all[i], NULL) != 0)
            return 3;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pthread_join(threads[i], NULL);
    waitpid(child, NULL, 0);
    const struct {
        const char *name;
        struct sum sum;
    } known[] = {{"ping", ping_sum},     {"pong", pong_sum},     {"seldom", seldom_sum},
                 {"shortly", short_sum}, {"long_one", long_sum}, {"in_thread", thread_sum},
                 {"in_child", {NAPS, 0}}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        printf("%s %llu %llu\n", known[i].name, (unsigned long long)known[i].sum.n,
               (unsigned long long)known[i].sum.ns);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}
