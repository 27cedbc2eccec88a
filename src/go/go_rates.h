/* go_rates: the few words of Go's runtime that are written, when that was asked for, and put
 * back: what switches profiles on, when the next collection is due, whether it looks for leaks.
 *
 *   struct go_rates *rates = go_rates_open(program, err);   // of memory opened for writing
 *   go_rates_enable(rates, &go_kind_block, 0, diag, err) ... wait, read ...
 *   go_rates_restore(rates, err); go_rates_free(rates);
 *
 * A word is written only where it was found beyond doubt and holds what can be there; a
 * watchdog (os/watchdog.h) knows of it before.  It is put back by go_rates_restore, or by the
 * watchdog when we die, and only while it still has the value that we wrote: what the program
 * has set meanwhile stays.  A profile that is on is left alone.
 * Threads: one at a time a program; the watchdog is a process.  Signals: no. */
#ifndef SONDE_GO_RATES_H
#define SONDE_GO_RATES_H

#include "go/go_kind.h"

struct go_rates;

/* NULL and *err: ERR_INPUT: another sonde is at it; ERR_UNSUPPORTED, ERR_IO, ERR_NOMEM.
 * `program` is borrowed.  Nothing is written yet. */
struct go_rates *go_rates_open(struct go_program *program, struct err *err);
/* Puts back what is not yet; NULL is fine. */
void go_rates_free(struct go_rates *rates);

const struct go_program *go_rates_program(const struct go_rates *rates);

/* Switch a kind on, where it is off: at `rate`, in the kind's own unit, or 0: kind->rate_on.  A
 * note in *diag on what it cannot have.  False and *err: nothing was written, or all is as
 * before. */
bool go_rates_enable(struct go_rates *rates, const struct go_kind_ops *kind, uint64_t rate,
                     struct diag *diag, struct err *err);
/* Set a word: a rate, GO_VAR_FORCE_GC_PERIOD (nanoseconds), or GO_VAR_WORK: whether the next
 * collection looks for leaked goroutines.  At most once until it is restored. */
bool go_rates_set(struct go_rates *rates, enum go_global word, uint64_t value, struct err *err);
/* What the word holds. */
bool go_rates_get(const struct go_program *program, enum go_global word, uint64_t *value,
                  struct err *err);

/* Put one word back, or all.  True also where the program is no more. */
bool go_rates_restore_word(struct go_rates *rates, enum go_global word, struct err *err);
bool go_rates_restore(struct go_rates *rates, struct err *err);

/* Is there something to read?  False and *err (ERR_UNSUPPORTED) for a kind that is off and has
 * counted nothing: one line that says how to switch it on. */
bool go_rates_check(const struct go_program *program, const struct go_kind_ops *kind,
                    struct err *err);
/* Does it count now?  False and *err as above also when it has counted before. */
bool go_rates_check_now(const struct go_program *program, const struct go_kind_ops *kind,
                        struct err *err);

#endif
