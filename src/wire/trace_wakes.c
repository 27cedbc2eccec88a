#include "wire/trace_wakes.h"

#include <string.h>

#define N_KEPT 8u /* of the wake-ups of what threads wait for */
#define AWAITED_MAX (1u << 14)
#define FORGOTTEN_NS 10000000000u /* a waiter has gone on by then */

/* What threads wait for. */
struct trace_awaited {
    uint64_t on; /* 0: a free slot */
    uint32_t source, n_wakes;
    struct trace_word wakes[N_KEPT]; /* the last ones; number i at i % N_KEPT */
};

void trace_wakes_release(struct trace_wakes *w, const struct gotrace_memory *memory)
{
    if (w->words)
        memory->release(w->words, w->max * sizeof *w->words);
    if (w->awaited)
        memory->release(w->awaited, w->n_slots * sizeof *w->awaited);
    *w = (struct trace_wakes){0};
}

bool trace_wakes_add(struct trace_wakes *w, const struct gotrace_memory *memory,
                     const struct trace_word *word)
{
    void *words = w->words;
    bool ok = gotrace_grow(memory, &words, &w->max, w->n + 1, sizeof *word);
    w->words = words;
    if (ok)
        w->words[w->n++] = *word;
    return ok;
}

/* By time; of the same time a wake-up comes first. */
static bool is_before(const struct trace_word *a, const struct trace_word *b)
{
    return a->ns != b->ns ? a->ns < b->ns : a->is_end < b->is_end;
}

/* A heap, in place: no recursion, no memory. */
static void sort(struct trace_word *words, size_t n)
{
    struct trace_word x;
    for (size_t start = n / 2, end = n; end > 1;) {
        if (start > 0) {
            x = words[--start];
        } else {
            x = words[--end];
            words[end] = words[0];
        }
        size_t at = start;
        for (size_t child; (child = 2 * at + 1) < end; at = child) {
            child += child + 1 < end && is_before(&words[child], &words[child + 1]);
            if (!is_before(&x, &words[child]))
                break;
            words[at] = words[child];
        }
        words[at] = x;
    }
}

static struct trace_awaited *slot(const struct trace_wakes *w, uint32_t source, uint64_t on)
{
    uint64_t hash = (on ^ (uint64_t)source << 48) * 0x9e3779b97f4a7c15u >> 20;
    for (;; hash++) {
        struct trace_awaited *a = &w->awaited[hash & (w->n_slots - 1)];
        if (!a->on || (a->on == on && a->source == source))
            return a;
    }
}

/* Room for one more: what nobody has been woken at for long is forgotten, then there is more. */
static bool make_room(struct trace_wakes *w, const struct gotrace_memory *memory, uint64_t now_ns)
{
    if (2 * (w->n_awaited + 1) <= w->n_slots)
        return true;
    struct trace_wakes old = *w;
    size_t n_live = 0;
    for (size_t i = 0; i < old.n_slots; i++) {
        struct trace_awaited *a = &old.awaited[i];
        if (a->on && a->wakes[(a->n_wakes - 1) % N_KEPT].ns + FORGOTTEN_NS < now_ns)
            a->on = 0;
        n_live += a->on != 0;
    }
    while (w->n_slots < 64 || (w->n_slots < 4 * n_live && w->n_slots < 2 * AWAITED_MAX))
        w->n_slots = w->n_slots ? 2 * w->n_slots : 64;
    w->awaited = memory->grow(NULL, 0, w->n_slots * sizeof *w->awaited);
    w->n_awaited = 0;
    if (!w->awaited) {
        *w = old;
        return false;
    }
    for (size_t i = 0; i < old.n_slots && n_live < AWAITED_MAX; i++) {
        if (!old.awaited[i].on)
            continue;
        *slot(w, old.awaited[i].source, old.awaited[i].on) = old.awaited[i];
        w->n_awaited++;
    }
    if (old.awaited)
        memory->release(old.awaited, old.n_slots * sizeof *old.awaited);
    return true;
}

static bool keep(struct trace_wakes *w, const struct gotrace_memory *memory,
                 const struct trace_word *wake)
{
    if (!make_room(w, memory, wake->ns))
        return false;
    struct trace_awaited *a = slot(w, wake->source, wake->on);
    if (!a->on) {
        w->n_awaited++;
        a->on = wake->on;
        a->source = wake->source;
        a->n_wakes = 0;
    }
    a->wakes[a->n_wakes++ % N_KEPT] = *wake;
    return true;
}

/* Who has let it go on; NULL: not known. */
static struct trace_word *choose(const struct trace_wakes *w, const struct trace_word *end)
{
    struct trace_awaited *a = w->n_slots ? slot(w, end->source, end->on) : NULL;
    struct trace_word *first = NULL, *last = NULL;
    if (!a || !a->on)
        return NULL;
    uint32_t from = a->n_wakes > N_KEPT ? a->n_wakes - N_KEPT : 0;
    for (uint32_t i = from; i < a->n_wakes; i++) {
        struct trace_word *wake = &a->wakes[i % N_KEPT];
        if (wake->ns < end->since_ns || wake->thread == end->thread || !wake->n)
            continue;
        first = first ? first : wake;
        last = wake;
    }
    struct trace_word *chosen = last && last->n == TRACE_WAKES_LAST ? last : first;
    if (chosen && chosen->n != TRACE_WAKES_LAST)
        chosen->n--;
    return chosen;
}

bool trace_wakes_settle(struct trace_wakes *w, const struct gotrace_memory *memory,
                        uint64_t until_ns, trace_wakes_found *found, void *arg)
{
    bool ok = true;
    size_t i = 0;
    sort(w->words, w->n);
    for (; ok && i < w->n && w->words[i].ns <= until_ns; i++) {
        const struct trace_word *word = &w->words[i], *wake;
        if (!word->is_end)
            ok = keep(w, memory, word);
        else if ((wake = choose(w, word)) != NULL)
            found(arg, word, wake);
    }
    if (i)
        memmove(w->words, w->words + i, (w->n - i) * sizeof *w->words);
    w->n -= i;
    return ok;
}
