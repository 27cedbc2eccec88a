#include "ui/trace_web_sums.h"

#include "analysis/analysis_site_pairs.h"
#include "analysis/analysis_text.h"

#include <string.h>

int64_t trace_web_since(const struct analysis_facts *facts, int64_t ns)
{
    return ns == ANALYSIS_NEVER ? -1 : ns - facts->first_ns;
}

void trace_web_string(struct json *j, const char *key, const struct trace *trace, uint32_t string)
{
    struct str text;
    text.p = trace_string(trace, string, &text.len);
    json_member(j, key, text);
}

/* --- times --- */

enum column { COLUMN_SYNC, COLUMN_NETWORK, COLUMN_SLEEP, COLUMN_GC, COLUMN_OTHER, N_COLUMNS };
static const char *const column_names[N_COLUMNS] = {"sync", "network", "sleep", "gc", "other"};

static enum column column_of(const char *reason)
{
    if (analysis_is_network(reason))
        return COLUMN_NETWORK;
    if (!strcmp(reason, "sleep"))
        return COLUMN_SLEEP;
    if (!strncmp(reason, "GC ", 3) || strstr(reason, "until GC"))
        return COLUMN_GC;
    return strstr(reason, "chan") || strstr(reason, "sync") || strstr(reason, "select")
               ? COLUMN_SYNC
               : COLUMN_OTHER;
}

static void sum_columns(const struct trace *trace, const struct analysis_parts *parts,
                        const struct analysis_exec *exec, int64_t sums[N_COLUMNS])
{
    memset(sums, 0, N_COLUMNS * sizeof *sums);
    for (uint32_t at = exec->blocked; at; at = parts->parts.items[at].next) {
        const struct analysis_part *part = &parts->parts.items[at];
        sums[column_of(trace_string(trace, part->key, NULL))] += part->ns;
    }
}

void trace_web_times(struct json *j, const char *key, const struct trace *trace,
                     const struct analysis_parts *parts, const struct analysis_exec *exec)
{
    int64_t sums[N_COLUMNS];
    sum_columns(trace, parts, exec, sums);
    json_key(j, key);
    json_open(j, '{');
    json_member_int(j, "total", exec->total_ns);
    json_member_int(j, "running", exec->exec_ns);
    json_member_int(j, "runnable", exec->sched_ns);
    json_member_int(j, "syscall", exec->syscall_ns + exec->syscall_block_ns);
    for (int i = 0; i < N_COLUMNS; i++)
        json_member_int(j, column_names[i], sums[i]);
    json_member_int(j, "unknown", analysis_exec_unknown(parts, exec));
    json_member_int(j, "assist", analysis_parts_get(parts, exec->ranges, ANALYSIS_RANGE_ASSIST));
    json_member_int(j, "sweep", analysis_parts_get(parts, exec->ranges, ANALYSIS_RANGE_SWEEP));
    json_key(j, "reasons");
    json_open(j, '{');
    for (uint32_t at = exec->blocked; at; at = parts->parts.items[at].next) {
        const struct analysis_part *part = &parts->parts.items[at];
        const char *reason = trace_string(trace, part->key, NULL);
        if (!part->ns)
            continue;
        json_text_key(j, str_of(*reason ? reason : "unknown"));
        json_int(j, part->ns);
    }
    json_close(j, '}');
    json_close(j, '}');
}

static void add_chain(struct analysis_parts *to, uint32_t *chain, const struct analysis_parts *from,
                      uint32_t at)
{
    for (; at; at = from->parts.items[at].next)
        analysis_parts_add(to, chain, from->parts.items[at].key, from->parts.items[at].ns);
}

void trace_web_sum_add(struct trace_web_sum *sum, const struct analysis_facts *facts,
                       const struct analysis_exec *exec)
{
    const struct analysis_parts *from = &facts->goroutines.parts;
    sum->exec.total_ns += exec->total_ns;
    sum->exec.exec_ns += exec->exec_ns;
    sum->exec.sched_ns += exec->sched_ns;
    sum->exec.syscall_ns += exec->syscall_ns;
    sum->exec.syscall_block_ns += exec->syscall_block_ns;
    add_chain(&sum->parts, &sum->exec.blocked, from, exec->blocked);
    add_chain(&sum->parts, &sum->exec.ranges, from, exec->ranges);
}

