/* watchdog: a process of its own that puts words of another process's memory back when we die,
 * by whatever signal.
 *
 * What is to be written is told to it first: it knows the old and the new value before the new
 * one is there.  When the pipe to us closes, it looks at each word: one that has the new value
 * gets the old one, one that the program has changed meanwhile stays.  It holds the memory
 * open, so it can meet no other process, is in a session of its own and blocks all signals.
 *
 * In: memory that is open for writing.  Out: nothing else.
 * Threads: one at a time; it may be started while others run.  Signals: no. */
#ifndef SONDE_OS_WATCHDOG_H
#define SONDE_OS_WATCHDOG_H

#include "base/err.h"
#include "os/mem.h"

#define WATCHDOG_SLOTS 8

struct watchdog;

struct watchdog_word {
    uint64_t address, old_value, new_value;
    uint32_t n_bytes; /* 1 to 8; values are little-endian */
};

/* `lock_fd` is held by it too, as long as it lives; -1: none.  NULL and *err: ERR_NOMEM, ERR_IO,
 * ERR_UNSUPPORTED where it would die with us (we are process 1).  Some milliseconds. */
struct watchdog *watchdog_start(const struct mem *mem, int lock_fd, struct err *err);
/* Returns when it knows the word.  False and *err (ERR_IO): it is gone, nothing may be
 * written. */
bool watchdog_note(struct watchdog *watchdog, unsigned slot, const struct watchdog_word *word,
                   struct err *err);
/* The word is as it was: it is forgotten. */
void watchdog_forget(struct watchdog *watchdog, unsigned slot);
/* It puts back what is noted, lets go of the lock, and ends; NULL is fine. */
void watchdog_free(struct watchdog *watchdog);

#endif
