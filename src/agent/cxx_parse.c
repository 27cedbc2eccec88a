/* cxx_parse: the grammar of the Itanium C++ ABI, from encodings down to names. */
#include "agent/cxx_node.h"

#include <string.h>

#define TEXT(s) .text = (s), .n = sizeof(s) - 1

struct name_state {
    bool is_template; /* ends in template arguments */
    bool is_special;  /* constructor, destructor, conversion */
    uint8_t flags;
};

static uint16_t parse_name(struct cxx *x, struct name_state *state);

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

uint16_t cxx_make(struct cxx *x, struct cxx_node node)
{
    if (x->has_failed || x->n_nodes + 1 >= CXX_NODES_MAX)
        return cxx_fail(x);
    x->nodes[++x->n_nodes] = node;
    return (uint16_t)x->n_nodes;
}

void cxx_append(struct cxx *x, uint16_t *first, uint16_t *last, uint16_t item)
{
    uint16_t made = cxx_make(x, (struct cxx_node){.kind = CXX_LIST, .a = item});
    if (!made)
        return;
    if (*last)
        x->nodes[*last].b = made;
    else
        *first = made;
    *last = made;
}

uint16_t cxx_substitute(struct cxx *x, uint16_t node)
{
    if (x->has_failed || !node || x->n_substitutions == CXX_SUBSTITUTIONS_MAX)
        return cxx_fail(x);
    x->substitutions[x->n_substitutions].node = node;
    x->substitutions[x->n_substitutions++].param = 0;
    return node;
}

struct cxx_node cxx_digits(struct cxx *x)
{
    struct cxx_node node = {.kind = CXX_NAME, .text = x->p};
    while (is_digit(cxx_look(x, 0)))
        x->p++;
    node.n = (uint32_t)(x->p - node.text);
    return node;
}

/* False: there is none, or it is no length of anything here. */
static bool parse_number(struct cxx *x, uint32_t *n)
{
    struct cxx_node digits = cxx_digits(x);
    *n = 0;
    if (digits.n == 0 || digits.n > 6)
        return false;
    for (uint32_t i = 0; i < digits.n; i++)
        *n = *n * 10 + (uint32_t)(digits.text[i] - '0');
    return true;
}

/* "_" is 0, "0_" is 1, and so on, of a base up to 36. */
static bool parse_index(struct cxx *x, uint32_t base, uint32_t *n)
{
    uint32_t value = 0;
    *n = 0;
    if (cxx_take(x, '_'))
        return true;
    while (!cxx_take(x, '_')) {
        char c = cxx_look(x, 0);
        uint32_t digit = is_digit(c) ? (uint32_t)(c - '0') : (uint32_t)(c - 'A') + 10;
        if ((!is_digit(c) && !(c >= 'A' && c <= 'Z')) || digit >= base || value > 1000000)
            return false;
        value = value * base + digit;
        x->p++;
    }
    *n = value + 1;
    return true;
}

uint16_t cxx_parse_source_name(struct cxx *x)
{
    uint32_t n;
    if (!parse_number(x, &n) || n == 0 || n > (size_t)(x->end - x->p))
        return cxx_fail(x);
    const char *text = x->p;
    x->p += n;
    if (n >= 10 && memcmp(text, "_GLOBAL_", 8) == 0 && text[9] == 'N' &&
        (text[8] == '_' || text[8] == '.' || text[8] == '$'))
        return cxx_make(x, (struct cxx_node){.kind = CXX_NAME, TEXT("(anonymous namespace)")});
    return cxx_make(x, (struct cxx_node){.kind = CXX_NAME, .text = text, .n = n});
}

uint8_t cxx_parse_qualifiers(struct cxx *x)
{
    uint8_t flags = 0;
    if (cxx_take(x, 'r'))
        flags |= CXX_RESTRICT;
    if (cxx_take(x, 'V'))
        flags |= CXX_VOLATILE;
    if (cxx_take(x, 'K'))
        flags |= CXX_CONST;
    return flags;
}

