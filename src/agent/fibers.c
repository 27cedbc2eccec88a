#include "agent/fibers.h"

#include "agent/labels.h"
#include "agent/lock.h"
#include "agent/memory.h"
#include "sonde/sonde.h"
#include "unwind/walk.h"

#include <errno.h>

#define EXPORT __attribute__((visibility("default")))

struct sonde_fiber {
    struct sonde_fiber *next;        /* of all there have been; never changes */
    struct sonde_fiber *next_unused; /* under the lock */
    uint64_t lo, hi;                 /* its stack */
    uint32_t turn;                   /* atomic; odd: it is parked */
    uint32_t id;
    struct walk_regs regs;              /* where it goes on */
    const struct sonde_labels *labels;  /* its own */
    const struct sonde_labels *outside; /* of who resumed it */
    char name[FIBERS_NAME_BYTES];
};

static struct sonde_fiber *all, *unused;
static struct lock lock;

EXPORT struct sonde_fiber *sonde_fiber_new(const char *name, const void *stack, size_t n_bytes)
{
    if (!name || !stack || !n_bytes) {
        errno = EINVAL;
        return NULL;
    }
    lock_take(&lock);
    struct sonde_fiber *f = unused;
    if (f) {
        unused = f->next_unused;
    } else if ((f = memory_alloc(sizeof *f))) {
        f->id = all ? all->id + 1 : 1;
        f->next = all;
    }
    if (f) {
        f->lo = (uint64_t)stack;
        f->hi = f->lo + n_bytes;
        f->labels = f->outside = labels_current;
        strncpy(f->name, name, sizeof f->name - 1);
        if (f->next == all && all != f)
            __atomic_store_n(&all, f, __ATOMIC_RELEASE);
    }
    lock_give(&lock);
    if (!f)
        errno = ENOMEM;
    return f;
}

/* Only the thread that runs it, or switches to it, moves its turn on.  False: it was not
 * parked. */
static bool go_on(struct sonde_fiber *f)
{
    uint32_t turn = __atomic_load_n(&f->turn, __ATOMIC_RELAXED);
    if (turn & 1)
        __atomic_store_n(&f->turn, turn + 1, __ATOMIC_SEQ_CST);
    return turn & 1;
}

EXPORT void sonde_fiber_free(struct sonde_fiber *f)
{
    if (!f)
        return;
    go_on(f);
    lock_take(&lock);
    f->next_unused = unused;
    unused = f;
    lock_give(&lock);
}

static int park(struct sonde_fiber *f, struct walk_regs regs)
{
    if (!f || regs.sp < f->lo || regs.sp >= f->hi) {
        errno = EINVAL;
        return -1;
    }
    bool was_parked = go_on(f);
    f->regs = regs;
    if (!was_parked)
        f->labels = labels_current;
    __atomic_fetch_add(&f->turn, 1, __ATOMIC_RELEASE);
    if (!was_parked)
        labels_take(f->outside);
    return 0;
}

EXPORT int sonde_fiber_park(struct sonde_fiber *f)
{
    const struct walk_regs caller = WALK_CALLER();
    return park(f, caller);
}

EXPORT int sonde_fiber_park_at(struct sonde_fiber *f, const void *pc, const void *sp,
                               const void *bp)
{
    return park(f, (struct walk_regs){(uint64_t)pc, (uint64_t)sp, (uint64_t)bp, 0});
}

EXPORT void sonde_fiber_resume(struct sonde_fiber *f)
{
    if (!f || !go_on(f))
        return;
    f->outside = labels_current;
    labels_take(f->labels);
}

/* The fiber and its turn are in the place of what a thread is known by. */
static bool is_still(const struct peer *peer)
{
    const struct sonde_fiber *f = (const void *)peer->args[0];
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&f->turn, __ATOMIC_RELAXED) == peer->args[1];
}

void fibers_each(struct peer *peer, bool (*fn)(const struct fibers_parked *fiber))
{
    for (struct sonde_fiber *f = __atomic_load_n(&all, __ATOMIC_ACQUIRE); f; f = f->next) {
        struct fibers_parked parked = {.peer = peer, .id = f->id};
        char name[FIBERS_NAME_BYTES];
        uint32_t turn;
        do {
            turn = __atomic_load_n(&f->turn, __ATOMIC_ACQUIRE);
            if (!(turn & 1))
                break;
            memcpy(name, f->name, sizeof name);
            name[sizeof name - 1] = '\0';
            parked.name = name;
            parked.labels = __atomic_load_n(&f->labels, __ATOMIC_RELAXED);
            peer_at(peer, f->regs.pc - 1, f->regs.sp, f->regs.bp); /* in the call */
            peer->args[0] = (uint64_t)f;
            peer->args[1] = turn;
            peer->is_still = is_still;
        } while (!is_still(peer) || !fn(&parked));
    }
}
