#include "format/proto.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool proto_malformed(const struct proto_input *in, struct err *err, const uint8_t *at,
                     const char *fmt, ...)
{
    char what[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (!at)
        return err_set(err, ERR_INPUT, "malformed profile: %s", what);
    return err_set(err, ERR_INPUT, "malformed profile: %s at byte %zu", what,
                   (size_t)(at - in->data));
}

bool proto_unexpected(const struct proto_input *in, struct proto_field f, enum proto_type type,
                      struct err *err)
{
    return proto_malformed(in, err, f.at, "field %u has wire type %u instead of %u", f.number,
                           f.type, (unsigned)type);
}

const uint8_t *proto_varint_long(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
    if (end - p >= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        uint64_t ends = ~w & 0x8080808080808080u;
        if (ends) {
            *value = proto_squeeze(w & (ends ^ (ends - 1)));
            return p + (__builtin_ctzll(ends) + 1) / 8;
        }
    }
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70 && p < end; shift += 7) {
        uint8_t b = *p++;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            *value = v;
            return p;
        }
    }
    return NULL;
}

const uint8_t *proto_next_other(const struct proto_input *in, const uint8_t *p, const uint8_t *end,
                                struct proto_field *f, struct err *err)
{
    uint64_t key;
    *f = (struct proto_field){.at = p};
    if (!(p = proto_varint(p, end, &key)))
        goto bad_varint;
    f->number = key >> 3 > UINT32_MAX ? UINT32_MAX : (uint32_t)(key >> 3);
    f->type = (uint32_t)(key & 7);
    switch (f->type) {
    case PROTO_VARINT:
        if (!(p = proto_varint(p, end, &f->value)))
            goto bad_varint;
        return p;
    case PROTO_BYTES:
        if (!(p = proto_varint(p, end, &f->value)))
            goto bad_varint;
        if (f->value > (uint64_t)(end - p)) {
            proto_malformed(in, err, f->at, "truncated: field %u claims %" PRIu64 " bytes of %zu",
                            f->number, f->value, (size_t)(end - p));
            return NULL;
        }
        f->p = p;
        f->end = p + f->value;
        return f->end;
    case PROTO_FIXED64:
    case PROTO_FIXED32: {
        ptrdiff_t n = f->type == PROTO_FIXED64 ? 8 : 4;
        if (end - p >= n)
            return p + n;
        proto_malformed(in, err, f->at, "truncated in field %u", f->number);
        return NULL;
    }
    default:
        proto_malformed(in, err, f->at, "unknown wire type %u", f->type);
        return NULL;
    }
bad_varint:
    proto_malformed(in, err, f->at, "bad or truncated number");
    return NULL;
}

uint64_t proto_count_varints(const uint8_t *p, const uint8_t *end)
{
    uint64_t n = 0; /* bytes below 0x80 */
    for (; end - p >= 8; p += 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        n += ((~w & 0x8080808080808080u) >> 7) * 0x0101010101010101u >> 56;
    }
    for (; p < end; p++)
        n += *p < 0x80;
    return n;
}
