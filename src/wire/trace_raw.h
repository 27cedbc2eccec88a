/* trace_raw: what libsonde notes of a native program's threads, in memory that it shares with
 * who makes an execution trace of it (trace_merge.h): `sonde record`, live and after the
 * process has ended (even by SIGKILL), or a thread of libsonde's own.
 *
 * The memory is a header and chunks of 4 KiB.  A thread takes a chunk, fills it with records,
 * closes it and takes another.  Records tell what a thread knows when it is there; who let
 * whom go on is put together by the reader, from the times that both sides name.
 *
 * The reader treats it as hostile: every number is checked.
 * Writer: async-signal-safe, lock-free; the type of a record is published last, with release.
 * Units: times in ticks of `clock`. */
#ifndef SONDE_WIRE_TRACE_RAW_H
#define SONDE_WIRE_TRACE_RAW_H

#include <stdint.h>
#include <time.h>

#define TRACE_RAW_SUFFIX ".trace"           /* PID-N.trace, beside PID-N.wire */
#define TRACE_RAW_MAGIC 0x3163727464736473u /* "dsdstrc1" */
#define TRACE_RAW_VERSION 2u
#define TRACE_RAW_CHUNK_BYTES 4096u
#define TRACE_RAW_RECORDS 127u
#define TRACE_RAW_TEXT_BYTES 24u /* of a TEXT record */
#define TRACE_RAW_TEXT_MAX 1024u /* of all texts of an event: 43 records */
#define TRACE_RAW_REASON_BIT(n) (1u << (n))

enum trace_raw_type {
    TRACE_RAW_NONE,
    TRACE_RAW_BEGIN, /* the thread; a: time of CREATE, b: who made it (tid), 0: not known;
                        reason: 1: it was there before */
    TRACE_RAW_EXIT,
    TRACE_RAW_CREATE,       /* made a thread; a: stack with the function it begins in */
    TRACE_RAW_BLOCK,        /* waits; reason */
    TRACE_RAW_END,          /* waits no more; a: the address of what it has got, b: time of BLOCK;
                               a 0: none; reason: 1: it has not waited after all */
    TRACE_RAW_CALL,         /* a system call that may wait */
    TRACE_RAW_RETURN,       /* reason: 1: it was no call */
    TRACE_RAW_SAMPLE,       /* of CPU time */
    TRACE_RAW_TASK_BEGIN,   /* a: task, b: parent; text: name */
    TRACE_RAW_TASK_END,     /* a: task */
    TRACE_RAW_REGION_BEGIN, /* a: task; text: name */
    TRACE_RAW_REGION_END,
    TRACE_RAW_LOG,  /* a: task, b: bytes of the first text; texts: category, message */
    TRACE_RAW_LOST, /* a: so many records of this thread are missing */
    TRACE_RAW_WAKE, /* lets others go on; a: the address of what they wait for, b: how many */
    TRACE_RAW_TEXT, /* a part of the text of the record before: in time, a and b */
    TRACE_RAW_N_TYPES
};

/* Why a thread waits, as the trace says it. */
enum trace_raw_reason {
    TRACE_RAW_ELSE,
    TRACE_RAW_MUTEX,
    TRACE_RAW_RWLOCK,
    TRACE_RAW_COND,
    TRACE_RAW_SEMAPHORE,
    TRACE_RAW_BARRIER,
    TRACE_RAW_JOIN,
    TRACE_RAW_ONCE,
    TRACE_RAW_FUTEX,
    TRACE_RAW_SLEEP,
    TRACE_RAW_NETWORK,
    TRACE_RAW_SELECT,
    TRACE_RAW_CHILD,
    TRACE_RAW_SIGNAL,
    TRACE_RAW_IO, /* a call that may wait (CALL) does so */
    TRACE_RAW_N_REASONS
};

struct trace_record {
    uint64_t time;
    uint8_t type; /* enum trace_raw_type; atomic */
    uint8_t reason;
    uint16_t n_text; /* bytes, in TEXT records that follow at once */
    uint32_t stack;  /* the offset, / 8, of the row with its stack (wire.h); 0: none */
    uint64_t a, b;
};

enum trace_chunk_state { TRACE_CHUNK_FREE, TRACE_CHUNK_TAKEN, TRACE_CHUNK_OWNED, TRACE_CHUNK_FULL };

struct trace_chunk {
    uint32_t state; /* enum trace_chunk_state; atomic */
    int32_t tid;
    uint64_t serial; /* of all chunks taken: those of a thread are in this order */
    uint32_t n;      /* records, once it is full */
    uint32_t reserved[3];
    struct trace_record records[TRACE_RAW_RECORDS];
};
_Static_assert(sizeof(struct trace_chunk) == TRACE_RAW_CHUNK_BYTES, "a page");

enum trace_raw_clock { TRACE_CLOCK_MONOTONIC, TRACE_CLOCK_TSC };

struct trace_raw_header {
    uint64_t magic;
    uint32_t version, header_bytes;
    uint64_t file_bytes, chunks_offset, n_chunks;
    int32_t pid;
    uint32_t clock;                                /* enum trace_raw_clock */
    uint32_t keeps_last;                           /* the oldest chunks are overwritten */
    uint32_t is_off;                               /* atomic; nothing more comes */
    uint64_t start_ticks, start_ns, start_real_ns; /* the same moment on three clocks */
    uint64_t n_lost;                               /* atomic; records */
    uint64_t n_taken; /* atomic; serial of the last chunk that was taken */
    uint64_t n_used;  /* atomic; chunks from there on have not been touched */
};

/* The trace's clock, as who fills the memory and who reads it have it. */
static inline uint64_t trace_raw_mono_ns(void)
{
    struct timespec t = {0}; /* libc's takes no system call */
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t trace_raw_ticks(uint32_t clock)
{
    return clock == TRACE_CLOCK_TSC ? __builtin_ia32_rdtsc() : trace_raw_mono_ns();
}

/* The same moment on the trace's clock and in ns: of a few tries, the one that took least. */
static inline void trace_raw_moment(uint32_t clock, uint64_t *ticks, uint64_t *ns)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 4; i++) {
        uint64_t first = trace_raw_ticks(clock), now = trace_raw_mono_ns(),
                 took = trace_raw_ticks(clock) - first;
        if (took >= best)
            continue;
        best = took;
        *ticks = first + took / 2;
        *ns = now;
    }
}

#endif
