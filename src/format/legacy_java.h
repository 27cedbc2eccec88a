/* legacy_java: the list of locations at the end of legacy profiles of Java, whose
 * stacks hold made-up addresses: "0x1f NAME (FILE:LINE)" a line.
 * Threads: one at a time. */
#ifndef SONDE_FORMAT_LEGACY_JAVA_H
#define SONDE_FORMAT_LEGACY_JAVA_H

#include "format/legacy.h"

/* Read the rest of the text; lines that are no locations are passed over.  False and
 * *err: ERR_INPUT for an address beyond 64 bits, ERR_NOMEM. */
bool legacy_java_locations(struct legacy *l, struct text *t, struct err *err);

#endif
