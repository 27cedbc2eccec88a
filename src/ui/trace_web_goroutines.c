/* Goroutines: groups by start function, and the goroutines of one. */
#include "ui/trace_web_sums.h"

#include <string.h>

static void put_start_place(const struct trace_web_ask *ask, int64_t id, struct buf *place)
{
    uint32_t number = timeline_find_goroutine(ask->timeline, id);
    buf_clear(place);
    if (number != TIMELINE_NONE)
        trace_web_place(ask->trace, timeline_goroutine(ask->timeline, number).start_frame, place);
}

/* An id of each group, to look its start function's place up; by name. */
static bool first_ids(const struct trace_web_ask *ask, struct map *ids, struct err *err)
{
    const struct analysis_ledger *l = &ask->model->ledger;
    for (size_t i = 0; i < l->goroutines.n; i++) {
        const struct analysis_ledger_goroutine *g = &l->goroutines.items[i];
        if (map_get_or_put(ids, g->name, (uint32_t)i) == MAP_NONE)
            return err_nomem(err);
    }
    return true;
}

static void write_groups(const struct trace_web_ask *ask, struct json *j, const struct map *ids,
                         struct trace_web_sum *total)
{
    const struct analysis_facts *f = ask->model->facts;
    AUTO_BUF place = {0};
    json_key(j, "groups");
    json_open(j, '[');
    for (size_t i = 0; i < f->waits.groups.n; i++) {
        const struct analysis_go_group *g = &f->waits.groups.items[i];
        uint32_t row = map_get(ids, g->name);
        if (!g->count)
            continue;
        trace_web_sum_add(total, f, &g->exec);
        buf_clear(&place);
        if (row != MAP_NONE)
            put_start_place(ask, ask->model->ledger.goroutines.items[row].id, &place);
        json_open(j, '{');
        trace_web_string(j, "name", ask->trace, g->name);
        trace_web_member(j, "place", &place);
        json_member_int(j, "count", (int64_t)g->count);
        trace_web_times(j, "times", ask->trace, &f->goroutines.parts, &g->exec);
        json_close(j, '}');
    }
    json_close(j, ']');
}

bool trace_web_goroutines(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    struct map ids = {0};
    struct trace_web_sum total = {0};
    bool ok = first_ids(ask, &ids, err);
    if (ok) {
        write_groups(ask, j, &ids, &total);
        trace_web_times(j, "total", ask->trace, &total.parts, &total.exec);
        ok = !total.parts.failed || err_nomem(err);
    }
    analysis_parts_release(&total.parts);
    map_release(&ids);
    return ok;
}

/* --- one group --- */

static bool is_wanted(const struct trace_web_ask *ask, const struct analysis_ledger_goroutine *g)
{
    const struct trace_query *q = &ask->query;
    for (size_t i = 0; i < q->n_goids; i++)
        if (q->goids[i] == g->id)
            return true;
    return !q->n_goids && !strcmp(trace_string(ask->trace, g->name, NULL), q->name ? q->name : "");
}

static bool key_of(const struct trace_web_ask *ask, const struct analysis_ledger_goroutine *g,
                   const char *sort, int64_t *key)
{
    if (!strcmp(sort, "id"))
        *key = g->id;
    else if (!strcmp(sort, "start"))
        *key = g->created_ns;
    else
        return trace_web_column(ask->model->facts, &g->exec, sort, key);
    return true;
}

static void write_goroutine(const struct trace_web_ask *ask, struct json *j,
                            const struct analysis_ledger_goroutine *g)
{
    const struct analysis_facts *f = ask->model->facts;
    uint32_t number = timeline_find_goroutine(ask->timeline, g->id);
    struct timeline_goroutine t = {.parent = TIMELINE_NONE};
    if (number != TIMELINE_NONE)
        t = timeline_goroutine(ask->timeline, number);
    json_open(j, '{');
    json_member_int(j, "id", g->id);
    json_member_int(j, "parent", trace_web_id(ask, t.parent));
    json_member_int(j, "start",
                    number == TIMELINE_NONE ? trace_web_since(f, g->created_ns) : t.begin_ns);
    json_member_int(j, "end", trace_web_since(f, g->end_ns));
    trace_web_times(j, "times", ask->trace, &f->goroutines.parts, &g->exec);
    trace_web_stack(ask, j, "created", ask->query.n_goids ? t.create_stack : 0);
    json_close(j, '}');
}

/* Of all that are wanted: times, and how many they are. */
static bool choose(const struct trace_web_ask *ask, struct trace_web_rows *rows,
                   struct trace_web_sum *sum, struct err *err)
{
    const struct analysis_ledger *l = &ask->model->ledger;
    const char *sort = ask->query.sort ? ask->query.sort : "total";
    for (size_t i = 0; i < l->goroutines.n; i++) {
        const struct analysis_ledger_goroutine *g = &l->goroutines.items[i];
        int64_t key;
        if (!is_wanted(ask, g))
            continue;
        if (!key_of(ask, g, sort, &key))
            return err_set(err, ERR_USAGE, "there is no column '%.32s' to sort by", sort);
        trace_web_sum_add(sum, ask->model->facts, &g->exec);
        if (!vec_push(&rows->rows, (struct trace_web_row){key, (uint32_t)i}))
            return err_nomem(err);
    }
    return !sum->parts.failed || err_nomem(err);
}

static void write_table(const struct trace_web_ask *ask, struct json *j,
                        struct trace_web_rows *rows, const struct trace_web_sum *sum)
{
    const struct analysis_ledger *l = &ask->model->ledger;
    const char *sort = ask->query.sort ? ask->query.sort : "total";
    size_t begin, end, n = rows->rows.n;
    AUTO_BUF place = {0};
    trace_web_rows_cut(rows, &ask->query, !strcmp(sort, "id") || !strcmp(sort, "start"), &begin,
                       &end);
    const struct trace_web_row *r = rows->rows.items;
    const struct analysis_ledger_goroutine *first = n ? &l->goroutines.items[r[0].row] : NULL;
    int64_t running = 0;
    for (size_t i = 0; i < ask->model->facts->waits.groups.n; i++)
        running += ask->model->facts->waits.groups.items[i].exec.exec_ns;
    if (first)
        put_start_place(ask, first->id, &place);
    trace_web_string(j, "name", ask->trace, first ? first->name : 0);
    trace_web_member(j, "place", &place);
    json_member_int(j, "count", (int64_t)n);
    trace_web_times(j, "times", ask->trace, &sum->parts, &sum->exec);
    json_member_double(j, "share", running ? (double)sum->exec.exec_ns / (double)running : 0);
    json_key(j, "rows");
    json_open(j, '[');
    for (size_t i = begin; i < end; i++)
        write_goroutine(ask, j, &l->goroutines.items[r[i].row]);
    json_close(j, ']');
    json_member_int(j, "more", (int64_t)(n - end));
}

bool trace_web_goroutine(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    struct trace_web_rows rows = {0};
    struct trace_web_sum sum = {0};
    bool ok = choose(ask, &rows, &sum, err);
    if (ok)
        write_table(ask, j, &rows, &sum);
    vec_release(&rows.rows);
    analysis_parts_release(&sum.parts);
    return ok;
}
