#include "analysis/analysis_site_pairs.h"

#include <string.h>

#define IDLE_SHARE 0.9      /* of the trace: who waits longer has nothing to do */
#define TROUBLE_SHARE 0.005 /* of the trace: so much time for locks stands first */
#define NAME_BIT 0x80000000u

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

bool analysis_is_idle(const struct analysis_facts *f, enum analysis_wait_kind kind, int64_t max_ns)
{
    return kind == ANALYSIS_WAIT_IDLE ||
           (kind == ANALYSIS_WAIT_OTHER &&
            (double)max_ns > IDLE_SHARE * (double)analysis_facts_length(f));
}

/* --- order --- */

struct keyed {
    int rank;
    uint32_t row;
    const struct analysis_site_pair *pair;
};

static int by_rank(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank - y->rank;
    if (x->pair->total_ns != y->pair->total_ns)
        return (x->pair->total_ns < y->pair->total_ns) - (x->pair->total_ns > y->pair->total_ns);
    return (x->row > y->row) - (x->row < y->row);
}

static int rank(const struct analysis_site_pair *p, int64_t length_ns)
{
    if (p->is_idle)
        return 2;
    bool is_trouble = p->kind == ANALYSIS_WAIT_LOCK || p->kind == ANALYSIS_WAIT_COLLECTOR;
    return is_trouble && (double)p->total_ns > TROUBLE_SHARE * (double)length_ns ? 0 : 1;
}

static bool sort(struct analysis_site_pairs *pairs, const struct analysis_facts *f)
{
    size_t n = pairs->rows.n;
    if (!n)
        return true;
    struct keyed *order = malloc(n * sizeof *order);
    struct analysis_site_pair *rows = malloc(n * sizeof *rows);
    if (order && rows) {
        memcpy(rows, pairs->rows.items, n * sizeof *rows);
        for (size_t i = 0; i < n; i++) {
            /* Many are idle if most of their time is one long wait. */
            struct analysis_site_pair *p = &rows[i];
            p->is_idle =
                analysis_is_idle(f, p->kind, 2 * p->max_ns > p->total_ns ? p->max_ns : 0) ||
                analysis_is_idle(f, p->kind, p->total_ns / (int64_t)p->count);
            order[i] = (struct keyed){rank(p, analysis_facts_length(f)), (uint32_t)i, p};
        }
        qsort(order, n, sizeof *order, by_rank);
        for (size_t i = 0; i < n; i++)
            pairs->rows.items[i] = *order[i].pair;
    }
    bool ok = order && rows;
    free(order);
    free(rows);
    return ok;
}

/* --- rows --- */

static void add(struct making *m, struct analysis_site_pairs *pairs,
                const struct analysis_pair *pair)
{
    uint32_t site = site_number(m, pair->stack), waker = site_number(m, pair->waker_stack),
             holder = site_number(m, pair->holder_stack);
    uint64_t key =
        hash_u64(((uint64_t)site << 32 | waker) ^ hash_u64((uint64_t)holder << 32 | pair->reason));
    uint32_t next = (uint32_t)pairs->rows.n, row = map_get_or_put(&m->rows, key, next);
    struct analysis_site_pair new = {.reason = pair->reason,
                                     .kind = pair->kind,
                                     .site = site,
                                     .waker_site = waker,
                                     .holder_site = holder};
    if (row == MAP_NONE || (row == next && !vec_push(&pairs->rows, new))) {
        m->failed = true;
        return;
    }
    struct analysis_site_pair *p = &pairs->rows.items[row];
    p->count += pair->count;
    p->n_open += pair->n_open;
    p->total_ns += pair->total_ns;
    if (pair->max_ns >= p->max_ns) {
        p->max_ns = pair->max_ns;
        p->max_at_ns = pair->max_at_ns;
        p->max_g = pair->max_g;
    }
    if (pair->total_ns >= p->most_ns) {
        p->most_ns = pair->total_ns;
        p->stack = pair->stack;
        p->waker_stack = pair->waker_stack;
        p->waker_name = pair->waker_name;
        p->holder_stack = pair->holder_stack;
        p->holder_name = pair->holder_name;
    }
}

static bool make(struct making *m, struct analysis_site_pairs *pairs,
                 const struct analysis_facts *f)
{
    *m = (struct making){.trace = f->trace};
    *pairs = (struct analysis_site_pairs){0};
    for (size_t i = 0; i < f->waits.pairs.n; i++)
        add(m, pairs, &f->waits.pairs.items[i]);
    return !m->failed;
}

