#include "format/perfdata_file.h"

#include "base/zstd.h"

#include <stdlib.h>

#define HEADER_BYTES 8 /* of a record */
#define FILE_HEADER_BYTES 104
#define ATTR_BYTES 64      /* of the first version of perf_event_attr */
#define NO_TIME UINT64_MAX /* what perf writes in records that it makes up */

/* Records of perf itself. */
enum {
    RECORD_HEADER_ATTR = 64,
    RECORD_HEADER_TRACING_DATA = 66,
    RECORD_HEADER_BUILD_ID = 67,
    RECORD_AUXTRACE = 71,
    RECORD_EVENT_UPDATE = 78,
    RECORD_HEADER_FEATURE = 80,
    RECORD_COMPRESSED = 81,
    RECORD_COMPRESSED2 = 83,
};

/* What perf notes about the recording. */
enum {
    FEATURE_BUILD_ID = 2,
    FEATURE_VERSION = 5,
    FEATURE_CMDLINE = 11,
    FEATURE_EVENT_DESC = 12,
    FEATURE_CLOCK_DATA = 29,
    N_FEATURES = 256,
};

struct section {
    uint64_t offset, size;
};

static bool malformed(const struct perfdata *p, struct err *err, const uint8_t *at,
                      const char *what)
{
    return err_set(err, ERR_INPUT, "malformed perf.data: %s at byte %zu", what,
                   (size_t)(at - p->data));
}

bool perfdata_is(const uint8_t *data, size_t len)
{
    return len >= 16 && (!memcmp(data, "PERFILE2", 8) || !memcmp(data, "2ELIFREP", 8) ||
                         !memcmp(data, "PERFFILE", 8));
}

struct perfdata_header perfdata_header(const struct perfdata *p, const uint8_t *at)
{
    struct cursor c = cursor_of(at, HEADER_BYTES);
    struct perfdata_header h = {.type = perfdata_u32(p, &c), .misc = perfdata_u16(p, &c)};
    h.body = cursor_of(at + HEADER_BYTES, (size_t)perfdata_u16(p, &c) - HEADER_BYTES);
    return h;
}

struct str perfdata_text(struct cursor *c)
{
    size_t left = cursor_left(c);
    struct str s = {(const char *)c->p, left ? strnlen((const char *)c->p, left) : 0};
    c->p = c->end;
    return s.len ? s : (struct str){"", 0};
}

static struct section read_section(const struct perfdata *p, struct cursor *c)
{
    struct section s;
    s.offset = perfdata_u64(p, c);
    s.size = perfdata_u64(p, c);
    return s;
}

/* The bytes of a section as far as the file has them. */
static struct cursor open_section(const struct perfdata *p, struct section s)
{
    size_t len = (size_t)(p->end - p->data);
    uint64_t offset = s.offset > len ? len : s.offset;
    return cursor_of(p->data + offset,
                     s.size > len - offset ? len - (size_t)offset : (size_t)s.size);
}

/* A text with its length in front, padded with NULs. */
static struct str read_text(const struct perfdata *p, struct cursor *c)
{
    struct str s = cursor_bytes(c, perfdata_u32(p, c));
    s.len = strnlen(s.p, s.len);
    return s;
}

/* A perf_event_attr of `size` bytes, of which later kernels know more. */
static struct perfdata_attr read_attr(const struct perfdata *p, const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    struct perfdata_attr a = {.name = {"", 0}};
    a.type = perfdata_u32(p, &c);
    (void)perfdata_u32(p, &c);
    a.config = perfdata_u64(p, &c);
    a.period = perfdata_u64(p, &c);
    a.sample_type = perfdata_u64(p, &c);
    a.read_format = perfdata_u64(p, &c);
    uint64_t flags = perfdata_u64(p, &c);
    /* Bit fields begin at the other end there. */
    bool is_big = p->swap == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
    bool is_frequency = flags >> (is_big ? 63 - 10 : 10) & 1;
    a.sample_id_all = flags >> (is_big ? 63 - 18 : 18) & 1;
    if (is_frequency)
        a.period = 0;
    cursor_bytes(&c, 4 + 4 + 8 + 8); /* wakeups, breakpoints */
    if (cursor_left(&c) >= 8)
        a.branch_type = perfdata_u64(p, &c);
    if (cursor_left(&c) >= 8)
        a.regs_user = perfdata_u64(p, &c);
    return a;
}

static bool add_attr(struct perfdata *p, const struct perfdata_attr *attr, struct cursor ids,
                     struct err *err)
{
    uint32_t i = (uint32_t)p->attrs.n;
    if (!vec_push(&p->attrs, *attr))
        return err_nomem(err);
    while (cursor_left(&ids) >= 8)
        if (!map_put(&p->ids, perfdata_u64(p, &ids), i))
            return err_nomem(err);
    return true;
}

