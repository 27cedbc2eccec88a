#include "ui/web_serve.h"

#include "base/pages.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>

bool web_serve_token(char token[WEB_SERVE_TOKEN], struct err *err)
{
    unsigned char bytes[(WEB_SERVE_TOKEN - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return err_sys(err, errno, "cannot read random bytes");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(token + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

bool web_serve(struct web_address *address, const struct web_handler *handler,
               void (*announce)(void *arg, const char *url), void *arg, bool *is_over,
               struct err *err)
{
    AUTO_BUF url = {0};
    sigset_t signals, old;
    int signo;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, &old);
    pages_give_back();
    struct web_server *server = web_server_start(address, handler, err);
    if (server) {
        address->fd = -1;
        web_address_url(address, &url);
        announce(arg, buf_str(&url));
        while (sigwait(&signals, &signo) != 0)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL); /* the next one ends us at once */
    *is_over = !server || web_server_stop(server);
    return server != NULL;
}
