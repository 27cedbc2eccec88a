/* Where Go's runtime began its threads (runtime.ThreadCreateProfile). */
#include "base/vec.h"
#include "go/go_callers.h"
#include "go/go_kind.h"
#include "go/go_locations.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEPTH 32u            /* m.createstack */
#define THREADS_MAX 200000u  /* a list that is longer goes in circles */

struct thread {
    uint64_t pcs[DEPTH];
    uint64_t count; /* of equal ones, in the first */
};

struct threads {
    VEC(struct thread) all;
};

/* How Go writes it: "@ 0x1 0x0 ...", all of the stack. */
static int compare_keys(const void *a, const void *b)
{
    const struct thread *x = a, *y = b;
    char p[20], q[20];
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    for (size_t i = 0; i < DEPTH; i++) {
        if (x->pcs[i] == y->pcs[i])
            continue;
        snprintf(p, sizeof p, "%" PRIx64, x->pcs[i]);
        snprintf(q, sizeof q, "%" PRIx64, y->pcs[i]);
        return strcmp(p, q);
    }
    return 0;
}

static int compare_stacks(const void *a, const void *b)
{
    const struct thread *x = a, *y = b;
    return memcmp(x->pcs, y->pcs, sizeof x->pcs);
}

/* Each stack once, with how many threads have it. */
static void group(struct threads *threads)
{
    size_t n = 0;
    if (threads->all.n)
        qsort(threads->all.items, threads->all.n, sizeof *threads->all.items, compare_stacks);
    for (size_t i = 0; i < threads->all.n; i++) {
        struct thread *thread = &threads->all.items[i];
        if (n > 0 && compare_stacks(&threads->all.items[n - 1], thread) == 0)
            threads->all.items[n - 1].count++;
        else
            threads->all.items[n++] = *thread;
    }
    threads->all.n = n;
    if (n)
        qsort(threads->all.items, n, sizeof *threads->all.items, compare_keys);
}

/* All threads that the runtime has ever begun and keeps. */
static bool read_threads(struct go_program *program, struct threads *threads, size_t *total,
                         struct err *err)
{
    uint64_t at, m;
    const uint16_t *layout = program->layout.at;
    if (layout[GO_M_ALLLINK] == GO_NO_FIELD || layout[GO_M_CREATESTACK] == GO_NO_FIELD)
        return err_set(err, ERR_UNSUPPORTED, "%s: threads of %s are laid out in another way",
                       mem_name(program->mem), program->version);
    if (!go_program_global(program, GO_VAR_ALLM, &at, err) ||
        !go_program_number(program, at, 8, &m, err))
        return false;
    for (*total = 0; m; ++*total) {
        struct thread thread = {.count = 1};
        if (*total == THREADS_MAX)
            return err_set(err, ERR_INPUT, "%s: its list of threads has no end",
                           mem_name(program->mem));
        if (!mem_read(program->mem, m + layout[GO_M_CREATESTACK], thread.pcs, sizeof thread.pcs,
                      err) ||
            !go_program_number(program, m + layout[GO_M_ALLLINK], 8, &m, err))
            return false;
        if (!vec_push(&threads->all, thread))
            return err_nomem(err);
    }
    group(threads);
    return true;
}

/* Until Go 1.22 a stack ended with its first 0; since then all of it is there. */
static size_t depth(const struct go_program *program, const struct thread *thread)
{
    size_t n = 0;
    if (program->minor >= 23)
        return DEPTH;
    while (n < DEPTH && thread->pcs[n])
        n++;
    return n;
}

static uint32_t text_of(struct builder *b, const char *s)
{
    return builder_string(b, str_of(s));
}

static struct profile *profile(struct go_program *program, const struct go_options *options,
                               struct diag *diag, struct err *err)
{
    (void)options;
    (void)diag;
    size_t total;
    struct timespec now;
    struct threads threads = {0};
    struct profile *result = NULL;
    struct go_location_list list = {0};
    struct builder *b = builder_new(err);
    struct go_locations *locations = b ? go_locations_new(program, b, err) : NULL;
    clock_gettime(CLOCK_REALTIME, &now);
    if (!locations || !read_threads(program, &threads, &total, err))
        goto out;
    struct profile *header = builder_header(b);
    builder_type(b, text_of(b, "threadcreate"), text_of(b, "count"));
    header->period_type =
        (struct profile_value_type){text_of(b, "threadcreate"), text_of(b, "count")};
    header->has_period_type = true;
    header->period = 1;
    header->time_nanos = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    for (size_t i = 0; i < threads.all.n; i++) {
        const struct thread *thread = &threads.all.items[i];
        int64_t count = (int64_t)thread->count;
        if (!go_locations_add(locations, thread->pcs, depth(program, thread), &list, err))
            goto out;
        builder_sample(b, list.items, (uint32_t)list.n, &count, NULL, 0);
    }
    go_locations_finish(locations);
    result = builder_seal(b, err);
    b = NULL;
out:
    vec_release(&list);
    vec_release(&threads.all);
    go_locations_free(locations);
    builder_free(b);
    return result;
}

static bool text(struct go_program *program, const struct go_options *options, struct buf *out,
                 struct diag *diag, struct err *err)
{
    (void)options;
    (void)diag;
    size_t total;
    struct threads threads = {0};
    struct go_code *code = go_code_new(program->table, program->minor, err);
    bool ok = code && read_threads(program, &threads, &total, err);
    if (ok)
        buf_printf(out, "threadcreate profile: total %zu\n", total);
    for (size_t i = 0; ok && i < threads.all.n; i++) {
        const struct thread *thread = &threads.all.items[i];
        size_t n = depth(program, thread);
        buf_printf(out, "%" PRIu64 " @", thread->count);
        for (size_t k = 0; k < n; k++)
            buf_printf(out, " 0x%" PRIx64, thread->pcs[k]);
        buf_putc(out, '\n');
        go_callers_text(code, thread->pcs, n, false, out);
    }
    if (ok && out->failed)
        ok = err_nomem(err);
    vec_release(&threads.all);
    go_code_free(code);
    return ok;
}

const struct go_kind_ops go_kind_threadcreate = {
    .name = "threadcreate",
    .help = "where the runtime began threads of the system",
    .rate = GO_N_GLOBALS,
    .profile = profile,
    .text = text,
};
