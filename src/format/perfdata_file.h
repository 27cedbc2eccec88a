/* perfdata_file: what a file of Linux's perf (perf.data) is made of: events, records of
 * the kernel in the order of time, and what perf notes about the machine.
 *
 * In: bytes of a file or of a pipe ("perf record -o -"), of either byte order, borrowed.
 * Out: views into them, and into what compressed records unpack to.
 * Errors: ERR_INPUT, "malformed perf.data: what at byte N"; what is cut short at the
 * end is a note.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_FORMAT_PERFDATA_FILE_H
#define SONDE_FORMAT_PERFDATA_FILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/reader.h"
#include "base/vec.h"

/* Types of records, and bits of `misc`, that mean something here. */
enum perfdata_type {
    PERFDATA_MMAP = 1,
    PERFDATA_LOST = 2,
    PERFDATA_COMM = 3,
    PERFDATA_FORK = 7,
    PERFDATA_SAMPLE = 9,
    PERFDATA_MMAP2 = 10,
    PERFDATA_LOST_SAMPLES = 13,
    PERFDATA_KSYMBOL = 17,
};
#define PERFDATA_CPUMODE 7u
#define PERFDATA_CPUMODE_KERNEL 1u
#define PERFDATA_CPUMODE_USER 2u
#define PERFDATA_COMM_EXEC (1u << 13)
#define PERFDATA_MMAP_DATA (1u << 13)
#define PERFDATA_MMAP_BUILD_ID (1u << 14)

/* Bits of perfdata_attr.sample_type: what is in a sample, in this order (the first
 * comes before all). */
#define PERFDATA_IDENTIFIER (1u << 16)
#define PERFDATA_IP (1u << 0)
#define PERFDATA_TID (1u << 1)
#define PERFDATA_TIME (1u << 2)
#define PERFDATA_ADDR (1u << 3)
#define PERFDATA_ID (1u << 6)
#define PERFDATA_STREAM_ID (1u << 9)
#define PERFDATA_CPU (1u << 7)
#define PERFDATA_PERIOD (1u << 8)
#define PERFDATA_READ (1u << 4)
#define PERFDATA_CALLCHAIN (1u << 5)
#define PERFDATA_RAW (1u << 10)
#define PERFDATA_BRANCH_STACK (1u << 11)
#define PERFDATA_REGS_USER (1u << 12)
#define PERFDATA_STACK_USER (1u << 13)

/* An event that was counted. */
struct perfdata_attr {
    uint32_t type;
    uint64_t config;
    uint64_t period; /* a sample each so many; 0 where the kernel chooses (a frequency) */
    uint64_t sample_type, read_format, branch_type, regs_user;
    bool sample_id_all; /* records that are no samples end in time, id, ... too */
    struct str name;    /* as perf names it; "" if the file does not say */
};

struct perfdata_record {
    const uint8_t *at; /* its header, `size` bytes are there */
    uint64_t time;     /* 0 if it has none */
    uint32_t place;    /* in the file */
};

struct perfdata_build_id {
    struct str file;
    const uint8_t *bytes;
    uint8_t n_bytes;
};

struct perfdata {
    const uint8_t *data, *end;
    bool swap; /* the other byte order */
    struct arena arena;
    struct buf packed; /* what compressed records hold, one stream */
    uint8_t *unpacked; /* malloc'ed: the records in it */
    size_t n_unpacked;
    VEC(struct perfdata_attr) attrs;
    struct map ids; /* of samples -> index of attrs */
    VEC(struct perfdata_record) records;
    VEC(struct perfdata_build_id) build_ids;
    struct str version, command; /* of perf; "" if not told */
    /* The time of day at a time of the records; has_clock: it is known. */
    bool has_clock;
    uint64_t clock_ns, wall_ns;
};

/* Does it begin as such files do? */
bool perfdata_is(const uint8_t *data, size_t len);

/* Read everything but the insides of records.  False with *err; release it in any case.
 * O(len log records). */
bool perfdata_init(struct perfdata *p, const uint8_t *data, size_t len, struct diag *diag,
                   struct err *err);
void perfdata_release(struct perfdata *p); /* also fine on a zeroed struct */

/* Numbers in the file's byte order. */
static inline uint16_t perfdata_u16(const struct perfdata *p, struct cursor *c)
{
    uint16_t v = cursor_u16(c);
    return p->swap ? __builtin_bswap16(v) : v;
}
static inline uint32_t perfdata_u32(const struct perfdata *p, struct cursor *c)
{
    uint32_t v = cursor_u32(c);
    return p->swap ? __builtin_bswap32(v) : v;
}
static inline uint64_t perfdata_u64(const struct perfdata *p, struct cursor *c)
{
    uint64_t v = cursor_u64(c);
    return p->swap ? __builtin_bswap64(v) : v;
}
/* The rest of a record as text, up to a NUL. */
struct str perfdata_text(struct cursor *c);

/* A record's header; *body is what follows it. */
struct perfdata_header {
    uint32_t type;
    uint16_t misc;
    struct cursor body;
};
struct perfdata_header perfdata_header(const struct perfdata *p, const uint8_t *at);
/* The event whose sample_type says what the record holds. */
const struct perfdata_attr *perfdata_layout(const struct perfdata *p,
                                            const struct perfdata_header *h);

#endif
