#include "trace/trace_parsed.h"

#include "base/go_quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void named_int(struct buf *out, const char *name, int64_t value)
{
    buf_puts(out, name);
    buf_int(out, value, 0);
}

static void named_uint(struct buf *out, const char *name, uint64_t value)
{
    buf_puts(out, name);
    buf_uint(out, value, 0);
}

static void value(struct buf *out, const char *name, uint64_t value)
{
    buf_puts(out, name);
    named_uint(out, "Value{Uint64(", value);
    buf_puts(out, ")}");
}

static void quoted(struct buf *out, const char *name, const struct trace *trace, uint32_t string)
{
    struct str s;
    s.p = trace_string(trace, string, &s.len);
    buf_puts(out, name);
    go_quote(out, s, false);
}

static void text(struct buf *out, const struct trace *trace, uint32_t string)
{
    size_t n;
    const char *p = trace_string(trace, string, &n);
    buf_add(out, p, n);
}

static void stack(struct buf *out, const struct trace *trace, uint32_t number)
{
    struct trace_stack stack = trace_stack(trace, number);
    for (uint32_t i = 0; i < stack.n_frames; i++) {
        const struct trace_frame *frame = trace_frame(trace, stack.frames[i]);
        buf_putc(out, '\t');
        text(out, trace, frame->func);
        buf_puts(out, " @ 0x");
        buf_hex(out, frame->pc, 0);
        buf_puts(out, "\n\t\t");
        text(out, trace, frame->file);
        named_uint(out, ":", frame->line);
        buf_putc(out, '\n');
    }
}

