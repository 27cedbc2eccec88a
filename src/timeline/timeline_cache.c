#include "timeline/timeline_cache.h"

#include "timeline/timeline_index.h"
#include "timeline/timeline_replay.h"

#include <stdlib.h>

struct timeline_cache {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct timeline_changes *newest, *oldest;
    struct map at; /* chunk and class -> place in all */
    VEC(struct timeline_changes *) all;
    size_t n_bytes;
};

struct timeline_cache *timeline_cache_new(void)
{
    struct timeline_cache *cache = calloc(1, sizeof *cache);
    if (cache) {
        pthread_mutex_init(&cache->lock, NULL);
        pthread_cond_init(&cache->changed, NULL);
    }
    return cache;
}

static void free_changes(struct timeline_changes *c)
{
    if (!c)
        return;
    free(c->items);
    free(c->lanes);
    free(c->begins);
    free(c);
}

void timeline_cache_free(struct timeline_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->all.n; i++)
        free_changes(cache->all.items[i]);
    vec_release(&cache->all);
    map_release(&cache->at);
    pthread_mutex_destroy(&cache->lock);
    pthread_cond_destroy(&cache->changed);
    free(cache);
}

/* Whoever is used is no part of the list. */
static void unlink_one(struct timeline_cache *cache, struct timeline_changes *c)
{
    *(c->newer ? &c->newer->older : &cache->newest) = c->older;
    *(c->older ? &c->older->newer : &cache->oldest) = c->newer;
    c->newer = c->older = NULL;
}

static void link_newest(struct timeline_cache *cache, struct timeline_changes *c)
{
    c->older = cache->newest;
    c->newer = NULL;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = c;
    cache->newest = c;
}

static uint64_t key_of(size_t chunk, enum timeline_class class)
{
    return chunk * TIMELINE_N_CLASSES + class;
}

/* Out of the cache and freed; its place in the map stays, and says so. */
static void drop(struct timeline_cache *cache, struct timeline_changes *c)
{
    uint32_t place = map_get(&cache->at, key_of(c->chunk, c->class));
    cache->all.items[place] = NULL;
    cache->n_bytes -= c->n_bytes;
    free_changes(c);
}

const struct timeline_changes *timeline_cache_get(const struct timeline *tl, size_t chunk,
                                                  enum timeline_class class)
{
    struct timeline_cache *cache = tl->cache;
    uint64_t key = key_of(chunk, class);
    pthread_mutex_lock(&cache->lock);
    uint32_t new = (uint32_t)cache->all.n, place = map_get_or_put(&cache->at, key, new);
    struct timeline_changes *c = NULL;
    if (place == MAP_NONE || (place == new && !vec_push(&cache->all, NULL))) {
        pthread_mutex_unlock(&cache->lock);
        return NULL;
    }
    if ((c = cache->all.items[place])) {
        if (c->is_ready && c->n_users == 0)
            unlink_one(cache, c);
        c->n_users++;
        while (!c->is_ready)
            pthread_cond_wait(&cache->changed, &cache->lock);
        pthread_mutex_unlock(&cache->lock);
    } else if ((c = calloc(1, sizeof *c))) {
        c->chunk = chunk;
        c->class = class;
        c->n_users = 1;
        cache->all.items[place] = c;
        pthread_mutex_unlock(&cache->lock);
        bool good = timeline_replay(tl, chunk, class, c);
        pthread_mutex_lock(&cache->lock);
        c->is_good = good;
        c->is_ready = true;
        cache->n_bytes += c->n_bytes;
        pthread_cond_broadcast(&cache->changed);
        pthread_mutex_unlock(&cache->lock);
    } else {
        pthread_mutex_unlock(&cache->lock);
        return NULL;
    }
    if (c->is_good)
        return c;
    timeline_cache_put(tl, c);
    return NULL;
}

void timeline_cache_put(const struct timeline *tl, const struct timeline_changes *changes)
{
    struct timeline_cache *cache = tl->cache;
    if (!changes)
        return;
    pthread_mutex_lock(&cache->lock);
    struct timeline_changes *c =
        cache->all.items[map_get(&cache->at, key_of(changes->chunk, changes->class))];
    if (--c->n_users == 0) {
        link_newest(cache, c);
        if (!c->is_good) {
            unlink_one(cache, c);
            drop(cache, c);
        }
    }
    while (cache->n_bytes > TIMELINE_CACHE_BYTES && cache->oldest) {
        struct timeline_changes *oldest = cache->oldest;
        unlink_one(cache, oldest);
        drop(cache, oldest);
    }
    pthread_mutex_unlock(&cache->lock);
}

const struct timeline_state *timeline_changes_of(const struct timeline_changes *changes,
                                                 uint32_t lane, uint32_t *n)
{
    uint32_t low = 0, high = changes->n_lanes;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (changes->lanes[mid] < lane)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == changes->n_lanes || changes->lanes[low] != lane) {
        *n = 0;
        return NULL;
    }
    *n = changes->begins[low + 1] - changes->begins[low];
    return changes->items + changes->begins[low];
}
