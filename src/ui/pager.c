#include "ui/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool is_installed(const char *program)
{
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        char file[512];
        size_t n = strcspn(p, ":");
        snprintf(file, sizeof file, "%.*s/%s", (int)n, p, program);
        if (access(file, X_OK) == 0)
            return true;
        p += n + (p[n] == ':');
    }
    return false;
}

/* NULL: none. */
static const char *find_pager(void)
{
    const char *pager = getenv("PAGER");
    if (!pager)
        return is_installed("less") ? "less" : NULL;
    return *pager && strcmp(pager, "cat") != 0 ? pager : NULL;
}

size_t pager_rows(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) ||
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || !find_pager())
        return 0;
    return size.ws_row;
}

/* The environment, with a LESS if it has none; malloc'ed. */
static char **make_environment(void)
{
    static char less[] = "LESS=FRSX"; /* colours, long lines cut, no page for little */
    size_t n = 0;
    while (environ[n])
        n++;
    char **copy = calloc(n + 2, sizeof *copy);
    if (!copy)
        return NULL;
    memcpy(copy, environ, n * sizeof *copy);
    if (!getenv("LESS"))
        copy[n] = less;
    return copy;
}

bool pager_open(struct pager *pager, struct err *err)
{
    const char *command = find_pager();
    char **environment = make_environment();
    char *const argv[] = {"sh", "-c", (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    int to[2];
    *pager = (struct pager){0};
    if (!environment)
        return err_nomem(err);
    if (!command || pipe2(to, O_CLOEXEC) != 0) {
        free(environment);
        return err_sys(err, command ? errno : ENOENT, "cannot start a pager");
    }
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int status = posix_spawn(&pager->pid, "/bin/sh", &actions, &attributes, argv, environment);
    free(environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(to[0]);
    pager->fd = to[1];
    if (status == 0)
        return true;
    close(to[1]);
    *pager = (struct pager){0};
    return err_sys(err, status, "cannot start the pager '%s'", command);
}

bool pager_write(struct pager *pager, const char *data, size_t n)
{
    sigset_t pipe, old, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &old);
    ssize_t written = 0;
    while (n && written >= 0) {
        written = write(pager->fd, data, n);
        if (written < 0 && errno == EINTR)
            written = 0;
        if (written > 0) {
            data += written;
            n -= (size_t)written;
        }
    }
    sigpending(&pending);
    if (sigismember(&pending, SIGPIPE) && !sigismember(&old, SIGPIPE))
        sigtimedwait(&pipe, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return n == 0;
}

void pager_close(struct pager *pager)
{
    if (!pager->pid)
        return;
    close(pager->fd);
    while (waitpid(pager->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *pager = (struct pager){0};
}
