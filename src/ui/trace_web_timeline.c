/* Answers that the timeline is drawn from: tracks, tiles of them, what stands above them all,
 * and arrows. */
#include "ui/trace_web_parts.h"
#include "ui/trace_web_site.h"

#include <string.h>

#define CELLS_MAX 16384 /* of an answer */
#define TRACKS_MAX 1000 /* of a tile */
#define ARROWS 2000     /* where max is not given */
#define ARROWS_MAX 20000

static const char *const view_names[] = {
    [TIMELINE_VIEW_PROC] = "proc",
    [TIMELINE_VIEW_THREAD] = "thread",
    [TIMELINE_VIEW_GOROUTINE] = "goroutine",
    [TIMELINE_VIEW_TASK] = "task",
};

/* --- tracks --- */

static void write_kinds(struct json *j, const struct timeline_tracks *t)
{
    uint32_t same = 1;
    while (same < t->n && t->tracks[same].kind == t->tracks[0].kind)
        same++;
    json_key(j, "kind");
    if (same >= t->n) {
        json_string(j, str_of(view_names[t->n ? t->tracks[0].kind : t->view]));
        return;
    }
    json_open(j, '[');
    for (uint32_t i = 0; i < t->n; i++)
        json_string(j, str_of(view_names[t->tracks[i].kind]));
    json_close(j, ']');
}

bool trace_web_tracks(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    struct trace_web_list *list =
        trace_web_lists_get(ask->site->lists, ask->timeline, &ask->query, err);
    if (!list)
        return false;
    const struct timeline_tracks *t = trace_web_list_tracks(list);
    json_member(j, "view", str_of(view_names[t->view]));
    trace_web_texts(j, &t->texts);
    TRACE_WEB_COLUMN(j, "id", t->n, t->tracks[i].id);
    write_kinds(j, t);
    TRACE_WEB_COLUMN(j, "name", t->n, t->tracks[i].name);
    TRACE_WEB_COLUMN(j, "lanes", t->n, t->tracks[i].lanes);
    TRACE_WEB_COLUMN(j, "first", t->n, t->tracks[i].first_ns);
    TRACE_WEB_COLUMN(j, "last", t->n, t->tracks[i].last_ns);
    json_member_int(j, "more", t->more);
    trace_web_lists_put(ask->site->lists, list);
    return true;
}

/* --- cells --- */

struct cells {
    int64_t start_ns, end_ns, step_ns;
};

/* start, end and step of the query. */
static bool read_cells(const struct trace_web_ask *ask, struct cells *cells, struct err *err)
{
    int64_t step = 0;
    if (!trace_query_int(&ask->query, "step", 1, INT64_C(1) << 60, &step, err))
        return false;
    *cells = (struct cells){ask->query.start_ns, ask->query.end_ns, step};
    if (!step || !trace_query_text(&ask->query, "start") || !trace_query_text(&ask->query, "end"))
        return err_set(err, ERR_USAGE, "the parameters start, end and step are needed");
    if (step & (step - 1))
        return err_set(err, ERR_USAGE, "the parameter step is a power of two");
    if (cells->start_ns % step || cells->end_ns % step)
        return err_set(err, ERR_USAGE, "the parameters start and end are multiples of step");
    if ((cells->end_ns - cells->start_ns) / step > CELLS_MAX)
        return err_set(err, ERR_USAGE, "more than %d steps from start to end", CELLS_MAX);
    return true;
}

static void write_cells(struct json *j, const struct cells *cells)
{
    json_member_int(j, "start", cells->start_ns);
    json_member_int(j, "end", cells->end_ns);
    json_member_int(j, "step", cells->step_ns);
}

/* --- lanes --- */

static void write_marks(const struct trace_web_ask *ask, struct json *j,
                        const struct timeline_lane *lane, int64_t start_ns)
{
    const struct timeline_mark *m = lane->marks.items;
    size_t n = lane->marks.n;
    bool joined = false;
    if (!n)
        return;
    for (size_t i = 0; i < n; i++)
        joined |= m[i].count > 1;
    json_key(j, "marks");
    json_open(j, '{');
    TRACE_WEB_COLUMN(j, "at", n, m[i].at_ns - start_ns);
    TRACE_WEB_COLUMN(j, "kind", n, m[i].kind);
    TRACE_WEB_COLUMN(j, "name", n, m[i].name);
    TRACE_WEB_COLUMN(j, "g", n, trace_web_id(ask, m[i].goroutine));
    if (joined)
        TRACE_WEB_COLUMN(j, "count", n, m[i].count);
    json_close(j, '}');
}

