#include "ui/trace_web_profiles.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 8

struct entry {
    struct trace_web_profile profile; /* first: what is handed out */
    struct entry *next;               /* the one used before */
    struct buf key;
    struct profile *own;
    unsigned n_users; /* the list is one as long as it is in there */
};

struct trace_web_profiles {
    pthread_mutex_t lock;
    struct entry *latest;
};

struct trace_web_profiles *trace_web_profiles_new(void)
{
    struct trace_web_profiles *profiles = calloc(1, sizeof *profiles);
    if (profiles)
        pthread_mutex_init(&profiles->lock, NULL);
    return profiles;
}

/* With the lock held. */
static void drop(struct entry *e)
{
    if (--e->n_users > 0)
        return;
    pipeline_cache_free(e->profile.cache);
    profile_free(e->own);
    buf_release(&e->key);
    free(e);
}

static void drop_after(struct entry **at)
{
    struct entry *e = *at;
    *at = NULL;
    while (e) {
        struct entry *next = e->next;
        drop(e);
        e = next;
    }
}

void trace_web_profiles_free(struct trace_web_profiles *profiles)
{
    if (!profiles)
        return;
    drop_after(&profiles->latest);
    pthread_mutex_destroy(&profiles->lock);
    free(profiles);
}

void trace_web_profiles_put(struct trace_web_profiles *profiles,
                            const struct trace_web_profile *profile)
{
    pthread_mutex_lock(&profiles->lock);
    drop((struct entry *)(uintptr_t)profile);
    pthread_mutex_unlock(&profiles->lock);
}

/* The entry of the key, for one more user, now first.  With the lock held. */
static struct entry *find(struct trace_web_profiles *profiles, const struct buf *key)
{
    for (struct entry **at = &profiles->latest; *at; at = &(*at)->next) {
        struct entry *e = *at;
        if (e->key.len != key->len || memcmp(e->key.data, key->data, key->len) != 0)
            continue;
        *at = e->next;
        e->next = profiles->latest;
        profiles->latest = e;
        e->n_users++;
        return e;
    }
    return NULL;
}

/* What the profile is of; whether that is a part of the trace. */
static bool make_options(const struct trace_web_model *model, const struct trace_query *query,
                         struct analysis_options *options, bool *is_part, struct err *err)
{
    *options = (struct analysis_options){.goroutine_name = query->name, .task = query->task};
    if (query->n_goids > 1)
        return err_set(err, ERR_USAGE, "a profile is of one goroutine, or of all");
    if (query->n_goids)
        options->goroutine = query->goids[0];
    if (query->start_ns > 0)
        options->start_ns = query->start_ns;
    if (query->end_ns < model->stats.duration_ns)
        options->end_ns = query->end_ns > 0 ? query->end_ns : 1;
    *is_part = query->name || query->task || query->n_goids || options->start_ns || options->end_ns;
    return true;
}

/* Of all of the trace: what the first reading has added up. */
static struct profile *make_whole(const struct trace_web_model *model,
                                  const struct analysis_ops *ops, struct err *err)
{
    for (size_t i = 0; i < model->n_profiles; i++)
        if (model->profiles[i].ops == ops)
            return ops->profile(model->profiles[i].state, err);
    err_set(err, ERR_USAGE, "there is no profile %s", ops->name);
    return NULL;
}

static struct profile *make_part(const struct trace_web_load *load, const struct analysis_ops *ops,
                                 const struct analysis_options *options, struct diag *diag,
                                 struct err *err)
{
    struct profile *profile = NULL;
    struct analysis_task task = {.ops = ops};
    struct trace_reader *reader = trace_web_load_again(load, err);
    if (!reader)
        return NULL;
    if (analysis_run(reader, options, &task, 1, diag, err))
        profile = ops->profile(task.state, err);
    analysis_release(&task, 1);
    trace_reader_free(reader);
    return profile;
}

static struct profile *make(const struct trace_web_load *load, const char *name,
                            const struct trace_query *query, struct diag *diag, struct err *err)
{
    bool is_part = false;
    struct analysis_options options;
    const struct trace_web_model *model = trace_web_load_model(load);
    const struct analysis_ops *ops = analysis_find(ANALYSIS_PROFILE, name);
    if (!ops) {
        err_set(err, ERR_USAGE, "there is no profile '%.32s' of a trace", name);
        return NULL;
    }
    if (!make_options(model, query, &options, &is_part, err))
        return NULL;
    return is_part ? make_part(load, ops, &options, diag, err) : make_whole(model, ops, err);
}

static void make_key(const char *name, const struct trace_query *query, struct buf *key)
{
    static const char *const also[] = {"type", "pc", "latmin", "latmax"};
    buf_printf(key, "%s %lld %lld %llu", name, (long long)query->start_ns, (long long)query->end_ns,
               (unsigned long long)query->task);
    for (size_t i = 0; i < query->n_goids; i++)
        buf_printf(key, ",%lld", (long long)query->goids[i]);
    if (query->name)
        buf_printf(key, "=%s", query->name);
    for (size_t i = 0; i < sizeof also / sizeof *also; i++) {
        const char *text = trace_query_text(query, also[i]);
        buf_printf(key, "\n%s", text ? text : "");
    }
}

/* Takes `profile` over; NULL and *err: no memory. */
static struct entry *keep(struct trace_web_profiles *profiles, struct buf *key,
                          struct profile *profile, struct err *err)
{
    struct entry *e = calloc(1, sizeof *e);
    struct pipeline_cache *cache = e ? pipeline_cache_new(profile) : NULL;
    if (!cache) {
        free(e);
        profile_free(profile);
        err_nomem(err);
        return NULL;
    }
    *e = (struct entry){.profile = {profile, cache}, .key = *key, .own = profile, .n_users = 2};
    *key = (struct buf){0};
    pthread_mutex_lock(&profiles->lock);
    e->next = profiles->latest;
    profiles->latest = e;
    struct entry **at = &profiles->latest;
    for (unsigned i = 0; *at && i < KEPT_MAX; i++)
        at = &(*at)->next;
    drop_after(at);
    pthread_mutex_unlock(&profiles->lock);
    return e;
}

const struct trace_web_profile *trace_web_profiles_get(struct trace_web_profiles *profiles,
                                                       const struct trace_web_load *load,
                                                       const char *name,
                                                       const struct trace_query *query,
                                                       struct diag *diag, struct err *err)
{
    AUTO_BUF key = {0};
    make_key(name, query, &key);
    if (key.failed) {
        err_nomem(err);
        return NULL;
    }
    pthread_mutex_lock(&profiles->lock);
    struct entry *e = find(profiles, &key);
    pthread_mutex_unlock(&profiles->lock);
    if (!e) {
        struct profile *profile = make(load, name, query, diag, err);
        e = profile ? keep(profiles, &key, profile, err) : NULL;
    }
    return e ? &e->profile : NULL;
}