/* True, or all is released. */
static bool end(struct making *m, struct analysis_site_pairs *pairs, bool ok)
{
    map_release(&m->lines);
    map_release(&m->sites);
    map_release(&m->rows);
    if (!ok)
        analysis_site_pairs_release(pairs);
    return ok;
}

bool analysis_site_pairs_make(struct analysis_site_pairs *pairs, const struct analysis_facts *f)
{
    struct making m;
    bool ok = make(&m, pairs, f) && sort(pairs, f);
    return end(&m, pairs, ok);
}

/* --- by where it waited --- */

/* The function that is to blame, or the name of the goroutine; 0: not known. */
static uint32_t culprit(const struct trace *trace, const struct analysis_site_pair *p)
{
    const struct trace_frame *frame = analysis_site(trace, analysis_by_stack(p));
    uint32_t name = analysis_by_name(p);
    return frame && frame->func ? frame->func : name ? name | NAME_BIT : 0;
}

/* Add p; what it says of stacks and culprits is taken over if it has more time. */
static void fold(struct analysis_site_pair *to, const struct analysis_site_pair *p, bool has_more)
{
    const struct analysis_site_pair old = *to, *longest = old.max_ns >= p->max_ns ? &old : p;
    if (has_more)
        *to = *p;
    to->count = old.count + p->count;
    to->n_open = old.n_open + p->n_open;
    to->total_ns = old.total_ns + p->total_ns;
    to->max_ns = longest->max_ns;
    to->max_at_ns = longest->max_at_ns;
    to->max_g = longest->max_g;
}

/* The row of `key`; NULL: no memory.  *is_new: it is a copy of p. */
static struct analysis_site_pair *row_of(struct map *index, struct analysis_site_pairs *pairs,
                                         uint64_t key, const struct analysis_site_pair *p,
                                         bool *is_new)
{
    uint32_t next = (uint32_t)pairs->rows.n, row = map_get_or_put(index, key, next);
    *is_new = row == next;
    if (row == MAP_NONE || (*is_new && !vec_push(&pairs->rows, *p)))
        return NULL;
    return &pairs->rows.items[row];
}

static uint64_t place_key(const struct analysis_site_pair *p)
{
    return hash_u64((uint64_t)p->site << 32 | p->reason);
}

/* One row for each place and culprit. */
static bool join_culprits(const struct trace *trace, const struct analysis_site_pairs *all,
                          struct analysis_site_pairs *out)
{
    struct map index = {0};
    bool ok = true, is_new;
    for (size_t i = 0; ok && i < all->rows.n; i++) {
        const struct analysis_site_pair *p = &all->rows.items[i];
        struct analysis_site_pair *to =
            row_of(&index, out, place_key(p) ^ hash_u64(culprit(trace, p)), p, &is_new);
        ok = to != NULL;
        if (ok && !is_new)
            fold(to, p, p->most_ns > to->most_ns);
        if (ok)
            to->by_ns = to->total_ns;
    }
    map_release(&index);
    return ok;
}

/* One row for each place. */
static bool join_places(const struct trace *trace, const struct analysis_site_pairs *by,
                        struct analysis_site_pairs *out)
{
    struct map index = {0};
    bool ok = true, is_new;
    for (size_t i = 0; ok && i < by->rows.n; i++) {
        const struct analysis_site_pair *p = &by->rows.items[i];
        struct analysis_site_pair *to = row_of(&index, out, place_key(p), p, &is_new);
        ok = to != NULL;
        if (!ok || is_new)
            continue;
        bool is_known = culprit(trace, p), was_known = culprit(trace, to);
        /* A lock was held by somebody. */
        fold(to, p,
             p->kind == ANALYSIS_WAIT_LOCK && is_known != was_known ? is_known
                                                                    : p->by_ns > to->by_ns);
    }
    map_release(&index);
    return ok;
}

bool analysis_sites_make(struct analysis_site_pairs *pairs, const struct analysis_facts *f)
{
    struct making m;
    struct analysis_site_pairs all, by = {0};
    bool ok = make(&m, &all, f) && join_culprits(f->trace, &all, &by);
    *pairs = (struct analysis_site_pairs){0};
    ok = ok && join_places(f->trace, &by, pairs) && sort(pairs, f);
    analysis_site_pairs_release(&all);
    analysis_site_pairs_release(&by);
    return end(&m, pairs, ok);
}

void analysis_site_pairs_release(struct analysis_site_pairs *pairs)
{
    vec_release(&pairs->rows);
}
