#include "ui/web_session.h"

#include "base/pool.h"
#include "base/vec.h"
#include "ui/live_name.h"
#include "ui/progress.h"
#include "ui/url.h"
#include "xform/pipeline_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Moments that nobody holds go when there are more, or when they take more memory. */
#define MOMENTS_MAX 256u
#define BYTES_MAX ((size_t)1 << 30)
#define CPU_SECONDS 30 /* of a program's CPU time, where nobody says it */

struct web_entry {
    struct web_moment moment;
    struct profile *profile;
    size_t n_bytes;
    unsigned n_users; /* the session is one as long as it is in the list */
};

struct web_session {
    const struct pprof_request *request;
    bool is_live;
    int seconds;
    pthread_mutex_t lock;
    VEC(struct web_entry *) entries; /* oldest first; the last one is shown */
    unsigned last_id;
    /* Of the last refresh; only of the thread that makes them. */
    uint64_t ended_ns;
    unsigned refreshed;
    struct err refresh_err;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- moments --- */

static void entry_free(struct web_entry *e)
{
    pipeline_cache_free(e->moment.page.cache);
    profile_free(e->profile);
    free(e);
}

/* When all of it was there: of snapshots of one recording only the ends differ.  Of several
 * sources together the duration is a sum. */
static int64_t end_of(const struct profile *profile, bool is_one)
{
    int64_t time = profile->time_nanos, end;
    if (!time)
        return (int64_t)now_ns(CLOCK_REALTIME);
    return is_one && profile->duration_nanos > 0 &&
                   !__builtin_add_overflow(time, profile->duration_nanos, &end)
               ? end
               : time;
}

/* Takes `profile` over, also on failure. */
static struct web_entry *entry_new(const char *name, struct profile *profile, bool is_one,
                                   struct err *err)
{
    struct web_entry *e = calloc(1, sizeof *e);
    struct pipeline_cache *cache = e ? pipeline_cache_new(profile) : NULL;
    if (!cache) {
        free(e);
        profile_free(profile);
        err_nomem(err);
        return NULL;
    }
    e->moment.page = (struct page_moment){name, profile, cache, end_of(profile, is_one), 0};
    e->moment.entry = e;
    e->profile = profile;
    for (const struct profile *p = profile; p; p = p->parent)
        e->n_bytes += p->arena.n_bytes;
    e->n_users = 1;
    return e;
}

/* One user less, with the lock held. */
static void let_go(struct web_entry *e)
{
    if (--e->n_users == 0)
        entry_free(e);
}

static bool is_too_much(const struct web_session *s)
{
    size_t bytes = 0;
    for (size_t i = 0; i < s->entries.n; i++)
        bytes += s->entries.items[i]->n_bytes;
    return s->entries.n > MOMENTS_MAX || bytes > BYTES_MAX;
}

/* The last one stays.  With the lock held. */
static void drop_oldest(struct web_session *s)
{
    for (size_t i = 0; i + 1 < s->entries.n && is_too_much(s);) {
        struct web_entry *e = s->entries.items[i];
        if (e->moment.is_held) {
            i++;
            continue;
        }
        s->entries.n--;
        memmove(&s->entries.items[i], &s->entries.items[i + 1],
                (s->entries.n - i) * sizeof *s->entries.items);
        let_go(e);
    }
}

/* Append it, which is then the session's; 0 with ERR_NOMEM: it is gone. */
static unsigned append(struct web_session *s, struct web_entry *e, struct err *err)
{
    pthread_mutex_lock(&s->lock);
    bool ok = vec_push(&s->entries, e);
    unsigned id = ok ? ++s->last_id : 0;
    e->moment.id = e->moment.page.id = id;
    if (ok)
        drop_oldest(s);
    pthread_mutex_unlock(&s->lock);
    if (!ok) {
        entry_free(e);
        err_nomem(err);
    }
    return id;
}

/* --- several files --- */

struct parts {
    const struct pprof_request *request;
    struct web_entry **entries; /* NULL: not read */
    struct diag *diags;
};

static void read_part(void *arg, size_t i)
{
    struct parts *parts = arg;
    struct fetch_request fetch = parts->request->fetch;
    struct err err = {0};
    fetch.sources += i;
    fetch.n_sources = 1;
    fetch.n_bases = 0;
    fetch.diff_base = fetch.normalize = false;
    fetch.is_quiet = true;
    struct profile *profile = fetch_profile(&fetch, &parts->diags[i], &err);
    parts->entries[i] = profile ? entry_new(fetch.sources[0], profile, true, &err) : NULL;
    if (parts->entries[i])
        parts->entries[i]->moment.is_part = true;
}

static int by_time(const void *a, const void *b)
{
    const struct web_entry *l = *(struct web_entry *const *)a, *r = *(struct web_entry *const *)b;
    int64_t x = l->moment.page.time_nanos, y = r->moment.page.time_nanos;
    return x != y ? (x > y) - (x < y) : strverscmp(l->moment.page.name, r->moment.page.name);
}

/* Each source's own profile.  What cannot be read was told when all were. */
static bool read_parts(struct web_session *s, struct err *err)
{
    size_t n = s->request->fetch.n_sources, n_read = 0;
    struct parts parts = {.request = s->request,
                          .entries = calloc(n, sizeof *parts.entries),
                          .diags = calloc(n, sizeof *parts.diags)};
    bool ok = parts.entries && parts.diags;
    struct progress progress;
    progress_begin(&progress, "reading each profile");
    if (ok)
        pool_run(n, 0, read_part, &parts);
    progress_end(&progress);
    for (size_t i = 0; ok && i < n; i++) {
        diag_release(&parts.diags[i]);
        if (parts.entries[i])
            parts.entries[n_read++] = parts.entries[i];
    }
    if (n_read)
        qsort(parts.entries, n_read, sizeof *parts.entries, by_time);
    for (size_t i = 0; i < n_read; i++)
        ok = append(s, parts.entries[i], err) != 0 && ok;
    free(parts.entries);
    free(parts.diags);
    return ok || err_nomem(err);
}

/* --- live sources --- */

/* Can this source be read again, with another result?  For how many seconds it then collects. */
static bool is_live_source(const char *name, const struct fetch_request *fetch, int *seconds)
{
    struct live_name live;
    struct url url = {0};
    bool is_live = false;
    if (access(name, F_OK) == 0)
        return false;
    if (live_name_is(name)) {
        if (live_name_parse(&live, name, NULL)) {
            is_live = live.pid != 0;
            double s = live.seconds > 0            ? live.seconds
                       : fetch->source.seconds > 0 ? fetch->source.seconds
                       : !strcmp(live.kind, "cpu") ? CPU_SECONDS
                                                   : 0;
            *seconds = s < 1 && s > 0 ? 1 : (int)s;
        }
        live_name_release(&live);
    } else if (url_of_source(&url, name, fetch->source.seconds, fetch->source.timeout_seconds)) {
        is_live = true;
        *seconds = url.seconds;
    }
    url_release(&url);
    return is_live;
}

static void look_at_sources(struct web_session *s, bool *are_files)
{
    const struct fetch_request *fetch = &s->request->fetch;
    *are_files = true;
    for (size_t i = 0; i < fetch->n_sources; i++) {
        int seconds = 0;
        *are_files = *are_files && access(fetch->sources[i], F_OK) == 0;
        if (!is_live_source(fetch->sources[i], fetch, &seconds))
            continue;
        s->is_live = true;
        s->seconds = seconds > s->seconds ? seconds : s->seconds;
    }
}

bool web_session_is_live(const struct web_session *session)
{
    return session->is_live;
}

int web_session_seconds(const struct web_session *session)
{
    return session->seconds;
}

unsigned web_session_refresh(struct web_session *s, uint64_t asked_ns, struct diag *diag,
                             struct err *err)
{
    struct fetch_request fetch = s->request->fetch;
    if (s->ended_ns > asked_ns) {
        *err = s->refresh_err;
        return s->refreshed;
    }
    fetch.is_quiet = fetch.source.is_quiet = true;
    s->refresh_err = (struct err){0};
    s->refreshed = 0;
    struct profile *profile = fetch_profile(&fetch, diag, &s->refresh_err);
    struct web_entry *e =
        profile ? entry_new("", profile, fetch.n_sources == 1, &s->refresh_err) : NULL;
    if (e)
        s->refreshed = append(s, e, &s->refresh_err);
    s->ended_ns = now_ns(CLOCK_MONOTONIC);
    *err = s->refresh_err;
    return s->refreshed;
}

bool web_session_hold(struct web_session *s, unsigned id, bool on)
{
    bool found = false;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->entries.n; i++) {
        struct web_moment *m = &s->entries.items[i]->moment;
        if (m->id == id) {
            m->is_held = on;
            found = true;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

/* --- the session --- */

struct web_session *web_session_new(const struct pprof_request *request, struct profile *profile,
                                    struct diag *diag, struct err *err)
{
    bool are_files;
    struct web_session *s = calloc(1, sizeof *s);
    bool is_one = request->fetch.n_sources == 1;
    struct web_entry *all =
        entry_new(is_one ? request->fetch.sources[0] : "all together", profile, is_one, err);
    if (!s || !all) {
        if (all)
            entry_free(all);
        free(s);
        err_nomem(err);
        return NULL;
    }
    s->request = request;
    pthread_mutex_init(&s->lock, NULL);
    look_at_sources(s, &are_files);
    bool ok = is_one || !are_files || read_parts(s, err);
    if (ok && append(s, all, err) != 0)
        return s;
    if (!ok)
        entry_free(all);
    web_session_free(s);
    return NULL;
}

void web_session_free(struct web_session *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->entries.n; i++)
        let_go(s->entries.items[i]);
    vec_release(&s->entries);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

bool web_session_pin(struct web_session *s, struct web_pins *pins, struct err *err)
{
    *pins = (struct web_pins){0};
    pthread_mutex_lock(&s->lock);
    size_t n = s->entries.n;
    pins->moments = malloc(n * sizeof *pins->moments);
    pins->pages = malloc(n * sizeof *pins->pages);
    bool ok = pins->moments && pins->pages;
    bool has_parts = s->entries.items[0]->moment.is_part;
    for (size_t i = 0; ok && i < n; i++) {
        struct web_entry *e = s->entries.items[i];
        e->n_users++;
        pins->moments[pins->n++] = e->moment;
        if (!has_parts || e->moment.is_part)
            pins->pages[pins->n_pages++] = e->moment.page;
    }
    pthread_mutex_unlock(&s->lock);
    if (!ok)
        web_session_unpin(s, pins);
    return ok || err_nomem(err);
}

void web_session_unpin(struct web_session *s, struct web_pins *pins)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < pins->n; i++)
        let_go(pins->moments[i].entry);
    pthread_mutex_unlock(&s->lock);
    free(pins->moments);
    free(pins->pages);
    *pins = (struct web_pins){0};
}

const struct web_moment *web_session_find(const struct web_pins *pins, unsigned id)
{
    for (size_t i = pins->n; i-- > 0;)
        if (pins->moments[i].id == id || (id == 0 && i + 1 == pins->n))
            return &pins->moments[i];
    return NULL;
}
