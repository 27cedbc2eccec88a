/* taken: a profile at one moment: its stacks with the values that its file will have.
 * In: a store, or stacks one by one.  Out: rows.
 * Threads: one at a time each; the stores meanwhile go on.  Signals: no. */
#ifndef SONDE_AGENT_TAKEN_H
#define SONDE_AGENT_TAKEN_H

#include "agent/store.h"

#define TAKEN_VALUES_MAX 4

struct taken_row {
    const uint64_t *frames; /* leaf first */
    uint32_t n_frames;
    uint64_t key;  /* as in wire/wire.h */
    uint64_t n[2]; /* what was counted */
    int64_t values[TAKEN_VALUES_MAX];
    const char *labels; /* NULL: none; else texts as in wire/wire.h */
    uint32_t n_label_bytes;
};

struct taken_memory;

struct taken {
    struct taken_row *rows;
    size_t n, max;
    struct taken_memory *memory; /* of frames that are no store's */
    struct store *store;         /* its own; NULL: none */
    uint64_t period;
    uint64_t time_ns, duration_ns; /* of day; 0: none */
};

/* Of a period, and of this moment. */
void taken_init(struct taken *t, uint64_t period);
void taken_release(struct taken *t);

/* An empty store in memory, which goes with the profile.  NULL: no memory. */
struct store *taken_own_store(struct taken *t);

/* Makes the values of a row; false: it says nothing. */
typedef bool taken_values(struct taken_row *row, uint64_t period);

/* Adds the store's rows of a kind.  False: no memory. */
bool taken_add_store(struct taken *t, const struct store *store, enum wire_kind kind,
                     taken_values *values);
/* Adds a stack, which is copied.  False: no memory. */
bool taken_add(struct taken *t, const uint64_t *frames, uint32_t n_frames, int64_t value);

/* Whether frame `i` is to be seen: not a function of libsonde's that called on, what stands
 * in for one of libc's. */
bool taken_shows(const struct taken_row *row, uint32_t i);

/* The key of a row's first label, then of that behind `key`; NULL: no more. */
const char *taken_key(const struct taken_row *row, const char *key);
const char *taken_value(const char *key); /* of this label */

/* Merges rows of the same stack, key and labels.  False: no memory. */
bool taken_merge(struct taken *t);
/* Takes away what was there `before`, which is of the same profile; rows that then are
 * zero go.  The frames of `before` are used no more.  False: no memory. */
bool taken_subtract(struct taken *t, const struct taken *before);

/* Sorts rows: less(a, b) when a comes first.  In place, n log n. */
void taken_sort(struct taken *t,
                bool (*less)(const struct taken_row *a, const struct taken_row *b));

#endif
