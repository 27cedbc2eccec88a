#include "analysis/analysis_curve.h"

#define FIRST_STEP_NS 1024

/* Two cells become one. */
static void widen(struct analysis_curve *curve)
{
    for (uint32_t i = 0; i < ANALYSIS_CURVE_CELLS; i++) {
        double sum = 0;
        if (2 * i + 1 < ANALYSIS_CURVE_CELLS)
            sum = curve->sums[2 * i] + curve->sums[2 * i + 1];
        curve->sums[i] = sum;
    }
    curve->step_ns *= 2;
}

void analysis_curve_add(struct analysis_curve *curve, int64_t from_ns, int64_t to_ns, double share)
{
    if (!curve->step_ns) {
        curve->first_ns = from_ns;
        curve->step_ns = FIRST_STEP_NS;
    }
    if (from_ns < curve->first_ns || to_ns <= from_ns)
        return;
    while ((to_ns - curve->first_ns - 1) / curve->step_ns >= ANALYSIS_CURVE_CELLS)
        widen(curve);
    curve->last_ns = to_ns;
    while (from_ns < to_ns) {
        int64_t cell = (from_ns - curve->first_ns) / curve->step_ns;
        int64_t end_ns = curve->first_ns + (cell + 1) * curve->step_ns;
        if (end_ns > to_ns)
            end_ns = to_ns;
        curve->sums[cell] += share * (double)(end_ns - from_ns);
        from_ns = end_ns;
    }
}

uint32_t analysis_curve_n(const struct analysis_curve *curve)
{
    if (!curve->step_ns || curve->last_ns <= curve->first_ns)
        return 0;
    return (uint32_t)((curve->last_ns - curve->first_ns - 1) / curve->step_ns + 1);
}

double analysis_curve_at(const struct analysis_curve *curve, uint32_t cell)
{
    int64_t begin_ns = curve->first_ns + (int64_t)cell * curve->step_ns;
    int64_t end_ns = begin_ns + curve->step_ns;
    if (end_ns > curve->last_ns)
        end_ns = curve->last_ns;
    return curve->sums[cell] / (double)(end_ns - begin_ns);
}
