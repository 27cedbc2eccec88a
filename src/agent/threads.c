#include "agent/threads.h"

#include "agent/fibers.h"
#include "agent/labels.h"
#include "agent/lock.h"
#include "agent/own.h"
#include "agent/peer.h"
#include "agent/raw.h"
#include "agent/roster.h"
#include "agent/sampler.h"
#include "agent/timers.h"
#include "wire/calls.h"

#include <dirent.h>
#include <errno.h>

#define N_ASKED 1024 /* running threads at a time */
#define LOOKS 4      /* at a thread that runs whenever it is looked at */
#define WAIT_NS 1000000000ull
#define PAUSE_NS 50000
#define TEXT_MAX (8 * (LABELS_WORDS_MAX + 24))
#define FIBER_IDS (1u << 30) /* above those of threads */
#define SIGURG_BIT (1ull << (SIGURG - 1))

enum answer { ASKED, ANSWERS, ANSWERED, TOO_LATE };

/* A thread that was sent the signal. */
struct asked {
    int tid;
    int answer; /* enum answer; atomic */
    bool is_sent;
    uint32_t labels; /* in the store */
};

/* What is being taken, for the handlers; under the lock. */
static struct {
    struct store *store;
    struct threads_options options;
    uint32_t serial; /* of a batch: late signals of others are not answered */
    uint32_t n;
    struct asked asked[N_ASKED];
} now;

char threads_mark;

static struct lock lock;
static int n_handlers;
static struct peer peer; /* under the lock */

static void pause_a_little(void)
{
    const struct timespec t = {0, PAUSE_NS};
    raw4(SYS_nanosleep, (long)&t, 0, 0, 0);
}

/* Texts of labels; too much for a handler's stack. */
struct text {
    uint32_t n_bytes;
    union {
        char bytes[TEXT_MAX];
        uint64_t words[TEXT_MAX / 8];
    };
};

static void add_text(struct text *t, const char *s)
{
    size_t n = strlen(s) + 1;
    if (n > TEXT_MAX - t->n_bytes)
        return;
    memcpy(t->bytes + t->n_bytes, s, n);
    t->n_bytes += (uint32_t)n;
}

/* The labels of a set, `state`, and `name` with the key `what`. */
static uint32_t labels_of(const struct sonde_labels *set, const char *state, const char *what,
                          const char *name)
{
    struct text t;
    t.n_bytes = 0;
    for (const char *key = NULL; set && (key = labels_next(set, key));) {
        add_text(&t, key);
        add_text(&t, key + strlen(key) + 1);
    }
    add_text(&t, "state");
    add_text(&t, state);
    add_text(&t, what);
    add_text(&t, name);
    uint32_t n_words = (t.n_bytes + 7) / 8;
    memset(t.bytes + t.n_bytes, 0, 8ull * n_words - t.n_bytes);
    uint32_t there = store_labels(now.store, t.words, n_words);
    if (!there)
        store_count(&now.store->header->n_labels_lost, 1);
    return there;
}

static struct store_stack describe(int tid, uint32_t labels)
{
    uint64_t key = (uint64_t)now.options.moment << 32 | (now.options.each ? (uint32_t)tid : 0);
    return (struct store_stack){.kind = WIRE_GOROUTINE, .key = key, .labels = labels};
}

static void count(struct wire_stack *row)
{
    if (row)
        store_count(&row->n[0], 1);
}

static void find_name(long tasks, int tid, const struct roster_entry *e,
                      char name[ROSTER_NAME_BYTES + 1])
{
    name[0] = '\0';
    if (e && roster_name(e, name))
        return;
    long n = peer_file(tasks, tid, "comm", name, ROSTER_NAME_BYTES + 1);
    if (n > 0 && name[n - 1] == '\n')
        name[n - 1] = '\0';
}

/* The labels of a thread in this state. */
static uint32_t find_labels(long tasks, int tid, const char *state)
{
    char name[ROSTER_NAME_BYTES + 1];
    const struct roster_entry *e = roster_find(tid);
    find_name(tasks, tid, e, name);
    return labels_of(e ? __atomic_load_n(&e->labels, __ATOMIC_ACQUIRE) : NULL, state, "thread",
                     name);
}