static int64_t share_of(const struct timeline_box *box)
{
    int64_t length = box->end_ns - box->start_ns;
    return length > 0 ? (int64_t)((double)box->busy_ns * 255 / (double)length + 0.5) : 0;
}

static void write_lane(const struct trace_web_ask *ask, struct json *j,
                       const struct timeline_lane *lane, int64_t start_ns, bool with_goroutines)
{
    const struct timeline_box *b = lane->boxes.items;
    size_t n = lane->boxes.n;
    bool joined = false;
    json_open(j, '{');
    TRACE_WEB_COLUMN(j, "gap", n, b[i].start_ns - (i ? b[i - 1].end_ns : start_ns));
    TRACE_WEB_COLUMN(j, "length", n, b[i].end_ns - b[i].start_ns);
    TRACE_WEB_COLUMN(j, "kind", n, b[i].kind);
    TRACE_WEB_COLUMN(j, "name", n, b[i].name);
    if (with_goroutines)
        TRACE_WEB_COLUMN(j, "g", n, trace_web_id(ask, b[i].goroutine));
    for (size_t i = 0; i < n; i++)
        joined |= b[i].joined > 1;
    if (joined) {
        json_key(j, "joined");
        json_open(j, '[');
        for (size_t i = 0; i < n; i++) {
            if (b[i].joined < 2)
                continue;
            json_open(j, '[');
            json_int(j, (int64_t)i);
            json_int(j, b[i].joined);
            json_int(j, share_of(&b[i]));
            json_close(j, ']');
        }
        json_close(j, ']');
    }
    write_marks(ask, j, lane, start_ns);
    json_close(j, '}');
}

static void write_tile(const struct trace_web_ask *ask, struct json *j, const struct cells *cells,
                       const struct timeline_tracks *t, const struct timeline_tile *tile,
                       uint32_t first)
{
    write_cells(j, cells);
    json_member_int(j, "first", first);
    trace_web_texts(j, &tile->texts);
    json_key(j, "tracks");
    json_open(j, '[');
    for (uint32_t i = 0; i < tile->n_tracks; i++) {
        uint32_t n = tile->tracks[i].n_lanes;
        const struct timeline_lane *lanes = tile->tracks[i].lanes;
        bool is_goroutine = t->tracks[first + i].kind == TIMELINE_VIEW_GOROUTINE;
        while (n && !lanes[n - 1].boxes.n && !lanes[n - 1].marks.n)
            n--;
        json_open(j, '[');
        for (uint32_t k = 0; k < n; k++)
            write_lane(ask, j, &lanes[k], cells->start_ns, !is_goroutine);
        json_close(j, ']');
    }
    json_close(j, ']');
}

bool trace_web_tile(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    int64_t first = 0;
    struct cells cells;
    struct timeline_tile tile;
    if (!read_cells(ask, &cells, err) ||
        !trace_query_int(&ask->query, "first", 0, UINT32_MAX, &first, err))
        return false;
    struct trace_web_list *list =
        trace_web_lists_get(ask->site->lists, ask->timeline, &ask->query, err);
    if (!list)
        return false;
    const struct timeline_tracks *t = trace_web_list_tracks(list);
    uint32_t from = first < t->n ? (uint32_t)first : t->n, n = t->n - from;
    if (n > ask->query.n_rows)
        n = ask->query.n_rows;
    if (n > TRACKS_MAX)
        n = TRACKS_MAX;
    bool ok = timeline_tile(ask->timeline, t, from, n, cells.start_ns, cells.end_ns, cells.step_ns,
                            &tile, err);
    if (ok) {
        write_tile(ask, j, &cells, t, &tile, from);
        timeline_tile_release(&tile);
    }
    trace_web_lists_put(ask->site->lists, list);
    return ok;
}

/* --- globals --- */

static void write_series(struct json *j, const char *key, const int64_t *values, uint32_t n)
{
    while (n > 1 && values[n - 1] == values[n - 2])
        n--; /* the last one lasts */
    TRACE_WEB_COLUMN(j, key, n, values[i]);
}

