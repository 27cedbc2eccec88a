#include "ui/trace_web_load.h"

#include "base/pages.h"
#include "timeline/timeline_part.h"
#include "trace/trace_source.h"
#include "ui/progress.h"
#include "ui/source.h"
#include "ui/trace_name.h"
#include "ui/trace_take.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define NICE 10 /* of what nobody waits for */
/* Of the file, for utilisation by other flags: one part in so many; but at least so much. */
#define KEPT_SHARE 100
#define KEPT_LEAST ((size_t)1 << 20)

enum state { STATE_READING, STATE_READY, STATE_FAILED };

struct trace_web_load {
    char *path; /* malloc'ed; of what a server or a pipe sent, a file in memory */
    const char *binary;
    int fd; /* of that file; -1 */
    struct trace_reader *reader;
    struct trace_web_model model;
    struct trace_web_rest rest;
    struct analysis_options all, with_ledger; /* of the analyses: everything */
    struct err err;
    atomic_int state;
    pthread_mutex_t lock; /* of what is below */
    pthread_cond_t read;  /* the state is another */
    bool is_over, has_rest;
    atomic_uint_least64_t done, total, n_events;
    bool has_thread;
    pthread_t thread;
    void (*on_done)(void *arg);
    void *on_done_arg;
};

/* What comes once is kept in memory, as a file, since it is read more than once. */
static bool keep(struct trace_web_load *load, const struct file *body, struct err *err)
{
    char name[32];
    load->fd = memfd_create("sonde-trace", MFD_CLOEXEC);
    for (size_t at = 0; load->fd >= 0 && at < body->len;) {
        ssize_t n = write(load->fd, body->data + at, body->len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "cannot keep the trace in memory");
        at += (size_t)n;
    }
    if (load->fd < 0)
        return err_sys(err, errno, "cannot keep the trace in memory");
    snprintf(name, sizeof name, "/proc/self/fd/%d", load->fd);
    load->path = strdup(name);
    return load->path || err_nomem(err);
}

/* What a server sends, a pipe, and a program that runs. */
static bool fetch(struct trace_web_load *load, const char *path, struct err *err)
{
    struct stat st;
    struct url url = {0};
    struct file body = {0};
    const struct source_options options = {0};
    bool is_there = stat(path, &st) == 0, is_url = !is_there && url_of_source(&url, path, 0, 0);
    bool is_live = !is_there && trace_take_is_name(path);
    url_release(&url);
    if (!is_url && !is_live && !(is_there && S_ISFIFO(st.st_mode))) {
        load->path = strdup(path);
        return load->path || err_nomem(err);
    }
    url = (struct url){0};
    bool ok = is_live  ? trace_take_name(path, &body, err)
              : is_url ? source_read(path, &options, &body, &url, err)
                       : file_read(&body, path, err);
    url_release(&url);
    if (ok && !trace_header_version(body.data, body.len)) { /* told by its own name */
        trace_header_error(body.data, body.len, path, err);
        ok = false;
    }
    ok = ok && keep(load, &body, err);
    file_release(&body);
    return ok;
}

/* A file of Go 1.5 is named by a program's file. */
static struct trace_reader *open_named(const struct trace_web_load *load, struct err *err)
{
    struct file none = {0};
    struct trace_reader *reader =
        trace_name_open(load->path, load->binary, &(struct source_options){0}, &none, err);
    file_release(&none);
    return reader;
}

struct trace_web_load *trace_web_load_open(const char *path, const char *binary, struct err *err)
{
    struct trace_web_load *load = calloc(1, sizeof *load);
    if (!load) {
        err_nomem(err);
        return NULL;
    }
    struct trace_web_model *model = &load->model;
    load->fd = -1;
    pthread_mutex_init(&load->lock, NULL);
    pthread_cond_init(&load->read, NULL);
    diag_init(&model->diag);
    bool ok = fetch(load, path, err);
    if (ok) {
        model->timeline = timeline_new();
        ok = model->timeline || err_nomem(err);
    }
    load->binary = binary;
    if (ok) {
        load->reader =
            binary ? open_named(load, err) : timeline_open(model->timeline, load->path, err);
        ok = load->reader != NULL;
    }
    if (ok && binary)
        timeline_open_events(model->timeline, trace_reader_trace(load->reader));
    if (!ok) {
        trace_web_load_free(load);
        return NULL;
    }
    model->trace = trace_reader_trace(load->reader);
    unsigned version = trace_reader_version(load->reader);
    snprintf(model->format, sizeof model->format, "Go 1.%u", version);
    uint64_t done, total;
    trace_reader_progress(load->reader, &done, &total);
    load->total = model->n_bytes = total;
    return load;
}

