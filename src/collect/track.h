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

enum track_scope {
    TRACK_COMMAND, /* a command that is yet to exec, and its children */
    TRACK_PROCESS, /* a process that runs */
    TRACK_SYSTEM,  /* all there are */
};

struct track_options {
    enum track_scope scope;
    pid_t root;         /* the command's or the process */
    bool children;      /* of TRACK_PROCESS: those that it starts too */
    uint64_t period_ns; /* that each sample stands for */
};

/* The gather is borrowed.  NULL when memory runs out. */
struct track *track_new(struct gather *gather, const struct track_options *options,
                        struct err *err);
void track_free(struct track *track); /* NULL is fine */

/* Of TRACK_PROCESS: take the root's maps from /proc, in place of what is known of them.  False and
 * *err: ERR_PERM with what would do, ERR_INPUT: it has ended, ERR_NOMEM. */
bool track_adopt_root(struct track *track, struct err *err);
/* The root's code is all Go's, which keeps frame pointers. */
bool track_is_pure_go(const struct track *track);
/* As the events turned out: see perf_attach. */
void track_set_events(struct track *track, uint64_t period_ns, bool everything);

/* Memory running out loses the record, and counts it as lost. */
void track_record(struct track *track, const struct perf_record *record);
/* A sample of a process's code, with values of the gather's kind and a set of its labels (0: those
 * of the process).  *row: gather_sample's, or NULL.  False when memory runs out. */
bool track_sample(struct track *track, const struct perf_record *sample, const int64_t *values,
                  uint32_t labels, uint32_t *row);
void track_take(void *track, const struct perf_record *record); /* the same, for perf_feed */

/* After the last record: names the kernel's code. */
void track_finish(struct track *track);

const struct track_counts *track_counts(const struct track *track);
/* The executable of the root process's last exec, "" if unknown; of the whole system
 * "[all processes]".  Lives as long as the track. */
struct str track_main_file(const struct track *track);
/* Processes whose end has not been seen; of TRACK_PROCESS, those that the root started. */
unsigned track_n_running(const struct track *track);
/* Processes whose maps may not be read; the first one's reason in *why. */
unsigned track_n_unreadable(const struct track *track, struct err *why);
/* For struct resolve_options: the files that were mapped. */
const char *track_locate(void *track, const char *file, const char *build_id);

#endif
