/* wire: the file that libsonde fills in a recorded process and that
 * `sonde record` reads, live and after the process has ended (even by SIGKILL).
 *
 * `sonde record` makes a session folder (0700) and passes it in the environment;
 * each process image (a new one after exec, another after fork) creates one
 * file there, maps it shared and never keeps the descriptor.  All offsets are
 * from the start of the file.
 *
 * The reader treats the file as hostile: every offset and length is checked.
 * Writer: async-signal-safe, lock-free; a slot is published last, with release. */
#ifndef SONDE_WIRE_WIRE_H
#define SONDE_WIRE_WIRE_H

#include <stdint.h>

#define WIRE_ENV_DIR "SONDE_RECORD_DIR"     /* session folder; set = record this process */
#define WIRE_ENV_KINDS "SONDE_RECORD_KINDS" /* what to record: a mask of 1 << enum wire_kind */
#define WIRE_ENV_HZ "SONDE_RECORD_HZ"       /* CPU samples a second of CPU time, decimal */
#define WIRE_ENV_HEAP "SONDE_RECORD_HEAP"   /* bytes allocated a heap sample, decimal */
#define WIRE_ENV_BLOCK "SONDE_RECORD_BLOCK" /* ns blocked a block sample, decimal */
#define WIRE_ENV_MUTEX "SONDE_RECORD_MUTEX" /* one in so many contentions, decimal */
#define WIRE_ENV_AT "SONDE_RECORD_AT"       /* set = moments of threads will be wanted */
#define WIRE_ENV_FLIGHT "SONDE_RECORD_FLIGHT" /* bytes of the last events to keep, decimal */
#define WIRE_ENV_ROOT "SONDE_RECORD_ROOT"   /* with --no-children: the only pid to record */
#define WIRE_FILE_SUFFIX ".wire"            /* PID-N.wire; written as .tmp, then renamed */

#define WIRE_MAGIC 0x31657269772d7364u /* "ds-wire1" */
#define WIRE_VERSION 6u
#define WIRE_BUILD_ID_MAX 32
#define WIRE_STACK_MAX 512 /* frames a stack; deeper ones are cut and count as truncated */

/* A frame: module number << 48 | offset from the module's `start`; module 0 =
 * no module: the low 48 bits are the address itself (JIT code, ...).  All but
 * the first frame of a stack, and frames interrupted by a signal, are return
 * addresses: `sonde` subtracts 1 when it looks them up; the writer already has
 * (the frame holds an address inside the call instruction). */
#define WIRE_FRAME(module, offset) ((uint64_t)(module) << 48 | (uint64_t)(offset))
#define WIRE_FRAME_MODULE(frame) ((uint32_t)((frame) >> 48))
#define WIRE_FRAME_OFFSET(frame) ((frame)&0xffffffffffffu)

enum wire_state { WIRE_RUNNING = 1, WIRE_ENDED = 2 };

/* What was loaded.  Number N (from 1) is modules[N - 1].  Never removed. */
struct wire_module {
    uint64_t start, limit; /* addresses of the first and past the last byte mapped */
    uint64_t bias;         /* address - ELF virtual address */
    uint32_t path_offset;  /* NUL-terminated, in the heap; "" = the executable */
    uint32_t n_build_id;
    uint8_t build_id[WIRE_BUILD_ID_MAX];
    uint32_t ready; /* written last, release; 0 = ignore the row */
    uint32_t reserved;
};

/* What is recorded.  `key` and `n` are those of a stack:
 *   kind  key              n[0]               n[1]
 *   CPU   -                signals + overruns -
 *   HEAP  size of a block  blocks allocated   of these, freed (sampled ones, not scaled)
 *   THREADCREATE -         threads made       -
 *   BLOCK -                waits << 16        nanoseconds waited
 *   MUTEX -                contentions        nanoseconds that others waited
 *   GOROUTINE  moment << 32  threads          -     (the low half: a thread id, or 0)
 *   TRACE -                -                  -     (the stacks of trace_raw.h)
 * Those of block and mutex are scaled up from what was sampled. */
enum wire_kind {
    WIRE_CPU,
    WIRE_HEAP,
    WIRE_THREADCREATE,
    WIRE_BLOCK,
    WIRE_MUTEX,
    WIRE_GOROUTINE,
    WIRE_TRACE,
    WIRE_KINDS
};

#define WIRE_BLOCK_SHIFT 16 /* a wait sampled may stand for one and a half */

/* Not a stack but a set of labels: its frames are texts, a key and a value after
 * another, each with a NUL behind it; filled up with NULs. */
#define WIRE_LABELS 255

/* Of a heap profile, pprof's drop_frames: the functions by which a program allocates, so that
 * reports begin with the one that wanted the memory. */
#define WIRE_HEAP_DROP_FRAMES                                                                      \
    "operator "                                                                                    \
    "new(\\[\\])?|std::__new_allocator|__gnu_cxx::new_allocator|std::allocator(_traits)?|"         \
    "std::_Vector_base|__rust_(alloc|alloc_zeroed|realloc)|__rdl_(alloc|alloc_zeroed|realloc)|"    \
    "alloc::alloc::(alloc|alloc_zeroed|realloc|exchange_malloc)"

/* One distinct stack, for each kind, key and set of labels, and its counters. */
struct wire_stack {
    uint64_t hash;
    uint64_t key;
    uint64_t n[2]; /* atomic */
    uint16_t n_frames;
    uint8_t kind;
    uint8_t truncated; /* 1 when the walk did not reach the outermost frame */
    uint32_t labels;   /* the offset, / 8, of the row with its labels; 0 = none */
    uint64_t frames[]; /* leaf first */
};

/* Counters of one kind, all atomic. */
struct wire_counts {
    uint64_t n_samples;   /* kept */
    uint64_t n_dropped;   /* lost: memory full, re-entry */
    uint64_t n_truncated; /* kept, but the stack was cut */
};

struct wire_header {
    uint64_t magic;
    uint32_t version, header_bytes;
    uint64_t file_bytes; /* of the mapping */
    int32_t pid, parent_pid;
    uint64_t start_realtime_ns, start_monotonic_ns;
    uint64_t end_monotonic_ns; /* 0 while running or when it was killed */
    uint64_t period_ns;        /* CPU time a sample stands for */
    uint64_t heap_rate;        /* bytes allocated a sample, on average */
    uint64_t block_rate;       /* ns blocked a sample; longer waits are all sampled */
    uint64_t mutex_fraction;   /* one contention in so many is sampled */
    uint32_t state;            /* enum wire_state */
    uint32_t hz;
    uint32_t kinds; /* mask of 1 << enum wire_kind */
    uint32_t n_moments; /* atomic; GOROUTINE rows of moment N are whole if N <= n_moments */
    char comm[32];  /* process name, NUL-terminated */
    char exe[1024]; /* path of the executable, NUL-terminated */

    struct wire_counts counts[WIRE_KINDS];
    /* For a moment on the way: sonde adds 1 to `wanted` and wakes its futex, libsonde has
     * `answered` follow. */
    uint32_t n_moments_wanted, n_moments_answered; /* atomic */
    uint64_t n_timer_failures; /* atomic */
    uint64_t n_labels_lost;    /* atomic; samples without theirs, for want of memory */

    uint64_t modules_offset, n_modules_max;
    uint64_t n_modules;             /* atomic; claimed rows, each valid once `ready` */
    uint64_t slots_offset, n_slots; /* power of two: uint32 offsets of stacks / 8, 0 = empty */
    uint64_t heap_offset;
    uint64_t heap_used; /* atomic; bytes handed out, 8-aligned, may pass the end */
};

#endif