/* The event that has one of these ids, else the one at `place`. */
static struct perfdata_attr *find_attr(struct perfdata *p, struct cursor ids, uint32_t place)
{
    while (cursor_left(&ids) >= 8) {
        uint32_t i = map_get(&p->ids, perfdata_u64(p, &ids));
        if (i != MAP_NONE)
            return &p->attrs.items[i];
    }
    return place < p->attrs.n ? &p->attrs.items[place] : NULL;
}

static void read_event_names(struct perfdata *p, struct cursor c)
{
    uint32_t n = perfdata_u32(p, &c), attr_size = perfdata_u32(p, &c);
    for (uint32_t i = 0; i < n && !c.bad; i++) {
        cursor_bytes(&c, attr_size);
        uint32_t n_ids = perfdata_u32(p, &c);
        struct str name = read_text(p, &c);
        struct str ids = cursor_bytes(&c, (uint64_t)n_ids * 8);
        struct perfdata_attr *attr = c.bad ? NULL : find_attr(p, cursor_of(ids.p, ids.len), i);
        if (attr && name.len)
            attr->name = name;
    }
}

static void read_event_update(struct perfdata *p, struct cursor c)
{
    enum { UPDATE_NAME = 2 };
    uint64_t what = perfdata_u64(p, &c);
    const uint8_t *id = c.p;
    (void)perfdata_u64(p, &c);
    struct perfdata_attr *attr = c.bad ? NULL : find_attr(p, cursor_of(id, 8), UINT32_MAX);
    struct str name = perfdata_text(&c);
    if (what == UPDATE_NAME && attr && name.len)
        attr->name = name;
}

static bool read_command(struct perfdata *p, struct cursor c)
{
    AUTO_BUF command = {0};
    uint32_t n = perfdata_u32(p, &c);
    for (uint32_t i = 0; i < n && !c.bad; i++) {
        struct str word = read_text(p, &c);
        buf_puts(&command, i ? " " : "");
        buf_add(&command, word.p, word.len);
    }
    char *text = command.failed ? NULL : arena_strndup(&p->arena, buf_str(&command), command.len);
    if (text)
        p->command = (struct str){text, command.len};
    return text != NULL;
}

/* What a record of build IDs holds after its header: pid, build ID, file. */
static bool read_build_id(struct perfdata *p, struct cursor c)
{
    (void)perfdata_u32(p, &c);
    struct str bytes = cursor_bytes(&c, 24);
    struct perfdata_build_id id = {.bytes = (const uint8_t *)bytes.p, .file = perfdata_text(&c)};
    if (c.bad || !id.file.len)
        return true;
    /* The length was added later, in what was padding. */
    id.n_bytes = id.bytes[20] && id.bytes[20] <= 20 ? id.bytes[20] : 20;
    return vec_push(&p->build_ids, id);
}

static bool read_build_ids(struct perfdata *p, struct cursor c)
{
    while (cursor_left(&c) >= HEADER_BYTES) {
        const uint8_t *at = c.p;
        cursor_bytes(&c, 6);
        uint16_t size = perfdata_u16(p, &c);
        if (size < HEADER_BYTES || size - HEADER_BYTES > cursor_left(&c))
            break;
        cursor_bytes(&c, size - HEADER_BYTES);
        if (!read_build_id(p, perfdata_header(p, at).body))
            return false;
    }
    return true;
}

static bool read_feature(struct perfdata *p, uint64_t feature, struct cursor c)
{
    switch (feature) {
    case FEATURE_BUILD_ID:
        return read_build_ids(p, c);
    case FEATURE_VERSION:
        p->version = read_text(p, &c);
        return true;
    case FEATURE_CMDLINE:
        return read_command(p, c);
    case FEATURE_EVENT_DESC:
        read_event_names(p, c);
        return true;
    case FEATURE_CLOCK_DATA:
        cursor_bytes(&c, 8);
        p->wall_ns = perfdata_u64(p, &c);
        p->clock_ns = perfdata_u64(p, &c);
        p->has_clock = !c.bad && p->wall_ns && p->clock_ns;
        return true;
    default:
        return true;
    }
}

/* The attr comes with its own size, then ids follow. */
static bool read_attr_record(struct perfdata *p, struct cursor c, struct err *err)
{
    struct cursor peek = c;
    (void)perfdata_u32(p, &peek);
    uint32_t size = perfdata_u32(p, &peek);
    if (size < ATTR_BYTES || size > cursor_left(&c))
        return malformed(p, err, c.p, "an event of no proper size");
    struct perfdata_attr attr = read_attr(p, c.p, size);
    cursor_bytes(&c, size);
    return add_attr(p, &attr, c, err);
}

/* A record of perf itself, or of the kernel, which is kept for later.  `after`: what is
 * left behind it, since some are followed by more; NULL within what was unpacked, where
 * there are none of perf. */
