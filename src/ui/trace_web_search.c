/* Places to jump to: goroutines and their functions, tasks, regions, logs. */
#include "ui/trace_web_regions.h"
#include "ui/trace_web_sums.h"

#include "base/regex.h"

#include <string.h>

#define HITS_MAX 1000

/* One hit, whatever it is. */
struct hit {
    const char *kind;
    struct str text;
    uint64_t count, task;
    int64_t start_ns, length_ns, g, track;
};

struct hits {
    struct json *j;
    size_t n, max;
    uint64_t more;
};

static void write_hit(struct hits *hits, const struct hit *hit, const struct buf *note)
{
    struct json *j = hits->j;
    if (hits->n == hits->max) {
        hits->more++;
        return;
    }
    hits->n++;
    json_open(j, '{');
    json_member(j, "kind", str_of(hit->kind));
    json_member(j, "text", hit->text);
    trace_web_member(j, "note", note);
    json_member_int(j, "count", (int64_t)hit->count);
    json_member_int(j, "start", hit->start_ns);
    json_member_int(j, "length", hit->length_ns);
    json_member_int(j, "g", hit->g);
    json_member_int(j, "task", (int64_t)hit->task);
    json_member_int(j, "track", hit->track);
    json_close(j, '}');
}

/* --- goroutines, functions --- */

static void write_known(const struct trace_web_ask *ask, struct hits *out,
                        const struct timeline_hits *found)
{
    for (size_t i = 0; i < found->hits.n; i++) {
        AUTO_BUF note = {0};
        const struct timeline_hit *h = &found->hits.items[i];
        const int64_t id = trace_web_id(ask, h->goroutine);
        const struct hit hit = {.kind = h->is_function ? "function" : "goroutine",
                                .text = trace_web_text(&found->texts, h->text),
                                .count = h->count,
                                .start_ns = h->start_ns,
                                .length_ns = h->end_ns - h->start_ns,
                                .g = id,
                                .track = h->track == UINT32_MAX ? -1 : (int64_t)h->track};
        if (!h->is_function)
            buf_printf(&note, "G%lld", (long long)id);
        else if (h->count == 1)
            buf_printf(&note, "1 goroutine, G%lld", (long long)id);
        else
            buf_printf(&note, "%u goroutines, the first is G%lld", h->count, (long long)id);
        write_hit(out, &hit, &note);
    }
    out->more += found->more;
}

/* --- what the program marks --- */

struct search {
    const struct trace_web_ask *ask;
    const struct timeline_tracks *tracks;
    const struct regex *regex;
    struct map matches; /* strings that were looked at: 1, 0 */
};

static bool matches(struct search *s, uint32_t string)
{
    uint32_t known = map_get(&s->matches, string);
    if (known == MAP_NONE) {
        struct str text;
        text.p = trace_string(s->ask->trace, string, &text.len);
        known = regex_match(s->regex, text);
        map_put(&s->matches, string, known); /* without memory: looked at again */
    }
    return known;
}

static struct hit make_hit(const struct search *s, const char *kind, uint32_t string, int64_t g,
                           uint64_t task, int64_t start_ns, int64_t length_ns)
{
    struct hit hit = {.kind = kind,
                      .count = 1,
                      .task = task == TRACE_NO_TASK ? 0 : task,
                      .start_ns = start_ns,
                      .length_ns = length_ns,
                      .g = g,
                      .track = -1};
    const uint32_t number = timeline_find_goroutine(s->ask->timeline, g);
    const uint32_t track = number == TIMELINE_NONE
                               ? UINT32_MAX
                               : timeline_track_of(s->ask->timeline, s->tracks, number, start_ns);
    if (track != UINT32_MAX)
        hit.track = track;
    hit.text.p = trace_string(s->ask->trace, string, &hit.text.len);
    return hit;
}

static void search_tasks(struct search *s, struct hits *out)
{
    const struct analysis_facts *f = s->ask->model->facts;
    for (size_t i = 0; i < f->user.tasks.n; i++) {
        AUTO_BUF note = {0};
        const struct analysis_task_row *t = &f->user.tasks.items[i];
        const struct timeline_task *known = timeline_task_of(s->ask->timeline, t->id);
        const int64_t start = t->start_ns == ANALYSIS_NEVER ? f->first_ns : t->start_ns;
        const int64_t end = t->end_ns == ANALYSIS_NEVER ? f->last_ns : t->end_ns;
        if (!t->name || !matches(s, t->name))
            continue;
        const struct hit hit =
            make_hit(s, "task", t->name, known ? trace_web_id(s->ask, known->goroutine) : -1, t->id,
                     start - f->first_ns, end - start);
        buf_printf(&note, "task %llu", (unsigned long long)t->id);
        write_hit(out, &hit, &note);
    }
}

