#include "base/regex.h"

#include "base/utf8.h"

#include <cstring>
#include <new>
#include <re2/re2.h>
#include <string>
#include <string_view>

/* A pattern that is plain ASCII text, as most are that people give and all of names that were
 * X. */
struct plain {
    bool is_plain, at_begin, at_end;
    std::string text;
};

static bool is_special(char c)
{
    return strchr("\\.+*?()|[]{}^$", c) != nullptr; /* and the NUL */
}

static plain find_plain(const char *p)
{
    plain found = {true, *p == '^', false, ""};
    for (p += found.at_begin; *p; p++) {
        if (*p == '$' && !p[1]) {
            found.at_end = true;
            break;
        }
        if (*p == '\\' && p[1] && is_special(p[1]))
            p++;
        else if (is_special(*p) || (unsigned char)*p >= 0x80)
            return {};
        found.text.push_back(*p);
    }
    return found;
}

static bool match_plain(const plain &p, std::string_view s)
{
    if (p.at_begin && p.at_end)
        return s == p.text;
    if (p.at_begin)
        return s.substr(0, p.text.size()) == p.text;
    if (p.at_end)
        return s.size() >= p.text.size() && s.substr(s.size() - p.text.size()) == p.text;
    return s.find(p.text) != s.npos;
}

struct regex {
    std::string pattern;
    struct plain plain;
    RE2 re2;
    regex(const char *given, const std::string &rewritten, const RE2::Options &options)
        : pattern(given), plain(find_plain(given)), re2(rewritten, options)
    {
    }
};

/* The length of "?P<name>" or "?<name>" at p when Go would take it, else 0. */
static size_t group_name(const char *p)
{
    if (*p != '?')
        return 0;
    const char *q = p + (p[1] == 'P' ? 2 : 1), *name = q + 1;
    if (*q != '<')
        return 0;
    for (q = name;
         ((*q | 0x20) >= 'a' && (*q | 0x20) <= 'z') || (*q >= '0' && *q <= '9') || *q == '_';)
        q++;
    return *q == '>' && q > name ? (size_t)(q + 1 - p) : 0;
}

/* What Go and RE2 read differently: Go takes (?<name>...) besides (?P<name>...),
 * and the same name twice, so names, which nothing here reads, are left out; Go
 * refuses \C (any byte): then false. */
static bool rewrite(const char *pattern, std::string *out)
{
    bool in_class = false;
    for (const char *p = pattern; *p; p++) {
        size_t n = 1;
        if (*p == '\\' && p[1]) {
            if (p[1] == 'C')
                return false;
            const char *end = p[1] == 'Q' && !in_class ? strstr(p, "\\E") : nullptr;
            n = end ? (size_t)(end - p) + 2 : p[1] == 'Q' && !in_class ? strlen(p) : 2;
        } else if (in_class) {
            const char *end = *p == '[' && p[1] == ':' ? strstr(p + 2, ":]") : nullptr;
            n = end ? (size_t)(end - p) + 2 : 1;
            in_class = *p != ']';
        } else if (*p == '[') {
            in_class = true;
            n += p[n] == '^';
            n += p[n] == ']';
        } else if (*p == '(') {
            out->push_back('(');
            p += group_name(p + 1);
            continue;
        }
        out->append(p, n);
        p += n - 1;
    }
    return true;
}

/* Why the pattern is not valid, in the words of Go's regexp. */
static void explain(const char *pattern, const RE2 &re2, struct err *err)
{
    const char *reason, *arg = re2.error_arg().c_str();
    switch (re2.error_code()) {
    case RE2::ErrorBadEscape:
        reason = "invalid escape sequence";
        break;
    case RE2::ErrorBadCharClass:
    case RE2::ErrorBadCharRange:
        reason = "invalid character class range";
        break;
    case RE2::ErrorMissingBracket:
        reason = "missing closing ]";
        break;
    case RE2::ErrorMissingParen:
        reason = "missing closing )";
        arg = pattern;
        break;
    case RE2::ErrorUnexpectedParen:
        reason = "unexpected )";
        arg = pattern;
        break;
    case RE2::ErrorTrailingBackslash:
        reason = "trailing backslash at end of expression";
        arg = "";
        break;
    case RE2::ErrorRepeatArgument:
        reason = "missing argument to repetition operator";
        break;
    case RE2::ErrorRepeatSize:
        reason = "invalid repeat count";
        break;
    case RE2::ErrorRepeatOp:
        reason = "invalid nested repetition operator";
        break;
    case RE2::ErrorBadPerlOp:
        reason = "invalid or unsupported Perl syntax";
        break;
    case RE2::ErrorBadUTF8:
        reason = "invalid UTF-8";
        arg = pattern;
        break;
    case RE2::ErrorBadNamedCapture:
        reason = "invalid named capture";
        break;
    default:
        reason = "expression too large";
        arg = pattern;
        break;
    }
    err_set(err, ERR_USAGE, "error parsing regexp: %s: `%s`", reason, arg);
}

