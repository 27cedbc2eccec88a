#include "ui/trace_server.h"

#include "base/vec.h"
#include "collect/go_trace.h"
#include "os/proc.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 1000
#define ALL_MS 3000 /* for all of its ports */
#define ANSWER_BYTES_MAX 65536
#define PORTS_MAX 65536
#define LISTENS 0x0a /* state of a socket in /proc/net/tcp */
#define REQUEST "GET /debug/pprof/cmdline HTTP/1.0\r\nHost: localhost\r\nUser-Agent: sonde\r\n\r\n"

struct port {
    uint64_t inode;
    uint16_t number;
    bool is_v6;  /* of [::1] only */
    bool is_own; /* the process's */
};

struct ports {
    VEC(struct port) items;
};

/* Of our own network namespace: others cannot be reached. */
static bool is_near(pid_t pid)
{
    struct stat own, other;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    return stat("/proc/self/ns/net", &own) == 0 && stat(path, &other) == 0 &&
           own.st_ino == other.st_ino && own.st_dev == other.st_dev;
}

/* Is an address (as /proc/net/tcp has it: words in the machine's order) a local one, or any? */
static bool is_local(const char *text, bool *is_v6)
{
    static const char *const v4[] = {"00000000", "0100007F", "00000000000000000000000000000000",
                                     "0000000000000000FFFF00000100007F",
                                     "0000000000000000FFFF000000000000"};
    *is_v6 = strcmp(text, "00000000000000000000000001000000") == 0;
    for (size_t i = 0; i < sizeof v4 / sizeof *v4; i++)
        if (strcmp(text, v4[i]) == 0)
            return true;
    return *is_v6;
}

static void read_ports(const struct proc *proc, const char *name, struct ports *ports)
{
    AUTO_BUF text = {0};
    if (!proc_text(proc, name, &text, NULL))
        return;
    for (const char *line = strchr(buf_str(&text), '\n'); line && line[1];
         line = strchr(line + 1, '\n')) {
        char address[40];
        unsigned number, state;
        struct port port = {0};
        if (sscanf(line, " %*u: %39[0-9A-F]:%x %*s %x %*s %*s %*s %*u %*u %" SCNu64, address,
                   &number, &state, &port.inode) != 4 ||
            state != LISTENS || !is_local(address, &port.is_v6) || ports->items.n >= PORTS_MAX)
            continue;
        port.number = (uint16_t)number;
        (void)vec_push(&ports->items, port);
    }
}

static int by_inode(const void *a, const void *b)
{
    const struct port *x = a, *y = b;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

/* Those of the process's own descriptors: others on this machine may have many. */
static void find_own(const struct proc *proc, struct ports *ports)
{
    char target[48];
    int fd = ports->items.n ? proc_file(proc, "fd", O_RDONLY | O_DIRECTORY, NULL) : -1;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    qsort(ports->items.items, ports->items.n, sizeof *ports->items.items, by_inode);
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct port wanted = {0}, *found;
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        if (sscanf(target, "socket:[%" SCNu64 "]", &wanted.inode) == 1 &&
            (found = bsearch(&wanted, ports->items.items, ports->items.n, sizeof wanted, by_inode)))
            found->is_own = true;
    }
    closedir(dir);
}

static int left_ms(const struct timespec *start, int most_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ms = (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
    return ms < most_ms ? (int)(most_ms - ms) : 0;
}

static bool is_ready(int fd, short events, const struct timespec *start)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    return poll(&poll_fd, 1, left_ms(start, TIMEOUT_MS)) == 1;
}

static int connect_to(const struct port *port, const struct timespec *start)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = htons(port->number),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons(port->number),
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd =
        socket(port->is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int failed = port->is_v6 ? connect(fd, (struct sockaddr *)&v6, sizeof v6)
                             : connect(fd, (struct sockaddr *)&v4, sizeof v4);
    int e = 0;
    socklen_t n = sizeof e;
    if ((failed && errno != EINPROGRESS) || !is_ready(fd, POLLOUT, start) ||
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) != 0 || e) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Its command line is what the handler answers: NULs between, none at the end. */
static bool answers(const struct port *port, const struct buf *command)
{
    struct timespec start;
    AUTO_BUF answer = {0};
    clock_gettime(CLOCK_MONOTONIC, &start);
    int fd = connect_to(port, &start);
    if (fd < 0)
        return false;
    bool ok = send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) == sizeof REQUEST - 1;
    while (ok && answer.len < ANSWER_BYTES_MAX && is_ready(fd, POLLIN, &start)) {
        char *p = buf_reserve(&answer, 4096);
        ssize_t n = p ? recv(fd, p, 4096, 0) : -1;
        if (n <= 0)
            break;
        answer.len += (size_t)n;
    }
    close(fd);
    const char *body = answer.len ? memmem(answer.data, answer.len, "\r\n\r\n", 4) : NULL;
    if (!body || answer.len < 12 || memcmp(answer.data, "HTTP/1.", 7) != 0 ||
        memcmp(answer.data + 8, " 200", 4) != 0)
        return false;
    size_t n = answer.len - (size_t)(body + 4 - answer.data);
    size_t n_command = command->len ? command->len - 1 : 0; /* the last NUL */
    return n == n_command && memcmp(body + 4, command->data, n) == 0;
}

bool trace_server_find(pid_t pid, char *address, size_t size)
{
    struct proc proc;
    struct ports ports = {0};
    struct timespec start;
    AUTO_BUF command = {0};
    bool found = false;
    if (!is_near(pid) || !go_trace_has_handler(pid) || !proc_open(&proc, pid, NULL))
        return false;
    if (proc_text(&proc, "cmdline", &command, NULL)) {
        read_ports(&proc, "net/tcp", &ports);
        read_ports(&proc, "net/tcp6", &ports);
    }
    find_own(&proc, &ports);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (size_t i = 0; !found && i < ports.items.n && left_ms(&start, ALL_MS); i++) {
        const struct port *port = &ports.items.items[i];
        if (!port->is_own || !answers(port, &command))
            continue;
        snprintf(address, size, "%s:%u", port->is_v6 ? "[::1]" : "127.0.0.1", port->number);
        found = true;
    }
    vec_release(&ports.items);
    proc_release(&proc);
    return found;
}
