#include "ui/web_cache.h"

#include "base/gzip.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX ((size_t)4 << 20)
#define ONE_MAX (BYTES_MAX / 4)

struct entry {
    struct entry *next; /* the one used before */
    struct buf key, packed;
    char etag[24];
};

struct web_cache {
    pthread_mutex_t lock;
    struct entry *latest;
};

struct web_cache *web_cache_new(void)
{
    struct web_cache *cache = calloc(1, sizeof *cache);
    if (cache)
        pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static size_t size_of(const struct entry *e)
{
    return sizeof *e + e->key.cap + e->packed.cap;
}

static void entry_free(struct entry *e)
{
    buf_release(&e->key);
    buf_release(&e->packed);
    free(e);
}

void web_cache_free(struct web_cache *cache)
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

/* The entry of the key, taken out of the list.  With the lock held. */
static struct entry *take(struct web_cache *cache, const struct buf *key)
{
    for (struct entry **at = &cache->latest; *at; at = &(*at)->next) {
        struct entry *e = *at;
        if (e->key.len == key->len && !memcmp(e->key.data, key->data, key->len)) {
            *at = e->next;
            return e;
        }
    }
    return NULL;
}

static void put_first(struct web_cache *cache, struct entry *e)
{
    e->next = cache->latest;
    cache->latest = e;
}

bool web_cache_get(struct web_cache *cache, const struct buf *key, struct web_response *response)
{
    pthread_mutex_lock(&cache->lock);
    struct entry *e = take(cache, key);
    if (e) {
        put_first(cache, e);
        buf_add(&response->packed, e->packed.data, e->packed.len);
        memcpy(response->etag, e->etag, sizeof e->etag);
    }
    pthread_mutex_unlock(&cache->lock);
    return e != NULL;
}

/* With the lock held. */
static void drop_oldest(struct web_cache *cache)
{
    size_t bytes = 0;
    struct entry **at = &cache->latest;
    for (; *at && bytes + size_of(*at) <= BYTES_MAX; at = &(*at)->next)
        bytes += size_of(*at);
    struct entry *e = *at;
    *at = NULL;
    while (e) {
        struct entry *next = e->next;
        entry_free(e);
        e = next;
    }
}

void web_cache_put(struct web_cache *cache, const struct buf *key, struct web_response *response)
{
    uint8_t *packed = NULL;
    size_t n = 0;
    struct buf *body = &response->body;
    if (body->failed || key->failed || !gzip_deflate(body->data, body->len, 1, &packed, &n, NULL))
        return;
    response->packed = (struct buf){.data = (char *)packed, .len = n, .cap = n};
    web_response_etag(response);
    struct entry *e = n <= ONE_MAX ? calloc(1, sizeof *e) : NULL;
    if (!e)
        return;
    buf_add(&e->key, key->data, key->len);
    buf_add(&e->packed, packed, n);
    memcpy(e->etag, response->etag, sizeof e->etag);
    if (e->key.failed || e->packed.failed) {
        entry_free(e);
        return;
    }
    pthread_mutex_lock(&cache->lock);
    struct entry *old = take(cache, key);
    put_first(cache, e);
    drop_oldest(cache);
    pthread_mutex_unlock(&cache->lock);
    if (old)
        entry_free(old);
}
