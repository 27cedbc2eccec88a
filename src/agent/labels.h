/* labels: the calling thread's set of labels (sonde/sonde.h), which its samples carry.
 * Sets are made of texts once and for ever: a thread's is one pointer, and a handler
 * can read it at any time.  All sets together take at most LABELS_MEMORY_MAX bytes.
 * Threads: any, lock-free.  Signals: async-signal-safe. */
#ifndef SONDE_AGENT_LABELS_H
#define SONDE_AGENT_LABELS_H

#include "agent/store.h"

#define LABELS_WORDS_MAX                                                                           \
    384u /* of a set's texts; less than a row has, for more to be put to them */
#define LABELS_MEMORY_MAX (8u << 20)

struct sonde_labels {
    struct sonde_labels *next; /* of those with such a hash */
    uint64_t hash;
    uint64_t in_store; /* serial of the store that has it last << 32 | what it has there */
    uint32_t n_words;
    uint64_t texts[]; /* as in wire/wire.h */
};

/* The calling thread's; NULL: none. */
extern __thread const struct sonde_labels *labels_current;

/* Makes them the calling thread's. */
void labels_take(const struct sonde_labels *labels);

/* `base` with one label more, changed, or (`value` NULL) less; *made NULL: an empty one.
 * False and errno: EINVAL (no key), E2BIG (too much text), ENOMEM (too many sets). */
bool labels_with(const struct sonde_labels *base, const char *key, const char *value,
                 const struct sonde_labels **made);

/* What stands for a set in a store; 0: none, or no room (then it is counted). */
uint32_t labels_in(const struct sonde_labels *labels, struct store *store);

/* The label's value, or NULL. */
const char *labels_get(const struct sonde_labels *labels, const char *key);

/* The key of the first label, then of that behind `key`; NULL: no more.  Its value is
 * behind it. */
const char *labels_next(const struct sonde_labels *labels, const char *key);

#endif
