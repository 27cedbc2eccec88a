#include "agent/own.h"

#include "agent/heap.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/timers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define STACK_BYTES (128u << 10)
#define STACK_BYTES_MAX (16u << 20)
#define CLAIMED (-1)
#define LOOK_NS 20000000

static struct {
    int tid; /* 0: none; CLAIMED: it begins */
    void (*run)(void *arg);
    void *arg;
} threads[OWN_MAX];

static bool is_kept, is_forbidden; /* atomic */

bool own_is(int tid)
{
    for (int i = 0; i < OWN_MAX; i++)
        if (__atomic_load_n(&threads[i].tid, __ATOMIC_ACQUIRE) == tid)
            return true;
    return false;
}

uint32_t own_count(void)
{
    uint32_t n = 0;
    for (int i = 0; i < OWN_MAX; i++)
        n += __atomic_load_n(&threads[i].tid, __ATOMIC_ACQUIRE) > 0;
    return n;
}

/* The status of the main thread as /proc has it: one character is its state, and the last
 * number what it ended with. */
static bool main_status(char *state, int *status)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", raw_getpid());
    long fd = raw4(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0),
         n = fd < 0 ? 0 : raw4(SYS_read, fd, (long)text, sizeof text - 1, 0);
    if (fd >= 0)
        raw4(SYS_close, fd, 0, 0, 0);
    text[n > 0 ? n : 0] = '\0';
    const char *name_end = strrchr(text, ')'), *last = strrchr(text, ' ');
    if (!name_end || last < name_end + 2)
        return false;
    *state = name_end[2];
    *status = atoi(last);
    return true;
}

bool own_is_alone(void)
{
    struct stat st;
    char state;
    int status;
    /* A folder's link count is 2 and one for each folder in it. */
    return !__atomic_load_n(&is_forbidden, __ATOMIC_ACQUIRE) &&
           raw4(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/task", (long)&st, 0) == 0 &&
           st.st_nlink <= 2 + own_count() + 1 && main_status(&state, &status) && state == 'Z';
}

void own_follow(void)
{
    char state;
    int status;
    /* Where nobody tells us of pthread_exit, libc may have something to do yet. */
    if (recording_is_hooked && !own_is_kept() && main_status(&state, &status) && state == 'Z')
        raw4(SYS_exit, status >> 8 & 0xff, 0, 0, 0);
}

void own_forbid(bool yes)
{
    __atomic_store_n(&is_forbidden, yes, __ATOMIC_RELEASE);
}

void own_reset(void)
{
    is_kept = false;
    for (int i = 0; i < OWN_MAX; i++)
        threads[i].tid = 0;
}

static void *thread(void *arg)
{
    int i = (int)(long)arg;
    heap_leave_out(true);
    int tid = raw_gettid();
    __atomic_store_n(&threads[i].tid, tid, __ATOMIC_RELEASE);
    raw4(SYS_futex, (long)&threads[i].tid, FUTEX_WAKE_PRIVATE, 1, 0);
    timers_disarm(tid); /* it may have been found before */
    raw4(SYS_prctl, PR_SET_NAME, (long)"sonde", 0, 0);
    threads[i].run(threads[i].arg);
    __atomic_store_n(&threads[i].tid, 0, __ATOMIC_RELEASE);
    return NULL;
}

static int claim(void)
{
    for (int i = 0; i < OWN_MAX; i++) {
        int none = 0;
        if (__atomic_compare_exchange_n(&threads[i].tid, &none, CLAIMED, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return i;
    }
    return -1;
}

bool own_start(void (*fn)(void *arg), void *arg)
{
    pthread_attr_t attr;
    pthread_t made;
    /* But libc's own two: setuid and its kind wait for each thread to take them. */
    const uint64_t most = ~(3ull << 31);
    uint64_t mask;
    int i = claim(), rc = i < 0 ? EAGAIN : pthread_attr_init(&attr);
    if (rc == 0) {
        threads[i].run = fn;
        threads[i].arg = arg;
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        raw_sigmask(SIG_SETMASK, &most, &mask);
        bool was = heap_leave_out(true);
        int64_t left = heap_left;
        /* The thread-local variables of the program's libraries may need more. */
        for (size_t n = STACK_BYTES; n <= STACK_BYTES_MAX; n *= 2)
            if ((rc = pthread_attr_setstacksize(&attr, n)) != 0 ||
                (rc = recording_plain_thread(&made, &attr, thread, (void *)(long)i)) != EINVAL)
                break;
        heap_left = left;
        heap_leave_out(was);
        raw_sigmask(SIG_SETMASK, &mask, NULL);
        pthread_attr_destroy(&attr);
        /* Until it is known as ours: a profile may be taken next. */
        while (rc == 0 && __atomic_load_n(&threads[i].tid, __ATOMIC_ACQUIRE) == CLAIMED)
            raw4(SYS_futex, (long)&threads[i].tid, FUTEX_WAIT_PRIVATE, CLAIMED, 0);
    }
    if (rc != 0 && i >= 0)
        __atomic_store_n(&threads[i].tid, 0, __ATOMIC_RELEASE);
    errno = rc;
    return rc == 0;
}

static void keep(void *arg)
{
    const struct timespec a_while = {0, LOOK_NS};
    static int nothing;
    while (!own_is_alone()) /* a call that no filter forbids */
        raw6(SYS_futex, (long)&nothing, FUTEX_WAIT_PRIVATE, 0, (long)&a_while, 0, 0);
    exit(0);
}

void own_main_ends(void)
{
    if (own_count() && !own_is_kept() && own_start(keep, NULL))
        __atomic_store_n(&is_kept, true, __ATOMIC_RELEASE);
}

bool own_is_kept(void)
{
    return __atomic_load_n(&is_kept, __ATOMIC_ACQUIRE);
}
