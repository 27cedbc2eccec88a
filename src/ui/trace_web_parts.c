#include "ui/trace_web_parts.h"

#include "analysis/analysis_text.h"

#include <string.h>

struct str trace_web_text(const struct timeline_texts *texts, uint32_t text)
{
    return text < texts->texts.n ? texts->texts.strings[text] : STR("");
}

void trace_web_texts(struct json *j, const struct timeline_texts *texts)
{
    json_key(j, "texts");
    json_open(j, '[');
    for (uint32_t i = 0; i < texts->texts.n; i++)
        json_string(j, texts->texts.strings[i]);
    json_close(j, ']');
}

int64_t trace_web_id(const struct trace_web_ask *ask, uint32_t goroutine)
{
    return goroutine == TIMELINE_NONE ? -1 : timeline_goroutine(ask->timeline, goroutine).id;
}

const char *trace_web_function(const struct trace_web_ask *ask, uint32_t goroutine)
{
    return goroutine == TIMELINE_NONE ? "" : timeline_function(ask->timeline, goroutine);
}

void trace_web_states(struct json *j, const struct timeline_times *t)
{
    json_key(j, "states");
    json_open(j, '{');
    json_member_int(j, "running", t->running);
    json_member_int(j, "runnable", t->runnable);
    json_member_int(j, "syscall", t->syscall);
    json_member_int(j, "waiting", t->sync + t->network + t->sleep + t->gc + t->other + t->idle);
    json_close(j, '}');
}

void trace_web_frame_place(const struct trace *trace, const struct trace_frame *frame,
                           struct buf *out)
{
    const char *file = trace_string(trace, frame->file, NULL);
    if (*file)
        buf_printf(out, "%s:%llu", file, (unsigned long long)frame->line);
}

void trace_web_place(const struct trace *trace, uint32_t frame, struct buf *out)
{
    if (frame != UINT32_MAX)
        trace_web_frame_place(trace, trace_frame(trace, frame), out);
}

void trace_web_member(struct json *j, const char *key, const struct buf *text)
{
    json_member(j, key, (struct str){buf_str(text), text->len});
    j->out->failed |= text->failed;
}

void trace_web_stack(const struct trace_web_ask *ask, struct json *j, const char *key,
                     uint32_t stack)
{
    const struct trace_stack s = trace_stack(ask->trace, stack);
    AUTO_BUF place = {0};
    json_key(j, key);
    json_open(j, '[');
    for (uint32_t i = 0; i < s.n_frames; i++) {
        buf_clear(&place);
        trace_web_place(ask->trace, s.frames[i], &place);
        json_open(j, '{');
        json_member(
            j, "name",
            str_of(trace_string(ask->trace, trace_frame(ask->trace, s.frames[i])->func, NULL)));
        trace_web_member(j, "place", &place);
        json_close(j, '}');
    }
    json_close(j, ']');
}

void trace_web_where(const struct trace *trace, uint32_t stack, struct buf *out)
{
    if (stack)
        analysis_text_site(out, trace, stack, "");
}

const char *trace_web_profile_of(const char *reason)
{
    if (analysis_is_network(reason))
        return "net";
    if (strstr(reason, "chan") || strstr(reason, "sync") || strstr(reason, "select"))
        return "sync";
    return "states";
}
