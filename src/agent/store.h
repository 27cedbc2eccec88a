/* store: the aggregated samples of one process, in the layout of wire/wire.h: a
 * file of the recording's folder, or anonymous memory, of what the program itself asks for.
 * In: stacks.  Out: each distinct stack once, with its count.
 * Threads: any, lock-free, except making and releasing.
 * Signals: store_add, store_labels, store_module and store_count are async-signal-safe. */
#ifndef SONDE_AGENT_STORE_H
#define SONDE_AGENT_STORE_H

#include "wire/wire.h"

#include <stdbool.h>
#include <stddef.h>

/* Pages are made sure of this many bytes at a time, before they are touched: a
 * full file system gives an error there, and would be a SIGBUS later. */
#define STORE_GRANULE (16u << 10)
#define STORE_BYTES_MAX (64u << 20)
#define STORE_BYTES_MIN (256u << 10)

struct store_options {
    uint32_t kinds; /* mask of 1 << enum wire_kind */
    uint32_t hz;
    uint64_t heap_rate, block_rate, mutex_fraction;
};

struct store {
    struct wire_header *header; /* NULL: no store */
    uint64_t n_bytes;
    bool is_file;
    int number; /* of the file: PID-N.wire */
    uint32_t serial; /* no other store of this process has or had it */
    uint32_t n_few;  /* stacks in the first slots */
    bool all_ready; /* no granule needs to be made sure of */
    uint8_t ready[STORE_BYTES_MAX / STORE_GRANULE];
};

/* Makes a file in the folder `dir`, or anonymous memory if `dir` is NULL; as large
 * as the process's limits allow.  False on failure, with nothing left behind. */
bool store_open(struct store *s, const char *dir, const struct store_options *options);

/* Unmaps it; the file stays. */
void store_close(struct store *s);

/* Forgets a mapping this process does not have: the parent's, after fork. */
void store_forget(struct store *s);

/* A stack of samples: what it is of, and its frames, leaf first. */
struct store_stack {
    uint32_t kind; /* enum wire_kind */
    uint64_t key;
    const uint64_t *frames;
    uint32_t n_frames;
    uint32_t labels; /* of store_labels; 0: none */
    bool complete;
};

/* Counts `weight` samples of a stack.  Its row, whose n[] the caller adds to; NULL, and
 * they are counted as dropped, when there is no room. */
struct wire_stack *store_add(struct store *s, const struct store_stack *stack, uint64_t weight);

/* What stands for a set of labels, whose texts are those `n_words` words (wire/wire.h);
 * 0 when there is no room. */
uint32_t store_labels(struct store *s, const uint64_t *texts, uint32_t n_words);

/* Describes module `number` (from 1; 16 bits); path NULL = the executable.  False
 * when it does not fit. */
bool store_module(struct store *s, uint32_t number, const struct wire_module *module,
                  const char *path);

static inline void store_count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

#endif
