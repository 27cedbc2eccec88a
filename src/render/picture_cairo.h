/* picture_cairo: a drawing as PNG, PDF or PostScript, by the cairo library, which is
 * loaded when it is first needed.
 * Units: points; of PNG a pixel is 3/4 of one.  Threads: any.  Signals: no. */
#ifndef SONDE_RENDER_PICTURE_CAIRO_H
#define SONDE_RENDER_PICTURE_CAIRO_H

#include "base/buf.h"
#include "render/drawing.h"

enum picture_format { PICTURE_PNG, PICTURE_PDF, PICTURE_PS };

/* Add the file to `out`.  A picture that is too large for the format is made smaller:
 * *scale is 1 otherwise.  False with ERR_UNSUPPORTED (no cairo), ERR_NOMEM, ERR_IO. */
bool picture_cairo_write(struct buf *out, const struct drawing *drawing, enum picture_format format,
                         double *scale, struct err *err);

#endif
