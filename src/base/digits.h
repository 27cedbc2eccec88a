/* digits: numbers as text, written in place: for what writes millions of them.
 * Each takes where to write, DIGITS_MOST bytes of room at most, and returns where it ended; no NUL.
 * Threads: any.  Signals: yes. */
#ifndef SONDE_BASE_DIGITS_H
#define SONDE_BASE_DIGITS_H

#include <stdint.h>
#include <string.h>

#define DIGITS_MOST 20 /* of an int64_t, with its sign; of a uint64_t */

static inline unsigned digits_count(uint64_t value)
{
    unsigned n = 1;
    for (; value >= 10000; value /= 10000)
        n += 4;
    return n + (value >= 10) + (value >= 100) + (value >= 1000);
}

static inline unsigned digits_count_hex(uint64_t value)
{
    return value ? (unsigned)(67 - __builtin_clzll(value)) / 4 : 1;
}

static inline char *digits_put(char *to, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char *end = to + digits_count(value), *p = end;
    for (; value >= 100; value /= 100)
        memcpy(p -= 2, pairs + 2 * (value % 100), 2);
    if (value >= 10)
        memcpy(p - 2, pairs + 2 * value, 2);
    else
        p[-1] = (char)('0' + value);
    return end;
}

static inline char *digits_put_int(char *to, int64_t value)
{
    if (value < 0)
        *to++ = '-';
    return digits_put(to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static inline char *digits_put_hex(char *to, uint64_t value)
{
    char *end = to + digits_count_hex(value), *p = end;
    do
        *--p = "0123456789abcdef"[value & 15];
    while ((value >>= 4));
    return end;
}

#endif
