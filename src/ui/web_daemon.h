/* web_daemon: libmicrohttpd, loaded when it is first needed: only who serves pages shall pay
 * for it.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_WEB_DAEMON_H
#define SONDE_UI_WEB_DAEMON_H

#include "base/err.h"

#include <microhttpd.h>

#define WEB_DAEMON_FUNCTIONS(F)                                                                    \
    F(start_daemon)                                                                                \
    F(stop_daemon)                                                                                 \
    F(quiesce_daemon)                                                                              \
    F(suspend_connection)                                                                          \
    F(resume_connection)                                                                           \
    F(lookup_connection_value)                                                                     \
    F(create_response_from_buffer)                                                                 \
    F(add_response_header)                                                                         \
    F(queue_response)                                                                              \
    F(destroy_response)

/* Its functions, without "MHD_". */
struct web_daemon {
#define FIELD(name) __typeof__(MHD_##name) *name;
    WEB_DAEMON_FUNCTIONS(FIELD)
#undef FIELD
};

/* NULL with ERR_UNSUPPORTED: it is not there. */
const struct web_daemon *web_daemon_load(struct err *err);

#endif
