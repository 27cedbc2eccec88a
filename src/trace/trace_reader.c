#include "trace/trace_reader.h"

#include "base/reader.h"
#include "base/thread.h"
#include "trace/trace_source.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_EVENTS 8192 /* 512 kB: handing one over to the other thread costs some 20 us */
#define N_BLOCKS 4

struct slot {
    struct trace_block block;
    struct err err;
    bool is_last;
};

struct trace_reader {
    struct file file;
    struct trace_input input;
    struct trace_names names;
    struct trace *trace;
    const struct trace_source_ops *ops;
    void *source;
    struct trace_event *events; /* of all blocks */
    struct slot slots[N_BLOCKS];

    struct thread thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock; numbers of blocks since the start. */
    uint64_t n_filled, n_taken; /* the block that the caller looks at is not yet taken */
    bool stop;

    /* Of who fills the blocks. */
    bool has_first;
    int64_t first_ns;

    /* Of the caller. */
    bool is_holding, is_over;
    struct err err; /* to be told after the last block */
    struct trace_clock clock;
    uint64_t done;
};

/* Whoever reads the events may take differences of times: they end where a time is out of bounds.
 */
static bool keep_times(struct trace_reader *r, struct slot *slot)
{
    const int64_t far_ns = INT64_MAX / 2;
    struct trace_block *b = &slot->block;
    if (!r->has_first && b->n) {
        r->has_first = true;
        r->first_ns = b->events[0].time_ns;
        if (r->first_ns < -far_ns || r->first_ns > far_ns) {
            b->n = 0;
            return err_set(&slot->err, ERR_INPUT, "broken trace: it begins at %" PRId64 " ns",
                           r->first_ns);
        }
    }
    for (size_t i = 0; i < b->n; i++) {
        if ((uint64_t)b->events[i].time_ns - (uint64_t)r->first_ns <= TRACE_LENGTH_MAX_NS)
            continue;
        b->n = i;
        return err_set(&slot->err, ERR_INPUT,
                       "broken trace: an event at %" PRId64 " ns of a trace that begins at %" PRId64
                       " ns",
                       b->events[i].time_ns, r->first_ns);
    }
    return true;
}

static void fill(struct trace_reader *r, struct slot *slot)
{
    slot->block.n = 0;
    slot->block.is_new_clock = false;
    slot->err = (struct err){0};
    bool good = r->ops->next(r->source, &slot->block, &slot->err);
    good = keep_times(r, slot) && good;
    slot->is_last = !good || slot->block.n == 0;
}

