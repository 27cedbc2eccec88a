#include "timeline/timeline_pack.h"

static inline uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}
static inline int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

enum { HAS_CONTEXT = 8 }; /* beside the number of arguments */

uint8_t *timeline_pack(uint8_t *p, const struct trace_event *e, const struct trace_event *before,
                       int64_t before_ns)
{
    unsigned n = 4;
    while (n && !e->args[n - 1])
        n--;
    bool same = e->m == before->m && e->g == before->g && e->p == before->p;
    *p++ = e->type;
    *p++ = (uint8_t)(n | (same ? 0 : HAS_CONTEXT));
    p = gotrace_put(p, zigzag((int64_t)((uint64_t)e->time_ns - (uint64_t)before_ns)));
    if (!same) {
        p = gotrace_put(p, zigzag(e->m));
        p = gotrace_put(p, zigzag(e->g));
        p = gotrace_put(p, zigzag(e->p));
    }
    for (unsigned i = 0; i < n; i++)
        p = gotrace_put(p, e->args[i]);
    return p;
}

const uint8_t *timeline_unpack(const uint8_t *p, const uint8_t *end, struct trace_event *e,
                               const struct trace_event *before, int64_t before_ns)
{
    uint64_t v, m, g, proc;
    if (end - p < 3)
        return NULL;
    *e = (struct trace_event){.type = *p++, .m = before->m, .g = before->g, .p = before->p};
    unsigned flags = *p++;
    if (!(p = gotrace_get(p, end, &v)))
        return NULL;
    e->time_ns = (int64_t)((uint64_t)before_ns + (uint64_t)unzigzag(v));
    if (flags & HAS_CONTEXT) {
        if (!(p = gotrace_get(p, end, &m)) || !(p = gotrace_get(p, end, &g)) ||
            !(p = gotrace_get(p, end, &proc)))
            return NULL;
        e->m = unzigzag(m);
        e->g = unzigzag(g);
        e->p = (int32_t)unzigzag(proc);
    }
    for (unsigned i = 0; i < (flags & 7) && i < 4; i++)
        if (!(p = gotrace_get(p, end, &e->args[i])))
            return NULL;
    return p;
}
