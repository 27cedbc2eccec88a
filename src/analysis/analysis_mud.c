#include "analysis/analysis_mud.h"

#include <stdlib.h>

#define NEARLY 1e-9 /* what sums of floating point may be off */

static size_t cell_of(double share)
{
    size_t cell = (size_t)(share * ANALYSIS_MUD_CELLS);
    return cell < ANALYSIS_MUD_CELLS ? cell : ANALYSIS_MUD_CELLS - 1;
}

static double limited(double share)
{
    return share < NEARLY ? 0 : share > 1 - NEARLY ? 1 : share;
}

void analysis_mud_add(struct analysis_mud *mud, double from, double to, double ns)
{
    double low = limited(from < to ? from : to), high = limited(from < to ? to : from);
    if (!(ns > 0))
        return;
    if (high <= 0) {
        mud->none += ns;
        return;
    }
    if (low >= 1) {
        mud->all += ns;
        return;
    }
    size_t first = cell_of(low), last = cell_of(high);
    if (first == last) {
        mud->mass[first] += ns;
        return;
    }
    double per_cell = ns / ((high - low) * ANALYSIS_MUD_CELLS);
    mud->mass[first] += per_cell * ((double)(first + 1) - low * ANALYSIS_MUD_CELLS);
    mud->mass[last] += per_cell * (high * ANALYSIS_MUD_CELLS - (double)last);
    if (last > first + 1) {
        mud->steps[first + 1] += per_cell;
        mud->steps[last] -= per_cell;
    }
}

double analysis_mud_at(const struct analysis_mud *mud, double quantile, double none)
{
    double total = mud->none + mud->all, step = 0, sum = mud->none;
    for (size_t i = 0; i < ANALYSIS_MUD_CELLS; i++) {
        step += mud->steps[i];
        total += mud->mass[i] + step;
    }
    if (!(total > 0))
        return none;
    double wanted = total * quantile;
    if (wanted <= sum)
        return 0;
    step = 0;
    for (size_t i = 0; i < ANALYSIS_MUD_CELLS; i++) {
        step += mud->steps[i];
        double mass = mud->mass[i] + step;
        if (mass > 0 && sum + mass >= wanted)
            return ((double)i + (wanted - sum) / mass) / ANALYSIS_MUD_CELLS;
        sum += mass;
    }
    return 1;
}

/* --- the worst windows --- */

static size_t best_of(const struct analysis_worst *worst)
{
    size_t best = 0;
    for (size_t i = 1; i < worst->n; i++)
        if (worst->windows[i].share > worst->windows[best].share)
            best = i;
    return best;
}

void analysis_worst_add(struct analysis_worst *worst, int64_t window_ns, int64_t at_ns,
                        double share)
{
    size_t n = 0;
    if (share > 1 - NEARLY)
        return;
    if (worst->n == ANALYSIS_WORST_MAX && share >= worst->windows[best_of(worst)].share)
        return;
    for (size_t i = 0; i < worst->n; i++) {
        int64_t other_ns = worst->windows[i].at_ns;
        if (other_ns < at_ns + window_ns && at_ns < other_ns + window_ns &&
            worst->windows[i].share <= share)
            return;
    }
    for (size_t i = 0; i < worst->n; i++) {
        int64_t other_ns = worst->windows[i].at_ns;
        if (other_ns >= at_ns + window_ns || at_ns >= other_ns + window_ns)
            worst->windows[n++] = worst->windows[i];
    }
    worst->n = n;
    if (n == ANALYSIS_WORST_MAX)
        n = best_of(worst);
    else
        worst->n++;
    worst->windows[n] = (struct analysis_worst_window){at_ns, share};
}

static int by_share(const void *a, const void *b)
{
    const struct analysis_worst_window *x = a, *y = b;
    return x->share != y->share ? (x->share > y->share) - (x->share < y->share)
                                : (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

void analysis_worst_sort(struct analysis_worst *worst)
{
    if (worst->n)
        qsort(worst->windows, worst->n, sizeof *worst->windows, by_share);
}
