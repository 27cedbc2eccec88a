#include "ui/trace_web_lists.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LISTS_MAX 12 /* that are kept */

struct trace_web_list {
    struct trace_web_list *next; /* the one used before */
    struct buf key;
    struct timeline_tracks tracks;
    unsigned n_users; /* the lists are one as long as it is in there */
};

struct trace_web_lists {
    pthread_mutex_t lock;
    struct trace_web_list *latest;
};

struct trace_web_lists *trace_web_lists_new(void)
{
    struct trace_web_lists *lists = calloc(1, sizeof *lists);
    if (lists)
        pthread_mutex_init(&lists->lock, NULL);
    return lists;
}

/* With the lock held. */
static void drop(struct trace_web_list *list)
{
    if (--list->n_users > 0)
        return;
    timeline_tracks_release(&list->tracks);
    buf_release(&list->key);
    free(list);
}

void trace_web_lists_free(struct trace_web_lists *lists)
{
    if (!lists)
        return;
    for (struct trace_web_list *l = lists->latest; l;) {
        struct trace_web_list *next = l->next;
        drop(l);
        l = next;
    }
    pthread_mutex_destroy(&lists->lock);
    free(lists);
}

static bool read_view(const struct trace_query *query, enum timeline_view *view, struct err *err)
{
    static const char *const names[] = {
        [TIMELINE_VIEW_PROC] = "proc",
        [TIMELINE_VIEW_THREAD] = "thread",
        [TIMELINE_VIEW_GOROUTINE] = "goroutine",
        [TIMELINE_VIEW_TASK] = "task",
    };
    const char *text = trace_query_text(query, "view");
    if (!text)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(text, names[i])) {
            *view = (enum timeline_view)i;
            return true;
        }
    return err_set(err, ERR_USAGE,
                   "there is no view '%.32s'; there are proc, thread, goroutine and task", text);
}

bool trace_web_lists_select(const struct trace_query *query, struct timeline_selection *selection,
                            struct err *err)
{
    int64_t taskid = 0, focus = 0, related = 0;
    *selection = (struct timeline_selection){.goids = query->goids,
                                             .n_goids = (uint32_t)query->n_goids,
                                             .function = query->name,
                                             .task = query->task};
    if (!trace_query_int(query, "taskid", 1, INT64_MAX, &taskid, err) ||
        !trace_query_int(query, "focustask", 1, INT64_MAX, &focus, err) ||
        !trace_query_int(query, "related", 0, 1, &related, err))
        return false;
    /* As go tool trace: a goroutine or a task asks for goroutines, unless a view is given. */
    selection->view = query->n_goids || query->name || query->task || taskid
                          ? TIMELINE_VIEW_GOROUTINE
                          : TIMELINE_VIEW_PROC;
    selection->related = related;
    if (taskid || focus) {
        selection->task = (uint64_t)(focus ? focus : taskid);
        selection->with_tasks = true;
    }
    return read_view(query, &selection->view, err);
}

static void make_key(const struct timeline_selection *s, struct buf *key)
{
    buf_printf(key, "%d %d %d %llu", s->view, s->related, s->with_tasks,
               (unsigned long long)s->task);
    for (uint32_t i = 0; i < s->n_goids; i++)
        buf_printf(key, ",%lld", (long long)s->goids[i]);
    if (s->function)
        buf_printf(key, "=%s", s->function);
}

/* The list of the key, for one more user, now first.  With the lock held. */
static struct trace_web_list *find(struct trace_web_lists *lists, const struct buf *key)
{
    for (struct trace_web_list **at = &lists->latest; *at; at = &(*at)->next) {
        struct trace_web_list *l = *at;
        if (l->key.len != key->len || memcmp(l->key.data, key->data, key->len) != 0)
            continue;
        *at = l->next;
        l->next = lists->latest;
        lists->latest = l;
        l->n_users++;
        return l;
    }
    return NULL;
}

/* With the lock held. */
static void drop_oldest(struct trace_web_lists *lists)
{
    struct trace_web_list **at = &lists->latest;
    for (unsigned i = 0; *at && i < LISTS_MAX; i++)
        at = &(*at)->next;
    struct trace_web_list *l = *at;
    *at = NULL;
    while (l) {
        struct trace_web_list *next = l->next;
        drop(l);
        l = next;
    }
}

struct trace_web_list *trace_web_lists_get(struct trace_web_lists *lists,
                                           const struct timeline *timeline,
                                           const struct trace_query *query, struct err *err)
{
    AUTO_BUF key = {0};
    struct timeline_selection selection;
    if (!trace_web_lists_select(query, &selection, err))
        return NULL;
    make_key(&selection, &key);
    if (key.failed) {
        err_nomem(err);
        return NULL;
    }
    pthread_mutex_lock(&lists->lock);
    struct trace_web_list *l = find(lists, &key);
    pthread_mutex_unlock(&lists->lock);
    if (l)
        return l;
    l = calloc(1, sizeof *l);
    if (!l) {
        err_nomem(err);
        return NULL;
    }
    if (!timeline_tracks(timeline, &selection, &l->tracks, err)) {
        free(l);
        return NULL;
    }
    l->key = key;
    key = (struct buf){0};
    l->n_users = 2;
    /* Another may have made the same meanwhile: then there are two, of which one soon goes. */
    pthread_mutex_lock(&lists->lock);
    l->next = lists->latest;
    lists->latest = l;
    drop_oldest(lists);
    pthread_mutex_unlock(&lists->lock);
    return l;
}

void trace_web_lists_put(struct trace_web_lists *lists, struct trace_web_list *list)
{
    pthread_mutex_lock(&lists->lock);
    drop(list);
    pthread_mutex_unlock(&lists->lock);
}

const struct timeline_tracks *trace_web_list_tracks(const struct trace_web_list *list)
{
    return &list->tracks;
}
