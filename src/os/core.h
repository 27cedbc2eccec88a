/* core: a core file, of the kernel or of gcore, as memory (os/mem.h), and the registers of its
 * threads.
 *
 * In: an ELF core of a 64-bit x86 or ARM program.  Pages that are not in it since they are those of
 * a file are read from that file, where it is still the same one.  Nothing is read before it is
 * asked for but headers and notes: the size of the core does not matter. Out: memory, maps,
 * threads. Threads: reads may run at once.  Signals: no. */
#ifndef SONDE_OS_CORE_H
#define SONDE_OS_CORE_H

#include "os/mem.h"

/* `executable`: the program's file; NULL: where it was when it ran, else beside the core.  NULL and
 * *err: ERR_IO, ERR_PERM, ERR_NOMEM; ERR_INPUT: no core, cut off before its memory, or of another
 * program than `executable`; ERR_UNSUPPORTED: of another kind of machine. */
struct mem *mem_of_core(const char *path, const char *executable, struct err *err);

struct core_thread {
    pid_t tid; /* in the namespace of whoever wrote the core */
    uint64_t pc, sp, bp, di;
    uint64_t r14, fs_base; /* x86-64 */
    int64_t call;          /* the system call that it was in; -1: none */
};

struct core_info {
    pid_t pid;
    char name[17];
    int signo;                   /* that ended it; 0: none (gcore) */
    bool is_cut;                 /* memory at the end is missing */
    struct core_thread *threads; /* the one that crashed first */
    size_t n_threads;
};

/* NULL for what is no core file; borrowed from the mem. */
const struct core_info *core_info(const struct mem *mem);

#endif
