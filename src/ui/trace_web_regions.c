/* User regions: types, and the regions of one. */
#include "ui/trace_web_regions.h"

#include <string.h>

int64_t trace_web_region_length(const struct analysis_facts *f,
                                const struct analysis_ledger_region *r)
{
    int64_t start = r->start_ns == ANALYSIS_NEVER ? f->first_ns : r->start_ns;
    int64_t end = r->end_ns == ANALYSIS_NEVER ? f->last_ns : r->end_ns;
    return end - start;
}

bool trace_web_region_filter(const struct trace_query *query,
                             struct trace_web_region_filter *filter, struct err *err)
{
    *filter = (struct trace_web_region_filter){
        .name = trace_query_text(query, "type"), .least_ns = 0, .most_ns = INT64_MAX};
    filter->has_pc = trace_query_text(query, "pc") != NULL;
    return trace_query_pc(query, "pc", &filter->pc, err) &&
           trace_query_duration(query, "latmin", &filter->least_ns, err) &&
           trace_query_duration(query, "latmax", &filter->most_ns, err);
}

static uint64_t pc_of(const struct trace *trace, uint32_t frame)
{
    return frame ? trace_frame(trace, frame - 1)->pc : 0;
}

bool trace_web_region_matches(const struct trace_web_region_filter *filter,
                              const struct analysis_facts *f,
                              const struct analysis_ledger_region *r)
{
    int64_t ns = trace_web_region_length(f, r);
    return (!filter->name || !strcmp(trace_string(f->trace, r->name, NULL), filter->name)) &&
           (!filter->has_pc || pc_of(f->trace, r->frame) == filter->pc) && ns >= filter->least_ns &&
           ns <= filter->most_ns;
}

static const char *function_of(const struct trace *trace, uint32_t frame)
{
    return frame ? trace_string(trace, trace_frame(trace, frame - 1)->func, NULL) : "";
}

static void put_frame(const struct trace_web_ask *ask, struct json *j, uint32_t frame)
{
    AUTO_BUF place = {0};
    if (frame)
        trace_web_place(ask->trace, frame - 1, &place);
    json_member(j, "function", str_of(function_of(ask->trace, frame)));
    trace_web_member(j, "place", &place);
}

bool trace_web_userregions(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    const struct analysis_facts *f = ask->model->facts;
    AUTO_BUF pc = {0};
    (void)err;
    json_key(j, "types");
    json_open(j, '[');
    for (size_t i = 0; i < f->user.region_kinds.n; i++) {
        const struct analysis_kind *kind = &f->user.region_kinds.items[i];
        buf_clear(&pc);
        buf_printf(&pc, "0x%llx", (unsigned long long)pc_of(ask->trace, kind->frame));
        json_open(j, '{');
        trace_web_string(j, "name", ask->trace, kind->name);
        put_frame(ask, j, kind->frame);
        trace_web_member(j, "pc", &pc);
        json_member_int(j, "count", (int64_t)kind->count);
        json_member_int(j, "complete", (int64_t)(kind->count - kind->n_unfinished));
        trace_web_spread(j, "spread", &kind->lengths);
        trace_web_histogram(j, "histogram", &kind->lengths);
        json_close(j, '}');
    }
    json_close(j, ']');
    return true;
}

/* --- the regions of one type --- */

#define BY_GOROUTINE_MAX 100

struct by_goroutine {
    int64_t g;
    uint64_t count;
    int64_t total_ns;
};

struct table {
    struct trace_web_rows rows;
    struct trace_web_sum sum;
    struct map index; /* of by, by g */
    VEC(struct by_goroutine) by;
};

static void table_release(struct table *t)
{
    vec_release(&t->rows.rows);
    vec_release(&t->by);
    map_release(&t->index);
    analysis_parts_release(&t->sum.parts);
}

static bool key_of(const struct trace_web_ask *ask, const struct analysis_ledger_region *r,
                   const char *sort, int64_t *key)
{
    if (!strcmp(sort, "length"))
        *key = trace_web_region_length(ask->model->facts, r);
    else if (!strcmp(sort, "start"))
        *key = r->start_ns;
    else
        return trace_web_column(ask->model->facts, &r->exec, sort, key);
    return true;
}

