/* analysis_proto: protobuf messages, written field by field.  A message within another is
 * begun, filled, and ended, which puts its length in front, for which five bytes are kept.
 *
 *   size_t packet = analysis_proto_begin(out, 1);
 *   analysis_proto_uint(out, 8, time);
 *   analysis_proto_end(out, packet);
 *
 * Failure: the buffer's (sticky).  Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_PROTO_H
#define SONDE_ANALYSIS_ANALYSIS_PROTO_H

#include "base/buf.h"

#define ANALYSIS_LENGTH_BYTES 5 /* room for a length below 2^35 */

static inline void analysis_proto_varint(struct buf *out, uint64_t value)
{
    char bytes[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (char)(value | 0x80);
    bytes[n++] = (char)value;
    buf_add(out, bytes, n);
}

static inline void analysis_proto_uint(struct buf *out, uint32_t field, uint64_t value)
{
    analysis_proto_varint(out, (uint64_t)field << 3);
    analysis_proto_varint(out, value);
}

static inline void analysis_proto_fixed64(struct buf *out, uint32_t field, uint64_t value)
{
    char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(value >> (8 * i));
    analysis_proto_varint(out, (uint64_t)field << 3 | 1);
    buf_add(out, bytes, sizeof bytes);
}

static inline void analysis_proto_text(struct buf *out, uint32_t field, const char *text, size_t n)
{
    analysis_proto_varint(out, (uint64_t)field << 3 | 2);
    analysis_proto_varint(out, n);
    buf_add(out, text, n);
}

static inline size_t analysis_proto_begin(struct buf *out, uint32_t field)
{
    analysis_proto_varint(out, (uint64_t)field << 3 | 2);
    buf_add(out, "\x80\x80\x80\x80", ANALYSIS_LENGTH_BYTES); /* with its NUL */
    return out->len;
}

/* What is short moves back, next to its length. */
static inline void analysis_proto_end(struct buf *out, size_t begin)
{
    if (out->failed || out->len < begin)
        return;
    size_t n = out->len - begin, n_bytes = 1;
    char *length = out->data + begin - ANALYSIS_LENGTH_BYTES;
    for (uint64_t rest = n >> 7; rest; rest >>= 7)
        n_bytes++;
    for (size_t i = 0; i < n_bytes; i++)
        length[i] = (char)((n >> (7 * i) & 0x7f) | (i + 1 < n_bytes ? 0x80 : 0));
    memmove(length + n_bytes, out->data + begin, n + 1); /* with its NUL */
    out->len -= ANALYSIS_LENGTH_BYTES - n_bytes;
}

#endif
