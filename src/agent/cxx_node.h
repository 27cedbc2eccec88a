/* cxx_node: the parts of a C++ name, between cxx_parse, which makes them, and cxx_print.
 * A tree in an array: what the same substitution stands for is shared, and nothing refers to
 * what is made after it, but FORWARD.
 * Threads: one a struct cxx.  Signals: no. */
#ifndef SONDE_AGENT_CXX_NODE_H
#define SONDE_AGENT_CXX_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CXX_NODES_MAX 8192
#define CXX_SUBSTITUTIONS_MAX 2048
#define CXX_FORWARDS_MAX 64
#define CXX_RETRIES_MAX 32
#define CXX_PARSE_DEPTH_MAX 80
#define CXX_PRINT_DEPTH_MAX 200
#define CXX_STEPS_MAX (1u << 17)

enum cxx_kind {
    CXX_NAME,     /* text */
    CXX_STANDARD, /* text; c: its last name, for constructors */
    CXX_NESTED,   /* a::b */
    CXX_TEMPLATE, /* a<list b> */
    CXX_TAGGED,   /* a[abi:text] */
    CXX_DESTRUCTOR,
    CXX_CONVERSION,    /* operator a */
    CXX_ENCLOSED,      /* text a, and the character in flags */
    CXX_PREFIXED,      /* text a */
    CXX_BETWEEN,       /* a text b */
    CXX_FUNCTION_NAME, /* a name(list b), of type c; flags: what it asks of `this` */
    CXX_CLONE,         /* a [clone text] */
    CXX_LAMBDA,        /* of parameters list a; n: its number */
    CXX_NUMBER,        /* n */
    CXX_AUTO,          /* n */
    CXX_QUALIFIED,     /* a flags */
    CXX_VENDOR,        /* a, qualified by b */
    CXX_VECTOR,        /* of a; text or b: its length */
    CXX_POINTER,
    CXX_REFERENCE,
    CXX_RVALUE,
    CXX_ARRAY,         /* of a; text or b: its length */
    CXX_FUNCTION,      /* of list b; a: what it returns; c: what it throws; flags */
    CXX_MEMBER,        /* pointer to b in a */
    CXX_LIST,          /* a, then list b */
    CXX_PACK,          /* list a, one at a time where it is expanded */
    CXX_PACK_ARGUMENT, /* list a, all of it */
    CXX_EXPANSION,     /* of a */
    CXX_FORWARD,       /* n; a once it is known */
    CXX_LITERAL,       /* text of type a */
    CXX_BINARY,        /* a text b */
    CXX_UNARY,         /* text a */
    CXX_POSTFIX,       /* a text */
    CXX_CALL,          /* a(list b) */
    CXX_CAST,          /* (a)(list b); flags: of one without parentheses */
    CXX_CAST_NAMED,    /* text<a>(b) */
    CXX_BRACED,        /* a{list b}; a may be 0 */
    CXX_INDEX,         /* a[b] */
    CXX_CONDITION,     /* a ? b : c */
    CXX_COUNT,         /* of the pack a */
    CXX_FOLD,          /* of a and b; flags: 'l', 'r', 'L', 'R'; text: the operator */
};

enum cxx_flag {
    CXX_CONST = 1,
    CXX_VOLATILE = 2,
    CXX_RESTRICT = 4,
    CXX_ON_REFERENCE = 8,
    CXX_ON_RVALUE = 16,
};

struct cxx_node {
    const char *text; /* in the name, or a constant */
    uint32_t n;       /* bytes of it, or a number */
    uint16_t a, b, c; /* other nodes; 0: none */
    uint8_t kind, flags;
};

struct cxx {
    /* of the parser */
    const char *p, *end;
    bool has_failed;
    bool is_forward; /* template parameters are those of arguments that follow */
    bool is_lambda;  /* ... are a generic lambda's own */
    bool keeps_args; /* T_ takes no arguments here */
    uint32_t depth;
    uint16_t params; /* list of the template arguments that T_ refers to */
    uint32_t n_nodes, n_substitutions, n_forwards, n_retries;
    struct cxx_node nodes[CXX_NODES_MAX];
    struct {
        uint16_t node, param; /* param: 1 + n where it is T and n alone: of where it is used */
    } substitutions[CXX_SUBSTITUTIONS_MAX];
    uint16_t forwards[CXX_FORWARDS_MAX];
    /* of the printer */
    char *out;
    size_t n_out, size;
    uint32_t n_steps, print_depth;
    uint32_t pack_index, pack_max;
};

/* The name at x->p; 0 when it cannot be read. */
uint16_t cxx_parse(struct cxx *x);
/* Of cxx_parse's halves. */
uint16_t cxx_parse_type(struct cxx *x);
uint16_t cxx_parse_class(struct cxx *x); /* a name as a type */
uint16_t cxx_parse_expression(struct cxx *x);
uint16_t cxx_parse_encoding(struct cxx *x, bool is_inner);
uint16_t cxx_parse_template_args(struct cxx *x, bool are_params);
uint16_t cxx_parse_template_arg(struct cxx *x);
uint16_t cxx_parse_template_param(struct cxx *x);
/* What the nth template parameter is here. */
uint16_t cxx_template_param(struct cxx *x, uint32_t n);
/* Of what substitutions can stand for; returns `node`. */
uint16_t cxx_substitute(struct cxx *x, uint16_t node);
uint16_t cxx_parse_simple_id(struct cxx *x);
uint16_t cxx_parse_operator(struct cxx *x, bool *is_conversion);
uint16_t cxx_parse_source_name(struct cxx *x);
uint8_t cxx_parse_qualifiers(struct cxx *x);
/* Digits, perhaps none. */
struct cxx_node cxx_digits(struct cxx *x);
uint16_t cxx_make(struct cxx *x, struct cxx_node node);
/* Puts `item` at the end of the list *first, whose last node is *last. */
void cxx_append(struct cxx *x, uint16_t *first, uint16_t *last, uint16_t item);

/* What an operator's code means. */
struct cxx_operator {
    char code[3];
    uint8_t form; /* 1, 2, 3: operands; 0: an expression of its own */
    const char *text;
};
const struct cxx_operator *cxx_operator_at(const struct cxx *x);

static inline char cxx_look(const struct cxx *x, size_t ahead)
{
    return ahead < (size_t)(x->end - x->p) ? x->p[ahead] : '\0';
}

static inline bool cxx_take(struct cxx *x, char c)
{
    if (cxx_look(x, 0) != c)
        return false;
    x->p++;
    return true;
}

static inline bool cxx_take_two(struct cxx *x, char c, char d)
{
    if (cxx_look(x, 0) != c || cxx_look(x, 1) != d)
        return false;
    x->p += 2;
    return true;
}

/* 0, and nothing more is read. */
static inline uint16_t cxx_fail(struct cxx *x)
{
    x->has_failed = true;
    x->p = x->end;
    return 0;
}

/* The text of `node` in x->out; false: too long, or too deep. */
bool cxx_print(struct cxx *x, uint16_t node);

#endif
