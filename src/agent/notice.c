#include "agent/notice.h"

#include "agent/raw.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512 /* a pipe takes it whole or not at all */
#define VALUE_MAX 200

static void write_line(const char *line, size_t n)
{
    const uint64_t pipe_bit = 1ull << (SIGPIPE - 1);
    const struct timespec none = {0};
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
    uint64_t mask, pending = 0;
    if (raw4(SYS_poll, (long)&fd, 1, 0, 0) != 1 || fd.revents != POLLOUT)
        return;
    raw_sigmask(SIG_BLOCK, &pipe_bit, &mask);
    raw4(SYS_rt_sigpending, (long)&pending, 8, 0, 0);
    if (raw4(SYS_write, STDERR_FILENO, (long)line, (long)n, 0) == -EPIPE && !(pending & pipe_bit))
        raw4(SYS_rt_sigtimedwait, (long)&pipe_bit, 0, (long)&none, 8);
    raw_sigmask(SIG_SETMASK, &mask, NULL);
}

void notice_environment(const char *name, const char *value, const char *why, const char *instead)
{
    char line[LINE_MAX_BYTES];
    int n = snprintf(line, sizeof line, "sonde: %s=%.*s: %s%s%s\n", name, VALUE_MAX, value, why,
                     instead ? "; it serves at " : "", instead ? instead : "");
    if (n > 0)
        write_line(line, n < LINE_MAX_BYTES ? (size_t)n : sizeof line - 1);
}
