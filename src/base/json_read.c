#include "base/json_read.h"

#include "base/utf8.h"

#define DEPTH_MAX 1000

static const char no_memory[] = "out of memory";

struct json_reader json_reader_of(const void *data, size_t len)
{
    const char *p = len ? data : "";
    return (struct json_reader){.begin = p, .p = p, .end = p + len};
}

void json_wrong(struct json_reader *r, const char *what)
{
    if (!r->wrong)
        r->wrong = what;
}

void json_no_memory(struct json_reader *r)
{
    json_wrong(r, no_memory);
}

static void skip_blanks(struct json_reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
}

/* The next character that is no blank, or '\0' (which is never right) at the end. */
static char next_char(struct json_reader *r)
{
    if (r->wrong)
        return '\0';
    skip_blanks(r);
    if (r->p == r->end)
        json_wrong(r, "it ends too early");
    return r->p < r->end ? *r->p : '\0';
}

static bool is_digit(const struct json_reader *r)
{
    return r->p < r->end && *r->p >= '0' && *r->p <= '9';
}

enum json_kind json_peek(struct json_reader *r)
{
    switch (next_char(r)) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'n':
        return JSON_NULL;
    default:
        if (!r->wrong && *r->p != '-' && !is_digit(r))
            json_wrong(r, "a value was expected");
        return r->wrong ? JSON_NULL : JSON_NUMBER;
    }
}

/* Is the next value of that kind; if not, that is wrong. */
static bool expect(struct json_reader *r, enum json_kind kind)
{
    static const char *const what[] = {
        [JSON_NULL] = "null was expected",       [JSON_BOOL] = "true or false was expected",
        [JSON_NUMBER] = "a number was expected", [JSON_STRING] = "a text was expected",
        [JSON_ARRAY] = "a list was expected",    [JSON_OBJECT] = "an object was expected"};
    if (json_peek(r) != kind)
        json_wrong(r, what[kind]);
    return !r->wrong;
}

bool json_enter(struct json_reader *r, enum json_kind kind)
{
    if (!expect(r, kind))
        return false;
    if (r->depth == DEPTH_MAX) {
        json_wrong(r, "it is nested too deeply");
        return false;
    }
    r->p++;
    r->depth++;
    r->is_first = true;
    return true;
}

/* To the next item or member: false at `close`, which is passed. */
static bool next(struct json_reader *r, char close)
{
    char c = next_char(r);
    bool is_first = r->is_first;
    r->is_first = false;
    if (r->wrong)
        return false;
    if (c == close) {
        r->p++;
        r->depth--;
        return false;
    }
    if (is_first)
        return true;
    if (c != ',') {
        json_wrong(r, close == ']' ? "',' or ']' was expected" : "',' or '}' was expected");
        return false;
    }
    r->p++;
    return true;
}

bool json_next_item(struct json_reader *r)
{
    return next(r, ']');
}

bool json_next_key(struct json_reader *r, struct buf *key)
{
    if (!next(r, '}'))
        return false;
    json_read_string(r, key);
    if (next_char(r) != ':')
        json_wrong(r, "':' was expected");
    if (!r->wrong)
        r->p++;
    return !r->wrong;
}

static void read_word(struct json_reader *r, struct str word)
{
    if (!str_has_prefix((struct str){r->p, (size_t)(r->end - r->p)}, word))
        json_wrong(r, "a value was expected");
    else
        r->p += word.len;
}

void json_read_bool(struct json_reader *r, bool *value)
{
    if (!expect(r, JSON_BOOL))
        return;
    bool is_true = *r->p == 't';
    read_word(r, is_true ? STR("true") : STR("false"));
    if (!r->wrong)
        *value = is_true;
}

static void pass_digits(struct json_reader *r)
{
    if (!is_digit(r))
        json_wrong(r, "a digit was expected");
    while (is_digit(r))
        r->p++;
}

void json_read_number(struct json_reader *r, struct str *value)
{
    if (!expect(r, JSON_NUMBER))
        return;
    const char *begin = r->p;
    r->p += *r->p == '-';
    if (r->p < r->end && *r->p == '0')
        r->p++; /* no digits behind it */
    else
        pass_digits(r);
    if (r->p < r->end && *r->p == '.') {
        r->p++;
        pass_digits(r);
    }
    if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            r->p++;
        pass_digits(r);
    }
    if (!r->wrong)
        *value = (struct str){begin, (size_t)(r->p - begin)};
}

