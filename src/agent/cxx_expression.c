/* cxx_expression: the grammar of the Itanium C++ ABI, operators and expressions. */
#include "agent/cxx_node.h"

#include <string.h>

/* Sorted by code. */
static const struct cxx_operator operators[] = {
    {"aN", 2, "&="},          {"aS", 2, "="},        {"aa", 2, "&&"},
    {"ad", 1, "&"},           {"an", 2, "&"},        {"at", 0, "alignof "},
    {"aw", 1, "co_await"},    {"az", 0, "alignof "}, {"cc", 0, "const_cast"},
    {"cl", 0, "()"},          {"cm", 2, ","},        {"co", 1, "~"},
    {"dV", 2, "/="},          {"da", 1, "delete[]"}, {"dc", 0, "dynamic_cast"},
    {"de", 1, "*"},           {"dl", 1, "delete"},   {"ds", 2, ".*"},
    {"dt", 2, "."},           {"dv", 2, "/"},        {"eO", 2, "^="},
    {"eo", 2, "^"},           {"eq", 2, "=="},       {"ge", 2, ">="},
    {"gt", 2, ">"},           {"ix", 2, "[]"},       {"lS", 2, "<<="},
    {"le", 2, "<="},          {"ls", 2, "<<"},       {"lt", 2, "<"},
    {"mI", 2, "-="},          {"mL", 2, "*="},       {"mi", 2, "-"},
    {"ml", 2, "*"},           {"mm", 1, "--"},       {"na", 0, "new[]"},
    {"ne", 2, "!="},          {"ng", 1, "-"},        {"nt", 1, "!"},
    {"nw", 0, "new"},         {"nx", 0, "noexcept"}, {"oR", 2, "|="},
    {"oo", 2, "||"},          {"or", 2, "|"},        {"pL", 2, "+="},
    {"pl", 2, "+"},           {"pm", 2, "->*"},      {"pp", 1, "++"},
    {"ps", 1, "+"},           {"pt", 2, "->"},       {"qu", 3, "?"},
    {"rM", 2, "%="},          {"rS", 2, ">>="},      {"rc", 0, "reinterpret_cast"},
    {"rm", 2, "%"},           {"rs", 2, ">>"},       {"sZ", 0, "sizeof..."},
    {"sc", 0, "static_cast"}, {"ss", 2, "<=>"},      {"st", 0, "sizeof "},
    {"sz", 0, "sizeof "},     {"tr", 0, "throw"},    {"tw", 1, "throw "},
};

const struct cxx_operator *cxx_operator_at(const struct cxx *x)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (operators[i].code[0] == cxx_look(x, 0) && operators[i].code[1] == cxx_look(x, 1))
            return &operators[i];
    return NULL;
}

static uint16_t text_node(struct cxx *x, enum cxx_kind kind, const char *text, uint16_t a,
                          uint16_t b)
{
    return cxx_make(
        x, (struct cxx_node){
               .kind = (uint8_t)kind, .text = text, .n = (uint32_t)strlen(text), .a = a, .b = b});
}

static uint16_t prefixed(struct cxx *x, const char *text, uint16_t of)
{
    return of ? text_node(x, CXX_PREFIXED, text, of, 0) : cxx_fail(x);
}

/* "operator+", "operator int", operator""_x. */
uint16_t cxx_parse_operator(struct cxx *x, bool *is_conversion)
{
    if (cxx_take_two(x, 'c', 'v')) {
        bool kept = x->keeps_args, was = x->is_forward;
        x->keeps_args = x->is_forward = true;
        uint16_t type = cxx_parse_type(x);
        x->keeps_args = kept;
        x->is_forward = was;
        *is_conversion = true;
        return type ? cxx_make(x, (struct cxx_node){.kind = CXX_CONVERSION, .a = type}) : 0;
    }
    if (cxx_take_two(x, 'l', 'i'))
        return prefixed(x, "operator\"\" ", cxx_parse_source_name(x));
    if (cxx_look(x, 0) == 'v' && cxx_look(x, 1) >= '0' && cxx_look(x, 1) <= '9') {
        x->p += 2;
        return prefixed(x, "operator ", cxx_parse_source_name(x));
    }
    const struct cxx_operator *op = cxx_operator_at(x);
    if (!op)
        return cxx_fail(x);
    x->p += 2;
    uint16_t name = text_node(x, CXX_NAME, op->text, 0, 0);
    bool is_word = op->text[0] >= 'a' && op->text[0] <= 'z';
    return prefixed(x, is_word ? "operator " : "operator", name);
}

