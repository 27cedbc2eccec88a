#include "go/go_contention.h"

#include "base/go_sort.h"
#include "go/go_buckets.h"
#include "go/go_callers.h"
#include "go/go_locations.h"
#include "go/go_ticks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define STACK_USUAL 128 /* frames that Go shows */
#define STACK_MAX 1024  /* where a program was told to keep more */

struct contention {
    struct go_program *program;
    enum go_global head;
    struct go_buckets buckets;
    uint32_t *order; /* as Go writes them: by time */
    int64_t ticks;   /* a second */
    uint64_t rate;
};

static bool takes_longer(uint32_t a, uint32_t b, void *arg)
{
    const struct contention *c = arg;
    return c->buckets.items.items[a].cycles > c->buckets.items.items[b].cycles;
}

/* As Go's conversion has it: what does not fit is the smallest number. */
static int64_t whole(double x)
{
    return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
}

static int64_t count_of(const struct contention *c, const struct go_bucket *bucket)
{
    int64_t count = whole(bucket->count);
    return count == 0 && c->head == GO_VAR_BBUCKETS ? 1 : count;
}

static void contention_release(struct contention *c)
{
    go_buckets_release(&c->buckets);
    free(c->order);
}

/* On failure there is nothing to release. */
static bool contention_read(struct contention *c, struct go_program *program, enum go_global head,
                            struct diag *diag, struct err *err)
{
    uint64_t address;
    *c = (struct contention){.program = program, .head = head};
    /* Go up to 1.19 scales contention of mutexes when it writes, later ones when they count. */
    if (head == GO_VAR_XBUCKETS &&
        (!go_program_global(program, GO_VAR_MUTEX_PROFILE_RATE, &address, err) ||
         !go_program_number(program, address, 8, &c->rate, err)))
        return false;
    if (!go_ticks_per_second(program, &c->ticks, diag, err) ||
        !go_buckets_read(program, head, &c->buckets, err))
        return false;
    size_t n = c->buckets.items.n;
    c->order = calloc(n ? n : 1, sizeof *c->order);
    if (!c->order) {
        contention_release(c);
        return err_nomem(err);
    }
    for (size_t i = 0; i < n; i++)
        c->order[i] = (uint32_t)i;
    (program->minor <= 23 ? go_sort_until_1_23 : go_sort)(c->order, (uint32_t)n, takes_longer, c);
    return true;
}

/* The stack as it is shown. */
static size_t stack_of(const struct contention *c, struct go_code *code,
                       const struct go_bucket *bucket, uint64_t *pcs)
{
    const uint64_t *kept = c->buckets.pcs.items + bucket->first_pc;
    size_t n = bucket->n_pcs;
    if (c->program->minor >= 23)
        return go_callers_expand(code, kept, n, pcs, n > STACK_USUAL ? STACK_MAX : STACK_USUAL);
    for (size_t i = 0; i < n; i++) {
        if (!kept[i])
            return i;
        pcs[i] = kept[i];
    }
    return n;
}

static bool add_samples(const struct contention *c, struct builder *b, struct go_locations *l,
                        struct err *err)
{
    uint64_t pcs[STACK_MAX];
    struct go_location_list stack = {0};
    double per_ns = (double)c->ticks / 1e9;
    bool ok = true, scales = c->head == GO_VAR_XBUCKETS && c->program->minor <= 19;
    for (size_t i = 0; ok && i < c->buckets.items.n; i++) {
        const struct go_bucket *bucket = &c->buckets.items.items[c->order[i]];
        int64_t count = count_of(c, bucket);
        double ns = (double)bucket->cycles / per_ns;
        if (scales) {
            count = (int64_t)((uint64_t)count * c->rate);
            ns *= (double)(int64_t)c->rate;
        }
        ok = go_locations_add(l, pcs, stack_of(c, go_locations_code(l), bucket, pcs), &stack, err);
        if (ok)
            builder_sample(b, stack.items, (uint32_t)stack.n, (int64_t[]){count, whole(ns)}, NULL,
                           0);
    }
    vec_release(&stack);
    return ok;
}

struct profile *go_contention_profile(struct go_program *program, enum go_global head,
                                      struct diag *diag, struct err *err)
{
    struct contention c;
    if (!contention_read(&c, program, head, diag, err))
        return NULL;
    struct profile *profile = NULL;
    struct builder *b = builder_new(err);
    struct go_locations *l = b ? go_locations_new(program, b, err) : NULL;
    if (!l)
        goto out;
    uint32_t contentions = builder_string(b, STR("contentions"));
    uint32_t unit = builder_string(b, STR("count"));
    builder_type(b, contentions, unit);
    builder_type(b, builder_string(b, STR("delay")), builder_string(b, STR("nanoseconds")));
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct profile *header = builder_header(b);
    header->has_period_type = true;
    header->period_type = (struct profile_value_type){contentions, unit};
    header->period = 1;
    header->time_nanos = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    builder_reserve(b, c.buckets.items.n, c.buckets.pcs.n, 0);
    if (!add_samples(&c, b, l, err))
        goto out;
    go_locations_finish(l);
    profile = builder_seal(b, err);
    b = NULL;
out:
    go_locations_free(l);
    builder_free(b);
    contention_release(&c);
    return profile;
}

bool go_contention_text(struct go_program *program, enum go_global head, struct buf *out,
                        struct diag *diag, struct err *err)
{
    uint64_t pcs[STACK_MAX];
    struct contention c;
    if (!contention_read(&c, program, head, diag, err))
        return false;
    struct go_code *code = go_code_new(program->table, program->minor, err);
    if (!code) {
        contention_release(&c);
        return false;
    }
    buf_printf(out, "--- %s:\ncycles/second=%" PRId64 "\n",
               head == GO_VAR_BBUCKETS ? "contention" : "mutex", c.ticks);
    if (head == GO_VAR_XBUCKETS)
        buf_printf(out, "sampling period=%" PRId64 "\n", (int64_t)c.rate);
    for (size_t i = 0; i < c.buckets.items.n && !out->failed; i++) {
        const struct go_bucket *bucket = &c.buckets.items.items[c.order[i]];
        size_t n = stack_of(&c, code, bucket, pcs);
        buf_printf(out, "%" PRId64 " %" PRId64 " @", bucket->cycles, count_of(&c, bucket));
        for (size_t k = 0; k < n; k++)
            buf_printf(out, " %#" PRIx64, pcs[k]);
        buf_putc(out, '\n');
        go_callers_text(code, pcs, n, true, out);
    }
    bool ok = go_code_ok(code) && !out->failed;
    go_code_free(code);
    contention_release(&c);
    return ok || err_nomem(err);
}
