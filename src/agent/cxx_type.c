/* cxx_type: the grammar of the Itanium C++ ABI, types and template arguments. */
#include "agent/cxx_node.h"

#include <string.h>

static uint16_t name(struct cxx *x, const char *text)
{
    return cxx_make(x,
                    (struct cxx_node){.kind = CXX_NAME, .text = text, .n = (uint32_t)strlen(text)});
}

static const char *const builtins[26] = {
    ['a' - 'a'] = "signed char", ['b' - 'a'] = "bool",
    ['c' - 'a'] = "char",        ['d' - 'a'] = "double",
    ['e' - 'a'] = "long double", ['f' - 'a'] = "float",
    ['g' - 'a'] = "__float128",  ['h' - 'a'] = "unsigned char",
    ['i' - 'a'] = "int",         ['j' - 'a'] = "unsigned int",
    ['l' - 'a'] = "long",        ['m' - 'a'] = "unsigned long",
    ['n' - 'a'] = "__int128",    ['o' - 'a'] = "unsigned __int128",
    ['s' - 'a'] = "short",       ['t' - 'a'] = "unsigned short",
    ['v' - 'a'] = "void",        ['w' - 'a'] = "wchar_t",
    ['x' - 'a'] = "long long",   ['y' - 'a'] = "unsigned long long",
    ['z' - 'a'] = "...",
};

static const char *const builtins_d[26] = {
    ['a' - 'a'] = "auto",       ['c' - 'a'] = "decltype(auto)",    ['d' - 'a'] = "decimal64",
    ['e' - 'a'] = "decimal128", ['f' - 'a'] = "decimal32",         ['h' - 'a'] = "half",
    ['i' - 'a'] = "char32_t",   ['n' - 'a'] = "decltype(nullptr)", ['s' - 'a'] = "char16_t",
    ['u' - 'a'] = "char8_t",
};

static uint16_t builtin(struct cxx *x)
{
    char c = cxx_look(x, 0), d = cxx_look(x, 1);
    const char *text = NULL;
    if (c >= 'a' && c <= 'z' && (text = builtins[c - 'a']))
        x->p++;
    else if (c == 'D' && d >= 'a' && d <= 'z' && (text = builtins_d[d - 'a']))
        x->p += 2;
    return text ? name(x, text) : 0;
}

/* T_, T0_, ... */
static bool read_param(struct cxx *x, uint32_t *n)
{
    *n = 0;
    if (!cxx_take(x, 'T'))
        return false;
    if (cxx_take(x, '_'))
        return true;
    struct cxx_node digits = cxx_digits(x);
    if (digits.n == 0 || digits.n > 4 || !cxx_take(x, '_'))
        return false;
    for (uint32_t i = 0; i < digits.n; i++)
        *n = *n * 10 + (uint32_t)(digits.text[i] - '0');
    ++*n;
    return true;
}

uint16_t cxx_parse_template_param(struct cxx *x)
{
    uint32_t n;
    return read_param(x, &n) ? cxx_template_param(x, n) : cxx_fail(x);
}

uint16_t cxx_template_param(struct cxx *x, uint32_t n)
{
    if (x->is_lambda)
        return cxx_make(x, (struct cxx_node){.kind = CXX_AUTO, .n = n + 1});
    uint16_t list = x->is_forward ? 0 : x->params;
    for (uint32_t i = 0; i < n && list; i++)
        list = x->nodes[list].b;
    if (list)
        return x->nodes[list].a;
    if (x->n_forwards == CXX_FORWARDS_MAX)
        return cxx_fail(x);
    uint16_t node = cxx_make(x, (struct cxx_node){.kind = CXX_FORWARD, .n = n});
    if (node)
        x->forwards[x->n_forwards++] = node;
    return node;
}

/* J arguments E, after its first character. */
static uint16_t parse_pack(struct cxx *x)
{
    uint16_t first = 0, last = 0;
    if (x->depth >= CXX_PARSE_DEPTH_MAX)
        return cxx_fail(x);
    x->depth++;
    while (!cxx_take(x, 'E')) {
        uint16_t arg = cxx_parse_template_arg(x);
        if (!arg)
            return cxx_fail(x);
        cxx_append(x, &first, &last, arg);
    }
    x->depth--;
    return cxx_make(x, (struct cxx_node){.kind = CXX_PACK_ARGUMENT, .a = first});
}

