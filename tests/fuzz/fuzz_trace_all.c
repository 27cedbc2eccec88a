/* An execution trace of any version, and all that is made of one: summaries, profiles, exports, the
 * page's index and its answers. */
#include "analysis/analysis.h"
#include "analysis/analysis_facts.h"
#include "analysis/analysis_ledger.h"
#include "base/map.h"
#include "fuzz_file.h"
#include "timeline/timeline_index.h"
#include "timeline/timeline_view.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TASKS_MAX 64
#define INPUT_MAX (256u << 10)

static uint64_t n_out;

/* Texts may be far longer than the trace; each byte of them is one. */
static bool forget(void *arg, struct buf *buf)
{
    (void)arg;
    for (size_t i = 0; i < buf->len; i++)
        n_out += (unsigned char)buf->data[i];
    buf_clear(buf);
    return true;
}

static void check(bool is_so, const char *what)
{
    if (!is_so) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

struct task {
    const struct analysis_ops *ops;
    void *state;
    struct buf out;
};

/* Summaries share what they can; profiles and exports are of a part of it, and of the whole. */
struct work {
    struct analysis_options whole, part, shared;
    struct analysis_facts *facts;
    struct analysis_ledger ledger;
    struct task tasks[TASKS_MAX];
    size_t n;
};

static void begin(struct work *w, const struct analysis_ops *ops, const struct trace *trace,
                  const struct analysis_options *options)
{
    struct err err = {0};
    struct task *task = &w->tasks[w->n++];
    task->ops = ops;
    task->out.sink = forget;
    task->state = ops->begin(trace, options, &task->out, &err);
    if (!task->state) {
        fuzz_read(err.msg);
        w->n--;
    }
}

static void begin_all(struct work *w, const struct trace *trace, uint64_t choice)
{
    w->part.start_ns = choice & 1 ? (int64_t)(choice >> 40) : 0;
    w->part.end_ns = choice & 2 ? w->part.start_ns + (int64_t)(choice >> 44) : 0;
    w->part.goroutine = choice & 4 ? 1 + (int64_t)(choice >> 8 & 31) : 0;
    w->part.task = choice & 8 ? 1 + (choice >> 16 & 7) : 0;
    w->part.n_rows = 3;
    w->shared.facts = &w->facts;
    w->shared.ledger = &w->ledger;
    for (size_t i = 0; analysis_registry[i]; i++) {
        const struct analysis_ops *ops = analysis_registry[i];
        begin(w, ops, trace, ops->group == ANALYSIS_SUMMARY ? &w->shared : &w->whole);
        begin(w, ops, trace, &w->part);
    }
}

static void end_all(struct work *w)
{
    struct buf out = {.sink = forget};
    struct err err = {0};
    for (size_t i = 0; i < w->n; i++) {
        struct task *task = &w->tasks[i];
        check(task->ops->end(task->state, &err), err.msg);
        if (task->ops->text)
            task->ops->text(task->state, &out);
        if (task->ops->json)
            task->ops->json(task->state, &out);
        struct profile *profile = task->ops->profile ? task->ops->profile(task->state, &err) : NULL;
        check(profile || !task->ops->profile, err.msg);
        profile_free(profile);
        forget(NULL, &out);
    }
    for (size_t i = 0; i < w->n; i++) {
        w->tasks[i].ops->free(w->tasks[i].state);
        buf_release(&w->tasks[i].out);
    }
    analysis_facts_free(w->facts);
    analysis_ledger_release(&w->ledger);
    buf_release(&out);
}

static void ask_tile(const struct timeline *tl, const struct timeline_tracks *tracks, int64_t start,
                     int64_t end, int64_t step)
{
    struct timeline_tile tile = {0};
    struct timeline_arrows arrows = {0};
    struct timeline_globals globals = {0};
    uint32_t n = tracks->n < 50 ? tracks->n : 50;
    check(timeline_tile(tl, tracks, 0, n, start, end, step, &tile, NULL), "no tile");
    for (uint32_t i = 0; i < tile.n_tracks; i++)
        for (uint32_t k = 0; k < tile.tracks[i].n_lanes; k++) {
            const struct timeline_lane *lane = &tile.tracks[i].lanes[k];
            for (size_t b = 0; b < lane->boxes.n; b++) {
                const struct timeline_box *box = &lane->boxes.items[b];
                check(box->start_ns <= box->end_ns, "a box ends before it begins");
                check(b == 0 || box[-1].end_ns <= box->start_ns, "boxes overlap");
                check(box->name < tile.texts.texts.n, "a box without a name");
            }
        }
    timeline_tile_release(&tile);
    check(timeline_arrows(tl, tracks, start, end, 1000, TIMELINE_NONE, &arrows, NULL), "no arrows");
    timeline_arrows_release(&arrows);
    check(timeline_globals(tl, start, end, step, &globals, NULL), "no globals");
    timeline_globals_release(&globals);
}

static void ask_view(const struct timeline *tl, enum timeline_view view, int64_t length)
{
    struct timeline_selection all = {.view = view};
    struct timeline_tracks tracks = {0};
    struct timeline_details details = {0};
    struct timeline_hits hits = {0};
    check(timeline_tracks(tl, &all, &tracks, NULL), "no tracks");
    int64_t step = 1;
    while (step < length / 64)
        step *= 2;
    ask_tile(tl, &tracks, 0, length, step);
    ask_tile(tl, &tracks, length / 2, length / 2 + 1000, 1);
    for (uint32_t i = 0; i < tracks.n && i < 4; i++)
        for (uint32_t lane = 0; lane < 3; lane++)
            if (timeline_details(tl, &tracks, i, lane, length / 2, &details, NULL))
                timeline_details_release(&details);
    check(timeline_search(tl, &tracks, "ma?in|^$", 20, &hits, NULL), "no search");
    timeline_hits_release(&hits);
    timeline_tracks_release(&tracks);
}

static void ask(const struct timeline *tl)
{
    struct timeline_stats stats = timeline_stats(tl);
    struct timeline_range range = {0};
    struct timeline_minimap minimap = {0};
    /* What the page's server lets through (ui/trace_query.c). */
    int64_t length = stats.duration_ns < INT64_MAX / 4 ? stats.duration_ns + 1 : INT64_MAX / 4;
    for (unsigned view = TIMELINE_VIEW_PROC; view <= TIMELINE_VIEW_TASK; view++)
        ask_view(tl, (enum timeline_view)view, length);
    check(timeline_range(tl, NULL, 0, length, &range, NULL), "no range");
    timeline_range_release(&range);
    check(timeline_range(tl, NULL, length / 3, length / 2, &range, NULL), "no range");
    timeline_range_release(&range);
    check(timeline_minimap(tl, 100, &minimap, NULL), "no minimap");
    timeline_minimap_release(&minimap);
    for (uint32_t i = 0; i < stats.n_tasks; i++)
        check(timeline_task_of(tl, timeline_task(tl, i)->id) != NULL, "no such task");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX)
        return 0;
    struct fuzz_file file;
    struct err err = {0};
    fuzz_file_init(&file, data, size);
    struct timeline *tl = timeline_new();
    check(tl, "no memory");
    uint64_t choice = hash_bytes(data, size);
    if (choice & 16) { /* many short chunks */
        tl->stretch_events = 32;
        tl->store.chunk_events = 32 * TIMELINE_STRETCHES;
    }
    struct trace_reader *reader = timeline_open(tl, file.path, &err);
    if (!reader) {
        fuzz_read(err.msg);
        timeline_free(tl);
        fuzz_file_release(&file);
        return 0;
    }
    const struct trace_event *events;
    size_t n, n_all = 0;
    int64_t last_ns = INT64_MIN;
    struct work work = {0};
    begin_all(&work, trace_reader_trace(reader), choice);
    while (trace_reader_next(reader, &events, &n, &err) && n) {
        for (size_t i = 0; i < n; i++) {
            check((n_all + i == 0) || events[i].time_ns > last_ns, "time goes back");
            last_ns = events[i].time_ns;
        }
        n_all += n;
        timeline_events(tl, events, n);
        for (size_t i = 0; i < work.n; i++)
            work.tasks[i].ops->events(work.tasks[i].state, events, n);
    }
    end_all(&work);
    check(timeline_end(tl, &err), err.msg);
    if (n_all)
        ask(tl);
    timeline_free(tl);
    trace_reader_free(reader);
    fuzz_file_release(&file);
    return 0;
}