bool trace_web_column(const struct analysis_facts *facts, const struct analysis_exec *exec,
                      const char *column, int64_t *value)
{
    const struct analysis_parts *parts = &facts->goroutines.parts;
    const struct {
        const char *name;
        int64_t ns;
    } simple[] = {
        {"total", exec->total_ns},
        {"running", exec->exec_ns},
        {"runnable", exec->sched_ns},
        {"syscall", exec->syscall_ns + exec->syscall_block_ns},
    };
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
        if (!strcmp(column, simple[i].name)) {
            *value = simple[i].ns;
            return true;
        }
    if (!strcmp(column, "assist") || !strcmp(column, "sweep")) {
        *value = analysis_parts_get(parts, exec->ranges,
                                    *column == 'a' ? ANALYSIS_RANGE_ASSIST : ANALYSIS_RANGE_SWEEP);
        return true;
    }
    if (!strcmp(column, "unknown")) {
        *value = analysis_exec_unknown(parts, exec);
        return true;
    }
    int64_t sums[N_COLUMNS];
    for (int i = 0; i < N_COLUMNS; i++)
        if (!strcmp(column, column_names[i])) {
            sum_columns(facts->trace, parts, exec, sums);
            *value = sums[i];
            return true;
        }
    *value = 0;
    bool is_reason = false;
    for (size_t i = 0; i < facts->waits.reasons.n; i++)
        is_reason |=
            !strcmp(trace_string(facts->trace, facts->waits.reasons.items[i].reason, NULL), column);
    for (uint32_t at = exec->blocked; at; at = parts->parts.items[at].next)
        if (!strcmp(trace_string(facts->trace, parts->parts.items[at].key, NULL), column)) {
            *value += parts->parts.items[at].ns;
            is_reason = true;
        }
    return is_reason;
}

/* --- lengths --- */

void trace_web_spread(struct json *j, const char *key, const struct analysis_histogram *h)
{
    json_key(j, key);
    json_open(j, '{');
    json_member_int(j, "count", (int64_t)h->count);
    json_member_int(j, "min", h->min_ns);
    json_member_int(j, "p50", analysis_histogram_at(h, 0.5));
    json_member_int(j, "p90", analysis_histogram_at(h, 0.9));
    json_member_int(j, "p99", analysis_histogram_at(h, 0.99));
    json_member_int(j, "p999", analysis_histogram_at(h, 0.999));
    json_member_int(j, "max", h->max_ns);
    json_member_int(j, "total", h->total_ns);
    json_close(j, '}');
}

#define BOUNDS_MAX 64

/* 0, 1, 2, 5, 10, 20, 50, ...: those that the values need; how many. */
static size_t make_bounds(const struct analysis_histogram *h, int64_t bounds[BOUNDS_MAX])
{
    static const int factors[] = {1, 2, 5};
    size_t n = 0;
    int64_t decade = 1, before = 0;
    for (int i = 0; n < BOUNDS_MAX && decade < INT64_MAX / 50; i++) {
        int64_t bound = decade * factors[i % 3];
        if (bound > h->min_ns) {
            if (!n)
                bounds[n++] = before;
            bounds[n++] = bound;
            if (bound > h->max_ns)
                break;
        }
        before = bound;
        if (i % 3 == 2)
            decade *= 10;
    }
    return n;
}

void trace_web_histogram(struct json *j, const char *key, const struct analysis_histogram *h)
{
    int64_t bounds[BOUNDS_MAX];
    uint64_t counts[BOUNDS_MAX] = {0};
    size_t n = h->count ? make_bounds(h, bounds) : 0;
    for (unsigned octave = 0; n && octave < ANALYSIS_OCTAVES; octave++)
        for (unsigned i = 0; h->octaves[octave] && i < 1u << ANALYSIS_OCTAVE_BITS; i++) {
            uint64_t base = octave ? (1u << ANALYSIS_OCTAVE_BITS) + i : i;
            int64_t ns = (int64_t)(octave ? base << (octave - 1) : base);
            size_t at = 0;
            while (at + 2 < n && ns >= bounds[at + 1])
                at++;
            counts[at] += h->octaves[octave][i];
        }
    json_key(j, key);
    json_open(j, '{');
    TRACE_WEB_COLUMN(j, "bounds", n, bounds[i]);
    TRACE_WEB_COLUMN(j, "counts", n ? n - 1 : 0, counts[i]);
    json_close(j, '}');
}