/* The wall clock's time of the first event, from the first clock that the trace tells. */
static void note_wall(struct trace_web_model *model, const struct trace_reader *reader,
                      int64_t first_ns)
{
    const struct trace_clock clock = trace_reader_clock(reader);
    if (!clock.is_known || model->wall_ms)
        return;
    int64_t before_ns;
    if (__builtin_sub_overflow(clock.trace_ns, first_ns, &before_ns) ||
        clock.wall_s > INT64_MAX / 10000 || clock.wall_s < 0)
        return; /* no clock says that */
    model->wall_ms = clock.wall_s * 1000 + clock.wall_ns / 1000000 - before_ns / 1000000;
}

/* Is there more than the marks between generations? */
static bool has_events(const struct trace_event *events, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (events[i].type != TRACE_SYNC)
            return true;
    return false;
}

/* To the end of the trace, or to where it is broken. */
static bool read_events(struct trace_web_load *load, struct err *err)
{
    struct trace_web_model *model = &load->model;
    const struct trace_event *events;
    size_t n;
    int64_t first_ns = 0;
    bool is_first = true, any = false;
    for (;;) {
        struct err broken = {0};
        if (!trace_reader_next(load->reader, &events, &n, &broken)) {
            if (!any || broken.code != ERR_INPUT) {
                *err = broken;
                return false;
            }
            diag_add(&model->diag, "%s; what comes before is shown", broken.msg);
            return true;
        }
        if (!n)
            return any || err_set(err, ERR_INPUT, "there are no events in the trace");
        if (is_first)
            first_ns = events[0].time_ns;
        is_first = false;
        any = any || has_events(events, n);
        note_wall(model, load->reader, first_ns);
        timeline_events(model->timeline, events, n);
        analysis_facts_events(model->facts, events, n);
        trace_web_mmu_seen(&model->mmu, events, n);
        uint64_t done, total;
        trace_reader_progress(load->reader, &done, &total);
        load->done = done;
        load->n_events += n;
    }
}

static bool make_model(struct trace_web_load *load, struct err *err)
{
    struct trace_web_model *model = &load->model;
    trace_web_mmu_begin(&model->mmu, TRACE_WEB_MMU_FLAGS, 0);
    uint64_t most = model->n_bytes / KEPT_SHARE;
    trace_web_mmu_keep(&model->mmu, &model->gc_events,
                       most < KEPT_LEAST ? KEPT_LEAST : (size_t)most);
    load->with_ledger = (struct analysis_options){.ledger = &model->ledger, .mmu = &model->mmu.mmu};
    model->facts = analysis_facts_begin(model->trace, &load->with_ledger, NULL, err);
    if (!model->facts || !read_events(load, err) || !timeline_end(model->timeline, err) ||
        !analysis_facts_end(model->facts, err) || !trace_web_mmu_end(&model->mmu, err))
        return false;
    model->stats = timeline_stats(model->timeline);
    model->is_native = trace_is_native(model->trace);
    if (model->ledger.n_dropped)
        diag_add(&model->diag, "%llu rows of goroutines, regions, tasks and logs are left out",
                 (unsigned long long)model->ledger.n_dropped);
    return true;
}

/* All profiles. */
static bool make_rest(struct trace_web_load *load, struct err *err)
{
    struct trace_web_rest *rest = &load->rest;
    const struct trace_event *events;
    size_t n = 0;
    struct err broken = {0};
    struct trace_reader *reader = trace_web_load_again(load, err);
    if (!reader)
        return false;
    const struct trace *trace = trace_reader_trace(reader);
    bool ok = true;
    for (size_t i = 0; ok && analysis_registry[i]; i++) {
        const struct analysis_ops *ops = analysis_registry[i];
        if (ops->group != ANALYSIS_PROFILE || rest->n_profiles == TRACE_WEB_PROFILES_MAX)
            continue;
        struct analysis_task *task = &rest->profiles[rest->n_profiles++];
        task->ops = ops;
        task->state = ops->begin(trace, &load->all, NULL, err);
        ok = task->state != NULL;
    }
    /* Where it is broken the first reading has told. */
    while (ok && trace_reader_next(reader, &events, &n, &broken) && n)
        for (size_t i = 0; i < rest->n_profiles; i++)
            rest->profiles[i].ops->events(rest->profiles[i].state, events, n);
    for (size_t i = 0; ok && i < rest->n_profiles; i++)
        ok = rest->profiles[i].ops->end(rest->profiles[i].state, err);
    rest->trace = trace_reader_take_trace(reader);
    trace_reader_free(reader);
    return ok;
}

