/* peek: reads memory of this process that may not be there, or go while it is read.
 * Threads: any.  Signals: async-signal-safe. */
#ifndef SONDE_AGENT_PEEK_H
#define SONDE_AGENT_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the kernel may be asked to copy (process_vm_readv), which cannot fault: not where
 * a filter of system calls is, who knows what that does with it, or may come without our
 * knowing (libsonde.a). */
bool peek_may_ask(void);
/* Asks it, where no filter is now: the number of bytes; -1: it may not be asked. */
long peek_ask(void *to, uint64_t from, size_t n);

/* Copies `n` bytes; fewer, where what can be read ends; how many.  Some 300 ns.  Where the
 * kernel may not be asked it looks before it reads: what goes in between is a fault. */
size_t peek_some(void *to, uint64_t from, size_t n);

/* All of them; false and an undefined `to` if they are not there. */
static inline bool peek(void *to, uint64_t from, size_t n)
{
    return peek_some(to, from, n) == n;
}

#endif
