/* analysis_mud: mutator utilisation distribution: for how long a window of some length, moved
 * over the trace, had which share left to the program; and the worst of these windows.
 * Source of the rules: internal/trace/mud.go and gc.go of Go 1.27 (MMUCurve.MUD, Examples).
 *
 * In: the share as a function of the window's place, piece by piece.  Out: quantiles, to 1/4096;
 * windows.
 * Units: ns.  Memory: 64 KiB a distribution.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_MUD_H
#define SONDE_ANALYSIS_ANALYSIS_MUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANALYSIS_MUD_CELLS 4096

struct analysis_mud {
    double none, all; /* time at 0 and at 1, exactly */
    double mass[ANALYSIS_MUD_CELLS];
    double steps[ANALYSIS_MUD_CELLS]; /* mass of whole cells: how it changes from cell to cell */
};

/* For `ns` the share went from one to the other, evenly.  O(1). */
void analysis_mud_add(struct analysis_mud *mud, double from, double to, double ns);
/* For the part `quantile` of the time the share was at most so; `none` if there is no time. */
double analysis_mud_at(const struct analysis_mud *mud, double quantile, double none);

#define ANALYSIS_WORST_MAX 20

/* The windows of one length with the least share, none of which overlaps another. */
struct analysis_worst {
    size_t n;
    struct analysis_worst_window {
        int64_t at_ns;
        double share;
    } windows[ANALYSIS_WORST_MAX];
};

void analysis_worst_add(struct analysis_worst *worst, int64_t window_ns, int64_t at_ns,
                        double share);
void analysis_worst_sort(struct analysis_worst *worst); /* the least share first */

#endif
