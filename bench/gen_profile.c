/* gen_profile: the big profiles of the benches, the same bytes each time.
 *
 *   gen_profile small|cpu3|cpu51|heap6|heap143|random51|random143 OUT.pb.gz [SEED]
 *
 * A program of 20,000 functions with 60,000 call sites.  A stack is a walk that
 * pops some frames off the one before and calls its way down again, each site
 * calling a few others, some much more often than the rest: stacks share their
 * outer part, as those of real programs do.  The stacks of the random ones have
 * nothing in common: the most nodes and edges that such a profile can have. */
#include "base/gzip.h"
#include "base/reader.h"
#include "base/vec.h"
#include "format/pprof_write.h"
#include "model/builder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_FUNCTIONS 20000u
#define N_LOCATIONS 60000u
#define N_CALLEES 12u /* of a call site */
#define MAX_DEPTH 44u

struct shape {
    const char *name;
    uint32_t n_samples;
    uint32_t depth; /* of a full stack */
    bool is_heap, is_random;
};

static const struct shape shapes[] = {
    {"small", 2000, 20, false, false},      {"cpu3", 24000, 40, false, false},
    {"cpu51", 400000, 40, false, false},    {"heap6", 30000, 44, true, false},
    {"heap143", 1000000, 44, true, false},  {"random51", 400000, 40, false, true},
    {"random143", 1000000, 44, true, true},
};

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 32) * n >> 32);
}

/* Small numbers far more often than large ones. */
static uint32_t random_skewed(uint32_t n)
{
    uint32_t a = random_below(n), b = random_below(n);
    return (uint32_t)((uint64_t)a * b / n);
}

static uint32_t callee(uint32_t location)
{
    uint32_t k = random_skewed(N_CALLEES);
    return (uint32_t)(((uint64_t)location * 2654435761u + k * 40503u + 12345u) % N_LOCATIONS);
}

static const char *const packages[] = {"encoding/json",
                                       "net/http",
                                       "runtime",
                                       "github.com/example/store/index",
                                       "github.com/example/store/query",
                                       "compress/flate",
                                       "crypto/internal/fips140/sha256",
                                       "google.golang.org/grpc/internal/transport",
                                       "database/sql",
                                       "text/template"};
static const char *const receivers[] = {
    "(*decodeState)",           "(*conn)",      "(*Reader)", "(*planner)",
    "(*Tree[go.shape.string])", "(*bufferPool)"};
static const char *const verbs[] = {"serve", "read",   "scan",        "walk",     "merge",
                                    "flush", "lookup", "decodeValue", "compress", "allocate"};

#define PICK(array, i) (array)[(i) % (sizeof(array) / sizeof *(array))]

static uint32_t string(struct builder *b, const char *s)
{
    return builder_string(b, str_of(s));
}

static void add_program(struct builder *b)
{
    char name[256], file[256];
    struct profile_mapping mapping = {.start = 0x400000,
                                      .limit = 0x2400000,
                                      .file = string(b, "/usr/local/bin/storeserver"),
                                      .build_id = string(b, "5ab2f7f0c0ffee0123456789abcdef00"),
                                      .has_functions = true,
                                      .has_filenames = true,
                                      .has_line_numbers = true,
                                      .has_inline_frames = true};
    builder_mapping(b, &mapping);
    for (uint32_t i = 0; i < N_FUNCTIONS; i++) {
        const char *package = PICK(packages, i), *verb = PICK(verbs, i / 60);
        if (i % 3)
            snprintf(name, sizeof name, "%s.%s.%s%u", package, PICK(receivers, i / 10), verb, i);
        else
            snprintf(name, sizeof name, "%s.%s%u", package, verb, i);
        snprintf(file, sizeof file, "/home/build/src/%s/%s_%u.go", package, verb, i / 100);
        struct profile_function function = {.name = string(b, name),
                                            .system_name = string(b, name),
                                            .filename = string(b, file),
                                            .start_line = 10 + i % 900};
        builder_function(b, &function);
    }
    for (uint32_t i = 0; i < N_LOCATIONS; i++) {
        struct profile_line lines[2] = {{(i * 7919u) % N_FUNCTIONS, 11 + i % 1000, 0},
                                        {(i * 7919u + 1) % N_FUNCTIONS, 20 + i % 700, 0}};
        struct profile_location location = {.address = 0x401000 + (uint64_t)i * 0x180};
        builder_location(b, &location, lines, i % 6 == 0 ? 2 : 1);
    }
}

