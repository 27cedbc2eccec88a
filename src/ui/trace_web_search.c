/* Places to jump to. */
#include "ui/trace_web_parts.h"
#include "ui/trace_web_site.h"

#define HITS_MAX 1000

static void write_hit(const struct trace_web_ask *ask, struct json *j,
                      const struct timeline_hits *hits, const struct timeline_hit *hit)
{
    AUTO_BUF note = {0};
    const int64_t id = trace_web_id(ask, hit->goroutine);
    if (!hit->is_function)
        buf_printf(&note, "G%lld", (long long)id);
    else if (hit->count == 1)
        buf_printf(&note, "1 goroutine, G%lld", (long long)id);
    else
        buf_printf(&note, "%u goroutines, the first is G%lld", hit->count, (long long)id);
    json_open(j, '{');
    json_member(j, "kind", hit->is_function ? STR("function") : STR("goroutine"));
    json_member(j, "text", trace_web_text(&hits->texts, hit->text));
    trace_web_member(j, "note", &note);
    json_member_int(j, "count", hit->count);
    json_member_int(j, "start", hit->start_ns);
    json_member_int(j, "length", hit->end_ns - hit->start_ns);
    json_member_int(j, "g", id);
    json_member_int(j, "task", 0);
    json_member_int(j, "track", hit->track == UINT32_MAX ? -1 : (int64_t)hit->track);
    json_close(j, '}');
}

bool trace_web_search(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    struct timeline_hits hits;
    const char *pattern = trace_query_text(&ask->query, "q");
    if (!pattern)
        return err_set(err, ERR_USAGE, "the parameter q is needed");
    struct trace_web_list *list =
        trace_web_lists_get(ask->site->lists, ask->timeline, &ask->query, err);
    if (!list)
        return false;
    uint32_t max = ask->query.n_rows < HITS_MAX ? ask->query.n_rows : HITS_MAX;
    bool ok = timeline_search(ask->timeline, trace_web_list_tracks(list), pattern, max, &hits, err);
    if (ok) {
        json_key(j, "hits");
        json_open(j, '[');
        for (size_t i = 0; i < hits.hits.n; i++)
            write_hit(ask, j, &hits, &hits.hits.items[i]);
        json_close(j, ']');
        json_member_int(j, "more", (int64_t)hits.more);
        timeline_hits_release(&hits);
    }
    trace_web_lists_put(ask->site->lists, list);
    return ok;
}
