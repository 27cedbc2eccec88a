/* ucontext FILE [CPUFILE]: fibers made by makecontext, parked at known places, one of which
 * has burnt CPU time; writes the goroutine profile (debug=2 to stdout without FILE). */
#include <errno.h>
#include <fcntl.h>
#include <sonde/sonde.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define OWN __attribute__((noinline, noclone)) static

enum { N_FIBERS = 4, STACK_BYTES = 65536 };

static ucontext_t home, contexts[N_FIBERS];
static struct sonde_fiber *fibers[N_FIBERS];
static char *stacks[N_FIBERS];
static volatile int sink;

OWN void yield(int i)
{
    sonde_fiber_park(fibers[i]);
    swapcontext(&contexts[i], &home);
    sonde_fiber_resume(fibers[i]);
    sink++;
}

OWN void waits(int i, int depth)
{
    if (depth == 0)
        yield(i);
    else
        waits(i, depth - 1);
    sink++;
}

OWN void burns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    long end = t.tv_sec * 1000 + t.tv_nsec / 1000000 + 500;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < end);
}

static void body(int i)
{
    sonde_set_label("fiber number", i == 1 ? "one" : "other");
    if (i == 0)
        burns();
    waits(i, 3);
    sink++;
}

int main(int argc, char **argv)
{
    char name[32];
    int cpu = argc > 2 ? open(argv[2], O_CREAT | O_WRONLY | O_TRUNC, 0644) : -1;
    if (cpu >= 0 && sonde_start_cpu_profile(cpu) != 0)
        return 3;
    for (int i = 0; i < N_FIBERS; i++) {
        stacks[i] = malloc(STACK_BYTES);
        snprintf(name, sizeof name, "fiber %d", i);
        fibers[i] = sonde_fiber_new(name, stacks[i], STACK_BYTES);
        getcontext(&contexts[i]);
        contexts[i].uc_stack.ss_sp = stacks[i];
        contexts[i].uc_stack.ss_size = STACK_BYTES;
        contexts[i].uc_link = &home;
        makecontext(&contexts[i], (void (*)(void))body, 1, i);
        swapcontext(&home, &contexts[i]);
    }
    if (sonde_get_label("fiber number"))
        return 9; /* it is theirs */
    if (cpu >= 0 && sonde_stop_cpu_profile() != 0)
        return 4;
    if (sonde_fiber_park(fibers[0]) == 0 || errno != EINVAL || sonde_fiber_new(NULL, stacks[0], 1))
        return 5; /* this is not its stack; no name */
    int fd = argc > 1 ? open(argv[1], O_CREAT | O_WRONLY | O_TRUNC, 0644) : 1;
    if (sonde_profile_write(sonde_lookup("goroutine"), fd, argc > 1 ? 0 : 2) != 0)
        return 6;
    swapcontext(&home, &contexts[2]); /* it ends */
    sonde_fiber_free(fibers[2]);
    free(stacks[2]);
    if (sonde_profile_count(sonde_lookup("goroutine")) != N_FIBERS)
        return 7;
    for (int i = 0; i < 1000000; i++) {
        struct sonde_fiber *f = sonde_fiber_new("short", name, sizeof name);
        if (!f)
            return 8;
        sonde_fiber_free(f);
    }
    return 0;
}
