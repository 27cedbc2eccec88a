/* The memory of a process: /proc/PID/mem, which stays that of the program it was opened for
 * (an exec or another process with its pid later is not read). */
#include "os/maps.h"
#include "os/mem_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void release_process(struct mem *mem)
{
    (void)mem;
}

static const struct mem_ops process_ops = {read_process, release_process};

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
        if (errno == EACCES || errno == EPERM)
            proc_not_permitted(proc->pid, write ? "write to the memory" : "read the memory", err);
        else if (!proc_runs(proc))
            err_set(err, ERR_INPUT, "%s has ended", mem->name);
        else
            err_sys(err, errno, "cannot read the memory of %s", mem->name);
        goto fail;
    }
    if (!mem_refresh(mem, err))
        goto fail;
    return mem;
fail:
    mem_free(mem);
    return NULL;
}
