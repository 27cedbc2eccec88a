/* record_live: `sonde record -p PROCESS` and `-a`: profiles of what runs already, from outside.
 * INT, TERM and HUP end the collecting; what was collected is written.
 * Threads: the main thread.  Signals: see above. */
#ifndef SONDE_UI_RECORD_LIVE_H
#define SONDE_UI_RECORD_LIVE_H

#include "base/buf.h"
#include "base/err.h"
#include "ui/profile_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_live_request {
    const char *process; /* a pid or a name; NULL: the whole system */
    const char *kinds;   /* "KIND,KIND" */
    struct profile_file files;
    double seconds; /* 0: until a signal or its end, for what takes time */
    unsigned hz;    /* CPU samples a second; 0: 100 */
    /* With `enable`; 0: the usual ones (collect/live.h). */
    uint64_t heap_rate, block_rate, mutex_fraction;
    bool no_children; /* only the process itself */
    unsigned debug;   /* Go's texts, 1 or 2, instead of profiles; 0 */
    bool gc, enable, consistent;
    bool probes;         /* of a trace: not by the program's own server */
    uint64_t trace_rate; /* of a trace: hits a second; 0: the usual */
    struct buf *written; /* where profiles were written is added, each with its NUL */
};

/* Collects and writes, telling what and where.  The exit status. */
int record_live(const struct record_live_request *request);

#endif
