/* text_out: profiles as text, as Go's runtime/pprof writes them with debug=1: stacks as
 * addresses, and below each its functions, with the file that they are in (of source
 * lines libsonde knows nothing).  The memory map at the end lets pprof find the rest.
 * Threads: any.  Signals: no. */
#ifndef SONDE_AGENT_TEXT_OUT_H
#define SONDE_AGENT_TEXT_OUT_H

#include "agent/profiles.h"

/* `heap profile: ...`: sampled, not scaled. */
void text_out_heap(const struct sonde_profile *profile, struct taken *taken,
                   struct symbols *symbols, struct out *out, int debug);
/* `--- contention:` and `--- mutex:`; the cycles are nanoseconds. */
void text_out_block(const struct sonde_profile *profile, struct taken *taken,
                    struct symbols *symbols, struct out *out, int debug);
void text_out_mutex(const struct sonde_profile *profile, struct taken *taken,
                    struct symbols *symbols, struct out *out, int debug);
/* `NAME profile: total N`. */
void text_out_counts(const struct sonde_profile *profile, struct taken *taken,
                     struct symbols *symbols, struct out *out, int debug);
/* The same, or with debug 2 `goroutine N [STATE, NAME]:` for each thread, by its id. */
void text_out_threads(const struct sonde_profile *profile, struct taken *taken,
                      struct symbols *symbols, struct out *out, int debug);

#endif