static void add_self(long tasks, int tid, const struct walk_regs *self)
{
    struct store_stack what = describe(tid, find_labels(tasks, tid, "running"));
    count(sampler_self(now.store, what, self));
}

/* Of a thread that is blocked.  False: it has run since it was looked at. */
static bool add_blocked(long tasks)
{
    char other[CALLS_NAME_BYTES];
    const char *state = peer.call == PEER_NO_CALL ? "page fault" : calls_state(peer.call, other);
    struct store_stack what = describe(peer.tid, find_labels(tasks, peer.tid, state));
    struct wire_stack *row;
    sampler_enter(WIRE_GOROUTINE);
    bool is_still = sampler_peer(now.store, what, &peer, &row);
    sampler_leave(WIRE_GOROUTINE);
    if (is_still)
        count(row);
    return is_still;
}

/* Of one of which no more is known. */
static void add_unseen(const struct asked *a)
{
    struct store_stack what = describe(a->tid, a->labels);
    if (peer_clock_ns(a->tid)) /* else it is gone */
        count(store_add(now.store, &what, 1));
}

/* Whether it lets SIGURG through: else the signal would come later, perhaps when a
 * handler of the program's has just broken off a system call. */
static bool may_ask(long tasks, int tid)
{
    static char status[4096]; /* under the lock */
    if (peer_file(tasks, tid, "status", status, sizeof status) <= 0)
        return false;
    const char *p = strstr(status, "\nSigBlk:");
    uint64_t mask = 0;
    for (p = p ? p + 8 : ""; *p == ' ' || *p == '\t'; p++)
        ;
    for (; (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'); p++)
        mask = mask << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
    return !(mask & SIGURG_BIT);
}

static void ask(long tasks, uint32_t i)
{
    struct asked *a = &now.asked[i];
    siginfo_t info = {.si_signo = SIGURG, .si_code = SI_TIMER};
    if (a->is_sent || !may_ask(tasks, a->tid))
        return;
    a->is_sent = true;
    info.si_value.sival_ptr = &threads_mark;
    info.si_timerid = (int)i;
    info.si_overrun = (int)now.serial;
    raw4(SYS_rt_tgsigqueueinfo, raw_getpid(), a->tid, SIGURG, (long)&info);
}

static uint32_t n_unanswered(void)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < now.n; i++)
        n += __atomic_load_n(&now.asked[i].answer, __ATOMIC_ACQUIRE) < ANSWERED;
    return n;
}

/* Once more from outside; true: it is in the profile, or gone. */
static bool look_again(long tasks, int tid)
{
    enum peer_state state = peer_look(&peer, tasks, tid);
    return state == PEER_GONE || (state == PEER_BLOCKED && add_blocked(tasks));
}