static uint16_t parse_tags(struct cxx *x, uint16_t node)
{
    while (node && cxx_take(x, 'B')) {
        uint32_t n;
        if (!parse_number(x, &n) || n == 0 || n > (size_t)(x->end - x->p))
            return cxx_fail(x);
        node = cxx_make(x, (struct cxx_node){.kind = CXX_TAGGED, .a = node, .text = x->p, .n = n});
        x->p += n;
    }
    return node;
}

/* Ul parameters E number _ */
static uint16_t parse_lambda(struct cxx *x)
{
    uint16_t first = 0, last = 0;
    bool was = x->is_lambda;
    uint32_t n;
    x->is_lambda = true;
    if (cxx_take(x, 'v')) {
        if (!cxx_take(x, 'E'))
            return cxx_fail(x);
    } else {
        while (!cxx_take(x, 'E')) {
            uint16_t type = cxx_parse_type(x);
            if (!type)
                return cxx_fail(x);
            cxx_append(x, &first, &last, type);
        }
    }
    x->is_lambda = was;
    if (!parse_index(x, 10, &n))
        return cxx_fail(x);
    return cxx_make(x, (struct cxx_node){.kind = CXX_LAMBDA, .a = first, .n = n + 1});
}

/* TEXT n } */
static uint16_t numbered(struct cxx *x, const char *text, uint32_t n)
{
    uint16_t number = cxx_make(x, (struct cxx_node){.kind = CXX_NUMBER, .n = n});
    return cxx_make(x, (struct cxx_node){.kind = CXX_ENCLOSED,
                                         .text = text,
                                         .n = (uint32_t)strlen(text),
                                         .a = number,
                                         .flags = '}'});
}

/* DC names E */
static uint16_t parse_binding(struct cxx *x)
{
    uint16_t first = 0, last = 0;
    while (!cxx_take(x, 'E')) {
        uint16_t name = cxx_parse_source_name(x);
        if (!name)
            return 0;
        cxx_append(x, &first, &last, name);
    }
    uint16_t list = cxx_make(x, (struct cxx_node){.kind = CXX_PACK_ARGUMENT, .a = first});
    return cxx_make(x, (struct cxx_node){.kind = CXX_ENCLOSED, TEXT("["), .a = list, .flags = ']'});
}

static uint16_t parse_unqualified(struct cxx *x, struct name_state *state)
{
    char c = cxx_look(x, 0);
    uint16_t node;
    uint32_t n;
    if (c == 'L') {
        x->p++;
        c = cxx_look(x, 0);
    }
    if (is_digit(c)) {
        node = cxx_parse_source_name(x);
    } else if (cxx_take_two(x, 'U', 'l')) {
        node = parse_lambda(x);
    } else if (cxx_take_two(x, 'U', 't')) {
        if (!parse_index(x, 10, &n))
            return cxx_fail(x);
        node = numbered(x, "{unnamed type#", n + 1);
    } else if (cxx_take_two(x, 'D', 'C')) {
        node = parse_binding(x);
    } else if (is_lower(c)) {
        bool is_conversion = false;
        node = cxx_parse_operator(x, &is_conversion);
        if (state)
            state->is_special |= is_conversion;
    } else {
        return cxx_fail(x);
    }
    return parse_tags(x, node);
}

