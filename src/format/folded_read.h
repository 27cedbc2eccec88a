/* folded_read: folded stacks, which flame graph tools pass around: a stack a line, from
 * the root, and how often it was seen: "main;work;read 12".
 *
 * Blank lines and "# comments" are passed over; so are, with a note, lines that are no
 * stacks, as those tools do.  Fractions are rounded.
 *
 * Threads: calls are independent.  Signals: no. */
#ifndef SONDE_FORMAT_FOLDED_READ_H
#define SONDE_FORMAT_FOLDED_READ_H

#include "format/format.h"

extern const struct format_ops folded_format;

#endif
