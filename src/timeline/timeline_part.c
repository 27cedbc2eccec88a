#include "timeline/timeline_part.h"

#include "timeline/timeline_index.h"

#include <stdlib.h>

struct reading {
    bool (*events)(void *arg, const struct trace_event *events, size_t n);
    void *arg;
    int64_t end_ns; /* on the trace's clock */
    int64_t last_ns;
    int64_t status_ns; /* the last event that tells what was before the trace */
    size_t n_behind;   /* left */
    bool is_over, is_called_off;
};

static bool take(void *arg, const struct trace_event *events, size_t n)
{
    struct reading *r = arg;
    size_t n_whole = n;
    if (events[n - 1].time_ns >= r->end_ns) {
        size_t inside = 0;
        while (inside < n && events[inside].time_ns < r->end_ns)
            inside++;
        if (n - inside > r->n_behind)
            n_whole = inside + r->n_behind;
        r->n_behind -= n_whole - inside;
        r->is_over = !r->n_behind;
    }
    if (n_whole) {
        r->last_ns = events[n_whole - 1].time_ns;
        r->is_called_off = !r->events(r->arg, events, n_whole);
    }
    for (size_t i = n_whole; i < n && !r->is_called_off; i++) {
        if (trace_event_is_first_status(&events[i])) {
            r->last_ns = events[i].time_ns;
            r->is_called_off = !r->events(r->arg, &events[i], 1);
        }
    }
    return !r->is_called_off && (!r->is_over || events[n - 1].time_ns < r->status_ns);
}

/* An end of running with the stack that names the goroutine; who has a name keeps it. */
static bool tell_names(const struct timeline *tl, struct reading *r)
{
    VEC(struct trace_event) events = {0};
    int64_t time_ns = r->last_ns + 1, now_ns = r->last_ns - tl->first_ns;
    bool good = true;
    for (size_t i = 0; i < tl->goes.n && good; i++) {
        const struct timeline_go *go = &tl->goes.items[i];
        if (!go->name_stack || go->seen_ns > now_ns || (go->end_ns >= 0 && go->end_ns <= now_ns))
            continue;
        struct trace_event e = {.type = GOTRACE_GO_STOP,
                                .time_ns = time_ns,
                                .g = go->id,
                                .m = TRACE_NONE,
                                .p = TRACE_NONE,
                                .args = {0, go->name_stack}};
        good = vec_push(&events, e);
    }
    if (good && events.n)
        (void)r->events(r->arg, events.items, events.n);
    vec_release(&events);
    return good;
}

bool timeline_part(const struct timeline *tl, const struct timeline_part *part,
                   bool (*events)(void *arg, const struct trace_event *events, size_t n), void *arg,
                   struct err *err)
{
    struct timeline_past_events past = {0};
    struct reading r = {.events = events,
                        .arg = arg,
                        .status_ns = tl->first_ns + tl->status_ns,
                        .n_behind = part->n_behind};
    size_t chunk = timeline_chunk_at(tl, part->start_ns);
    if (__builtin_add_overflow(tl->first_ns, part->end_ns, &r.end_ns))
        r.end_ns = part->end_ns < 0 ? INT64_MIN : INT64_MAX;
    bool good = timeline_past_at(&tl->past, &chunk, &past);
    if (good && past.events.n)
        r.is_called_off = !events(arg, past.events.items, past.events.n);
    for (; good && chunk < tl->chunks.n && !r.is_called_off; chunk++) {
        if (r.is_over && tl->store.chunks.items[chunk].begin_ns > r.status_ns)
            break;
        good = timeline_store_replay(&tl->store, chunk, take, &r);
    }
    if (good && part->tells_names && r.is_over && !r.is_called_off)
        good = tell_names(tl, &r);
    vec_release(&past.events);
    return good || err_nomem(err);
}
