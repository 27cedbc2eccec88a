/* thread: a thread for work of a few milliseconds, which begins at once.
 *
 * A scheduler may leave a new thread on its maker's processor until the next time it looks
 * around, though others are idle: on Linux some milliseconds, which is as long as the work takes.
 * So it begins on another processor than its maker's, where it may; then it may run wherever its
 * maker may, as any other.
 * Threads: any.  Signals: no. */
#ifndef SONDE_BASE_THREAD_H
#define SONDE_BASE_THREAD_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

struct thread {
    pthread_t id; /* to be joined */
    void *(*fn)(void *);
    void *arg;
    cpu_set_t allowed; /* its maker's processors */
};

/* *thread stays where it is until it is joined.  False: it cannot be made.  Some 0.1 ms. */
bool thread_start(struct thread *thread, void *(*fn)(void *), void *arg);

#endif