/* The first region of each kind, by the kind's place: its place + 1; 0: there is none.  NULL: no
 * memory. */
static const uint32_t *first_regions(const struct search *s)
{
    const struct analysis_ledger *l = &s->ask->model->ledger;
    const struct analysis_user *user = &s->ask->model->facts->user;
    uint32_t *first = arena_calloc(s->ask->arena, user->region_kinds.n + 1, sizeof *first);
    for (size_t i = 0; first && i < l->regions.n; i++) {
        const struct analysis_ledger_region *r = &l->regions.items[i];
        uint32_t kind = map_get(&user->region_kind_index, (uint64_t)r->name << 32 | r->frame);
        if (kind != MAP_NONE &&
            (!first[kind] || r->start_ns < l->regions.items[first[kind] - 1].start_ns))
            first[kind] = (uint32_t)i + 1;
    }
    return first;
}

/* Regions of one name are one hit: the first of them.  False: no memory. */
static bool search_regions(struct search *s, struct hits *out)
{
    const struct analysis_ledger *l = &s->ask->model->ledger;
    const struct analysis_facts *f = s->ask->model->facts;
    const uint32_t *first_of = first_regions(s);
    for (size_t k = 0; first_of && k < f->user.region_kinds.n; k++) {
        AUTO_BUF note = {0};
        const struct analysis_kind *kind = &f->user.region_kinds.items[k];
        if (!first_of[k] || !kind->name || !matches(s, kind->name))
            continue;
        const struct analysis_ledger_region *first = &l->regions.items[first_of[k] - 1];
        struct hit hit =
            make_hit(s, "region", kind->name, first->g, first->task,
                     first->start_ns == ANALYSIS_NEVER ? 0 : first->start_ns - f->first_ns,
                     trace_web_region_length(f, first));
        hit.count = kind->count;
        buf_printf(&note, "%llu, the first in G%lld", (unsigned long long)kind->count,
                   (long long)first->g);
        write_hit(out, &hit, &note);
    }
    return first_of != NULL;
}

static void search_logs(struct search *s, struct hits *out)
{
    const struct analysis_ledger *l = &s->ask->model->ledger;
    for (size_t i = 0; i < l->logs.n; i++) {
        AUTO_BUF note = {0};
        const struct analysis_ledger_log *log = &l->logs.items[i];
        if (!matches(s, log->message) && !matches(s, log->category))
            continue;
        if (out->n == out->max) { /* only how many they are */
            out->more++;
            continue;
        }
        const struct hit hit = make_hit(s, "log", log->message, log->g, log->task,
                                        log->time_ns - s->ask->model->facts->first_ns, 0);
        buf_puts(&note, trace_string(s->ask->trace, log->category, NULL));
        write_hit(out, &hit, &note);
    }
}

static bool search_all(struct search *s, struct hits *out, const char *pattern, struct err *err)
{
    struct timeline_hits found;
    if (!timeline_search(s->ask->timeline, s->tracks, pattern, (uint32_t)out->max, &found, err))
        return false;
    json_key(out->j, "hits");
    json_open(out->j, '[');
    write_known(s->ask, out, &found);
    timeline_hits_release(&found);
    search_tasks(s, out);
    if (!search_regions(s, out))
        return err_nomem(err);
    search_logs(s, out);
    json_close(out->j, ']');
    json_member_int(out->j, "more", (int64_t)out->more);
    return true;
}

bool trace_web_search(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    const char *pattern = trace_query_text(&ask->query, "q");
    struct search s = {.ask = ask};
    struct hits out = {.j = j, .max = ask->query.n_rows};
    if (out.max > HITS_MAX)
        out.max = HITS_MAX;
    if (!pattern)
        return err_set(err, ERR_USAGE, "the parameter q is needed");
    struct trace_web_list *list =
        trace_web_lists_get(ask->site->lists, ask->timeline, &ask->query, err);
    struct regex *regex = list ? regex_new(pattern, err) : NULL;
    bool ok = regex != NULL;
    if (ok) {
        s.tracks = trace_web_list_tracks(list);
        s.regex = regex;
        ok = search_all(&s, &out, pattern, err);
    }
    map_release(&s.matches);
    regex_free(regex);
    if (list)
        trace_web_lists_put(ask->site->lists, list);
    return ok;
}
