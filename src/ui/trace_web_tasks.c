/* User tasks: types, the tasks of one, and one with what it is made of. */
#include "ui/trace_web_regions.h"
#include "ui/trace_web_tree.h"

#include <string.h>

#define EVENTS_MAX 2000 /* of one task */
#define TREE_MAX 1000   /* tasks below one */

/* --- what is looked up --- */

static int64_t parent_of(const struct analysis_ledger_task *t)
{
    return t->parent == TRACE_NO_TASK ? 0 : (int64_t)t->parent;
}

static int64_t length_of(const struct analysis_facts *f, const struct analysis_ledger_task *t)
{
    int64_t start = t->start_ns == ANALYSIS_NEVER ? f->first_ns : t->start_ns;
    int64_t end = t->end_ns == ANALYSIS_NEVER ? f->last_ns : t->end_ns;
    return end - start;
}

/* How much of the task's time collections were active. */
static int64_t gc_of(const struct trace_web_ask *ask, const struct analysis_ledger_task *t)
{
    uint32_t n;
    const struct timeline_span *cycles = timeline_cycles(ask->timeline, &n);
    const struct analysis_facts *f = ask->model->facts;
    int64_t start = t->start_ns == ANALYSIS_NEVER ? 0 : t->start_ns - f->first_ns;
    int64_t end = start + length_of(f, t), sum = 0;
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (cycles[middle].end_ns >= 0 && cycles[middle].end_ns <= start)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < n && cycles[low].start_ns < end; low++) {
        int64_t from = cycles[low].start_ns > start ? cycles[low].start_ns : start;
        int64_t to = cycles[low].end_ns < 0 || cycles[low].end_ns > end ? end : cycles[low].end_ns;
        sum += to > from ? to - from : 0;
    }
    return sum;
}

/* Numbers of a task's goroutines, regions and subtasks. */
struct counts {
    uint32_t goroutines, regions, subtasks;
};

/* Of those tasks that are marked in `index` (id: place in counts). */
static bool count_all(const struct trace_web_ask *ask, const struct map *index,
                      struct counts *counts, struct err *err)
{
    const struct analysis_ledger *l = &ask->model->ledger;
    struct map seen = {0}; /* a hash of task and goroutine: a task that has so many is told so */
    bool ok = true;
    for (size_t i = 0; ok && i < l->regions.n; i++) {
        const struct analysis_ledger_region *r = &l->regions.items[i];
        uint32_t at = map_get(index, r->task);
        if (at == MAP_NONE)
            continue;
        uint64_t key = hash_u64(r->task * 0x9e3779b97f4a7c15u ^ (uint64_t)r->g);
        counts[at].regions++;
        if (map_get(&seen, key) != MAP_NONE)
            continue;
        ok = map_put(&seen, key, 0);
        counts[at].goroutines++;
    }
    for (size_t i = 0; ok && i < l->tasks.n; i++) {
        uint32_t at = map_get(index, l->tasks.items[i].parent);
        if (at != MAP_NONE)
            counts[at].subtasks++;
    }
    map_release(&seen);
    return ok || err_nomem(err);
}

static void write_row(const struct trace_web_ask *ask, struct json *j,
                      const struct analysis_ledger_task *t, const struct counts *c)
{
    const struct analysis_facts *f = ask->model->facts;
    json_member_int(j, "id", (int64_t)t->id);
    trace_web_string(j, "name", ask->trace, t->name);
    json_member_int(j, "parent", parent_of(t));
    json_member_int(j, "start", trace_web_since(f, t->start_ns));
    json_member_int(j, "end", trace_web_since(f, t->end_ns));
    json_member_int(j, "goroutines", c->goroutines);
    json_member_int(j, "regions", c->regions);
    json_member_int(j, "subtasks", c->subtasks);
    json_member_int(j, "logs", t->n_logs);
    json_member_int(j, "gc", gc_of(ask, t));
    trace_web_times(j, "times", ask->trace, &f->goroutines.parts, &t->exec);
}

/* Rows of the ledger's tasks, in this order, with their counts. */
static bool write_rows(const struct trace_web_ask *ask, struct json *j, const char *key,
                       const struct trace_web_row *rows, size_t n, struct err *err)
{
    struct map index = {0};
    const struct analysis_ledger_task *all = ask->model->ledger.tasks.items;
    struct counts *counts = arena_calloc(ask->arena, n + 1, sizeof *counts);
    bool ok = counts != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = map_put(&index, all[rows[i].row].id, (uint32_t)i);
    ok = ok ? count_all(ask, &index, counts, err) : err_nomem(err);
    map_release(&index);
    if (!ok)
        return false;
    json_key(j, key);
    json_open(j, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(j, '{');
        write_row(ask, j, &all[rows[i].row], &counts[i]);
        json_close(j, '}');
    }
    json_close(j, ']');
    return true;
}

/* --- types --- */