static struct regex *make(const char *pattern, bool of_bytes, struct err *err)
{
    try {
        std::string rewritten;
        if (!rewrite(pattern, &rewritten)) {
            err_set(err, ERR_USAGE, "error parsing regexp: invalid escape sequence: `\\C`");
            return nullptr;
        }
        RE2::Options options;
        options.set_log_errors(false);
        if (of_bytes)
            options.set_encoding(RE2::Options::EncodingLatin1);
        auto *re = new regex(pattern, rewritten, options);
        if (re->re2.ok())
            return re;
        explain(pattern, re->re2, err);
        delete re;
    } catch (const std::bad_alloc &) {
        err_nomem(err);
    }
    return nullptr;
}

extern "C" struct regex *regex_new(const char *pattern, struct err *err)
{
    return make(pattern, false, err);
}

extern "C" struct regex *regex_new_bytes(const char *pattern, struct err *err)
{
    return make(pattern, true, err);
}

extern "C" void regex_free(struct regex *re)
{
    delete re;
}

static bool is_ascii(struct str s)
{
    unsigned char seen = 0;
    for (size_t i = 0; i < s.len; i++)
        seen |= (unsigned char)s.p[i];
    return seen < 0x80;
}

/* To Go each byte of broken UTF-8 is a replacement character, to RE2 it is none at all.
 * True if s is broken; *out then has the characters. */
static bool replace_broken(struct str s, std::string *out)
{
    bool is_broken = false;
    for (size_t n; s.len; s = {s.p + n, s.len - n}) {
        n = utf8_len(s);
        is_broken |= !n;
        if (n)
            out->append(s.p, n);
        else
            out->append(UTF8_REPLACEMENT);
        n += !n;
    }
    return is_broken;
}

extern "C" bool regex_match(const struct regex *re, struct str s)
{
    if (re->plain.is_plain) /* broken UTF-8 does not touch what is ASCII */
        return match_plain(re->plain, {s.p, s.len});
    if (!is_ascii(s) && re->re2.options().encoding() == RE2::Options::EncodingUTF8) {
        try {
            std::string whole;
            if (replace_broken(s, &whole))
                return RE2::PartialMatch(whole, re->re2);
        } catch (const std::bad_alloc &) {
            return false;
        }
    }
    return re->re2.Match(re2::StringPiece(s.p, s.len), 0, s.len, RE2::UNANCHORED, nullptr, 0);
}

extern "C" bool regex_find(const struct regex *re, struct str s, size_t *begin, size_t *end)
{
    re2::StringPiece match;
    if (!re->re2.Match(re2::StringPiece(s.p, s.len), 0, s.len, RE2::UNANCHORED, &match, 1))
        return false;
    *begin = (size_t)(match.data() - s.p);
    *end = *begin + match.size();
    return true;
}

extern "C" bool regex_groups(const struct regex *re, struct str s, struct str *groups, int n)
{
    re2::StringPiece found[REGEX_GROUPS];
    n = n < REGEX_GROUPS ? n : REGEX_GROUPS;
    if (!re->re2.Match(re2::StringPiece(s.p, s.len), 0, s.len, RE2::UNANCHORED, found, n))
        return false;
    for (int i = 0; i < n; i++)
        groups[i] = {found[i].data() ? found[i].data() : "", found[i].size()};
    return true;
}

extern "C" const char *regex_pattern(const struct regex *re)
{
    return re->pattern.c_str();
}
