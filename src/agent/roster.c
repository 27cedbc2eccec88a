#include "agent/roster.h"

#include "agent/raw.h"
#include "agent/timers.h"

#include <sys/prctl.h>

/* A thread's entry is one of WINDOW from the hash of its tid on. */
#define N_ENTRIES 32768u
#define WINDOW 64u
#define CLAIMED (-1) /* as a tid */

static struct roster_entry entries[N_ENTRIES + WINDOW];
static uint32_t generation = 1; /* of names */
static bool is_used;
static __thread struct roster_entry *own;

static struct roster_entry *window_of(int tid)
{
    return &entries[(uint32_t)tid * 0x9e3779b1u % N_ENTRIES];
}

struct roster_entry *roster_find(int tid)
{
    struct roster_entry *w = window_of(tid);
    for (uint32_t i = 0; i < WINDOW; i++)
        if (__atomic_load_n(&w[i].tid, __ATOMIC_ACQUIRE) == tid)
            return &w[i];
    return NULL;
}

static bool claim(struct roster_entry *e, int from)
{
    return __atomic_compare_exchange_n(&e->tid, &from, CLAIMED, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

/* A free entry, or that of a thread which ended without a word. */
static struct roster_entry *make(int tid)
{
    struct roster_entry *w = window_of(tid), *e = roster_find(tid);
    if (e && claim(e, tid))
        return e;
    for (uint32_t i = 0; i < WINDOW; i++)
        if (claim(&w[i], 0))
            return &w[i];
    for (uint32_t i = 0; i < WINDOW; i++) {
        int there = __atomic_load_n(&w[i].tid, __ATOMIC_RELAXED);
        if (there > 0 && raw4(SYS_tgkill, raw_getpid(), there, 0, 0) == -3 /* ESRCH */ &&
            claim(&w[i], there))
            return &w[i];
    }
    return NULL;
}

/* Where the call may be forbidden it stays unknown. */
static void take_name(struct roster_entry *e)
{
    uint32_t now = __atomic_load_n(&generation, __ATOMIC_ACQUIRE);
    char name[ROSTER_NAME_BYTES] = "";
    __atomic_store_n(&e->name_of, 0, __ATOMIC_RELEASE);
    if (timers_frozen())
        return;
    raw4(SYS_prctl, PR_GET_NAME, (long)name, 0, 0);
    memcpy(e->name, name, sizeof name);
    __atomic_store_n(&e->name_of, now, __ATOMIC_RELEASE);
}

struct roster_entry *roster_enter(bool named)
{
    if (!own) {
        if (timers_frozen()) /* nobody is going to ask for it, and calls may be forbidden */
            return NULL;
        int tid = raw_gettid();
        struct roster_entry *e = make(tid);
        if (!e)
            return NULL;
        is_used = true;
        e->labels = NULL;
        e->name_of = 0;
        __atomic_store_n(&e->tid, tid, __ATOMIC_RELEASE);
        own = e;
    }
    if (named)
        take_name(own);
    return own;
}

void roster_leave(void)
{
    if (own)
        __atomic_store_n(&own->tid, 0, __ATOMIC_RELEASE);
    own = NULL;
}

void roster_labels(const struct sonde_labels *labels)
{
    if (labels || own) {
        struct roster_entry *e = roster_enter(false);
        if (e)
            __atomic_store_n(&e->labels, labels, __ATOMIC_RELEASE);
    }
}

void roster_renamed(bool is_own)
{
    if (!is_own)
        __atomic_fetch_add(&generation, 1, __ATOMIC_ACQ_REL);
    else if (own && own->name_of)
        take_name(own);
}

bool roster_name(const struct roster_entry *e, char name[ROSTER_NAME_BYTES])
{
    uint32_t of = __atomic_load_n(&e->name_of, __ATOMIC_ACQUIRE);
    memcpy(name, e->name, ROSTER_NAME_BYTES);
    name[ROSTER_NAME_BYTES - 1] = '\0';
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return of == __atomic_load_n(&generation, __ATOMIC_ACQUIRE) &&
           of == __atomic_load_n(&e->name_of, __ATOMIC_RELAXED);
}

void roster_reset(void)
{
    if (!is_used)
        return;
    struct roster_entry was = own ? *own : (struct roster_entry){0};
    bool had = own != NULL;
    for (uint32_t i = 0; i < N_ENTRIES + WINDOW; i++)
        if (entries[i].tid) /* the child's pages stay shared */
            entries[i].tid = 0;
    own = NULL;
    struct roster_entry *e = had ? roster_enter(was.name_of != 0) : NULL;
    if (e)
        e->labels = was.labels;
}
