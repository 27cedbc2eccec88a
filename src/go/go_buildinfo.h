/* go_buildinfo: which version of Go built a program, out of what its linker leaves in every
 * one (.go.buildinfo).
 * In: an object.  Out: "go1.24.4" and 24.  Every length is checked.
 * Threads: one at a time an object.  Signals: no. */
#ifndef SONDE_GO_BUILDINFO_H
#define SONDE_GO_BUILDINFO_H

#include "sym/elf.h"

#include <stdbool.h>

/* What the program says built it, as it stands there but for control characters; false: no
 * Go program, or one of before Go 1.18.  Where section headers are gone, the data is
 * searched. */
bool go_buildinfo_version(const struct elf *elf, char *version, size_t size);

/* The same in bytes that begin with the magic. */
bool go_buildinfo_parse(struct str data, char *version, size_t size);

/* The settings that the program has where GODEBUG sets nothing ("a=1,b=0"); empty when there
 * are none, or section headers are gone.  Borrowed from the object. */
struct str go_buildinfo_settings(const struct elf *elf);

/* "go1.24.4 X:boringcrypto" -> 24; also "devel go1.27-0123abc"; 0 when it is no Go 1. */
unsigned go_buildinfo_minor(const char *version);
/* "go1.24.4" -> 4; 0 for "go1.24" and what comes before it. */
unsigned go_buildinfo_patch(const char *version);

#endif
