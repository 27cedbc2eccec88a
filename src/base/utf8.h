/* utf8: is text valid UTF-8, a character at a time.
 * Threads: any.  Signals: no. */
#ifndef SONDE_BASE_UTF8_H
#define SONDE_BASE_UTF8_H

#include "base/str.h"

#include <stdint.h>

#define UTF8_BYTES_MAX 4
#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, for what is not valid */

/* The bytes of the character that s, which is not empty, begins with; 0 where it
 * is not valid UTF-8. */
static inline size_t utf8_len(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (len > s.len || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    /* Overlong forms, surrogates and what lies beyond Unicode. */
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

/* The character of that many valid bytes. */
static inline uint32_t utf8_char(const char *bytes, size_t len)
{
    uint32_t c = (unsigned char)bytes[0] & (len > 1 ? 0x7fu >> len : 0x7fu);
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)bytes[i] & 0x3f);
    return c;
}

#endif
