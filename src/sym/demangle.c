#include "sym/demangle.h"

#include <ctype.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* Substitutions can double a name's length again and again. */
#define OUTPUT_MAX (1u << 20)
#define INPUT_MAX (1u << 16)

/* --- libiberty, bounded --- */

struct sink {
    struct buf *out;
    jmp_buf too_long;
};

static void add_text(const char *s, size_t n, void *opaque)
{
    struct sink *sink = opaque;
    /* the demangler has no way to be told to stop, and holds nothing to free */
    if (sink->out->len + n > OUTPUT_MAX)
        longjmp(sink->too_long, 1);
    buf_add(sink->out, s, n);
}

static bool is_v0(const char *name)
{
    return name[0] == '_' && name[1] == 'R';
}

static bool run_libiberty(const char *name, int options, struct buf *out)
{
    struct sink sink = {.out = out};
    buf_clear(out);
    if (setjmp(sink.too_long))
        return false;
    int ok = is_v0(name) ? rust_demangle_callback(name, DMGL_RUST, add_text, &sink)
                         : cplus_demangle_v3_callback(name, options, add_text, &sink);
    return ok && out->len > 0;
}

/* --- Rust's older scheme: _ZN, identifiers, 17h and a hash, E --- */

#define HASH_LEN 20 /* "17h" + 16 digits + "E" */

/* The part before the hash; empty when the name is not of that form. */
static struct str legacy_path(const char *name)
{
    size_t n = strlen(name);
    const char *dot = NULL;
    if (strncmp(name, "_ZN", 3) != 0)
        return (struct str){"", 0};
    for (const char *p = name; (p = strstr(p, "E.")); p++)
        dot = p;
    if (dot && dot > name)
        n = (size_t)(dot - name) + 1;
    if (n <= HASH_LEN + 3 || name[n - 1] != 'E' || strncmp(name + n - HASH_LEN, "17h", 3) != 0)
        return (struct str){"", 0};
    unsigned seen = 0;
    for (size_t i = n - 17; i < n - 1; i++) {
        char c = name[i];
        if (!isdigit((unsigned char)c) && !(c >= 'a' && c <= 'f'))
            return (struct str){"", 0};
        seen |= 1u << (isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
    }
    /* a hash looks random; a C++ name that only looks like this does not */
    if (__builtin_popcount(seen) < 5)
        return (struct str){"", 0};
    return (struct str){name + 3, n - HASH_LEN - 3};
}

/* One $...$ escape at the start of id; its length, or 0 when it is none. */
static size_t legacy_escape(struct str id, char *c)
{
    static const struct {
        const char *code;
        char c;
    } escapes[] = {{"$C$", ','},  {"$SP$", '@'}, {"$BP$", '*'}, {"$RF$", '&'},
                   {"$LT$", '<'}, {"$GT$", '>'}, {"$LP$", '('}, {"$RP$", ')'}};
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        struct str code = str_of(escapes[i].code);
        if (str_has_prefix(id, code)) {
            *c = escapes[i].c;
            return code.len;
        }
    }
    if (id.len < 5 || id.p[1] != 'u' || id.p[4] != '$' || !isxdigit((unsigned char)id.p[2]) ||
        !isxdigit((unsigned char)id.p[3]) || isupper((unsigned char)id.p[2]) ||
        isupper((unsigned char)id.p[3]))
        return 0;
    long v = strtol((char[]){id.p[2], id.p[3], '\0'}, NULL, 16);
    *c = (char)v;
    return v >= ' ' && v < 0x80 ? 5 : 0;
}

static void add_legacy_identifier(struct str id, struct buf *out)
{
    if (str_has_prefix(id, STR("_$")))
        id = (struct str){id.p + 1, id.len - 1};
    while (id.len > 0) {
        size_t n = 1;
        char c = id.p[0];
        if (c == '$' && (n = legacy_escape(id, &c)) == 0) {
            buf_add(out, id.p, id.len);
            return;
        }
        if (id.p[0] == '.' && id.len > 1 && id.p[1] == '.') {
            buf_puts(out, "::");
            n = 2;
        } else {
            buf_putc(out, c);
        }
        id = (struct str){id.p + n, id.len - n};
    }
}

static bool demangle_legacy_rust(const char *name, struct buf *out)
{
    struct str path = legacy_path(name);
    buf_clear(out);
    while (path.len > 0) {
        size_t n = 0;
        if (!isdigit((unsigned char)path.p[0]))
            return false;
        for (; path.len > 0 && isdigit((unsigned char)path.p[0]); path.p++, path.len--) {
            n = n * 10 + (size_t)(path.p[0] - '0');
            if (n > INPUT_MAX)
                return false;
        }
        if (path.len > 0 && path.p[0] == '_') {
            path = (struct str){path.p + 1, path.len - 1};
            n--;
        }
        if (n > path.len)
            return false;
        if (out->len > 0)
            buf_puts(out, "::");
        add_legacy_identifier((struct str){path.p, n}, out);
        path = (struct str){path.p + n, path.len - n};
    }
    return out->len > 0;
}

