#include "ui/progress.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define FIRST_MS 500
#define EVERY_MS 200

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void put(const char *text, size_t len)
{
    /* A line that cannot be written is no harm. */
    ssize_t n = write(STDERR_FILENO, text, len);
    (void)n;
}

/* False once progress_end has been called. */
static bool wait_until(struct progress *p, uint64_t ns)
{
    struct timespec when = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    int e = 0;
    while (!p->ended && e == 0)
        e = pthread_cond_timedwait(&p->ended_cond, &p->mutex, &when);
    return !p->ended;
}

static void *run(void *arg)
{
    struct progress *p = arg;
    bool drawn = false;
    pthread_mutex_lock(&p->mutex);
    for (uint64_t at = p->start_ns + FIRST_MS * 1000000u; wait_until(p, at);
         at = now_ns() + EVERY_MS * 1000000u) {
        char line[128];
        int n = snprintf(line, sizeof line, "\r\033[K[sonde: %s, %.1fs]\r", p->what,
                         (double)(now_ns() - p->start_ns) / 1e9);
        if (n > 0 && n < (int)sizeof line)
            put(line, (size_t)n);
        drawn = true;
    }
    pthread_mutex_unlock(&p->mutex);
    if (drawn)
        put("\r\033[K", 4);
    return NULL;
}

void progress_begin(struct progress *p, const char *what)
{
    *p = (struct progress){.what = what, .start_ns = now_ns()};
    if (!isatty(STDERR_FILENO) || tcgetpgrp(STDERR_FILENO) != getpgrp())
        return;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->ended_cond, &attr);
    pthread_condattr_destroy(&attr);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    p->runs = pthread_create(&p->thread, NULL, run, p) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void progress_end(struct progress *p)
{
    if (!p->runs)
        return;
    pthread_mutex_lock(&p->mutex);
    p->ended = true;
    pthread_cond_signal(&p->ended_cond);
    pthread_mutex_unlock(&p->mutex);
    pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->ended_cond);
    pthread_mutex_destroy(&p->mutex);
    p->runs = false;
}