uint16_t cxx_parse_template_arg(struct cxx *x)
{
    uint16_t node;
    if (cxx_take(x, 'J') || cxx_take(x, 'I'))
        return parse_pack(x);
    if (cxx_look(x, 0) == 'L')
        return cxx_parse_expression(x);
    if (!cxx_take(x, 'X'))
        return cxx_parse_type(x);
    node = cxx_parse_expression(x);
    return cxx_take(x, 'E') ? node : cxx_fail(x);
}

/* I arguments E: their list.  With `are_params` they are what T_ means from here on. */
uint16_t cxx_parse_template_args(struct cxx *x, bool are_params)
{
    uint16_t first = 0, last = 0, first_param = 0, last_param = 0;
    if (!cxx_take(x, 'I'))
        return cxx_fail(x);
    if (are_params) {
        x->params = 0;
        x->is_forward = false;
    }
    while (!cxx_take(x, 'E')) {
        uint16_t arg = cxx_parse_template_arg(x), param = arg;
        if (!arg)
            return cxx_fail(x);
        cxx_append(x, &first, &last, arg);
        if (!are_params)
            continue;
        if (x->nodes[arg].kind == CXX_PACK_ARGUMENT)
            param = cxx_make(x, (struct cxx_node){.kind = CXX_PACK, .a = x->nodes[arg].a});
        cxx_append(x, &first_param, &last_param, param);
        x->params = first_param;
    }
    return first;
}

/* F [Y] types E, with what comes before it. */
static uint16_t parse_function(struct cxx *x, uint8_t flags)
{
    uint16_t first = 0, last = 0, throws = 0;
    if (cxx_take_two(x, 'D', 'o'))
        throws = name(x, " noexcept");
    if (!cxx_take(x, 'F'))
        return cxx_fail(x);
    cxx_take(x, 'Y');
    uint16_t result = cxx_parse_type(x);
    if (!result)
        return cxx_fail(x);
    while (!cxx_take(x, 'E')) {
        if (cxx_take(x, 'v'))
            continue;
        if (cxx_take_two(x, 'R', 'E')) {
            flags |= CXX_ON_REFERENCE;
            break;
        }
        if (cxx_take_two(x, 'O', 'E')) {
            flags |= CXX_ON_RVALUE;
            break;
        }
        uint16_t type = cxx_parse_type(x);
        if (!type)
            return cxx_fail(x);
        cxx_append(x, &first, &last, type);
    }
    return cxx_make(
        x, (struct cxx_node){
               .kind = CXX_FUNCTION, .a = result, .b = first, .c = throws, .flags = flags});
}

/* After A: [length] _ type */
static uint16_t parse_array(struct cxx *x)
{
    struct cxx_node node = {.kind = CXX_ARRAY};
    if (cxx_look(x, 0) >= '0' && cxx_look(x, 0) <= '9') {
        node = cxx_digits(x);
        node.kind = CXX_ARRAY;
    } else if (cxx_look(x, 0) != '_' && !(node.b = cxx_parse_expression(x))) {
        return 0;
    }
    if (!cxx_take(x, '_') || !(node.a = cxx_parse_type(x)))
        return cxx_fail(x);
    return cxx_make(x, node);
}

/* After Dv: length _ type */
static uint16_t parse_vector(struct cxx *x)
{
    struct cxx_node node = {.kind = CXX_VECTOR};
    if (cxx_take(x, '_')) {
        node.b = cxx_parse_expression(x);
    } else {
        node = cxx_digits(x);
        node.kind = CXX_VECTOR;
    }
    if (!cxx_take(x, '_') || !(node.a = cxx_parse_type(x)))
        return cxx_fail(x);
    return cxx_make(x, node);
}

/* _Float and its width. */
static uint16_t parse_float(struct cxx *x)
{
    struct cxx_node digits = cxx_digits(x);
    if (digits.n == 2 && memcmp(digits.text, "16", 2) == 0 && cxx_take(x, 'b'))
        return name(x, "std::bfloat16_t");
    bool is_extended = cxx_take(x, 'x');
    if (!digits.n || (!is_extended && !cxx_take(x, '_')))
        return cxx_fail(x);
    digits.n += is_extended; /* the x is the next character */
    uint16_t width = cxx_make(x, digits);
    return cxx_make(x,
                    (struct cxx_node){.kind = CXX_PREFIXED, .text = "_Float", .n = 6, .a = width});
}

static uint16_t wrap(struct cxx *x, enum cxx_kind kind, uint16_t of)
{
    return of ? cxx_make(x, (struct cxx_node){.kind = (uint8_t)kind, .a = of}) : cxx_fail(x);
}