/* --- taking away template arguments --- */

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Does "operator" end just before s[i]? */
static bool after_operator(const char *s, size_t i)
{
    return i >= 8 && memcmp(s + i - 8, "operator", 8) == 0 && (i == 8 || !is_name_char(s[i - 9]));
}

/* Length of an operator's name that contains < or > and starts at s[i]. */
static size_t operator_length(const char *s, size_t i)
{
    static const char *const operators[] = {"<=>", "<<=", ">>=", "->*", "<<", ">>",
                                            "<=",  ">=",  "->",  "<",   ">"};
    if (!after_operator(s, i))
        return 0;
    for (size_t k = 0; k < sizeof operators / sizeof *operators; k++) {
        size_t n = strlen(operators[k]);
        if (strncmp(s + i, operators[k], n) == 0)
            return n;
    }
    return 0;
}

/* The end of the argument list that opens at s[i], or 0 when it does not close.
 * A > inside parentheses belongs to an expression, that of -> to an arrow. */
static size_t arguments_end(const char *s, size_t n, size_t i)
{
    unsigned angles = 0, parens = 0;
    for (; i < n; i++) {
        size_t skip = operator_length(s, i);
        if (skip > 0)
            i += skip - 1;
        else if (s[i] == '(')
            parens++;
        else if (s[i] == ')' && parens > 0)
            parens--;
        else if (s[i] == '<' && (parens == 0 || i == 0 || s[i - 1] != ' '))
            angles++;
        else if (s[i] == '>' && i > 0 && s[i - 1] != '-' && s[i - 1] != ' ' && --angles == 0)
            return i + 1;
        else if (s[i] == '>' && i > 0 && s[i - 1] == ' ' && i > 1 && s[i - 2] == '>' &&
                 --angles == 0)
            return i + 1;
    }
    return 0;
}

/* Remove C++ template arguments in place, at every depth. */
static void remove_template_arguments(struct buf *out)
{
    char *s = out->data;
    size_t n = out->len, to = 0;
    for (size_t from = 0; from < n;) {
        size_t skip = operator_length(s, from);
        if (skip == 0 && s[from] == '<') {
            size_t end = arguments_end(s, n, from);
            if (end > 0) {
                /* "operator< <int>" is written with a space before the list */
                if (to > 0 && s[to - 1] == ' ' && to > 1 && s[to - 2] == '<')
                    to--;
                from = end;
                continue;
            }
        }
        for (size_t k = skip ? skip : 1; k > 0; k--)
            s[to++] = s[from++];
    }
    s[to] = '\0';
    out->len = to;
}

/* Where the types of "dyn Trait<A, Name = B>" begin in the list s[i .. end), with the
 * comma before; else where the list closes. */
static size_t bindings_start(const char *s, size_t i, size_t end)
{
    size_t item = i + 1;
    unsigned depth = 0;
    for (i++; i + 1 < end; i++) {
        if (strchr("<([{", s[i]))
            depth++;
        else if (strchr(")]}", s[i]) || (s[i] == '>' && s[i - 1] != '-'))
            depth--;
        else if (depth == 0 && s[i] == ',')
            item = i;
        else if (depth == 0 && strncmp(s + i, " = ", 3) == 0)
            return item;
    }
    return end - 1;
}

/* Rust: only lists after a name or "::" are arguments, and <T as Trait> stays.
 * pprof leaves the brackets, and the types that a trait object fixes. */
static void empty_generic_arguments(struct buf *out)
{
    char *s = out->data;
    size_t n = out->len, to = 0;
    for (size_t from = 0; from < n;) {
        bool opens =
            s[from] == '<' && from > 0 && (s[from - 1] == ':' || is_name_char(s[from - 1]));
        if (opens && from >= 3 && memcmp(s + from - 3, "for", 3) == 0)
            opens = false; /* for<'a> binds lifetimes */
        size_t end = opens ? arguments_end(s, n, from) : 0;
        s[to++] = s[from++];
        if (end > 0)
            from = bindings_start(s, from - 1, end);
    }
    s[to] = '\0';
    out->len = to;
}

/* "A<B<C>>" is written "A<B<C> >", which libiberty forgets after an empty pack. */
static void space_closing_brackets(struct buf *out)
{
    AUTO_BUF spaced = {0};
    const char *s = out->data;
    for (size_t i = 0; i < out->len; i++) {
        size_t skip = operator_length(s, i);
        if (skip == 0 && i > 1 && s[i] == '>' && s[i - 1] == '>' && s[i - 2] != ')' &&
            !(i > 9 && operator_length(s, i - 1)))
            buf_putc(&spaced, ' ');
        if (skip == 0)
            skip = 1;
        buf_add(&spaced, s + i, skip);
        i += skip - 1;
    }
    if (spaced.failed)
        out->failed = true;
    buf_clear(out);
    buf_add(out, buf_str(&spaced), spaced.len);
}