static bool take_record(struct perfdata *p, const uint8_t *at, struct cursor *after,
                        struct err *err)
{
    struct perfdata_header h = perfdata_header(p, at);
    struct cursor c = h.body;
    if (h.type < RECORD_HEADER_ATTR) {
        if (!cursor_left(&c))
            return true;
        struct perfdata_record r = {.at = at, .place = (uint32_t)p->records.n};
        if (p->records.n == UINT32_MAX)
            return err_set(err, ERR_INPUT, "malformed perf.data: too many records");
        return vec_push(&p->records, r) || err_nomem(err);
    }
    switch (after ? h.type : 0) {
    case RECORD_HEADER_ATTR:
        return read_attr_record(p, c, err);
    case RECORD_HEADER_TRACING_DATA:
        cursor_bytes(after, ((uint64_t)perfdata_u32(p, &c) + 7) & ~(uint64_t)7);
        return true;
    case RECORD_AUXTRACE:
        cursor_bytes(after, perfdata_u64(p, &c));
        return true;
    case RECORD_HEADER_BUILD_ID:
        return read_build_id(p, c) || err_nomem(err);
    case RECORD_EVENT_UPDATE:
        read_event_update(p, c);
        return true;
    case RECORD_HEADER_FEATURE: {
        uint64_t feature = perfdata_u64(p, &c);
        return read_feature(p, feature, c) || err_nomem(err);
    }
    case RECORD_COMPRESSED2: {
        struct str packed = cursor_bytes(&c, perfdata_u64(p, &c));
        buf_add(&p->packed, packed.p, packed.len);
        return !p->packed.failed || err_nomem(err);
    }
    case RECORD_COMPRESSED:
        buf_add(&p->packed, c.p, cursor_left(&c));
        return !p->packed.failed || err_nomem(err);
    default:
        return true;
    }
}

/* All records of a piece; what is cut at its end is told and left out. */
static bool take_records(struct perfdata *p, struct cursor c, bool is_unpacked, struct diag *diag,
                         struct err *err)
{
    while (cursor_left(&c) >= HEADER_BYTES) {
        const uint8_t *at = c.p;
        cursor_bytes(&c, 6);
        uint16_t size = perfdata_u16(p, &c);
        if (size < HEADER_BYTES && is_unpacked)
            return err_set(err, ERR_INPUT,
                           "malformed perf.data: a record of no size in packed data");
        if (size < HEADER_BYTES)
            return malformed(p, err, at, "a record of no size");
        cursor_bytes(&c, size - HEADER_BYTES);
        if (!c.bad && !take_record(p, at, is_unpacked ? NULL : &c, err))
            return false;
        if (c.bad)
            break;
    }
    if (c.bad || cursor_left(&c))
        diag_add(diag, "the recording is cut short, its last record is left out");
    return true;
}

static bool take_packed(struct perfdata *p, struct diag *diag, struct err *err)
{
    size_t most = ((size_t)64 << 20) + 64 * p->packed.len;
    if (!p->packed.len)
        return true;
    if (!zstd_unpack_open(p->packed.data, p->packed.len, most, &p->unpacked, &p->n_unpacked, err))
        return err_wrap(err, "malformed perf.data");
    buf_release(&p->packed);
    return take_records(p, cursor_of(p->unpacked, p->n_unpacked), true, diag, err);
}

/* Where events differ in what their samples hold, an ID tells them apart: it comes first
 * in samples and last in other records. */
const struct perfdata_attr *perfdata_layout(const struct perfdata *p,
                                            const struct perfdata_header *h)
{
    const struct perfdata_attr *first = p->attrs.items;
    struct cursor c = h->body;
    if (p->attrs.n == 1 || !(first->sample_type & PERFDATA_IDENTIFIER) || cursor_left(&c) < 8)
        return first;
    if (h->type != PERFDATA_SAMPLE)
        c.p = c.end - 8;
    uint32_t i = map_get(&p->ids, perfdata_u64(p, &c));
    return i == MAP_NONE ? first : &p->attrs.items[i];
}

/* Where the time is in a record, without decoding the rest of it; 0 if there is none. */
static uint64_t record_time(const struct perfdata *p, const uint8_t *at)
{
    struct perfdata_header h = perfdata_header(p, at);
    const struct perfdata_attr *attr = perfdata_layout(p, &h);
    uint64_t kinds = attr->sample_type;
    struct cursor c = h.body;
    if (!(kinds & PERFDATA_TIME) || (h.type != PERFDATA_SAMPLE && !attr->sample_id_all))
        return 0;
    size_t skip = 0;
    if (h.type == PERFDATA_SAMPLE) {
        skip = 8 * (size_t)__builtin_popcountll(kinds &
                                                (PERFDATA_IDENTIFIER | PERFDATA_IP | PERFDATA_TID));
    } else {
        size_t from_end = 8 * (size_t)__builtin_popcountll(
                                  kinds & (PERFDATA_TIME | PERFDATA_ID | PERFDATA_STREAM_ID |
                                           PERFDATA_CPU | PERFDATA_IDENTIFIER));
        if (cursor_left(&c) < from_end)
            return 0;
        skip = cursor_left(&c) - from_end;
    }
    cursor_bytes(&c, skip);
    uint64_t time = perfdata_u64(p, &c);
    return time == NO_TIME ? 0 : time;
}

