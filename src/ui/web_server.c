#include "ui/web_server.h"

#include "base/gzip.h"
#include "base/map.h"
#include "base/pages.h"
#include "ui/web_daemon.h"
#include "ui/web_guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define N_HEAVY 2 /* heavy answers at a time */
#define CONNECTIONS_MAX 256
#define IDLE_S 30
#define URI_MAX_BYTES (32 << 10)
#define CONNECTION_BYTES (128 << 10) /* for all headers; touched as far as they come */
#define BODY_MAX_BYTES (64 << 10)
#define GZIP_MIN_BYTES 1024
#define LEAVE_MS 2000

enum state { STATE_NEW, STATE_RUNS, STATE_DONE };

/* One request and its answer. */
struct exchange {
    struct web_server *server;
    struct exchange *next; /* in its queue */
    struct MHD_Connection *connection;
    char *uri, *if_none_match; /* malloc'ed */
    struct web_request request;
    struct web_response response;
    size_t n_body;
    bool has_headers, is_uri_too_long, takes_gzip, is_gzip;
    atomic_int state;
};

/* Requests that wait for threads of their own. */
struct queue {
    struct web_server *server;
    struct exchange *first, **end;
};

struct web_server {
    const struct web_daemon *mhd;
    struct MHD_Daemon *daemon;
    const struct web_address *address;
    const struct web_handler *handler;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* what is below */
    struct queue heavy, slow;
    unsigned n_threads;
    bool stops;
};

void web_response_text(struct web_response *response, unsigned status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_clear(&response->body);
    buf_vprintf(&response->body, fmt, ap);
    buf_putc(&response->body, '\n');
    va_end(ap);
    response->status = status;
    response->type = "text/plain; charset=utf-8";
}

bool web_server_available(struct err *err)
{
    return web_daemon_load(err) != NULL;
}

/* --- answers --- */

static void release_response(struct web_response *r)
{
    buf_release(&r->body);
    buf_release(&r->packed);
    buf_release(&r->place);
    buf_release(&r->file_name);
}

void web_response_etag(struct web_response *r)
{
    const struct buf *of = r->packed.len ? &r->packed : &r->body;
    uint64_t hash = hash_bytes(of->data, of->len);
    snprintf(r->etag, sizeof r->etag, "\"%016llx\"", (unsigned long long)hash);
}

/* The body as it is sent. */
static void pack(struct exchange *x)
{
    struct web_response *r = &x->response;
    uint8_t *data = NULL;
    size_t n = 0;
    if (r->gzip.len)
        buf_add(&r->packed, r->gzip.p, r->gzip.len);
    if (r->packed.len && x->takes_gzip) {
        buf_release(&r->body);
        r->body = r->packed;
        r->packed = (struct buf){0};
        x->is_gzip = true;
        return;
    }
    if (r->packed.len && !r->body.len)
        r->body.failed |=
            !gzip_inflate(r->packed.data, r->packed.len, SIZE_MAX / 2, &data, &n, NULL);
    else if (x->takes_gzip && r->body.len >= GZIP_MIN_BYTES && !r->is_packed)
        x->is_gzip = gzip_deflate(r->body.data, r->body.len, 1, &data, &n, NULL);
    if (data) {
        buf_release(&r->body);
        r->body = (struct buf){.data = (char *)data, .len = n, .cap = n};
    }
}

/* What is left to do for an answer, on the thread that made it. */
static void finish(struct exchange *x)
{
    struct web_response *r = &x->response;
    if (!r->status)
        r->status = 200;
    if (r->status == 200 && !*r->etag)
        web_response_etag(r);
    if (r->status == 200 && x->if_none_match && strstr(x->if_none_match, r->etag)) {
        r->status = 304;
        buf_clear(&r->body);
    } else {
        pack(x);
    }
    if (r->body.failed || r->packed.failed || r->place.failed || r->file_name.failed) {
        release_response(r);
        *r = (struct web_response){0};
        x->is_gzip = false;
        web_response_text(r, 500, "out of memory");
    }
}

