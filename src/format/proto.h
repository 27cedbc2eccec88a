/* proto: the fields of protobuf messages, one after the other.
 *
 *   struct proto_field f;
 *   for (const uint8_t *p = begin; p < end;) {
 *       if (!(p = proto_next(input, p, end, &f, err)))
 *           return false;
 *       switch (f.number) ...
 *
 * In: bytes, borrowed.  Errors: ERR_INPUT, "malformed profile: what at byte N".
 * Threads: any.  Signals: no. */
#ifndef SONDE_FORMAT_PROTO_H
#define SONDE_FORMAT_PROTO_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum proto_type { PROTO_VARINT = 0, PROTO_FIXED64 = 1, PROTO_BYTES = 2, PROTO_FIXED32 = 5 };

/* The whole input: messages give places in it. */
struct proto_input {
    const uint8_t *data, *end;
};

struct proto_field {
    const uint8_t *at;      /* its key */
    uint32_t number;        /* UINT32_MAX if larger */
    uint64_t value;         /* of PROTO_VARINT */
    uint32_t type;          /* enum proto_type; not beside the number: the two would be read as one,
                               which waits until both are written to memory */
    const uint8_t *p, *end; /* of PROTO_BYTES */
};

/* Always false, for `return proto_malformed(...)`.  `at` NULL: no place. */
bool proto_malformed(const struct proto_input *in, struct err *err, const uint8_t *at,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* What proto_expect does with another type than `type`: always false. */
bool proto_unexpected(const struct proto_input *in, struct proto_field f, enum proto_type type,
                      struct err *err);

/* False and *err unless the field has this wire type. */
static inline bool proto_expect(const struct proto_input *in, const struct proto_field *f,
                                enum proto_type type, struct err *err)
{
    return f->type == (uint32_t)type || proto_unexpected(in, *f, type, err);
}

/* The value of a varint whose bytes, and no others, are in w: 7 bits of each. */
static inline uint64_t proto_squeeze(uint64_t w)
{
    w = (w & 0x007f007f007f007fu) | (w & 0x7f007f007f007f00u) >> 1;
    w = (w & 0x00003fff00003fffu) | (w & 0x3fff00003fff0000u) >> 2;
    return (w & 0x000000000fffffffu) | (w & 0x0fffffff00000000u) >> 4;
}

/* proto_varint for any length. */
const uint8_t *proto_varint_long(const uint8_t *p, const uint8_t *end, uint64_t *value);

/* Read a varint, at most 10 bytes; bits beyond 64 fall off.  The position after
 * it, NULL when it does not end before `end`. */
static inline const uint8_t *proto_varint(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
    if (p < end && p[0] < 0x80) {
        *value = p[0];
        return p + 1;
    }
    if (end - p >= 2 && p[1] < 0x80) {
        *value = (p[0] & 0x7fu) | (uint32_t)p[1] << 7;
        return p + 2;
    }
    uint64_t v;
    p = proto_varint_long(p, end, &v);
    *value = v;
    return p;
}

/* What proto_next does with fields that are not of the common kind, or damaged. */
const uint8_t *proto_next_other(const struct proto_input *in, const uint8_t *p, const uint8_t *end,
                                struct proto_field *f, struct err *err);

/* Read the field at p, which is before `end`.  The position after it, or NULL and *err. */
static inline const uint8_t *proto_next(const struct proto_input *in, const uint8_t *p,
                                        const uint8_t *end, struct proto_field *f, struct err *err)
{
    /* Almost all: a key of one byte, a number or bytes. */
    uint32_t type = *p & 7u;
    if (*p < 0x80 && (type == PROTO_VARINT || type == PROTO_BYTES)) {
        const uint8_t *q = proto_varint(p + 1, end, &f->value);
        uint64_t n_bytes = type == PROTO_BYTES ? f->value : 0;
        if (q && n_bytes <= (uint64_t)(end - q)) {
            f->at = p;
            f->number = *p >> 3;
            f->type = type;
            f->p = q;
            f->end = q + n_bytes;
            return f->end;
        }
    }
    /* Through a copy, so that the caller's can be in registers. */
    struct proto_field other;
    p = proto_next_other(in, p, end, &other, err);
    *f = other;
    return p;
}

/* Read a message of plain numbers: numbers[i] becomes the last value of field i,
 * 0 if there is none, for 0 < i < n; fields from n on are skipped. */
static inline __attribute__((always_inline)) bool proto_numbers(const struct proto_input *in,
                                                                const struct proto_field *message,
                                                                uint64_t *numbers, unsigned n,
                                                                struct err *err)
{
    struct proto_field f;
    memset(numbers, 0, n * sizeof *numbers);
    for (const uint8_t *p = message->p; p < message->end;) {
        if (!(p = proto_next(in, p, message->end, &f, err)))
            return false;
        if (f.number == 0 || f.number >= n)
            continue;
        if (!proto_expect(in, &f, PROTO_VARINT, err))
            return false;
        numbers[f.number] = f.value;
    }
    return true;
}

/* The key of a number, where it is one byte. */
#define PROTO_KEY(number, type) ((uint8_t)((number) << 3 | (type)))

/* For messages whose writers put the fields in a known order: when the number with this
 * key is at p, read it.  The position after it, or p when something else is there. */
static inline const uint8_t *proto_take(const uint8_t *p, const uint8_t *end, uint8_t key,
                                        uint64_t *value)
{
    const uint8_t *q = p < end && *p == key ? proto_varint(p + 1, end, value) : NULL;
    return q ? q : p;
}

/* How many varints end in p..end. */
uint64_t proto_count_varints(const uint8_t *p, const uint8_t *end);

#endif
