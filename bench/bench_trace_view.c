/* Answers to random viewports of a trace: how long they take, and what the index costs.
 *   bench_trace_view FILE [N] */
#include "base/pages.h"
#include "timeline/timeline_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static uint64_t seed = 88172645463325252u;
static double random_share(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (double)(seed >> 11) * 0x1p-53;
}

static long status_kb(const char *name)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            kb = atol(line + strlen(name));
    if (f)
        fclose(f);
    return kb;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct times {
    double *ms, *cpu; /* by the clock, and of all processors */
    size_t n;
};

static void tell(const char *what, struct times *t)
{
    if (!t->n)
        return;
    qsort(t->ms, t->n, sizeof *t->ms, compare);
    qsort(t->cpu, t->n, sizeof *t->cpu, compare);
    printf(
        "%-8s median %7.2f ms  p99 %7.2f  max %7.2f  (%zu);  of processors %7.2f  %7.2f  %7.2f\n",
        what, t->ms[t->n / 2], t->ms[t->n * 99 / 100], t->ms[t->n - 1], t->n, t->cpu[t->n / 2],
        t->cpu[t->n * 99 / 100], t->cpu[t->n - 1]);
}

static void fail(const struct err *err)
{
    fprintf(stderr, "bench_trace_view: %s\n", err->msg);
    exit(1);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    size_t n = argc > 2 ? (size_t)atol(argv[2]) : 200;
    struct timeline *tl = timeline_new();
    if (argc < 2 || !tl) {
        fprintf(stderr, "usage: bench_trace_view FILE [N]\n");
        return 2;
    }
    double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    struct trace_reader *reader = timeline_open(tl, argv[1], &err);
    if (!reader)
        fail(&err);
    const struct trace_event *events;
    size_t n_events;
    double own = 0;
    while (trace_reader_next(reader, &events, &n_events, &err) && n_events) {
        double t = now(CLOCK_THREAD_CPUTIME_ID);
        timeline_events(tl, events, n_events);
        own += now(CLOCK_THREAD_CPUTIME_ID) - t;
    }
    uint64_t done, total;
    trace_reader_progress(reader, &done, &total);
    struct trace *trace = trace_reader_take_trace(reader);
    trace_reader_free(reader);
    if (!timeline_end(tl, &err))
        fail(&err);
    struct timeline_stats s = timeline_stats(tl);
    printf("%s: %.1f MB, %" PRIu64 " events, %u goroutines, %u processors, %u threads, %.3f s\n",
           argv[1], (double)total / 1e6, s.n_events, s.n_goroutines, s.n_procs, s.n_threads,
           (double)s.duration_ns * 1e-9);
    printf("load %.0f ms, of the processor %.0f (the index %.0f, %.1f ns an event); index %.2f MB, "
           "%.2f %% of the file; peak %.1f MB\n",
           now(CLOCK_MONOTONIC) - start, now(CLOCK_PROCESS_CPUTIME_ID) - cpu, own,
           own * 1e6 / (double)s.n_events, (double)s.index_bytes / 1e6,
           (double)s.index_bytes * 100 / (double)total, (double)status_kb("VmHWM:") / 1e3);
    pages_give_back();
    printf("memory %.1f MB, of which the file's pages %.1f\n", (double)status_kb("VmRSS:") / 1e3,
           (double)status_kb("RssFile:") / 1e3);
    static const char *const names[] = {"processors", "threads", "goroutines"};
    for (int view = 0; view < 3; view++) {
        struct timeline_tracks tracks;
        struct times all = {calloc(n, sizeof(double)), calloc(n, sizeof(double)), 0};
        double begin = now(CLOCK_MONOTONIC);
        if (!timeline_tracks(tl, &(struct timeline_selection){.view = (enum timeline_view)view},
                             &tracks, &err))
            fail(&err);
        printf("%s: %u tracks in %.2f ms\n", names[view], tracks.n + tracks.more,
               now(CLOCK_MONOTONIC) - begin);
        size_t n_boxes = 0;
        for (size_t i = 0; i < n; i++) {
            /* Widths from all to a microsecond, evenly in their logarithm. */
            double width = (double)s.duration_ns;
            for (double zoom = random_share() * 20; zoom > 0; zoom -= 1)
                width /= zoom < 1 ? 1 + zoom : 2;
            if (width < 1000)
                width = 1000;
            int64_t step = 1;
            while (step * 2000 < (int64_t)width)
                step *= 2;
            int64_t at = (int64_t)(random_share() * ((double)s.duration_ns - width));
            int64_t from = at / step * step, to = from + (int64_t)(width / (double)step + 1) * step;
            uint32_t first = tracks.n > 50 ? (uint32_t)(random_share() * (tracks.n - 50)) : 0;
            struct timeline_tile tile;
            double t = now(CLOCK_MONOTONIC), c = now(CLOCK_PROCESS_CPUTIME_ID);
            if (!timeline_tile(tl, &tracks, first, 50, from, to, step, &tile, &err))
                fail(&err);
            all.cpu[all.n] = now(CLOCK_PROCESS_CPUTIME_ID) - c;
            all.ms[all.n++] = now(CLOCK_MONOTONIC) - t;
            for (uint32_t k = 0; k < tile.n_tracks; k++)
                for (uint32_t l = 0; l < tile.tracks[k].n_lanes; l++)
                    n_boxes += tile.tracks[k].lanes[l].boxes.n;
            timeline_tile_release(&tile);
        }
        tell("tile", &all);
        printf("  %.0f boxes each\n", (double)n_boxes / (double)n);
        free(all.ms);
        free(all.cpu);
        timeline_tracks_release(&tracks);
    }
    printf("memory %.1f MB, of which the file's pages %.1f; peak %.1f\n",
           (double)status_kb("VmRSS:") / 1e3, (double)status_kb("RssFile:") / 1e3,
           (double)status_kb("VmHWM:") / 1e3);
    timeline_free(tl);
    trace_free(trace);
    return 0;
}
