#include "os/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static ssize_t read_retry(int fd, void *buf, size_t n)
{
    ssize_t got;
    do
        got = read(fd, buf, n);
    while (got < 0 && errno == EINTR);
    return got;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static _Noreturn void child(const struct spawn_options *options, int gate_fd, int exec_fd)
{
    char go;
    if (read_retry(gate_fd, &go, 1) != 1)
        _exit(127);
    if (options->pid_slot)
        snprintf(options->pid_slot, SPAWN_PID_ROOM, "%d", (int)getpid());
    if (options->ignore_sigchld)
        signal(SIGCHLD, SIG_IGN);
    sigprocmask(SIG_SETMASK, options->mask, NULL);
    execvpe(options->argv[0], options->argv, options->envp);
    int e = errno;
    while (write(exec_fd, &e, sizeof e) < 0 && errno == EINTR)
        ;
    _exit(127);
}

bool spawn_start(struct spawn *spawn, const struct spawn_options *options, struct err *err)
{
    int gate[2] = {-1, -1}, exec[2] = {-1, -1};
    *spawn = (struct spawn){.gate_fd = -1, .exec_fd = -1};
    pid_t pid = -1;
    if (pipe2(gate, O_CLOEXEC) == 0 && pipe2(exec, O_CLOEXEC) == 0)
        pid = fork();
    if (pid < 0) {
        int e = errno;
        for (int i = 0; i < 2; i++) {
            close_fd(&gate[i]);
            close_fd(&exec[i]);
        }
        return err_sys(err, e, "cannot start a process");
    }
    if (pid == 0) {
        close(gate[1]);
        close(exec[0]);
        child(options, gate[0], exec[1]);
    }
    close(gate[0]);
    close(exec[1]);
    *spawn = (struct spawn){pid, gate[1], exec[0]};
    return true;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int spawn_go(struct spawn *spawn)
{
    int e = 0;
    /* A child killed at the gate makes this raise SIGPIPE or fail; the read
     * below then sees the end of the pipe, and waiting for it tells the rest. */
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    sigaction(SIGPIPE, &ignore, &old);
    while (write(spawn->gate_fd, "", 1) < 0 && errno == EINTR)
        ;
    sigaction(SIGPIPE, &old, NULL);
    close_fd(&spawn->gate_fd);
    if (read_retry(spawn->exec_fd, &e, sizeof e) != sizeof e)
        e = 0;
    close_fd(&spawn->exec_fd);
    if (e) {
        reap(spawn->pid);
        spawn->pid = 0;
    }
    return e;
}

void spawn_release(struct spawn *spawn)
{
    bool waiting = spawn->pid > 0 && spawn->gate_fd >= 0;
    close_fd(&spawn->gate_fd);
    close_fd(&spawn->exec_fd);
    if (waiting)
        reap(spawn->pid);
}