/* Four hexadecimal digits at p, or -1. */
static long read_hex(const struct json_reader *r, const char *p)
{
    long v = 0;
    if (r->end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int c = (unsigned char)p[i], low = c | 0x20;
        if (c >= '0' && c <= '9')
            v = v << 4 | (c - '0');
        else if (low >= 'a' && low <= 'f')
            v = v << 4 | (low - 'a' + 10);
        else
            return -1;
    }
    return v;
}

static void add_char(struct buf *out, unsigned long c)
{
    if (c < 0x80) {
        buf_putc(out, (char)c);
    } else if (c < 0x800) {
        buf_putc(out, (char)(0xc0 | c >> 6));
        buf_putc(out, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_putc(out, (char)(0xe0 | c >> 12));
        buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_putc(out, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_putc(out, (char)(0xf0 | c >> 18));
        buf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
        buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_putc(out, (char)(0x80 | (c & 0x3f)));
    }
}

/* p is behind "\u": a character, of two such where they are halves of one. */
static void read_unicode(struct json_reader *r, struct buf *out)
{
    long c = read_hex(r, r->p);
    if (c < 0) {
        json_wrong(r, "four hexadecimal digits were expected");
        return;
    }
    r->p += 4;
    bool is_half = c >= 0xd800 && c < 0xe000;
    if (c >= 0xd800 && c < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
        long low = read_hex(r, r->p + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            add_char(out,
                     0x10000 + (((unsigned long)c - 0xd800) << 10 | ((unsigned long)low - 0xdc00)));
            r->p += 6;
            return;
        }
    }
    if (is_half)
        buf_puts(out, UTF8_REPLACEMENT);
    else
        add_char(out, (unsigned long)c);
}

static void read_escape(struct json_reader *r, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = r->p < r->end ? *r->p : '\0';
    const char *known = c ? strchr(from, c) : NULL;
    if (known) {
        buf_putc(out, to[known - from]);
        r->p++;
    } else if (c == 'u') {
        r->p++;
        read_unicode(r, out);
    } else {
        json_wrong(r, "unknown escape in a text");
    }
}

void json_read_string(struct json_reader *r, struct buf *value)
{
    buf_clear(value);
    if (!expect(r, JSON_STRING))
        return;
    r->p++;
    while (!r->wrong) {
        if (r->p == r->end || (unsigned char)*r->p < 0x20) {
            json_wrong(r, r->p == r->end ? "it ends in a text"
                                         : "control character in a text (a line break?)");
        } else if (*r->p == '"') {
            r->p++;
            if (value->failed)
                json_no_memory(r);
            return;
        } else if (*r->p == '\\') {
            r->p++;
            read_escape(r, value);
        } else {
            size_t len = utf8_len((struct str){r->p, (size_t)(r->end - r->p)});
            if (len)
                buf_add(value, r->p, len);
            else
                buf_puts(value, UTF8_REPLACEMENT);
            r->p += len ? len : 1;
        }
    }
}

void json_skip(struct json_reader *r)
{
    AUTO_BUF text = {0};
    struct str number;
    bool yes;
    switch (json_peek(r)) {
    case JSON_NULL:
        if (!r->wrong)
            read_word(r, STR("null"));
        break;
    case JSON_BOOL:
        json_read_bool(r, &yes);
        break;
    case JSON_NUMBER:
        json_read_number(r, &number);
        break;
    case JSON_STRING:
        json_read_string(r, &text);
        break;
    case JSON_ARRAY: /* no deeper than json_enter allows */
        json_enter(r, JSON_ARRAY);
        while (json_next_item(r))
            json_skip(r);
        break;
    case JSON_OBJECT:
        json_enter(r, JSON_OBJECT);
        while (json_next_key(r, &text))
            json_skip(r);
        break;
    }
}

bool json_finish(struct json_reader *r, struct err *err)
{
    if (!r->wrong) {
        skip_blanks(r);
        if (r->p < r->end)
            json_wrong(r, "something follows the end");
    }
    if (!r->wrong)
        return true;
    if (r->wrong == no_memory)
        return err_nomem(err);
    unsigned line = 1;
    for (const char *p = r->begin; p < r->p; p++)
        line += *p == '\n';
    return err_set(err, ERR_INPUT, "line %u: %s", line, r->wrong);
}
