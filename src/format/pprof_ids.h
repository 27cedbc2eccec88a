/* pprof_ids: the location ids of samples, many at a time, by what the processor has for it.
 *
 * In: packed varints, borrowed.  Out: rows of locations, id - 1 as ids mostly are.
 * Threads: any.  Signals: no. */
#ifndef SONDE_FORMAT_PPROF_IDS_H
#define SONDE_FORMAT_PPROF_IDS_H

#include <stddef.h>
#include <stdint.h>

struct pprof_ids_ops {
    /* Read ids at p, as long as they are of four bytes at most and end before `end`, which is
     * not after `in_end`, the end of what may be looked at.  Their rows go to *to, which is
     * advanced; what lies beyond it, before `to_end`, may be overwritten too.  Returns the
     * position after them; some that could be read may be left. */
    const uint8_t *(*take)(const uint8_t *p, const uint8_t *end, const uint8_t *in_end,
                           uint32_t **to, const uint32_t *to_end);
    /* The largest of n rows; 0 of none. */
    uint32_t (*largest)(const uint32_t *rows, size_t n);
};

/* NULL where the processor takes long to take scattered bits out of a word. */
const struct pprof_ids_ops *pprof_ids_ops(void);

#endif