bool trace_web_globals(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    static const char *const names[] = {
        [TIMELINE_HEAP] = "heap",         [TIMELINE_GOAL] = "goal",
        [TIMELINE_N_RUNNING] = "running", [TIMELINE_N_RUNNABLE] = "runnable",
        [TIMELINE_N_SYSCALL] = "syscall", [TIMELINE_N_WAITING] = "waiting",
        [TIMELINE_N_PROCS] = "procs",
    };
    struct cells cells;
    struct timeline_globals g;
    if (!read_cells(ask, &cells, err) ||
        !timeline_globals(ask->timeline, cells.start_ns, cells.end_ns, cells.step_ns, &g, err))
        return false;
    write_cells(j, &cells);
    trace_web_texts(j, &g.texts);
    json_key(j, "gc");
    write_lane(ask, j, &g.gc, cells.start_ns, true);
    json_key(j, "stw");
    write_lane(ask, j, &g.stw, cells.start_ns, true);
    json_key(j, "series");
    json_open(j, '[');
    for (int i = 0; i < TIMELINE_N_SERIES; i++) {
        const int64_t *most = g.series[i].most, *least = g.series[i].least;
        json_open(j, '{');
        json_member(j, "name", str_of(names[i]));
        write_series(j, "most", most, g.n_cells);
        if (g.n_cells && memcmp(most, least, g.n_cells * sizeof *most) != 0)
            write_series(j, "least", least, g.n_cells);
        json_member_int(j, "max", g.series[i].max);
        json_close(j, '}');
    }
    json_close(j, ']');
    timeline_globals_release(&g);
    return true;
}

/* --- arrows --- */

static int64_t track_or_none(uint32_t track)
{
    return track == UINT32_MAX ? -1 : (int64_t)track;
}

/* The goroutine that KEY names; *goroutine is TIMELINE_NONE if it is not given. */
static bool read_goroutine(const struct trace_web_ask *ask, const char *key, uint32_t *goroutine,
                           struct err *err)
{
    int64_t id = -1;
    *goroutine = TIMELINE_NONE;
    if (!trace_query_int(&ask->query, key, 0, INT64_MAX, &id, err))
        return false;
    if (id < 0)
        return true;
    *goroutine = timeline_find_goroutine(ask->timeline, id);
    return *goroutine != TIMELINE_NONE ||
           err_set(err, ERR_INPUT, "there is no goroutine %lld in the trace", (long long)id);
}

static void write_arrows(const struct trace_web_ask *ask, struct json *j,
                         const struct timeline_arrows *arrows)
{
    const struct timeline_arrow *a = arrows->arrows.items;
    size_t n = arrows->arrows.n;
    json_member_int(j, "more", (int64_t)arrows->more);
    trace_web_texts(j, &arrows->texts);
    TRACE_WEB_COLUMN(j, "kind", n, a[i].created);
    TRACE_WEB_COLUMN(j, "from", n, track_or_none(a[i].from));
    TRACE_WEB_COLUMN(j, "from_time", n, a[i].from_ns);
    TRACE_WEB_COLUMN(j, "from_g", n, trace_web_id(ask, a[i].from_goroutine));
    TRACE_WEB_COLUMN(j, "to", n, track_or_none(a[i].to));
    TRACE_WEB_COLUMN(j, "to_time", n, a[i].to_ns);
    TRACE_WEB_COLUMN(j, "to_g", n, trace_web_id(ask, a[i].to_goroutine));
    TRACE_WEB_COLUMN(j, "reason", n, a[i].reason);
}

bool trace_web_arrows(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    uint32_t of;
    int64_t max = ARROWS;
    struct timeline_arrows arrows;
    if (!read_goroutine(ask, "of", &of, err) ||
        !trace_query_int(&ask->query, "max", 0, ARROWS_MAX, &max, err))
        return false;
    struct trace_web_list *list =
        trace_web_lists_get(ask->site->lists, ask->timeline, &ask->query, err);
    if (!list)
        return false;
    bool ok = timeline_arrows(ask->timeline, trace_web_list_tracks(list), ask->query.start_ns,
                              ask->query.end_ns, (uint32_t)max, of, &arrows, err);
    if (ok) {
        write_arrows(ask, j, &arrows);
        timeline_arrows_release(&arrows);
    }
    trace_web_lists_put(ask->site->lists, list);
    return ok;
}
