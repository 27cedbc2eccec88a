/* http_listen: where the server listens: a TCP port, or a Unix socket; and the socket of
 * its own that each process has, FOLDER/PID.sock, with the folder XDG_RUNTIME_DIR/sonde
 * or else /tmp/sonde-UID, which nobody else may enter.
 * Threads: the server's, but for what makes plans.  Signals: no. */
#ifndef SONDE_AGENT_HTTP_LISTEN_H
#define SONDE_AGENT_HTTP_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HTTP_ADDRESS_MAX 160

union http_address {
    struct sockaddr any;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

struct http_listener {
    int fd;           /* -1: none */
    bool checks_host; /* others than this machine cannot reach it */
    bool is_private;  /* in a folder that only its user (and root) can enter */
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* to be removed at the end; "": none */
    char text[HTTP_ADDRESS_MAX];                          /* as sonde_http_serve takes it */
};

/* Understands "PORT", ":PORT", "localhost:PORT", "ADDRESS:PORT", "[ADDRESS]:PORT" and
 * "unix:PATH"; without an address it is loopback.  False and EINVAL. */
bool http_listen_parse(const char *text, union http_address *address, socklen_t *n);

/* Where to listen, found out on a thread of the program's: the address, if there is one, and
 * the better folder for the process's own socket ("": none). */
struct http_plan {
    bool has_address;
    union http_address address;
    socklen_t n;
    char host[INET6_ADDRSTRLEN]; /* the address without its port; "": a Unix socket's */
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
};

/* `text` is the address, or NULL.  False and errno. */
bool http_listen_plan(const char *text, struct http_plan *plan);

/* Listens at the plan's address.  False and errno. */
bool http_listen_open(const struct http_plan *plan, struct http_listener *listener);
/* On the process's own socket. */
bool http_listen_own(const struct http_plan *plan, struct http_listener *listener);
/* Whether the process that started this one has such a socket. */
bool http_listen_parent(void);

/* Whether who connected may ask: over a Unix socket, the same user or root (also that of
 * outside, where this is a container). */
bool http_listen_may_ask(const struct http_listener *l, int fd);

#endif
