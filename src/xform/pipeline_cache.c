#include "xform/pipeline_cache.h"

#include "base/buf.h"

#include <pthread.h>
#include <stdlib.h>

/* Views are dropped when there are more, or when they take more than this part of the
 * profile's memory; but the latest stays, and small ones do. */
#define N_KEPT 8u
#define SHARE_KEPT 8u
#define BYTES_KEPT ((size_t)4 << 20)
/* Of a view: with object files, without, flat alone; few ever change paths. */
#define MOST_SUMS 4u

struct entry {
    struct pipeline pipeline; /* first: a pointer to it is one to the entry */
    struct entry *next;       /* the one used before */
    struct buf key;
    struct diag notes;
    unsigned n_users, n_sums;
    struct graph_sums *sums[MOST_SUMS];
    bool is_dropped; /* not in the cache any more: freed by its last user */
};

struct pipeline_cache {
    const struct profile *profile;
    size_t most_bytes;
    pthread_mutex_t lock;
    struct entry *latest;
};

struct pipeline_cache *pipeline_cache_new(const struct profile *profile)
{
    struct pipeline_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return NULL;
    cache->profile = profile;
    size_t bytes = 0;
    for (const struct profile *p = profile; p; p = p->parent)
        bytes += p->arena.n_bytes;
    cache->most_bytes = bytes / SHARE_KEPT > BYTES_KEPT ? bytes / SHARE_KEPT : BYTES_KEPT;
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static void entry_free(struct entry *e)
{
    pipeline_release(&e->pipeline);
    for (unsigned i = 0; i < e->n_sums; i++)
        graph_sums_free(e->sums[i]);
    buf_release(&e->key);
    diag_release(&e->notes);
    free(e);
}

void pipeline_cache_free(struct pipeline_cache *cache)
{
    if (!cache)
        return;
    for (struct entry *e = cache->latest; e;) {
        struct entry *next = e->next;
        entry_free(e);
        e = next;
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* All that a view depends on, as bytes. */
static void make_key(struct buf *key, const struct pipeline_options *o)
{
    const char *const texts[] = {o->sample_index, o->focus,     o->ignore,     o->hide,
                                 o->show,         o->show_from, o->prune_from, o->tagfocus,
                                 o->tagignore,    o->tagshow,   o->taghide,    o->tagroot,
                                 o->tagleaf,      o->unit};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        buf_puts(key, texts[i] ? texts[i] : "");
        buf_putc(key, '\0');
    }
    buf_printf(key, "%d %d %d %d %d", (int)o->granularity, o->noinlines, o->showcolumns,
               o->relative_percentages, o->mean);
}

static bool same_key(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

/* The entry of the key, now the latest; NULL: there is none.  With the lock held. */
static struct entry *find(struct pipeline_cache *cache, const struct buf *key)
{
    for (struct entry **at = &cache->latest; *at; at = &(*at)->next) {
        struct entry *e = *at;
        if (!same_key(&e->key, key))
            continue;
        *at = e->next;
        e->next = cache->latest;
        cache->latest = e;
        return e;
    }
    return NULL;
}

/* With the lock held. */
static void drop_oldest(struct pipeline_cache *cache)
{
    struct entry **at = &cache->latest;
    size_t bytes = 0;
    for (unsigned n = 0; *at && n < N_KEPT; n++) {
        bytes += (*at)->pipeline.view.arena.n_bytes;
        for (unsigned i = 0; i < (*at)->n_sums; i++)
            bytes += graph_sums_bytes((*at)->sums[i]);
        if (n > 0 && bytes > cache->most_bytes)
            break;
        at = &(*at)->next;
    }
    struct entry *e = *at;
    *at = NULL;
    while (e) {
        struct entry *next = e->next;
        e->is_dropped = true;
        if (!e->n_users)
            entry_free(e);
        e = next;
    }
}

static struct entry *entry_new(struct pipeline_cache *cache, const struct pipeline_options *options,
                               struct buf *key, struct err *err)
{
    struct pipeline_options own = *options;
    struct entry *e = calloc(1, sizeof *e);
    own.argument = NULL;
    if (!e) {
        err_nomem(err);
        return NULL;
    }
    diag_init(&e->notes);
    if (!pipeline_run(&e->pipeline, cache->profile, &own, &e->notes, err)) {
        entry_free(e);
        return NULL;
    }
    e->key = *key;
    *key = (struct buf){0};
    return e;
}

const struct pipeline *pipeline_cache_get(struct pipeline_cache *cache,
                                          const struct pipeline_options *options, struct diag *diag,
                                          struct err *err)
{
    AUTO_BUF key = {0};
    make_key(&key, options);
    if (key.failed) {
        err_nomem(err);
        return NULL;
    }
    pthread_mutex_lock(&cache->lock);
    struct entry *e = find(cache, &key);
    if (e)
        e->n_users++;
    pthread_mutex_unlock(&cache->lock);
    if (!e) {
        /* Without the lock: another thread may make the same meanwhile, which only takes
         * room. */
        e = entry_new(cache, options, &key, err);
        if (!e)
            return NULL;
        e->n_users = 1;
        pthread_mutex_lock(&cache->lock);
        e->next = cache->latest;
        cache->latest = e;
        drop_oldest(cache);
        pthread_mutex_unlock(&cache->lock);
    }
    for (size_t i = 0; i < e->notes.n; i++)
        diag_add(diag, "%s", e->notes.texts[i]);
    return &e->pipeline;
}

/* With the lock held. */
static const struct graph_sums *find_sums(const struct entry *e,
                                          const struct graph_options *options)
{
    for (unsigned i = 0; i < e->n_sums; i++)
        if (graph_sums_fit(e->sums[i], options))
            return e->sums[i];
    return NULL;
}

const struct graph_sums *pipeline_cache_sums(struct pipeline_cache *cache,
                                             const struct pipeline *pipeline,
                                             const struct graph_options *options)
{
    pthread_mutex_lock(&cache->lock);
    const struct graph_sums *sums = find_sums((const struct entry *)pipeline, options);
    pthread_mutex_unlock(&cache->lock);
    return sums;
}

void pipeline_cache_keep(struct pipeline_cache *cache, const struct pipeline *pipeline,
                         const struct graph_options *options, struct graph_sums *sums)
{
    struct entry *e = (struct entry *)pipeline;
    if (!sums)
        return;
    pthread_mutex_lock(&cache->lock);
    bool is_kept = e->n_sums < MOST_SUMS && !find_sums(e, options);
    if (is_kept) {
        e->sums[e->n_sums++] = sums;
        drop_oldest(cache);
    }
    pthread_mutex_unlock(&cache->lock);
    if (!is_kept)
        graph_sums_free(sums);
}

void pipeline_cache_put(struct pipeline_cache *cache, const struct pipeline *pipeline)
{
    struct entry *e = (struct entry *)pipeline;
    pthread_mutex_lock(&cache->lock);
    bool is_last = --e->n_users == 0 && e->is_dropped;
    pthread_mutex_unlock(&cache->lock);
    if (is_last)
        entry_free(e);
}
