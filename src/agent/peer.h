/* peer: another thread of this process, looked at while it is blocked in the kernel (or a
 * fiber while it is parked, fibers.h): nothing is sent to it, it is not woken, and no read can fault whatever it does
 * meanwhile.  Whether it was blocked all the time is known afterwards: a thread that
 * runs uses CPU time.
 * Threads: one peer each.  Signals: no. */
#ifndef SONDE_AGENT_PEER_H
#define SONDE_AGENT_PEER_H

#include <stdbool.h>
#include <stdint.h>

#define PEER_WINDOW_BYTES 8192u
#define PEER_NO_CALL (-1)

enum peer_state {
    PEER_GONE,
    PEER_BLOCKED, /* its registers and its system call are known */
    PEER_RUNS,    /* or waits for a processor */
};

/* Memory that was read. */
struct peer_window {
    uint64_t lo, n;
    uint8_t bytes[PEER_WINDOW_BYTES];
};

struct peer {
    bool (*is_still)(const struct peer *peer);
    int tid;
    uint64_t clock_ns; /* its CPU time when it was looked at */
    long call;         /* number of the system call; PEER_NO_CALL: stopped elsewhere */
    uint64_t args[6], sp, pc;
    uint64_t bp;                   /* WALK_BP_LOST: not known */
    struct peer_window windows[2]; /* from its sp on; where it was read last */
};

/* The folder of threads, /proc/self/task, opened; below 0: there is none. */
long peer_open_tasks(void);

enum peer_state peer_look(struct peer *peer, long tasks, int tid);

/* A peer with these registers. */
void peer_at(struct peer *peer, uint64_t pc, uint64_t sp, uint64_t bp);

/* Whether it has not run since. */
static inline bool peer_is_still(const struct peer *peer)
{
    return peer->is_still(peer);
}

/* 8 bytes of memory; false if they cannot be read. */
bool peer_read(struct peer *peer, uint64_t address, uint64_t *value);

/* A file of a thread (TID/name) as text, at most `size` - 1 bytes. */
long peer_file(long tasks, int tid, const char *name, char *text, long size);

/* The CPU time of a thread; 0: it is gone. */
uint64_t peer_clock_ns(int tid);

#endif
