#include "ui/web_daemon.h"

#include <dlfcn.h>
#include <pthread.h>

static struct {
    pthread_once_t once;
    bool is_there;
    struct web_daemon functions;
} library = {.once = PTHREAD_ONCE_INIT};

static void load(void)
{
    void *handle = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return;
    library.is_there = true;
#define LOOK_UP(name)                                                                              \
    *(void **)&library.functions.name = dlsym(handle, "MHD_" #name);                               \
    library.is_there &= library.functions.name != NULL;
    WEB_DAEMON_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
}

const struct web_daemon *web_daemon_load(struct err *err)
{
    pthread_once(&library.once, load);
    if (library.is_there)
        return &library.functions;
    err_set(err, ERR_UNSUPPORTED,
            "libmicrohttpd.so.12 is not installed (Debian: apt install libmicrohttpd12)");
    return NULL;
}
