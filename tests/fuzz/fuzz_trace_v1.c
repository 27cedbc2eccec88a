/* An execution trace of Go 1.5 to 1.21: what comes out keeps to what trace_event.h says. */
#include "trace/trace_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_so, const char *what)
{
    if (!is_so) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void check_event(const struct trace *trace, const struct trace_event *event)
{
    char buf[256];
    struct trace_transition transition;
    struct trace_range range;
    struct trace_task task;
    struct trace_region region;
    struct trace_log log;
    uint32_t n_strings = trace_n_strings(trace), n_stacks = trace_n_stacks(trace);
    check(trace_event_kind(event) != TRACE_KIND_BAD, "no such event");
    uint32_t stack = trace_event_stack(event);
    check(stack < n_stacks, "no such stack");
    for (uint32_t i = 0; i < trace_stack(trace, stack).n_frames; i++)
        check(trace_stack(trace, stack).frames[i] < trace_n_frames(trace), "no such frame");
    if (trace_event_transition(event, &transition))
        check(transition.stack < n_stacks && transition.reason < n_strings, "bad transition");
    if (trace_event_range(trace, event, buf, &range))
        check(strlen(range.name) > 0, "range without a name");
    if (trace_event_task(event, &task))
        check(task.name < n_strings, "bad task");
    if (trace_event_region(event, &region))
        check(region.name < n_strings, "bad region");
    if (trace_event_log(event, &log))
        check(log.category < n_strings && log.message < n_strings, "bad log");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned versions[8] = {5, 7, 8, 9, 10, 11, 19, 21};
    char head[GOTRACE_HEADER_BYTES + 1] = "";
    memcpy(head, data, size < GOTRACE_HEADER_BYTES ? size : GOTRACE_HEADER_BYTES);
    unsigned version = 0;
    if (sscanf(head, "go 1.%u", &version) != 1 || version < 5 || version > 21)
        version = versions[head[5] & 7];
    struct trace_input input = {data, size, version, false};
    struct trace *trace = trace_new();
    struct err err = {0};
    void *source = trace_v1_source.open(&input, trace, &err);
    check(trace && source, "no memory");
    int64_t last_ns = INT64_MIN;
    size_t n_syncs = 0;
    for (bool is_whole = true; is_whole;) {
        struct trace_event events[64];
        struct trace_block block = {.events = events, .cap = 64};
        is_whole = trace_v1_source.next(source, &block, &err);
        check(block.n <= block.cap && (is_whole || err.msg[0]), "bad block");
        for (size_t i = 0; i < block.n; i++) {
            check(events[i].time_ns > last_ns, "time goes back");
            last_ns = events[i].time_ns;
            n_syncs += events[i].type == TRACE_SYNC;
            check(events[i].type != TRACE_SYNC || i == 0, "sync within a block");
            check_event(trace, &events[i]);
        }
        if (block.n == 0)
            break;
    }
    check(n_syncs == 1 || n_syncs == 2, "syncs");
    trace_v1_source.free(source);
    trace_free(trace);
    return 0;
}
