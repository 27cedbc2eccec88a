/* The memory of a process: /proc/PID/mem, which stays that of the program it was opened for
 * (an exec or another process with its pid later is not read). */
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

/* "START-LIMIT rwxp OFFSET DEV INODE   PATH" */
static bool parse_map(struct arena *arena, char *line, struct mem_map *map)
{
    unsigned long long start, limit, offset, inode;
    char mode[5];
    int n = 0;
    if (sscanf(line, "%llx-%llx %4s %llx %*s %llu %n", &start, &limit, mode, &offset, &inode, &n) <
            5 ||
        !n || limit < start)
        return false;
    static const char deleted[] = " (deleted)";
    size_t len = strlen(line + n), n_deleted = sizeof deleted - 1;
    if (len > n_deleted && strcmp(line + n + len - n_deleted, deleted) == 0)
        len -= n_deleted;
    *map = (struct mem_map){.start = start,
                            .limit = limit,
                            .offset = offset,
                            .can_read = mode[0] == 'r',
                            .can_write = mode[1] == 'w',
                            .can_exec = mode[2] == 'x',
                            .inode = inode,
                            .path = len ? arena_strndup(arena, line + n, len) : ""};
    return map->path != NULL;
}

bool mem_refresh(struct mem *mem, struct err *err)
{
    AUTO_BUF text = {0};
    if (!mem->proc)
        return true;
    if (!proc_text(mem->proc, "maps", &text, err))
        return false;
    size_t n_lines = 0, n = 0;
    for (const char *p = text.len ? text.data : NULL; p && (p = strchr(p, '\n')); p++)
        n_lines++;
    struct mem_map *maps = ARENA_ARRAY(&mem->arena, struct mem_map, n_lines + 1);
    if (!maps)
        return err_nomem(err);
    char *rest = NULL;
    for (char *line = text.len ? strtok_r(text.data, "\n", &rest) : NULL; line && n < n_lines;
         line = strtok_r(NULL, "\n", &rest))
        n += parse_map(&mem->arena, line, &maps[n]);
    mem->maps = maps;
    mem->n_maps = n;
    return true;
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
