#include "os/tasks.h"

#include "base/vec.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The beginning of a small file; false when it cannot be read. */
static bool read_text(const struct proc *proc, const char *name, char *text, size_t size)
{
    int fd = openat(proc->dir_fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* The last number of "NSpid:": that of the innermost namespace; 0 when there is none. */
static pid_t inner_pid(const struct proc *proc, const char *status)
{
    char text[4096];
    if (!read_text(proc, status, text, sizeof text))
        return 0;
    char *line = strstr(text, "\nNSpid:");
    if (!line)
        return 0;
    line[1 + strcspn(line + 1, "\n")] = '\0';
    char *last = strrchr(line, '\t');
    return last ? (pid_t)atoi(last + 1) : 0;
}

bool tasks_read(const struct proc *proc, struct task_list *list, struct err *err)
{
    /* Only a process in a namespace of its own has another number for itself. */
    pid_t inner = inner_pid(proc, "status");
    bool is_inner = inner && inner != proc->pid;
    list->n = 0;
    int fd = proc_file(proc, "task", O_RDONLY | O_DIRECTORY, err);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0) {
            close(fd);
            err_nomem(err);
        }
        return false;
    }
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        struct task task = {.tid = (pid_t)atoi(entry->d_name)};
        task.inner = task.tid;
        if (is_inner) {
            char status[64];
            snprintf(status, sizeof status, "task/%d/status", (int)task.tid);
            task.inner = inner_pid(proc, status);
        }
        ok = vec_push(list, task);
    }
    closedir(dir);
    if (!ok)
        return err_nomem(err);
    return list->n > 0 || err_set(err, ERR_INPUT, "process %d has ended", (int)proc->pid);
}

char tasks_state(const struct proc *proc, pid_t tid)
{
    char name[64], text[512];
    snprintf(name, sizeof name, "task/%d/stat", (int)tid);
    if (!read_text(proc, name, text, sizeof text))
        return 0;
    const char *p = strrchr(text, ')'); /* the name before may hold anything */
    return p && p[1] == ' ' ? p[2] : 0;
}

bool tasks_blocked(const struct proc *proc, pid_t tid, uint64_t *pc, uint64_t *sp)
{
    int64_t call;
    return tasks_waits(proc, tid, &call, pc, sp) == TASK_WAITS;
}

enum task_state tasks_waits(const struct proc *proc, pid_t tid, int64_t *call, uint64_t *pc,
                            uint64_t *sp)
{
    char name[64], text[512];
    snprintf(name, sizeof name, "task/%d/syscall", (int)tid);
    if (!read_text(proc, name, text, sizeof text))
        return TASK_GONE;
    if (text[0] == 'r') /* "running" */
        return TASK_RUNS;
    /* "NUMBER ARGUMENTS... SP PC", of a thread that ends without the last two */
    *call = strtoll(text, NULL, 10);
    char *last = strrchr(text, ' ');
    if (!last)
        return TASK_GONE;
    *pc = strtoull(last, NULL, 16);
    *last = '\0';
    last = strrchr(text, ' ');
    if (!last)
        return TASK_GONE;
    *sp = strtoull(last, NULL, 16);
    return *pc && *sp ? TASK_WAITS : TASK_GONE;
}

bool tasks_look(const struct proc *proc, pid_t tid, struct task_look *look)
{
    char name[64], text[1024];
    *look = (struct task_look){0};
    snprintf(name, sizeof name, "task/%d/stat", (int)tid);
    if (!read_text(proc, name, text, sizeof text))
        return false;
    const char *first = strchr(text, '('), *last = strrchr(text, ')');
    if (!first || !last || last[1] != ' ')
        return false;
    snprintf(look->name, sizeof look->name, "%.*s", (int)(last - first - 1), first + 1);
    look->state = last[2];
    return tasks_clock(proc, tid, &look->clock);
}

bool tasks_clock(const struct proc *proc, pid_t tid, struct task_clock *clock)
{
    char name[64], text[128], *end;
    snprintf(name, sizeof name, "task/%d/schedstat", (int)tid);
    if (!read_text(proc, name, text, sizeof text))
        return false;
    clock->cpu_ns = strtoull(text, &end, 10);
    strtoull(end, &end, 10); /* the time that it waited for a processor */
    clock->n_runs = strtoull(end, &end, 10);
    return true;
}

bool tasks_sleeps(const struct proc *proc, pid_t tid, uint64_t *n_sleeps)
{
    static const char key[] = "\nvoluntary_ctxt_switches:";
    char name[64], text[4096];
    snprintf(name, sizeof name, "task/%d/status", (int)tid);
    const char *line = read_text(proc, name, text, sizeof text) ? strstr(text, key) : NULL;
    *n_sleeps = line ? strtoull(line + strlen(key), NULL, 10) : 0;
    return line != NULL;
}
