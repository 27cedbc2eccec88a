#include "agent/http_listen.h"

#include "agent/raw.h"
#include "agent/request.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 64
#define NO_USER 65534 /* what the kernel says of users outside of a user namespace */
#define STALE_MAX 256 /* sockets of a folder that are looked at */
#define PID_MAX 100000000
#define UNIX_PREFIX "unix:"

static bool refuse(int error)
{
    errno = error;
    return false;
}

static bool unix_address(const char *path, union http_address *address, socklen_t *n)
{
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof address->un.sun_path)
        return refuse(len ? ENAMETOOLONG : EINVAL);
    address->un = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->un.sun_path, path, len + 1);
    *n = sizeof address->un;
    return true;
}

bool http_listen_parse(const char *text, union http_address *address, socklen_t *n)
{
    char host[64];
    int64_t port;
    if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        return unix_address(text + strlen(UNIX_PREFIX), address, n);
    const char *colon = strrchr(text, ':'), *digits = colon ? colon + 1 : text;
    size_t n_host = colon ? (size_t)(colon - text) : 0;
    if (*digits < '0' || *digits > '9' || !request_number(digits, &port) || port > 65535 ||
        n_host >= sizeof host)
        return refuse(EINVAL);
    memcpy(host, text, n_host);
    host[n_host] = '\0';
    struct sockaddr_in *four = (void *)&address->storage;
    struct sockaddr_in6 *six = (void *)&address->storage;
    if (host[0] == '[' && host[n_host - 1] == ']') {
        host[n_host - 1] = '\0';
        *six = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
        *n = sizeof *six;
        return inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1 || refuse(EINVAL);
    }
    *four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    *n = sizeof *four;
    return inet_pton(AF_INET, host[0] && strcmp(host, "localhost") != 0 ? host : "127.0.0.1",
                     &four->sin_addr) == 1 ||
           refuse(EINVAL);
}

static bool is_loopback(const union http_address *a)
{
    if (a->any.sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)&a->storage)->sin_addr.s_addr) >> 24 == 127;
    return a->any.sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&a->storage)->sin6_addr);
}

/* Texts, in places that are long enough or do not take them. */

static bool append(char *to, size_t size, const char *text)
{
    size_t n = strlen(to), n_text = strlen(text);
    if (n_text >= size - n)
        return refuse(ENAMETOOLONG);
    memcpy(to + n, text, n_text + 1);
    return true;
}

static bool append_number(char *to, size_t size, unsigned number)
{
    char digits[12];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    return append(to, size, digits + at);
}

bool http_listen_plan(const char *text, struct http_plan *plan)
{
    const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
    *plan = (struct http_plan){.has_address = text != NULL};
    if (!runtime || runtime[0] != '/' || !append(plan->folder, sizeof plan->folder, runtime) ||
        !append(plan->folder, sizeof plan->folder, "/sonde"))
        plan->folder[0] = '\0';
    if (!text)
        return true;
    if (!http_listen_parse(text, &plan->address, &plan->n))
        return false;
    const union http_address *a = &plan->address;
    const struct sockaddr_in *four = (const void *)&a->storage;
    const struct sockaddr_in6 *six = (const void *)&a->storage;
    if (a->any.sa_family == AF_INET)
        inet_ntop(AF_INET, &four->sin_addr, plan->host, sizeof plan->host);
    else if (a->any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &six->sin6_addr, plan->host, sizeof plan->host);
    return true;
}

/* From here on: also on a thread that libc does not know of (own.h). */

/* The address that was bound, whose port may have been 0. */
static void name(struct http_listener *l, const char *host)
{
    union http_address a;
    socklen_t n = sizeof a;
    l->text[0] = '\0';
    if (l->path[0]) {
        append(l->text, sizeof l->text, UNIX_PREFIX);
        append(l->text, sizeof l->text, l->path);
        return;
    }
    if (raw4(SYS_getsockname, l->fd, (long)&a, (long)&n, 0) != 0)
        return;
    bool is_six = a.any.sa_family == AF_INET6;
    const struct sockaddr_in *four = (const void *)&a.storage;
    const struct sockaddr_in6 *six = (const void *)&a.storage;
    append(l->text, sizeof l->text, is_six ? "[" : "");
    append(l->text, sizeof l->text, host);
    append(l->text, sizeof l->text, is_six ? "]:" : ":");
    append_number(l->text, sizeof l->text, ntohs(is_six ? six->sin6_port : four->sin_port));
}

static long make_socket(int family)
{
    return raw4(SYS_socket, family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0);
}

static long look_at(const char *path, struct stat *st)
{
    return raw4(SYS_newfstatat, AT_FDCWD, (long)path, (long)st, AT_SYMLINK_NOFOLLOW);
}

/* Whether the socket at this path is one that nobody listens on any more. */
static bool is_stale(const char *path)
{
    union http_address a;
    socklen_t n;
    struct stat st;
    if (look_at(path, &st) != 0 || !S_ISSOCK(st.st_mode) || !unix_address(path, &a, &n))
        return false;
    long fd = make_socket(AF_UNIX);
    bool stale = fd >= 0 && raw4(SYS_connect, fd, (long)&a, (long)n, 0) == -ECONNREFUSED;
    if (fd >= 0)
        raw4(SYS_close, fd, 0, 0, 0);
    return stale;
}

