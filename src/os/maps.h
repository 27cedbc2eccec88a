/* maps: what is mapped in a process, and its files, also where those were deleted or lie in
 * another mount namespace.
 * In: /proc/PID/maps.  Threads: any.  Signals: no. */
#ifndef SONDE_OS_MAPS_H
#define SONDE_OS_MAPS_H

#include "base/arena.h"
#include "os/mem.h"

/* By address, in the arena.  False and *err: ERR_PERM with what would do, ERR_INPUT: it has
 * ended, ERR_NOMEM. */
bool maps_read(const struct proc *proc, struct arena *arena, const struct mem_map **maps, size_t *n,
               struct err *err);

/* A path that opens the file of a map; false when it cannot be opened as the file that is
 * mapped. */
bool maps_path(pid_t pid, const struct mem_map *map, char *path, size_t size);
/* The same for a file by the name that the process has for it: where that is the same file for us,
 * the name itself. */
bool maps_named_path(pid_t pid, const char *name, char *path, size_t size);

#endif
