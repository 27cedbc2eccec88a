/* locks: for bench_locks.py: prints nanoseconds, as `NAME NS` lines.
 *   pair    an uncontended lock and unlock, while there are other threads
 *   alone   the same in a program of one thread
 *   block   a wait for another thread, both on one processor, with what ends it */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#define PAIRS 2000000
#define ROUNDS 20000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static mtx_t c11;
static sem_t free_sem, sems[2];
static pthread_mutex_t hand = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static int turn;

/* CPU time: of other programs there is none in it. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void pin(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof one, &one);
}

#define PAIR(name, lock, unlock)                                                                   \
    do {                                                                                           \
        double begin = now();                                                                      \
        for (int i = 0; i < PAIRS; i++) {                                                          \
            lock;                                                                                  \
            unlock;                                                                                \
        }                                                                                          \
        printf(name " %.2f\n", (now() - begin) / PAIRS);                                           \
    } while (0)

static void *sleeper(void *arg)
{
    sem_wait(&sems[0]);
    return arg;
}

static void pairs(void)
{
    PAIR("mutex", pthread_mutex_lock(&mutex), pthread_mutex_unlock(&mutex));
    PAIR("read", pthread_rwlock_rdlock(&rwlock), pthread_rwlock_unlock(&rwlock));
    PAIR("write", pthread_rwlock_wrlock(&rwlock), pthread_rwlock_unlock(&rwlock));
    PAIR("c11", mtx_lock(&c11), mtx_unlock(&c11));
    PAIR("sem", sem_wait(&free_sem), sem_post(&free_sem));
}

static void *answer(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        sem_wait(&sems[0]);
        sem_post(&sems[1]);
    }
    return arg;
}

/* Takes the mutex when it is asked to, and has the other wait for it. */
static void *hold(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        sem_post(&sems[1]); /* the other, on this processor, runs at the next wait */
        sched_yield();
        pthread_mutex_unlock(&mutex);
        sem_wait(&sems[0]);
    }
    return arg;
}

static void *turns(void *arg)
{
    int mine = arg != NULL;
    pthread_mutex_lock(&hand);
    for (int i = 0; i < ROUNDS; i++) {
        while (turn != mine)
            pthread_cond_wait(&turned, &hand);
        turn = !mine;
        pthread_cond_signal(&turned);
    }
    pthread_mutex_unlock(&hand);
    return NULL;
}

static void blocks(void)
{
    pthread_t other;
    pin();
    double begin = now();
    pthread_create(&other, NULL, answer, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        sem_post(&sems[0]);
        sem_wait(&sems[1]);
    }
    printf("sem %.1f\n", (now() - begin) / ROUNDS / 2);
    pthread_join(other, NULL);

    begin = now();
    pthread_create(&other, NULL, turns, &other);
    turns(NULL);
    pthread_join(other, NULL);
    printf("cond %.1f\n", (now() - begin) / ROUNDS / 2);

    begin = now();
    pthread_create(&other, NULL, hold, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        sem_wait(&sems[1]);
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
        sem_post(&sems[0]);
    }
    pthread_join(other, NULL);
    printf("mutex %.1f\n", (now() - begin) / ROUNDS / 2);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    pthread_t other;
    mtx_init(&c11, mtx_plain);
    sem_init(&free_sem, 0, 1);
    sem_init(&sems[0], 0, 0);
    sem_init(&sems[1], 0, 0);
    if (strcmp(what, "block") == 0) {
        blocks();
    } else if (strcmp(what, "pair") == 0) {
        pthread_create(&other, NULL, sleeper, NULL);
        pairs();
        sem_post(&sems[0]);
        pthread_join(other, NULL);
    } else if (strcmp(what, "alone") == 0) {
        pairs();
    } else {
        return 2;
    }
    return 0;
}