static void *run(void *arg)
{
    struct trace_reader *r = arg;
    for (bool go_on = true; go_on;) {
        pthread_mutex_lock(&r->lock);
        while (r->n_filled - r->n_taken == N_BLOCKS && !r->stop)
            pthread_cond_wait(&r->changed, &r->lock);
        struct slot *slot = &r->slots[r->n_filled % N_BLOCKS];
        go_on = !r->stop;
        pthread_mutex_unlock(&r->lock);
        if (!go_on)
            break;
        fill(r, slot);
        go_on = !slot->is_last;
        pthread_mutex_lock(&r->lock);
        r->n_filled++;
        pthread_cond_signal(&r->changed);
        pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

/* Signals are for the other threads. */
static void start_thread(struct trace_reader *r)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r->has_thread = thread_start(&r->thread, run, r);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

unsigned trace_header_version(const uint8_t *data, size_t n)
{
    char text[GOTRACE_HEADER_BYTES + 1] = {0}, again[GOTRACE_HEADER_BYTES + 16] = {0};
    unsigned version;
    if (n < GOTRACE_HEADER_BYTES)
        return 0;
    memcpy(text, data, GOTRACE_HEADER_BYTES);
    if (sscanf(text, "go 1.%3u trace", &version) != 1)
        return 0;
    snprintf(again, sizeof again, "go 1.%u trace", version);
    return memcmp(again, data, GOTRACE_HEADER_BYTES) == 0 ? version : 0;
}

void trace_header_error(const uint8_t *data, size_t n, const char *name, struct err *err)
{
    if (!n)
        err_set(err, ERR_INPUT, "'%s' is no execution trace of Go: it is empty", name);
    else if (n > 2 && (!memcmp(data, "\x1f\x8b", 2) || !memcmp(data, "\x28\xb5", 2)))
        err_set(err, ERR_INPUT,
                "'%s' is no execution trace of Go, but packed: unpack it, or see `sonde pprof` "
                "if it is a profile",
                name);
    else
        err_set(err, ERR_INPUT, "'%s' is no execution trace of Go", name);
}

static void names_release(const struct trace_names *names)
{
    if (names->free)
        names->free(names->arg);
}

static struct trace_reader *open_reader(struct file file, bool owned, const char *name,
                                        struct trace_marks *marks, struct trace_names names,
                                        struct err *err)
{
    struct trace_reader *r = NULL;
    unsigned version = trace_header_version(file.data, file.len);
    const struct trace_source_ops *ops = gotrace_n_types(version)        ? &trace_v2_source
                                         : version >= 5 && version <= 21 ? &trace_v1_source
                                                                         : NULL;
    if (!version)
        trace_header_error(file.data, file.len, name, err);
    else if (!ops)
        err_set(err, ERR_INPUT, "'%s': traces of version 1.%u are not known", name, version);
    else if (!(r = calloc(1, sizeof *r)))
        err_nomem(err);
    if (!r) {
        if (owned)
            file_release(&file);
        names_release(&names);
        return NULL;
    }
    if (owned)
        r->file = file;
    r->names = names;
    r->ops = ops;
    r->input = (struct trace_input){file.data, file.len, version, owned && file.mapped};
    r->input.marks = marks;
    r->input.names = names.look_up ? &r->names : NULL;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    r->trace = trace_new();
    r->events = malloc(sizeof *r->events * N_BLOCKS * BLOCK_EVENTS);
    for (size_t i = 0; i < N_BLOCKS && r->events; i++)
        r->slots[i].block =
            (struct trace_block){.events = r->events + i * BLOCK_EVENTS, .cap = BLOCK_EVENTS};
    if (!r->trace || !r->events) {
        err_nomem(err);
    } else if ((r->source = ops->open(&r->input, r->trace, err))) {
        start_thread(r);
        return r;
    } else {
        err_wrap(err, "'%s'", name);
    }
    trace_reader_free(r);
    return NULL;
}

struct trace_reader *trace_reader_open(const char *path, struct err *err)
{
    struct file file;
    struct trace_names none = {0};
    return file_map(&file, path, err) ? open_reader(file, true, path, NULL, none, err) : NULL;
}

struct trace_reader *trace_reader_open_named(const char *path, struct trace_names names,
                                             struct err *err)
{
    struct file file;
    if (file_map(&file, path, err))
        return open_reader(file, true, path, NULL, names, err);
    names_release(&names);
    return NULL;
}

struct trace_reader *trace_reader_open_marked(const char *path, struct trace_marks *marks,
                                              struct err *err)
{
    struct file file;
    struct trace_names none = {0};
    return file_map(&file, path, err) ? open_reader(file, true, path, marks, none, err) : NULL;
}

struct trace_reader *trace_reader_open_memory(const void *data, size_t n, const char *name,
                                              struct err *err)
{
    return open_reader((struct file){data, n, false}, false, name, NULL, (struct trace_names){0},
                       err);
}

void trace_reader_free(struct trace_reader *r)
{
    if (!r)
        return;
    if (r->has_thread) {
        pthread_mutex_lock(&r->lock);
        r->stop = true;
        pthread_cond_signal(&r->changed);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread.id, NULL);
    }
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    if (r->source)
        r->ops->free(r->source);
    names_release(&r->names);
    free(r->events);
    trace_free(r->trace);
    file_release(&r->file);
    free(r);
}

/* The next block that was filled; the one before it is given back. */
static struct slot *next_slot(struct trace_reader *r)
{
    if (!r->has_thread) { /* it could not be made */
        fill(r, &r->slots[0]);
        return &r->slots[0];
    }
    pthread_mutex_lock(&r->lock);
    if (r->is_holding) {
        r->n_taken++;
        pthread_cond_signal(&r->changed);
    }
    while (r->n_filled == r->n_taken)
        pthread_cond_wait(&r->changed, &r->lock);
    struct slot *slot = &r->slots[r->n_taken % N_BLOCKS];
    pthread_mutex_unlock(&r->lock);
    r->is_holding = true;
    return slot;
}

bool trace_reader_next(struct trace_reader *r, const struct trace_event **events, size_t *n,
                       struct err *err)
{
    *events = NULL;
    *n = 0;
    if (!r->is_over) {
        struct slot *slot = next_slot(r);
        *events = slot->block.events;
        *n = slot->block.n;
        r->done = slot->block.done;
        if (slot->block.is_new_clock)
            r->clock = slot->block.clock;
        r->is_over = slot->is_last;
        r->err = slot->err;
    }
    if (*n || !r->err.code)
        return true;
    if (err)
        *err = r->err;
    r->err.code = ERR_NONE;
    return false;
}

const struct trace *trace_reader_trace(const struct trace_reader *r)
{
    return r->trace;
}

struct trace *trace_reader_take_trace(struct trace_reader *r)
{
    struct trace *trace = r->trace;
    r->trace = NULL;
    return trace;
}

unsigned trace_reader_version(const struct trace_reader *r)
{
    return r->input.version;
}

void trace_reader_progress(const struct trace_reader *r, uint64_t *done, uint64_t *total)
{
    *done = r->done;
    *total = r->input.n;
}

struct trace_clock trace_reader_clock(const struct trace_reader *r)
{
    return r->clock;
}
