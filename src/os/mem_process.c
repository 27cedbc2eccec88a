/* The memory of a process: /proc/PID/mem, which stays that of the program it was opened for
 * (an exec or another process with its pid later is not read). */
#include "os/maps.h"
#include "os/mem_ops.h"
#include "os/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static size_t read_process(const struct mem *mem, uint64_t address, void *into, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t got = pread(mem->fd, (char *)into + done, n - done, (off_t)(address + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

/* Straight from its pages to ours, where /proc/PID/mem goes through one of the kernel's. */
static size_t read_pid(const struct mem *mem, uint64_t address, void *into, size_t n)
{
    struct iovec here = {into, n}, there = {(void *)(uintptr_t)address, n};
    ssize_t got = process_vm_readv(mem->proc->pid, &here, 1, &there, 1, 0);
    return got > 0 ? (size_t)got : 0;
}

/* Memory that is gone cannot be read: our descriptor is that of the first program. */
static bool is_same_process(const struct mem *mem)
{
    char byte;
    for (size_t i = 0; i < mem->n_maps; i++)
        if (mem->maps[i].can_read && mem->maps[i].inode)
            return read_process(mem, mem->maps[i].start, &byte, 1) == 1;
    return false;
}

static void release_process(struct mem *mem)
{
    (void)mem;
}

static const struct mem_ops process_ops = {
    .read = read_process,
    .read_fast = read_pid,
    .is_same = is_same_process,
    .release = release_process,
};

bool mem_refresh(struct mem *mem, struct err *err)
{
    return !mem->proc || maps_read(mem->proc, &mem->arena, &mem->maps, &mem->n_maps, err);
}

struct mem *mem_of_process(const struct proc *proc, bool write, struct err *err)
{
    struct mem *mem = calloc(1, sizeof *mem);
    if (!mem) {
        err_nomem(err);
        return NULL;
    }
    *mem = (struct mem){.ops = &process_ops, .proc = proc, .fd = -1, .can_write = write};
    arena_init(&mem->arena);
    mem->name = arena_printf(&mem->arena, "process %d (%s)", (int)proc->pid, proc->comm);
    mem->executable = arena_printf(&mem->arena, "/proc/%d/exe", (int)proc->pid);
    if (!mem->name || !mem->executable) {
        err_nomem(err);
        goto fail;
    }
    mem->fd = openat(proc->dir_fd, "mem", (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (mem->fd < 0) {
        int error = errno;
        if (error == EACCES || error == EPERM)
            proc_not_permitted(proc->pid, write ? "write to the memory" : "read the memory", err);
        else if (!proc_runs(proc))
            err_set(err, ERR_INPUT, "%s has ended", mem->name);
        else if (error == ESRCH && tasks_state(proc, proc->pid) == 'Z')
            err_set(err, ERR_UNSUPPORTED,
                    "the main thread of %s has ended, and only its memory is looked at", mem->name);
        else if (error == ESRCH) /* it has no memory */
            err_set(err, ERR_INPUT,
                    "%s is a thread of the kernel; its CPU time is in the profile of all "
                    "processes: sonde record -a",
                    mem->name);
        else
            err_sys(err, error, "cannot read the memory of %s", mem->name);
        goto fail;
    }
    if (!mem_refresh(mem, err))
        goto fail;
    return mem;
fail:
    mem_free(mem);
    return NULL;
}
