/* trace_queue: records that a thread has noted and that are not told yet, by time, with their
 * texts.
 *
 * In: records, in about the order of time.  Out: the same, in order.  How much all queues hold is
 * kept beside them (struct trace_queued), for who must bound it.
 * Units: ns.  Threads: one at a time.  Signals: no.  Memory: that of gotrace_write.h; texts of what
 * was taken make room for others. */
#ifndef SONDE_WIRE_TRACE_QUEUE_H
#define SONDE_WIRE_TRACE_QUEUE_H

#include "wire/gotrace_write.h"
#include "wire/trace_raw.h"

struct trace_item {
    uint64_t ns;
    uint32_t text;   /* where its text begins */
    uint32_t source; /* a thread's process becomes another one by exec */
    struct trace_record record;
};

/* Begins zeroed. */
struct trace_queue {
    struct trace_item *items;
    size_t first, n, max; /* first .. n - 1 are to come */
    struct gotrace_bytes text;
};

/* Of all queues: records to come, and the bytes of texts that are kept for them. */
struct trace_queued {
    uint64_t n_items, n_text_bytes;
};

void trace_queue_release(struct trace_queue *queue, const struct gotrace_memory *memory,
                         struct trace_queued *all);

/* Puts it where its time belongs, behind others of that time; `parts` are the records with its
 * text.  False: no memory. */
bool trace_queue_insert(struct trace_queue *queue, const struct gotrace_memory *memory,
                        struct trace_queued *all, const struct trace_item *item,
                        const struct trace_record *parts);
/* At the end, whatever its time, and without a text; trace_queue_sort before the next one is taken.
 * False: no memory. */
bool trace_queue_append(struct trace_queue *queue, const struct gotrace_memory *memory,
                        struct trace_queued *all, const struct trace_item *item);
void trace_queue_sort(struct trace_queue *queue);

/* What the last `begin` has begun was nothing, after all: neither its begin nor its end is to be
 * told, if that can be. */
void trace_queue_forget(struct trace_queue *queue, enum trace_raw_type begin);

struct trace_item *trace_queue_next(const struct trace_queue *queue); /* NULL: there is none */
/* There is one. */
struct trace_item trace_queue_take(struct trace_queue *queue, struct trace_queued *all);
/* Of one that is to come, or was taken last: n_text bytes, valid until another one is put in. */
const char *trace_queue_text(const struct trace_queue *queue, const struct trace_item *item);

#endif
