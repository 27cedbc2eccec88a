/* go_labels: the labels that goroutines carry (pprof.Do), each set read once.
 * In: a program, addresses of label sets.  Out: keys and values.
 * A set that makes no sense is left out, and told of.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_GO_LABELS_H
#define SONDE_GO_LABELS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "go/go_program.h"

#define GO_LABELS_MAX 256 /* of one set */

struct go_labels;

struct go_label {
    struct str key, value; /* live as long as the go_labels */
};

/* `program` is borrowed.  NULL and *err when memory runs out. */
struct go_labels *go_labels_new(const struct go_program *program, struct err *err);
void go_labels_free(struct go_labels *l); /* NULL is fine */

/* Read what lies at these addresses (g.labels; 0 is fine), to be asked for below.  False and
 * *err when memory runs out. */
bool go_labels_read(struct go_labels *l, const uint64_t *addresses, size_t n, struct err *err);

/* What was read lies there no more: later addresses are read anew. */
void go_labels_forget(struct go_labels *l);

/* The set at an address that was read: equal labels have equal numbers.  0: no labels. */
uint32_t go_labels_at(const struct go_labels *l, uint64_t address);
/* Its labels, by key; returns how many. */
size_t go_labels_get(const struct go_labels *l, uint32_t set, struct go_label *labels, size_t max);
/* {"key":"value", ...}, as Go prints them. */
void go_labels_text(const struct go_labels *l, uint32_t set, struct buf *out);
/* Could the set at an address not be read? */
bool go_labels_damaged(const struct go_labels *l, uint64_t address);

#endif