/* Si and the like: what they stand for; `whole`, before constructors and destructors. */
static uint16_t standard(struct cxx *x, char c)
{
#define STANDARD(s, short_, long_, last_)                                                          \
    {                                                                                              \
        s, short_, long_, last_                                                                    \
    }
    static const struct {
        char c;
        const char *text, *whole, *last;
    } known[] = {
        STANDARD('a', "std::allocator", "std::allocator", "allocator"),
        STANDARD('b', "std::basic_string", "std::basic_string", "basic_string"),
        STANDARD('s', "std::string",
                 "std::basic_string<char, std::char_traits<char>, std::allocator<char> >",
                 "basic_string"),
        STANDARD('i', "std::istream", "std::basic_istream<char, std::char_traits<char> >",
                 "basic_istream"),
        STANDARD('o', "std::ostream", "std::basic_ostream<char, std::char_traits<char> >",
                 "basic_ostream"),
        STANDARD('d', "std::iostream", "std::basic_iostream<char, std::char_traits<char> >",
                 "basic_iostream"),
    };
#undef STANDARD
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].c != c)
            continue;
        x->p++;
        bool is_before = cxx_look(x, 0) == 'C' || cxx_look(x, 0) == 'D';
        const char *text = is_before ? known[i].whole : known[i].text;
        uint16_t last = cxx_make(x, (struct cxx_node){.kind = CXX_NAME,
                                                      .text = known[i].last,
                                                      .n = (uint32_t)strlen(known[i].last)});
        return cxx_make(
            x, (struct cxx_node){
                   .kind = CXX_STANDARD, .text = text, .n = (uint32_t)strlen(text), .c = last});
    }
    return cxx_fail(x);
}

/* After S, which no t follows. */
static uint16_t parse_substitution(struct cxx *x)
{
    char c = cxx_look(x, 0);
    uint32_t n;
    if (is_lower(c)) {
        uint16_t plain = standard(x, c), tagged = parse_tags(x, plain);
        return tagged == plain ? plain : cxx_substitute(x, tagged);
    }
    if (!parse_index(x, 36, &n) || n >= x->n_substitutions)
        return cxx_fail(x);
    uint16_t param = x->substitutions[n].param;
    return param ? cxx_template_param(x, param - 1u) : x->substitutions[n].node;
}

/* The last name of what a constructor is in. */
static uint16_t base_of(const struct cxx *x, uint16_t node)
{
    for (uint32_t i = 0; node && i < CXX_NODES_MAX; i++) {
        const struct cxx_node *n = &x->nodes[node];
        if (n->kind == CXX_NESTED)
            node = n->b;
        else if (n->kind == CXX_TEMPLATE || n->kind == CXX_TAGGED)
            node = n->a;
        else
            return n->kind == CXX_STANDARD ? n->c : node;
    }
    return 0;
}

/* C1 or D1 and the like. */
static uint16_t parse_structor(struct cxx *x, uint16_t in)
{
    uint16_t base = base_of(x, in);
    bool is_destructor = cxx_look(x, 0) == 'D';
    x->p++;
    bool inherits = !is_destructor && cxx_take(x, 'I');
    char c = cxx_look(x, 0);
    if (!base || c < (is_destructor ? '0' : '1') || c > '5')
        return cxx_fail(x);
    x->p++;
    if (inherits && !cxx_parse_type(x))
        return cxx_fail(x);
    if (is_destructor)
        base = cxx_make(x, (struct cxx_node){.kind = CXX_DESTRUCTOR, .a = base});
    return parse_tags(x, base);
}

static uint16_t nest(struct cxx *x, uint16_t in, uint16_t name)
{
    if (!in || !name)
        return in ? cxx_fail(x) : name;
    return cxx_make(x, (struct cxx_node){.kind = CXX_NESTED, .a = in, .b = name});
}

static uint16_t parse_std(struct cxx *x)
{
    return cxx_make(x, (struct cxx_node){.kind = CXX_NAME, TEXT("std")});
}

static uint16_t add_args(struct cxx *x, uint16_t to, bool are_params)
{
    uint16_t list = cxx_parse_template_args(x, are_params);
    if (x->has_failed || !to)
        return cxx_fail(x);
    return cxx_make(x, (struct cxx_node){.kind = CXX_TEMPLATE, .a = to, .b = list});
}