/* Expressions up to `end`. */
static uint16_t parse_list(struct cxx *x, char end)
{
    uint16_t first = 0, last = 0;
    while (!cxx_take(x, end)) {
        uint16_t item = cxx_parse_expression(x);
        if (!item)
            return cxx_fail(x);
        cxx_append(x, &first, &last, item);
    }
    return first;
}

/* After L: type value E, or _Z encoding E. */
static uint16_t parse_literal(struct cxx *x)
{
    struct cxx_node node = {.kind = CXX_LITERAL};
    if (cxx_look(x, 0) == 'Z' || cxx_look(x, 0) == '_') {
        if (cxx_look(x, 0) == '_')
            x->p++;
        if (!cxx_take(x, 'Z'))
            return cxx_fail(x);
        /* what its template parameters are is its own affair */
        uint16_t params = x->params, encoding = cxx_parse_encoding(x, false);
        x->params = params;
        return cxx_take(x, 'E') ? encoding : cxx_fail(x);
    }
    node.a = cxx_parse_type(x);
    if (!node.a)
        return 0;
    node.text = x->p;
    while (cxx_look(x, 0) && cxx_look(x, 0) != 'E')
        x->p++;
    node.n = (uint32_t)(x->p - node.text);
    return cxx_take(x, 'E') ? cxx_make(x, node) : cxx_fail(x);
}

/* fp qualifiers number _, or fL number p qualifiers number _ */
static uint16_t parse_param(struct cxx *x)
{
    uint32_t n = 0;
    if (cxx_take(x, 'T'))
        return text_node(x, CXX_NAME, "this", 0, 0);
    cxx_parse_qualifiers(x);
    if (!cxx_take(x, '_')) {
        struct cxx_node digits = cxx_digits(x);
        if (digits.n == 0 || digits.n > 4 || !cxx_take(x, '_'))
            return cxx_fail(x);
        for (uint32_t i = 0; i < digits.n; i++)
            n = n * 10 + (uint32_t)(digits.text[i] - '0');
        n++;
    }
    uint16_t number = cxx_make(x, (struct cxx_node){.kind = CXX_NUMBER, .n = n + 1});
    return cxx_make(x,
                    (struct cxx_node){
                        .kind = CXX_ENCLOSED, .text = "{parm#", .n = 6, .a = number, .flags = '}'});
}

static uint16_t nest(struct cxx *x, uint16_t in, uint16_t name)
{
    if (!in || !name)
        return cxx_fail(x);
    return cxx_make(x, (struct cxx_node){.kind = CXX_NESTED, .a = in, .b = name});
}

/* A name with its arguments, an operator or a destructor. */
static uint16_t parse_base_name(struct cxx *x)
{
    bool is_conversion;
    uint16_t node;
    if (cxx_look(x, 0) >= '0' && cxx_look(x, 0) <= '9')
        return cxx_parse_simple_id(x);
    if (cxx_take_two(x, 'd', 'n')) {
        bool is_name = cxx_look(x, 0) >= '0' && cxx_look(x, 0) <= '9';
        return prefixed(x, "~", is_name ? cxx_parse_simple_id(x) : cxx_parse_type(x));
    }
    cxx_take_two(x, 'o', 'n');
    node = cxx_parse_operator(x, &is_conversion);
    if (!node || cxx_look(x, 0) != 'I')
        return node;
    uint16_t list = cxx_parse_template_args(x, false);
    if (x->has_failed)
        return 0;
    return cxx_make(x, (struct cxx_node){.kind = CXX_TEMPLATE, .a = node, .b = list});
}

/* Names, with scopes between, E, and a last one. */
static uint16_t parse_levels(struct cxx *x)
{
    uint16_t in = cxx_parse_simple_id(x);
    while (in && !cxx_take(x, 'E'))
        in = nest(x, in, cxx_parse_simple_id(x));
    return nest(x, in, in ? parse_base_name(x) : 0);
}

