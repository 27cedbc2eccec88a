/* html: text for HTML pages.
 * In: bytes.  Out: the same with what HTML reads as markup escaped.
 * Failure: the buffer's (sticky).  Threads: any.  Signals: no. */
#ifndef SONDE_RENDER_HTML_H
#define SONDE_RENDER_HTML_H

#include "base/buf.h"
#include "base/str.h"

/* Escaped for elements and quoted attributes, as Go's html/template does ("+" too). */
void html_text(struct buf *out, struct str text);

#endif