/* RFC 3339 in the local time zone, without zeros at the end of the fraction. */
static void wall(struct buf *out, int64_t s, uint32_t ns)
{
    time_t seconds = s;
    struct tm tm;
    if (!localtime_r(&seconds, &tm)) {
        named_int(out, "", s);
        return;
    }
    buf_printf(out, "%04lld-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900LL, tm.tm_mon + 1,
               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (ns) {
        char digits[16];
        int n = snprintf(digits, sizeof digits, ".%09u", ns);
        while (digits[n - 1] == '0')
            n--;
        buf_add(out, digits, (size_t)n);
    }
    long offset = tm.tm_gmtoff / 60;
    if (offset == 0)
        buf_putc(out, 'Z');
    else
        buf_printf(out, "%c%02ld:%02ld", offset < 0 ? '-' : '+', labs(offset) / 60,
                   labs(offset) % 60);
}

static void range(struct buf *out, const struct trace *trace, const struct trace_event *event,
                  bool is_end)
{
    static const char *const scopes[] = {"None", "Goroutine(", "Proc(", "Thread("};
    char name[256];
    struct trace_range range;
    trace_event_range(trace, event, name, &range);
    if (event->type == GOTRACE_STW_BEGIN || event->type == GOTRACE_STW_END) {
        AUTO_BUF whole = {0}; /* however long it is */
        buf_puts(&whole, "stop-the-world (");
        text(&whole, trace, (uint32_t)event->args[0]);
        buf_putc(&whole, ')');
        buf_puts(out, " Name=");
        go_quote(out, (struct str){buf_str(&whole), whole.len}, false);
        out->failed |= whole.failed;
    } else {
        buf_printf(out, " Name=\"%s\"", range.name);
    }
    buf_puts(out, " Scope=");
    buf_puts(out, scopes[range.scope]);
    if (range.scope != TRACE_SCOPE_NONE) {
        buf_int(out, range.id, 0);
        buf_putc(out, ')');
    }
    if (!is_end)
        return;
    buf_puts(out, " Attributes=[");
    if (event->type == GOTRACE_GC_SWEEP_END) {
        value(out, "\"bytes swept\"=", event->args[0]);
        value(out, " \"bytes reclaimed\"=", event->args[1]);
    }
    buf_putc(out, ']');
}

static void transition(struct buf *out, const struct trace *trace, const struct trace_event *event)
{
    struct trace_transition t;
    trace_event_transition(event, &t);
    bool is_go = t.scope == TRACE_SCOPE_GOROUTINE;
    named_int(out, is_go ? " GoID=" : " ProcID=", t.id);
    buf_putc(out, ' ');
    buf_puts(out, is_go ? trace_go_state_name((enum trace_go_state)t.from)
                        : trace_proc_state_name((enum trace_proc_state)t.from));
    buf_puts(out, "->");
    buf_puts(out, is_go ? trace_go_state_name((enum trace_go_state)t.to)
                        : trace_proc_state_name((enum trace_proc_state)t.to));
    quoted(out, " Reason=", trace, t.reason);
    /* The stack of a new goroutine is there even when it is none. */
    if (t.stack || event->type == GOTRACE_GO_CREATE || event->type == GOTRACE_GO_CREATE_BLOCKED) {
        buf_puts(out, "\nTransitionStack=\n");
        stack(out, trace, t.stack);
    }
}

static void experimental(struct buf *out, const struct trace_event *event)
{
    const struct gotrace_spec *spec = &gotrace_specs[event->type];
    buf_puts(out, " Name=");
    buf_puts(out, spec->name);
    buf_puts(out, " Args=[");
    const char *name = spec->args + sizeof "dt" - 1;
    for (unsigned i = 0; i + 1 < spec->n_args; i++) {
        size_t n = strcspn(++name, " ");
        if (i)
            buf_puts(out, ", ");
        buf_add(out, name, n);
        value(out, "=", event->args[i]);
        name += n;
    }
    buf_putc(out, ']');
}

static void details(const struct trace *trace, const struct trace_event *event,
                    const struct trace_clock *clock, struct buf *out)
{
    struct trace_metric metric;
    struct trace_task task;
    struct trace_region region;
    struct trace_log log;
    enum trace_kind kind = trace_event_kind(event);
    switch (kind) {
    case TRACE_KIND_METRIC:
        trace_event_metric(event, &metric);
        buf_printf(out, " Name=\"%s\"", metric.name);
        value(out, " Value=", metric.value);
        break;
    case TRACE_KIND_LABEL:
        quoted(out, " Label=", trace, (uint32_t)event->args[0]);
        named_int(out, " Resource=Goroutine(", event->g);
        buf_putc(out, ')');
        break;
    case TRACE_KIND_RANGE_BEGIN:
    case TRACE_KIND_RANGE_ACTIVE:
    case TRACE_KIND_RANGE_END:
        range(out, trace, event, kind == TRACE_KIND_RANGE_END);
        break;
    case TRACE_KIND_TASK_BEGIN:
    case TRACE_KIND_TASK_END:
        trace_event_task(event, &task);
        named_uint(out, " ID=", task.id);
        named_uint(out, " Parent=", task.parent);
        quoted(out, " Type=", trace, task.name);
        break;
    case TRACE_KIND_REGION_BEGIN:
    case TRACE_KIND_REGION_END:
        trace_event_region(event, &region);
        named_uint(out, " Task=", region.task);
        quoted(out, " Type=", trace, region.name);
        break;
    case TRACE_KIND_LOG:
        trace_event_log(event, &log);
        named_uint(out, " Task=", log.task);
        quoted(out, " Category=", trace, log.category);
        quoted(out, " Message=", trace, log.message);
        break;
    case TRACE_KIND_TRANSITION:
        transition(out, trace, event);
        break;
    case TRACE_KIND_EXPERIMENTAL:
        experimental(out, event);
        break;
    case TRACE_KIND_SYNC:
        named_uint(out, " N=", event->args[0]);
        if (clock->is_known) {
            named_int(out, " Trace=", clock->trace_ns);
            named_uint(out, " Mono=", clock->mono_ns);
            buf_puts(out, " Wall=");
            wall(out, clock->wall_s, clock->wall_ns);
        }
        break;
    default:
        break;
    }
}

void trace_parsed_event(const struct trace *trace, const struct trace_event *event,
                        const struct trace_clock *clock, struct buf *out)
{
    static const char *const kinds[] = {
        [TRACE_KIND_BAD] = " Bad",
        [TRACE_KIND_SYNC] = " Sync",
        [TRACE_KIND_METRIC] = " Metric",
        [TRACE_KIND_LABEL] = " Label",
        [TRACE_KIND_STACK_SAMPLE] = " StackSample",
        [TRACE_KIND_RANGE_BEGIN] = " RangeBegin",
        [TRACE_KIND_RANGE_ACTIVE] = " RangeActive",
        [TRACE_KIND_RANGE_END] = " RangeEnd",
        [TRACE_KIND_TASK_BEGIN] = " TaskBegin",
        [TRACE_KIND_TASK_END] = " TaskEnd",
        [TRACE_KIND_REGION_BEGIN] = " RegionBegin",
        [TRACE_KIND_REGION_END] = " RegionEnd",
        [TRACE_KIND_LOG] = " Log",
        [TRACE_KIND_TRANSITION] = " StateTransition",
        [TRACE_KIND_EXPERIMENTAL] = " Experimental",
    };
    named_int(out, "M=", event->m);
    named_int(out, " P=", event->p);
    named_int(out, " G=", event->g);
    buf_puts(out, kinds[trace_event_kind(event)]);
    named_int(out, " Time=", event->time_ns);
    details(trace, event, clock, out);
    uint32_t number = trace_event_stack(event);
    if (number || event->type == GOTRACE_CPU_SAMPLE) { /* which has one even when it is none */
        buf_puts(out, "\nStack=\n");
        stack(out, trace, number);
    }
    buf_putc(out, '\n');
}

bool trace_parsed(struct trace_reader *reader, struct buf *out, struct err *err)
{
    const struct trace *trace = trace_reader_trace(reader);
    const struct trace_event *events;
    for (size_t n; trace_reader_next(reader, &events, &n, err);) {
        struct trace_clock clock = trace_reader_clock(reader);
        for (size_t i = 0; i < n; i++) {
            trace_parsed_event(trace, &events[i], &clock, out);
            buf_drain(out);
        }
        if (n == 0 || out->failed)
            return true;
    }
    return false;
}
