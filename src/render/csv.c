#include "render/csv.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>

static void separate(struct csv *c)
{
    if (c->in_row)
        buf_putc(c->out, ',');
    c->in_row = true;
}

static bool needs_quotes(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr("\",\r\n", text.p[i]))
            return true; /* also of a NUL, which readers had better see as part of a text */
    return text.len && (text.p[0] == ' ' || text.p[text.len - 1] == ' ');
}

void csv_string(struct csv *c, struct str text)
{
    separate(c);
    bool quotes = needs_quotes(text);
    if (quotes)
        buf_putc(c->out, '"');
    for (size_t i = 0; i < text.len;) {
        size_t len = utf8_len((struct str){text.p + i, text.len - i});
        if (text.p[i] == '"')
            buf_putc(c->out, '"');
        if (len)
            buf_add(c->out, text.p + i, len);
        else
            buf_puts(c->out, UTF8_REPLACEMENT);
        i += len ? len : 1;
    }
    if (quotes)
        buf_putc(c->out, '"');
}

void csv_int(struct csv *c, int64_t v)
{
    separate(c);
    buf_printf(c->out, "%" PRId64, v);
}

void csv_decimal(struct csv *c, double v)
{
    if (!(fabs(v) < 1e14))
        v = 0; /* and what is no number at all */
    int64_t n = llround(v * 1e4);
    uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    separate(c);
    buf_printf(c->out, "%s%" PRIu64 ".%04u", n < 0 ? "-" : "", u / 10000, (unsigned)(u % 10000));
}

void csv_empty(struct csv *c)
{
    separate(c);
}

void csv_end_row(struct csv *c)
{
    buf_putc(c->out, '\n');
    c->in_row = false;
}

void csv_head(struct csv *c, const char *row)
{
    buf_puts(c->out, row);
    csv_end_row(c);
}
