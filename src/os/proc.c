#include "os/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fields of /proc/PID/stat: proc(5). */
#define STATE_FIELD 3
#define THREADS_FIELD 20
#define START_FIELD 22
#define READ_BYTES 16384
#define NAMES_MAX 4096 /* that are listed */
#define NAME_BYTES 32

/* Whether it has ended, and when it started; false when there is none. */
static bool read_stat(int dir_fd, bool *has_ended, uint64_t *start_ticks)
{
    char text[1024];
    int fd = openat(dir_fd, "stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    /* The name stands in parentheses and may hold anything. */
    const char *p = strrchr(text, ')');
    if (!p || p[1] != ' ' || !p[2])
        return false;
    char state = p[2];
    unsigned long n_threads = 0;
    p++;
    for (int field = STATE_FIELD; field < START_FIELD; field++) {
        p = strchr(p + 1, ' ');
        if (!p)
            return false;
        if (field + 1 == THREADS_FIELD)
            n_threads = strtoul(p, NULL, 10);
    }
    *start_ticks = strtoull(p, NULL, 10);
    /* A zombie with other threads is a main thread that has ended before them. */
    *has_ended = (state == 'Z' && n_threads <= 1) || state == 'X' || state == 'x';
    return true;
}

static bool no_such_process(pid_t pid, struct err *err)
{
    return err_set(err, ERR_INPUT, "there is no process %d", (int)pid);
}

bool proc_open(struct proc *proc, pid_t pid, struct err *err)
{
    char path[32];
    bool has_ended;
    *proc = (struct proc){.pid = pid, .dir_fd = -1};
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    int fd = pid > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0 && pid > 0 && errno != ENOENT)
        return err_sys(err, errno, "cannot open '%s'", path);
    if (fd < 0 || !read_stat(fd, &has_ended, &proc->start_ticks) || has_ended) {
        if (fd >= 0)
            close(fd);
        return no_such_process(pid, err);
    }
    int comm = openat(fd, "comm", O_RDONLY | O_CLOEXEC);
    ssize_t n = comm < 0 ? -1 : read(comm, proc->comm, sizeof proc->comm - 1);
    if (comm >= 0)
        close(comm);
    proc->comm[n > 0 ? n : 0] = '\0';
    proc->comm[strcspn(proc->comm, "\n")] = '\0';
    proc->dir_fd = fd;
    return true;
}

void proc_release(struct proc *proc)
{
    if (proc->pid && proc->dir_fd >= 0)
        close(proc->dir_fd);
    *proc = (struct proc){0};
}

bool proc_runs(const struct proc *proc)
{
    bool has_ended;
    uint64_t start_ticks;
    return read_stat(proc->dir_fd, &has_ended, &start_ticks) && start_ticks == proc->start_ticks &&
           !has_ended;
}

