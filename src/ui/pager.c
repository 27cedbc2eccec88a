#include "ui/pager.h"

#include "ui/output.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_longer_than_screen(const struct buf *text)
{
    struct winsize size;
    size_t n = 0;
    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) ||
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
        return false;
    for (size_t i = 0; i < text->len; i++)
        n += text->data[i] == '\n';
    return n >= size.ws_row;
}

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

bool pager_show(const struct buf *text, struct err *err)
{
    const char *pager = getenv("PAGER");
    if (!pager && is_installed("less"))
        pager = "less";
    if (!pager || !*pager || !strcmp(pager, "cat") || !is_longer_than_screen(text))
        return output_stdout(text, err);
    if (text->failed)
        return err_nomem(err);
    setenv("LESS", "FRSX", 0);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old_int, old_pipe;
    sigaction(SIGINT, &ignore, &old_int);
    sigaction(SIGPIPE, &ignore, &old_pipe);
    FILE *to = popen(pager, "we");
    bool ok = to != NULL || err_sys(err, errno, "cannot start the pager '%s'", pager);
    if (to) {
        /* It may end before it has read all. */
        (void)fwrite(text->data, 1, text->len, to);
        (void)pclose(to);
    }
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGPIPE, &old_pipe, NULL);
    return ok;
}