/* After N. */
static uint16_t parse_nested(struct cxx *x, struct name_state *state)
{
    uint8_t flags = cxx_parse_qualifiers(x);
    if (cxx_take(x, 'R'))
        flags |= CXX_ON_REFERENCE;
    else if (cxx_take(x, 'O'))
        flags |= CXX_ON_RVALUE;
    if (state)
        state->flags = flags;
    uint16_t so_far = 0;
    bool is_last_substitution = false;
    while (!cxx_take(x, 'E')) {
        char c = cxx_look(x, 0), d = cxx_look(x, 1);
        if (state)
            state->is_template = false;
        is_last_substitution = false;
        if (c == 'S' && d == 't') {
            x->p += 2;
            if (so_far)
                return cxx_fail(x);
            so_far = parse_std(x);
            continue; /* no substitution */
        } else if (c == 'S') {
            x->p++;
            if (so_far)
                return cxx_fail(x);
            so_far = parse_substitution(x);
            is_last_substitution = true;
            if (!so_far)
                return 0;
            continue;
        } else if (c == 'T') {
            if (so_far)
                return cxx_fail(x);
            so_far = cxx_parse_template_param(x);
        } else if (c == 'I') {
            so_far = add_args(x, so_far, state != NULL);
            if (state)
                state->is_template = true;
        } else if (c == 'D' && (d == 't' || d == 'T')) {
            if (so_far)
                return cxx_fail(x);
            so_far = cxx_parse_type(x); /* which is a substitution already */
            if (!so_far)
                return 0;
            continue;
        } else if (c == 'C' || (c == 'D' && d != 'C')) {
            if (state)
                state->is_special = true;
            so_far = nest(x, so_far, so_far ? parse_structor(x, so_far) : cxx_fail(x));
        } else if (c == 'M') {
            x->p++; /* what a lambda of a variable's initializer is in */
            if (!so_far)
                return cxx_fail(x);
            continue;
        } else {
            if (state)
                state->is_special = false;
            so_far = nest(x, so_far, parse_unqualified(x, state));
        }
        if (!so_far || !cxx_substitute(x, so_far))
            return cxx_fail(x);
    }
    if (!so_far || is_last_substitution || x->n_substitutions == 0)
        return cxx_fail(x);
    x->n_substitutions--;
    return so_far;
}

/* _ and a digit, or __ digits _ */
static void skip_discriminator(struct cxx *x)
{
    if (cxx_look(x, 0) == '_' && is_digit(cxx_look(x, 1))) {
        x->p += 2;
    } else if (cxx_look(x, 0) == '_' && cxx_look(x, 1) == '_' && is_digit(cxx_look(x, 2))) {
        x->p += 2;
        cxx_digits(x);
        if (!cxx_take(x, '_'))
            cxx_fail(x);
    }
}

/* After Z. */
static uint16_t parse_local(struct cxx *x, struct name_state *state)
{
    uint16_t function = cxx_parse_encoding(x, true), name;
    uint32_t n;
    if (!function || !cxx_take(x, 'E'))
        return cxx_fail(x);
    if (cxx_take(x, 's')) {
        skip_discriminator(x);
        name = cxx_make(x, (struct cxx_node){.kind = CXX_NAME, TEXT("string literal")});
        return nest(x, function, name);
    }
    if (cxx_take(x, 'd')) {
        if (!parse_index(x, 10, &n))
            return cxx_fail(x);
        uint16_t at = nest(x, function, numbered(x, "{default arg#", n + 1));
        return nest(x, at, parse_name(x, state));
    }
    name = parse_name(x, state);
    skip_discriminator(x);
    return nest(x, function, name);
}

static uint16_t parse_name_at_depth(struct cxx *x, struct name_state *state)
{
    uint16_t node;
    char c = cxx_look(x, 0);
    if (cxx_take(x, 'N'))
        return parse_nested(x, state);
    if (cxx_take(x, 'Z')) {
        uint16_t params = x->params;
        node = parse_local(x, state);
        if (!state) /* within a type: T_ after it means what it did before */
            x->params = params;
        return node;
    }
    if (c == 'S' && cxx_look(x, 1) != 't') {
        x->p++;
        node = parse_substitution(x);
        if (cxx_look(x, 0) != 'I')
            return cxx_fail(x);
    } else {
        uint16_t in = cxx_take_two(x, 'S', 't') ? parse_std(x) : 0;
        node = nest(x, in, parse_unqualified(x, state));
        if (cxx_look(x, 0) != 'I')
            return node;
        cxx_substitute(x, node);
    }
    if (state)
        state->is_template = true;
    return add_args(x, node, state != NULL);
}

