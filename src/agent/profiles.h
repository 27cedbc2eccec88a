/* profiles: the profiles that this process can be asked for by name (sonde_lookup): one
 * table of the kinds there are, and the program's own (custom.h).
 * A kind is one entry: what it is called, what its file looks like, how it is taken.
 * Threads: any.  Signals: no. */
#ifndef SONDE_AGENT_PROFILES_H
#define SONDE_AGENT_PROFILES_H

#include "agent/out.h"
#include "agent/taken.h"

struct symbols;

/* Opaque to programs. */
struct sonde_profile {
    const char *name;
    const char *help; /* for the index page */

    struct {
        const char *type, *unit;
    } types[TAKEN_VALUES_MAX], period_type;
    uint32_t n_types;
    const char *default_type; /* NULL: the last */
    const char *drop_frames;  /* pprof's; NULL: none */
    const char *key_label;    /* the numeric label that a row's key becomes; NULL: none */

    /* Whether it can be had, and from now on it is; false and errno. */
    bool (*start)(void);
    /* Its rows, into an empty `to`, for a file or for the text `debug`; false and errno. */
    bool (*take)(const struct sonde_profile *profile, struct taken *to, int debug);
    int64_t (*count)(const struct taken *taken); /* of its stacks, as Go counts them */
    /* The text for people, debug 1 and more. */
    void (*text)(const struct sonde_profile *profile, struct taken *taken, struct symbols *symbols,
                 struct out *out, int debug);
    bool has_delta; /* a difference of two moments can be asked for */
};

/* Of sonde_start_cpu_profile; not among those that are asked for by name. */
extern const struct sonde_profile profiles_cpu;
/* Its rows, of the store of recording_end_cpu. */
bool profiles_take_cpu(const struct store *store, struct taken *to);
/* What `sonde record` has of it so far. */
bool profiles_take_recorded_cpu(struct taken *to);

/* NULL and errno: ENOENT, or why it cannot be had. */
const struct sonde_profile *profiles_find(const char *name);

/* Whether it is the name of a kind, can it be had or not. */
bool profiles_is_kind(const char *name);

/* Calls fn for each that can be had, sorted by name. */
void profiles_each(void (*fn)(void *arg, const struct sonde_profile *profile), void *arg);

/* The profile now, as a file (debug 0) or a text.  False and errno. */
bool profiles_write(const struct sonde_profile *profile, struct out *out, int debug);
/* -1: it cannot be taken. */
int64_t profiles_count(const struct sonde_profile *profile);

/* The bytes that a heap sample stands for from now on; 0: no more samples.  False and
 * errno: ENOTSUP, EBUSY, ENOMEM. */
bool profiles_set_heap_rate(uint64_t rate);
/* The ns blocked that a block sample stands for; 0: off.  False and errno as above. */
bool profiles_set_block_rate(uint64_t rate);
/* One contention in so many is sampled; 0: off. */
bool profiles_set_mutex_fraction(uint64_t fraction);
uint64_t profiles_mutex_fraction(void); /* what it is */

/* Starts what is on in every program that is profiled: heap, unless its rate was set to
 * 0, and threadcreate. */
void profiles_start_usual(void);

#endif
