#include "agent/cxx_name.h"

#include "agent/cxx_node.h"

#include <string.h>

#define NAME_BYTES_MAX (1u << 15)
#define HASH_LEN 20 /* "17h", 16 digits, "E" */

size_t cxx_name_scratch_bytes(void)
{
    return sizeof(struct cxx);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Of Rust's older scheme: a last part "h" and 16 digits, of which at least five differ. */
static bool is_rust(const char *name, size_t n)
{
    uint32_t seen = 0;
    if (n <= HASH_LEN + 3 || name[2] != 'N' || name[n - 1] != 'E' ||
        memcmp(name + n - HASH_LEN, "17h", 3) != 0)
        return false;
    for (size_t i = n - 17; i < n - 1; i++) {
        char c = name[i];
        if (!is_digit(c) && !(c >= 'a' && c <= 'f'))
            return false;
        seen |= 1u << (is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return __builtin_popcount(seen) >= 5;
}

struct text {
    char *out;
    size_t n, size;
};

static void put(struct text *t, const char *s, size_t n)
{
    for (size_t i = 0; i < n && t->n < t->size; i++)
        t->out[t->n++] = s[i];
}

static uint32_t hex_digit(char c)
{
    return is_digit(c) ? (uint32_t)(c - '0') : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10) : 16;
}

/* One $...$ at the start of [p, p + n): its length, 0 if it is none. */
static size_t rust_escape(const char *p, size_t n, char *c)
{
    static const char codes[][6] = {",$C$",  "@$SP$", "*$BP$", "&$RF$",
                                    "<$LT$", ">$GT$", "($LP$", ")$RP$"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        size_t len = strlen(codes[i]) - 1;
        if (n >= len && memcmp(p, codes[i] + 1, len) == 0) {
            *c = codes[i][0];
            return len;
        }
    }
    if (n < 5 || p[1] != 'u' || p[4] != '$' || hex_digit(p[2]) > 7 || hex_digit(p[3]) > 15)
        return 0;
    *c = (char)(hex_digit(p[2]) * 16 + hex_digit(p[3]));
    return *c >= ' ' && *c < 0x7f ? 5 : 0;
}

static void put_rust_part(struct text *t, const char *p, size_t n)
{
    if (n >= 2 && p[0] == '_' && p[1] == '$')
        p++, n--;
    while (n > 0) {
        size_t len = 1;
        char c = *p;
        if (c == '$' && (len = rust_escape(p, n, &c)) == 0) {
            put(t, p, n);
            return;
        }
        if (n > 1 && p[0] == '.' && p[1] == '.') {
            put(t, "::", 2);
            len = 2;
        } else {
            put(t, &c, 1);
        }
        p += len;
        n -= len;
    }
}

static bool rust_name(const char *name, size_t n, char *out, size_t size)
{
    struct text t = {out, 0, size - 1};
    for (const char *p = name + 3, *end = name + n - HASH_LEN; p < end;) {
        size_t len = 0;
        if (!is_digit(*p))
            return false;
        while (p < end && is_digit(*p)) {
            len = len * 10 + (size_t)(*p++ - '0');
            if (len > NAME_BYTES_MAX)
                return false;
        }
        if (len > (size_t)(end - p))
            return false;
        if (t.n)
            put(&t, "::", 2);
        put_rust_part(&t, p, len);
        p += len;
    }
    out[t.n] = '\0';
    return t.n && t.n < t.size;
}

bool cxx_name(void *scratch, const char *name, char *out, size_t size)
{
    struct cxx *x = scratch;
    size_t n = strlen(name);
    if (n < 3 || n > NAME_BYTES_MAX || size < 2 || name[0] != '_' || name[1] != 'Z')
        return false;
    /* What the compiler made of it says so after a point. */
    const char *point = strrchr(name, 'E');
    size_t n_rust = point && point[1] == '.' ? (size_t)(point - name) + 1 : n;
    if (is_rust(name, n_rust))
        return rust_name(name, n_rust, out, size);
    memset(x, 0, offsetof(struct cxx, nodes));
    x->p = name + 2;
    x->end = name + n;
    x->out = out;
    x->n_out = 0;
    x->size = size;
    uint16_t node = cxx_parse(x);
    return node && cxx_print(x, node);
}