static uint16_t parse_name(struct cxx *x, struct name_state *state)
{
    if (x->depth >= CXX_PARSE_DEPTH_MAX)
        return cxx_fail(x);
    x->depth++;
    uint16_t node = parse_name_at_depth(x, state);
    x->depth--;
    return node;
}

uint16_t cxx_parse_simple_id(struct cxx *x)
{
    uint16_t node = cxx_parse_source_name(x);
    return node && cxx_look(x, 0) == 'I' ? add_args(x, node, false) : node;
}

/* Names of types, by cxx_parse_type: S and what follows, N, Z, and plain ones. */
uint16_t cxx_parse_class(struct cxx *x)
{
    if (cxx_look(x, 0) != 'S' || cxx_look(x, 1) == 't') {
        uint16_t name = parse_name(x, NULL);
        return name ? cxx_substitute(x, name) : 0;
    }
    x->p++;
    uint16_t node = parse_substitution(x);
    if (!node || cxx_look(x, 0) != 'I')
        return node;
    return cxx_substitute(x, add_args(x, node, false));
}

/* h n _ or v n _ n _: how a thunk moves `this`. */
static bool skip_offset(struct cxx *x)
{
    int n = cxx_take(x, 'h') ? 1 : cxx_take(x, 'v') ? 2 : 0;
    if (n == 0)
        return false;
    for (; n > 0; n--) {
        cxx_take(x, 'n');
        cxx_digits(x);
        if (!cxx_take(x, '_'))
            return false;
    }
    return true;
}

static uint16_t special(struct cxx *x, const char *text, uint16_t of)
{
    if (!of)
        return cxx_fail(x);
    return cxx_make(x,
                    (struct cxx_node){
                        .kind = CXX_PREFIXED, .text = text, .n = (uint32_t)strlen(text), .a = of});
}

/* After T or G. */
static uint16_t parse_special(struct cxx *x, char first)
{
    char c = cxx_look(x, 0);
    uint16_t node;
    if (!c)
        return cxx_fail(x);
    x->p++;
    if (first == 'G' && c == 'V')
        return special(x, "guard variable for ", parse_name(x, NULL));
    if (first == 'G' && c == 'R') {
        node = special(x, "reference temporary #0 for ", parse_name(x, NULL));
        uint32_t n;
        return parse_index(x, 36, &n) && n == 0 ? node : cxx_fail(x);
    }
    if (first == 'G' && c == 'A')
        return special(x, "hidden alias for ", cxx_parse_encoding(x, false));
    if (first == 'G' && c == 'T') {
        c = cxx_look(x, 0);
        x->p += c != '\0';
        return c == 't' || c == 'n'
                   ? special(x, c == 't' ? "transaction clone for " : "non-transaction clone for ",
                             cxx_parse_encoding(x, false))
                   : cxx_fail(x);
    }
    if (first == 'G')
        return cxx_fail(x);
    switch (c) {
    case 'V':
        return special(x, "vtable for ", cxx_parse_type(x));
    case 'T':
        return special(x, "VTT for ", cxx_parse_type(x));
    case 'I':
        return special(x, "typeinfo for ", cxx_parse_type(x));
    case 'S':
        return special(x, "typeinfo name for ", cxx_parse_type(x));
    case 'W':
        return special(x, "TLS wrapper function for ", parse_name(x, NULL));
    case 'H':
        return special(x, "TLS init function for ", parse_name(x, NULL));
    case 'A':
        return special(x, "template parameter object for ", cxx_parse_template_arg(x));
    case 'C': {
        uint16_t whole = cxx_parse_type(x);
        cxx_digits(x);
        uint16_t part = cxx_take(x, '_') ? cxx_parse_type(x) : 0;
        if (!whole || !part)
            return cxx_fail(x);
        node = cxx_make(
            x, (struct cxx_node){.kind = CXX_BETWEEN, TEXT("-in-"), .a = part, .b = whole});
        return special(x, "construction vtable for ", node);
    }
    case 'c':
        return skip_offset(x) && skip_offset(x)
                   ? special(x, "covariant return thunk to ", cxx_parse_encoding(x, false))
                   : cxx_fail(x);
    case 'h':
    case 'v':
        x->p--;
        return skip_offset(x) ? special(x, c == 'h' ? "non-virtual thunk to " : "virtual thunk to ",
                                        cxx_parse_encoding(x, false))
                              : cxx_fail(x);
    default:
        return cxx_fail(x);
    }
}

