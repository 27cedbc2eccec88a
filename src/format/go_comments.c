#include "format/go_comments.h"

#include <stdlib.h>

/* "0x47e9c5	main.work+0x25	/src/main.go:12", aligned with one or more tabs. */
static bool parse_frame(struct str s, struct go_frame *frame)
{
    struct str fields[3];
    for (int i = 0; i < 3; i++) {
        while (text_take(&s, '\t'))
            ;
        fields[i] = text_split(&s, '\t');
    }
    struct str file = fields[2];
    size_t n = file.len;
    while (n && text_is_digit(file.p[n - 1]))
        n--;
    const char *plus = text_last(fields[1], '+');
    if (!plus || n < 2 || file.p[n - 1] != ':' ||
        !text_decimal((struct str){file.p + n, file.len - n}, &frame->line))
        return false;
    frame->name = (struct str){fields[1].p, (size_t)(plus - fields[1].p)};
    frame->file = (struct str){file.p, n - 1};
    return text_address(&fields[0], &frame->pc) == TEXT_ADDRESS && fields[0].len == 0;
}

static void put_rune(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_putc(out, (char)c);
        return;
    }
    int n = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3; /* bytes after the first */
    buf_putc(out, (char)(0xf0 << (3 - n) | c >> (6 * n)));
    while (n--)
        buf_putc(out, (char)(0x80 | (c >> (6 * n) & 0x3f)));
}

/* The text in double quotes that *s begins with, as Go's %q writes it. */
static bool take_quoted(struct str *s, struct buf *out)
{
    static const char escaped[] = "abfnrtv\\\"'", plain[] = "\a\b\f\n\r\t\v\\\"'";
    buf_clear(out);
    if (!text_take(s, '"'))
        return false;
    while (s->len && *s->p != '"') {
        if (!text_take(s, '\\')) {
            buf_putc(out, *s->p);
            text_take(s, *s->p);
            continue;
        }
        const char *e = s->len ? memchr(escaped, *s->p, sizeof escaped - 1) : NULL;
        size_t n_digits = !s->len ? 0 : *s->p == 'x' ? 2 : *s->p == 'u' ? 4 : *s->p == 'U' ? 8 : 0;
        uint64_t c;
        if (e) {
            buf_putc(out, plain[e - escaped]);
            text_take(s, *s->p);
        } else if (n_digits && s->len > n_digits &&
                   text_hex((struct str){s->p + 1, n_digits}, &c)) {
            if (n_digits == 2)
                buf_putc(out, (char)c);
            else
                put_rune(out, (uint32_t)c & 0x1fffff);
            *s = (struct str){s->p + 1 + n_digits, s->len - 1 - n_digits};
        } else {
            return false;
        }
    }
    return text_take(s, '"');
}

/* {"key":"value", "key":"value"} */
static void add_labels(struct go_comments *c, struct str s)
{
    struct builder *b = c->l->builder;
    struct profile_label label = {0};
    if (!text_take(&s, '{'))
        return;
    do {
        text_take_blanks(&s);
        if (!take_quoted(&s, &c->text))
            return;
        label.key = builder_string(b, (struct str){buf_str(&c->text), c->text.len});
        if (!text_take(&s, ':') || !take_quoted(&s, &c->text))
            return;
        label.str = builder_string(b, (struct str){buf_str(&c->text), c->text.len});
        legacy_label(c->l, &label);
    } while (text_take(&s, ','));
}

void go_comments_add(struct go_comments *c, struct str line)
{
    const struct str labels = STR("# labels: ");
    struct go_frame frame;
    if (c->l->failed || c->l->samples.n == 0)
        return;
    if (str_has_prefix(line, labels))
        add_labels(c, (struct str){line.p + labels.len, line.len - labels.len});
    else if (text_take(&line, '#') && line.len && *line.p == '\t' && parse_frame(line, &frame))
        c->l->failed = !vec_push(&c->frames, frame);
}

/* Give a location the frames of its address that are not its callers' of the same
 * address: a function that calls itself has several of both. */
static void name_location(struct legacy *l, uint32_t location, const struct go_frame *frames,
                          size_t n, size_t n_times)
{
    size_t n_lines = n > n_times ? n / n_times : 1;
    for (size_t i = 0; i < n_lines; i++) {
        uint32_t name = builder_string(l->builder, frames[i].name);
        uint32_t file = builder_string(l->builder, frames[i].file);
        legacy_line(l, location, legacy_function(l, name, file, false), frames[i].line);
    }
}

static void name_frames(struct go_comments *c, size_t at, size_t end)
{
    struct legacy *l = c->l;
    for (size_t i = 0, n; i < c->frames.n; i += n) {
        const struct go_frame *frame = &c->frames.items[i];
        uint32_t location = legacy_find(l, frame->pc);
        for (n = 1; i + n < c->frames.n && frame[n].pc == frame->pc;)
            n++;
        size_t n_times = 0;
        while (at < end && l->frames.items[at] != location)
            at++;
        for (; at < end && l->frames.items[at] == location; at++)
            n_times++;
        if (location != MAP_NONE && !l->failed && l->locations.items[location].n_lines == 0)
            name_location(l, location, frame, n, n_times ? n_times : 1);
    }
}

static bool is_unnamed(const struct legacy *l, size_t frame)
{
    return l->locations.items[l->frames.items[frame]].n_lines == 0;
}

static void name_left_out(struct legacy *l, size_t frame, struct str name, bool is_vague)
{
    uint32_t location = l->frames.items[frame];
    uint32_t function = legacy_function(l, builder_string(l->builder, name), 0, false);
    legacy_line(l, location, function, 0);
    l->locations.items[location].is_vague = is_vague;
}

/* Of stacks that have frames with names, so that the others were left out. */
static void name_others(struct legacy *l, size_t begin, size_t end)
{
    size_t top = begin;
    while (top < end && (is_unnamed(l, top) || l->locations.items[l->frames.items[top]].is_vague))
        top++;
    if (top == end)
        return;
    if (is_unnamed(l, end - 1))
        name_left_out(l, end - 1, STR("runtime.goexit"), false);
    for (size_t i = begin; i < top; i++)
        if (is_unnamed(l, i))
            name_left_out(l, i, STR(GO_LEFT_OUT), true);
}

void go_comments_flush(struct go_comments *c)
{
    struct legacy *l = c->l;
    if (c->frames.n == 0 || l->failed)
        return;
    size_t begin = legacy_frames_begin(l, l->samples.n - 1);
    size_t end = l->samples.items[l->samples.n - 1].frames_end;
    name_frames(c, begin, end);
    name_others(l, begin, end);
    vec_clear(&c->frames);
}

void go_comments_release(struct go_comments *c)
{
    vec_release(&c->frames);
    buf_release(&c->text);
}
