#include "agent/hooks.h"

#include <stdint.h>

#define TABLES_MAX 8

static struct table {
    const struct interpose_next *all; /* atomic; NULL: not yet */
    size_t n;
} tables[TABLES_MAX];
static uint32_t n_tables; /* atomic */
static bool is_on;        /* atomic */

static void set(const struct interpose_next *all, size_t n)
{
    bool on;
    do { /* again, if another thread has switched meanwhile */
        on = __atomic_load_n(&is_on, __ATOMIC_SEQ_CST);
        for (size_t i = 0; i < n; i++) {
            void *next = __atomic_load_n((void **)all[i].to, __ATOMIC_ACQUIRE);
            if (all[i].way && next)
                __atomic_store_n((void **)all[i].way, on ? all[i].hook : next, __ATOMIC_RELEASE);
        }
    } while (on != __atomic_load_n(&is_on, __ATOMIC_SEQ_CST));
}

void hooks_add(const struct interpose_next *all, size_t n)
{
    bool is_known = false;
    for (uint32_t i = 0; i < TABLES_MAX; i++)
        is_known |= __atomic_load_n(&tables[i].all, __ATOMIC_ACQUIRE) == all;
    uint32_t at = is_known ? TABLES_MAX : __atomic_fetch_add(&n_tables, 1, __ATOMIC_RELAXED);
    if (at < TABLES_MAX) {
        tables[at].n = n;
        __atomic_store_n(&tables[at].all, all, __ATOMIC_SEQ_CST);
    }
    set(all, n);
}

void hooks_switch(bool on)
{
    __atomic_store_n(&is_on, on, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < TABLES_MAX; i++) {
        const struct interpose_next *all = __atomic_load_n(&tables[i].all, __ATOMIC_SEQ_CST);
        if (all)
            set(all, tables[i].n);
    }
}
