#include "wire/trace_source.h"

/* Nothing is later than now, but for what is noted while it is read. */
#define AHEAD_NS 10000000000u
#define CHUNKS_MAX (1u << 20)

struct trace_chunk_ref {
    uint64_t serial;
    uint32_t chunk;
};

void trace_source_scan_release(struct trace_source_scan *scan, const struct gotrace_memory *memory)
{
    if (scan->refs)
        memory->release(scan->refs, scan->max * sizeof *scan->refs);
    *scan = (struct trace_source_scan){0};
}

bool trace_source_init(struct trace_source *s, struct trace_raw_header *h, uint64_t n_bytes)
{
    *s = (struct trace_source){.header = h,
                               .n_chunks = h->n_chunks,
                               .chunks_offset = h->chunks_offset,
                               .clock = h->clock,
                               .keeps_last = h->keeps_last != 0,
                               .ticks = h->start_ticks,
                               .ns = h->start_ns,
                               .scale = 1ull << 32};
    return n_bytes >= sizeof *h && h->magic == TRACE_RAW_MAGIC && h->version == TRACE_RAW_VERSION &&
           s->chunks_offset % 64 == 0 && s->chunks_offset <= n_bytes && s->n_chunks <= CHUNKS_MAX &&
           s->n_chunks * TRACE_RAW_CHUNK_BYTES <= n_bytes - s->chunks_offset;
}

void trace_source_release(struct trace_source *s, const struct gotrace_memory *memory)
{
    if (s->serials)
        memory->release(s->serials, s->n_chunks * sizeof *s->serials);
    if (s->n_read)
        memory->release(s->n_read, s->n_chunks);
    s->serials = NULL;
    s->n_read = NULL;
    s->header = NULL;
}

uint64_t trace_source_ns(const struct trace_source *s, uint64_t ticks)
{
    if (s->clock != TRACE_CLOCK_TSC)
        return ticks;
    bool is_before = ticks < s->ticks;
    uint64_t d = is_before ? s->ticks - ticks : ticks - s->ticks,
             ns = (uint64_t)((unsigned __int128)d * s->scale >> 32);
    return !is_before ? s->ns + ns : s->ns > ns ? s->ns - ns : 0;
}

/* What is read next lies between the last moment and this one. */
static void set_clock(struct trace_source *s, uint64_t ticks, uint64_t ns)
{
    uint64_t d_ns = ns - s->ns, d_ticks = ticks - s->ticks;
    if (ns <= s->ns || ticks <= s->ticks)
        return;
    for (; d_ns >> 31; d_ns >>= 1)
        d_ticks >>= 1;
    if (d_ticks)
        s->scale = (d_ns << 32) / d_ticks;
}

/* Copies the records of a chunk that have come since; how many there are now. */
static uint32_t copy_records(struct trace_chunk *c, uint32_t from, uint32_t limit,
                             struct trace_record *to)
{
    uint32_t i = from;
    for (; i < limit; i++) {
        if (!__atomic_load_n(&c->records[i].type, __ATOMIC_ACQUIRE))
            break;
        to[i] = c->records[i];
    }
    return i;
}

