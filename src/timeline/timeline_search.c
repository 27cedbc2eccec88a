/* Goroutines by number and by start function. */
#include "timeline/timeline_answer.h"

#include "base/regex.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct searching {
    const struct timeline *tl;
    const struct timeline_tracks *tracks;
    struct timeline_hits *out;
    uint32_t max;
    bool failed;
};

static void add(struct searching *s, struct timeline_hit hit, const char *text)
{
    if (s->out->hits.n >= s->max) {
        s->out->more++;
        return;
    }
    hit.text = timeline_texts_add(&s->out->texts, text, &s->failed);
    hit.track = s->tracks ? timeline_tracks_find(s->tracks, TIMELINE_VIEW_GOROUTINE, hit.goroutine)
                          : UINT32_MAX;
    if (!vec_push(&s->out->hits, hit))
        s->failed = true;
}

static int compare(const void *a, const void *b)
{
    const struct timeline_hit *x = a, *y = b;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static void add_functions(struct searching *s, const struct regex *re)
{
    const struct timeline *tl = s->tl;
    struct map of = {0}; /* name (string) -> hit; n: it does not match */
    VEC(struct timeline_hit) found = {0};
    enum { NO_MATCH = UINT32_MAX - 1 };
    for (uint32_t i = 0; i < tl->goes.n && !s->failed; i++) {
        uint32_t frame = tl->goes.items[i].start_frame;
        if (frame == UINT32_MAX)
            continue;
        uint32_t string = trace_frame(tl->trace, frame)->func, at = map_get(&of, string);
        if (at == MAP_NONE) {
            struct timeline_goroutine g = timeline_goroutine(tl, i);
            struct timeline_hit hit = {
                .is_function = true, .goroutine = i, .start_ns = g.first_ns, .end_ns = g.last_ns};
            bool matches = regex_match(re, str_of(trace_string(tl->trace, string, NULL)));
            at = matches ? (uint32_t)found.n : NO_MATCH;
            if (!map_put(&of, string, at) || (matches && !vec_push(&found, hit)))
                s->failed = true;
        }
        if (at < found.n)
            found.items[at].count++;
    }
    if (found.n)
        qsort(found.items, found.n, sizeof *found.items, compare);
    for (size_t i = 0; i < found.n; i++)
        add(s, found.items[i], timeline_function(tl, found.items[i].goroutine));
    map_release(&of);
    vec_release(&found);
}

static void add_number(struct searching *s, const char *pattern)
{
    int64_t id;
    int length = 0;
    if (*pattern == 'G' || *pattern == 'g')
        pattern++;
    if (sscanf(pattern, "%18" SCNd64 "%n", &id, &length) != 1 || pattern[length])
        return;
    uint32_t go = timeline_go_of(s->tl, id);
    if (go == TIMELINE_NONE)
        return;
    struct timeline_goroutine g = timeline_goroutine(s->tl, go);
    char text[32];
    snprintf(text, sizeof text, "G%" PRId64, id);
    add(s,
        (struct timeline_hit){
            .goroutine = go, .count = 1, .start_ns = g.first_ns, .end_ns = g.last_ns},
        text);
}

bool timeline_search(const struct timeline *tl, const struct timeline_tracks *tracks,
                     const char *pattern, uint32_t max, struct timeline_hits *out, struct err *err)
{
    struct searching s = {.tl = tl, .tracks = tracks, .out = out, .max = max};
    struct regex *re = regex_new(pattern, err);
    *out = (struct timeline_hits){0};
    if (!re)
        return false;
    s.failed = !timeline_texts_init(&out->texts);
    if (!s.failed) {
        add_functions(&s, re);
        add_number(&s, pattern);
    }
    regex_free(re);
    if (!s.failed)
        return true;
    timeline_hits_release(out);
    *out = (struct timeline_hits){0};
    return err_nomem(err);
}

void timeline_hits_release(struct timeline_hits *hits)
{
    vec_release(&hits->hits);
    timeline_texts_release(&hits->texts);
}
