/* debuginfod: files by build ID from the servers in DEBUGINFOD_URLS.
 *
 * The client library is loaded when it is first needed and the variable is set;
 * without it nothing is found.  It keeps a cache of its own.
 * A server that does not answer holds things up once, for DEBUGINFOD_PATIENCE_S:
 * no server is asked after that.
 * Threads: any.  Signals: no. */
#ifndef SONDE_SYM_DEBUGINFOD_H
#define SONDE_SYM_DEBUGINFOD_H

#include "base/diag.h"

#define DEBUGINFOD_PATIENCE_S 10

/* Path (malloc'ed) of the fetched file for a build ID in hexadecimal, or NULL.
 * The first trouble with the servers in a process is a note in *diag (which may
 * be NULL); that they have no such file is none. */
char *debuginfod_debug_info(const char *build_id, struct diag *diag);
char *debuginfod_executable(const char *build_id, struct diag *diag);

#endif
