/* proto_message: fields of protobuf messages, written by hand. */
#ifndef SONDE_TESTS_PROTO_MESSAGE_H
#define SONDE_TESTS_PROTO_MESSAGE_H

#include "base/buf.h"

static inline void varint(struct buf *b, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        buf_putc(b, (char)(v | 0x80));
    buf_putc(b, (char)v);
}

static inline void number(struct buf *b, unsigned field, uint64_t v)
{
    varint(b, field << 3);
    varint(b, v);
}

static inline void bytes(struct buf *b, unsigned field, const void *data, size_t n)
{
    varint(b, field << 3 | 2);
    varint(b, n);
    buf_add(b, data, n);
}

/* A message of numbers: fields 1, 2, ... in turn, -1 = leave out. */
static inline void message(struct buf *b, unsigned field, const int64_t *numbers, unsigned n)
{
    AUTO_BUF inner = {0};
    for (unsigned i = 0; i < n; i++)
        if (numbers[i] != -1)
            number(&inner, i + 1, (uint64_t)numbers[i]);
    bytes(b, field, inner.data, inner.len);
}

#define MESSAGE(b, field, ...)                                                                     \
    message((b), (field), (const int64_t[]){__VA_ARGS__},                                          \
            sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

#endif
