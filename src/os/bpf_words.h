/* bpf_words: a BPF program in the kernel that, at each sample of perf events, reads words of the
 * sampled thread: a chain of pointers from its thread pointer (fs) on.  What was read is kept with
 * the time, to be joined with the sample, which is taken right after.
 *
 * The program is made of instructions here, so that nothing but the kernel is needed to build or
 * load it; the place of the thread pointer comes from the kernel's own type information (BTF).
 * In: offsets.  Out: the last word of the chain and the address before it, a sample.
 * x86-64 only.
 * Threads: one at a time a struct.  Signals: no. */
#ifndef SONDE_OS_BPF_WORDS_H
#define SONDE_OS_BPF_WORDS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BPF_WORDS_STEPS_MAX 6

struct bpf_words;

/* For samples of process `pid`.  Each step reads the 8 bytes at this offset from what the one
 * before it read (the first: from fs). NULL and *err: ERR_PERM (CAP_BPF and CAP_PERFMON would do),
 * ERR_UNSUPPORTED: no BPF, or no type information; ERR_NOMEM.  Some ms. */
struct bpf_words *bpf_words_new(pid_t pid, const int64_t *offsets, size_t n, struct err *err);
void bpf_words_free(struct bpf_words *words); /* NULL is fine */

/* For perf_options. */
int bpf_words_program(const struct bpf_words *words);

struct bpf_word {
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint32_t tid, pid;
    uint64_t before, word; /* what the step before the last, and the last one read */
};
/* Hand over what there is. */
void bpf_words_drain(struct bpf_words *words, void (*take)(void *arg, const struct bpf_word *word),
                     void *arg);

#endif
