/* text_width: how wide a text is in Helvetica, whose widths Arial, Liberation Sans and
 * Nimbus Sans share.
 * In: UTF-8.  Units: those of the font's size.
 * Threads: any.  Signals: no. */
#ifndef SONDE_RENDER_TEXT_WIDTH_H
#define SONDE_RENDER_TEXT_WIDTH_H

#include "base/str.h"

#define TEXT_FONTS "Helvetica,Arial,sans-serif"

double text_width(struct str text, double font_size);

#endif
