/* analysis_curve: a share over time, to be drawn: its mean in each of some 2000 cells, which
 * become longer with the trace.
 * Units: ns on the trace's clock.  Memory: 16 KiB.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_CURVE_H
#define SONDE_ANALYSIS_ANALYSIS_CURVE_H

#include <stdint.h>

#define ANALYSIS_CURVE_CELLS 2000

struct analysis_curve {
    int64_t first_ns, last_ns, step_ns; /* step_ns 0: nothing was added */
    double sums[ANALYSIS_CURVE_CELLS];  /* of share * ns */
};

/* The share was that from `from_ns` to `to_ns`; calls come in time, without gaps.  O(1) but for
 * the cells that it fills. */
void analysis_curve_add(struct analysis_curve *curve, int64_t from_ns, int64_t to_ns, double share);

/* How many cells there are, and the mean of one. */
uint32_t analysis_curve_n(const struct analysis_curve *curve);
double analysis_curve_at(const struct analysis_curve *curve, uint32_t cell);

#endif
