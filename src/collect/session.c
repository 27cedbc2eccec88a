#include "collect/session.h"

#include "base/vec.h"
#include "os/spawn.h"
#include "wire/trace_raw.h"
#include "wire/wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* A container's /dev/shm is often 64 MiB: too small for a build's processes. */
#define SHM_FREE_MIN_BYTES (512u << 20)
#define DIR_PREFIX "sonde-record-"
#define LEFT_MIN_S 10
#define LIBRARY "libsonde.so"

/* The whole library, and ones that stand in for fewer functions: what is not recorded costs
 * nothing.  For these kinds, besides CPU time and what costs nothing either; the first that
 * has all that is asked for is taken. */
static const struct library {
    const char *name;
    uint32_t kinds;
} libraries[] = {
    {"libsonde-cpu.so", 0},
    {"libsonde-heap.so", 1u << WIRE_HEAP},
    {"libsonde-block.so", 1u << WIRE_BLOCK},
    {"libsonde-lock.so", 1u << WIRE_BLOCK | 1u << WIRE_MUTEX},
    {"libsonde-trace.so", 1u << WIRE_BLOCK | 1u << WIRE_MUTEX | 1u << WIRE_TRACE},
    {LIBRARY, 1u << WIRE_HEAP | 1u << WIRE_BLOCK | 1u << WIRE_MUTEX | 1u << WIRE_TRACE},
};

bool session_is_library(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        if (strcmp(name, libraries[i].name) == 0)
            return true;
    return false;
}

/* The library beside the program (a build), or where an installation has it. */
static bool find_library(const char *name, char *path, struct err *err)
{
    static const char *const places[] = {
        "",
        "../agent/",
        "../lib/",
#if defined(__x86_64__)
        "../lib/x86_64-linux-gnu/",
#elif defined(__aarch64__)
        "../lib/aarch64-linux-gnu/",
#endif
        "../lib64/",
    };
    const char *given = getenv("SONDE_LIB");
    if (given && *given) {
        if (!realpath(given, path))
            return err_sys(err, errno, "cannot find '%s' (SONDE_LIB)", given);
        return true;
    }
    char exe[PATH_MAX], candidate[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n < 0)
        return err_sys(err, errno, "cannot read '/proc/self/exe'");
    exe[n] = '\0';
    char *slash = strrchr(exe, '/');
    *(slash ? slash + 1 : exe) = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(candidate, sizeof candidate, "%s%s%s", exe, places[i], name);
        if (realpath(candidate, path))
            return true;
    }
    return err_set(err, ERR_IO,
                   "cannot find %s beside '%s' or in ../lib; set SONDE_LIB to the path of " LIBRARY,
                   name, exe);
}

static bool is_of_session(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, WIRE_FILE_SUFFIX) == 0 || strcmp(dot, ".tmp") == 0 ||
                   strcmp(dot, TRACE_RAW_SUFFIX) == 0 || strcmp(name, LIBRARY) == 0);
}

/* Removes our files from the folder that is open as `dir`, which is closed. */
static void empty_dir(DIR *dir)
{
    struct dirent *entry;
    while ((entry = readdir(dir)))
        if (is_of_session(entry->d_name))
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}

/* A folder whose recording is dead (by SIGKILL or the like) has no lock on it; one
 * that has just been made has none yet. */
static void remove_if_left(DIR *parent, const char *name)
{
    struct stat st;
    int fd = openat(dirfd(parent), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) != 0 || st.st_uid != geteuid() || time(NULL) - st.st_ctime < LEFT_MIN_S ||
        flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return;
    }
    DIR *dir = fdopendir(fd);
    if (dir)
        empty_dir(dir);
    else
        close(fd);
    unlinkat(dirfd(parent), name, AT_REMOVEDIR);
}

static void remove_left(const char *parent)
{
    DIR *dir = opendir(parent);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (strncmp(entry->d_name, DIR_PREFIX, strlen(DIR_PREFIX)) == 0 &&
            strlen(entry->d_name) == strlen(DIR_PREFIX "XXXXXX"))
            remove_if_left(dir, entry->d_name);
    if (dir)
        closedir(dir);
}

static bool make_dir_in(struct session *s, const char *parent)
{
    remove_left(parent);
    if (snprintf(s->dir, sizeof s->dir, "%s/" DIR_PREFIX "XXXXXX", parent) < (int)sizeof s->dir &&
        mkdtemp(s->dir)) {
        s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->dir_fd >= 0 && flock(s->dir_fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        int e = errno;
        if (s->dir_fd >= 0)
            close(s->dir_fd);
        rmdir(s->dir);
        errno = e;
    }
    s->dir[0] = '\0';
    return false;
}

static bool make_dir(struct session *s, struct err *err)
{
    struct statvfs fs;
    if (statvfs("/dev/shm", &fs) == 0 &&
        (uint64_t)fs.f_bavail * fs.f_frsize >= SHM_FREE_MIN_BYTES && make_dir_in(s, "/dev/shm"))
        return true;
    const char *tmp = getenv("TMPDIR");
    if (tmp && tmp[0] == '/' && make_dir_in(s, tmp))
        return true;
    if (make_dir_in(s, "/tmp"))
        return true;
    return err_sys(err, errno, "cannot make a folder in /dev/shm, TMPDIR or /tmp");
}

/* The environment, changed.  `vars` is NULL-terminated NAME=VALUE texts. */
static char **merge_environment(struct arena *arena, char *const *vars)
{
    size_t n = 0, n_vars = 0;
    while (environ[n])
        n++;
    while (vars[n_vars])
        n_vars++;
    char **envp = ARENA_ARRAY(arena, char *, n + n_vars + 1);
    if (!envp)
        return NULL;
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        bool replaced = strncmp(environ[i], "SONDE_RECORD_", 13) == 0;
        for (size_t j = 0; j < n_vars && !replaced; j++) {
            size_t len = (size_t)(strchr(vars[j], '=') - vars[j]) + 1;
            replaced = strncmp(environ[i], vars[j], len) == 0;
        }
        if (!replaced)
            envp[out++] = environ[i];
    }
    memcpy(envp + out, vars, n_vars * sizeof *vars);
    return envp;
}

