#include "ui/trace_web_parts.h"

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

void trace_web_place(const struct trace *trace, uint32_t frame, struct buf *out)
{
    if (frame == UINT32_MAX)
        return;
    const struct trace_frame *f = trace_frame(trace, frame);
    const char *file = trace_string(trace, f->file, NULL);
    if (*file)
        buf_printf(out, "%s:%llu", file, (unsigned long long)f->line);
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

static bool is_below(const char *function)
{
    static const char *const packages[] = {"runtime.",       "sync.",    "internal/sync.",
                                           "internal/poll.", "syscall.", "internal/runtime/",
                                           "time.Sleep"};
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++)
        if (!strncmp(function, packages[i], strlen(packages[i])))
            return true;
    return false;
}

uint32_t trace_web_own_frame(const struct trace *trace, uint32_t stack)
{
    const struct trace_stack s = trace_stack(trace, stack);
    for (uint32_t i = 0; i < s.n_frames; i++)
        if (!is_below(trace_string(trace, trace_frame(trace, s.frames[i])->func, NULL)))
            return s.frames[i];
    return s.n_frames ? s.frames[0] : UINT32_MAX;
}

void trace_web_where(const struct trace *trace, uint32_t stack, struct buf *out)
{
    uint32_t frame = trace_web_own_frame(trace, stack);
    if (frame == UINT32_MAX)
        return;
    const struct trace_frame *f = trace_frame(trace, frame);
    const char *file = trace_string(trace, f->file, NULL), *slash = strrchr(file, '/');
    buf_puts(out, trace_string(trace, f->func, NULL));
    if (*file)
        buf_printf(out, " %s:%llu", slash ? slash + 1 : file, (unsigned long long)f->line);
}

const char *trace_web_profile_of(const char *reason)
{
    if (!strcmp(reason, "network"))
        return "net";
    if (strstr(reason, "chan") || strstr(reason, "sync") || strstr(reason, "select"))
        return "sync";
    return "states";
}
