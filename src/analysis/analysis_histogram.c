#include "analysis/analysis_histogram.h"

#include <math.h>
#include <stdlib.h>

#define N_BUCKETS (1u << ANALYSIS_OCTAVE_BITS)

bool analysis_histogram_add(struct analysis_histogram *h, int64_t ns)
{
    uint64_t v = ns > 0 ? (uint64_t)ns : 0;
    unsigned octave = 0, shift = 0;
    if (v >= N_BUCKETS) {
        shift = 63 - (unsigned)__builtin_clzll(v) - ANALYSIS_OCTAVE_BITS;
        octave = shift + 1;
    }
    if (!h->octaves[octave] &&
        !(h->octaves[octave] = calloc(N_BUCKETS, sizeof *h->octaves[octave])))
        return false;
    h->octaves[octave][(v >> shift) & (N_BUCKETS - 1)]++;
    if (!h->count || (int64_t)v < h->min_ns)
        h->min_ns = (int64_t)v;
    if ((int64_t)v > h->max_ns)
        h->max_ns = (int64_t)v;
    if (__builtin_add_overflow(h->total_ns, (int64_t)v, &h->total_ns))
        h->total_ns = INT64_MAX;
    h->count++;
    return true;
}

/* The middle of a bucket. */
static int64_t middle(unsigned octave, unsigned bucket)
{
    if (octave == 0)
        return bucket;
    uint64_t first = (uint64_t)(N_BUCKETS + bucket) << (octave - 1);
    return (int64_t)(first + (((uint64_t)1 << (octave - 1)) - 1) / 2);
}

int64_t analysis_histogram_at(const struct analysis_histogram *h, double share)
{
    if (!h->count)
        return 0;
    uint64_t rank = (uint64_t)ceil(share * (double)h->count), seen = 0;
    if (rank >= h->count)
        return h->max_ns;
    if (rank < 1)
        rank = 1;
    for (unsigned octave = 0; octave < ANALYSIS_OCTAVES; octave++) {
        if (!h->octaves[octave])
            continue;
        for (unsigned i = 0; i < N_BUCKETS; i++) {
            seen += h->octaves[octave][i];
            if (seen < rank)
                continue;
            int64_t at = middle(octave, i);
            return at < h->min_ns ? h->min_ns : at > h->max_ns ? h->max_ns : at;
        }
    }
    return h->max_ns;
}

void analysis_histogram_release(struct analysis_histogram *h)
{
    for (unsigned i = 0; i < ANALYSIS_OCTAVES; i++)
        free(h->octaves[i]);
    *h = (struct analysis_histogram){0};
}