static void read_chunk(struct trace_source *s, const struct trace_chunk_ref *ref,
                       trace_source_take_fn *take, void *arg)
{
    struct trace_record records[TRACE_RAW_RECORDS];
    struct trace_chunk *c =
        (struct trace_chunk *)((char *)s->header + s->chunks_offset) + ref->chunk;
    uint32_t state = __atomic_load_n(&c->state, __ATOMIC_ACQUIRE);
    uint64_t serial = c->serial;
    int32_t tid = c->tid;
    if (serial != ref->serial || tid <= 0)
        return;
    if (s->serials[ref->chunk] != serial) {
        s->serials[ref->chunk] = serial;
        s->n_read[ref->chunk] = 0;
    }
    uint32_t from = s->n_read[ref->chunk], limit = TRACE_RAW_RECORDS, n_full = c->n;
    if (state == TRACE_CHUNK_FULL && n_full < limit)
        limit = n_full;
    uint32_t n = copy_records(c, from, limit, records), i = from;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (s->keeps_last && (__atomic_load_n(&c->state, __ATOMIC_RELAXED) == TRACE_CHUNK_TAKEN ||
                          __atomic_load_n(&c->serial, __ATOMIC_RELAXED) != serial))
        return; /* it has been overwritten meanwhile */
    while (i < n) {
        const struct trace_record *r = &records[i];
        uint32_t n_parts = (r->n_text + TRACE_RAW_TEXT_BYTES - 1) / TRACE_RAW_TEXT_BYTES;
        if (r->n_text > TRACE_RAW_TEXT_MAX || n_parts > limit - i - 1) {
            i++;
            continue;
        }
        if (n_parts > n - i - 1)
            break; /* the rest is still to come */
        uint64_t ns = trace_source_ns(s, r->time);
        if (ns > s->now_ns + AHEAD_NS)
            ns = s->now_ns;
        if (r->type < TRACE_RAW_TEXT && !take(arg, tid, ns, r, r + 1))
            break;
        i += 1 + n_parts;
    }
    s->n_read[ref->chunk] = (uint8_t)i;
    if (state == TRACE_CHUNK_FULL && !s->keeps_last && i >= limit) {
        c->serial = 0;
        __atomic_store_n(&c->state, TRACE_CHUNK_FREE, __ATOMIC_RELEASE);
    }
}

static void sort_refs(struct trace_chunk_ref *refs, size_t n)
{
    /* A heap, in place: no recursion, no memory. */
    for (size_t start = n / 2, end = n; end > 1;) {
        struct trace_chunk_ref x;
        if (start > 0) {
            x = refs[--start];
        } else {
            x = refs[--end];
            refs[end] = refs[0];
        }
        size_t at = start;
        for (size_t child; (child = 2 * at + 1) < end; at = child) {
            child += child + 1 < end && refs[child].serial < refs[child + 1].serial;
            if (x.serial >= refs[child].serial)
                break;
            refs[at] = refs[child];
        }
        refs[at] = x;
    }
}

/* What is kept of chunks that were looked at. */
static bool make_marks(struct trace_source *s, const struct gotrace_memory *memory)
{
    if (!s->serials)
        s->serials = memory->grow(NULL, 0, s->n_chunks * sizeof *s->serials);
    if (!s->n_read)
        s->n_read = memory->grow(NULL, 0, s->n_chunks);
    return s->serials && s->n_read;
}

bool trace_source_read(struct trace_source *s, const struct gotrace_memory *memory,
                       struct trace_source_scan *scan, trace_source_take_fn *take, void *arg)
{
    const struct trace_chunk *chunks =
        (const struct trace_chunk *)((char *)s->header + s->chunks_offset);
    uint64_t n_used = __atomic_load_n(&s->header->n_used, __ATOMIC_ACQUIRE), ticks = 0, ns = 0;
    size_t n = 0;
    if (!make_marks(s, memory))
        return false;
    trace_raw_moment(s->clock, &ticks, &ns);
    set_clock(s, ticks, ns);
    s->now_ns = ns;
    for (uint64_t c = 0; c < s->n_chunks && c < n_used; c++) {
        uint32_t state = __atomic_load_n(&chunks[c].state, __ATOMIC_ACQUIRE);
        if (state != TRACE_CHUNK_OWNED && state != TRACE_CHUNK_FULL)
            continue;
        void *refs = scan->refs;
        bool ok = gotrace_grow(memory, &refs, &scan->max, n + 1, sizeof *scan->refs);
        scan->refs = refs;
        if (!ok)
            return false;
        scan->refs[n++] = (struct trace_chunk_ref){chunks[c].serial, (uint32_t)c};
    }
    sort_refs(scan->refs, n);
    for (size_t j = 0; j < n; j++)
        read_chunk(s, &scan->refs[j], take, arg);
    /* What is later goes on from there without a step back. */
    s->ticks = ticks;
    s->ns = ns;
    return true;
}
