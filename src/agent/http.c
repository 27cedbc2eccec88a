#include "agent/http.h"

#include "agent/http_listen.h"
#include "agent/http_pages.h"
#include "agent/lock.h"
#include "agent/out.h"
#include "agent/own.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/timers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/socket.h>

#define CLIENTS_MAX 64
#define LISTENERS 2
#define IN_FIRST (REQUEST_HEAD_MAX + 1)
#define READ_NS 10000000000u  /* for a whole request */
#define WRITE_NS 30000000000u /* without a byte taken */
#define DRAIN_NS 2000000000u  /* for the client to see the end */
#define NO_FILES_NS 500000000u
#define STOP_TRIES 10000 /* longer than between two looks */
#define STOP_QUICK_TRIES 100
#define STOP_QUICK_NS 50000
#define STOP_NS 1000000
#define ALONE_NS 1000000000u /* how often we look whether the program is there still */

enum step { FREE, READ, WAIT, WRITE, DRAIN };

struct client {
    enum step step;
    int fd;
    bool checks_host;
    uint64_t until_ns; /* when it is given up; WAIT: when its profile ends */
    char *in;          /* what it sent */
    size_t n_in, max_in;
    struct request request;
    struct http_page page;
    struct out head;
    size_t n_sent; /* of the head and the body */
};

static struct lock lock;
static int serving_pid;                           /* 0: none */
static struct http_listener listeners[LISTENERS]; /* the address, the own socket */
static struct http_plan plan;
static bool is_unasked;
static int start_state; /* futex: 0: under way, 1: done */
static int start_error;
static struct client clients[CLIENTS_MAX];
static uint64_t no_accept_until_ns;
static int server_tid;
static int is_ending; /* futex */
/* How old a process is that serves without having been asked: most are over soon. */
static const struct timespec late = {0, 100000000};

static void drop(struct client *c)
{
    if (c->step == WAIT)
        http_pages_give_up(&c->page);
    raw4(SYS_close, c->fd, 0, 0, 0);
    if (c->in)
        raw_unmap(c->in, c->max_in);
    out_release(&c->page.body);
    out_release(&c->head);
    *c = (struct client){.step = FREE};
}

/* The answer is there: send it. */
static void answer(struct client *c, uint64_t now)
{
    if (c->page.body.error)
        http_pages_error(&c->page, 500, "out of memory");
    out_init(&c->head, -1);
    http_pages_head(&c->page, &c->head);
    c->step = WRITE;
    c->until_ns = now + WRITE_NS;
    if (c->head.error || c->page.body.error)
        drop(c);
}

static void answer_error(struct client *c, int status, const char *text, uint64_t now)
{
    c->page = (struct http_page){.status = 0};
    out_init(&c->page.body, -1);
    http_pages_error(&c->page, status, text);
    answer(c, now);
}

static const char *text_of(int status)
{
    return status == 413   ? "the request is too large"
           : status == 431 ? "the request's head is too large"
           : status == 501 ? "requests in chunks are not read"
           : status == 505 ? "HTTP/1.0 and 1.1 are spoken here"
                           : "400 Bad Request";
}

/* Room for a whole request of `n` bytes, and a NUL. */
static bool make_room(struct client *c, size_t n)
{
    size_t max = (n + 1 + 4095) & ~(size_t)4095;
    if (max <= c->max_in)
        return true;
    char *p = out_grow(c->in, c->max_in, max);
    if (!p)
        return false;
    /* The texts of the request lie in what may have moved. */
    c->request.path += p - c->in;
    c->request.query += p - c->in;
    if (c->request.host)
        c->request.host += p - c->in;
    c->in = p;
    c->max_in = max;
    return true;
}

/* What came so far may be a request. */
static void look(struct client *c, uint64_t now)
{
    struct request *r = &c->request;
    if (!r->n_head) {
        int status = request_parse(c->in, c->n_in, r);
        if (status == 0)
            return;
        if (status != REQUEST_COMPLETE) {
            answer_error(c, status, text_of(status), now);
            return;
        }
        if (!make_room(c, r->n_head + r->n_body)) {
            drop(c);
            return;
        }
    }
    if (c->n_in < r->n_head + r->n_body)
        return;
    char *body = c->in + r->n_head;
    body[r->n_body] = '\0'; /* what follows is not read: the connection ends */
    http_pages_begin(&c->page, r, body, c->checks_host);
    c->step = WAIT;
    c->until_ns = c->page.until_ns;
    if (!c->page.waits)
        answer(c, now);
}

