/* mem_ops: what a kind of memory is made of, for mem.c and its kinds only (mem_process.c, a
 * core file).  Threads: reads may run at once.  Signals: no. */
#ifndef SONDE_OS_MEM_OPS_H
#define SONDE_OS_MEM_OPS_H

#include "base/arena.h"
#include "os/mem.h"

struct mem_ops {
    /* As many of the n bytes as can be read from there on. */
    size_t (*read)(const struct mem *mem, uint64_t address, void *into, size_t n);
    void (*release)(struct mem *mem);
    /* As read, with fewer copies, but perhaps of another program that came in the place of
     * this one: `is_same` afterwards tells that it was not.  NULL: there is no such way. */
    size_t (*read_fast)(const struct mem *mem, uint64_t address, void *into, size_t n);
    bool (*is_same)(const struct mem *mem);
};

struct mem {
    const struct mem_ops *ops;
    struct arena arena; /* holds the maps and names */
    const struct mem_map *maps;
    size_t n_maps;
    const char *name, *executable;
    const struct proc *proc; /* NULL for a core file */
    int fd;                  /* /proc/PID/mem, or the core file */
    bool can_write;
    void *data; /* of the kind's own */
};

#endif
