/* cxx_print: the text of a C++ name.  A type is printed in two halves, what comes before the
 * name that it is of and what comes after. */
#include "agent/cxx_node.h"

#include <string.h>

#define NOT_EXPANDED UINT32_MAX

static void print_left(struct cxx *x, uint16_t at);
static void print_right(struct cxx *x, uint16_t at);

static void put(struct cxx *x, const char *text, size_t n)
{
    if (n >= x->size - x->n_out) {
        x->has_failed = true;
        return;
    }
    memcpy(x->out + x->n_out, text, n);
    x->n_out += n;
}

static void put_text(struct cxx *x, const char *text)
{
    put(x, text, strlen(text));
}

static void put_number(struct cxx *x, uint32_t n)
{
    char digits[10];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    put(x, digits + at, sizeof digits - at);
}

static char last_put(const struct cxx *x)
{
    return x->n_out ? x->out[x->n_out - 1] : '\0';
}

static void print(struct cxx *x, uint16_t at)
{
    print_left(x, at);
    print_right(x, at);
}

/* Counts each look at a node. */
static bool may_go_on(struct cxx *x)
{
    if (x->has_failed || ++x->n_steps > CXX_STEPS_MAX || x->print_depth >= CXX_PRINT_DEPTH_MAX)
        x->has_failed = true;
    return !x->has_failed;
}

/* What stands at this node: of a pack that is being expanded one of its arguments. */
static uint16_t resolve(struct cxx *x, uint16_t at)
{
    for (uint32_t i = 0; at && i < CXX_PRINT_DEPTH_MAX && may_go_on(x); i++) {
        const struct cxx_node *n = &x->nodes[at];
        if (n->kind == CXX_FORWARD) {
            at = n->a;
        } else if (n->kind == CXX_PACK) {
            uint32_t length = 0;
            for (uint16_t list = n->a; list; list = x->nodes[list].b)
                length++;
            if (x->pack_max == NOT_EXPANDED) {
                x->pack_max = length;
                x->pack_index = 0;
            }
            if (x->pack_index >= length)
                return 0;
            at = n->a;
            for (uint32_t k = 0; k < x->pack_index; k++)
                at = x->nodes[at].b;
            at = x->nodes[at].a;
        } else {
            return at;
        }
    }
    x->has_failed |= at != 0;
    return 0;
}

/* Those of CXX_ARRAY and CXX_FUNCTION, which need parentheses around what points to them. */
static uint8_t outer_kind(struct cxx *x, uint16_t at)
{
    while ((at = resolve(x, at)) && x->nodes[at].kind == CXX_QUALIFIED)
        at = x->nodes[at].a;
    return at ? x->nodes[at].kind : 0;
}

/* Items with commas between; what prints nothing has none. */
static void print_list(struct cxx *x, uint16_t list)
{
    bool any = false;
    for (; list && !x->has_failed; list = x->nodes[list].b) {
        size_t before = x->n_out;
        if (any)
            put_text(x, ", ");
        size_t begin = x->n_out;
        print(x, x->nodes[list].a);
        if (x->n_out == begin)
            x->n_out = before;
        else
            any = true;
    }
}

static void print_args(struct cxx *x, uint16_t list)
{
    if (last_put(x) == '<')
        put_text(x, " ");
    put_text(x, "<");
    print_list(x, list);
    put_text(x, last_put(x) == '>' ? " >" : ">");
}

static void print_params(struct cxx *x, uint16_t list)
{
    put_text(x, "(");
    print_list(x, list);
    put_text(x, ")");
}

/* Those of `n` that what it qualifies has not itself, where that is a template argument. */
static uint8_t more_qualifiers(struct cxx *x, const struct cxx_node *n)
{
    uint16_t of = resolve(x, n->a);
    const struct cxx_node *inner = &x->nodes[of];
    return of && inner->kind == CXX_QUALIFIED ? n->flags & (uint8_t)~inner->flags : n->flags;
}

static void print_qualifiers(struct cxx *x, uint8_t flags)
{
    if (flags & CXX_CONST)
        put_text(x, " const");
    if (flags & CXX_VOLATILE)
        put_text(x, " volatile");
    if (flags & CXX_RESTRICT)
        put_text(x, " restrict");
    if (flags & CXX_ON_REFERENCE)
        put_text(x, " &");
    if (flags & CXX_ON_RVALUE)
        put_text(x, " &&");
}

