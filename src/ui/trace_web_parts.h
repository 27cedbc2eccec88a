/* trace_web_parts: what answers of the page of a trace are put together from.
 * In: numbers of the trace and of the timeline.  Out: members of an open JSON object.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_TRACE_WEB_PARTS_H
#define SONDE_UI_TRACE_WEB_PARTS_H

#include "timeline/timeline_view.h"
#include "ui/trace_web_site.h"

/* A text as it was added; "" for 0. */
struct str trace_web_text(const struct timeline_texts *texts, uint32_t text);
/* "texts": [...] */
void trace_web_texts(struct json *j, const struct timeline_texts *texts);

/* A column: KEY: [...], where `expression` is a number made of i. */
#define TRACE_WEB_COLUMN(j, key, n, expression)                                                    \
    do {                                                                                           \
        json_key((j), (key));                                                                      \
        json_open((j), '[');                                                                       \
        for (size_t i = 0; i < (n); i++)                                                           \
            json_int((j), (int64_t)(expression));                                                  \
        json_close((j), ']');                                                                      \
    } while (0)

/* The id of a goroutine's number; -1: none. */
int64_t trace_web_id(const struct trace_web_ask *ask, uint32_t goroutine);
/* Its start function; "". */
const char *trace_web_function(const struct trace_web_ask *ask, uint32_t goroutine);

/* "/path/file.go:12" of a frame; "". */
void trace_web_frame_place(const struct trace *trace, const struct trace_frame *frame,
                           struct buf *out);
void trace_web_place(const struct trace *trace, uint32_t frame, struct buf *out);
/* KEY: [{name, place}, ...] of a stack. */
void trace_web_stack(const struct trace_web_ask *ask, struct json *j, const char *key,
                     uint32_t stack);
/* "main.work file.go:12" of the frame that a reader looks for (analysis_site); "". */
void trace_web_where(const struct trace *trace, uint32_t stack, struct buf *out);

/* "states": what goroutines did with their time. */
void trace_web_states(struct json *j, const struct timeline_times *times);

/* KEY: text */
void trace_web_member(struct json *j, const char *key, const struct buf *text);

/* What waiting is called in the trace, as the kinds of src/web/trace/data.ts, and the profile
 * that has its stacks; "". */
const char *trace_web_profile_of(const char *reason);

#endif
