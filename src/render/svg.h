/* svg: the small part of SVG that pictures need, written onto a buffer.
 * In: text of any bytes (what XML cannot hold becomes U+FFFD).  Out: XML, ASCII
 * and valid UTF-8 only.  Units: pixels.
 * Failure: the buffer's (sticky).  Threads: one at a time.  Signals: no. */
#ifndef SONDE_RENDER_SVG_H
#define SONDE_RENDER_SVG_H

#include "base/buf.h"
#include "base/str.h"

/* The opening tag of a document of that size, and the closing one. */
void svg_begin(struct buf *out, double width, double height);
void svg_end(struct buf *out);

/* Text, escaped for element content and for attributes in double quotes. */
void svg_text(struct buf *out, struct str text);

/* The same, but no more than max_chars characters: what is too long loses its
 * middle to an ellipsis. */
void svg_text_fit(struct buf *out, struct str text, size_t max_chars);

/* A number with at most two decimals, whatever the locale. */
void svg_number(struct buf *out, double v);

/* <rect .../> */
void svg_rect(struct buf *out, double x, double y, double width, double height);

#endif
