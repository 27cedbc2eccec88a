/* text: profiles that are lines of text, and the numbers in them, as Go reads them.
 *
 *   struct text t = text_of(data, len);
 *   while (text_next(&t))
 *       ... t.line ...
 *
 * In: bytes, borrowed.  Errors: ERR_INPUT, "malformed profile: what at line N".
 * Threads: any.  Signals: no. */
#ifndef SONDE_FORMAT_TEXT_H
#define SONDE_FORMAT_TEXT_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

struct text {
    const char *p, *end; /* what is left */
    struct str line;     /* the current line, without its end */
    uint64_t number;     /* of that line, from 1 */
};

static inline struct text text_of(const void *data, size_t len)
{
    const char *p = data;
    return (struct text){p, len ? p + len : p, {"", 0}, 0};
}

/* On to the next line; false after the last, `line` is "" then. */
bool text_next(struct text *t);
/* Is the current line the last, without a line end? */
static inline bool text_is_cut(const struct text *t)
{
    return t->p == t->end && t->line.p + t->line.len == t->end;
}
/* On to the next line that is neither blank nor a comment. */
bool text_next_content(struct text *t);

/* Always false, for `return text_malformed(...)`; shows a piece of the line. */
bool text_malformed(const struct text *t, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Without what Unicode calls blank at either end. */
struct str text_trim(struct str s);
bool text_is_comment(struct str line); /* or blank */
bool text_contains(struct str s, struct str part);
/* The last `c` in s, NULL if there is none. */
const char *text_last(struct str s, char c);
/* Cut s at the first `c`: what is before it, and *s becomes what follows.  Without
 * one all of s, and *s becomes "". */
struct str text_split(struct str *s, char c);

static inline bool text_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Take what *s begins with: a character, blanks (' ' only), decimal digits after
 * perhaps a '-'.  False when it is not there. */
static inline bool text_take(struct str *s, char c)
{
    if (!s->len || *s->p != c)
        return false;
    s->p++;
    s->len--;
    return true;
}
static inline void text_take_blanks(struct str *s)
{
    while (text_take(s, ' '))
        ;
}
bool text_take_digits(struct str *s, bool may_be_negative, struct str *digits);

/* All of s as a number: decimal, or (text_number) with the prefix 0x, 0, 0o or 0b of
 * another base.  False when it is none or not within 64 bits. */
bool text_decimal(struct str s, int64_t *value);
bool text_number(struct str s, int64_t *value);
bool text_hex(struct str s, uint64_t *value);

/* What of s may be a list of addresses: up to the first other character. */
struct str text_addresses(struct str s);

enum text_address { TEXT_ADDRESS, TEXT_NO_ADDRESS, TEXT_ADDRESS_TOO_LARGE };

/* The next "0x1f" in *s, lower case; *s becomes what follows it. */
enum text_address text_address(struct str *s, uint64_t *address);

#endif
