/* gotrace_write: the parts of an execution trace (gotrace.h) that are written: batches, and
 * tables of strings and stacks.  What memory it is made of is the caller's matter: libsonde
 * has no malloc.
 *
 * Threads: one at a time.  Signals: no.  Failure (memory) is told by what returns false. */
#ifndef SONDE_WIRE_GOTRACE_WRITE_H
#define SONDE_WIRE_GOTRACE_WRITE_H

#include "wire/gotrace.h"

#define GOTRACE_BATCH_USUAL 32768 /* a batch is written when it has so many bytes */
#define GOTRACE_NO_THREAD UINT64_MAX
#define GOTRACE_HZ 1000000000u /* of the times written: ns */
#define GOTRACE_HEADER "go 1.26 trace\0\0\0"

struct gotrace_memory {
    /* Memory of n_new bytes that begins with what `old` (n_old bytes; NULL if 0) has; what is
     * new is zeroed.  NULL: there is none, and `old` is as it was. */
    void *(*grow)(void *old, size_t n_old, size_t n_new);
    void (*release)(void *p, size_t n);
};

struct gotrace_bytes {
    uint8_t *p;
    size_t n, max;
};

/* Room for n bytes more at p + n. */
bool gotrace_room(const struct gotrace_memory *memory, struct gotrace_bytes *bytes, size_t n);
void gotrace_release(const struct gotrace_memory *memory, struct gotrace_bytes *bytes);

/* Makes room for at least `n` items in an array of *max. */
bool gotrace_grow(const struct gotrace_memory *memory, void **array, size_t *max, size_t n,
                  size_t item);

/* The head of a batch of n_bytes; at most 50 bytes at `p`.  What it wrote. */
size_t gotrace_batch_head(uint8_t *p, uint64_t generation, uint64_t m, uint64_t time,
                          size_t n_bytes);

/* A generation's part of a trace is put together here, and given to `write` batch by batch. */
struct gotrace_sink {
    bool (*write)(void *arg, const void *bytes, size_t n);
    void *arg;
};
bool gotrace_put_batch(const struct gotrace_sink *sink, uint64_t generation, uint64_t m,
                       uint64_t time, const void *bytes, size_t n);

/* Texts, each once, with numbers from 1: those of a generation. */
struct gotrace_text {
    uint32_t offset, n_bytes;
};
struct gotrace_texts {
    struct gotrace_text *items; /* number - 1 */
    size_t n, max;
    uint32_t *slots; /* numbers; 0: empty */
    size_t n_slots;
    struct gotrace_bytes bytes;
};
void gotrace_texts_release(const struct gotrace_memory *memory, struct gotrace_texts *texts);
/* The number of a text, cut to GOTRACE_STRING_MAX bytes; 0: no memory. */
uint32_t gotrace_text(const struct gotrace_memory *memory, struct gotrace_texts *texts,
                      const char *text, size_t n);
/* Forgets all. */
void gotrace_texts_clear(struct gotrace_texts *texts);
/* Their batches; the numbers are `first` higher. */
bool gotrace_put_texts(const struct gotrace_memory *memory, const struct gotrace_sink *sink,
                       const struct gotrace_texts *texts, uint64_t generation, uint64_t time,
                       uint64_t first);

/* Stacks: put one after another into `bytes`, a batch, which is written when it is full. */
struct gotrace_frame {
    uint64_t pc;
    uint64_t function, file, line; /* numbers of texts; Go wants each pc to have one of each */
};
bool gotrace_put_stack(const struct gotrace_memory *memory, const struct gotrace_sink *sink,
                       struct gotrace_bytes *batch, uint64_t generation, uint64_t time,
                       uint64_t stack, const struct gotrace_frame *frames, size_t n);
/* What is left in the batch. */
bool gotrace_put_stacks_end(const struct gotrace_sink *sink, struct gotrace_bytes *batch,
                            uint64_t generation, uint64_t time);

#endif