static void *read_trace(void *arg)
{
    struct trace_web_load *load = arg;
    struct progress progress;
    progress_begin(&progress, "reading the trace");
    bool ok = make_model(load, &load->err);
    progress_end(&progress);
    load->model.kept = trace_reader_take_trace(load->reader);
    trace_reader_free(load->reader); /* and its memory */
    load->reader = NULL;
    pages_give_back();
    pthread_mutex_lock(&load->lock);
    atomic_store(&load->state, ok ? STATE_READY : STATE_FAILED);
    load->is_over = !ok; /* who is told so may wait for us */
    pthread_cond_broadcast(&load->read);
    pthread_mutex_unlock(&load->lock);
    load->on_done(load->on_done_arg);
    /* Not at the cost of what is asked for meanwhile; a failure leaves it to them. */
    struct err none = {0};
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    ok = ok && make_rest(load, &none);
    pthread_mutex_lock(&load->lock);
    load->has_rest = ok;
    load->is_over = true;
    pthread_mutex_unlock(&load->lock);
    return NULL;
}

const struct trace_web_rest *trace_web_load_rest(struct trace_web_load *load)
{
    pthread_mutex_lock(&load->lock);
    bool has_rest = load->has_rest;
    pthread_mutex_unlock(&load->lock);
    return has_rest ? &load->rest : NULL;
}

bool trace_web_load_start(struct trace_web_load *load, void (*done)(void *arg), void *arg,
                          struct err *err)
{
    sigset_t all, old;
    load->on_done = done;
    load->on_done_arg = arg;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int rc = pthread_create(&load->thread, NULL, read_trace, load);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    load->has_thread = rc == 0;
    return load->has_thread || err_sys(err, rc, "cannot start a thread");
}

const struct trace_web_model *trace_web_load_model(const struct trace_web_load *load)
{
    return atomic_load(&load->state) == STATE_READY ? &load->model : NULL;
}

const struct trace_web_model *trace_web_load_wait(struct trace_web_load *load, struct err *err)
{
    pthread_mutex_lock(&load->lock);
    while (atomic_load(&load->state) == STATE_READING)
        pthread_cond_wait(&load->read, &load->lock);
    pthread_mutex_unlock(&load->lock);
    const struct trace_web_model *model = trace_web_load_model(load);
    if (!model)
        *err = load->err;
    return model;
}

const struct err *trace_web_load_failure(const struct trace_web_load *load)
{
    return atomic_load(&load->state) == STATE_FAILED ? &load->err : NULL;
}

bool trace_web_load_is_over(struct trace_web_load *load)
{
    pthread_mutex_lock(&load->lock);
    bool is_over = load->is_over || !load->has_thread;
    pthread_mutex_unlock(&load->lock);
    return is_over;
}

struct trace_web_progress trace_web_load_progress(const struct trace_web_load *load)
{
    return (struct trace_web_progress){load->done, load->total, load->n_events, load->model.format};
}

struct trace_reader *trace_web_load_again(const struct trace_web_load *load, struct err *err)
{
    return load->binary ? open_named(load, err) : trace_reader_open(load->path, err);
}

static bool hand_over(void *arg, const struct trace_event *events, size_t n)
{
    return analysis_pass_events(arg, events, n);
}

bool trace_web_load_part(const struct trace_web_load *load, const struct analysis_options *options,
                         struct analysis_task *task, struct err *err)
{
    struct analysis_pass pass;
    const struct trace_web_model *model = trace_web_load_model(load);
    const struct timeline_part part = {.start_ns = options->start_ns,
                                       .end_ns = options->end_ns ? options->end_ns : INT64_MAX,
                                       .n_behind = ANALYSIS_BEHIND_EVENTS,
                                       .tells_names = task->ops->group == ANALYSIS_SUMMARY};
    return analysis_pass_begin(&pass, model->trace, options, task, 1, err) &&
           timeline_part(model->timeline, &part, hand_over, &pass, err) &&
           analysis_pass_end(&pass, err);
}

void trace_web_load_free(struct trace_web_load *load)
{
    if (!load)
        return;
    if (load->has_thread)
        pthread_join(load->thread, NULL);
    analysis_release(load->rest.profiles, load->rest.n_profiles);
    trace_free(load->rest.trace);
    analysis_facts_free(load->model.facts);
    analysis_ledger_release(&load->model.ledger);
    trace_web_mmu_release(&load->model.mmu);
    trace_web_kept_release(&load->model.gc_events);
    timeline_free(load->model.timeline);
    diag_release(&load->model.diag);
    trace_reader_free(load->reader);
    trace_free(load->model.kept);
    if (load->fd >= 0)
        close(load->fd);
    pthread_cond_destroy(&load->read);
    pthread_mutex_destroy(&load->lock);
    free(load->path);
    free(load);
}
