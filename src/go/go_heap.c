/* heap and allocs: what Go's allocator sampled, as runtime/pprof writes it. */
#include "base/go_sort.h"
#include "go/go_buckets.h"
#include "go/go_callers.h"
#include "go/go_gc.h"
#include "go/go_locations.h"
#include "go/go_rates.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define USUAL_RATE ((uint64_t)512 << 10)

struct heap {
    struct go_program *program;
    struct go_buckets buckets;
    uint64_t rate;     /* bytes a sample */
    bool counts_bytes; /* Go does, up to 1.26; later ones know the size of each object */
};

static bool collect(const struct go_options *options, const struct go_program *program,
                    struct err *err)
{
    return options->rates
               ? go_gc_publish(options, err)
               : err_set(err, ERR_UNSUPPORTED, "%s cannot be written to, so no collection is run",
                         mem_name(program->mem));
}

/* On failure there is nothing to release. */
static bool heap_read(struct heap *heap, struct go_program *program, const struct go_kind_ops *kind,
                      const struct go_options *options, struct diag *diag, struct err *err)
{
    uint64_t address;
    *heap = (struct heap){.program = program};
    heap->counts_bytes = program->layout.at[GO_MEMCYCLE_ALLOC_BYTES] != GO_NO_FIELD;
    if (!go_rates_check(program, kind, err) || (options->gc && !collect(options, program, err)) ||
        !go_program_global(program, GO_VAR_MEM_PROFILE_RATE, &address, err) ||
        !go_program_number(program, address, 8, &heap->rate, err) ||
        !go_buckets_read(program, GO_VAR_MBUCKETS, &heap->buckets, err))
        return false;
    if (heap->buckets.is_torn)
        diag_add(diag,
                 "%s collects garbage so often that allocations of more than one "
                 "collection were read",
                 mem_name(program->mem));
    return true;
}

static int64_t in_use(const struct go_bucket *bucket)
{
    return (int64_t)(bucket->n_allocs - bucket->n_frees);
}

static int64_t bytes_in_use(const struct go_bucket *bucket)
{
    return (int64_t)(bucket->alloc_bytes - bucket->free_bytes);
}

/* As Go's conversion has it: what does not fit is the smallest number. */
static int64_t whole(double x)
{
    return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
}

/* From sampled objects to all: of those of a size the share 1 - exp(-size / rate) is
 * sampled.  Go's runtime/pprof/protomem.go, scaleHeapSample. */
static void scale(const struct heap *heap, int64_t count, int64_t bytes, int64_t size,
                  int64_t values[2])
{
    values[0] = values[1] = 0;
    if (heap->counts_bytes ? count == 0 || bytes == 0 : count == 0 || size == 0)
        return;
    if (!heap->counts_bytes)
        bytes = (int64_t)((uint64_t)count * (uint64_t)size);
    values[0] = count;
    values[1] = bytes;
    if ((int64_t)heap->rate <= 1)
        return;
    double each = heap->counts_bytes ? (double)bytes / (double)count : (double)size;
    double factor = 1 / (1 - exp(-each / (double)heap->rate));
    values[0] = whole((double)count * factor);
    values[1] = whole((double)bytes * factor);
}

static bool is_runtime(const struct heap *heap, struct go_code *code, uint64_t pc)
{
    const struct go_function *function = go_code_at(code, pc)->function;
    if (!function)
        return false;
    const char *name = go_code_call(code, function, pc).name;
    return strncmp(name, "runtime.", 8) == 0 ||
           (heap->program->minor >= 24 && strncmp(name, "internal/runtime/", 17) == 0);
}

static size_t stack_of(const struct heap *heap, const struct go_bucket *bucket,
                       const uint64_t **pcs)
{
    size_t n = 0;
    *pcs = heap->buckets.pcs.items + bucket->first_pc;
    /* Up to 1.22 a stack ends with the first 0. */
    while (n < bucket->n_pcs && (heap->program->minor >= 23 || (*pcs)[n]))
        n++;
    return n;
}

/* The stack without the functions of the allocator; where nothing is left, all of it. */
static bool locate(const struct heap *heap, const struct go_bucket *bucket, struct go_locations *l,
                   struct go_location_list *stack, struct err *err)
{
    const uint64_t *pcs;
    size_t n = stack_of(heap, bucket, &pcs), first = 0;
    while (first < n && is_runtime(heap, go_locations_code(l), pcs[first]))
        first++;
    if (first == n)
        first = 0;
    return go_locations_add(l, pcs + first, n - first, stack, err) &&
           (stack->n > 0 || go_locations_add(l, pcs, n, stack, err));
}