static void receive(struct client *c, uint64_t now)
{
    char unread[512];
    bool reads = c->step == READ;
    char *to = reads ? c->in + c->n_in : unread;
    size_t room = reads ? c->max_in - 1 - c->n_in : sizeof unread;
    long n = room ? raw6(SYS_recvfrom, c->fd, (long)to, (long)room, MSG_DONTWAIT, 0, 0) : 0;
    if (n == -EAGAIN || n == -EINTR)
        return;
    if (n <= 0) { /* gone, or it has sent all: in both cases there is no request to come */
        drop(c);
    } else if (reads) {
        c->n_in += (size_t)n;
        look(c, now);
    }
}

static void send_more(struct client *c, uint64_t now)
{
    size_t n_head = c->head.n, n_all = n_head + c->page.body.n;
    while (c->n_sent < n_all) {
        bool in_head = c->n_sent < n_head;
        const char *from =
            in_head ? c->head.bytes + c->n_sent : c->page.body.bytes + c->n_sent - n_head;
        size_t n = in_head ? n_head - c->n_sent : n_all - c->n_sent;
        long done = raw6(SYS_sendto, c->fd, (long)from, (long)n, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
        if (done == -EAGAIN || done == -EINTR)
            return;
        if (done <= 0) {
            drop(c);
            return;
        }
        c->n_sent += (size_t)done;
        c->until_ns = now + WRITE_NS;
    }
    /* Closed with bytes unread, the connection would be reset and the answer lost. */
    raw4(SYS_shutdown, c->fd, SHUT_WR, 0, 0);
    out_release(&c->page.body);
    c->step = DRAIN;
    c->until_ns = now + DRAIN_NS;
}

static void expire(struct client *c, uint64_t now)
{
    if (c->step == READ)
        answer_error(c, 408, "the request took too long", now);
    else if (c->step == WAIT) {
        http_pages_finish(&c->page);
        answer(c, now);
    } else {
        drop(c);
    }
}

/* A place for a new client: that of the one which has been sending its request, or
 * been seeing the end, for the longest, when there is no free one. */
static struct client *place(void)
{
    struct client *oldest = NULL;
    for (struct client *c = clients; c < clients + CLIENTS_MAX; c++) {
        if (c->step == FREE)
            return c;
        if ((c->step == READ || c->step == DRAIN) && (!oldest || c->until_ns < oldest->until_ns))
            oldest = c;
    }
    if (oldest)
        drop(oldest);
    return oldest;
}

static void accept_client(const struct http_listener *l, uint64_t now)
{
    long fd = raw4(SYS_accept4, l->fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS)
            no_accept_until_ns = now + NO_FILES_NS;
        return;
    }
    struct client *c = l->path[0] && !http_listen_may_ask(l, (int)fd) ? NULL : place();
    char *in = c ? out_grow(NULL, 0, IN_FIRST) : NULL;
    if (!in) {
        raw4(SYS_close, fd, 0, 0, 0);
        return;
    }
    *c = (struct client){.step = READ,
                         .fd = (int)fd,
                         .checks_host = l->checks_host,
                         .until_ns = now + READ_NS,
                         .in = in,
                         .max_in = IN_FIRST};
}