static int by_time(const void *a, const void *b)
{
    const struct perfdata_record *r = a, *s = b;
    if (r->time != s->time)
        return r->time < s->time ? -1 : 1;
    return (r->place > s->place) - (r->place < s->place);
}

/* Each processor has a buffer of its own, which perf empties in turn. */
static void sort_records(struct perfdata *p)
{
    bool is_sorted = true;
    uint64_t last = 0;
    for (size_t i = 0; i < p->records.n; i++) {
        struct perfdata_record *r = &p->records.items[i];
        r->time = record_time(p, r->at);
        is_sorted = is_sorted && r->time >= last;
        last = r->time;
    }
    if (!is_sorted)
        qsort(p->records.items, p->records.n, sizeof *p->records.items, by_time);
}

static bool read_attrs(struct perfdata *p, struct section attrs, uint64_t attr_size,
                       struct err *err)
{
    struct cursor c = open_section(p, attrs);
    if (attr_size < ATTR_BYTES + 16 || attr_size > 4096)
        return malformed(p, err, p->data + 16, "events of no proper size");
    while (cursor_left(&c) >= attr_size) {
        struct perfdata_attr attr = read_attr(p, c.p, (size_t)attr_size - 16);
        cursor_bytes(&c, attr_size - 16);
        struct section ids = read_section(p, &c);
        if (!add_attr(p, &attr, open_section(p, ids), err))
            return false;
    }
    return true;
}

/* Features stand after the data, a section for each bit that is set. */
static bool read_features(struct perfdata *p, struct section data, struct cursor bits)
{
    uint64_t words[N_FEATURES / 64];
    struct cursor c = open_section(p, (struct section){data.offset + data.size, UINT64_MAX});
    for (size_t i = 0; i < N_FEATURES / 64; i++)
        words[i] = perfdata_u64(p, &bits);
    if (!data.size || data.offset + data.size < data.offset)
        return true; /* perf was killed before it wrote them */
    for (uint32_t feature = 0; feature < N_FEATURES; feature++) {
        if (!(words[feature / 64] >> feature % 64 & 1))
            continue;
        struct section s = read_section(p, &c);
        if (c.bad)
            break;
        if (!read_feature(p, feature, open_section(p, s)))
            return false;
    }
    return true;
}

/* Header of a file; *records: where its records are. */
static bool read_head(struct perfdata *p, struct cursor c, struct cursor *records, struct err *err)
{
    uint64_t attr_size = perfdata_u64(p, &c);
    struct section attrs = read_section(p, &c), data = read_section(p, &c);
    (void)read_section(p, &c); /* names of events, of the first files only */
    if (c.bad)
        return err_set(err, ERR_INPUT, "malformed perf.data: cut short in its header");
    if (!read_attrs(p, attrs, attr_size, err))
        return false;
    if (!read_features(p, data, c))
        return err_nomem(err);
    *records = open_section(p, (struct section){data.offset, data.size ? data.size : UINT64_MAX});
    return true;
}

bool perfdata_init(struct perfdata *p, const uint8_t *data, size_t len, struct diag *diag,
                   struct err *err)
{
    *p = (struct perfdata){.data = data, .end = data + len, .version = {"", 0}, .command = {"", 0}};
    arena_init(&p->arena);
    map_init(&p->ids);
    p->swap = (data[0] == '2') == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
    struct cursor c = cursor_of(data + 8, len - 8), records;
    uint64_t header_size = perfdata_u64(p, &c);
    if (header_size != 16 && header_size < FILE_HEADER_BYTES)
        return malformed(p, err, data + 8, "a header of no proper size");
    if (header_size == 16)
        records = c;
    else if (!read_head(p, c, &records, err))
        return false;
    bool ok = take_records(p, records, false, diag, err) && take_packed(p, diag, err);
    if (ok && !p->attrs.n)
        return err_set(err, ERR_INPUT, "malformed perf.data: it has no events");
    if (ok)
        sort_records(p);
    return ok;
}

void perfdata_release(struct perfdata *p)
{
    vec_release(&p->attrs);
    vec_release(&p->records);
    vec_release(&p->build_ids);
    map_release(&p->ids);
    buf_release(&p->packed);
    free(p->unpacked);
    arena_release(&p->arena);
    *p = (struct perfdata){0};
}
