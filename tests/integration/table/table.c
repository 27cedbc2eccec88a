/* table: what each program of the README's table does, in functions of these names:
 *   table_burn     300 ms of CPU time
 *   table_keep     8 blocks of 1 MiB, kept
 *   table_drop     8 blocks of 1 MiB, freed
 *   table_wait     for a mutex that another thread holds for 100 ms,
 *   table_release  which unlocks it
 *   table_spawn    3 threads, which end
 *   table_park     a thread, or with -DFIBER a fiber, that is there at the end
 * With -DLINKED it profiles itself, into the folder argv[1], and with -DFIBER on a fiber. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#ifdef LINKED
#include <fcntl.h>
#include <sonde/sonde.h>
#include <stdio.h>
#endif
#ifdef FIBER
#include <ucontext.h>
#endif

#define N_BLOCKS 8
#define BLOCK_BYTES (1 << 20)
#define OWN __attribute__((noinline))

void *table_kept[N_BLOCKS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t is_held, is_parked;
static volatile int done; /* so that the last call of a function is not a jump */

OWN void table_burn(void)
{
    clock_t end = clock() + CLOCKS_PER_SEC * 3 / 10;
    for (volatile unsigned i = 0; i % 4096 || clock() < end; i++)
        ;
}

OWN void table_keep(void)
{
    for (int i = 0; i < N_BLOCKS; i++)
        table_kept[i] = malloc(BLOCK_BYTES);
}

OWN void table_drop(void)
{
    for (int i = 0; i < N_BLOCKS; i++) {
        void *volatile block = malloc(BLOCK_BYTES);
        free(block);
    }
}

OWN void table_release(void)
{
    pthread_mutex_unlock(&mutex);
    done = 1;
}

static void *hold(void *arg)
{
    pthread_mutex_lock(&mutex);
    pthread_barrier_wait(&is_held);
    usleep(100000);
    table_release();
    return arg;
}

OWN void table_wait(void)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    done = 1;
}

static void *nothing(void *arg)
{
    return arg;
}

OWN void table_spawn(void)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, nothing, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

static void work(void)
{
    pthread_t holder;
    table_keep();
    table_drop();
    table_spawn();
    pthread_barrier_init(&is_held, NULL, 2);
    pthread_create(&holder, NULL, hold, NULL);
    pthread_barrier_wait(&is_held);
    table_wait();
    pthread_join(holder, NULL);
#ifdef LINKED
    const struct sonde_labels *before = sonde_begin_label("part", "burn");
    table_burn();
    sonde_set_labels(before);
#else
    table_burn();
#endif
}

#ifdef FIBER
static ucontext_t on_thread, on_fiber;
static struct sonde_fiber *fiber;

OWN void table_park(void)
{
    sonde_fiber_park(fiber);
    swapcontext(&on_fiber, &on_thread);
    done = 1;
}

static void run_fiber(void)
{
    work();
    table_park();
}

static void run(void)
{
    const size_t n = 256 << 10;
    char *stack = malloc(n);
    fiber = sonde_fiber_new("table", stack, n);
    getcontext(&on_fiber);
    on_fiber.uc_stack.ss_sp = stack;
    on_fiber.uc_stack.ss_size = n;
    makecontext(&on_fiber, run_fiber, 0);
    swapcontext(&on_thread, &on_fiber);
}
#else
OWN void table_park(void)
{
    pthread_barrier_wait(&is_parked);
    for (;;)
        pause();
}

static void *run_park(void *arg)
{
    table_park();
    return arg;
}

static void run(void)
{
    pthread_t parked;
    work();
    pthread_barrier_init(&is_parked, NULL, 2);
    pthread_create(&parked, NULL, run_park, NULL);
    pthread_barrier_wait(&is_parked);
    usleep(50000); /* it is in pause by then */
}
#endif

#ifdef LINKED
OWN void table_custom(void)
{
    struct sonde_profile *open = sonde_new_profile("open");
    sonde_profile_add(open, table_kept, 0);
    sonde_profile_add(open, &mutex, 0);
    done = 1;
}

static int file_of(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.pb.gz", folder, name);
    return open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"heap",      "allocs",       "block", "mutex",
                                        "goroutine", "threadcreate", "open"};
    int fd = file_of(argv[1], "cpu");
    if (sonde_set_mem_profile_rate(1) != 0 || sonde_set_block_profile_rate(1) != 0 ||
        sonde_set_mutex_profile_fraction(1) < 0 || !sonde_lookup("threadcreate") ||
        sonde_start_cpu_profile(fd) != 0)
        return perror("table: cannot begin"), 1;
    run();
    table_custom();
    if (sonde_stop_cpu_profile() != 0)
        return perror("table: cpu"), 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sonde_profile_write(sonde_lookup(names[i]), file_of(argv[1], names[i]), 0) != 0)
            return perror(names[i]), 1;
    return 0;
}
#else
int main(void)
{
    run();
    return 0;
}
#endif
