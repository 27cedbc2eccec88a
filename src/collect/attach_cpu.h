/* attach_cpu: the CPU profile of what runs already: a process with its threads and, as asked, the
 * processes that it starts, or the whole system.  By perf events from outside: nothing of the
 * process is stopped or changed.
 *
 * In: a pid.  Out: a sealed, symbolised profile, with the labels `process` and `pid`; where a
 * process runs in a container, `container` and `container_id`.
 * Units: nanoseconds.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_ATTACH_CPU_H
#define SONDE_COLLECT_ATTACH_CPU_H

#include "base/diag.h"
#include "base/err.h"
#include "collect/recorder.h"
#include "go/go_program.h"
#include "model/profile.h"

struct attach_cpu_request {
    pid_t pid;             /* 0: the whole system */
    struct go_program *go; /* of that process: its labels are read too; NULL: it is none */
    unsigned hz;           /* 0: 100 */
    uint64_t duration_ns;  /* 0: until go_on says no */
    bool no_children;      /* only the process itself */
    bool debuginfod;       /* ask the servers in DEBUGINFOD_URLS for names */
    /* Asked some ten times a second; false ends it.  NULL: it goes on. */
    bool (*go_on)(void *arg, const struct recorder_status *status);
    void *arg;
};

/* Notes (the process has ended, samples were lost, ...) go to *diag, what there is at the end to
 * *status.  NULL and *err: ERR_PERM with the capability or sysctl that would do, ERR_INPUT: there
 * is no such process, ERR_UNSUPPORTED, ERR_NOMEM. */
struct profile *attach_cpu(const struct attach_cpu_request *request, struct recorder_status *status,
                           struct diag *diag, struct err *err);

#endif
