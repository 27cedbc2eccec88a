/* unit: values with units as text, as pprof's `measurement` package has them.
 * In: integers of the profile.  Out: text on a buf, or scaled numbers.
 * Units: bytes, time and GCU in their multiples; anything else stays as it is.
 * Threads: any.  Signals: no. */
#ifndef SONDE_XFORM_UNIT_H
#define SONDE_XFORM_UNIT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* `value` of unit `from` in unit `to` ("auto" and "minimum": the largest that
 * leaves it at least 1).  *unit is the unit it is in, "" when not worth naming;
 * either static or `to`. */
double unit_scale(int64_t value, const char *from, const char *to, const char **unit);

/* Are both the same unit, or units of the same dimension? */
bool unit_is_convertible(const char *a, const char *b);

/* The scaled value with two decimals (none when they are 0) and its unit. */
void unit_print(struct buf *out, int64_t value, const char *from, const char *to);

/* From one unit to another, looked up once for many values. */
struct unit_scaler {
    const struct unit_kind *kind; /* NULL: `from` is no known unit */
    const struct unit *from, *to; /* `to` NULL: the default, or the one that suits */
    bool is_auto;
    const char *name; /* of the target where kind is NULL */
};
void unit_scaler_init(struct unit_scaler *s, const char *from, const char *to);
double unit_scaler_scale(const struct unit_scaler *s, int64_t value, const char **unit);
void unit_scaler_print(const struct unit_scaler *s, struct buf *out, int64_t value);

/* The i-th of the units that suit values of unit `from`, smallest first: its name, and how
 * many of `from` make one.  An unknown unit is the only one of its kind.  False: no more. */
bool unit_step(const char *from, size_t i, const char **name, double *factor);

/* The share of `value` in `total`, 6 wide: "12.34%", "  100%", " 0.12%". */
void unit_print_percent(struct buf *out, int64_t value, int64_t total);
/* The same without leading blanks. */
void unit_print_percent_short(struct buf *out, int64_t value, int64_t total);

/* float64 to int64 as Go on amd64 converts: out of range and NaN give INT64_MIN. */
static inline int64_t unit_to_int64(double v)
{
    return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

/* |v|, wrapping for INT64_MIN. */
static inline int64_t unit_abs(int64_t v)
{
    return v < 0 ? (int64_t)(0 - (uint64_t)v) : v;
}

#endif
