#include "agent/mutex.h"

#include "agent/brief.h"
#include "agent/memory.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/sampler.h"
#include "agent/timers.h"

#define N_BUCKETS 1024u
/* A busy lock has many unlocks that let nobody go (the waiter that was woken has not run yet).
 * Of those that follow another by d ns, less than this, d in SHORT_NS are charged, and as much
 * more: each takes a walk. */
#define SHORT_NS 10000

/* A lock that threads wait for. */
struct waited {
    const void *lock;
    struct waited *next; /* of its bucket, or of the free ones */
    uint64_t n_waiting;
    uint64_t n_counted; /* of these, let go by an unlock */
    uint64_t since_sum; /* of the times since which each is not charged to anybody */
    uint64_t last_ns;   /* of the last unlock */
    /* The last unlock by one of several holders, not charged yet: */
    struct wire_stack *sharer; /* NULL: none */
    uint64_t sharer_ns, sharer_charge;
};

struct bucket {
    struct brief held;
    struct waited *first, *unused;
} __attribute__((aligned(64)));

uint32_t mutex_filter[BLOCK_BUSY_SIZE];
bool mutex_is_hooked;

static struct bucket buckets[N_BUCKETS];
static uint64_t fraction; /* 0: off */
static bool is_used;      /* there is something to reset */

/* The wait of this thread that is known. */
static __thread struct {
    const void *lock; /* NULL: none */
    uint64_t begin_ns;
    uint64_t since_ns; /* it is not charged to anybody */
    uint64_t sp;
} own;

static struct bucket *bucket_of(const void *lock)
{
    return &buckets[block_hash(lock) % N_BUCKETS];
}

/* Below: with the bucket taken. */

static struct waited **find(struct bucket *b, const void *lock)
{
    struct waited **at = &b->first;
    while (*at && (*at)->lock != lock)
        at = &(*at)->next;
    return at;
}

static struct waited *make(struct bucket *b, const void *lock)
{
    struct waited *w = b->unused;
    if (w)
        b->unused = w->next;
    else if (!timers_frozen()) /* it takes a system call */
        w = memory_alloc(sizeof *w);
    if (!w)
        return NULL;
    *w = (struct waited){.lock = lock, .next = b->first};
    b->first = w;
    return w;
}

/* One more waiter is on its way; false: all are. */
static bool let_one_go(struct waited *w)
{
    if (w->n_counted == w->n_waiting)
        return false;
    w->n_counted++;
    return true;
}

static void charge_sharer(struct waited *w)
{
    if (!w->sharer)
        return;
    if (!recording_is_on()) { /* a child made without libc's fork: it has no such rows */
        w->sharer = NULL;
        return;
    }
    uint64_t scale = __atomic_load_n(&fraction, __ATOMIC_RELAXED);
    store_count(&w->sharer->n[0], let_one_go(w) ? scale : 0);
    store_count(&w->sharer->n[1], w->sharer_charge * scale);
    w->since_sum += w->sharer_charge;
    w->last_ns = w->sharer_ns;
    w->sharer = NULL;
}

static void remove_waiter(struct waited *w, uint64_t since_ns, bool has_it)
{
    if (has_it)
        charge_sharer(w);
    uint64_t since = since_ns > w->last_ns ? since_ns : w->last_ns;
    if (w->sharer && since < w->sharer_ns)
        w->sharer_charge -= w->sharer_ns - since;
    w->since_sum -= since;
    w->n_waiting--;
    if (has_it ? w->n_counted > 0 : w->n_counted > w->n_waiting)
        w->n_counted--;
}

/* Above: with the bucket taken. */

bool mutex_is_on(void)
{
    return __atomic_load_n(&fraction, __ATOMIC_RELAXED) != 0 && !recording_is_bare;
}

/* False: it is still known; to be tried again. */
static bool forget(bool has_it)
{
    struct bucket *b = bucket_of(own.lock);
    if (!brief_take(&b->held))
        return false;
    struct waited **at = find(b, own.lock), *w = *at;
    if (w) {
        remove_waiter(w, own.since_ns, has_it);
        if (!w->n_waiting) {
            *at = w->next;
            w->next = b->unused;
            b->unused = w;
        }
        mutex_count_waiter(own.lock, -1u);
    }
    brief_give(&b->held);
    own.lock = NULL;
    return true;
}

