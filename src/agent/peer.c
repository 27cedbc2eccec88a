#include "agent/peer.h"

#include "agent/peek.h"
#include "agent/raw.h"
#include "unwind/walk.h"

#include <fcntl.h>

long peer_open_tasks(void)
{
    return raw4(SYS_openat, AT_FDCWD, (long)"/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                0);
}

long peer_file(long tasks, int tid, const char *name, char *text, long size)
{
    char path[48], digits[12];
    int n = 0, at = 0;
    for (unsigned left = (unsigned)tid; left || n == 0; left /= 10)
        digits[n++] = (char)('0' + left % 10);
    while (n)
        path[at++] = digits[--n];
    path[at++] = '/';
    strcpy(path + at, name);
    long fd = raw4(SYS_openat, tasks, (long)path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    long n_read = raw4(SYS_read, fd, (long)text, size - 1, 0);
    raw4(SYS_close, fd, 0, 0, 0);
    text[n_read > 0 ? n_read : 0] = '\0';
    return n_read;
}

/* The next number of a line, decimal or hexadecimal after 0x. */
static bool next_number(const char **text, uint64_t *value)
{
    const char *p = *text;
    while (*p == ' ')
        p++;
    bool negative = *p == '-', hex = p[0] == '0' && p[1] == 'x';
    p += negative ? 1 : hex ? 2 : 0;
    const char *first = p;
    uint64_t v = 0;
    for (;; p++) {
        uint64_t digit = *p >= '0' && *p <= '9'          ? (uint64_t)(*p - '0')
                         : hex && *p >= 'a' && *p <= 'f' ? (uint64_t)(*p - 'a' + 10)
                                                         : 16;
        if (digit == 16)
            break;
        v = v * (hex ? 16 : 10) + digit;
    }
    *value = negative ? -v : v;
    *text = p;
    return p > first;
}

uint64_t peer_clock_ns(int tid)
{
    /* The thread's CPU clock, as the kernel numbers clocks (CPUCLOCK_PERTHREAD | SCHED). */
    return raw_clock_ns((clockid_t)(~(uint32_t)tid << 3 | 6));
}

/* A thread that runs uses CPU time. */
static bool has_not_run(const struct peer *peer)
{
    return peer_clock_ns(peer->tid) == peer->clock_ns;
}

void peer_at(struct peer *peer, uint64_t pc, uint64_t sp, uint64_t bp)
{
    peer->pc = pc;
    peer->sp = sp;
    peer->bp = bp;
    peer->windows[0].n = peer->windows[1].n = 0;
}

enum peer_state peer_look(struct peer *peer, long tasks, int tid)
{
    char line[256];
    const char *p = line;
    uint64_t call;
    peer_at(peer, 0, 0, WALK_BP_LOST);
    peer->is_still = has_not_run;
    peer->tid = tid;
    peer->clock_ns = peer_clock_ns(tid);
    /* "running", "NUMBER 6 ARGUMENTS SP PC" or "-1 SP PC" */
    if (peer_file(tasks, tid, "syscall", line, sizeof line) <= 0)
        return PEER_GONE;
    if (*p == 'r')
        return PEER_RUNS;
    if (!next_number(&p, &call))
        return PEER_GONE;
    peer->call = (long)call;
    for (int i = 0; i < 6; i++) {
        peer->args[i] = 0;
        if (peer->call != PEER_NO_CALL && !next_number(&p, &peer->args[i]))
            return PEER_GONE;
    }
    /* A thread that ends has none. */
    return next_number(&p, &peer->sp) && next_number(&p, &peer->pc) && peer->sp && peer->pc
               ? PEER_BLOCKED
               : PEER_GONE;
}

/* Bytes read, fewer where memory ends; below 0: none. */
static long copy(void *to, uint64_t from, uint64_t n)
{
    long asked = peek_ask(to, from, n);
    if (asked >= 0)
        return asked;
    /* Perhaps forbidden: the same by a file, which is not kept. */
    long fd = raw4(SYS_openat, AT_FDCWD, (long)"/proc/self/mem", O_RDONLY | O_CLOEXEC, 0),
         rc = fd < 0 ? fd : raw4(SYS_pread64, fd, (long)to, (long)n, (long)from);
    if (fd >= 0)
        raw4(SYS_close, fd, 0, 0, 0);
    return rc;
}

static bool in(const struct peer_window *w, uint64_t address)
{
    return address >= w->lo && address - w->lo < w->n && w->n - (address - w->lo) >= 8;
}

bool peer_read(struct peer *peer, uint64_t address, uint64_t *value)
{
    struct peer_window *w = &peer->windows[0];
    if (!in(w, address)) {
        uint64_t from = address;
        if (w->n)
            w = &peer->windows[1];
        else if (address - peer->sp < 4096)
            from = peer->sp;
        if (!in(w, address)) {
            /* To the end of the page, or of the next. */
            uint64_t n = 4096 - from % 4096;
            long got = copy(w->bytes, from, n < 1024 ? n + 4096 : n);
            w->lo = from;
            w->n = got > 0 ? (uint64_t)got : 0;
            if (!in(w, address)) {
                w->n = 0;
                return false;
            }
        }
    }
    memcpy(value, w->bytes + (address - w->lo), sizeof *value);
    return true;
}