static bool make_environment(struct session *s, const char *library,
                             const struct session_options *options, struct err *err)
{
    struct arena *a = &s->arena;
    /* ld.so splits LD_PRELOAD at spaces and colons, and has no way to quote them. */
    const char *preload = library;
    if (strpbrk(library, ": ")) {
        preload = arena_printf(a, "%s/" LIBRARY, s->dir);
        if (!preload)
            return err_nomem(err);
        if (symlink(library, preload) != 0)
            return err_sys(err, errno, "cannot make '%s'", preload);
    }
    const char *old = getenv("LD_PRELOAD"), *asan = getenv("ASAN_OPTIONS");
    bool has_old = old && *old, has_asan = asan && *asan;
    char *vars[] = {
        arena_printf(a, "LD_PRELOAD=%s%s%s", preload, has_old ? ":" : "", has_old ? old : ""),
        /* ASan refuses to start when another library comes before it. */
        arena_printf(a, "ASAN_OPTIONS=%s%sverify_asan_link_order=0", has_asan ? asan : "",
                     has_asan ? ":" : ""),
        arena_printf(a, WIRE_ENV_DIR "=%s", s->dir),
        arena_printf(a, WIRE_ENV_KINDS "=%u", options->kinds),
        arena_printf(a, WIRE_ENV_HZ "=%u", options->hz),
        arena_printf(a, WIRE_ENV_HEAP "=%llu", (unsigned long long)options->heap_rate),
        arena_printf(a, WIRE_ENV_BLOCK "=%llu", (unsigned long long)options->block_rate),
        arena_printf(a, WIRE_ENV_MUTEX "=%llu", (unsigned long long)options->mutex_fraction),
        NULL,
        NULL,
        NULL,
        NULL,
    };
    size_t n = 8;
    if (options->flight_bytes)
        vars[n++] =
            arena_printf(a, WIRE_ENV_FLIGHT "=%llu", (unsigned long long)options->flight_bytes);
    if (options->moments)
        vars[n++] = WIRE_ENV_AT "=1";
    if (!options->children) {
        char *root = arena_printf(a, WIRE_ENV_ROOT "=%*s", SPAWN_PID_ROOM, "");
        vars[n++] = root;
        s->pid_slot = root ? root + sizeof WIRE_ENV_ROOT : NULL;
    }
    for (size_t i = 0; i < n; i++)
        if (!vars[i])
            return err_nomem(err);
    s->envp = merge_environment(a, vars);
    return s->envp ? true : err_nomem(err);
}

bool session_open(struct session *s, const struct session_options *options, struct err *err)
{
    char library[PATH_MAX];
    *s = (struct session){0};
    arena_init(&s->arena);
    const struct library *last = libraries + sizeof libraries / sizeof *libraries - 1;
    const struct library *lib = libraries;
    while (lib != last && (options->kinds & last->kinds & ~lib->kinds))
        lib++;
    return find_library(lib->name, library, err) && make_dir(s, err) &&
           make_environment(s, library, options, err);
}

void session_release(struct session *s)
{
    if (s->dir[0]) {
        DIR *dir = fdopendir(s->dir_fd);
        if (dir)
            empty_dir(dir);
        else
            close(s->dir_fd);
        rmdir(s->dir);
    }
    arena_release(&s->arena);
    *s = (struct session){0};
}

static int compare_paths(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

char **session_files(const struct session *s, struct arena *arena, struct err *err)
{
    VEC(char *) paths = {0};
    char **result = NULL;
    DIR *dir = opendir(s->dir);
    if (!dir) {
        err_sys(err, errno, "cannot read '%s'", s->dir);
        return NULL;
    }
    bool ok = true;
    struct dirent *entry;
    while (ok && (entry = readdir(dir))) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, WIRE_FILE_SUFFIX) != 0)
            continue;
        char *path = arena_printf(arena, "%s/%s", s->dir, entry->d_name);
        ok = path && vec_push(&paths, path);
    }
    closedir(dir);
    if (ok)
        result = ARENA_ARRAY(arena, char *, paths.n + 1);
    if (!result) {
        err_nomem(err);
    } else if (paths.n) {
        qsort(paths.items, paths.n, sizeof *paths.items, compare_paths);
        memcpy(result, paths.items, paths.n * sizeof *paths.items);
    }
    vec_release(&paths);
    return result;
}
