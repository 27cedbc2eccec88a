/* container: the container that a process runs in, by its control group: the id of 64 hexadecimal
 * digits that Docker, Podman, containerd and CRI-O put there, or the name of LXC's.
 * Threads: one at a time a gather.  Signals: no. */
#ifndef SONDE_COLLECT_CONTAINER_H
#define SONDE_COLLECT_CONTAINER_H

#include "base/str.h"
#include "collect/gather.h"
#include "os/proc.h"

#define CONTAINER_ID_BYTES 65

/* The id or name in the text of /proc/PID/cgroup; false: in none. */
bool container_find(struct str cgroup, char id[CONTAINER_ID_BYTES]);

/* The labels `container` (as short as docker ps has it) and `container_id` of the process; 0: it
 * is in none, or that cannot be told. */
uint32_t container_labels(struct gather *gather, const struct proc *proc);

#endif
