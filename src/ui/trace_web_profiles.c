#include "ui/trace_web_profiles.h"

#include "analysis/analysis_scope.h"
#include "ui/trace_web_regions.h"
#include "ui/trace_web_tree.h"

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

/* --- what a profile is of --- */

struct part {
    struct analysis_options options;
    struct analysis_scope scope;
    const struct analysis_ops *ops;
    bool is_all; /* the whole trace */
};

static int64_t or_else(int64_t ns, int64_t other)
{
    return ns == ANALYSIS_NEVER ? other : ns;
}

static bool add_region(struct part *part, const struct trace_web_model *model,
                       const struct analysis_ledger_region *r)
{
    return analysis_scope_add(&part->scope, r->g, or_else(r->start_ns, model->facts->first_ns),
                              or_else(r->end_ns, model->facts->last_ns));
}

/* The regions that the query names, as go tool trace has it. */
static bool scope_regions(struct part *part, const struct trace_web_model *model,
                          const struct trace_query *query, struct err *err)
{
    struct trace_web_region_filter filter;
    if (!trace_web_region_filter(query, &filter, err))
        return false;
    for (size_t i = 0; i < model->ledger.regions.n; i++) {
        const struct analysis_ledger_region *r = &model->ledger.regions.items[i];
        if (trace_web_region_matches(&filter, model->facts, r) && !add_region(part, model, r))
            return err_nomem(err);
    }
    return true;
}

/* The regions of a task and its subtasks. */
static bool scope_task(struct part *part, const struct trace_web_model *model, uint64_t task,
                       struct err *err)
{
    struct trace_web_tree tree;
    bool ok = trace_web_tree(&model->ledger, task, &tree);
    for (size_t i = 0; ok && i < model->ledger.regions.n; i++) {
        const struct analysis_ledger_region *r = &model->ledger.regions.items[i];
        if (map_get(&tree.ids, r->task) != MAP_NONE)
            ok = add_region(part, model, r);
    }
    trace_web_tree_release(&tree);
    return ok || err_nomem(err);
}

static bool scope_goroutines(struct part *part, const struct trace_query *query, struct err *err)
{
    for (size_t i = 0; i < query->n_goids; i++)
        if (!analysis_scope_add(&part->scope, query->goids[i], INT64_MIN, INT64_MAX))
            return err_nomem(err);
    return true;
}

/* "regionnet" is net, of regions. */
static bool begin_part(struct part *part, const struct trace_web_model *model, const char *name,
                       const struct trace_query *query, struct err *err)
{
    const bool of_regions = !strncmp(name, "region", 6) && strcmp(name, "regions") != 0;
    const bool of_task = query->task && strcmp(name, "regions") != 0 && strcmp(name, "tasks") != 0;
    bool ok = true;
    *part = (struct part){.ops = analysis_find(ANALYSIS_PROFILE, of_regions ? name + 6 : name),
                          .options.goroutine_name = query->name};
    if (!part->ops)
        return err_set(err, ERR_USAGE, "there is no profile '%.32s' of a trace", name);
    if (of_regions + of_task + (query->n_goids > 0) > 1)
        return err_set(err, ERR_USAGE, "a profile is of goroutines, of a task or of regions");
    if (query->start_ns > 0)
        part->options.start_ns = query->start_ns;
    if (query->end_ns < model->stats.duration_ns)
        part->options.end_ns = query->end_ns > 0 ? query->end_ns : 1;
    if (of_regions)
        ok = scope_regions(part, model, query, err);
    else if (of_task)
        ok = scope_task(part, model, query->task, err);
    else if (query->n_goids)
        ok = scope_goroutines(part, query, err);
    else
        part->options.task = query->task;
    if (of_regions || of_task || query->n_goids) {
        analysis_scope_seal(&part->scope);
        part->options.scope = &part->scope;
    }
    part->is_all = !part->options.scope && !query->name && !query->task &&
                   !part->options.start_ns && !part->options.end_ns;
    return ok;
}

static bool run_part(const struct trace_web_load *load, const struct part *part,
                     struct analysis_task *task, struct trace_reader **reader, struct diag *diag,
                     struct err *err)
{
    if (part->options.start_ns || part->options.end_ns)
        return trace_web_load_part(load, &part->options, task, err);
    *reader = trace_web_load_again(load, err);
    return *reader && analysis_run(*reader, &part->options, task, 1, diag, err);
}

static struct profile *make_part(const struct trace_web_load *load, const struct part *part,
                                 struct diag *diag, struct err *err)
{
    struct profile *profile = NULL;
    struct analysis_task task = {.ops = part->ops};
    struct trace_reader *reader = NULL;
    if (run_part(load, part, &task, &reader, diag, err))
        profile = part->ops->profile(task.state, err);
    analysis_release(&task, 1);
    trace_reader_free(reader);
    return profile;
}

/* Of all of the trace, if that is added up already; NULL: it is not. */
static const struct analysis_task *find_whole(struct trace_web_load *load,
                                              const struct analysis_ops *ops)
{
    const struct trace_web_rest *rest = trace_web_load_rest(load);
    for (size_t i = 0; rest && i < rest->n_profiles; i++)
        if (rest->profiles[i].ops == ops)
            return &rest->profiles[i];
    return NULL;
}

static struct profile *make(struct trace_web_load *load, const char *name,
                            const struct trace_query *query, struct diag *diag, struct err *err)
{
    struct part part;
    struct profile *profile = NULL;
    const struct trace_web_model *model = trace_web_load_model(load);
    if (begin_part(&part, model, name, query, err)) {
        const struct analysis_task *whole = part.is_all ? find_whole(load, part.ops) : NULL;
        profile =
            whole ? whole->ops->profile(whole->state, err) : make_part(load, &part, diag, err);
    }
    analysis_scope_release(&part.scope);
    return profile;
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
                                                       struct trace_web_load *load,
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