static int timeout_ms(uint64_t now)
{
    uint64_t next = UINT64_MAX;
    for (const struct client *c = clients; c < clients + CLIENTS_MAX; c++)
        if (c->step != FREE && c->until_ns < next)
            next = c->until_ns;
    if (no_accept_until_ns > now && no_accept_until_ns < next)
        next = no_accept_until_ns;
    if (next > now + ALONE_NS)
        next = now + ALONE_NS;
    uint64_t ms = next > now ? (next - now) / 1000000 + 1 : 0;
    return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

/* False: the program has ended, and left the process to us.  (Who called exit, or was the last
 * thread that libc knows of, has ended us too.) */
static bool turn(void)
{
    struct pollfd fds[LISTENERS + CLIENTS_MAX];
    uint64_t now = raw_clock_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < LISTENERS; i++)
        fds[i] = (struct pollfd){now < no_accept_until_ns ? -1 : listeners[i].fd, POLLIN, 0};
    for (int i = 0; i < CLIENTS_MAX; i++) {
        const struct client *c = &clients[i];
        fds[LISTENERS + i] =
            (struct pollfd){c->step == FREE ? -1 : c->fd, c->step == WRITE ? POLLOUT : POLLIN, 0};
    }
    if (raw4(SYS_poll, (long)fds, LISTENERS + CLIENTS_MAX, timeout_ms(now), 0) == 0 &&
        own_is_alone())
        return false;
    now = raw_clock_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &clients[i];
        if (c->step == FREE)
            continue;
        if (fds[LISTENERS + i].revents && c->step == WRITE)
            send_more(c, now);
        else if (fds[LISTENERS + i].revents)
            receive(c, now);
        if (c->step != FREE && c->until_ns <= now)
            expire(c, now);
    }
    for (int i = 0; i < LISTENERS; i++)
        if (fds[i].revents)
            accept_client(&listeners[i], now);
    return true;
}

static void remove_sockets(void)
{
    for (int i = 0; i < LISTENERS; i++)
        if (listeners[i].path[0])
            raw4(SYS_unlink, (long)listeners[i].path, 0, 0, 0);
}

static void report(int error)
{
    start_error = error;
    __atomic_store_n(&start_state, 1, __ATOMIC_RELEASE);
    raw4(SYS_futex, (long)&start_state, FUTEX_WAKE_PRIVATE, 1, 0);
}

/* An error number, or 0. */
static int open_sockets(void)
{
    /* What a library prints is not to go to a client. */
    for (int i = 0; i < 3; i++)
        raw4(SYS_openat, AT_FDCWD, (long)"/dev/null", O_RDWR | O_CLOEXEC, 0);
    if (plan.has_address && !http_listen_open(&plan, &listeners[0]))
        return errno;
    if (!http_listen_own(&plan, &listeners[1]) && !plan.has_address)
        return errno;
    return 0;
}

static void serve(void *arg)
{
    __atomic_store_n(&server_tid, raw_gettid(), __ATOMIC_RELEASE);
    for (struct client *c = clients; c < clients + CLIENTS_MAX; c++)
        if (c->step != FREE) /* in a child they are the parent's */
            c->step = FREE;
    http_pages_reset();
    /* Our own table of descriptors, without the program's: they would stay open for us. */
    long rc = raw4(SYS_close_range, 0, ~0u, CLOSE_RANGE_UNSHARE, 0);
    bool is_on = rc == 0 && !__atomic_load_n(&is_ending, __ATOMIC_ACQUIRE) && !own_is_alone();
    int error = rc < 0 ? (int)-rc : is_on ? open_sockets() : 0;
    report(error);
    while (is_on && !error && !__atomic_load_n(&is_ending, __ATOMIC_ACQUIRE) && turn())
        ;
    for (struct client *c = clients; c < clients + CLIENTS_MAX; c++)
        if (c->step != FREE)
            drop(c);
    if (error)
        return;
    remove_sockets();
    if (!__atomic_load_n(&is_ending, __ATOMIC_ACQUIRE))
        own_follow();
}

/* No handler comes in between: it may call what pauses us. */
static void take_lock(uint64_t *mask)
{
    const uint64_t all = ~0ull;
    raw_sigmask(SIG_BLOCK, &all, mask);
    lock_take(&lock);
}

static void give_lock(const uint64_t *mask)
{
    lock_give(&lock);
    raw_sigmask(SIG_SETMASK, mask, NULL);
}

