/* What analyses tell of a part of a trace is the same whether they are handed all of its events, or
 * what the timeline makes again of that part. */
#include "analysis/analysis_facts.h"
#include "analysis/analysis_run.h"
#include "made_trace.h"
#include "timeline/timeline_index.h"
#include "timeline/timeline_part.h"
#include "trace_samples.h"

#include <stdio.h>
#include <stdlib.h>

struct loaded {
    struct timeline *tl;
    struct trace *trace; /* owned; NULL: somebody else's */
    VEC(struct trace_event) events;
};

static void add(struct loaded *l, const struct trace_event *events, size_t n)
{
    timeline_events(l->tl, events, n);
    for (size_t i = 0; i < n; i++)
        assert_true(vec_push(&l->events, events[i]));
}

/* Chunks have so many events; of their past so many bytes are kept. */
static bool load(struct loaded *l, const char *path, uint32_t chunk_events, size_t past_bytes)
{
    struct err err = {0};
    const struct trace_event *events;
    size_t n;
    *l = (struct loaded){.tl = timeline_new()};
    assert_non_null(l->tl);
    struct trace_reader *reader = timeline_open(l->tl, path, &err);
    if (!reader) {
        timeline_free(l->tl);
        return false;
    }
    l->tl->stretch_events = chunk_events / TIMELINE_STRETCHES;
    l->tl->store.chunk_events = chunk_events;
    l->tl->past.most = past_bytes;
    while (trace_reader_next(reader, &events, &n, &err) && n)
        add(l, events, n);
    l->trace = trace_reader_take_trace(reader);
    trace_reader_free(reader);
    assert_true(timeline_end(l->tl, &err));
    return true;
}

static void unload(struct loaded *l)
{
    timeline_free(l->tl);
    trace_free(l->trace);
    vec_release(&l->events);
}

/* ---- what an analysis tells, as text ---- */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Samples, in the order of their texts: rows of goroutines that go on at the end come in another.
 */
static void put_profile(const struct profile *p, struct buf *out)
{
    char **lines = calloc(p->n_samples + 1, sizeof *lines);
    assert_non_null(lines);
    for (uint32_t i = 0; i < p->n_samples; i++) {
        struct buf line = {0};
        for (uint64_t k = p->stack_first[i]; k < p->stack_first[i + 1]; k++)
            buf_printf(&line, "%llx ", (unsigned long long)p->locations[p->stack_locs[k]].address);
        if (p->label_first && p->label_first[i] < p->label_first[i + 1])
            buf_printf(&line, "%s ", profile_cstr(p, p->labels[p->label_first[i]].str));
        buf_printf(&line, "%lld %lld", (long long)p->values[2 * i],
                   (long long)p->values[2 * i + 1]);
        lines[i] = strdup(buf_str(&line));
        buf_release(&line);
    }
    qsort(lines, p->n_samples, sizeof *lines, compare_lines);
    for (uint32_t i = 0; i < p->n_samples; i++) {
        buf_printf(out, "%s\n", lines[i]);
        free(lines[i]);
    }
    free(lines);
}

static bool hand_over(void *arg, const struct trace_event *events, size_t n)
{
    return analysis_pass_events(arg, events, n);
}

/* is_part: by the timeline; else all events, in blocks of any length. */
static void tell(const struct loaded *l, const struct analysis_ops *ops,
                 const struct analysis_options *options, bool is_part, struct buf *out)
{
    struct err err = {0};
    struct analysis_pass pass;
    struct analysis_task task = {.ops = ops};
    const struct trace *trace = l->tl->trace;
    assert_true(analysis_pass_begin(&pass, trace, options, &task, 1, &err));
    if (is_part) {
        const struct timeline_part part = {options->start_ns,
                                           options->end_ns ? options->end_ns : INT64_MAX,
                                           ANALYSIS_BEHIND_EVENTS, ops->group == ANALYSIS_SUMMARY};
        assert_true(timeline_part(l->tl, &part, hand_over, &pass, &err));
    } else {
        for (size_t i = 0, n; i < l->events.n; i += n) {
            n = 1 + (size_t)up_to(300);
            n = n < l->events.n - i ? n : l->events.n - i;
            if (!analysis_pass_events(&pass, l->events.items + i, n))
                break;
        }
    }
    assert_true(analysis_pass_end(&pass, &err));
    if (ops->group == ANALYSIS_PROFILE) {
        struct profile *p = ops->profile(task.state, &err);
        assert_non_null(p);
        put_profile(p, out);
        profile_free(p);
    } else {
        ops->json(task.state, out);
    }
    analysis_release(&task, 1);
}

