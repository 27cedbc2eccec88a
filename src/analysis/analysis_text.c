#include "analysis/analysis_text.h"

#include "analysis/analysis_site_pairs.h"
#include "render/columns.h"

#include <stdio.h>

#define COLUMNS_MAX 24
#define PARTS_MAX 64

/* --- tables --- */

void analysis_table_cell(struct analysis_table *t)
{
    if (!vec_push(&t->ends, t->text.len))
        t->text.failed = true;
}

void analysis_table_begin(struct analysis_table *t, const char *columns, const char *headings)
{
    *t = (struct analysis_table){.columns = columns};
    for (size_t i = 0; columns[i]; i++, headings += strlen(headings) + 1)
        analysis_table_text(t, headings);
}

void analysis_table_text(struct analysis_table *t, const char *text)
{
    buf_puts(&t->text, text);
    analysis_table_cell(t);
}

void analysis_table_time(struct analysis_table *t, int64_t ns)
{
    analysis_text_time(&t->text, ns);
    analysis_table_cell(t);
}

void analysis_table_count(struct analysis_table *t, uint64_t n)
{
    buf_uint(&t->text, n, 0);
    analysis_table_cell(t);
}

void analysis_table_share(struct analysis_table *t, double part, double of)
{
    if (of > 0)
        buf_printf(&t->text, "%.2f%%", 100 * part / of);
    else
        buf_puts(&t->text, "-");
    analysis_table_cell(t);
}

void analysis_table_printf(struct analysis_table *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&t->text, fmt, ap);
    va_end(ap);
    analysis_table_cell(t);
}

void analysis_table_percentiles(struct analysis_table *t, const struct analysis_histogram *h)
{
    static const double shares[] = {0.5, 0.9, 0.99, 0.999, 1};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        analysis_table_time(t, analysis_histogram_at(h, shares[i]));
}

static struct str cell(const struct analysis_table *t, size_t i)
{
    size_t begin = i ? t->ends.items[i - 1] : 0;
    return (struct str){buf_str(&t->text) + begin, t->ends.items[i] - begin};
}

void analysis_table_end(struct analysis_table *t, struct buf *out)
{
    size_t n = strlen(t->columns), widths[COLUMNS_MAX] = {0};
    if (t->text.failed)
        out->failed = true;
    for (size_t i = 0; i < t->ends.n; i++) {
        size_t width = columns_width(cell(t, i));
        if (width > widths[i % n])
            widths[i % n] = width;
    }
    for (size_t i = 0; i < t->ends.n; i++) {
        struct str s = cell(t, i);
        size_t column = i % n;
        buf_puts(out, "  ");
        if (t->columns[column] == 'r') {
            columns_right(out, s, widths[column]);
        } else {
            buf_add(out, s.p, s.len);
            if (column + 1 < n)
                buf_fill(out, ' ', widths[column] - columns_width(s));
        }
        if (column + 1 == n) {
            while (out->len && out->data[out->len - 1] == ' ')
                out->data[--out->len] = '\0';
            buf_putc(out, '\n');
        }
    }
    buf_release(&t->text);
    vec_release(&t->ends);
}

size_t analysis_n_rows(const struct analysis_facts *f, size_t n)
{
    return f->options->n_rows && f->options->n_rows < n ? f->options->n_rows : n;
}

void analysis_text_more(struct buf *out, size_t n, size_t shown)
{
    if (shown < n)
        buf_printf(out, "  ... %zu more\n", n - shown);
}

/* --- values --- */

/* A number with a unit that suits: two digits behind the point, none if they are 0. */
static void scaled(struct buf *out, double value, const char *unit)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%.2f", value);
    if (n > 3 && !strcmp(text + n - 3, ".00"))
        text[n - 3] = '\0';
    buf_puts(out, text);
    buf_puts(out, unit);
}