static void add_headers(struct exchange *x, struct MHD_Response *out)
{
    struct web_response *r = &x->response;
    __typeof__(MHD_add_response_header) *add = x->server->mhd->add_response_header;
    for (const char *const *h = web_guard_headers; *h; h += 2)
        add(out, h[0], h[1]);
    add(out, "Cache-Control", r->is_lasting ? "private, max-age=31536000, immutable" : "no-cache");
    add(out, "Vary", "Accept-Encoding");
    if (x->is_gzip)
        add(out, "Content-Encoding", "gzip");
    if (r->type)
        add(out, "Content-Type", r->type);
    if (r->status == 200 || r->status == 304) {
        AUTO_BUF etag = {0};
        buf_printf(&etag, "W/%s", r->etag); /* of what is in it, packed or not */
        add(out, "ETag", buf_str(&etag));
    }
    if (r->place.len)
        add(out, "Location", buf_str(&r->place));
    if (r->allow)
        add(out, "Allow", r->allow);
    if (r->file_name.len) {
        AUTO_BUF text = {0};
        buf_printf(&text, "attachment;filename=%s", buf_str(&r->file_name));
        add(out, "Content-Disposition", buf_str(&text));
    }
}

/* Hand the answer over. */
static enum MHD_Result send_answer(struct exchange *x)
{
    const struct web_daemon *mhd = x->server->mhd;
    struct buf *body = &x->response.body;
    bool any = body->len > 0;
    struct MHD_Response *out =
        mhd->create_response_from_buffer(body->len, any ? body->data : (char *)"",
                                         any ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (!out)
        return MHD_NO;
    if (any)
        *body = (struct buf){0};
    add_headers(x, out);
    enum MHD_Result rc = mhd->queue_response(x->connection, x->response.status, out);
    mhd->destroy_response(out);
    return rc;
}

/* --- the threads that make answers --- */

static void answer(struct exchange *x)
{
    const struct web_handler *handler = x->server->handler;
    handler->answer(handler->arg, &x->request, &x->response);
    finish(x);
}

static void *work(void *arg)
{
    struct queue *queue = arg;
    struct web_server *server = queue->server;
    pthread_mutex_lock(&server->lock);
    for (;;) {
        while (!queue->first && !server->stops)
            pthread_cond_wait(&server->changed, &server->lock);
        struct exchange *x = queue->first;
        if (!x)
            break;
        queue->first = x->next;
        if (!queue->first)
            queue->end = &queue->first;
        bool stops = server->stops;
        pthread_mutex_unlock(&server->lock);
        if (stops) {
            web_response_text(&x->response, 503, "the server ends");
            finish(x);
        } else {
            answer(x);
            pages_give_back();
        }
        atomic_store(&x->state, STATE_DONE);
        server->mhd->resume_connection(x->connection); /* x is not ours any more */
        pthread_mutex_lock(&server->lock);
    }
    server->n_threads--;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static void enqueue(struct queue *queue, struct exchange *x)
{
    struct web_server *server = queue->server;
    pthread_mutex_lock(&server->lock);
    if (server->stops) { /* nobody may be left to take it */
        web_response_text(&x->response, 503, "the server ends");
        finish(x);
    } else {
        server->mhd->suspend_connection(x->connection);
        atomic_store(&x->state, STATE_RUNS);
        x->next = NULL;
        *queue->end = x;
        queue->end = &x->next;
        pthread_cond_broadcast(&server->changed);
    }
    pthread_mutex_unlock(&server->lock);
}

/* With signals blocked. */
static bool start_thread(struct queue *queue)
{
    pthread_t thread;
    struct web_server *server = queue->server;
    if (pthread_create(&thread, NULL, work, queue) != 0)
        return false;
    pthread_detach(thread);
    pthread_mutex_lock(&server->lock);
    server->n_threads++;
    pthread_mutex_unlock(&server->lock);
    return true;
}

/* --- requests --- */

static void exchange_free(struct exchange *x)
{
    release_response(&x->response);
    free(x->uri);
    free(x->if_none_match);
    free(x);
}

/* The request line is there: MHD's own reading of it is not used, since it takes zero bytes
 * and whatever is badly encoded. */
static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *x = calloc(1, sizeof *x);
    size_t n = strlen(uri);
    if (!x)
        return NULL;
    x->server = arg;
    x->connection = connection;
    x->is_uri_too_long = n > URI_MAX_BYTES;
    x->uri = strndup(uri, x->is_uri_too_long ? 0 : n);
    if (!x->uri) {
        free(x);
        return NULL;
    }
    char *query = strchr(x->uri, '?');
    if (query)
        *query++ = '\0';
    x->request.path = x->uri;
    x->request.query = query ? query : "";
    return x;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode why)
{
    (void)arg, (void)connection, (void)why;
    if (*context)
        exchange_free(*context);
    *context = NULL;
}

static const char *header(struct exchange *x, const char *name)
{
    return x->server->mhd->lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

/* Is gzip in the list, and not with the weight 0? */
static bool takes_gzip(const char *accept)
{
    const char *p = accept ? strstr(accept, "gzip") : NULL;
    if (!p)
        return false;
    p += 4 + strspn(p + 4, " ;");
    return strncmp(p, "q=0", 3) != 0 || (p[3] == '.' && strspn(p + 4, "0") < strcspn(p + 4, " ,"));
}

/* All of it has come. */
static void take_request(struct exchange *x, const char *method)
{
    struct web_server *server = x->server;
    const struct web_origin from = {.method = method,
                                    .host = header(x, "Host"),
                                    .origin = header(x, "Origin"),
                                    .fetch_site = header(x, "Sec-Fetch-Site"),
                                    .fetch_mode = header(x, "Sec-Fetch-Mode"),
                                    .token = header(x, "X-Sonde-Token")};
    const char *if_none_match = header(x, "If-None-Match"), *why = NULL;
    x->takes_gzip = takes_gzip(header(x, "Accept-Encoding"));
    x->if_none_match = if_none_match ? strdup(if_none_match) : NULL;
    x->request.method = !strcmp(method, "POST")     ? "POST"
                        : !strcmp(method, "DELETE") ? "DELETE"
                                                    : "GET";
    x->request.is_change = *x->request.method != 'G';
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    x->request.came_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    unsigned status = x->is_uri_too_long
                          ? 414
                          : web_guard_check(server->address, &from, server->handler->token, &why);
    if (status) {
        web_response_text(&x->response, status, "%s", why ? why : "this address is too long");
        x->response.allow = status == 405 ? "GET, HEAD, POST, DELETE" : NULL;
        finish(x);
        return;
    }
    switch (server->handler->weigh(server->handler->arg, &x->request)) {
    case WEB_LIGHT:
        answer(x);
        break;
    case WEB_HEAVY:
        enqueue(&server->heavy, x);
        break;
    case WEB_LONG:
        enqueue(&server->slow, x);
        break;
    }
}

/* Called when the headers are there, for pieces of a body (which no request needs), when all has
 * come, and again after a pause. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *n_body, void **context)
{
    struct exchange *x = *context;
    (void)arg, (void)connection, (void)url, (void)version, (void)body;
    if (!x)
        return MHD_NO;
    if (*n_body) {
        x->n_body += *n_body;
        *n_body = 0;
        return x->n_body <= BODY_MAX_BYTES ? MHD_YES : MHD_NO;
    }
    if (!x->has_headers) {
        x->has_headers = true;
        return MHD_YES;
    }
    if (atomic_load(&x->state) == STATE_NEW) {
        take_request(x, method);
        if (atomic_load(&x->state) != STATE_NEW)
            return MHD_YES;
    }
    return send_answer(x);
}

/* --- begin and end --- */

struct web_server *web_server_start(const struct web_address *address,
                                    const struct web_handler *handler, struct err *err)
{
    const struct web_daemon *mhd = web_daemon_load(err);
    if (!mhd)
        return NULL;
    struct web_server *server = calloc(1, sizeof *server);
    if (!server) {
        err_nomem(err);
        return NULL;
    }
    server->mhd = mhd;
    server->address = address;
    server->handler = handler;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->heavy = (struct queue){server, NULL, &server->heavy.first};
    server->slow = (struct queue){server, NULL, &server->slow.first};
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    bool ok = start_thread(&server->slow);
    for (int i = 0; ok && i < N_HEAVY; i++)
        ok = start_thread(&server->heavy);
    if (ok)
        server->daemon = mhd->start_daemon(
            MHD_USE_AUTO_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request,
            server, MHD_OPTION_LISTEN_SOCKET, address->fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri,
            server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
            (unsigned)IDLE_S, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (server->daemon)
        return server;
    err_set(err, ERR_IO, "the web server cannot be started");
    web_server_stop(server);
    return NULL;
}

bool web_server_stop(struct web_server *server)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LEAVE_MS / 1000;
    if (server->daemon) {
        int fd = server->mhd->quiesce_daemon(server->daemon);
        if (fd >= 0)
            close(fd);
    }
    pthread_mutex_lock(&server->lock);
    server->stops = true;
    pthread_cond_broadcast(&server->changed);
    while (server->n_threads > 0 &&
           pthread_cond_timedwait(&server->changed, &server->lock, &until) == 0)
        ;
    bool is_over = server->n_threads == 0;
    pthread_mutex_unlock(&server->lock);
    if (!is_over)
        return false;
    if (server->daemon)
        server->mhd->stop_daemon(server->daemon);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
    return true;
}