/* After D and one more; 0 and nothing read when it is none of these. */
static uint16_t parse_d(struct cxx *x)
{
    uint16_t node;
    switch (cxx_look(x, 1)) {
    case 't':
    case 'T':
        x->p += 2;
        node = cxx_parse_expression(x);
        if (!node || !cxx_take(x, 'E'))
            return cxx_fail(x);
        return cxx_make(
            x, (struct cxx_node){
                   .kind = CXX_ENCLOSED, .text = "decltype (", .n = 10, .a = node, .flags = ')'});
    case 'p':
        x->p += 2;
        return wrap(x, CXX_EXPANSION, cxx_parse_type(x));
    case 'v':
        x->p += 2;
        return parse_vector(x);
    case 'o':
        return parse_function(x, 0);
    default:
        return cxx_fail(x);
    }
}

/* T_ [arguments], which each are a substitution; or elaborated names. */
static uint16_t parse_t(struct cxx *x)
{
    char c = cxx_look(x, 1);
    if (c == 's' || c == 'u' || c == 'e') {
        x->p += 2;
        return cxx_parse_class(x);
    }
    uint32_t n;
    uint16_t node = read_param(x, &n) ? cxx_substitute(x, cxx_template_param(x, n)) : cxx_fail(x);
    if (node)
        x->substitutions[x->n_substitutions - 1].param = (uint16_t)(n + 1);
    if (!node || cxx_look(x, 0) != 'I' || x->keeps_args)
        return node;
    uint16_t list = cxx_parse_template_args(x, false);
    if (x->has_failed)
        return 0;
    return cxx_substitute(
        x, cxx_make(x, (struct cxx_node){.kind = CXX_TEMPLATE, .a = node, .b = list}));
}

/* const and the like, also of a member function: of its type. */
static uint16_t parse_qualified(struct cxx *x)
{
    uint8_t flags = cxx_parse_qualifiers(x);
    char c = cxx_look(x, 0);
    if (c == 'F' || (c == 'D' && cxx_look(x, 1) == 'o'))
        return parse_function(x, flags);
    uint16_t type = cxx_parse_type(x);
    return type ? cxx_make(x, (struct cxx_node){.kind = CXX_QUALIFIED, .a = type, .flags = flags})
                : 0;
}

/* After U: a vendor's qualifier. */
static uint16_t parse_vendor(struct cxx *x)
{
    uint16_t qualifier = cxx_parse_simple_id(x), type = qualifier ? cxx_parse_type(x) : 0;
    return type ? cxx_make(x, (struct cxx_node){.kind = CXX_VENDOR, .a = type, .b = qualifier}) : 0;
}

static uint16_t parse_type_at_depth(struct cxx *x)
{
    uint16_t node = builtin(x);
    if (node)
        return node;
    switch (cxx_look(x, 0)) {
    case 'r':
    case 'V':
    case 'K':
        node = parse_qualified(x);
        break;
    case 'u':
        x->p++;
        node = cxx_parse_simple_id(x);
        break;
    case 'D':
        if (cxx_look(x, 1) == 'F') {
            x->p += 2;
            return parse_float(x);
        }
        node = parse_d(x);
        break;
    case 'F':
        node = parse_function(x, 0);
        break;
    case 'A':
        x->p++;
        node = parse_array(x);
        break;
    case 'M': {
        x->p++;
        uint16_t in = cxx_parse_type(x), type = in ? cxx_parse_type(x) : 0;
        node = type ? cxx_make(x, (struct cxx_node){.kind = CXX_MEMBER, .a = in, .b = type}) : 0;
        break;
    }
    case 'T':
        return parse_t(x);
    case 'P':
        x->p++;
        node = wrap(x, CXX_POINTER, cxx_parse_type(x));
        break;
    case 'R':
        x->p++;
        node = wrap(x, CXX_REFERENCE, cxx_parse_type(x));
        break;
    case 'O':
        x->p++;
        node = wrap(x, CXX_RVALUE, cxx_parse_type(x));
        break;
    case 'U':
        if (cxx_look(x, 1) != 'l' && cxx_look(x, 1) != 't') {
            x->p++;
            node = parse_vendor(x);
            break;
        }
        return cxx_parse_class(x);
    default:
        return cxx_parse_class(x);
    }
    return cxx_substitute(x, node);
}

uint16_t cxx_parse_type(struct cxx *x)
{
    if (x->depth >= CXX_PARSE_DEPTH_MAX)
        return cxx_fail(x);
    x->depth++;
    uint16_t node = parse_type_at_depth(x);
    x->depth--;
    return x->has_failed ? 0 : node;
}
