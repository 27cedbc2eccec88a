#include "render/json.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void separate(struct json *j)
{
    if (j->comma)
        buf_putc(j->out, ',');
    j->comma = true;
}

void json_open(struct json *j, char bracket)
{
    separate(j);
    buf_putc(j->out, bracket);
    j->comma = false;
}

void json_close(struct json *j, char bracket)
{
    buf_putc(j->out, bracket);
    j->comma = true;
}

void json_break(struct json *j)
{
    if (j->comma)
        buf_putc(j->out, ',');
    j->comma = false;
    buf_putc(j->out, '\n');
}

void json_key(struct json *j, const char *key)
{
    separate(j);
    buf_putc(j->out, '"');
    buf_puts(j->out, key);
    buf_puts(j->out, "\":");
    j->comma = false;
}

void json_text_key(struct json *j, struct str key)
{
    json_string(j, key);
    buf_putc(j->out, ':');
    j->comma = false;
}

static void add_escaped(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        buf_putc(out, '\\');
        buf_putc(out, (char)c);
        break;
    case '\n':
        buf_puts(out, "\\n");
        break;
    case '\t':
        buf_puts(out, "\\t");
        break;
    case '\r':
        buf_puts(out, "\\r");
        break;
    default:
        buf_printf(out, "\\u%04x", c);
    }
}

/* Nothing needs to be looked at: so are most. */
static inline bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<';
}

void json_string(struct json *j, struct str text)
{
    separate(j);
    buf_putc(j->out, '"');
    size_t plain = 0; /* begins what needs no escapes */
    for (size_t i = 0; i < text.len;) {
        unsigned char c = (unsigned char)text.p[i];
        if (is_plain(c)) {
            i++;
            continue;
        }
        size_t len = utf8_len((struct str){text.p + i, text.len - i});
        bool escape =
            c < 0x20 || c == '"' || c == '\\' || c == 0x7f || (c == '<' && j->in_html) || !len;
        if (!escape) {
            i += len;
            continue;
        }
        buf_add(j->out, text.p + plain, i - plain);
        if (len)
            add_escaped(j->out, c);
        else
            buf_puts(j->out, UTF8_REPLACEMENT);
        plain = ++i;
    }
    buf_add(j->out, text.p + plain, text.len - plain);
    buf_putc(j->out, '"');
}

/* The digits of v into what ends at `end`: where they begin. */
static inline char *print_digits(char *end, uint64_t v)
{
    for (; v >= 100; v /= 100) { /* two at a time: division is slow */
        *--end = (char)('0' + v % 10);
        *--end = (char)('0' + v % 100 / 10);
    }
    *--end = (char)('0' + v % 10);
    if (v >= 10)
        *--end = (char)('0' + v / 10);
    return end;
}

static inline unsigned count_digits(uint64_t v)
{
    static const uint64_t powers[] = {0,
                                      10,
                                      100,
                                      1000,
                                      10000,
                                      100000,
                                      1000000,
                                      10000000,
                                      100000000,
                                      1000000000,
                                      10000000000u,
                                      100000000000u,
                                      1000000000000u,
                                      10000000000000u,
                                      100000000000000u,
                                      1000000000000000u,
                                      10000000000000000u,
                                      100000000000000000u,
                                      1000000000000000000u,
                                      10000000000000000000u};
    unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1), n = bits * 1233 >> 12;
    return n + (v >= powers[n]);
}

/* Numbers are most of what is sent: straight into the buffer. */
void json_int(struct json *j, int64_t v)
{
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    char *out = buf_reserve(j->out, 24), *p = out;
    if (!out)
        return;
    *p = ',';
    p += j->comma;
    if ((uint64_t)v < 10) { /* most of all */
        *p++ = (char)('0' + v);
        *p = 0;
        j->comma = true;
        j->out->len += (size_t)(p - out);
        return;
    }
    *p = '-';
    p += v < 0;
    p += u ? count_digits(u) : 1;
    print_digits(p, u);
    *p = 0;
    j->comma = true;
    j->out->len += (size_t)(p - out);
}

void json_decimal(struct json *j, int64_t v, unsigned decimals)
{
    char digits[48], *end = digits + sizeof digits, *point;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v, power = 1;
    for (unsigned i = 0; i < decimals; i++)
        power *= 10;
    uint64_t fraction = u % power;
    char *p = end;
    if (fraction) {
        point = print_digits(end, fraction);
        while (point > end - decimals)
            *--point = '0';
        while (end[-1] == '0')
            end--;
        *--point = '.';
        p = point;
    }
    p = print_digits(p, u / power);
    if (v < 0)
        *--p = '-';
    separate(j);
    buf_add(j->out, p, (size_t)(end - p));
}

void json_double(struct json *j, double v)
{
    char text[32];
    if (!isfinite(v))
        v = 0;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    separate(j);
    buf_puts(j->out, text);
}

void json_bool(struct json *j, bool v)
{
    separate(j);
    buf_puts(j->out, v ? "true" : "false");
}

void json_null(struct json *j)
{
    separate(j);
    buf_puts(j->out, "null");
}

void json_member(struct json *j, const char *key, struct str text)
{
    json_key(j, key);
    json_string(j, text);
}

void json_member_int(struct json *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_int(j, v);
}

void json_member_double(struct json *j, const char *key, double v)
{
    json_key(j, key);
    json_double(j, v);
}

void json_member_bool(struct json *j, const char *key, bool v)
{
    json_key(j, key);
    json_bool(j, v);
}
