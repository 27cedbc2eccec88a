/* timeline_store: the events of a trace, of which any chunk can be made again.
 * Of a trace whose file can be read again (trace_mark.h) a chunk is: where each thread's events go
 * on in the file, and what cannot be foreseen.  Foreseen is that the thread with the earliest
 * event comes next, and that its event means what the rules of the wire say; each event is held
 * beside that as it comes, and what differs is kept itself.  So what is made again is equal
 * to what came, whatever the trace is like.  Of other traces all events are kept, packed.
 *
 * In: events in order.  Out: the same.
 * Memory: some bytes a thread and chunk; packed some 10 bytes an event.
 * Units: times in ns on the clock of the trace.
 * Threads: one adds; after timeline_store_seal any number may replay.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_STORE_H
#define SONDE_TIMELINE_TIMELINE_STORE_H

#include "base/buf.h"
#include "base/map.h"
#include "base/reader.h"
#include "base/vec.h"
#include "trace/trace_event.h"
#include "trace/trace_mark.h"

#define TIMELINE_CHUNK_EVENTS 65536 /* unless chunk_events says otherwise (tests) */
#define TIMELINE_BLOCK_EVENTS 1024  /* that timeline_store_replay hands out at once */

struct timeline_chunk {
    int64_t begin_ns;     /* of its first event */
    int64_t before_ns;    /* of the event before */
    uint64_t first_event; /* how many there are before */
    uint64_t log;         /* its place in the log */
    uint64_t refs;        /* place of its threads' marks, n of the generation's threads */
    uint32_t generation;  /* UINT32_MAX: no file */
};

/* A thread where a chunk begins. */
struct timeline_mark_at {
    uint32_t batch, at; /* of its next event; batch UINT32_MAX: it has none */
    int64_t last_ns;    /* what its time counts from */
    int64_t g;
    int32_t p;
    bool is_aside; /* its next event does not come when it is the earliest */
};

struct timeline_context {
    int64_t g;
    int32_t p;
};

struct adding;

struct timeline_store {
    struct file file;
    struct trace_marks *marks; /* NULL: none */
    VEC(struct timeline_chunk) chunks;
    struct buf log;
    VEC(struct timeline_mark_at) at;
    VEC(uint32_t) refs; /* places in `at` */
    uint32_t chunk_events;
    /* While events are added. */
    struct adding *adding;
    VEC(struct timeline_context) contexts; /* of all threads */
    struct map context_of;
    size_t n_generations;
    uint64_t n_events, n_run;
    int64_t last_ns;
    bool cut, failed;
    struct trace_event literal; /* the last */
};

void timeline_store_init(struct timeline_store *store);
void timeline_store_release(struct timeline_store *store); /* the marks too */

/* Read events of this file again; `marks` is the store's from here on. */
bool timeline_store_file(struct timeline_store *store, const char *path, struct trace_marks *marks,
                         struct err *err);

/* The next event.  Returns whether a chunk begins with it.  Failure (memory) is kept in `failed`.
 */
bool timeline_store_add(struct timeline_store *store, const struct trace_event *event);
/* The next event that can begin a chunk shall. */
void timeline_store_cut(struct timeline_store *store);
bool timeline_store_seal(struct timeline_store *store); /* false: no memory */
size_t timeline_store_bytes(const struct timeline_store *store);

/* The events of a chunk, a block at a time; `events` returns false to end it.  False: no memory.
 * Some 15 ns an event. */
bool timeline_store_replay(const struct timeline_store *store, size_t chunk,
                           bool (*events)(void *arg, const struct trace_event *events, size_t n),
                           void *arg);
/* How many events a chunk has. */
uint32_t timeline_store_n(const struct timeline_store *store, size_t chunk);

#endif
