#include "ui/web_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64

/* "host:port" or "[host]:port" in parts; false: it is neither. */
static bool split(const char *text, char *host, size_t host_size, const char **port)
{
    const char *end;
    if (*text == '[') {
        end = strchr(text, ']');
        if (!end || (end[1] && end[1] != ':'))
            return false;
        *port = end[1] ? end + 2 : NULL;
        text++;
    } else {
        end = text + strcspn(text, ":");
        *port = *end ? end + 1 : NULL;
    }
    size_t n = (size_t)(end - text);
    if (n >= host_size || (*port && strpbrk(*port, ":]")))
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    return true;
}

static bool read_port(const char *text, uint16_t *port)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    *port = (uint16_t)n;
    return !*text || (*text >= '0' && *text <= '9' && !*end && !errno && n <= UINT16_MAX);
}

bool web_address_parse(struct web_address *address, const char *text, struct err *err)
{
    const char *port;
    *address = (struct web_address){.fd = -1};
    if (!split(text, address->host, sizeof address->host, &port) || !port)
        return err_set(err, ERR_USAGE,
                       "invalid value '%s' for -http: it takes [host]:[port], as in localhost:8080 "
                       "or ':' for any free port",
                       text);
    if (!read_port(port, &address->port))
        return err_set(err, ERR_USAGE, "invalid value '%s' for -http: '%s' is no port", text, port);
    if (!*address->host)
        strcpy(address->host, "localhost");
    return true;
}

static void note_kind(struct web_address *address, const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        uint32_t ip = ntohl(((const struct sockaddr_in *)sa)->sin_addr.s_addr);
        address->is_loopback = ip >> 24 == 127;
        address->is_any = ip == INADDR_ANY;
    } else {
        const struct in6_addr *ip = &((const struct sockaddr_in6 *)sa)->sin6_addr;
        address->is_loopback = IN6_IS_ADDR_LOOPBACK(ip);
        address->is_any = IN6_IS_ADDR_UNSPECIFIED(ip);
    }
}

/* 0, or the errno. */
static int listen_at(struct web_address *address, const struct addrinfo *info)
{
    const int yes = 1;
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } own;
    socklen_t len = sizeof own;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, &own.sa, &len) != 0) {
        int why = errno;
        close(fd);
        return why;
    }
    address->fd = fd;
    address->port = ntohs(info->ai_family == AF_INET ? own.in.sin_port : own.in6.sin6_port);
    note_kind(address, &own.sa);
    return 0;
}

bool web_address_listen(struct web_address *address, struct err *err)
{
    char port[8];
    struct addrinfo *all = NULL, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    snprintf(port, sizeof port, "%u", address->port);
    int rc = getaddrinfo(address->host, port, &hints, &all);
    if (rc != 0)
        return err_set(err, ERR_USAGE, "there is no address '%s' for -http: %s", address->host,
                       gai_strerror(rc));
    int why = EADDRNOTAVAIL;
    /* 127.0.0.1 before ::1, as Go does it: who types one of both means that. */
    for (int family = 0; family < 2 && address->fd < 0; family++)
        for (struct addrinfo *i = all; i && address->fd < 0; i = i->ai_next)
            if ((i->ai_family == AF_INET && family == 0) ||
                (i->ai_family == AF_INET6 && family == 1))
                why = listen_at(address, i);
    freeaddrinfo(all);
    if (address->fd >= 0)
        return true;
    if (why == EADDRINUSE)
        return err_set(err, ERR_IO, "port %u of %s is taken; -http=: takes a free one",
                       address->port, address->host);
    return err_sys(err, why, "cannot listen at %s port %u", address->host, address->port);
}

void web_address_url(const struct web_address *address, struct buf *out)
{
    bool is_ipv6 = strchr(address->host, ':') != NULL;
    buf_printf(out, "http://%s%s%s:%u", is_ipv6 ? "[" : "", address->host, is_ipv6 ? "]" : "",
               address->port);
}

static bool is_number(const char *host)
{
    unsigned char ip[16];
    return inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1;
}

bool web_address_allows(const struct web_address *address, const char *host)
{
    char name[256], own[256] = "";
    const char *port;
    uint16_t number;
    if (!split(host, name, sizeof name, &port) || !*name || (port && !read_port(port, &number)))
        return false;
    /* Whatever the port: it may have come through a tunnel. */
    if (!strcasecmp(name, "localhost") || !strcmp(name, "127.0.0.1") || !strcmp(name, "::1") ||
        !strcasecmp(name, address->host))
        return true;
    if (address->is_loopback)
        return false;
    /* Names can be given to an address, numbers not. */
    if (is_number(name))
        return true;
    gethostname(own, sizeof own - 1);
    return *own && !strcasecmp(name, own);
}