/* It shall not answer; false: it does, or has done. */
static bool give_up(struct asked *a)
{
    int expected = ASKED;
    return __atomic_compare_exchange_n(&a->answer, &expected, TOO_LATE, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* Has the threads of the batch walk their stacks. */
static void ask_all(long tasks)
{
    for (uint32_t i = 0; i < now.n; i++)
        ask(tasks, i);
    uint64_t end = raw_clock_ns(CLOCK_MONOTONIC) + WAIT_NS;
    for (uint32_t turn = 1; n_unanswered() && raw_clock_ns(CLOCK_MONOTONIC) < end; turn++) {
        raw_yield();
        if (turn % 4 == 0)
            pause_a_little();
        /* One that blocked the signal may wait now, or not block it any more. */
        for (uint32_t i = 0; turn % 64 == 0 && i < now.n; i++) {
            struct asked *a = &now.asked[i];
            if (a->is_sent || !give_up(a) || look_again(tasks, a->tid))
                continue;
            __atomic_store_n(&a->answer, ASKED, __ATOMIC_RELEASE);
            ask(tasks, i);
        }
    }
    for (uint32_t i = 0; i < now.n; i++)
        if (give_up(&now.asked[i]) && !look_again(tasks, now.asked[i].tid))
            add_unseen(&now.asked[i]);
    now.n = 0;
    __atomic_add_fetch(&now.serial, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&n_handlers, __ATOMIC_SEQ_CST))
        raw_yield();
}

static void take_one(long tasks, int tid)
{
    uint64_t before = 0;
    for (int i = 0; i < LOOKS; i++) {
        enum peer_state state = peer_look(&peer, tasks, tid);
        if (state == PEER_GONE || (state == PEER_BLOCKED && add_blocked(tasks)))
            return;
        before = peer.clock_ns;
        if (state == PEER_RUNS)
            break;
    }
    if (now.n == N_ASKED)
        ask_all(tasks);
    bool on_cpu = peer_clock_ns(tid) != before;
    now.asked[now.n] = (struct asked){
        .tid = tid, .labels = find_labels(tasks, tid, on_cpu ? "running" : "runnable")};
    now.n++;
}

static bool add_fiber(const struct fibers_parked *fiber)
{
    struct store_stack what = describe((int)(FIBER_IDS + fiber->id),
                                       labels_of(fiber->labels, "parked", "fiber", fiber->name));
    struct wire_stack *row;
    sampler_enter(WIRE_GOROUTINE);
    bool is_still = sampler_peer(now.store, what, fiber->peer, &row);
    sampler_leave(WIRE_GOROUTINE);
    if (is_still)
        count(row);
    return is_still;
}

static void take_all(long tasks, const struct walk_regs *self)
{
    static char entries[32768] __attribute__((aligned(8))); /* under the lock */
    int own = raw_gettid();
    long n;
    while ((n = raw4(SYS_getdents64, tasks, (long)entries, sizeof entries, 0)) > 0) {
        for (long at = 0; at < n;) {
            const struct dirent64 *d = (const void *)(entries + at);
            int tid = 0;
            for (const char *p = d->d_name; *p >= '0' && *p <= '9'; p++)
                tid = tid * 10 + (*p - '0');
            if (tid == own && !own_is(own))
                add_self(tasks, tid, self);
            else if (tid && !own_is(tid))
                take_one(tasks, tid);
            at += d->d_reclen;
        }
    }
    ask_all(tasks);
    fibers_each(&peer, add_fiber);
}

bool threads_take(struct store *store, const struct threads_options *options,
                  const struct walk_regs *self)
{
    if (timers_frozen()) {
        errno = EPERM;
        return false;
    }
    const uint64_t all = ~0ull;
    uint64_t mask;
    raw_sigmask(SIG_BLOCK, &all, &mask); /* a handler that ends the program takes a moment too */
    lock_take(&lock);
    long tasks = peer_open_tasks();
    char line[64];
    if (tasks >= 0 && peer_file(tasks, raw_gettid(), "syscall", line, sizeof line) <= 0) {
        raw4(SYS_close, tasks, 0, 0, 0);
        tasks = -ENOSYS;
    }
    if (tasks >= 0) {
        now.store = store;
        now.options = *options;
        take_all(tasks, self);
        raw4(SYS_close, tasks, 0, 0, 0);
    }
    lock_give(&lock);
    raw_sigmask(SIG_SETMASK, &mask, NULL);
    if (tasks < 0)
        errno = (int)-tasks;
    return tasks >= 0;
}

void threads_asked(const siginfo_t *info, const ucontext_t *uc)
{
    uint32_t i = (uint32_t)info->si_timerid;
    __atomic_fetch_add(&n_handlers, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&now.serial, __ATOMIC_SEQ_CST) == (uint32_t)info->si_overrun && i < now.n &&
        now.asked[i].tid == raw_gettid()) {
        struct asked *a = &now.asked[i];
        int expected = ASKED;
        if (__atomic_compare_exchange_n(&a->answer, &expected, ANSWERS, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
            sampler_enter(WIRE_GOROUTINE);
            count(sampler_interrupted(now.store, describe(a->tid, a->labels), uc));
            sampler_leave(WIRE_GOROUTINE);
            __atomic_store_n(&a->answer, ANSWERED, __ATOMIC_RELEASE);
        }
    }
    __atomic_fetch_sub(&n_handlers, 1, __ATOMIC_SEQ_CST);
}

void threads_reset(void)
{
    n_handlers = 0;
    now.n = 0;
    now.serial++;
}
