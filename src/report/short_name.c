#include "report/short_name.h"

#include <string.h>

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_lower(c) || is_upper(c) || is_digit(c) || c == '_';
}

static bool is_name_start(char c)
{
    return is_lower(c) || is_upper(c) || c == '_';
}

static struct str slice(struct str s, size_t begin, size_t end)
{
    return (struct str){s.p + begin, end - begin};
}

/* The index behind the characters from i on that are of words (or `also`). */
static size_t skip_word(struct str s, size_t i, char also)
{
    while (i < s.len && (is_word(s.p[i]) || (also && s.p[i] == also)))
        i++;
    return i;
}

static bool at(struct str s, size_t i, const char *text)
{
    size_t n = strlen(text);
    return s.len - i >= n && !memcmp(s.p + i, text, n);
}

/* Where a line that begins at i ends. */
static size_t line_end(struct str s, size_t i)
{
    const char *newline = i < s.len ? memchr(s.p + i, '\n', s.len - i) : NULL;
    return newline ? (size_t)(newline - s.p) : s.len;
}

/* Take the first "/vN" (N at least 2, before '.' or '/') out of a one-line name. */
static struct str cut_version(struct str s, struct buf *scratch)
{
    if (line_end(s, 0) != s.len)
        return s;
    for (size_t i = 0; i + 3 < s.len; i++) {
        if (s.p[i] != '/' || s.p[i + 1] != 'v' || s.p[i + 2] < '1' || !is_digit(s.p[i + 2]))
            continue;
        size_t end = i + 3;
        while (end < s.len && is_digit(s.p[end]))
            end++;
        bool is_version = end - i > 3 || s.p[i + 2] >= '2';
        if (!is_version || end == s.len || (s.p[end] != '.' && s.p[end] != '/'))
            continue;
        buf_clear(scratch);
        buf_add(scratch, s.p, i);
        buf_add(scratch, s.p + end, s.len - end);
        return (struct str){buf_str(scratch), scratch->len};
    }
    return s;
}

/* Go: "a.b/c-d/pkg.Func" is "pkg.Func". */
static bool cut_go(struct str s, struct str *out)
{
    size_t n_prefix = 0; /* of folders */
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '/') {
            if (i == n_prefix)
                break;
            n_prefix = i + 1;
        } else if (!is_word(s.p[i]) && s.p[i] != '-' && s.p[i] != '.') {
            break;
        }
    }
    /* The longest prefix that leaves something, a dot, and something. */
    for (size_t begin = n_prefix; begin; begin--) {
        if (s.p[begin - 1] != '/')
            continue;
        const char *dot = memchr(s.p + begin, '.', s.len - begin);
        size_t d = dot ? (size_t)(dot - s.p) : 0;
        if (!dot || d == begin || line_end(s, d + 1) == d + 1)
            continue;
        *out = slice(s, begin, line_end(s, d + 1));
        return true;
    }
    return false;
}

/* Java: "com.example.Class.method(args)" is "Class.method". */
static bool cut_java(struct str s, struct str *out)
{
    size_t begin = 0;
    while (begin < s.len && is_lower(s.p[begin])) {
        size_t end = skip_word(s, begin, 0);
        if (end == s.len || s.p[end] != '.')
            return false;
        begin = end + 1;
    }
    if (begin == s.len || !is_upper(s.p[begin]))
        return false;
    size_t end = skip_word(s, begin, '$');
    if (end == s.len || s.p[end] != '.')
        return false;
    end++;
    if (at(s, end, "<init>"))
        end += strlen("<init>");
    else if (end < s.len && is_lower(s.p[end]))
        end = skip_word(s, end, '$');
    else
        return false;
    if (end != s.len && s.p[end] != '(')
        return false;
    *out = slice(s, begin, end);
    return true;
}

/* "Class::method", "~method" and "method<...>" from i on. */
static bool cpp_method(struct str s, size_t i, struct str *out)
{
    size_t begin = i;
    while (i < s.len && s.p[i] == '_')
        i++;
    if (i == s.len || !is_upper(s.p[i]))
        return false;
    i = skip_word(s, i, 0);
    if (!at(s, i, "::"))
        return false;
    i += 2;
    if (i < s.len && s.p[i] == '~')
        i++;
    if (i == s.len || !is_name_start(s.p[i]))
        return false;
    i = skip_word(s, i, 0);
    if (i < s.len && s.p[i] == '<') {
        const char *close = memrchr(s.p + i, '>', line_end(s, i) - i);
        if (close)
            i = (size_t)(close - s.p) + 1;
    }
    *out = slice(s, begin, i);
    return true;
}

/* C++: "ns::inner::Class::method" is "Class::method", with as many namespaces cut
 * as leave that. */
static bool cut_cpp(struct str s, struct str *out)
{
    size_t i = 0;
    bool found = false;
    while (i < s.len && is_name_start(s.p[i])) {
        i = skip_word(s, i, 0);
        if (!at(s, i, "::"))
            break;
        i += 2;
        found |= cpp_method(s, i, out);
    }
    return found;
}

struct str short_name(struct str name, struct buf *scratch)
{
    struct str out;
    if (str_has_prefix(name, STR("(anonymous namespace)::")))
        name = slice(name, strlen("(anonymous namespace)::"), name.len);
    name = cut_version(name, scratch);
    if (cut_go(name, &out) || cut_java(name, &out) || cut_cpp(name, &out))
        return out;
    return name;
}