static void wait_begins(const void *lock, uint64_t begin_ns)
{
    uint64_t sp = (uint64_t)__builtin_frame_address(0);
    /* One whose frame is not above ours was left by longjmp. */
    if (own.lock && (own.sp > sp || !forget(false)))
        return;
    struct bucket *b = bucket_of(lock);
    if (!brief_take(&b->held))
        return;
    struct waited *w = *find(b, lock);
    w = w ? w : make(b, lock);
    if (w) {
        own.begin_ns = begin_ns;
        own.since_ns = begin_ns > w->last_ns ? begin_ns : w->last_ns;
        w->n_waiting++;
        w->since_sum += own.since_ns;
        mutex_count_waiter(lock, 1);
        own.sp = sp;
        own.lock = lock;
    }
    brief_give(&b->held);
}

void mutex_wait_begins(const void *lock, uint64_t begin_ns)
{
    uint64_t n = __atomic_load_n(&fraction, __ATOMIC_RELAXED);
    if (n == 0 || (n > 1 && block_random() % n) || !block_enter())
        return;
    wait_begins(lock, begin_ns);
    block_leave();
}

void mutex_wait_ends(uint64_t begin_ns, bool has_it)
{
    if (!own.lock || own.begin_ns != begin_ns || !block_enter())
        return;
    forget(has_it);
    block_leave();
}

void mutex_thread_end(void)
{
    if (!own.lock || !block_enter())
        return;
    forget(false);
    block_leave();
}

/* `ns` for each SHORT_NS of which d is. */
static uint64_t as_much_more(uint64_t ns, uint64_t d)
{
    return ns < UINT64_MAX / SHORT_NS ? ns * SHORT_NS / d : ns / d * SHORT_NS;
}

static struct mutex_charge unlocks(const void *lock)
{
    struct mutex_charge charge = {0};
    struct bucket *b = bucket_of(lock);
    if (!brief_take(&b->held))
        return charge;
    struct waited *w = *find(b, lock);
    if (w) {
        charge_sharer(w);
        uint64_t now = block_now_ns(), now_sum = w->n_waiting * now; /* modulo 2^64 */
        uint64_t d = now > w->last_ns ? now - w->last_ns : 1;
        charge.ns = now_sum - w->since_sum;
        charge.n = let_one_go(w);
        if (charge.n == 0 && d < SHORT_NS)
            charge.ns = block_random() % SHORT_NS < d ? as_much_more(charge.ns, d) : 0;
        w->since_sum = now_sum;
        w->last_ns = now;
    }
    brief_give(&b->held);
    return charge;
}

struct mutex_charge mutex_unlocks(const void *lock)
{
    struct mutex_charge charge = {0};
    if (!mutex_is_on() || !block_enter())
        return charge;
    charge = unlocks(lock);
    block_leave();
    return charge;
}

void mutex_add(const struct mutex_charge *charge, const struct walk_regs *regs)
{
    if (!(charge->n | charge->ns) || !recording_is_on() || !block_enter())
        return;
    uint64_t scale = __atomic_load_n(&fraction, __ATOMIC_RELAXED);
    struct store *store = sampler_enter(WIRE_MUTEX);
    struct wire_stack *row = store ? sampler_here(store, WIRE_MUTEX, 0, regs) : NULL;
    if (row) {
        store_count(&row->n[0], charge->n * scale);
        store_count(&row->n[1], charge->ns * scale);
    }
    sampler_leave(WIRE_MUTEX);
    block_leave();
}

static void unlocks_shared(const void *lock, const struct walk_regs *regs)
{
    struct bucket *b = bucket_of(lock);
    if (!brief_take(&b->held))
        return;
    bool is_waited_for = *find(b, lock) != NULL;
    brief_give(&b->held);
    if (!is_waited_for)
        return;
    struct store *store = sampler_enter(WIRE_MUTEX);
    struct wire_stack *row = store ? sampler_here(store, WIRE_MUTEX, 0, regs) : NULL;
    if (row && brief_take(&b->held)) {
        struct waited *w = *find(b, lock);
        if (w) {
            w->sharer = row;
            w->sharer_ns = block_now_ns();
            w->sharer_charge = w->n_waiting * w->sharer_ns - w->since_sum;
        }
        brief_give(&b->held);
    }
    sampler_leave(WIRE_MUTEX);
}

void mutex_unlocks_shared(const void *lock, const struct walk_regs *regs)
{
    if (!mutex_is_on() || !recording_is_on() || !block_enter())
        return;
    unlocks_shared(lock, regs);
    block_leave();
}

void mutex_start(uint64_t new_fraction)
{
    is_used = true;
    __atomic_store_n(&fraction, new_fraction, __ATOMIC_RELEASE);
}

void mutex_stop(void)
{
    __atomic_store_n(&fraction, 0, __ATOMIC_RELEASE);
}

void mutex_reset(void)
{
    if (!is_used)
        return;
    is_used = false;
    fraction = 0;
    own.lock = NULL;
    memset(mutex_filter, 0, sizeof mutex_filter);
    memset(buckets, 0, sizeof buckets);
}
