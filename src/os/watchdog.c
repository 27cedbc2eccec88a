#include "os/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_SECONDS 5
#define FDS_MAX 4096 /* closed one by one where the kernel cannot close a range */

enum what { HELLO, NOTE, FORGET };

struct message {
    uint32_t what, slot;
    struct watchdog_word word;
};

struct watchdog {
    int fd; /* a socket; it ends when this is closed */
    pid_t pid;
};

/* --- in the watchdog: only what a fork of a process with threads may call --- */

static void put_back(int mem_fd, const struct watchdog_word *word)
{
    uint64_t now = 0;
    if (pread(mem_fd, &now, word->n_bytes, (off_t)word->address) == (ssize_t)word->n_bytes &&
        now == word->new_value) {
        ssize_t n = pwrite(mem_fd, &word->old_value, word->n_bytes, (off_t)word->address);
        (void)n; /* it has ended */
    }
}

static void close_from_to(int first, int last)
{
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
    for (int fd = first; fd <= last && fd < FDS_MAX; fd++)
        close(fd);
}

/* All but three descriptors. */
static void close_others(int a, int b, int c)
{
    int kept[3] = {a, b, c};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (kept[k] > kept[k + 1]) {
                int fd = kept[k];
                kept[k] = kept[k + 1];
                kept[k + 1] = fd;
            }
    int next = 0;
    for (int i = 0; i < 3; i++) {
        if (kept[i] < next)
            continue;
        close_from_to(next, kept[i] - 1);
        next = kept[i] + 1;
    }
    close_from_to(next, INT32_MAX);
}

static void watch(int fd, int mem_fd)
{
    struct watchdog_word words[WATCHDOG_SLOTS] = {0};
    struct message message = {.what = HELLO};
    do {
        if (message.what == NOTE)
            words[message.slot % WATCHDOG_SLOTS] = message.word;
        else if (message.what == FORGET)
            words[message.slot % WATCHDOG_SLOTS].n_bytes = 0;
        ssize_t sent = send(fd, &message, sizeof message, MSG_NOSIGNAL);
        (void)sent; /* the next read tells */
    } while (recv(fd, &message, sizeof message, 0) == sizeof message);
    for (int i = WATCHDOG_SLOTS; i-- > 0;)
        if (words[i].n_bytes)
            put_back(mem_fd, &words[i]);
}

/* --- in sonde --- */

static bool is_answered(const struct watchdog *watchdog, const struct message *message)
{
    struct message answer;
    ssize_t n;
    do {
        n = recv(watchdog->fd, &answer, sizeof answer, 0);
    } while (n < 0 && errno == EINTR);
    return n == sizeof answer && answer.what == message->what && answer.slot == message->slot;
}

/* All signals are blocked, here while it begins and there as long as it lives.  It stays our
 * child, so that the end of both leaves nothing to be waited for by others: where a container
 * has no process for that, it would be the program that we look at. */
static pid_t fork_watchdog(int fd, int mem_fd, int lock_fd, struct err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        err_set(err, ERR_IO, "cannot block signals");
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        prctl(PR_SET_NAME, "sonde-watchdog");
        close_others(fd, mem_fd, lock_fd < 0 ? fd : lock_fd);
        watch(fd, mem_fd);
        if (lock_fd >= 0)
            close(lock_fd); /* before the end that watchdog_free waits for */
        _exit(0);
    }
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        err_sys(err, error, "cannot start a watchdog");
    return pid;
}

struct watchdog *watchdog_start(const struct mem *mem, int lock_fd, struct err *err)
{
    int mem_fd = mem_write_fd(mem), fds[2];
    if (mem_fd < 0) {
        err_set(err, ERR_UNSUPPORTED, "%s cannot be written to", mem_name(mem));
        return NULL;
    }
    if (getpid() == 1) {
        err_set(err, ERR_UNSUPPORTED,
                "sonde is process 1 of its container: if it were killed, nothing could put %s back "
                "as it was; start it by another process (docker run --init)",
                mem_name(mem));
        return NULL;
    }
    struct watchdog *watchdog = malloc(sizeof *watchdog);
    if (!watchdog) {
        err_nomem(err);
        return NULL;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        err_sys(err, errno, "cannot make a socket for the watchdog");
        free(watchdog);
        return NULL;
    }
    watchdog->fd = fds[0];
    struct timeval limit = {.tv_sec = ANSWER_SECONDS};
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    watchdog->pid = fork_watchdog(fds[1], mem_fd, lock_fd, err);
    bool ok = watchdog->pid > 0;
    close(fds[1]);
    if (ok && !is_answered(watchdog, &(struct message){.what = HELLO}))
        ok = err_set(err, ERR_IO, "the watchdog does not answer");
    if (ok)
        return watchdog;
    watchdog_free(watchdog);
    return NULL;
}

static bool tell(struct watchdog *watchdog, const struct message *message)
{
    return send(watchdog->fd, message, sizeof *message, MSG_NOSIGNAL) == sizeof *message &&
           is_answered(watchdog, message);
}

bool watchdog_note(struct watchdog *watchdog, unsigned slot, const struct watchdog_word *word,
                   struct err *err)
{
    struct message message = {NOTE, slot, *word};
    return tell(watchdog, &message) ||
           err_set(err, ERR_IO, "the watchdog is gone: nothing is written");
}

void watchdog_forget(struct watchdog *watchdog, unsigned slot)
{
    struct message message = {.what = FORGET, .slot = slot};
    tell(watchdog, &message);
}

void watchdog_free(struct watchdog *watchdog)
{
    struct message message;
    if (!watchdog)
        return;
    /* Until it has put back what is left, and let go of the lock. */
    shutdown(watchdog->fd, SHUT_WR);
    while (recv(watchdog->fd, &message, sizeof message, 0) > 0) {
    }
    close(watchdog->fd);
    while (watchdog->pid > 0 && waitpid(watchdog->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    free(watchdog);
}
