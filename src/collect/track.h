/* track: follows the processes of a recording through the kernel's records of
 * maps, forks and execs, and turns its samples into stacks of a gather.
 * In: decoded records in the order of time.  Out: processes, mappings and samples
 * in the gather.
 * Threads: one at a time; the counters may be read by others.  Signals: no. */
#ifndef SONDE_COLLECT_TRACK_H
#define SONDE_COLLECT_TRACK_H

#include "base/err.h"
#include "collect/gather.h"
#include "os/perf.h"

struct track;

struct track_counts { /* read and written with relaxed atomics */
    uint64_t n_samples, n_truncated, n_lost;
    unsigned n_processes;
};

/* `root` is the command's process; each sample stands for period_ns.  The gather
 * is borrowed.  NULL when memory runs out. */
struct track *track_new(struct gather *gather, pid_t root, uint64_t period_ns, struct err *err);
void track_free(struct track *track); /* NULL is fine */

/* Memory running out loses the record, and counts it as lost. */
void track_record(struct track *track, const struct perf_record *record);

const struct track_counts *track_counts(const struct track *track);
/* The executable of the root process's last exec, "" if unknown; lives as long as
 * the track. */
struct str track_main_file(const struct track *track);
/* Processes whose end has not been seen. */
unsigned track_n_running(const struct track *track);

#endif
