#include "format/perfdata_sample.h"

#define BRANCH_HW_INDEX (1u << 17)
#define BRANCH_COUNTERS (1u << 19)
#define READ_ENABLED 1u
#define READ_RUNNING 2u
#define READ_ID 4u
#define READ_GROUP 8u
#define READ_LOST 16u
#define ABI_64 2u
/* Numbers of registers. */
#define X86_BP 6
#define X86_SP 7
#define X86_IP 8
#define X86_ALL 24

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

/* The registers of the user's part; of them where it was.  None of a thread of the
 * kernel.  Other processors have registers beyond those of x86-64. */
static void read_user_regs(const struct perfdata *p, struct cursor *c, uint64_t mask,
                           struct perfdata_sample *s)
{
    const uint64_t needed = 1u << X86_BP | 1u << X86_SP | 1u << X86_IP;
    uint64_t abi = perfdata_u64(p, c);
    for (unsigned i = 0; abi && i < 64; i++) {
        uint64_t v = mask >> i & 1 ? perfdata_u64(p, c) : 0;
        if (i == X86_IP)
            s->user_ip = v;
        else if (i == X86_SP)
            s->user_sp = v;
        else if (i == X86_BP)
            s->user_bp = v;
    }
    s->has_user_regs = abi == ABI_64 && (mask & needed) == needed && mask >> X86_ALL == 0;
}

static void read_user_stack(const struct perfdata *p, struct cursor *c, struct perfdata_sample *s)
{
    uint64_t size = perfdata_u64(p, c);
    if (!size)
        return;
    s->has_user_stack = true;
    s->stack = cursor_bytes(c, size);
    uint64_t used = perfdata_u64(p, c);
    s->stack.len = used < s->stack.len ? used : s->stack.len;
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
        read_user_regs(p, c, attr->regs_user, s);
    if (kinds & PERFDATA_STACK_USER)
        read_user_stack(p, c, s);
    if (p->attrs.n > 1)
        s->event = map_get(&p->ids, id);
    return !c->bad;
}