static bool add_samples(const struct heap *heap, struct builder *b, struct go_locations *l,
                        struct err *err)
{
    struct go_location_list stack = {0};
    struct profile_label label = {.key = builder_string(b, STR("bytes")), .is_num = true};
    bool ok = true;
    for (size_t i = 0; ok && i < heap->buckets.items.n; i++) {
        const struct go_bucket *bucket = &heap->buckets.items.items[i];
        int64_t values[4], size = (int64_t)bucket->size;
        if (heap->counts_bytes)
            size = bucket->n_allocs ? (int64_t)(bucket->alloc_bytes / bucket->n_allocs) : 0;
        scale(heap, (int64_t)bucket->n_allocs, (int64_t)bucket->alloc_bytes, size, values);
        scale(heap, in_use(bucket), bytes_in_use(bucket), size, values + 2);
        label.num = size;
        ok = locate(heap, bucket, l, &stack, err);
        if (ok)
            builder_sample(b, stack.items, (uint32_t)stack.n, values, &label, size != 0);
    }
    vec_release(&stack);
    return ok;
}

static void write_header(const struct heap *heap, struct builder *b, const char *default_type)
{
    static const char *const types[] = {"alloc_objects", "alloc_space", "inuse_objects",
                                        "inuse_space"};
    uint32_t count = builder_string(b, STR("count")), bytes = builder_string(b, STR("bytes"));
    for (int i = 0; i < 4; i++)
        builder_type(b, builder_string(b, str_of(types[i])), i % 2 ? bytes : count);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct profile *header = builder_header(b);
    header->has_period_type = true;
    header->period_type = (struct profile_value_type){builder_string(b, STR("space")), bytes};
    header->period = (int64_t)heap->rate;
    header->default_type = builder_string(b, str_of(default_type));
    header->time_nanos = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct profile *profile_of(struct go_program *program, const struct go_kind_ops *kind,
                                  const struct go_options *options, const char *default_type,
                                  struct diag *diag, struct err *err)
{
    struct heap heap;
    if (!heap_read(&heap, program, kind, options, diag, err))
        return NULL;
    struct profile *profile = NULL;
    struct builder *b = builder_new(err);
    struct go_locations *l = b ? go_locations_new(program, b, err) : NULL;
    if (l) {
        write_header(&heap, b, default_type);
        builder_reserve(b, heap.buckets.items.n, heap.buckets.pcs.n, heap.buckets.items.n);
    }
    if (l && add_samples(&heap, b, l, err)) {
        go_locations_finish(l);
        profile = builder_seal(b, err);
        b = NULL;
    }
    go_locations_free(l);
    builder_free(b);
    go_buckets_release(&heap.buckets);
    return profile;
}

/* --- text --- */

struct order {
    const struct heap *heap;
    bool is_rising;
};

static bool is_before(uint32_t a, uint32_t b, void *arg)
{
    const struct order *order = arg;
    const struct go_bucket *items = order->heap->buckets.items.items;
    int64_t x = bytes_in_use(&items[a]), y = bytes_in_use(&items[b]);
    return order->is_rising ? x < y : x > y;
}

/* What is known from outside of "# runtime.MemStats". */
static bool write_stats(const struct go_program *program, struct buf *out, struct err *err)
{
    uint64_t address = program->globals[GO_VAR_MEMSTATS], n_collections;
    const struct proc *proc = mem_process(program->mem);
    AUTO_BUF status = {0};
    buf_puts(out, "\n# runtime.MemStats\n");
    if (address && program->layout.at[GO_MSTATS_NUMGC] != GO_NO_FIELD) {
        if (!go_program_number(program, address + program->layout.at[GO_MSTATS_NUMGC], 4,
                               &n_collections, err))
            return false;
        buf_printf(out, "# NumGC = %" PRIu64 "\n", n_collections);
    }
    if (!proc)
        return true;
    if (!proc_text(proc, "status", &status, err))
        return false;
    const char *peak = strstr(buf_str(&status), "\nVmHWM:");
    if (peak)
        buf_printf(out, "# MaxRSS = %llu\n", strtoull(peak + 7, NULL, 10) << 10);
    return true;
}

static void write_records(const struct heap *heap, const uint32_t *order, struct go_code *code,
                          struct buf *out)
{
    for (size_t i = 0; i < heap->buckets.items.n && !out->failed; i++) {
        const struct go_bucket *bucket = &heap->buckets.items.items[order[i]];
        const uint64_t *pcs;
        size_t n = stack_of(heap, bucket, &pcs);
        buf_printf(out, "%" PRId64 ": %" PRId64 " [%" PRId64 ": %" PRId64 "] @", in_use(bucket),
                   bytes_in_use(bucket), (int64_t)bucket->n_allocs, (int64_t)bucket->alloc_bytes);
        for (size_t k = 0; k < n; k++)
            buf_printf(out, " %#" PRIx64, pcs[k]);
        buf_putc(out, '\n');
        go_callers_text(code, pcs, n, false, out);
    }
}

static bool text_of(struct go_program *program, const struct go_kind_ops *kind,
                    const struct go_options *options, struct buf *out, struct diag *diag,
                    struct err *err)
{
    struct heap heap;
    if (!heap_read(&heap, program, kind, options, diag, err))
        return false;
    size_t n = heap.buckets.items.n;
    struct go_bucket sum = {0};
    uint32_t *order = calloc(n ? n : 1, sizeof *order);
    struct go_code *code = order ? go_code_new(program->table, program->minor, err) : NULL;
    bool ok = code != NULL;
    if (!order)
        err_nomem(err);
    for (size_t i = 0; order && i < n; i++) {
        const struct go_bucket *bucket = &heap.buckets.items.items[i];
        order[i] = (uint32_t)i;
        sum.n_allocs += bucket->n_allocs;
        sum.n_frees += bucket->n_frees;
        sum.alloc_bytes += bucket->alloc_bytes;
        sum.free_bytes += bucket->free_bytes;
    }
    if (ok) {
        /* Go up to 1.22 begins with the largest, later ones with the smallest. */
        (program->minor <= 23 ? go_sort_until_1_23 : go_sort)(
            order, (uint32_t)n, is_before, &(struct order){&heap, program->minor >= 23});
        /* Where nothing was freed Go makes the two sums differ, for readers of the text. */
        buf_printf(out,
                   "heap profile: %" PRId64 ": %" PRId64 " [%" PRId64 ": %" PRId64
                   "] @ heap/%" PRId64 "\n",
                   in_use(&sum), bytes_in_use(&sum), (int64_t)sum.n_allocs,
                   (int64_t)(sum.alloc_bytes + (sum.free_bytes == 0)), (int64_t)(2 * heap.rate));
        write_records(&heap, order, code, out);
        ok = write_stats(program, out, err) &&
             ((go_code_ok(code) && !out->failed) || err_nomem(err));
    }
    go_code_free(code);
    free(order);
    go_buckets_release(&heap.buckets);
    return ok;
}

static struct profile *heap_profile(struct go_program *program, const struct go_options *options,
                                    struct diag *diag, struct err *err)
{
    return profile_of(program, &go_kind_heap, options, "", diag, err);
}

static bool heap_text(struct go_program *program, const struct go_options *options, struct buf *out,
                      struct diag *diag, struct err *err)
{
    return text_of(program, &go_kind_heap, options, out, diag, err);
}

static struct profile *allocs_profile(struct go_program *program, const struct go_options *options,
                                      struct diag *diag, struct err *err)
{
    return profile_of(program, &go_kind_allocs, options, "alloc_space", diag, err);
}

static bool allocs_text(struct go_program *program, const struct go_options *options,
                        struct buf *out, struct diag *diag, struct err *err)
{
    return text_of(program, &go_kind_allocs, options, out, diag, err);
}

const struct go_kind_ops go_kind_heap = {
    .name = "heap",
    .help = "memory in use, by where it was allocated",
    .rate = GO_VAR_MEM_PROFILE_RATE,
    .rate_on = USUAL_RATE,
    .has_delta = true,
    .profile = heap_profile,
    .text = heap_text,
};

const struct go_kind_ops go_kind_allocs = {
    .name = "allocs",
    .help = "memory allocated since the program began, by where",
    .rate = GO_VAR_MEM_PROFILE_RATE,
    .rate_on = USUAL_RATE,
    .has_delta = true,
    .profile = allocs_profile,
    .text = allocs_text,
};