/* After sr. */
static uint16_t parse_scoped(struct cxx *x)
{
    uint16_t in;
    if (cxx_look(x, 0) >= '0' && cxx_look(x, 0) <= '9' && x->n_retries < CXX_RETRIES_MAX) {
        /* Names, or the name of a type, as gcc has it: which can be told afterwards only. */
        const char *p = x->p;
        uint32_t n_substitutions = x->n_substitutions, n_forwards = x->n_forwards, depth = x->depth;
        uint16_t params = x->params, node = parse_levels(x);
        if (node && !x->has_failed)
            return node;
        x->n_retries++;
        x->has_failed = false;
        x->p = p;
        x->n_substitutions = n_substitutions;
        x->n_forwards = n_forwards;
        x->depth = depth;
        x->params = params;
    }
    if (!cxx_take(x, 'N')) {
        in = cxx_parse_type(x);
        return nest(x, in, in ? parse_base_name(x) : 0);
    }
    in = cxx_parse_type(x);
    while (in && !cxx_take(x, 'E'))
        in = nest(x, in, cxx_parse_simple_id(x));
    return nest(x, in, in ? parse_base_name(x) : 0);
}

/* cv type expression, or cv type _ expressions E */
static uint16_t parse_cast(struct cxx *x)
{
    uint16_t type = cxx_parse_type(x), first = 0, last = 0;
    if (!type)
        return 0;
    bool is_one = !cxx_take(x, '_');
    if (is_one)
        cxx_append(x, &first, &last, cxx_parse_expression(x));
    else
        first = parse_list(x, 'E');
    return cxx_make(
        x, (struct cxx_node){.kind = CXX_CAST, .a = type, .b = first, .flags = (uint8_t)is_one});
}

static uint16_t parse_fold(struct cxx *x)
{
    struct cxx_node node = {.kind = CXX_FOLD, .flags = (uint8_t)cxx_look(x, 1)};
    x->p += 2;
    const struct cxx_operator *op = cxx_operator_at(x);
    if (!op)
        return cxx_fail(x);
    x->p += 2;
    node.text = op->text;
    node.n = (uint32_t)strlen(op->text);
    node.a = cxx_parse_expression(x);
    if (node.flags == 'L' || node.flags == 'R')
        node.b = node.a ? cxx_parse_expression(x) : 0;
    return x->has_failed ? 0 : cxx_make(x, node);
}

/* Those that are no operators of so many operands. */
static uint16_t parse_other(struct cxx *x, const struct cxx_operator *op)
{
    uint16_t a, b;
    switch (op->code[0] << 8 | op->code[1]) {
    case 'c' << 8 | 'l':
        a = cxx_parse_expression(x);
        b = a ? parse_list(x, 'E') : 0;
        return cxx_make(x, (struct cxx_node){.kind = CXX_CALL, .a = a, .b = b});
    case 'a' << 8 | 't':
    case 's' << 8 | 't':
        a = cxx_parse_type(x);
        break;
    case 'n' << 8 | 'x':
        a = cxx_parse_expression(x);
        b = text_node(x, CXX_NAME, "noexcept ", 0, 0);
        return a ? text_node(x, CXX_BETWEEN, "", b,
                             cxx_make(x, (struct cxx_node){.kind = CXX_ENCLOSED,
                                                           .text = "(",
                                                           .n = 1,
                                                           .a = a,
                                                           .flags = ')'}))
                 : 0;
    case 'a' << 8 | 'z':
    case 's' << 8 | 'z':
        a = cxx_parse_expression(x);
        break;
    case 's' << 8 | 'Z':
        a = cxx_parse_expression(x);
        return a ? cxx_make(x, (struct cxx_node){.kind = CXX_COUNT, .a = a}) : 0;
    case 't' << 8 | 'r':
        return text_node(x, CXX_NAME, op->text, 0, 0);
    case 'c' << 8 | 'c':
    case 'd' << 8 | 'c':
    case 'r' << 8 | 'c':
    case 's' << 8 | 'c':
        a = cxx_parse_type(x);
        b = a ? cxx_parse_expression(x) : 0;
        return b ? text_node(x, CXX_CAST_NAMED, op->text, a, b) : cxx_fail(x);
    default:
        return cxx_fail(x);
    }
    if (!a)
        return 0;
    b = cxx_make(
        x, (struct cxx_node){.kind = CXX_ENCLOSED, .text = "(", .n = 1, .a = a, .flags = ')'});
    return prefixed(x, op->text, b);
}

