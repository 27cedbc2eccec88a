#include "analysis/analysis_site_pairs.h"

#include <string.h>

struct making {
    const struct trace *trace;
    struct map lines; /* hash of a site's function, file and line: number */
    struct map sites; /* stack: number of its site */
    struct map rows;
    uint32_t n_sites;
    bool failed;
};

static uint32_t site_number(struct making *m, uint32_t stack)
{
    if (!stack)
        return 0;
    uint32_t number = map_get(&m->sites, stack);
    if (number != MAP_NONE)
        return number;
    const struct trace_frame *frame = analysis_site(m->trace, stack);
    if (frame) {
        uint64_t place = (uint64_t)frame->func << 32 | frame->file;
        uint64_t key = hash_u64(place ^ hash_u64(frame->line + (frame->func ? 0 : frame->pc)));
        number = map_get_or_put(&m->lines, key, m->n_sites + 1);
        m->n_sites += number == m->n_sites + 1;
    } else {
        number = 0;
    }
    if (number == MAP_NONE || !map_put(&m->sites, stack, number))
        m->failed = true;
    return number == MAP_NONE ? 0 : number;
}

bool analysis_is_idle(const struct analysis_facts *f, uint32_t reason, int64_t total_ns,
                      uint64_t count)
{
    static const char *const reasons[] = {"sleep",
                                          "system goroutine wait",
                                          "GC background sweeper wait",
                                          "GC scavenge wait",
                                          "GC sweep wait",
                                          "GC worker (idle)",
                                          "force gc (idle)",
                                          "finalizer wait",
                                          "trace reader (blocked)"};
    const char *name = trace_string(f->trace, reason, NULL);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (!strcmp(name, reasons[i]))
            return true;
    return count && (double)total_ns / (double)count >
                        ANALYSIS_IDLE_SHARE * (double)analysis_facts_length(f);
}

static int by_total(const void *a, const void *b)
{
    const struct analysis_site_pair *x = a, *y = b;
    if (x->is_idle != y->is_idle)
        return x->is_idle ? 1 : -1;
    if (x->total_ns != y->total_ns)
        return (x->total_ns < y->total_ns) - (x->total_ns > y->total_ns);
    if (x->site != y->site)
        return x->site < y->site ? -1 : 1;
    return (x->waker_site > y->waker_site) - (x->waker_site < y->waker_site);
}

static void add(struct making *m, struct analysis_site_pairs *pairs,
                const struct analysis_pair *pair)
{
    uint32_t site = site_number(m, pair->stack), waker = site_number(m, pair->waker_stack);
    uint64_t key = hash_u64(((uint64_t)site << 32 | waker) ^ hash_u64(pair->reason));
    uint32_t next = (uint32_t)pairs->rows.n, row = map_get_or_put(&m->rows, key, next);
    struct analysis_site_pair new = {.reason = pair->reason, .site = site, .waker_site = waker};
    if (row == MAP_NONE || (row == next && !vec_push(&pairs->rows, new))) {
        m->failed = true;
        return;
    }
    struct analysis_site_pair *p = &pairs->rows.items[row];
    p->count += pair->count;
    p->total_ns += pair->total_ns;
    p->max_ns = pair->max_ns > p->max_ns ? pair->max_ns : p->max_ns;
    if (pair->total_ns >= p->most_ns) {
        p->most_ns = pair->total_ns;
        p->stack = pair->stack;
        p->waker_stack = pair->waker_stack;
    }
}

bool analysis_site_pairs_make(struct analysis_site_pairs *pairs, const struct analysis_facts *f)
{
    struct making m = {.trace = f->trace};
    *pairs = (struct analysis_site_pairs){0};
    for (size_t i = 0; i < f->waits.pairs.n; i++)
        add(&m, pairs, &f->waits.pairs.items[i]);
    map_release(&m.lines);
    map_release(&m.sites);
    map_release(&m.rows);
    if (m.failed) {
        analysis_site_pairs_release(pairs);
        return false;
    }
    for (size_t i = 0; i < pairs->rows.n; i++) {
        struct analysis_site_pair *p = &pairs->rows.items[i];
        p->is_idle = analysis_is_idle(f, p->reason, p->total_ns, p->count);
    }
    if (pairs->rows.n)
        qsort(pairs->rows.items, pairs->rows.n, sizeof *pairs->rows.items, by_total);
    return true;
}

void analysis_site_pairs_release(struct analysis_site_pairs *pairs)
{
    vec_release(&pairs->rows);
}
