#include "ui/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK 65536

/* The program with its stdin and stdout at the other ends of two pipes. */
static bool start(char *const argv[], int in, int out, pid_t *pid, struct err *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t set;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attributes, &set);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int status = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return status == 0 || err_sys(err, status, "cannot run %s", argv[0]);
}

/* Write and read in turns, as the program takes and gives. */
static bool exchange(int *to, int from, const struct buf *in, struct buf *out, struct err *err)
{
    size_t done = 0;
    for (;;) {
        struct pollfd polls[2] = {{from, POLLIN, 0}, {*to, POLLOUT, 0}};
        if (done == in->len && *to >= 0) {
            close(*to);
            *to = polls[1].fd = -1;
        }
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            return err_sys(err, errno, "cannot wait for a program");
        if (polls[1].revents) {
            ssize_t n = send(*to, in->data + done, in->len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n > 0)
                done += (size_t)n;
            else if (n < 0 && errno != EAGAIN && errno != EINTR)
                done = in->len; /* it reads no further */
        }
        if (!polls[0].revents)
            continue;
        char *room = buf_reserve(out, CHUNK);
        if (!room)
            return err_nomem(err);
        ssize_t n = read(from, room, CHUNK);
        if (n == 0)
            return true;
        if (n > 0)
            out->len += (size_t)n;
        else if (errno != EINTR)
            return err_sys(err, errno, "cannot read from a program");
    }
}

bool filter_run(char *const argv[], const struct buf *in, struct buf *out, struct err *err)
{
    int to[2] = {-1, -1}, from[2] = {-1, -1}, status = 0;
    pid_t pid = -1;
    /* A socket pair is a pipe that can be told not to raise SIGPIPE. */
    bool ok = (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, to) == 0 &&
               pipe2(from, O_CLOEXEC) == 0) ||
              err_sys(err, errno, "cannot make a pipe");
    ok = ok && start(argv, to[1], from[1], &pid, err);
    if (to[1] >= 0)
        close(to[1]);
    if (from[1] >= 0)
        close(from[1]);
    ok = ok && exchange(&to[0], from[0], in, out, err);
    if (to[0] >= 0)
        close(to[0]);
    if (from[0] >= 0)
        close(from[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!ok || status == 0)
        return ok;
    return err_set(err, ERR_IO,
                   WIFSIGNALED(status) ? "%s was ended by signal %d" : "%s ended with status %d",
                   argv[0], WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}
