#include "agent/own.h"

#include "agent/heap.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/timers.h"

#include <errno.h>
#include <pthread.h>
#include <sys/prctl.h>

#define STACK_BYTES (128u << 10)
#define STACK_BYTES_MAX (16u << 20)

static int own_tid; /* 0: none */
static void (*run)(void *arg);

bool own_is(int tid)
{
    return __atomic_load_n(&own_tid, __ATOMIC_ACQUIRE) == tid;
}

uint32_t own_count(void)
{
    return __atomic_load_n(&own_tid, __ATOMIC_ACQUIRE) != 0;
}

void own_reset(void)
{
    own_tid = 0;
}

static void *thread(void *arg)
{
    heap_leave_out(true);
    int tid = raw_gettid();
    __atomic_store_n(&own_tid, tid, __ATOMIC_RELEASE);
    timers_disarm(tid); /* it may have been found before */
    raw4(SYS_prctl, PR_SET_NAME, (long)"sonde", 0, 0);
    run(arg);
    __atomic_store_n(&own_tid, 0, __ATOMIC_RELEASE);
    return NULL;
}

bool own_start(void (*fn)(void *arg), void *arg)
{
    pthread_attr_t attr;
    pthread_t made;
    /* But libc's own two: setuid and its kind wait for each thread to take them. */
    const uint64_t all = ~(3ull << 31);
    uint64_t mask;
    run = fn;
    int rc = pthread_attr_init(&attr);
    if (rc == 0) {
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        raw_sigmask(SIG_SETMASK, &all, &mask);
        bool was = heap_leave_out(true);
        int64_t left = heap_left;
        /* The thread-local variables of the program's libraries may need more. */
        for (size_t n = STACK_BYTES; n <= STACK_BYTES_MAX; n *= 2)
            if ((rc = pthread_attr_setstacksize(&attr, n)) != 0 ||
                (rc = recording_plain_thread(&made, &attr, thread, arg)) != EINVAL)
                break;
        heap_left = left;
        heap_leave_out(was);
        raw_sigmask(SIG_SETMASK, &mask, NULL);
        pthread_attr_destroy(&attr);
    }
    errno = rc;
    return rc == 0;
}
