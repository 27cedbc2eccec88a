#include "ui/viewer.h"

#include "base/vec.h"
#include "ui/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_WORDS 32
#define HANDED_OVER_S 3 /* a viewer that ends sooner was only a messenger */

/* A viewer that runs, and what it shows. */
struct viewing {
    pid_t pid;
    bool is_url;       /* `path` is one, and not a file of ours */
    char *name, *path; /* malloc'ed */
    struct timespec began;
};

static void viewing_free(struct viewing *v)
{
    free(v->name);
    free(v->path);
    free(v);
}

/* A new file in the folder for temporary ones. */
static char *write_temporary(const struct buf *out, const char *ext, struct err *err)
{
    const char *folder = getenv("TMPDIR");
    char *path = NULL;
    int fd = -1;
    for (int i = 1; i < 10000 && fd < 0; i++) {
        free(path);
        if (asprintf(&path, "%s/pprof%03d.%s", folder && *folder ? folder : "/tmp", i, ext) < 0) {
            err_nomem(err);
            return NULL;
        }
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    bool ok = fd >= 0;
    for (size_t done = 0; ok && done < out->len;) {
        ssize_t n = write(fd, out->data + done, out->len - done);
        if (n > 0)
            done += (size_t)n;
        else
            ok = n < 0 && errno == EINTR;
    }
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (ok)
        return path;
    err_sys(err, why, "cannot write %s", path);
    if (fd >= 0)
        unlink(path);
    free(path);
    return NULL;
}

/* Start "PROGRAM ARGUMENTS" with the file; 0, or the errno. */
static int start(const char *command, struct viewing *v, bool beside)
{
    char words[1024], *argv[MAX_WORDS + 2], *place = NULL;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    sigset_t none, defaults;
    int n = 0;
    snprintf(words, sizeof words, "%s", command);
    for (char *w = strtok_r(words, " ", &place); w && n < MAX_WORDS;
         w = strtok_r(NULL, " ", &place))
        argv[n++] = w;
    argv[n] = v->path;
    argv[n + 1] = NULL;
    if (n == 0)
        return ENOENT;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes,
                             (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                     (beside ? POSIX_SPAWN_SETPGROUP : 0))); /* no Ctrl-C for it */
    posix_spawn_file_actions_init(&files);
    if (v->is_url) /* browsers talk */
        posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int status = posix_spawnp(&v->pid, argv[0], &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (status)
        return status;
    clock_gettime(CLOCK_MONOTONIC, &v->began);
    v->name = strdup(argv[0]);
    return v->name ? 0 : ENOMEM;
}

/* Those to try, the likeliest first; a browser can be several. */
static size_t list_commands(const char *viewer, const char *commands[8])
{
    static const char *const browsers[] = {"chrome", "google-chrome", "chromium", "firefox",
                                           "sensible-browser"};
    const char *own = getenv("BROWSER"), *x = getenv("DISPLAY"),
               *wayland = getenv("WAYLAND_DISPLAY");
    size_t n = 0;
    if (strcmp(viewer, "browser") != 0) {
        commands[n++] = viewer;
        return n;
    }
    if (own && *own)
        commands[n++] = own;
    for (size_t i = 0; i < sizeof browsers / sizeof *browsers; i++)
        commands[n++] = browsers[i];
    if ((x && *x) || (wayland && *wayland))
        commands[n++] = "xdg-open"; /* last: it may choose a program without scripts */
    return n;
}

/* Wait for its end; false and *err if that was a failure. */
static bool attend(struct viewing *v, bool beside, struct err *err)
{
    int status = 0;
    struct timespec now;
    while (waitpid(v->pid, &status, 0) < 0 && errno == EINTR)
        ;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (v->is_url)
        return true;
    if (status)
        return err_set(err, ERR_IO,
                       WIFSIGNALED(status) ? "%s was ended by signal %d; the file is %s"
                                           : "%s ended with status %d; the file is %s",
                       v->name, WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                       v->path);
    if (now.tv_sec - v->began.tv_sec >= HANDED_OVER_S)
        unlink(v->path);
    else if (!beside)
        tell("%s shows %s", v->name, v->path);
    return true;
}

static void *attend_beside(void *arg)
{
    struct viewing *v = arg;
    struct err err = {0};
    if (!attend(v, true, &err))
        tell_err(&err);
    viewing_free(v);
    return NULL;
}

/* A thread that takes `v` over; it leaves signals to the others. */
static bool start_attending(struct viewing *v)
{
    pthread_t thread;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    bool ok = pthread_create(&thread, NULL, attend_beside, v) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (ok)
        pthread_detach(thread);
    return ok;
}

static bool none_there(const struct report_ops *report, int why, const char *command, bool is_shell,
                       struct err *err)
{
    const char *instead = is_shell ? "> FILE" : "-output";
    if (!strcmp(report->viewer, "browser"))
        return err_set(err, ERR_UNSUPPORTED,
                       "no browser is there (BROWSER can name one); %s writes to a file", instead);
    if (why == ENOENT)
        return err_set(err, ERR_UNSUPPORTED, "%.*s is not there; %s writes to a file",
                       (int)strcspn(command, " "), command, instead);
    return err_sys(err, why, "cannot start %s", command);
}

bool viewer_show(const struct report_ops *report, const struct buf *out, bool wait, struct err *err)
{
    const char *commands[8];
    size_t n = list_commands(report->viewer, commands);
    int why = ENOENT;
    if (out->failed)
        return err_nomem(err);
    struct viewing *v = calloc(1, sizeof *v);
    if (!v)
        return err_nomem(err);
    v->path = write_temporary(out, report->ext, err);
    if (!v->path) {
        viewing_free(v);
        return false;
    }
    for (size_t i = 0; i < n && why; i++)
        why = start(commands[i], v, !wait);
    if (why) {
        unlink(v->path);
        viewing_free(v);
        return none_there(report, why, commands[n - 1], !wait, err);
    }
    if (!wait && start_attending(v))
        return true;
    bool ok = attend(v, false, err);
    viewing_free(v);
    return ok;
}

bool viewer_open_url(const char *url)
{
    const char *commands[8], *browser = getenv("BROWSER"), *x = getenv("DISPLAY"),
                             *wayland = getenv("WAYLAND_DISPLAY");
    /* Without a screen they would be started in vain, and say so at length. */
    bool has_screen = (browser && *browser) || (x && *x) || (wayland && *wayland);
    size_t n = has_screen ? list_commands("browser", commands) : 0;
    struct viewing *v = calloc(1, sizeof *v);
    if (!v)
        return false;
    v->is_url = true;
    v->path = strdup(url);
    int why = ENOENT;
    for (size_t i = 0; i < n && why && v->path; i++)
        why = start(commands[i], v, true);
    if (!why && start_attending(v))
        return true;
    viewing_free(v);
    return !why;
}
