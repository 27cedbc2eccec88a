/* waits: waits of known length in all of C's ways.  A function wait_X waits, and give_X, on
 * another thread, ends it. */
#define _GNU_SOURCE
#include "known.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static mtx_t c11;
static cnd_t c11_cond;
static sem_t sem;
static pthread_barrier_t barrier;
static pthread_once_t once;
static once_flag c11_once;
static _Atomic uint32_t word; /* 0 free, 1 held, 2 held and waited for */
static _Atomic int is_ready;
static _Atomic uint64_t given_ns;
static int is_set;
static pthread_t finishing;
static thrd_t c11_finishing;

static void ready(void)
{
    is_ready = 1;
    until_asleep(getpid()); /* the main thread, in its wait */
    pause_ns(PAUSE_NS);
    given_ns = now_ns();
}

/* Mutexes, read-write locks. */

OWN static void give_mutex(void)
{
    given_ns = now_ns();
    pthread_mutex_unlock(&mutex);
}

OWN static void give_write(void)
{
    given_ns = now_ns();
    pthread_rwlock_unlock(&rwlock);
}

OWN static void give_read(void)
{
    given_ns = now_ns();
    pthread_rwlock_unlock(&rwlock);
}

OWN static void give_first_read(void)
{
    pthread_rwlock_unlock(&rwlock);
}

OWN static void give_c11(void)
{
    given_ns = now_ns();
    mtx_unlock(&c11);
}

OWN static void give_word(void)
{
    given_ns = now_ns();
    if (atomic_exchange(&word, 0) == 2)
        syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *hold_mutex(void *arg)
{
    pthread_mutex_lock(&mutex);
    ready();
    give_mutex();
    return arg;
}

static void *hold_write(void *arg)
{
    pthread_rwlock_wrlock(&rwlock);
    ready();
    give_write();
    return arg;
}

static void *hold_read(void *arg)
{
    pthread_rwlock_rdlock(&rwlock);
    ready();
    give_read();
    return arg;
}

static void *hold_first_read(void *arg)
{
    pthread_rwlock_rdlock(&rwlock);
    is_ready = 1;
    pause_ns(PAUSE_NS / 2);
    give_first_read();
    return arg;
}

static void *hold_two_reads(void *arg)
{
    pthread_t other;
    pthread_create(&other, NULL, hold_first_read, NULL);
    while (!is_ready)
        ;
    is_ready = 0;
    hold_read(arg);
    pthread_join(other, NULL);
    return arg;
}

static void *hold_c11(void *arg)
{
    mtx_lock(&c11);
    ready();
    give_c11();
    return arg;
}

static void *hold_word(void *arg)
{
    word = 1;
    ready();
    give_word();
    return arg;
}

OWN static void wait_mutex(void)
{
    pthread_mutex_lock(&mutex);
}

OWN static void wait_mutex_timed(void)
{
    struct timespec t = after_ns(CLOCK_REALTIME, 1000000000);
    pthread_mutex_timedlock(&mutex, &t);
}

OWN static void wait_mutex_clock(void)
{
    struct timespec t = after_ns(CLOCK_MONOTONIC, 1000000000);
    pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &t);
}

OWN static void wait_read(void)
{
    pthread_rwlock_rdlock(&rwlock);
}

OWN static void wait_read_timed(void)
{
    struct timespec t = after_ns(CLOCK_REALTIME, 1000000000);
    pthread_rwlock_timedrdlock(&rwlock, &t);
}

OWN static void wait_read_clock(void)
{
    struct timespec t = after_ns(CLOCK_MONOTONIC, 1000000000);
    pthread_rwlock_clockrdlock(&rwlock, CLOCK_MONOTONIC, &t);
}

OWN static void wait_write(void)
{
    pthread_rwlock_wrlock(&rwlock);
}

OWN static void wait_write_timed(void)
{
    struct timespec t = after_ns(CLOCK_REALTIME, 1000000000);
    pthread_rwlock_timedwrlock(&rwlock, &t);
}

