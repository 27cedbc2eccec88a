#include "collect/perf_feed.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SETTLED_NS 1000000u

static void keep(void *arg, const struct perf_event_header *record)
{
    struct perf_feed *feed = arg;
    size_t at = feed->bytes.n, room = (record->size + 7u) & ~7u;
    if (!vec_reserve(&feed->bytes, at + room) ||
        !vec_push(&feed->entries, (struct perf_feed_entry){perf_record_time(record), at})) {
        __atomic_fetch_add(&feed->n_lost, 1, __ATOMIC_RELAXED);
        return;
    }
    memcpy(feed->bytes.items + at, record, record->size);
    feed->bytes.n = at + room;
}

static int compare(const void *a, const void *b)
{
    const struct perf_feed_entry *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return x->at < y->at ? -1 : 1; /* as the kernel wrote them */
}

void perf_feed_release(struct perf_feed *feed)
{
    vec_release(&feed->bytes);
    vec_release(&feed->entries);
}

void perf_feed_round(struct perf_feed *feed, struct perf *events, uint64_t limit_ns,
                     void (*take)(void *arg, const struct perf_record *record), void *arg)
{
    perf_drain(events, keep, feed);
    struct perf_feed now = *feed;
    *feed = (struct perf_feed){.n_lost = now.n_lost};
    if (now.entries.n)
        qsort(now.entries.items, now.entries.n, sizeof *now.entries.items, compare);
    for (size_t i = 0; i < now.entries.n; i++) {
        const void *raw = now.bytes.items + now.entries.items[i].at;
        if (now.entries.items[i].time_ns > limit_ns) {
            keep(feed, raw);
            continue;
        }
        struct perf_record record;
        perf_decode_of(events, raw, &record);
        take(arg, &record);
    }
    perf_feed_release(&now);
}

uint64_t perf_feed_settled_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - SETTLED_NS;
}