/* --- waits --- */

static const char *what_of(const struct trace *trace, const struct analysis_wait *w)
{
    const char *reason = trace_string(trace, w->reason, NULL);
    if (w->state == TRACE_GO_RUNNABLE)
        return "waits for a processor";
    if (w->state == TRACE_GO_SYSCALL)
        return "system call";
    if (w->state == TRACE_GO_RUNNING)
        return "runs";
    return *reason ? reason : "waits";
}

static void put_waker(const struct trace *trace, const struct analysis_wait *w, struct buf *out)
{
    const char *reason = trace_string(trace, w->reason, NULL);
    if (w->state != TRACE_GO_WAITING)
        return;
    bool is_lock = w->kind == ANALYSIS_WAIT_LOCK;
    int64_t g = is_lock ? w->holder_g : w->waker_g;
    const struct trace_frame *frame =
        analysis_site(trace, is_lock ? w->holder_stack : w->waker_stack);
    const char *function = frame ? trace_string(trace, frame->func, NULL) : "";
    if (!*function)
        function = trace_string(trace, is_lock ? w->holder_name : w->waker_name, NULL);
    if (g != TRACE_NONE)
        buf_printf(out, "%c%lld %s", trace_is_native(trace) ? 'T' : 'G', (long long)g, function);
    else if (is_lock)
        buf_puts(out, "nobody");
    else
        buf_puts(out, !strcmp(reason, "sleep")      ? "a timer"
                      : trace_is_native(trace)      ? analysis_words(trace).runtime
                      : analysis_is_network(reason) ? "the network poller"
                                                    : "the runtime");
}

void trace_web_wait(struct json *j, const struct analysis_facts *facts,
                    const struct analysis_wait *w)
{
    AUTO_BUF where = {0}, by = {0};
    trace_web_where(facts->trace, w->stack, &where);
    put_waker(facts->trace, w, &by);
    json_open(j, '{');
    json_member_int(j, "start", trace_web_since(facts, w->at_ns));
    json_member_int(j, "length", w->ns);
    json_member_int(j, "g", w->g);
    json_member_int(j, "p", -1);
    json_member_int(j, "task", 0);
    trace_web_string(j, "name", facts->trace, w->name);
    json_member(j, "what", str_of(what_of(facts->trace, w)));
    trace_web_member(j, "where", &where);
    trace_web_member(j, "by", &by);
    if (w->kind == ANALYSIS_WAIT_LOCK)
        json_member_bool(j, "lock", true);
    json_close(j, '}');
}

static void write_waits(struct json *j, const char *key, const struct analysis_facts *facts,
                        const struct analysis_top *top, size_t most, bool is_busy)
{
    json_key(j, key);
    json_open(j, '[');
    for (size_t i = 0, n = 0; i < top->n && n < most; i++) {
        const struct analysis_wait *w = analysis_top_at(top, i);
        if (is_busy && analysis_is_idle(facts, w->kind, w->ns))
            continue;
        trace_web_wait(j, facts, w);
        n++;
    }
    json_close(j, ']');
}

void trace_web_waits(struct json *j, const char *key, const struct analysis_facts *facts,
                     const struct analysis_top *top, size_t most)
{
    write_waits(j, key, facts, top, most, false);
}

void trace_web_busy_waits(struct json *j, const char *key, const struct analysis_facts *facts,
                          const struct analysis_top *top, size_t most)
{
    write_waits(j, key, facts, top, most, true);
}

/* --- tables --- */

static int by_key(const void *a, const void *b)
{
    const struct trace_web_row *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int by_key_down(const void *a, const void *b)
{
    const struct trace_web_row *x = a, *y = b;
    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

void trace_web_rows_cut(struct trace_web_rows *rows, const struct trace_query *query,
                        bool is_ascending, size_t *begin, size_t *end)
{
    size_t n = rows->rows.n;
    if (query->has_direction)
        is_ascending = query->is_ascending;
    if (n)
        qsort(rows->rows.items, n, sizeof *rows->rows.items, is_ascending ? by_key : by_key_down);
    *begin = query->offset < n ? query->offset : n;
    *end = n - *begin < query->n_rows ? n : *begin + query->n_rows;
}
