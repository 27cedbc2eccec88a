/* web_guard: which requests are answered: those of the page itself and of people, not those
 * that other sites make a browser send.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_WEB_GUARD_H
#define SONDE_UI_WEB_GUARD_H

#include "ui/web_address.h"

/* The headers that tell where a request comes from; NULL: there is none. */
struct web_origin {
    const char *method, *host, *origin, *fetch_site, *fetch_mode, *token;
};

/* 0, or the status to refuse it with; *why is then a static line. */
unsigned web_guard_check(const struct web_address *address, const struct web_origin *from,
                         const char *token, const char **why);

/* Headers of all answers, name after value; NULL-terminated. */
extern const char *const web_guard_headers[];

#endif