void analysis_text_time(struct buf *out, int64_t ns)
{
    static const struct {
        double factor;
        const char *name;
    } units[] = {{3600e9, "hrs"}, {1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    double v = (double)ns, size = v < 0 ? -v : v;
    if (!ns) {
        buf_putc(out, '0');
        return;
    }
    size_t i = 0;
    while (i < 4 && size < units[i].factor)
        i++;
    scaled(out, v / units[i].factor, units[i].name);
}

void analysis_text_bytes(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double v = (double)bytes;
    size_t i = 0;
    for (; v >= 1024 && i < 5; i++)
        v /= 1024;
    scaled(out, v, units[i]);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void analysis_text_site(struct buf *out, const struct trace *trace, uint32_t stack,
                        const char *none)
{
    const struct trace_frame *frame = analysis_site(trace, stack);
    if (!frame) {
        buf_puts(out, none);
        return;
    }
    const char *func = trace_string(trace, frame->func, NULL),
               *file = trace_string(trace, frame->file, NULL);
    if (*func)
        buf_puts(out, func);
    else
        buf_printf(out, "0x%llx", (unsigned long long)frame->pc);
    if (*file)
        buf_printf(out, " %s", base_name(file));
    if (*file && frame->line)
        buf_printf(out, ":%llu", (unsigned long long)frame->line);
}

void analysis_text_by(struct buf *out, const struct trace *trace, enum analysis_wait_kind kind,
                      uint32_t stack, uint32_t name)
{
    bool is_lock = kind == ANALYSIS_WAIT_LOCK;
    if (is_lock && !stack && !name) {
        buf_puts(out, ANALYSIS_NOBODY);
        return;
    }
    buf_puts(out, is_lock ? "held by " : "ended by ");
    analysis_text_site(out, trace, stack,
                       name ? analysis_text_name(trace, name) : analysis_words(trace).runtime);
}

void analysis_text_wait_by(struct buf *out, const struct trace *trace,
                           const struct analysis_wait *w)
{
    bool is_lock = w->kind == ANALYSIS_WAIT_LOCK;
    int64_t g = is_lock ? w->holder_g : w->waker_g;
    if (g == TRACE_NONE || w->waker_stack || w->waker_name)
        analysis_text_by(out, trace, w->kind, is_lock ? w->holder_stack : w->waker_stack,
                         is_lock ? w->holder_name : w->waker_name);
    else
        buf_puts(out, is_lock ? "held by" : "ended by");
    if (g != TRACE_NONE)
        buf_printf(out, " (%s %lld)", analysis_words(trace).goroutine, (long long)g);
}

const char *analysis_text_name(const struct trace *trace, uint32_t name)
{
    const char *text = trace_string(trace, name, NULL);
    return *text ? text : "(not known)";
}

const char *analysis_text_reason(const struct trace *trace, uint32_t reason)
{
    const char *text = trace_string(trace, reason, NULL);
    return *text ? text : "(not known)";
}

const char *analysis_text_range(const struct trace *trace, uint32_t key, char *buf)
{
    if (key == ANALYSIS_RANGE_ASSIST)
        return "GC mark assist";
    if (key == ANALYSIS_RANGE_SWEEP)
        return "GC incremental sweep";
    snprintf(buf, 256, "stop-the-world (%s)", trace_string(trace, key - ANALYSIS_RANGE_STW, NULL));
    return buf;
}

static int by_ns(const void *a, const void *b)
{
    const struct analysis_part *x = a, *y = b;
    return x->ns != y->ns ? (x->ns < y->ns) - (x->ns > y->ns)
                          : (x->key > y->key) - (x->key < y->key);
}

size_t analysis_parts_sorted(const struct analysis_parts *pool, uint32_t chain,
                             struct analysis_part *out, size_t max)
{
    size_t n = 0, total = 0;
    for (; chain; chain = pool->parts.items[chain].next, total++) {
        const struct analysis_part *part = &pool->parts.items[chain];
        if (part->ns == 0)
            continue;
        if (n < max) {
            out[n++] = *part;
            continue;
        }
        size_t least = 0;
        for (size_t i = 1; i < n; i++)
            if (out[i].ns < out[least].ns)
                least = i;
        if (part->ns > out[least].ns)
            out[least] = *part;
    }
    if (n)
        qsort(out, n, sizeof *out, by_ns);
    return n;
}

struct analysis_words analysis_words(const struct trace *trace)
{
    if (trace_is_native(trace))
        return (struct analysis_words){
            "thread", "threads", trace_origin(trace).has_wakes ? "the kernel" : "nobody known",
            true};
    return (struct analysis_words){"goroutine", "goroutines", "the runtime", false};
}

void analysis_text_waits(struct buf *out, const struct analysis_facts *f,
                         const struct analysis_top *top, bool has_waker, bool is_busy)
{
    struct analysis_table t;
    struct analysis_words words = analysis_words(f->trace);
    if (has_waker)
        analysis_table_begin(&t, "rrrllll",
                             words.is_native
                                 ? "waited\0at\0thread\0started with\0reason\0where\0by whom\0"
                                 : "waited\0at\0goroutine\0started with\0reason\0where\0by whom\0");
    else
        analysis_table_begin(&t, "rrrll",
                             words.is_native ? "waited\0at\0thread\0started with\0where\0"
                                             : "waited\0at\0goroutine\0started with\0where\0");
    for (size_t i = 0; i < top->n; i++) {
        const struct analysis_wait *w = analysis_top_at(top, i);
        if (is_busy && analysis_is_idle(f, w->kind, w->ns))
            continue;
        analysis_table_time(&t, w->ns);
        analysis_table_time(&t, w->at_ns - f->first_ns);
        analysis_table_printf(&t, "%lld", (long long)w->g);
        analysis_table_text(&t, analysis_text_name(f->trace, w->name));
        if (has_waker)
            analysis_table_text(&t, analysis_text_reason(f->trace, w->reason));
        analysis_text_site(&t.text, f->trace, w->stack, "");
        analysis_table_cell(&t);
        if (!has_waker)
            continue;
        analysis_text_wait_by(&t.text, f->trace, w);
        analysis_table_cell(&t);
    }
    analysis_table_end(&t, out);
}

void analysis_text_untold(struct buf *out, const struct analysis_facts *f)
{
    if (!f->waits.n_untold)
        return;
    buf_printf(out, "  not measured: %llu times; ", (unsigned long long)f->waits.n_untold);
    buf_puts(out, trace_origin(f->trace).has_wakes
                      ? "the kernel did not tell when the thread was woken\n"
                      : "when threads are woken is in this trace for locks only\n");
}

/* --- JSON --- */

void analysis_json_string(struct json *j, const char *key, const struct trace *trace,
                          uint32_t string)
{
    struct str text;
    text.p = trace_string(trace, string, &text.len);
    json_member(j, key, text);
}

void analysis_json_lengths(struct json *j, const char *key, const struct analysis_histogram *h)
{
    json_key(j, key);
    json_open(j, '{');
    json_member_int(j, "count", (int64_t)h->count);
    json_member_int(j, "total_ns", h->total_ns);
    json_member_int(j, "min_ns", h->min_ns);
    json_member_int(j, "p50_ns", analysis_histogram_at(h, 0.5));
    json_member_int(j, "p90_ns", analysis_histogram_at(h, 0.9));
    json_member_int(j, "p99_ns", analysis_histogram_at(h, 0.99));
    json_member_int(j, "p999_ns", analysis_histogram_at(h, 0.999));
    json_member_int(j, "max_ns", h->max_ns);
    json_close(j, '}');
}

void analysis_json_sched(struct json *j, const struct analysis_facts *f)
{
    const struct analysis_waits *ws = &f->waits;
    if (ws->sched.count || !ws->n_untold) {
        analysis_json_lengths(j, "scheduling", &ws->sched);
    } else {
        json_key(j, "scheduling");
        json_null(j);
    }
    json_member_int(j, "scheduling_not_measured", (int64_t)ws->n_untold);
}

static void json_parts(struct json *j, const char *key, const struct analysis_facts *f,
                       uint32_t chain, bool is_range)
{
    struct analysis_part parts[PARTS_MAX];
    char buf[256];
    size_t n = analysis_parts_sorted(&f->goroutines.parts, chain, parts, PARTS_MAX);
    json_key(j, key);
    json_open(j, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(j, '{');
        if (is_range)
            json_member(j, "range", str_of(analysis_text_range(f->trace, parts[i].key, buf)));
        else
            analysis_json_string(j, "reason", f->trace, parts[i].key);
        json_member_int(j, "ns", parts[i].ns);
        json_close(j, '}');
    }
    json_close(j, ']');
}

void analysis_json_exec(struct json *j, const struct analysis_facts *f,
                        const struct analysis_exec *exec)
{
    const struct analysis_parts *parts = &f->goroutines.parts;
    json_member_int(j, "total_ns", exec->total_ns);
    json_member_int(j, "running_ns", exec->exec_ns);
    json_member_int(j, "runnable_ns", exec->sched_ns);
    json_member_int(j, "waiting_ns", analysis_exec_blocked(parts, exec));
    json_member_int(j, "syscall_ns", exec->syscall_ns);
    json_member_int(j, "syscall_blocked_ns", exec->syscall_block_ns);
    json_parts(j, "waiting", f, exec->blocked, false);
    json_parts(j, "ranges", f, exec->ranges, true);
}

void analysis_json_exec_as(struct json *j, const char *key, const struct analysis_facts *f,
                           const struct analysis_exec *exec)
{
    json_key(j, key);
    json_open(j, '{');
    analysis_json_exec(j, f, exec);
    json_close(j, '}');
}

void analysis_json_frame(struct json *j, const char *key, const struct trace *trace,
                         const struct trace_frame *frame)
{
    if (key)
        json_key(j, key);
    if (!frame) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    analysis_json_string(j, "function", trace, frame->func);
    analysis_json_string(j, "file", trace, frame->file);
    json_member_int(j, "line", (int64_t)frame->line);
    json_close(j, '}');
}

void analysis_json_stack(struct json *j, const char *key, const struct trace *trace, uint32_t stack)
{
    struct trace_stack s = trace_stack(trace, stack);
    json_key(j, key);
    json_open(j, '[');
    for (uint32_t i = 0; i < s.n_frames; i++)
        analysis_json_frame(j, NULL, trace, trace_frame(trace, s.frames[i]));
    json_close(j, ']');
}

void analysis_json_wait(struct json *j, const struct analysis_facts *f,
                        const struct analysis_wait *w)
{
    json_open(j, '{');
    json_member_int(j, "ns", w->ns);
    json_member_int(j, "start_ns", w->at_ns - f->first_ns);
    json_member_int(j, "goroutine", w->g);
    analysis_json_string(j, "name", f->trace, w->name);
    json_member(j, "state",
                str_of(w->state == TRACE_GO_RUNNABLE  ? "runnable"
                       : w->state == TRACE_GO_RUNNING ? "running"
                       : w->state == TRACE_GO_SYSCALL ? "syscall"
                                                      : "waiting"));
    analysis_json_string(j, "reason", f->trace, w->reason);
    analysis_json_stack(j, "stack", f->trace, w->stack);
    if (w->state == TRACE_GO_WAITING) {
        json_member_int(j, "ended_by", w->waker_g);
        analysis_json_string(j, "ended_by_name", f->trace, w->waker_name);
        analysis_json_stack(j, "ended_by_stack", f->trace, w->waker_stack);
    }
    if (w->kind == ANALYSIS_WAIT_LOCK) {
        json_member_int(j, "held_by", w->holder_g);
        analysis_json_string(j, "held_by_name", f->trace, w->holder_name);
        analysis_json_stack(j, "held_by_stack", f->trace, w->holder_stack);
    }
    json_close(j, '}');
}

void analysis_json_waits(struct json *j, const char *key, const struct analysis_facts *f,
                         const struct analysis_top *top)
{
    json_key(j, key);
    json_open(j, '[');
    for (size_t i = 0; i < top->n; i++)
        analysis_json_wait(j, f, analysis_top_at(top, i));
    json_close(j, ']');
}

/* --- order --- */

struct keyed {
    int64_t key;
    uint32_t index;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key) - (x->key > y->key)
                            : (x->index > y->index) - (x->index < y->index);
}

uint32_t *analysis_sorted(struct buf *out, size_t n, int64_t (*key)(const void *arg, size_t i),
                          const void *arg)
{
    struct keyed *keyed = n ? malloc(n * sizeof *keyed) : NULL;
    uint32_t *order = n ? malloc(n * sizeof *order) : NULL;
    if (keyed && order) {
        for (size_t i = 0; i < n; i++)
            keyed[i] = (struct keyed){key(arg, i), (uint32_t)i};
        qsort(keyed, n, sizeof *keyed, by_key);
        for (size_t i = 0; i < n; i++)
            order[i] = keyed[i].index;
    } else if (n) {
        out->failed = true;
        free(order);
        order = NULL;
    }
    free(keyed);
    return order;
}

/* --- kinds of tasks and regions --- */

uint64_t analysis_kinds_count(const struct analysis_kinds *kinds)
{
    uint64_t count = 0;
    for (size_t i = 0; i < kinds->n; i++)
        count += kinds->items[i].count;
    return count;
}

static int64_t by_total(const void *arg, size_t i)
{
    return ((const struct analysis_kind *)arg)[i].lengths.total_ns;
}

uint32_t *analysis_kinds_sorted(struct buf *out, const struct analysis_kinds *kinds)
{
    return analysis_sorted(out, kinds->n, by_total, kinds->items);
}

void analysis_table_kind(struct analysis_table *t, const struct analysis_kind *k)
{
    analysis_table_count(t, k->count);
    analysis_table_count(t, k->n_unfinished);
    analysis_table_time(t, k->lengths.total_ns);
    analysis_table_percentiles(t, &k->lengths);
}

void analysis_json_kinds(struct json *j, const struct analysis_facts *f,
                         const struct analysis_kinds *kinds, bool with_frames)
{
    size_t shown = analysis_n_rows(f, kinds->n);
    uint32_t *order = analysis_kinds_sorted(j->out, kinds);
    json_member_int(j, "n_kinds", (int64_t)kinds->n);
    json_key(j, "kinds");
    json_open(j, '[');
    for (size_t i = 0; order && i < shown; i++) {
        const struct analysis_kind *k = &kinds->items[order[i]];
        json_open(j, '{');
        analysis_json_string(j, "name", f->trace, k->name);
        if (with_frames)
            analysis_json_frame(j, "of", f->trace,
                                k->frame ? trace_frame(f->trace, k->frame - 1) : NULL);
        json_member_int(j, "count", (int64_t)k->count);
        json_member_int(j, "unfinished", (int64_t)k->n_unfinished);
        analysis_json_lengths(j, "lengths", &k->lengths);
        analysis_json_exec_as(j, "time", f, &k->exec);
        json_close(j, '}');
    }
    json_close(j, ']');
    free(order);
}