static bool open_at(const union http_address *a, socklen_t n, const char *host,
                    struct http_listener *l)
{
    const int yes = 1;
    bool is_unix = a->any.sa_family == AF_UNIX;
    *l = (struct http_listener){.checks_host = is_loopback(a)};
    if (is_unix && is_stale(a->un.sun_path))
        raw4(SYS_unlink, (long)a->un.sun_path, 0, 0, 0);
    l->fd = (int)make_socket(a->any.sa_family);
    if (l->fd < 0) {
        int error = -l->fd;
        *l = (struct http_listener){.fd = -1};
        return refuse(error);
    }
    if (!is_unix)
        raw6(SYS_setsockopt, l->fd, SOL_SOCKET, SO_REUSEADDR, (long)&yes, sizeof yes, 0);
    long rc = raw4(SYS_bind, l->fd, (long)a, (long)n, 0);
    if (rc == 0) {
        if (is_unix)
            strcpy(l->path, a->un.sun_path);
        rc = raw4(SYS_listen, l->fd, BACKLOG, 0, 0);
        if (rc == 0) {
            name(l, host);
            return true;
        }
    }
    raw4(SYS_close, l->fd, 0, 0, 0);
    if (l->path[0])
        raw4(SYS_unlink, (long)l->path, 0, 0, 0);
    *l = (struct http_listener){.fd = -1};
    return refuse((int)-rc);
}

bool http_listen_open(const struct http_plan *plan, struct http_listener *l)
{
    return open_at(&plan->address, plan->n, plan->host, l);
}

/* A folder that is ours, and nobody else's. */
static bool have_folder(const char *path)
{
    struct stat st;
    long rc = raw4(SYS_mkdir, (long)path, 0700, 0, 0);
    if (rc == 0 || rc == -EEXIST)
        rc = look_at(path, &st);
    if (rc != 0)
        return refuse((int)-rc);
    return (S_ISDIR(st.st_mode) && (long)st.st_uid == raw4(SYS_geteuid, 0, 0, 0, 0) &&
            (st.st_mode & 077) == 0) ||
           refuse(EACCES);
}

/* The N of "N.sock"; 0: another name. */
static int pid_of(const char *name)
{
    int pid = 0;
    for (; *name >= '0' && *name <= '9' && pid < PID_MAX; name++)
        pid = pid * 10 + (*name - '0');
    return strcmp(name, ".sock") == 0 ? pid : 0;
}

/* Removes the sockets of processes that are gone. */
static void clean(const char *folder)
{
    char entries[4096] __attribute__((aligned(8)));
    long fd = raw4(SYS_openat, AT_FDCWD, (long)folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), n;
    int n_seen = 0;
    if (fd < 0)
        return;
    while ((n = raw4(SYS_getdents64, fd, (long)entries, sizeof entries, 0)) > 0)
        for (long at = 0; at < n && n_seen < STALE_MAX;) {
            char path[sizeof((struct http_listener *)0)->path] = "";
            const struct dirent64 *d = (const void *)(entries + at);
            int pid = pid_of(d->d_name);
            at += d->d_reclen;
            if (pid == 0 || !append(path, sizeof path, folder) || !append(path, sizeof path, "/") ||
                !append(path, sizeof path, d->d_name))
                continue;
            n_seen++;
            /* It may be alive in another container, which shares the folder. */
            if (raw4(SYS_kill, pid, 0, 0, 0) == -ESRCH && is_stale(path))
                raw4(SYS_unlink, (long)path, 0, 0, 0);
        }
    raw4(SYS_close, fd, 0, 0, 0);
}

static bool name_socket(const char *folder, int pid, char *path, size_t size)
{
    path[0] = '\0';
    return append(path, size, folder) && append(path, size, "/") &&
           append_number(path, size, (unsigned)pid) && append(path, size, ".sock");
}

static bool open_in(const char *folder, struct http_listener *l)
{
    union http_address a;
    socklen_t n;
    char path[sizeof l->path];
    if (!have_folder(folder))
        return false;
    clean(folder);
    l->is_private = name_socket(folder, raw_getpid(), path, sizeof path) &&
                    unix_address(path, &a, &n) && open_at(&a, n, "", l);
    return l->is_private;
}

/* The other folder, of who the process is now. */
static bool name_other(char *folder, size_t size)
{
    folder[0] = '\0';
    return append(folder, size, "/tmp/sonde-") &&
           append_number(folder, size, (unsigned)raw4(SYS_geteuid, 0, 0, 0, 0));
}

bool http_listen_own(const struct http_plan *plan, struct http_listener *l)
{
    char other[sizeof l->path];
    *l = (struct http_listener){.fd = -1};
    return (plan->folder[0] && open_in(plan->folder, l)) ||
           (name_other(other, sizeof other) && open_in(other, l));
}

static bool is_there(const char *folder, int pid)
{
    char path[2 * sizeof((struct http_listener *)0)->path];
    return folder[0] && name_socket(folder, pid, path, sizeof path) &&
           raw4(SYS_faccessat, AT_FDCWD, (long)path, F_OK, 0) == 0;
}

bool http_listen_parent(void)
{
    struct http_plan plan;
    char other[sizeof plan.folder];
    int parent = (int)raw4(SYS_getppid, 0, 0, 0, 0);
    return http_listen_plan(NULL, &plan) &&
           (is_there(plan.folder, parent) ||
            (name_other(other, sizeof other) && is_there(other, parent)));
}

bool http_listen_may_ask(const struct http_listener *l, int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (raw6(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, (long)&peer, (long)&n, 0) != 0)
        return false;
    /* Root outside of a container has no number in it; nobody but root comes into the folder. */
    if (l->is_private && peer.pid == 0 && peer.uid == NO_USER)
        return true;
    return peer.uid == 0 || peer.uid == raw4(SYS_geteuid, 0, 0, 0, 0) ||
           peer.uid == raw4(SYS_getuid, 0, 0, 0, 0);
}