bool trace_web_usertasks(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    const struct analysis_facts *f = ask->model->facts;
    (void)err;
    json_key(j, "types");
    json_open(j, '[');
    for (size_t i = 0; i < f->user.task_kinds.n; i++) {
        const struct analysis_kind *kind = &f->user.task_kinds.items[i];
        json_open(j, '{');
        trace_web_string(j, "name", ask->trace, kind->name);
        json_member_int(j, "count", (int64_t)kind->count);
        json_member_int(j, "complete", (int64_t)(kind->count - kind->n_unfinished));
        trace_web_spread(j, "spread", &kind->lengths);
        trace_web_histogram(j, "histogram", &kind->lengths);
        json_close(j, '}');
    }
    json_close(j, ']');
    return true;
}

/* --- the tasks of one type --- */

struct filter {
    const char *name, *log_text;
    int64_t complete; /* -1: whether or not */
    int64_t least_ns, most_ns;
    struct map with_text; /* ids of tasks with a log that has the text */
};

static bool read_filter(const struct trace_web_ask *ask, struct filter *filter, struct err *err)
{
    const struct trace_query *q = &ask->query;
    const struct analysis_ledger *l = &ask->model->ledger;
    *filter = (struct filter){.name = trace_query_text(q, "type"),
                              .log_text = trace_query_text(q, "logtext"),
                              .complete = -1,
                              .most_ns = INT64_MAX};
    if (!trace_query_int(q, "complete", 0, 1, &filter->complete, err) ||
        !trace_query_duration(q, "latmin", &filter->least_ns, err) ||
        !trace_query_duration(q, "latmax", &filter->most_ns, err))
        return false;
    for (size_t i = 0; filter->log_text && i < l->logs.n; i++)
        if (strstr(trace_string(ask->trace, l->logs.items[i].message, NULL), filter->log_text) &&
            !map_put(&filter->with_text, l->logs.items[i].task, 0))
            return err_nomem(err);
    return true;
}

static bool matches(const struct trace_web_ask *ask, const struct filter *filter,
                    const struct analysis_ledger_task *t)
{
    bool complete = t->start_ns != ANALYSIS_NEVER && t->end_ns != ANALYSIS_NEVER;
    int64_t ns = length_of(ask->model->facts, t);
    return (!filter->name || !strcmp(trace_string(ask->trace, t->name, NULL), filter->name)) &&
           (filter->complete < 0 || filter->complete == complete) && ns >= filter->least_ns &&
           ns <= filter->most_ns &&
           (!filter->log_text || map_get(&filter->with_text, t->id) != MAP_NONE);
}

static bool choose(const struct trace_web_ask *ask, const struct filter *filter, const char *sort,
                   struct trace_web_rows *rows, struct err *err)
{
    const struct analysis_ledger *l = &ask->model->ledger;
    bool by_id = !strcmp(sort, "id"), by_start = !strcmp(sort, "start");
    if (!by_id && !by_start && strcmp(sort, "length") != 0)
        return err_set(err, ERR_USAGE, "tasks are sorted by start, length or id");
    for (size_t i = 0; i < l->tasks.n; i++) {
        const struct analysis_ledger_task *t = &l->tasks.items[i];
        int64_t key = by_id      ? (int64_t)t->id
                      : by_start ? t->start_ns
                                 : length_of(ask->model->facts, t);
        if (matches(ask, filter, t) &&
            !vec_push(&rows->rows, (struct trace_web_row){key, (uint32_t)i}))
            return err_nomem(err);
    }
    return true;
}

bool trace_web_usertask(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    struct filter filter = {0};
    struct trace_web_rows rows = {0};
    const char *sort = ask->query.sort ? ask->query.sort : "length";
    bool ok = read_filter(ask, &filter, err) && choose(ask, &filter, sort, &rows, err);
    if (ok) {
        size_t begin, end;
        trace_web_rows_cut(&rows, &ask->query, strcmp(sort, "length") != 0, &begin, &end);
        json_member(j, "name", str_of(filter.name ? filter.name : ""));
        json_member_int(j, "count", (int64_t)rows.rows.n);
        ok = write_rows(ask, j, "rows", rows.rows.items + begin, end - begin, err);
        json_member_int(j, "more", (int64_t)(rows.rows.n - end));
    }
    map_release(&filter.with_text);
    vec_release(&rows.rows);
    return ok;
}

/* --- one task --- */

struct event {
    int64_t at_ns, length_ns; /* since the first event */
    const char *kind;
    uint64_t task;
    int64_t g;
    uint32_t text, category;
};

struct one {
    uint32_t row; /* of the ledger */
    struct trace_web_tree tree;
    VEC(struct event) events;
};

static bool add_event(struct one *one, const struct event *event)
{
    return vec_push(&one->events, *event);
}

