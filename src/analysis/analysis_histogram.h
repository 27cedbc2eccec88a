/* analysis_histogram: how often which lengths of time came, in buckets that grow with the
 * length: 128 for each doubling, so that a percentile is less than 0.4 % off.  Count, sum, least
 * and most are exact.
 * Units: ns.  Memory: 1 KiB for each doubling that has a value.
 * Threads: one at a time; lookups any.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_HISTOGRAM_H
#define SONDE_ANALYSIS_ANALYSIS_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

#define ANALYSIS_OCTAVE_BITS 7
#define ANALYSIS_OCTAVES (64 - ANALYSIS_OCTAVE_BITS)

struct analysis_histogram {
    uint64_t count;
    int64_t total_ns, min_ns, max_ns;    /* 0 while count is 0 */
    uint64_t *octaves[ANALYSIS_OCTAVES]; /* NULL: nothing there */
};

/* Negative lengths count as 0.  False: no memory; the histogram is as before.  O(1). */
bool analysis_histogram_add(struct analysis_histogram *h, int64_t ns);
/* The length that `share` (0 to 1) of the values do not exceed; 0 when there are none. */
int64_t analysis_histogram_at(const struct analysis_histogram *h, double share);
void analysis_histogram_release(struct analysis_histogram *h); /* also fine on a zeroed one */

#endif
