/* go_cpu_labels: the labels that goroutines carried (pprof.Do) when samples of CPU time were taken.
 *
 * Where it is permitted a BPF program notes them at the sample (os/bpf_words.h); else the sample's
 * registers tell the goroutine, and its labels are read a little later, when they may be others.
 * In: a Go program, samples.  Out: sets of labels of the gather.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_GO_CPU_LABELS_H
#define SONDE_COLLECT_GO_CPU_LABELS_H

#include "base/diag.h"
#include "base/err.h"
#include "collect/gather.h"
#include "go/go_program.h"
#include "os/perf.h"

struct go_cpu_labels;

/* NULL and *err when memory runs out.  Both are borrowed. */
struct go_cpu_labels *go_cpu_labels_new(struct go_program *program, struct gather *gather,
                                        struct err *err);
void go_cpu_labels_free(struct go_cpu_labels *labels); /* NULL is fine */

/* For perf_options; 0: there is none. */
int go_cpu_labels_program(const struct go_cpu_labels *labels);

/* Before the samples of a round are asked about: take in what was noted. */
void go_cpu_labels_round(struct go_cpu_labels *labels);
/* The labels of a sample of the process, as a set of the gather; 0: none. */
uint32_t go_cpu_labels_of(struct go_cpu_labels *labels, const struct perf_record *sample);

/* How they were read, for a comment in the profile, and a note where that is the less exact way.
 * NULL: there were none. */
const char *go_cpu_labels_tell(const struct go_cpu_labels *labels, struct diag *diag);

#endif
