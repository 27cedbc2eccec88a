/* scale: from sampled blocks to all, for who writes a heap profile: libsonde for itself, and
 * `sonde record` from the files.
 * Units: bytes, blocks.  Errors: none; what is too large is cut off.  Threads: any.
 * Signals: yes.  Without libm, which libsonde does not need. */
#ifndef SONDE_WIRE_SCALE_H
#define SONDE_WIRE_SCALE_H

#include <stdint.h>

/* 1 - exp(-x) for x >= 0, to the last digits. */
static inline double wire_share_sampled(double x)
{
    if (x > 40)
        return 1;
    /* exp(-x) = exp(-x / 2^k)^(2^k), and so 1 - exp(-2y) = (1 - exp(-y)) (1 + exp(-y)). */
    int k = 0;
    for (; x > 0.25; k++)
        x /= 2;
    double sum = 0;
    for (int i = 14; i >= 1; i--)
        sum = x / i * (1 - sum);
    for (; k > 0; k--)
        sum *= 2 - sum;
    return sum;
}

/* Of blocks of `size` bytes the share 1 - exp(-size / rate) is sampled: for n sampled ones,
 * how many there were, and their bytes (Go's runtime/pprof/protomem.go, scaleHeapSample). */
static inline void wire_scale_heap(uint64_t n, uint64_t size, uint64_t rate, int64_t *count,
                                   int64_t *bytes)
{
    double factor = rate > 1 && size ? 1 / wire_share_sampled((double)size / (double)rate) : 1;
    double scaled = (double)n * factor;
    *count = scaled < 0x1p62 ? (int64_t)scaled : INT64_MAX / 2;
    scaled *= (double)size;
    *bytes = scaled < 0x1p62 ? (int64_t)scaled : INT64_MAX / 2;
}

#endif