static void print_expansion(struct cxx *x, uint16_t of)
{
    uint32_t max = x->pack_max, index = x->pack_index;
    size_t begin = x->n_out;
    x->pack_max = NOT_EXPANDED;
    print(x, of);
    if (x->pack_max == NOT_EXPANDED) {
        /* Nothing to expand is in it. */
        x->n_out = begin;
        put_text(x, "(");
        print(x, of);
        put_text(x, ")...");
    } else if (x->pack_max == 0) {
        x->n_out = begin;
    } else {
        uint32_t n = x->pack_max;
        for (x->pack_index = 1; x->pack_index < n && !x->has_failed; x->pack_index++) {
            put_text(x, ", ");
            print(x, of);
        }
    }
    x->pack_max = max;
    x->pack_index = index;
}

static bool is_named(struct cxx *x, uint16_t type, const char *name)
{
    const struct cxx_node *n = &x->nodes[type];
    return n->kind == CXX_NAME && n->n == strlen(name) && memcmp(n->text, name, n->n) == 0;
}

static void print_value(struct cxx *x, const struct cxx_node *n)
{
    bool is_negative = n->n && n->text[0] == 'n';
    if (is_negative)
        put_text(x, "-");
    put(x, n->text + is_negative, n->n - is_negative);
}

static void print_literal(struct cxx *x, const struct cxx_node *n)
{
    static const struct {
        const char *type, *suffix;
    } plain[] = {{"int", ""},         {"unsigned int", "u"},
                 {"long", "l"},       {"unsigned long", "ul"},
                 {"long long", "ll"}, {"unsigned long long", "ull"}};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (!is_named(x, n->a, plain[i].type))
            continue;
        print_value(x, n);
        put_text(x, plain[i].suffix);
        return;
    }
    if (is_named(x, n->a, "bool") && n->n == 1 && (n->text[0] == '0' || n->text[0] == '1')) {
        put_text(x, n->text[0] == '1' ? "true" : "false");
        return;
    }
    bool is_float = is_named(x, n->a, "float") || is_named(x, n->a, "double") ||
                    is_named(x, n->a, "long double") || is_named(x, n->a, "__float128");
    put_text(x, "(");
    print(x, n->a);
    put_text(x, ")");
    if (is_float)
        put_text(x, "[");
    if (n->n)
        print_value(x, n);
    else
        put_text(x, "0");
    if (is_float)
        put_text(x, "]");
}

/* An operand: in parentheses unless it is a name. */
static void print_operand(struct cxx *x, uint16_t at)
{
    at = resolve(x, at);
    uint8_t kind = at ? x->nodes[at].kind : CXX_NAME;
    bool is_parameter = kind == CXX_ENCLOSED && x->nodes[at].text[0] == '{';
    bool is_simple = kind == CXX_NAME || kind == CXX_NESTED || kind == CXX_BRACED || is_parameter;
    if (!is_simple)
        put_text(x, "(");
    print(x, at);
    if (!is_simple)
        put_text(x, ")");
}

static void print_unary(struct cxx *x, const struct cxx_node *n)
{
    uint16_t of = n->a;
    put(x, n->text, n->n);
    /* The address of a member function: its name alone. */
    if (n->n == 1 && n->text[0] == '&' && x->nodes[of].kind == CXX_FUNCTION_NAME &&
        x->nodes[x->nodes[of].a].kind == CXX_NESTED)
        of = x->nodes[of].a;
    print_operand(x, of);
}

static void print_binary(struct cxx *x, const struct cxx_node *n)
{
    bool is_greater = n->text[0] == '>' && n->n <= 2 && n->text[n->n - 1] == '>';
    if (is_greater)
        put_text(x, "(");
    print_operand(x, n->a);
    put(x, n->text, n->n);
    print_operand(x, n->b);
    if (is_greater)
        put_text(x, ")");
}

static void print_fold(struct cxx *x, const struct cxx_node *n)
{
    put_text(x, "(");
    if (n->flags != 'l') {
        print_operand(x, n->a);
        put(x, n->text, n->n);
    }
    put_text(x, "...");
    if (n->flags != 'r') {
        put(x, n->text, n->n);
        print_operand(x, n->flags == 'l' ? n->a : n->b);
    }
    put_text(x, ")");
}

/* sizeof...(pack) */
static void print_count(struct cxx *x, uint16_t of)
{
    uint32_t n = 0;
    const struct cxx_node *pack = &x->nodes[of];
    if (pack->kind == CXX_FORWARD)
        pack = &x->nodes[pack->a];
    if (pack->kind != CXX_PACK && pack->kind != CXX_PACK_ARGUMENT) {
        put_text(x, "sizeof...");
        print_operand(x, of);
        return;
    }
    for (uint16_t list = pack->a; list; list = x->nodes[list].b)
        n++;
    put_number(x, n);
}