/* Under the lock.  An error number, or 0. */
static int begin(const struct http_plan *new_plan, bool unasked, bool is_late)
{
    plan = *new_plan;
    for (int i = 0; i < LISTENERS; i++)
        listeners[i] = (struct http_listener){.fd = -1};
    is_unasked = unasked;
    start_state = 0;
    start_error = 0;
    server_tid = 0;
    is_ending = 0;
    if (!own_start_late(serve, NULL, is_late ? &late : NULL, &is_ending))
        return errno;
    while (!is_late && !__atomic_load_n(&start_state, __ATOMIC_ACQUIRE))
        raw4(SYS_futex, (long)&start_state, FUTEX_WAIT_PRIVATE, 0, 0);
    if (!start_error)
        serving_pid = raw_getpid();
    return start_error;
}

/* Whether there is a server, though it may have ended since. */
static bool is_on(void)
{
    int pid = __atomic_load_n(&serving_pid, __ATOMIC_ACQUIRE);
    return pid && pid == raw_getpid();
}

bool http_is_on(void)
{
    return is_on();
}

/* Connects to the server, so that it looks up. */
static void wake(void)
{
    union http_address a;
    socklen_t n;
    const char *text = http_address();
    raw4(SYS_futex, (long)&is_ending, FUTEX_WAKE_PRIVATE, 1, 0);
    if (!text || !http_listen_parse(text, &a, &n))
        return;
    long fd = raw4(SYS_socket, a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0, 0);
    if (fd < 0)
        return;
    raw4(SYS_connect, fd, (long)&a, (long)n, 0);
    raw4(SYS_close, fd, 0, 0, 0);
}

/* Under the lock: the server's thread is gone on return. */
static void end(void)
{
    int pid = raw_getpid();
    __atomic_store_n(&is_ending, 1, __ATOMIC_RELEASE);
    wake();
    for (int i = 0; i < STOP_TRIES; i++) {
        int tid = __atomic_load_n(&server_tid, __ATOMIC_ACQUIRE);
        const struct timespec pause = {0, i < STOP_QUICK_TRIES ? STOP_QUICK_NS : STOP_NS};
        if (tid && raw4(SYS_tgkill, pid, tid, 0, 0) != 0)
            break;
        raw4(SYS_nanosleep, (long)&pause, 0, 0, 0);
    }
    remove_sockets();
    serving_pid = 0;
}

bool http_serve(const char *address)
{
    struct http_plan wanted;
    uint64_t mask;
    if (!http_listen_plan(address, &wanted))
        return false;
    take_lock(&mask);
    bool was_unasked = is_on() && is_unasked;
    if (was_unasked)
        end();
    int error = is_on() ? EBUSY : begin(&wanted, false, false);
    wanted.has_address = false;
    if (error && was_unasked)
        begin(&wanted, true, true);
    give_lock(&mask);
    errno = error;
    return error == 0;
}

void http_serve_unasked(bool is_late)
{
    struct http_plan own;
    uint64_t mask;
    int saved_errno = errno;
    take_lock(&mask);
    if (!is_on() && http_listen_plan(NULL, &own))
        begin(&own, true, is_late);
    give_lock(&mask);
    errno = saved_errno;
}

const char *http_address(void)
{
    if (!is_on() || !__atomic_load_n(&start_state, __ATOMIC_ACQUIRE))
        return NULL;
    const char *text = listeners[listeners[0].fd >= 0 ? 0 : 1].text;
    return *text ? text : NULL;
}

void http_pause(struct http_pause *p)
{
    uint64_t mask;
    *p = (struct http_pause){.serves = false};
    if (!is_on())
        return;
    int saved_errno = errno;
    take_lock(&mask);
    if (is_on()) {
        p->serves = true;
        p->is_unasked = is_unasked;
        strcpy(p->address, listeners[0].fd >= 0 ? listeners[0].text : "");
        end();
    }
    give_lock(&mask);
    errno = saved_errno;
}

void http_resume(const struct http_pause *p)
{
    int saved_errno = errno;
    if (p->serves && p->is_unasked)
        http_serve_unasked(true);
    else if (p->serves)
        http_serve(p->address[0] ? p->address : NULL);
    errno = saved_errno;
}

void http_end(void)
{
    /* System calls may be forbidden by now. */
    if (!serving_pid || timers_frozen() || !is_on())
        return;
    __atomic_store_n(&is_ending, 1, __ATOMIC_RELEASE);
    remove_sockets();
}
