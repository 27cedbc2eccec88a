/* roster: what this library knows of the threads of its process, for the one of them that
 * takes a profile of all: their labels, and their names, so that those need not be asked
 * for.  A thread enters itself; that others are not there is no harm.
 * Threads: any, lock-free.  Signals: async-signal-safe. */
#ifndef SONDE_AGENT_ROSTER_H
#define SONDE_AGENT_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#define ROSTER_NAME_BYTES 16 /* the kernel's TASK_COMM_LEN */

struct sonde_labels;

struct roster_entry {
    int tid;          /* 0 = free */
    uint32_t name_of; /* the generation of names that `name` is of; 0: it is not known */
    const struct sonde_labels *labels;
    char name[ROSTER_NAME_BYTES];
};

/* Enters the calling thread, or finds it; `named`: with its name.  NULL: no room. */
struct roster_entry *roster_enter(bool named);
void roster_leave(void);

/* The entry of `tid`, or NULL. */
struct roster_entry *roster_find(int tid);

/* The calling thread's labels have changed. */
void roster_labels(const struct sonde_labels *labels);

/* The name of the calling thread has changed, or of another one. */
void roster_renamed(bool is_own);
/* The name of an entry's thread; false: not known. */
bool roster_name(const struct roster_entry *entry, char name[ROSTER_NAME_BYTES]);

/* In a forked child: the calling thread is the only one. */
void roster_reset(void);

#endif
