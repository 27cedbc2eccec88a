/* web_session: what the web page shows: the profile of the command line, and beside it each
 * source of several, or the moments at which a program was read.
 *
 * Ownership: the session owns all profiles; a moment stays as long as somebody has it pinned.
 * Threads: any, but for new and free.  Signals: no. */
#ifndef SONDE_UI_WEB_SESSION_H
#define SONDE_UI_WEB_SESSION_H

#include "page/page.h"
#include "ui/pprof_request.h"

struct web_entry;

struct web_moment {
    struct page_moment page;
    struct web_entry *entry; /* the session's own */
    unsigned id;             /* from 1, in the order in which they were made */
    bool is_held;            /* not dropped for newer ones */
    bool is_part;            /* one source of several; else all of them */
};

/* The moments there are at a time, oldest first. */
struct web_pins {
    struct web_moment *moments;
    size_t n;
    struct page_moment *pages; /* those that can be compared: the parts, or all of them */
    size_t n_pages;
};

struct web_session;

/* Serve `profile`, which is what fetch_profile made of request->fetch; it is the session's also
 * on failure.  Reads each of several files once more, for itself.  `request` is borrowed.
 * NULL and *err: ERR_NOMEM. */
struct web_session *web_session_new(const struct pprof_request *request, struct profile *profile,
                                    struct diag *diag, struct err *err);
void web_session_free(struct web_session *session); /* all is unpinned by then; NULL is fine */

/* False with ERR_NOMEM. */
bool web_session_pin(struct web_session *session, struct web_pins *pins, struct err *err);
void web_session_unpin(struct web_session *session, struct web_pins *pins);
/* The moment; `id` 0: the one to show.  NULL: there is none of that id. */
const struct web_moment *web_session_find(const struct web_pins *pins, unsigned id);

/* Can sources be read again, and how long does that take (0: at once, or not known)? */
bool web_session_is_live(const struct web_session *session);
int web_session_seconds(const struct web_session *session);

/* Read the sources again: a new moment, whose id is given.  Who asked before another's
 * reading was over (began_ns, CLOCK_MONOTONIC) gets that result.  0 and *err as of
 * fetch_profile. */
unsigned web_session_refresh(struct web_session *session, uint64_t asked_ns, struct diag *diag,
                             struct err *err);
/* False: there is no such moment. */
bool web_session_hold(struct web_session *session, unsigned id, bool on);

#endif
