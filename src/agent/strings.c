/* strings: libc's functions on memory and strings, as libsonde uses them, of its own: those
 * of a program that was built with a sanitizer are the sanitizer's, which are not made for
 * signal handlers and tell the program's user of what we do.
 * They are hidden: only our calls come here.  Threads: any.  Signals: yes. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* In a loop: it is not to become a call of the function it makes. */
#define KEEP_LOOP() __asm__ volatile("")

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    for (; n >= 8; n -= 8, t += 8, f += 8) {
        uint64_t w;
        __builtin_memcpy(&w, f, 8);
        __builtin_memcpy(t, &w, 8);
        KEEP_LOOP();
    }
    for (; n; n--) {
        *t++ = *f++;
        KEEP_LOOP();
    }
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    unsigned char *t = to;
    uint64_t w = (unsigned char)byte * 0x0101010101010101u;
    for (; n >= 8; n -= 8, t += 8) {
        __builtin_memcpy(t, &w, 8);
        KEEP_LOOP();
    }
    for (; n; n--) {
        *t++ = (unsigned char)byte;
        KEEP_LOOP();
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;
    for (; n >= 8; n -= 8, x += 8, y += 8) {
        uint64_t v, w;
        __builtin_memcpy(&v, x, 8);
        __builtin_memcpy(&w, y, 8);
        if (v != w)
            break;
    }
    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n]) {
        n++;
        KEEP_LOOP();
    }
    return n;
}

int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n && *a && *a == *b; a++, b++, n--)
        ;
    return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strcpy(char *restrict to, const char *restrict from)
{
    return memcpy(to, from, strlen(from) + 1);
}

char *strchr(const char *s, int c)
{
    for (; *s != (char)c; s++)
        if (!*s)
            return NULL;
    return (char *)(uintptr_t)s;
}

char *strrchr(const char *s, int c)
{
    const char *found = NULL;
    do
        if (*s == (char)c)
            found = s;
    while (*s++);
    return (char *)(uintptr_t)found;
}

void *memchr(const void *bytes, int c, size_t n)
{
    const unsigned char *p = bytes;
    for (; n; n--, p++)
        if (*p == (unsigned char)c)
            return (void *)(uintptr_t)p;
    return NULL;
}

char *strstr(const char *s, const char *part)
{
    size_t n = strlen(part);
    for (; strncmp(s, part, n) != 0; s++)
        if (!*s)
            return NULL;
    return (char *)(uintptr_t)s;
}

size_t strcspn(const char *s, const char *set)
{
    size_t n = 0;
    while (s[n] && !strchr(set, s[n]))
        n++;
    return n;
}

size_t strspn(const char *s, const char *set)
{
    size_t n = 0;
    while (s[n] && strchr(set, s[n]))
        n++;
    return n;
}

/* Of ASCII's letters: no locale is asked. */

static int small(char c)
{
    return c >= 'A' && c <= 'Z' ? c | 32 : (unsigned char)c;
}

int strncasecmp(const char *a, const char *b, size_t n)
{
    for (; n && *a && small(*a) == small(*b); a++, b++, n--)
        ;
    return n ? small(*a) - small(*b) : 0;
}

int strcasecmp(const char *a, const char *b)
{
    return strncasecmp(a, b, SIZE_MAX);
}
