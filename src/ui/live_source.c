#include "ui/live_source.h"

#include "collect/live.h"
#include "os/proc.h"
#include "ui/tell.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The value of a variable in a process's environment; NULL: not there. */
static const char *variable(const struct buf *environment, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < environment->len; i += strlen(environment->data + i) + 1)
        if (strncmp(environment->data + i, name, n) == 0 && environment->data[i + n] == '=')
            return environment->data + i + n + 1;
    return NULL;
}

/* What stands behind `key` in /proc/PID/status: the `column`th number, or its last one. */
static long status_number(const struct buf *status, const char *key, int column)
{
    const char *line = status->len ? strstr(status->data, key) : NULL;
    long number = -1;
    if (!line)
        return -1;
    line += strlen(key);
    for (int i = 0; i <= column; i++) {
        char *end;
        long next = strtol(line, &end, 10);
        if (end == line || memchr(line, '\n', (size_t)(end - line)))
            break;
        number = next;
        line = end;
    }
    return number;
}

/* Does the process itself listen there?  Anybody may have made a socket of that name. */
static bool answers(const char *path, pid_t pid)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return false;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
              getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.pid == pid;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* How a user is called inside the process's own user namespace. */
static long inner_uid(const struct proc *proc, long uid)
{
    AUTO_BUF map = {0};
    if (!proc_text(proc, "uid_map", &map, NULL) || map.len == 0)
        return uid;
    long inner, outer, n;
    int used;
    for (const char *p = buf_str(&map); sscanf(p, "%ld %ld %ld%n", &inner, &outer, &n, &used) == 3;
         p += used)
        if (uid >= outer && uid - outer < n)
            return inner + (uid - outer);
    return uid;
}

/* FOLDER/PID.sock, with the folders and the pid as the process sees them. */
static bool find_socket(const struct proc *proc, char *path, size_t size)
{
    AUTO_BUF environment = {0};
    AUTO_BUF status = {0};
    if (!proc_text(proc, "environ", &environment, NULL) ||
        !proc_text(proc, "status", &status, NULL))
        return false;
    const char *runtime = variable(&environment, "XDG_RUNTIME_DIR");
    long pid = status_number(&status, "\nNSpid:", 1 << 10),
         uid = inner_uid(proc, status_number(&status, "\nUid:", 1));
    /* Servers write their titles over it (PostgreSQL's do): then it is most likely ours. */
    if (!runtime && pid == proc->pid)
        runtime = getenv("XDG_RUNTIME_DIR");
    for (int i = 0; i < 4; i++) {
        char root[32] = "";
        if (i < 2) /* a socket's path may not be long: the shorter one first */
            snprintf(root, sizeof root, "%s", "");
        else
            snprintf(root, sizeof root, "/proc/%d/root", (int)proc->pid);
        bool by_runtime = i % 2 == 0;
        if (by_runtime && !(runtime && runtime[0] == '/'))
            continue;
        int n = by_runtime ? snprintf(path, size, "%s%s/sonde/%ld.sock", root, runtime, pid)
                           : snprintf(path, size, "%s/tmp/sonde-%ld/%ld.sock", root, uid, pid);
        if (n > 0 && (size_t)n < size && answers(path, proc->pid))
            return true;
    }
    return false;
}

/* What a program that tells by itself is not asked for. */
static void tell_ignored(const struct live_name *name, struct diag *diag)
{
    const struct {
        bool is_set;
        const char *what;
    } all[] = {{name->gc, "gc"},
               {name->enable, "enable"},
               {name->consistent, "consistent"},
               {name->hz != 0, "hz (-F)"},
               {name->rate != 0, "rate"}};
    AUTO_BUF names = {0};
    unsigned n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].is_set)
            buf_printf(&names, "%s%s", n++ ? ", " : "", all[i].what);
    if (n)
        diag_add(diag,
                 "process %d runs under libsonde and tells by itself: %s make%s no difference",
                 (int)name->pid, buf_str(&names), n == 1 ? "s" : "");
}

bool live_source_server(const struct live_name *name, struct buf *url, struct diag *diag)
{
    struct proc proc;
    char path[256];
    if (!name->pid || !proc_open(&proc, name->pid, NULL))
        return false;
    bool found = find_socket(&proc, path, sizeof path);
    proc_release(&proc);
    if (!found)
        return false;
    tell_ignored(name, diag);
    buf_printf(url, "unix:%s/debug/pprof/%s", path,
               strcmp(name->kind, "cpu") == 0 ? "profile" : name->kind);
    if (name->seconds > 0)
        buf_printf(url, "?seconds=%.0f", name->seconds < 1 ? 1 : name->seconds);
    return !url->failed;
}

/* --- from outside --- */

/* Ctrl-C ends the collecting of all sources; what was collected is shown.  Another Ctrl-C is as
 * usual. */
static volatile sig_atomic_t is_interrupted;
static pthread_mutex_t collecting_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned n_collecting;
static struct sigaction usual_action;

static void on_interrupt(int signo)
{
    (void)signo;
    is_interrupted = 1;
}

static bool stop(void *arg)
{
    (void)arg;
    return is_interrupted;
}

struct collecting {
    const struct live_name *name;
    bool has_begun;
};

static void begin_collecting(void *arg, double seconds)
{
    struct collecting *c = arg;
    c->has_begun = true;
    pthread_mutex_lock(&collecting_mutex);
    if (n_collecting++ == 0) {
        const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
        sigaction(SIGINT, NULL, &usual_action);
        if (usual_action.sa_handler != SIG_IGN)
            sigaction(SIGINT, &action, NULL);
    }
    pthread_mutex_unlock(&collecting_mutex);
    tell("Collecting %s of process %d for %g s%s", c->name->kind, (int)c->name->pid, seconds,
         isatty(STDERR_FILENO) ? ", or until Ctrl-C" : "");
}

static void end_collecting(const struct collecting *c)
{
    pthread_mutex_lock(&collecting_mutex);
    if (c->has_begun && --n_collecting == 0) {
        sigaction(SIGINT, &usual_action, NULL);
        if (is_interrupted && isatty(STDERR_FILENO))
            fputc('\n', stderr); /* after the terminal's ^C */
        is_interrupted = 0;
    }
    pthread_mutex_unlock(&collecting_mutex);
}

struct profile *live_source_profile(const struct live_name *name, struct diag *diag,
                                    struct err *err)
{
    struct collecting collecting = {.name = name};
    struct live_options options = {.seconds = name->seconds,
                                   .hz = name->hz,
                                   .gc = name->gc,
                                   .enable = name->enable,
                                   .consistent = name->consistent,
                                   .stop = stop,
                                   .began = begin_collecting,
                                   .arg = &collecting};
    struct live_part part = {.kind = name->kind, .rate = name->rate};
    struct live *live = name->core ? live_open_core(name->core, name->exe, err)
                                   : live_open_process(name->pid, name->gc || name->enable, err);
    if (!live)
        return NULL;
    live_take(live, &part, 1, &options, diag);
    end_collecting(&collecting);
    live_free(live);
    if (part.err.code)
        *err = part.err;
    return part.profile;
}