/* The reference that "&&" of this is, by the rules of collapsing. */
static const char *reference_of(struct cxx *x, const struct cxx_node *n, uint16_t *of)
{
    bool is_lvalue = n->kind == CXX_REFERENCE;
    *of = resolve(x, n->a);
    for (uint32_t i = 0; *of && i < CXX_PRINT_DEPTH_MAX; i++) {
        const struct cxx_node *inner = &x->nodes[*of];
        if (inner->kind != CXX_REFERENCE && inner->kind != CXX_RVALUE)
            break;
        is_lvalue |= inner->kind == CXX_REFERENCE;
        *of = resolve(x, inner->a);
    }
    return is_lvalue ? "&" : "&&";
}

/* "(*" and its kind, before the second half of what is pointed to. */
static void print_pointer(struct cxx *x, uint16_t of, const char *text)
{
    print_left(x, of);
    uint8_t kind = outer_kind(x, of);
    if (kind == CXX_ARRAY)
        put_text(x, " (");
    else if (kind == CXX_FUNCTION)
        put_text(x, "(");
    put_text(x, text);
}

static void print_pointer_right(struct cxx *x, uint16_t of)
{
    uint8_t kind = outer_kind(x, of);
    if (kind == CXX_ARRAY || kind == CXX_FUNCTION)
        put_text(x, ")");
    print_right(x, of);
}

static bool has_right(struct cxx *x, uint16_t at)
{
    while ((at = resolve(x, at))) {
        const struct cxx_node *n = &x->nodes[at];
        if (n->kind == CXX_ARRAY || n->kind == CXX_FUNCTION || n->kind == CXX_FUNCTION_NAME)
            return true;
        if (n->kind == CXX_MEMBER)
            at = n->b;
        else if (n->kind == CXX_POINTER || n->kind == CXX_REFERENCE || n->kind == CXX_RVALUE ||
                 n->kind == CXX_QUALIFIED || n->kind == CXX_VENDOR)
            at = n->a;
        else
            return false;
    }
    return false;
}

static void print_length(struct cxx *x, const struct cxx_node *n)
{
    if (n->b)
        print(x, n->b);
    else
        put(x, n->text, n->n);
}

static void print_name(struct cxx *x, const struct cxx_node *n)
{
    switch (n->kind) {
    case CXX_NESTED:
        print(x, n->a);
        put_text(x, "::");
        print(x, n->b);
        return;
    case CXX_TEMPLATE:
        print(x, n->a);
        print_args(x, n->b);
        return;
    case CXX_TAGGED:
        print(x, n->a);
        put_text(x, "[abi:");
        put(x, n->text, n->n);
        put_text(x, "]");
        return;
    case CXX_DESTRUCTOR:
        put_text(x, "~");
        print(x, n->a);
        return;
    case CXX_CONVERSION:
        put_text(x, "operator ");
        print(x, n->a);
        return;
    case CXX_ENCLOSED: {
        char end = (char)n->flags;
        put(x, n->text, n->n);
        print(x, n->a);
        put(x, &end, 1);
        return;
    }
    case CXX_PREFIXED:
        put(x, n->text, n->n);
        print(x, n->a);
        return;
    case CXX_BETWEEN:
        print(x, n->a);
        put(x, n->text, n->n);
        print(x, n->b);
        return;
    case CXX_CLONE:
        print(x, n->a);
        put_text(x, " [clone ");
        put(x, n->text, n->n);
        put_text(x, "]");
        return;
    case CXX_LAMBDA:
        put_text(x, "{lambda");
        print_params(x, n->a);
        put_text(x, "#");
        put_number(x, n->n);
        put_text(x, "}");
        return;
    case CXX_NUMBER:
        put_number(x, n->n);
        return;
    case CXX_AUTO:
        put_text(x, "auto:");
        put_number(x, n->n);
        return;
    default:
        put(x, n->text, n->n);
        return;
    }
}

static void print_expression(struct cxx *x, const struct cxx_node *n)
{
    switch (n->kind) {
    case CXX_LITERAL:
        print_literal(x, n);
        return;
    case CXX_BINARY:
        print_binary(x, n);
        return;
    case CXX_UNARY:
        print_unary(x, n);
        return;
    case CXX_POSTFIX:
        print_operand(x, n->a);
        put(x, n->text, n->n);
        return;
    case CXX_CALL: {
        bool is_function = x->nodes[n->a].kind == CXX_FUNCTION_NAME;
        print_operand(x, is_function ? x->nodes[n->a].a : n->a);
        print_params(x, n->b);
        return;
    }
    case CXX_CAST:
        put_text(x, "(");
        print(x, n->a);
        put_text(x, ")");
        if (n->flags)
            print_operand(x, x->nodes[n->b].a);
        else
            print_params(x, n->b);
        return;
    case CXX_CAST_NAMED:
        put(x, n->text, n->n);
        put_text(x, "<");
        print(x, n->a);
        put_text(x, ">(");
        print(x, n->b);
        put_text(x, ")");
        return;
    case CXX_BRACED:
        if (n->a)
            print(x, n->a);
        put_text(x, "{");
        print_list(x, n->b);
        put_text(x, "}");
        return;
    case CXX_INDEX:
        print_operand(x, n->a);
        put_text(x, "[");
        print(x, n->b);
        put_text(x, "]");
        return;
    case CXX_CONDITION:
        print_operand(x, n->a);
        put_text(x, "?");
        print_operand(x, n->b);
        put_text(x, " : ");
        print_operand(x, n->c);
        return;
    case CXX_COUNT:
        print_count(x, n->a);
        return;
    case CXX_FOLD:
        print_fold(x, n);
        return;
    default:
        print_name(x, n);
        return;
    }
}

