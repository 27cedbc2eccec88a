#include "format/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SHOWN_BYTES 60

bool text_next(struct text *t)
{
    t->line = (struct str){"", 0};
    if (t->p == t->end)
        return false;
    size_t left = (size_t)(t->end - t->p);
    const char *end = memchr(t->p, '\n', left);
    size_t len = end ? (size_t)(end - t->p) : left;
    t->line = (struct str){t->p, len};
    t->p += len + (end != NULL);
    t->number++;
    if (len && t->line.p[len - 1] == '\r')
        t->line.len--;
    return true;
}

bool text_next_content(struct text *t)
{
    while (text_next(t))
        if (!text_is_comment(t->line))
            return true;
    return false;
}

bool text_malformed(const struct text *t, struct err *err, const char *fmt, ...)
{
    char what[256], shown[SHOWN_BYTES + 1];
    size_t n = t->line.len < SHOWN_BYTES ? t->line.len : SHOWN_BYTES;
    for (size_t i = 0; i < n; i++)
        shown[i] = t->line.p[i] >= ' ' && t->line.p[i] <= '~' ? t->line.p[i] : '?';
    shown[n] = '\0';
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(err, ERR_INPUT, "malformed profile: %s at line %" PRIu64 ": '%s%s'", what,
                   t->number, shown, n < t->line.len ? "..." : "");
}

/* The length of the blank that begins at p, 0 if none does. */
static size_t blank_length(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    if (u[0] == ' ' || (u[0] >= '\t' && u[0] <= '\r'))
        return 1;
    if (u[0] < 0xc2 || end - p < 2)
        return 0;
    if (u[0] == 0xc2 && (u[1] == 0x85 || u[1] == 0xa0))
        return 2;
    if (end - p < 3)
        return 0;
    unsigned c = (u[0] & 15u) << 12 | (u[1] & 63u) << 6 | (u[2] & 63u);
    bool is_blank = (u[0] & 0xf0) == 0xe0 && (u[1] & 0xc0) == 0x80 && (u[2] & 0xc0) == 0x80 &&
                    (c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
                     c == 0x202f || c == 0x205f || c == 0x3000);
    return is_blank ? 3 : 0;
}

/* The length of the blank that ends at `end`. */
static size_t blank_before(const char *begin, const char *end)
{
    for (ptrdiff_t n = 1; n <= 3 && n <= end - begin; n++)
        if (blank_length(end - n, end) == (size_t)n)
            return (size_t)n;
    return 0;
}

struct str text_trim(struct str s)
{
    const char *end = s.p + s.len;
    for (size_t n; s.p < end && (n = blank_length(s.p, end)); s.p += n)
        ;
    for (size_t n; s.p < end && (n = blank_before(s.p, end)); end -= n)
        ;
    s.len = (size_t)(end - s.p);
    return s;
}

bool text_is_comment(struct str line)
{
    line = text_trim(line);
    return line.len == 0 || line.p[0] == '#';
}

bool text_contains(struct str s, struct str part)
{
    return memmem(s.p, s.len, part.p, part.len) != NULL;
}

const char *text_last(struct str s, char c)
{
    for (size_t i = s.len; i-- > 0;)
        if (s.p[i] == c)
            return s.p + i;
    return NULL;
}

struct str text_split(struct str *s, char c)
{
    const char *at = s->len ? memchr(s->p, c, s->len) : NULL;
    struct str head = {s->p, at ? (size_t)(at - s->p) : s->len};
    size_t n = head.len + (at != NULL);
    *s = (struct str){s->p + n, s->len - n};
    return head;
}

bool text_take_digits(struct str *s, bool may_be_negative, struct str *digits)
{
    struct str rest = *s;
    if (may_be_negative)
        text_take(&rest, '-');
    if (!rest.len || !text_is_digit(*rest.p))
        return false;
    while (rest.len && text_is_digit(*rest.p)) {
        rest.p++;
        rest.len--;
    }
    *digits = (struct str){s->p, (size_t)(rest.p - s->p)};
    *s = rest;
    return true;
}

/* -1 if it is none. */
static int digit_value(char c)
{
    if (text_is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool magnitude(struct str s, unsigned base, uint64_t *value)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        int digit = digit_value(s.p[i]);
        if (digit < 0 || (unsigned)digit >= base || __builtin_mul_overflow(v, base, &v) ||
            __builtin_add_overflow(v, (uint64_t)digit, &v))
            return false;
    }
    *value = v;
    return s.len > 0;
}

bool text_hex(struct str s, uint64_t *value)
{
    return magnitude(s, 16, value);
}

/* After the sign. */
static bool with_prefix(struct str s, uint64_t *value)
{
    char c = s.len > 1 && s.p[0] == '0' ? (char)(s.p[1] | 0x20) : '\0';
    if (c == 'x' || c == 'o' || c == 'b')
        return magnitude((struct str){s.p + 2, s.len - 2}, c == 'x' ? 16 : c == 'o' ? 8 : 2, value);
    return magnitude(s, s.len > 1 && s.p[0] == '0' ? 8 : 10, value);
}

static bool with_sign(struct str s, bool any_base, int64_t *value)
{
    uint64_t v;
    bool is_negative = s.len && s.p[0] == '-';
    if (s.len && (s.p[0] == '-' || s.p[0] == '+'))
        s = (struct str){s.p + 1, s.len - 1};
    if (!(any_base ? with_prefix(s, &v) : magnitude(s, 10, &v)) ||
        v > (uint64_t)INT64_MAX + is_negative)
        return false;
    *value = (int64_t)(is_negative ? 0 - v : v);
    return true;
}

bool text_decimal(struct str s, int64_t *value)
{
    return with_sign(s, false, value);
}

bool text_number(struct str s, int64_t *value)
{
    return with_sign(s, true, value);
}

/* The value of a digit, up to "f" in lower case, plus 1; 0 if it is none. */
static const uint8_t lower_hex[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

struct str text_addresses(struct str s)
{
    size_t n = 0;
    while (n < s.len && (lower_hex[(uint8_t)s.p[n]] || s.p[n] == 'x' || s.p[n] == ' '))
        n++;
    return (struct str){s.p, n};
}

enum text_address text_address(struct str *s, uint64_t *address)
{
    const char *p = s->p, *end = s->p + s->len;
    while (end - p >= 3 && (p[0] != '0' || p[1] != 'x' || !lower_hex[(uint8_t)p[2]]))
        p++;
    *s = (struct str){end, 0};
    if (end - p < 3)
        return TEXT_NO_ADDRESS;
    uint64_t v = 0, lost = 0;
    unsigned digit;
    for (p += 2; p < end && (digit = lower_hex[(uint8_t)*p]); p++) {
        lost |= v >> 60;
        v = v << 4 | (digit - 1);
    }
    *s = (struct str){p, (size_t)(end - p)};
    *address = v;
    return lost ? TEXT_ADDRESS_TOO_LARGE : TEXT_ADDRESS;
}