OWN static void wait_write_clock(void)
{
    struct timespec t = after_ns(CLOCK_MONOTONIC, 1000000000);
    pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &t);
}

OWN static void wait_two_reads(void)
{
    pthread_rwlock_wrlock(&rwlock);
}

OWN static void wait_c11(void)
{
    mtx_lock(&c11);
}

OWN static void wait_c11_timed(void)
{
    struct timespec t = after_ns(CLOCK_REALTIME, 1000000000);
    mtx_timedlock(&c11, &t);
}

OWN static void wait_word(void)
{
    while (atomic_exchange(&word, 2) != 0)
        syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
}

/* Nobody is charged a wait that was given up. */
OWN static void wait_in_vain(void)
{
    struct timespec t = after_ns(CLOCK_REALTIME, PAUSE_NS / 2);
    pthread_mutex_timedlock(&mutex, &t);
}

static void release_mutex(void)
{
    pthread_mutex_unlock(&mutex);
}

static void release_rwlock(void)
{
    pthread_rwlock_unlock(&rwlock);
}

static void release_c11(void)
{
    mtx_unlock(&c11);
}

static void release_word(void)
{
    word = 0;
}

static void nothing(void)
{
}

/* The others. */

OWN static void wait_cond(void)
{
    while (!is_set)
        pthread_cond_wait(&cond, &mutex);
}

OWN static void wait_cond_timed(void)
{
    struct timespec t = after_ns(CLOCK_REALTIME, PAUSE_NS / 2);
    pthread_cond_timedwait(&cond, &mutex, &t);
}

OWN static void wait_cond_clock(void)
{
    struct timespec t = after_ns(CLOCK_MONOTONIC, 1000000000);
    while (!is_set)
        pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &t);
}

OWN static void wait_c11_cond(void)
{
    while (!is_set)
        cnd_wait(&c11_cond, &c11);
}

OWN static void wait_c11_cond_timed(void)
{
    struct timespec t = after_ns(CLOCK_REALTIME, PAUSE_NS / 2);
    cnd_timedwait(&c11_cond, &c11, &t);
}

OWN static void wait_sem(void)
{
    sem_wait(&sem);
}

OWN static void wait_sem_timed(void)
{
    struct timespec t = after_ns(CLOCK_REALTIME, 1000000000);
    sem_timedwait(&sem, &t);
}

OWN static void wait_sem_clock(void)
{
    struct timespec t = after_ns(CLOCK_MONOTONIC, 1000000000);
    sem_clockwait(&sem, CLOCK_MONOTONIC, &t);
}

OWN static void wait_barrier(void)
{
    pthread_barrier_wait(&barrier);
}

OWN static void wait_join(void)
{
    pthread_join(finishing, NULL);
}

OWN static void wait_join_timed(void)
{
    struct timespec t = after_ns(CLOCK_REALTIME, 1000000000);
    pthread_timedjoin_np(finishing, NULL, &t);
}

OWN static void wait_join_clock(void)
{
    struct timespec t = after_ns(CLOCK_MONOTONIC, 1000000000);
    pthread_clockjoin_np(finishing, NULL, CLOCK_MONOTONIC, &t);
}

OWN static void wait_c11_join(void)
{
    thrd_join(c11_finishing, NULL);
}

OWN static void wait_once(void)
{
    pthread_once(&once, nothing);
}

OWN static void wait_c11_once(void)
{
    call_once(&c11_once, nothing);
}

static void run_slowly(void)
{
    ready();
}

OWN static void give_once(void)
{
    pthread_once(&once, run_slowly);
}

OWN static void give_c11_once(void)
{
    call_once(&c11_once, run_slowly);
}