static bool add_events(const struct trace_web_ask *ask, struct one *one)
{
    const struct analysis_ledger *l = &ask->model->ledger;
    const struct analysis_facts *f = ask->model->facts;
    bool ok = true;
    for (size_t i = 0; ok && i <= one->tree.within.rows.n; i++) {
        uint32_t row = i ? one->tree.within.rows.items[i - 1].row : one->row;
        const struct analysis_ledger_task *t = &l->tasks.items[row];
        struct event e = {.task = t->id, .g = -1, .text = t->name};
        const struct timeline_task *known = timeline_task_of(ask->timeline, t->id);
        if (known)
            e.g = trace_web_id(ask, known->goroutine);
        e.at_ns = trace_web_since(f, t->start_ns);
        e.kind = i ? "subtask" : "begin";
        e.length_ns = i ? length_of(f, t) : 0;
        ok = t->start_ns == ANALYSIS_NEVER || add_event(one, &e);
        e.at_ns = trace_web_since(f, t->end_ns);
        e.kind = "end";
        e.length_ns = 0;
        ok = ok && (t->end_ns == ANALYSIS_NEVER || add_event(one, &e));
    }
    for (size_t i = 0; ok && i < l->regions.n; i++) {
        const struct analysis_ledger_region *r = &l->regions.items[i];
        if (map_get(&one->tree.ids, r->task) == MAP_NONE)
            continue;
        int64_t start = r->start_ns == ANALYSIS_NEVER ? 0 : r->start_ns - f->first_ns;
        const struct event e = {
            start, trace_web_region_length(f, r), "region", r->task, r->g, r->name, 0};
        ok = add_event(one, &e);
    }
    for (size_t i = 0; ok && i < l->logs.n; i++) {
        const struct analysis_ledger_log *log = &l->logs.items[i];
        if (map_get(&one->tree.ids, log->task) == MAP_NONE)
            continue;
        const struct event e = {
            log->time_ns - f->first_ns, 0, "log", log->task, log->g, log->message, log->category};
        ok = add_event(one, &e);
    }
    return ok;
}

static int by_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

static void write_events(const struct trace_web_ask *ask, struct json *j, struct one *one)
{
    size_t n = one->events.n, shown = n < EVENTS_MAX ? n : EVENTS_MAX;
    if (n)
        qsort(one->events.items, n, sizeof *one->events.items, by_time);
    json_key(j, "events");
    json_open(j, '[');
    for (size_t i = 0; i < shown; i++) {
        const struct event *e = &one->events.items[i];
        AUTO_BUF text = {0};
        size_t len;
        const char *p = trace_string(ask->trace, e->category, &len);
        buf_add(&text, p, len);
        if (len)
            buf_puts(&text, ": ");
        p = trace_string(ask->trace, e->text, &len);
        buf_add(&text, p, len);
        json_open(j, '{');
        json_member_int(j, "at", e->at_ns);
        json_member_int(j, "length", e->length_ns);
        json_member(j, "kind", str_of(e->kind));
        json_member_int(j, "task", (int64_t)e->task);
        json_member_int(j, "g", e->g);
        trace_web_member(j, "text", &text);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_member_int(j, "more", (int64_t)(n - shown));
}

static bool find_task(const struct trace_web_ask *ask, uint64_t id, uint32_t *row)
{
    const struct analysis_ledger *l = &ask->model->ledger;
    for (size_t i = 0; i < l->tasks.n; i++)
        if (l->tasks.items[i].id == id) {
            *row = (uint32_t)i;
            return true;
        }
    return false;
}

static bool write_one(const struct trace_web_ask *ask, struct json *j, struct one *one,
                      struct err *err)
{
    const struct trace_web_rows *within = &one->tree.within;
    const struct analysis_ledger_task *t = &ask->model->ledger.tasks.items[one->row];
    struct counts counts = {0};
    struct map index = {0};
    bool ok = map_put(&index, t->id, 0) ? count_all(ask, &index, &counts, err) : err_nomem(err);
    map_release(&index);
    if (!ok)
        return false;
    write_row(ask, j, t, &counts);
    size_t n = within->rows.n, shown = n < TREE_MAX ? n : TREE_MAX;
    if (!write_rows(ask, j, "tree", within->rows.items, shown, err))
        return false;
    json_member_int(j, "more_tree", (int64_t)(n - shown));
    write_events(ask, j, one);
    return true;
}

bool trace_web_task(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    struct one one = {0};
    int64_t id = 0;
    if (!trace_query_int(&ask->query, "id", 1, INT64_MAX, &id, err))
        return false;
    if (!find_task(ask, (uint64_t)id, &one.row))
        return err_set(err, ERR_INPUT, "there is no task %lld in the trace", (long long)id);
    bool ok = trace_web_tree(&ask->model->ledger, (uint64_t)id, &one.tree) && add_events(ask, &one);
    ok = ok ? write_one(ask, j, &one, err) : err_nomem(err);
    trace_web_tree_release(&one.tree);
    vec_release(&one.events);
    return ok;
}
