#include "collect/moment.h"

#include "base/reader.h"
#include "base/vec.h"
#include "collect/wire_read.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 2000

/* A process that was asked. */
struct asked {
    const char *path;
    uint32_t wanted;
};

/* The word is written through the descriptor and the futex only named: a file that was cut
 * short cannot raise SIGBUS here. */
static bool ask(const char *path, uint32_t wanted)
{
    const size_t at = offsetof(struct wire_header, n_moments_wanted);
    AUTO_FD fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || pwrite(fd, &wanted, sizeof wanted, (off_t)at) != sizeof wanted)
        return false;
    void *p = mmap(NULL, sizeof(struct wire_header), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return false;
    syscall(SYS_futex, (char *)p + at, FUTEX_WAKE, 1, NULL, NULL, 0);
    munmap(p, sizeof(struct wire_header));
    return true;
}

bool moment_is_alive(pid_t pid)
{
    char path[32], stat[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
    if (n <= 0)
        return false;
    stat[n] = '\0';
    const char *paren = strrchr(stat, ')'); /* the name in front may hold anything */
    return paren && paren[1] == ' ' && paren[2] != 'Z' && paren[2] != 'X';
}

bool moment_runs(char *const *files, size_t i, const struct wire_header *header)
{
    struct wire_header next; /* the files of a process follow one another, the newest last */
    bool is_last =
        !files[i + 1] || !wire_peek(files[i + 1], &next, NULL) || next.pid != header->pid;
    return header->state == WIRE_RUNNING && is_last && moment_is_alive(header->pid);
}

static bool has_answered(const struct asked *a)
{
    struct wire_header h;
    /* One that has ended meanwhile took a moment then. */
    return !wire_peek(a->path, &h, NULL) || h.n_moments_answered == a->wanted ||
           h.state != WIRE_RUNNING || (kill(h.pid, 0) != 0 && errno == ESRCH);
}

void moment_ask(const struct session *session, struct diag *diag)
{
    AUTO_ARENA arena;
    arena_init(&arena);
    VEC(struct asked) asked = {0};
    char **files = session_files(session, &arena, NULL);
    for (size_t i = 0; files && files[i]; i++) {
        struct wire_header h;
        if (wire_peek(files[i], &h, NULL) && (h.kinds & 1u << WIRE_GOROUTINE) &&
            moment_runs(files, i, &h) && ask(files[i], h.n_moments_wanted + 1) &&
            !vec_push(&asked, (struct asked){files[i], h.n_moments_wanted + 1}))
            break;
    }
    for (int ms = 0; ms < WAIT_MS && asked.n; ms++) {
        if (has_answered(&asked.items[asked.n - 1])) {
            asked.n--;
            continue;
        }
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    if (asked.n)
        diag_add(diag,
                 "%zu process%s did not answer: the threads are those of an earlier moment, "
                 "or none",
                 asked.n, asked.n == 1 ? "" : "es");
    vec_release(&asked);
}