/* Where the parenthesis that opens at s[i] closes; 0 when it does not. */
static size_t parenthesis_end(const char *s, size_t n, size_t i)
{
    for (unsigned depth = 0; i < n; i++) {
        if (s[i] == '(')
            depth++;
        else if (s[i] == ')' && --depth == 0)
            return i;
    }
    return 0;
}

/* Does a scope operator follow, behind the qualifiers of a member function? */
static bool scope_follows(const char *s)
{
    static const char *const qualifiers[] = {" const", " volatile", " &&", " &"};
    for (size_t i = 0; i < sizeof qualifiers / sizeof *qualifiers; i++) {
        size_t n = strlen(qualifiers[i]);
        if (strncmp(s, qualifiers[i], n) == 0)
            s += n;
    }
    return s[0] == ':' && s[1] == ':';
}

/* Names inside a function: "f(int)::local" becomes "f()::local". */
static void empty_enclosing_parameters(struct buf *out)
{
    static const char anonymous[] = "(anonymous namespace)";
    char *s = out->data;
    size_t n = out->len, to = 0;
    for (size_t from = 0; from < n;) {
        size_t end = s[from] == '(' && strncmp(s + from, anonymous, sizeof anonymous - 1) != 0
                         ? parenthesis_end(s, n, from)
                         : 0;
        s[to++] = s[from++];
        if (end > 0 && scope_follows(s + end + 1))
            from = end;
    }
    s[to] = '\0';
    out->len = to;
}

/* --- names that are readable already --- */

static bool looks_readable(const char *s)
{
    if (strstr(s, ".<") || strstr(s, "])."))
        return false; /* Java's "class.<init>", Go's "foo.(*Bar[...]).Method" */
    return strpbrk(s, "<>[]") || strstr(s, "::");
}

/* Remove what stands between `open` and `close`, with them; not at all from
 * where they do not match. */
static void remove_matching(struct buf *out, char open, char close)
{
    char *s = out->data;
    size_t nesting = 0, first = 0, n = out->len;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == open && nesting++ == 0)
            first = i;
        if (s[i] != close)
            continue;
        if (nesting == 0)
            break;
        if (--nesting == 0) {
            memmove(s + first, s + i + 1, n - i);
            n -= i + 1 - first;
            i = first - 1; /* wraps for 0, back to 0 by the loop's i++ */
        }
    }
    out->len = n;
}

/* --- the whole --- */

bool demangle_keeps(const char *name)
{
    if (name[0] == '_')
        return false;
    for (const char *s = name; (s = strpbrk(s, "<>[]:")); s++)
        if (*s != ':' || s[1] == ':')
            return false;
    return true;
}

static bool is_global_constructor(const char *name)
{
    return strncmp(name, "_GLOBAL_", 8) == 0;
}

static bool demangle_mangled(const char *name, enum demangle_mode mode, struct buf *out)
{
    if (demangle_legacy_rust(name, out))
        return true;
    if (is_v0(name)) {
        if (!run_libiberty(name, 0, out))
            return false;
        if (mode == DEMANGLE_DEFAULT)
            empty_generic_arguments(out);
        return true;
    }
    if (strncmp(name, "_Z", 2) != 0 && !is_global_constructor(name))
        return false;
    if (mode == DEMANGLE_FULL || is_global_constructor(name)) {
        /* with parameters libiberty shows clones, which pprof leaves out */
        size_t n = strcspn(name, ".");
        char *plain = is_global_constructor(name) ? strdup(name) : strndup(name, n);
        bool ok = plain && run_libiberty(plain, DMGL_PARAMS | DMGL_ANSI, out);
        free(plain);
        if (!ok)
            return false;
    } else if (!run_libiberty(name, DMGL_NO_OPTS, out)) {
        return false;
    }
    if (mode == DEMANGLE_DEFAULT)
        remove_template_arguments(out);
    else
        space_closing_brackets(out);
    if (mode != DEMANGLE_FULL)
        empty_enclosing_parameters(out);
    return true;
}

void demangle(const char *name, enum demangle_mode mode, struct buf *out)
{
    buf_clear(out);
    if (mode == DEMANGLE_NONE || strlen(name) > INPUT_MAX) {
        buf_puts(out, name);
        return;
    }
    /* Some systems put one more underscore before every symbol. */
    if (demangle_mangled(name, mode, out) ||
        (name[0] == '_' && demangle_mangled(name + 1, mode, out)))
        return;
    buf_clear(out);
    buf_puts(out, name);
    if (out->len == 0 || out->failed || mode == DEMANGLE_FULL || !looks_readable(name))
        return;
    remove_matching(out, '(', ')');
    if (mode == DEMANGLE_DEFAULT)
        remove_matching(out, '<', '>');
}
