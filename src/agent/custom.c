#include "agent/custom.h"

#include "agent/lock.h"
#include "agent/memory.h"
#include "agent/program.h"
#include "agent/sampler.h"
#include "agent/text_out.h"

#include <errno.h>
#include <pthread.h>

#define FRAMES_MAX 128u
#define N_CLASSES 8 /* of entries, by their room for frames: 1, 2, 4 ... 128 */
#define CHAINS_FIRST 64

struct entry {
    struct entry *next; /* of its chain, or of the free ones */
    const void *value;
    uint32_t n_frames;
    uint32_t class;
    uint64_t frames[];
};

struct custom {
    struct sonde_profile profile; /* first: what programs hold */
    struct custom *next;
    struct entry **chains; /* [n_chains], a power of two */
    size_t n_chains, n;
    char name[];
};

static struct lock lock; /* for all that follows; held with all signals blocked */
static uint64_t mask_before;
static struct custom *all;
static struct entry *unused[N_CLASSES];
static bool watches_fork;

/* A handler of the holder's thread may fork, or leave with longjmp. */
static void enter(void)
{
    const uint64_t every = ~0ull;
    uint64_t mask;
    raw_sigmask(SIG_SETMASK, &every, &mask);
    lock_take(&lock);
    mask_before = mask;
}

static void leave(void)
{
    uint64_t mask = mask_before;
    lock_give(&lock);
    raw_sigmask(SIG_SETMASK, &mask, NULL);
}

static size_t chain_of(const struct custom *c, const void *value)
{
    return ((uint64_t)value * 0x9e3779b97f4a7c15u >> 32) & (c->n_chains - 1);
}

static int64_t count(const struct taken *taken)
{
    int64_t n = 0;
    for (size_t i = 0; i < taken->n; i++)
        n += taken->rows[i].values[0];
    return n;
}

static bool take(const struct sonde_profile *profile, struct taken *to, int debug)
{
    const struct custom *c = (const void *)profile;
    bool ok = true;
    taken_init(to, 1);
    enter();
    for (size_t i = 0; i < c->n_chains && ok; i++)
        for (const struct entry *e = c->chains[i]; e && ok; e = e->next)
            ok = taken_add(to, e->frames, e->n_frames, 1);
    leave();
    if (ok && taken_merge(to))
        return true;
    errno = ENOMEM;
    return false;
}

static const struct custom *find(const char *name)
{
    const struct custom *c = __atomic_load_n(&all, __ATOMIC_ACQUIRE);
    while (c && strcmp(c->name, name) != 0)
        c = c->next;
    return c;
}

const struct sonde_profile *custom_find(const char *name)
{
    const struct custom *c = find(name);
    return c ? &c->profile : NULL;
}

const struct sonde_profile *custom_after(const char *name)
{
    const struct custom *best = NULL;
    for (const struct custom *c = __atomic_load_n(&all, __ATOMIC_ACQUIRE); c; c = c->next)
        if (strcmp(c->name, name) > 0 && (!best || strcmp(c->name, best->name) < 0))
            best = c;
    return best ? &best->profile : NULL;
}

static struct custom *make(const char *name)
{
    size_t n = strlen(name) + 1;
    struct custom *c = memory_alloc(sizeof *c + n);
    if (!c)
        return NULL;
    memcpy(c->name, name, n);
    c->n_chains = CHAINS_FIRST;
    c->chains = raw_alloc(c->n_chains * sizeof *c->chains);
    c->profile = (struct sonde_profile){
        .name = c->name,
        .help = "",
        .types = {{c->name, "count"}},
        .n_types = 1,
        .period_type = {c->name, "count"},
        .take = take,
        .count = count,
        .text = text_out_counts,
    };
    return c->chains ? c : NULL;
}

const struct sonde_profile *custom_new(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > CUSTOM_NAME_MAX) {
        errno = EINVAL;
        return NULL;
    }
    /* Once: a fork could not enter twice. */
    bool watches = __atomic_exchange_n(&watches_fork, true, __ATOMIC_ACQ_REL);
    if (!watches && pthread_atfork(enter, leave, leave) != 0) {
        __atomic_store_n(&watches_fork, false, __ATOMIC_RELEASE);
        errno = ENOMEM;
        return NULL;
    }
    program_make_index();
    enter();
    int error = profiles_is_kind(name) || find(name) ? EEXIST : 0;
    struct custom *c = error ? NULL : make(name);
    if (c) {
        c->next = all;
        __atomic_store_n(&all, c, __ATOMIC_RELEASE);
    }
    leave();
    if (!c)
        errno = error ? error : ENOMEM;
    return c ? &c->profile : NULL;
}

static struct entry **place_of(struct custom *c, const void *value)
{
    struct entry **at = &c->chains[chain_of(c, value)];
    while (*at && (*at)->value != value)
        at = &(*at)->next;
    return at;
}

/* Twice as many chains, when there are more entries than chains. */
static void spread(struct custom *c)
{
    struct entry **old = c->chains;
    size_t n_old = c->n_chains;
    struct entry **chains = c->n > n_old ? raw_alloc(2 * n_old * sizeof *chains) : NULL;
    if (!chains)
        return;
    c->chains = chains;
    c->n_chains = 2 * n_old;
    for (size_t i = 0; i < n_old; i++)
        for (struct entry *e = old[i], *next; e; e = next) {
            next = e->next;
            struct entry **at = &chains[chain_of(c, e->value)];
            e->next = *at;
            *at = e;
        }
    raw_unmap(old, n_old * sizeof *old);
}

static struct entry *new_entry(uint32_t n_frames)
{
    uint32_t class = 0;
    while (1u << class < n_frames)
        class ++;
    struct entry *e = unused[class];
    if (e)
        unused[class] = e->next;
    else
        e = memory_alloc(sizeof *e + (sizeof *e->frames << class));
    if (e)
        e->class = class;
    return e;
}

static bool is_ours(const struct sonde_profile *profile)
{
    if (profile->take == take)
        return true;
    errno = EPERM;
    return false;
}

bool custom_add(const struct sonde_profile *profile, const void *value,
                const struct walk_regs *regs, uint32_t skip)
{
    uint64_t frames[FRAMES_MAX];
    if (!is_ours(profile))
        return false;
    struct custom *c = (struct custom *)profile;
    uint32_t n = sampler_walk(regs, frames, FRAMES_MAX);
    skip = skip < n ? skip : n ? n - 1 : 0; /* the outermost stays */
    n -= skip;
    enter();
    int error = *place_of(c, value) ? EEXIST : 0;
    struct entry *e = error ? NULL : new_entry(n);
    if (e) {
        e->value = value;
        e->n_frames = n;
        memcpy(e->frames, frames + skip, n * sizeof *frames);
        c->n++;
        spread(c);
        struct entry **at = &c->chains[chain_of(c, value)];
        e->next = *at;
        *at = e;
    }
    leave();
    if (!e)
        errno = error ? error : ENOMEM;
    return e != NULL;
}

bool custom_remove(const struct sonde_profile *profile, const void *value)
{
    if (!is_ours(profile))
        return false;
    struct custom *c = (struct custom *)profile;
    enter();
    struct entry **at = place_of(c, value), *e = *at;
    if (e) {
        *at = e->next;
        e->next = unused[e->class];
        unused[e->class] = e;
        c->n--;
    }
    leave();
    return true;
}