static uint16_t parse_operation(struct cxx *x, const struct cxx_operator *op)
{
    x->p += 2;
    if (op->form == 0)
        return parse_other(x, op);
    bool is_prefix = (op->text[0] == '+' || op->text[0] == '-') && op->text[1] == op->text[0] &&
                     cxx_take(x, '_');
    bool is_postfix =
        (op->code[0] == 'p' && op->code[1] == 'p') || (op->code[0] == 'm' && op->code[1] == 'm');
    uint16_t a = cxx_parse_expression(x), b = 0, c = 0;
    if (a && op->form == 2 && op->code[0] == 'd' && op->code[1] == 't')
        b = cxx_look(x, 0) == 'L' ? cxx_parse_expression(x) : parse_base_name(x);
    else if (a && op->form == 2 && op->code[0] == 'p' && op->code[1] == 't')
        b = parse_base_name(x);
    else if (a && op->form > 1)
        b = cxx_parse_expression(x);
    if (b && op->form == 3)
        c = cxx_parse_expression(x);
    if (x->has_failed || !a)
        return 0;
    if (op->form == 3)
        return cxx_make(x, (struct cxx_node){.kind = CXX_CONDITION, .a = a, .b = b, .c = c});
    if (op->form == 2 && op->code[1] == 'x')
        return cxx_make(x, (struct cxx_node){.kind = CXX_INDEX, .a = a, .b = b});
    return text_node(x,
                     op->form == 2              ? CXX_BINARY
                     : is_postfix && !is_prefix ? CXX_POSTFIX
                                                : CXX_UNARY,
                     op->text, a, b);
}

static uint16_t parse_expression_at_depth(struct cxx *x)
{
    char c = cxx_look(x, 0), d = cxx_look(x, 1);
    uint16_t a;
    if (cxx_take(x, 'L'))
        return parse_literal(x);
    if (c == 'T')
        return cxx_parse_template_param(x);
    if (c >= '0' && c <= '9')
        return cxx_parse_simple_id(x);
    if (cxx_take_two(x, 's', 'r'))
        return parse_scoped(x);
    if (cxx_take_two(x, 'c', 'v'))
        return parse_cast(x);
    if (cxx_take_two(x, 'f', 'p'))
        return parse_param(x);
    if (c == 'f' && d == 'L' && cxx_look(x, 2) >= '0' && cxx_look(x, 2) <= '9') {
        x->p += 2;
        cxx_digits(x);
        return cxx_take(x, 'p') ? parse_param(x) : cxx_fail(x);
    }
    if (c == 'f' && (d == 'l' || d == 'r' || d == 'L' || d == 'R'))
        return parse_fold(x);
    if (cxx_take_two(x, 's', 'p')) {
        a = cxx_parse_expression(x);
        return a ? cxx_make(x, (struct cxx_node){.kind = CXX_EXPANSION, .a = a}) : 0;
    }
    if (cxx_take_two(x, 't', 'l')) {
        a = cxx_parse_type(x);
        uint16_t list = a ? parse_list(x, 'E') : 0;
        return cxx_make(x, (struct cxx_node){.kind = CXX_BRACED, .a = a, .b = list});
    }
    if (cxx_take_two(x, 'i', 'l'))
        return cxx_make(x, (struct cxx_node){.kind = CXX_BRACED, .b = parse_list(x, 'E')});
    if (cxx_take_two(x, 'g', 's'))
        return prefixed(x, "::", parse_base_name(x));
    if ((c == 'd' && d == 'n') || (c == 'o' && d == 'n'))
        return parse_base_name(x);
    const struct cxx_operator *op = cxx_operator_at(x);
    return op ? parse_operation(x, op) : cxx_fail(x);
}

uint16_t cxx_parse_expression(struct cxx *x)
{
    if (x->depth >= CXX_PARSE_DEPTH_MAX)
        return cxx_fail(x);
    x->depth++;
    uint16_t node = parse_expression_at_depth(x);
    x->depth--;
    return x->has_failed ? 0 : node;
}