static bool add_region(const struct trace_web_ask *ask, struct table *t, uint32_t row, int64_t key)
{
    const struct analysis_ledger_region *r = &ask->model->ledger.regions.items[row];
    uint32_t next = (uint32_t)t->by.n, at = map_get_or_put(&t->index, (uint64_t)r->g, next);
    if (at == MAP_NONE || (at == next && !vec_push(&t->by, (struct by_goroutine){.g = r->g})))
        return false;
    t->by.items[at].count++;
    t->by.items[at].total_ns += trace_web_region_length(ask->model->facts, r);
    trace_web_sum_add(&t->sum, ask->model->facts, &r->exec);
    return !t->sum.parts.failed && vec_push(&t->rows.rows, (struct trace_web_row){key, row});
}

static bool choose(const struct trace_web_ask *ask, struct table *t, const char *sort,
                   struct err *err)
{
    const struct analysis_ledger *l = &ask->model->ledger;
    struct trace_web_region_filter filter;
    if (!trace_web_region_filter(&ask->query, &filter, err))
        return false;
    for (size_t i = 0; i < l->regions.n; i++) {
        int64_t key;
        const struct analysis_ledger_region *r = &l->regions.items[i];
        if (!trace_web_region_matches(&filter, ask->model->facts, r))
            continue;
        if (!key_of(ask, r, sort, &key))
            return err_set(err, ERR_USAGE, "there is no column '%.32s' to sort by", sort);
        if (!add_region(ask, t, (uint32_t)i, key))
            return err_nomem(err);
    }
    return true;
}

static int by_total(const void *a, const void *b)
{
    const struct by_goroutine *x = a, *y = b;
    if (x->total_ns != y->total_ns)
        return x->total_ns > y->total_ns ? -1 : 1;
    return (x->g > y->g) - (x->g < y->g);
}

static void write_by_goroutine(const struct trace_web_ask *ask, struct json *j, struct table *t)
{
    if (t->by.n)
        qsort(t->by.items, t->by.n, sizeof *t->by.items, by_total);
    json_key(j, "by_goroutine");
    json_open(j, '[');
    for (size_t i = 0; i < t->by.n && i < BY_GOROUTINE_MAX; i++) {
        const struct by_goroutine *b = &t->by.items[i];
        json_open(j, '{');
        json_member_int(j, "g", b->g);
        json_member(j, "function",
                    str_of(trace_web_function(ask, timeline_find_goroutine(ask->timeline, b->g))));
        json_member_int(j, "count", (int64_t)b->count);
        json_member_int(j, "total", b->total_ns);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_table(const struct trace_web_ask *ask, struct json *j, struct table *t,
                        const char *sort)
{
    const struct analysis_facts *f = ask->model->facts;
    const struct analysis_ledger_region *all = ask->model->ledger.regions.items;
    size_t begin, end, n = t->rows.rows.n;
    trace_web_rows_cut(&t->rows, &ask->query, !strcmp(sort, "start"), &begin, &end);
    const struct trace_web_row *rows = t->rows.rows.items;
    trace_web_string(j, "name", ask->trace, n ? all[rows[0].row].name : 0);
    put_frame(ask, j, n ? all[rows[0].row].frame : 0);
    json_member_int(j, "count", (int64_t)n);
    trace_web_times(j, "times", ask->trace, &t->sum.parts, &t->sum.exec);
    write_by_goroutine(ask, j, t);
    json_key(j, "rows");
    json_open(j, '[');
    for (size_t i = begin; i < end; i++) {
        const struct analysis_ledger_region *r = &all[rows[i].row];
        json_open(j, '{');
        json_member_int(j, "g", r->g);
        json_member_int(j, "task", r->task == TRACE_NO_TASK ? 0 : (int64_t)r->task);
        json_member_int(j, "start", trace_web_since(f, r->start_ns));
        json_member_int(j, "end", trace_web_since(f, r->end_ns));
        trace_web_times(j, "times", ask->trace, &f->goroutines.parts, &r->exec);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_member_int(j, "more", (int64_t)(n - end));
}

bool trace_web_userregion(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    struct table t = {0};
    const char *sort = ask->query.sort ? ask->query.sort : "length";
    bool ok = choose(ask, &t, sort, err);
    if (ok)
        write_table(ask, j, &t, sort);
    table_release(&t);
    return ok;
}
