/* perfdata_sample: what is in a sample of a perf.data file.
 * Threads: any.  Signals: no. */
#ifndef SONDE_FORMAT_PERFDATA_SAMPLE_H
#define SONDE_FORMAT_PERFDATA_SAMPLE_H

#include "format/perfdata_file.h"

#define PERFDATA_NO_EVENT UINT32_MAX

struct perfdata_sample {
    uint32_t event; /* index of attrs, or PERFDATA_NO_EVENT when its ID is unknown */
    uint32_t pid, tid;
    uint64_t ip, period;
    struct cursor chain;                /* addresses, 8 bytes each, and PERF_CONTEXT_* among them */
    bool has_user_stack;                /* a copy of the stack, not a chain, of the user's part */
    bool has_user_regs;                 /* all three, of x86-64 */
    uint64_t user_ip, user_sp, user_bp; /* of the user's part; 0 if not told */
    struct str stack;                   /* what was at user_sp; borrowed */
};

/* False when the record is shorter than it says. */
bool perfdata_sample_read(const struct perfdata *p, const struct perfdata_header *h,
                          struct perfdata_sample *s);

#endif