static void print_type(struct cxx *x, const struct cxx_node *n)
{
    uint16_t of;
    switch (n->kind) {
    case CXX_FUNCTION_NAME:
        if (n->c) {
            print_left(x, n->c);
            if (!has_right(x, n->c))
                put_text(x, " ");
        }
        print(x, n->a);
        return;
    case CXX_QUALIFIED:
        print_left(x, n->a);
        print_qualifiers(x, more_qualifiers(x, n));
        return;
    case CXX_VENDOR:
        print_left(x, n->a);
        put_text(x, " ");
        print(x, n->b);
        return;
    case CXX_VECTOR:
        print(x, n->a);
        put_text(x, " __vector(");
        print_length(x, n);
        put_text(x, ")");
        return;
    case CXX_POINTER:
        print_pointer(x, n->a, "*");
        return;
    case CXX_REFERENCE:
    case CXX_RVALUE: {
        const char *text = reference_of(x, n, &of);
        if (of)
            print_pointer(x, of, text);
        return;
    }
    case CXX_ARRAY:
        print_left(x, n->a);
        return;
    case CXX_FUNCTION:
        print_left(x, n->a);
        if (!has_right(x, n->a))
            put_text(x, " ");
        return;
    case CXX_MEMBER:
        print_left(x, n->b);
        put_text(x, outer_kind(x, n->b) == CXX_FUNCTION ? "(" : " ");
        print(x, n->a);
        put_text(x, "::*");
        return;
    case CXX_PACK_ARGUMENT:
        print_list(x, n->a);
        return;
    case CXX_EXPANSION:
        print_expansion(x, n->a);
        return;
    default:
        print_expression(x, n);
        return;
    }
}

static void print_left(struct cxx *x, uint16_t at)
{
    at = resolve(x, at);
    if (!at || !may_go_on(x))
        return;
    x->print_depth++;
    print_type(x, &x->nodes[at]);
    x->print_depth--;
}

static void print_right_of(struct cxx *x, const struct cxx_node *n)
{
    uint16_t of;
    switch (n->kind) {
    case CXX_FUNCTION_NAME:
        print_params(x, n->b);
        print_qualifiers(x, n->flags);
        if (n->c)
            print_right(x, n->c);
        return;
    case CXX_QUALIFIED:
    case CXX_VENDOR:
        print_right(x, n->a);
        return;
    case CXX_POINTER:
        print_pointer_right(x, n->a);
        return;
    case CXX_REFERENCE:
    case CXX_RVALUE:
        reference_of(x, n, &of);
        if (of)
            print_pointer_right(x, of);
        return;
    case CXX_ARRAY:
        if (last_put(x) != ']')
            put_text(x, " ");
        put_text(x, "[");
        print_length(x, n);
        put_text(x, "]");
        print_right(x, n->a);
        return;
    case CXX_FUNCTION:
        print_params(x, n->b);
        print_qualifiers(x, n->flags);
        if (n->c)
            print(x, n->c);
        print_right(x, n->a);
        return;
    case CXX_MEMBER:
        if (outer_kind(x, n->b) == CXX_FUNCTION)
            put_text(x, ")");
        print_right(x, n->b);
        return;
    default:
        return;
    }
}

static void print_right(struct cxx *x, uint16_t at)
{
    at = resolve(x, at);
    if (!at || !may_go_on(x))
        return;
    x->print_depth++;
    print_right_of(x, &x->nodes[at]);
    x->print_depth--;
}

bool cxx_print(struct cxx *x, uint16_t node)
{
    x->n_out = 0;
    x->n_steps = x->print_depth = 0;
    x->pack_max = NOT_EXPANDED;
    x->pack_index = 0;
    print(x, node);
    if (x->has_failed || x->n_out == 0)
        return false;
    x->out[x->n_out] = '\0';
    return true;
}
