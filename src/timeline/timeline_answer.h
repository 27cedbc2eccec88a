/* timeline_answer: what the files that answer share.
 * Threads: any number, on answers of their own.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_ANSWER_H
#define SONDE_TIMELINE_TIMELINE_ANSWER_H

#include "timeline/timeline_cache.h"
#include "timeline/timeline_index.h"
#include "timeline/timeline_view.h"

/* Texts of an answer.  add: 0 when memory runs out, and *failed is set. */
bool timeline_texts_init(struct timeline_texts *texts);
void timeline_texts_release(struct timeline_texts *texts);
uint32_t timeline_texts_add(struct timeline_texts *texts, const char *text, bool *failed);

/* The chunks that a range of time needs. */
struct timeline_chunks {
    const struct timeline *tl;
    enum timeline_class class;
    size_t from, to; /* both are in */
    bool is_exact;
    const struct timeline_changes **changes; /* of each, if is_exact */
};
/* Get what is needed, on several threads; exact, if the range is narrow enough.  False: no
 * memory.  Release it in any case. */
bool timeline_chunks_get(struct timeline_chunks *chunks, const struct timeline *tl,
                         enum timeline_class class, int64_t start_ns, int64_t end_ns);
void timeline_chunks_release(struct timeline_chunks *chunks);

/* The segments of a lane in [start, end): exact ones or by sums.  Marks (NULL: none wanted) come in
 * between, of exact ones only. */
struct timeline_sink {
    void *arg;
    void (*segment)(void *arg, const struct timeline_segment *segment);
    void (*mark)(void *arg, const struct timeline_state *mark);
};
void timeline_chunks_segments(const struct timeline_chunks *chunks, uint32_t lane, int64_t start_ns,
                              int64_t end_ns, const struct timeline_sink *sink);

/* Where a goroutine is something's track (or that of where it runs). */
uint32_t timeline_tracks_find(const struct timeline_tracks *tracks, enum timeline_view kind,
                              uint32_t entity);

#endif