static void *signal_cond(void *arg)
{
    ready();
    pthread_mutex_lock(&mutex);
    is_set = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void *signal_c11_cond(void *arg)
{
    ready();
    mtx_lock(&c11);
    is_set = 1;
    cnd_signal(&c11_cond);
    mtx_unlock(&c11);
    return arg;
}

static void *just_ready(void *arg)
{
    ready();
    return arg;
}

static int just_ready_c11(void *arg)
{
    ready();
    return 0;
}

static void *post(void *arg)
{
    ready();
    sem_post(&sem);
    return arg;
}

static void *come_last(void *arg)
{
    ready();
    pthread_barrier_wait(&barrier);
    return arg;
}

static void *do_once(void *arg)
{
    once = PTHREAD_ONCE_INIT;
    give_once();
    return arg;
}

static void *do_c11_once(void *arg)
{
    c11_once = (once_flag)ONCE_FLAG_INIT;
    give_c11_once();
    return arg;
}

/* `other` makes `wait` wait; `giver`, if somebody is to be charged for it. */
static void test(const char *name, void *(*other)(void *), void (*wait)(void), const char *giver,
                 void (*release)(void))
{
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        is_ready = is_set = 0;
        given_ns = 0;
        pthread_create(&thread, NULL, other, NULL);
        while (!is_ready)
            ;
        uint64_t begin = now_ns();
        wait();
        uint64_t end = now_ns();
        bool waited = !given_ns || given_ns > begin; /* on a busy machine it may come too late */
        if (waited)
            know("block", name, 1, end - begin);
        if (waited && giver)
            know("mutex", giver, 1, given_ns - begin);
        release();
        pthread_join(thread, NULL);
    }
}

static void test_cond(const char *name, void *(*other)(void *), void (*wait)(void))
{
    pthread_mutex_lock(&mutex);
    test(name, other, wait, NULL, nothing);
    pthread_mutex_unlock(&mutex);
}

static void test_c11_cond(const char *name, void *(*other)(void *), void (*wait)(void))
{
    mtx_lock(&c11);
    test(name, other, wait, NULL, nothing);
    mtx_unlock(&c11);
}

/* Of a thread that ends by itself. */
static void test_join(const char *name, void (*wait)(void), bool is_c11)
{
    for (int i = 0; i < 3; i++) {
        is_ready = 0;
        if (is_c11)
            thrd_create(&c11_finishing, just_ready_c11, NULL);
        else
            pthread_create(&finishing, NULL, just_ready, NULL);
        while (!is_ready)
            ;
        uint64_t begin = now_ns();
        wait();
        know("block", name, 1, now_ns() - begin);
    }
}

/* The holder of a mutex waits for a condition, and so gives the mutex to another. */
static _Atomic uint64_t asked_ns;

static void *ask_for_mutex(void *arg)
{
    is_ready = 1;
    asked_ns = now_ns();
    pthread_mutex_lock(&mutex);
    is_set = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return arg;
}

OWN static void give_by_cond(void)
{
    while (!is_set)
        pthread_cond_wait(&cond, &mutex);
}

static void test_give_by_cond(void)
{
    pthread_t thread;
    is_ready = is_set = 0;
    pthread_mutex_lock(&mutex);
    pthread_create(&thread, NULL, ask_for_mutex, NULL);
    pause_ns(PAUSE_NS);
    uint64_t gives = now_ns();
    give_by_cond();
    know("mutex", "give_by_cond", 1, gives - asked_ns);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
}

/* Three wait in a queue.  An unlock is charged what all of them wait for it. */
static _Atomic uint64_t queue_begin[3], queue_end[3];
static _Atomic int n_queue, n_done;

OWN static void give_in_queue(void)
{
    pthread_mutex_unlock(&mutex);
}

static void *stand_in_queue(void *arg)
{
    queue_begin[n_queue++] = now_ns();
    pthread_mutex_lock(&mutex);
    pause_ns(PAUSE_NS);
    queue_end[n_done++] = now_ns();
    give_in_queue();
    return arg;
}

OWN static void give_to_queue(void)
{
    pthread_mutex_unlock(&mutex);
}

static void test_queue(void)
{
    pthread_t threads[3];
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, stand_in_queue, NULL);
        while (n_queue == i)
            ;
    }
    pause_ns(PAUSE_NS);
    uint64_t given = now_ns();
    give_to_queue();
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    know("mutex", "give_to_queue", 1, 3 * given - queue_begin[0] - queue_begin[1] - queue_begin[2]);
    know("mutex", "give_in_queue", 2, 2 * (queue_end[0] - given) + queue_end[1] - queue_end[0]);
    know("block", "stand_in_queue", 3,
         given + queue_end[0] + queue_end[1] - queue_begin[0] - queue_begin[1] - queue_begin[2]);
}

