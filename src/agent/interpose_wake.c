/* interpose_wake: as interpose, the functions of libc by which a thread lets others go on, other
 * than by unlocking.  While nobody waits they do nothing but pass on.
 *
 * Most calls that signal a condition are in vain where it is much waited on: who was let go has not
 * run yet.  They leave no word: a signal is mostly sent with the lock held, so all others would
 * wait for that. */
#include "agent/interpose_next.h"
#include "agent/mutex.h"
#include "agent/trace_wait.h"

#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <string.h>
#include <threads.h>

typedef int wake_fn(void *);
typedef int cond_timed_fn(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

/* glibc's pthread_cond_t and cnd_t up to 2.40.  Waiters are of two groups: those that signals let
 * go, and those that come after. */
struct cond_words {
    uint64_t n_waited; /* times 2; bit 0: which group takes those that come */
    uint64_t from;     /* times 2: the first of the other group */
    uint32_t n_inside[2];
    uint32_t n_left[2]; /* of the group that takes: how many have left it, negative */
    uint32_t n_let;     /* times 4: of that other group when it began; bits 0 and 1: a lock */
};

enum cond_kind { COND_NOT_ASKED, COND_KNOWN, COND_UNKNOWN };

static cond_timed_fn *next_timed;
static wake_fn *next_lock, *next_unlock;
static uint32_t cond_kind; /* enum cond_kind; atomic */

static wake_fn *next_signal, *next_broadcast, *next_c11_signal, *next_c11_broadcast, *next_post;

static bool find(void);

/* From what a wait leaves that is over at once. */
SLOW enum cond_kind ask_cond_kind(void)
{
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    const struct timespec past = {-1, 0};
    struct cond_words words;
    const struct cond_words known = {.n_waited = 2, .n_left = {-1u}};
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    next_lock(&mutex);
    next_timed(&cond, &mutex, &past);
    next_unlock(&mutex);
    pthread_setcancelstate(before, NULL);
    memcpy(&words, &cond, sizeof words);
    enum cond_kind kind = memcmp(&words, &known, offsetof(struct cond_words, n_let) + 4) == 0
                              ? COND_KNOWN
                              : COND_UNKNOWN;
    __atomic_store_n(&cond_kind, kind, __ATOMIC_RELAXED);
    return kind;
}

/* Whether somebody waits on it whom no signal has let go.  Others may signal meanwhile: when in
 * doubt, yes. */
static bool cond_has_waiters(const void *cond)
{
    const struct cond_words *c = cond;
    uint32_t kind = __atomic_load_n(&cond_kind, __ATOMIC_RELAXED);
    if (!LIKELY(kind) && mutex_may_wait(cond))
        kind = ask_cond_kind();
    if (kind != COND_KNOWN)
        return true;
    uint32_t n_let = __atomic_load_n(&c->n_let, __ATOMIC_ACQUIRE);
    uint64_t n_waited = __atomic_load_n(&c->n_waited, __ATOMIC_ACQUIRE),
             from = __atomic_load_n(&c->from, __ATOMIC_ACQUIRE);
    uint32_t takes = n_waited & 1, n_left = __atomic_load_n(&c->n_left[takes], __ATOMIC_ACQUIRE),
             n_first = __atomic_load_n(&c->n_left[!takes], __ATOMIC_ACQUIRE),
             n_after = (uint32_t)(n_waited / 2 - from / 2) - n_let / 4 + n_left;
    bool is_sure = !(n_let & 3) && __atomic_load_n(&c->n_let, __ATOMIC_ACQUIRE) == n_let &&
                   __atomic_load_n(&c->n_waited, __ATOMIC_RELAXED) == n_waited;
    return n_first || n_after || !is_sure;
}

SLOW int slow_wake(void *on, wake_fn *next, uint32_t n)
{
    const struct walk_regs regs = BLOCK_CALLED(next);
    trace_wakes(on, n, &regs);
    int rc = next(on);
    return rc;
}

/* What there is while something is recorded. */
#define WAKE(name, to, n, lets_go)                                                                 \
    static int name(void *on)                                                                      \
    {                                                                                              \
        wake_fn *next = to;                                                                        \
        return (lets_go) && mutex_may_wait(on) ? slow_wake(on, next, n) : next(on);                \
    }

WAKE(signal_one, next_signal, 1, cond_has_waiters(on))
WAKE(broadcast, next_broadcast, TRACE_WAKES_LAST, cond_has_waiters(on))
WAKE(c11_signal, next_c11_signal, 1, cond_has_waiters(on))
WAKE(c11_broadcast, next_c11_broadcast, TRACE_WAKES_LAST, cond_has_waiters(on))
WAKE(post, next_post, 1, true)

INTERPOSE(pthread_cond_signal, pthread_cond_t *on, way_signal, 0)
INTERPOSE(pthread_cond_broadcast, pthread_cond_t *on, way_broadcast, 0)
INTERPOSE(cnd_signal, cnd_t *on, way_c11_signal, 0)
INTERPOSE(cnd_broadcast, cnd_t *on, way_c11_broadcast, 0)
INTERPOSE(sem_post, sem_t *on, way_post, 0)

static const struct interpose_next all[] = {
    {&next_signal, "pthread_cond_signal", "GLIBC_2.3.2", &way_signal, signal_one},
    {&next_broadcast, "pthread_cond_broadcast", "GLIBC_2.3.2", &way_broadcast, broadcast},
    {&next_c11_signal, "cnd_signal", NULL, &way_c11_signal, c11_signal},
    {&next_c11_broadcast, "cnd_broadcast", NULL, &way_c11_broadcast, c11_broadcast},
    {&next_post, "sem_post", NULL, &way_post, post},
    {&next_timed, "pthread_cond_timedwait", "GLIBC_2.3.2"},
    {&next_lock, "pthread_mutex_lock"},
    {&next_unlock, "pthread_mutex_unlock"},
};

static bool find(void)
{
    return interpose_find(all, sizeof all / sizeof *all);
}

static __attribute__((constructor(101))) void find_at_start(void)
{
    find();
}
