#include "sym/debuginfod.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct debuginfod_client;

struct library {
    struct debuginfod_client *(*begin)(void);
    void (*end)(struct debuginfod_client *);
    int (*find)(struct debuginfod_client *, const unsigned char *, int, char **);
    void (*set_progress)(struct debuginfod_client *,
                         int (*)(struct debuginfod_client *, long, long));
};

static atomic_bool is_noted, is_given_up;
static _Thread_local time_t deadline_s;

static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* Called every second; true ends the transfer.  The size is known, and not 0,
 * from when a server has answered; how slow a transfer may be then is the
 * library's matter (DEBUGINFOD_TIMEOUT). */
static int is_out_of_patience(struct debuginfod_client *client, long done, long size)
{
    (void)client, (void)done;
    if (size != 0 || now_s() < deadline_s)
        return 0;
    atomic_store(&is_given_up, true);
    return 1;
}

/* The library pulls in libcurl and its dozens of libraries: only those who use
 * it shall pay for it.  Not unloaded: libcurl keeps state that does not survive
 * that. */
static bool load(struct library *library, const char *function)
{
    void *handle = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return false;
    *(void **)&library->begin = dlsym(handle, "debuginfod_begin");
    *(void **)&library->end = dlsym(handle, "debuginfod_end");
    *(void **)&library->find = dlsym(handle, function);
    *(void **)&library->set_progress = dlsym(handle, "debuginfod_set_progressfn");
    return library->begin && library->end && library->find && library->set_progress;
}

static void note_trouble(int error, struct diag *diag)
{
    bool is_silent = atomic_load(&is_given_up);
    const char *why = is_silent ? "no answer" : strerror(error);
    bool is_trouble = is_silent || (error != ENOENT && error != ENOSYS);
    if (is_trouble && !atomic_exchange(&is_noted, true))
        diag_add(diag, "cannot ask the servers in DEBUGINFOD_URLS for debug information: %s", why);
}

static char *find(const char *function, const char *build_id, struct diag *diag)
{
    const char *urls = getenv("DEBUGINFOD_URLS");
    struct library library;
    char *path = NULL;
    if (!urls || !*urls || !*build_id || atomic_load(&is_given_up) || !load(&library, function))
        return NULL;
    struct debuginfod_client *client = library.begin();
    if (!client)
        return NULL;
    deadline_s = now_s() + DEBUGINFOD_PATIENCE_S;
    library.set_progress(client, is_out_of_patience);
    /* length 0: the build ID is text */
    int fd = library.find(client, (const unsigned char *)build_id, 0, &path);
    if (fd >= 0) {
        close(fd);
    } else {
        path = NULL;
        note_trouble(-fd, diag);
    }
    library.end(client);
    return path;
}

char *debuginfod_debug_info(const char *build_id, struct diag *diag)
{
    return find("debuginfod_find_debuginfo", build_id, diag);
}

char *debuginfod_executable(const char *build_id, struct diag *diag)
{
    return find("debuginfod_find_executable", build_id, diag);
}
