#include "agent/http_listen.h"

#include "agent/raw.h"
#include "agent/request.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 64
#define STALE_MAX 256 /* sockets of a folder that are looked at */
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

/* The address that was bound, whose port may have been 0. */
static void name(struct http_listener *l)
{
    union http_address a;
    socklen_t n = sizeof a;
    char host[INET6_ADDRSTRLEN] = "";
    if (l->path[0]) {
        snprintf(l->text, sizeof l->text, UNIX_PREFIX "%s", l->path);
        return;
    }
    if (getsockname(l->fd, &a.any, &n) != 0)
        return;
    bool is_six = a.any.sa_family == AF_INET6;
    const struct sockaddr_in *four = (const void *)&a.storage;
    const struct sockaddr_in6 *six = (const void *)&a.storage;
    inet_ntop(a.any.sa_family,
              is_six ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr, host,
              sizeof host);
    snprintf(l->text, sizeof l->text, is_six ? "[%s]:%d" : "%s:%d", host,
             ntohs(is_six ? six->sin6_port : four->sin_port));
}

/* Whether the socket at this path is one that nobody listens on any more. */
static bool is_stale(const char *path)
{
    union http_address a;
    socklen_t n;
    struct stat st;
    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode) || !unix_address(path, &a, &n))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool stale = fd >= 0 && connect(fd, &a.any, n) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return stale;
}

static bool open_at(const union http_address *a, socklen_t n, struct http_listener *l)
{
    const int yes = 1;
    bool is_unix = a->any.sa_family == AF_UNIX;
    *l = (struct http_listener){.checks_host = is_loopback(a)};
    if (is_unix && is_stale(a->un.sun_path))
        unlink(a->un.sun_path);
    l->fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return false;
    if (!is_unix)
        setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(l->fd, &a->any, n) == 0) {
        if (is_unix)
            strcpy(l->path, a->un.sun_path);
        if (listen(l->fd, BACKLOG) == 0) {
            name(l);
            return true;
        }
    }
    int error = errno;
    close(l->fd);
    if (l->path[0])
        unlink(l->path);
    *l = (struct http_listener){.fd = -1};
    return refuse(error);
}

bool http_listen_open(const char *text, struct http_listener *l)
{
    union http_address a;
    socklen_t n;
    *l = (struct http_listener){.fd = -1};
    return http_listen_parse(text, &a, &n) && open_at(&a, n, l);
}

/* A folder that is ours, and nobody else's. */
static bool have_folder(const char *path)
{
    struct stat st;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return false;
    if (lstat(path, &st) != 0)
        return false;
    return (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0) ||
           refuse(EACCES);
}

/* Removes the sockets of processes that are gone. */
static void clean(const char *folder)
{
    char entries[4096] __attribute__((aligned(8)));
    char path[sizeof((struct http_listener *)0)->path];
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n_seen = 0;
    long n;
    if (fd < 0)
        return;
    while ((n = raw4(SYS_getdents64, fd, (long)entries, sizeof entries, 0)) > 0)
        for (long at = 0; at < n && n_seen < STALE_MAX;) {
            const struct dirent64 *d = (const void *)(entries + at);
            char *end;
            long pid = strtol(d->d_name, &end, 10);
            at += d->d_reclen;
            if (pid <= 0 || strcmp(end, ".sock") != 0 ||
                snprintf(path, sizeof path, "%s/%s", folder, d->d_name) >= (int)sizeof path)
                continue;
            n_seen++;
            /* It may be alive in another container, which shares the folder. */
            if (raw4(SYS_kill, pid, 0, 0, 0) == -ESRCH && is_stale(path))
                unlink(path);
        }
    close(fd);
}

static bool open_in(const char *folder, struct http_listener *l)
{
    union http_address a;
    socklen_t n;
    char path[sizeof l->path];
    if (!have_folder(folder))
        return false;
    clean(folder);
    if (snprintf(path, sizeof path, "%s/%d.sock", folder, raw_getpid()) >= (int)sizeof path)
        return refuse(ENAMETOOLONG);
    return unix_address(path, &a, &n) && open_at(&a, n, l);
}

/* The folders for our sockets, the better one first; false: there is none of this number. */
static bool name_folder(int number, char folder[sizeof((struct http_listener *)0)->path])
{
    const size_t size = sizeof((struct http_listener *)0)->path;
    const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
    if (number == 1)
        return snprintf(folder, size, "/tmp/sonde-%u", (unsigned)geteuid()) < (int)size;
    return runtime && runtime[0] == '/' && snprintf(folder, size, "%s/sonde", runtime) < (int)size;
}

bool http_listen_own(struct http_listener *l)
{
    char folder[sizeof l->path];
    *l = (struct http_listener){.fd = -1};
    for (int i = 0; i < 2; i++)
        if (name_folder(i, folder) && open_in(folder, l))
            return true;
    return false;
}

bool http_listen_parent(void)
{
    char folder[sizeof((struct http_listener *)0)->path], path[sizeof folder + 32];
    for (int i = 0; i < 2; i++)
        if (name_folder(i, folder) &&
            snprintf(path, sizeof path, "%s/%d.sock", folder, (int)raw4(SYS_getppid, 0, 0, 0, 0)) <
                (int)sizeof path &&
            raw4(SYS_faccessat, AT_FDCWD, (long)path, F_OK, 0) == 0)
            return true;
    return false;
}

bool http_listen_may_ask(int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
        return false;
    return peer.uid == 0 || peer.uid == geteuid() || peer.uid == getuid();
}
