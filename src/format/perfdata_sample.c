#include "format/perfdata_sample.h"

#define BRANCH_HW_INDEX (1u << 17)
#define BRANCH_COUNTERS (1u << 19)
#define READ_ENABLED 1u
#define READ_RUNNING 2u
#define READ_ID 4u
#define READ_GROUP 8u
#define READ_LOST 16u
#define X86_IP 8 /* the register's number */

/* The values of counters that come with a sample. */
static void skip_read(const struct perfdata *p, struct cursor *c, uint64_t format)
{
    uint64_t times = __builtin_popcountll(format & (READ_ENABLED | READ_RUNNING));
    uint64_t each = 1 + (uint64_t)__builtin_popcountll(format & (READ_ID | READ_LOST));
    uint64_t n = format & READ_GROUP ? perfdata_u64(p, c) : 1;
    cursor_bytes(c, times * 8);
    if (n > cursor_left(c))
        c->bad = true;
    else
        cursor_bytes(c, n * each * 8);
}

static void skip_branches(const struct perfdata *p, struct cursor *c, uint64_t type)
{
    uint64_t n = perfdata_u64(p, c);
    if (type & BRANCH_HW_INDEX)
        cursor_bytes(c, 8);
    if (n > cursor_left(c))
        c->bad = true;
    else
        cursor_bytes(c, n * (type & BRANCH_COUNTERS ? 32 : 24));
}

static struct cursor read_chain(const struct perfdata *p, struct cursor *c)
{
    uint64_t n = perfdata_u64(p, c);
    struct str s = cursor_bytes(c, n > cursor_left(c) ? UINT64_MAX : n * 8);
    return cursor_of(s.p, s.len);
}

/* The registers of the user's part; of them only where it was. */
static uint64_t read_user_ip(const struct perfdata *p, struct cursor *c, uint64_t mask)
{
    uint64_t ip = 0;
    if (!perfdata_u64(p, c)) /* no registers: a thread of the kernel */
        return 0;
    for (unsigned i = 0; i < 64; i++) {
        uint64_t v = mask >> i & 1 ? perfdata_u64(p, c) : 0;
        ip = i == X86_IP ? v : ip;
    }
    return ip;
}

bool perfdata_sample_read(const struct perfdata *p, const struct perfdata_header *h,
                          struct perfdata_sample *s)
{
    const struct perfdata_attr *attr = perfdata_layout(p, h);
    uint64_t kinds = attr->sample_type, id = 0;
    struct cursor *c = &(struct cursor){h->body.p, h->body.end, false};
    *s = (struct perfdata_sample){.event = 0, .chain = cursor_of("", 0)};
    if (kinds & PERFDATA_IDENTIFIER)
        id = perfdata_u64(p, c);
    if (kinds & PERFDATA_IP)
        s->ip = perfdata_u64(p, c);
    if (kinds & PERFDATA_TID) {
        s->pid = perfdata_u32(p, c);
        s->tid = perfdata_u32(p, c);
    }
    cursor_bytes(c, 8 * (uint64_t)__builtin_popcountll(kinds & (PERFDATA_TIME | PERFDATA_ADDR)));
    if (kinds & PERFDATA_ID)
        id = perfdata_u64(p, c);
    cursor_bytes(c,
                 8 * (uint64_t)__builtin_popcountll(kinds & (PERFDATA_STREAM_ID | PERFDATA_CPU)));
    if (kinds & PERFDATA_PERIOD)
        s->period = perfdata_u64(p, c);
    if (kinds & PERFDATA_READ)
        skip_read(p, c, attr->read_format);
    if (kinds & PERFDATA_CALLCHAIN)
        s->chain = read_chain(p, c);
    if (kinds & PERFDATA_RAW)
        cursor_bytes(c, perfdata_u32(p, c));
    if (kinds & PERFDATA_BRANCH_STACK)
        skip_branches(p, c, attr->branch_type);
    if (kinds & PERFDATA_REGS_USER)
        s->user_ip = read_user_ip(p, c, attr->regs_user);
    if (kinds & PERFDATA_STACK_USER)
        s->has_user_stack = perfdata_u64(p, c) != 0;
    if (p->attrs.n > 1)
        s->event = map_get(&p->ids, id);
    return !c->bad;
}
