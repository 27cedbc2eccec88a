/* csv: rows of comma-separated values (RFC 4180, lines end in \n) onto a buffer.
 *
 *   struct csv c = {.out = out};
 *   csv_string(&c, name);
 *   csv_int(&c, value);
 *   csv_end_row(&c);
 *
 * In: text of any bytes.  Out: valid UTF-8, what was not is U+FFFD.
 * Failure: the buffer's (sticky).  Threads: one at a time.  Signals: no. */
#ifndef SONDE_RENDER_CSV_H
#define SONDE_RENDER_CSV_H

#include "base/buf.h"
#include "base/str.h"

struct csv {
    struct buf *out;
    bool in_row; /* a field was written since the last row's end */
};

/* A field, in quotes where it has to be. */
void csv_string(struct csv *c, struct str text);
void csv_int(struct csv *c, int64_t v);
/* With four decimals, whatever the locale. */
void csv_decimal(struct csv *c, double v);
void csv_empty(struct csv *c);
void csv_end_row(struct csv *c);
/* A whole row of texts, separated by commas: for heads. */
void csv_head(struct csv *c, const char *row);

#endif