bool proc_cpu(const struct proc *proc, uint64_t *user_ns, uint64_t *system_ns)
{
    char text[1024];
    int fd = proc_runs(proc) ? openat(proc->dir_fd, "stat", O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *p = strrchr(text, ')');
    unsigned long long user, system;
    if (!p ||
        sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
        return false;
    uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    *user_ns = user * tick_ns;
    *system_ns = system * tick_ns;
    return true;
}

/* The value of a sysctl, or -1. */
static int sysctl_number(const char *path)
{
    char text[16] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    return n > 0 ? atoi(text) : -1;
}

bool proc_not_permitted(pid_t pid, const char *what, struct err *err)
{
    int scope = sysctl_number("/proc/sys/kernel/yama/ptrace_scope");
    if (geteuid() == 0)
        return err_set(err, ERR_PERM,
                       "cannot %s of process %d: not permitted, also to root: CAP_SYS_PTRACE is "
                       "missing, or the process is not of this user namespace",
                       what, (int)pid);
    return err_set(err, ERR_PERM,
                   "cannot %s of process %d: not permitted; be root, or have CAP_SYS_PTRACE%s",
                   what, (int)pid,
                   scope > 0 ? ", or set the sysctl kernel.yama.ptrace_scope to 0 where it runs "
                               "as the same user"
                             : "; it runs as another user, in a namespace of its own, or has "
                               "capabilities");
}

int proc_file(const struct proc *proc, const char *name, int flags, struct err *err)
{
    int fd = openat(proc->dir_fd, name, flags | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (errno == EACCES || errno == EPERM) {
        char what[64];
        snprintf(what, sizeof what, "open '%s'", name);
        proc_not_permitted(proc->pid, what, err);
    } else if (errno == ESRCH || (errno == ENOENT && !proc_runs(proc))) {
        err_set(err, ERR_INPUT, "process %d has ended", (int)proc->pid);
    } else {
        err_sys(err, errno, "cannot open '/proc/%d/%s'", (int)proc->pid, name);
    }
    return -1;
}

bool proc_text(const struct proc *proc, const char *name, struct buf *out, struct err *err)
{
    int fd = proc_file(proc, name, O_RDONLY, err);
    if (fd < 0)
        return false;
    for (;;) {
        char *p = buf_reserve(out, READ_BYTES);
        ssize_t n = p ? read(fd, p, READ_BYTES) : 0;
        if (n < 0) {
            int error = errno;
            close(fd);
            return error == ESRCH ? err_set(err, ERR_INPUT, "process %d has ended", (int)proc->pid)
                   : error == EACCES || error == EPERM
                       ? proc_not_permitted(proc->pid, "read the memory map", err)
                       : err_sys(err, error, "cannot read '/proc/%d/%s'", (int)proc->pid, name);
        }
        if (n == 0)
            break;
        p[n] = '\0';
        out->len += (size_t)n;
    }
    close(fd);
    return !out->failed || err_nomem(err);
}

/* --- by name --- */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The first NUL-terminated text of a file below a folder of /proc. */
static bool first_text(int dir_fd, const char *name, char *text, size_t size)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return n > 0;
}

static bool is_called(int dir_fd, const char *name)
{
    char text[4096];
    bool has_ended;
    uint64_t start_ticks;
    if (!read_stat(dir_fd, &has_ended, &start_ticks) || has_ended)
        return false;
    if (first_text(dir_fd, "comm", text, sizeof text) && strcmp(text, name) == 0)
        return true;
    if (first_text(dir_fd, "cmdline", text, sizeof text) && strcmp(last_part(text), name) == 0)
        return true;
    ssize_t n = readlinkat(dir_fd, "exe", text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return n > 0 && strcmp(last_part(text), name) == 0;
}

size_t proc_find(const char *name, pid_t *pids, size_t max)
{
    size_t n = 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
        int fd = pid > 0 && pid != getpid()
                     ? openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                     : -1;
        if (fd < 0)
            continue;
        if (is_called(fd, name)) {
            if (n < max)
                pids[n] = pid;
            n++;
        }
        close(fd);
    }
    if (dir)
        closedir(dir);
    return n;
}

static bool name_of(int dir_fd, char *name, size_t size)
{
    char exe[8];
    return readlinkat(dir_fd, "exe", exe, sizeof exe) > 0 &&
           first_text(dir_fd, "comm", name, size) && name[0];
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

void proc_names(struct buf *out)
{
    char names[NAMES_MAX][NAME_BYTES];
    size_t n = 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *entry; dir && n < NAMES_MAX && (entry = readdir(dir));) {
        int fd = isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != getpid()
                     ? openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                     : -1;
        n += fd >= 0 && name_of(fd, names[n], NAME_BYTES);
        if (fd >= 0)
            close(fd);
    }
    if (dir)
        closedir(dir);
    qsort(names, n, NAME_BYTES, compare_names);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            buf_printf(out, "%s\n", names[i]);
}