/* Many short ones, each told of. */

static void *hold_shortly(void *arg)
{
    for (int i = atoi(arg); i > 0; i--) {
        pthread_mutex_lock(&mutex);
        is_ready = 1;
        pause_ns(500000);
        give_mutex();
        while (is_ready)
            sched_yield();
    }
    return NULL;
}

static void many(char *n)
{
    pthread_t thread;
    pthread_create(&thread, NULL, hold_shortly, n);
    for (int i = atoi(n); i > 0; i--) {
        while (!is_ready)
            sched_yield();
        given_ns = 0;
        uint64_t begin = now_ns();
        wait_mutex();
        uint64_t end = now_ns(), given = given_ns;
        if (given > begin) /* on a busy machine it may come too late */
            printf("block wait_mutex 1 %llu\nmutex give_mutex 1 %llu\n",
                   (unsigned long long)(end - begin), (unsigned long long)(given - begin));
        pthread_mutex_unlock(&mutex);
        is_ready = 0;
    }
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    mtx_init(&c11, mtx_timed);
    cnd_init(&c11_cond);
    sem_init(&sem, 0, 0);
    pthread_barrier_init(&barrier, NULL, 2);
    if (argc == 3) {
        many(argv[2]);
        return 0;
    }
    test("wait_mutex", hold_mutex, wait_mutex, "give_mutex", release_mutex);
    test("wait_mutex_timed", hold_mutex, wait_mutex_timed, "give_mutex", release_mutex);
    test("wait_mutex_clock", hold_mutex, wait_mutex_clock, "give_mutex", release_mutex);
    test("wait_in_vain", hold_mutex, wait_in_vain, NULL, nothing);
    test("wait_read", hold_write, wait_read, "give_write", release_rwlock);
    test("wait_read_timed", hold_write, wait_read_timed, "give_write", release_rwlock);
    test("wait_read_clock", hold_write, wait_read_clock, "give_write", release_rwlock);
    test("wait_write", hold_read, wait_write, "give_read", release_rwlock);
    test("wait_write_timed", hold_read, wait_write_timed, "give_read", release_rwlock);
    test("wait_write_clock", hold_read, wait_write_clock, "give_read", release_rwlock);
    test("wait_two_reads", hold_two_reads, wait_two_reads, "give_read", release_rwlock);
    test("wait_c11", hold_c11, wait_c11, "give_c11", release_c11);
    test("wait_c11_timed", hold_c11, wait_c11_timed, "give_c11", release_c11);
    test("wait_word", hold_word, wait_word, "give_word", release_word);
    test_cond("wait_cond", signal_cond, wait_cond);
    test_cond("wait_cond_timed", just_ready, wait_cond_timed);
    test_cond("wait_cond_clock", signal_cond, wait_cond_clock);
    test_c11_cond("wait_c11_cond", signal_c11_cond, wait_c11_cond);
    test_c11_cond("wait_c11_cond_timed", just_ready, wait_c11_cond_timed);
    test("wait_sem", post, wait_sem, NULL, nothing);
    test("wait_sem_timed", post, wait_sem_timed, NULL, nothing);
    test("wait_sem_clock", post, wait_sem_clock, NULL, nothing);
    test("wait_barrier", come_last, wait_barrier, NULL, nothing);
    test_join("wait_join", wait_join, false);
    test_join("wait_join_timed", wait_join_timed, false);
    test_join("wait_join_clock", wait_join_clock, false);
    test_join("wait_c11_join", wait_c11_join, true);
    test("wait_once", do_once, wait_once, "give_once", nothing);
    test("wait_c11_once", do_c11_once, wait_c11_once, "give_c11_once", nothing);
    test_give_by_cond();
    test_queue();
    print_known();
    return 0;
}