/* stack[0] is the outermost frame. */
static void next_stack(uint32_t *stack, const struct shape *shape)
{
    uint32_t depth = shape->depth;
    for (uint32_t i = 0; shape->is_random && i < depth; i++)
        stack[i] = random_below(N_LOCATIONS);
    if (shape->is_random)
        return;
    uint32_t keep = depth - 1 - random_skewed(depth - 1);
    for (uint32_t i = keep; i < depth; i++)
        stack[i] = callee(stack[i - 1]);
}

static void add_samples(struct builder *b, const struct shape *shape)
{
    uint32_t stack[MAX_DEPTH], locs[MAX_DEPTH];
    uint32_t bytes = string(b, "bytes");
    stack[0] = 1;
    for (uint32_t i = 1; i < shape->depth; i++)
        stack[i] = callee(stack[i - 1]);
    for (uint32_t i = 0; i < shape->n_samples; i++) {
        next_stack(stack, shape);
        for (uint32_t k = 0; k < shape->depth; k++)
            locs[k] = stack[shape->depth - 1 - k];
        if (shape->is_heap) {
            int64_t size = (int64_t)16 << random_skewed(12), n = 1 + random_skewed(500);
            int64_t live = random_below(4) ? 0 : 1 + random_below((uint32_t)n);
            int64_t values[] = {n, n * size, live, live * size};
            struct profile_label label = {.key = bytes, .num = size, .unit = bytes, .is_num = true};
            builder_sample(b, locs, shape->depth, values, &label, 1);
        } else {
            int64_t n = 1 + random_skewed(20), values[] = {n, n * 10000000};
            builder_sample(b, locs, shape->depth, values, NULL, 0);
        }
    }
}

static struct profile *make(const struct shape *shape, struct err *err)
{
    struct builder *b = builder_new(err);
    if (!b)
        return NULL;
    struct profile *header = builder_header(b);
    uint32_t count = string(b, "count"), ns = string(b, "nanoseconds"), bytes = string(b, "bytes");
    header->has_period_type = true;
    header->time_nanos = 1700000000000000000;
    if (shape->is_heap) {
        builder_type(b, string(b, "alloc_objects"), count);
        builder_type(b, string(b, "alloc_space"), bytes);
        builder_type(b, string(b, "inuse_objects"), count);
        builder_type(b, string(b, "inuse_space"), bytes);
        header->period_type = (struct profile_value_type){string(b, "space"), bytes};
        header->period = 524288;
    } else {
        builder_type(b, string(b, "samples"), count);
        builder_type(b, string(b, "cpu"), ns);
        header->period_type = (struct profile_value_type){string(b, "cpu"), ns};
        header->period = 10000000;
        header->duration_nanos = 600000000000;
    }
    add_program(b);
    add_samples(b, shape);
    return builder_seal(b, err);
}

static bool write_profile(const struct profile *profile, const char *path, struct err *err)
{
    AUTO_BUF raw = {0};
    uint8_t *packed = NULL;
    size_t n_packed = 0;
    bool ok = pprof_write(profile, &raw, err) &&
              gzip_deflate(raw.data, raw.len, 6, &packed, &n_packed, err) &&
              file_write_atomic(path, packed, n_packed, err);
    if (ok)
        printf("%s: %" PRIu32 " samples, %zu bytes, %zu unpacked\n", path, profile->n_samples,
               n_packed, raw.len);
    free(packed);
    return ok;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    if (argc == 4)
        random_state += strtoull(argv[3], NULL, 10) << 32;
    for (size_t i = 0; (argc == 3 || argc == 4) && i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(argv[1], shapes[i].name) != 0)
            continue;
        struct profile *profile = make(&shapes[i], &err);
        bool ok = profile && write_profile(profile, argv[2], &err);
        profile_free(profile);
        if (!ok)
            fprintf(stderr, "gen_profile: %s\n", err.msg);
        return ok ? 0 : 1;
    }
    fprintf(
        stderr,
        "usage: gen_profile small|cpu3|cpu51|heap6|heap143|random51|random143 OUT.pb.gz [SEED]\n");
    return 2;
}