static void check(const struct loaded *l, const struct analysis_ops *ops,
                  const struct analysis_options *options)
{
    AUTO_BUF whole = {0}, part = {0};
    tell(l, ops, options, false, &whole);
    tell(l, ops, options, true, &part);
    assert_false(whole.failed || part.failed);
    if (strcmp(buf_str(&whole), buf_str(&part)) != 0) {
        printf("%s from %lld to %lld of G%lld \"%s\" task %llu:\n---- whole\n%s\n---- part\n%s\n",
               ops->name, (long long)options->start_ns, (long long)options->end_ns,
               (long long)options->goroutine,
               options->goroutine_name ? options->goroutine_name : "",
               (unsigned long long)options->task, buf_str(&whole), buf_str(&part));
        fail();
    }
}

static const char *any_function(const struct loaded *l)
{
    struct timeline_stats s = timeline_stats(l->tl);
    return s.n_goroutines ? timeline_function(l->tl, (uint32_t)up_to(s.n_goroutines)) : "";
}

static void check_range(const struct loaded *l, int64_t start_ns, int64_t end_ns)
{
    struct timeline_stats s = timeline_stats(l->tl);
    for (size_t i = 0; analysis_registry[i]; i++) {
        const struct analysis_ops *ops = analysis_registry[i];
        bool is_latency = ops->group == ANALYSIS_SUMMARY && !strcmp(ops->name, "latency");
        struct analysis_options options = {.start_ns = start_ns, .end_ns = end_ns, .n_rows = 50};
        if (ops->group != ANALYSIS_PROFILE && !is_latency)
            continue;
        check(l, ops, &options);
        if (is_latency)
            continue;
        bool is_user = !strcmp(ops->name, "regions") || !strcmp(ops->name, "tasks");
        bool is_gc = !strcmp(ops->name, "gc");
        if (up_to(2) && s.n_goroutines)
            options.goroutine = timeline_goroutine(l->tl, (uint32_t)up_to(s.n_goroutines)).id;
        else if (is_user && s.n_tasks)
            options.task = timeline_task(l->tl, (uint32_t)up_to(s.n_tasks))->id;
        else if (!is_user && !is_gc)
            options.goroutine_name = any_function(l);
        check(l, ops, &options);
    }
}

static void check_ranges(const struct loaded *l, int n)
{
    int64_t duration = timeline_stats(l->tl).duration_ns;
    check_range(l, duration / 2, 0);
    check_range(l, 0, duration / 3 + 1);
    for (int i = 0; i < n; i++) {
        int64_t length = 1 + up_to(i % 3 ? duration + 1 : duration / 20 + 1);
        int64_t start = 1 + up_to(duration);
        check_range(l, start, start + length);
        /* to the ns */
        int64_t at = l->events.items[up_to((int64_t)l->events.n)].time_ns - l->tl->first_ns;
        check_range(l, at, at + length);
        check_range(l, at > length ? at - length : 1, at ? at : 1);
    }
}

static size_t n_kept;

static void check_sample(const char *path)
{
    static const struct {
        uint32_t events;
        size_t bytes;
    } sizes[] = {{64, SIZE_MAX}, {512, SIZE_MAX}, {64, 2000}, {256, 20000}};
    static size_t n;
    for (size_t i = n++ % 2; i < sizeof sizes / sizeof *sizes; i += 2) {
        struct loaded l;
        assert_true(load(&l, path, sizes[i].events, sizes[i].bytes));
        n_kept += l.tl->past.records.n > 0;
        check_ranges(&l, 1);
        unload(&l);
    }
}

static void test_samples(void **state)
{
    (void)state;
    n_kept = 0;
    each_sample(check_sample);
    assert_true(n_kept > BY_CHANCE(10)); /* it was what is tested */
}

static void check_damaged(const char *path, int i)
{
    struct loaded l;
    (void)i;
    if (!load(&l, path, 128, SIZE_MAX))
        return;
    if (l.events.n)
        check_ranges(&l, 1);
    unload(&l);
}

/* Cut off and damaged. */
static void test_broken(void **state)
{
    (void)state;
    each_damaged_sample(8, check_damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