/* What T_ means of conversions and the like, whose arguments come after. */
static void resolve_forwards(struct cxx *x, uint32_t from)
{
    for (uint32_t i = from; i < x->n_forwards; i++) {
        struct cxx_node *forward = &x->nodes[x->forwards[i]];
        uint16_t list = x->params;
        for (uint32_t k = 0; k < forward->n && list; k++)
            list = x->nodes[list].b;
        if (!list) {
            cxx_fail(x);
            return;
        }
        forward->a = x->nodes[list].a;
    }
    x->n_forwards = from;
}

static uint16_t parse_encoding_at_depth(struct cxx *x, bool is_inner)
{
    struct name_state state = {0};
    uint32_t forwards = x->n_forwards;
    char c = cxx_look(x, 0);
    if (c == 'G' || c == 'T') {
        x->p++;
        return parse_special(x, c);
    }
    uint16_t name = parse_name(x, &state), result = 0, first = 0, last = 0;
    resolve_forwards(x, forwards);
    c = cxx_look(x, 0);
    if (!name || x->has_failed || c == '\0' || c == 'E')
        return name;
    if (state.is_template && !state.is_special && !(result = cxx_parse_type(x)))
        return 0;
    if (!cxx_take(x, 'v')) {
        do {
            uint16_t type = cxx_parse_type(x);
            if (!type)
                return 0;
            cxx_append(x, &first, &last, type);
            c = cxx_look(x, 0);
        } while (c != '\0' && c != 'E' && c != '.' && c != 'Q');
    }
    return cxx_make(x, (struct cxx_node){.kind = CXX_FUNCTION_NAME,
                                         .a = name,
                                         .b = first,
                                         .c = is_inner ? 0 : result,
                                         .flags = state.flags});
}

uint16_t cxx_parse_encoding(struct cxx *x, bool is_inner)
{
    if (x->depth >= CXX_PARSE_DEPTH_MAX)
        return cxx_fail(x);
    x->depth++;
    uint16_t node = parse_encoding_at_depth(x, is_inner);
    x->depth--;
    return node;
}

static bool is_clone_char(char c)
{
    return is_lower(c) || is_digit(c) || c == '_';
}

/* .part.0 and the like. */
static uint16_t parse_clone(struct cxx *x, uint16_t of)
{
    const char *text = x->p;
    if (cxx_look(x, 0) == '.' && !is_digit(cxx_look(x, 1))) {
        x->p += 2;
        while (is_clone_char(cxx_look(x, 0)))
            x->p++;
    }
    while (cxx_look(x, 0) == '.' && is_digit(cxx_look(x, 1))) {
        x->p += 2;
        cxx_digits(x);
    }
    return cxx_make(x, (struct cxx_node){
                           .kind = CXX_CLONE, .a = of, .text = text, .n = (uint32_t)(x->p - text)});
}

uint16_t cxx_parse(struct cxx *x)
{
    uint16_t node = cxx_parse_encoding(x, false);
    while (node && cxx_look(x, 0) == '.' && is_clone_char(cxx_look(x, 1)))
        node = parse_clone(x, node);
    resolve_forwards(x, 0);
    return x->has_failed || x->p != x->end ? 0 : node;
}
