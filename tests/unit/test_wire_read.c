/* Files as libsonde writes them, whole and damaged, become the right profile. */
#include "base/reader.h"
#include "collect/block.h"
#include "collect/cpu.h"
#include "collect/heap.h"
#include "collect/mutex.h"
#include "collect/wire_read.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MODULES_AT = 2048,
    N_MODULES_MAX = 4,
    SLOTS_AT = 4096,
    N_SLOTS = 16,
    HEAP_AT = 4608,
    FILE_BYTES = 8192,
};

/* A wire file in memory. */
struct wire {
    _Alignas(8) uint8_t bytes[FILE_BYTES];
    size_t n_slots_used;
};

static struct wire_header *header_of(struct wire *w)
{
    return (void *)w->bytes;
}

static struct wire_module *module_of(struct wire *w, size_t i)
{
    return (struct wire_module *)(void *)(w->bytes + MODULES_AT) + i;
}

static uint32_t *slots_of(struct wire *w)
{
    return (void *)(w->bytes + SLOTS_AT);
}

static void wire_start(struct wire *w, int pid, const char *comm)
{
    memset(w, 0, sizeof *w);
    *header_of(w) = (struct wire_header){
        .magic = WIRE_MAGIC,
        .version = WIRE_VERSION,
        .header_bytes = sizeof(struct wire_header),
        .file_bytes = FILE_BYTES,
        .pid = pid,
        .period_ns = 10000000,
        .state = WIRE_ENDED,
        .hz = 100,
        .modules_offset = MODULES_AT,
        .n_modules_max = N_MODULES_MAX,
        .slots_offset = SLOTS_AT,
        .n_slots = N_SLOTS,
        .heap_offset = HEAP_AT,
        .heap_used = 8,
    };
    snprintf(header_of(w)->comm, sizeof header_of(w)->comm, "%s", comm);
    snprintf(header_of(w)->exe, sizeof header_of(w)->exe, "/nowhere/%s", comm);
}

static void *wire_alloc(struct wire *w, size_t n, uint32_t *offset)
{
    struct wire_header *h = header_of(w);
    *offset = (uint32_t)(HEAP_AT + h->heap_used);
    h->heap_used += (n + 7) & ~7u;
    assert_true(HEAP_AT + h->heap_used <= FILE_BYTES);
    return w->bytes + *offset;
}

static void wire_add_module(struct wire *w, const char *path, uint64_t start, uint64_t limit)
{
    struct wire_module *m = module_of(w, header_of(w)->n_modules++);
    uint32_t offset;
    strcpy(wire_alloc(w, strlen(path) + 1, &offset), path);
    *m = (struct wire_module){start, limit, start, offset, 2, {0xab, 0xcd}, 1, 0};
}

static struct wire_stack *wire_add_stack(struct wire *w, uint64_t n_samples, uint32_t n_frames,
                                         const uint64_t *frames)
{
    uint32_t offset;
    struct wire_stack *stack = wire_alloc(w, sizeof *stack + n_frames * 8, &offset);
    *stack = (struct wire_stack){.n = {n_samples}, .n_frames = n_frames};
    memcpy(stack->frames, frames, n_frames * sizeof *frames);
    slots_of(w)[w->n_slots_used++] = offset / 8;
    header_of(w)->counts[WIRE_CPU].n_samples += n_samples;
    return stack;
}

struct fixture {
    struct gather *gather;
    struct wire_reader reader;
    struct diag diag;
    struct err err;
    char path[64];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->gather = gather_new(&collect_cpu, &f->err);
    f->reader.gather = f->gather;
    f->reader.kind = &collect_cpu;
    strcpy(f->path, "/tmp/test-wire-XXXXXX");
    close(mkstemp(f->path));
    *state = f;
    return f->gather == NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    wire_reader_release(&f->reader);
    gather_free(f->gather);
    diag_release(&f->diag);
    free(f);
    return 0;
}

static bool read_bytes(struct fixture *f, const void *bytes, size_t n)
{
    struct wire_header header;
    AUTO_FD fd = open(f->path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, bytes, n), n);
    return wire_read(&f->reader, f->path, &header, &f->diag, &f->err);
}

static bool read_wire(struct fixture *f, struct wire *w)
{
    return read_bytes(f, w->bytes, sizeof w->bytes);
}

static struct profile *seal(struct fixture *f)
{
    const struct gather_header header = {.period = 10000000,
                                         .time_unix_ns = 1700000000000000000u,
                                         .duration_ns = 5,
                                         .main_file = STR("/nowhere/second")};
    struct profile *p = gather_seal(f->gather, &header, &f->diag, &f->err);
    assert_non_null(p);
    return p;
}

static const char *label(const struct profile *p, uint32_t sample, const char *key)
{
    for (uint64_t i = p->label_first[sample]; i < p->label_first[sample + 1]; i++)
        if (strcmp(profile_cstr(p, p->labels[i].key), key) == 0)
            return profile_cstr(p, p->labels[i].str);
    return NULL;
}

static void two_processes_share_mappings(void **state)
{
    struct fixture *f = *state;
    static struct wire w;
    wire_start(&w, 100, "first");
    wire_add_module(&w, "", 0x400000, 0x500000);
    wire_add_module(&w, "/nowhere/lib.so", 0x7f0000000000, 0x7f0000010000);
    wire_add_stack(&w, 3, 2, (uint64_t[]){WIRE_FRAME(2, 0x123), WIRE_FRAME(1, 0x10)});
    assert_true(read_wire(f, &w));
    wire_start(&w, 200, "second");
    wire_add_module(&w, "/nowhere/lib.so", 0x7e0000000000, 0x7e0000010000);
    wire_add_module(&w, "", 0x400000, 0x600000);
    wire_add_stack(&w, 5, 2, (uint64_t[]){WIRE_FRAME(1, 0x123), WIRE_FRAME(2, 0x10)});
    assert_true(read_wire(f, &w));

    struct profile *p = seal(f);
    assert_int_equal(p->n_mappings, 3);
    assert_string_equal(profile_cstr(p, p->mappings[0].file), "/nowhere/second");
    assert_string_equal(profile_cstr(p, p->mappings[0].build_id), "abcd");
    assert_string_equal(profile_cstr(p, p->mappings[1].file), "/nowhere/lib.so");
    assert_string_equal(profile_cstr(p, p->mappings[2].file), "/nowhere/first");
    assert_int_equal(p->n_locations, 3);
    assert_int_equal(p->n_samples, 2);
    /* The library's place of the second process is that of the first. */
    assert_int_equal(p->stack_locs[p->stack_first[0]], p->stack_locs[p->stack_first[1]]);
    assert_int_equal(p->locations[p->stack_locs[p->stack_first[0]]].address, 0x7f0000000123);
    assert_int_equal(p->values[0], 3);
    assert_int_equal(p->values[1], 30000000);
    assert_int_equal(p->values[2], 5);
    assert_string_equal(label(p, 0, "process"), "first");
    assert_string_equal(label(p, 1, "process"), "second");
    assert_string_equal(label(p, 1, "pid"), "200");
    assert_int_equal(p->period, 10000000);
    profile_free(p);
}

static void images_of_one_process_add_up(void **state)
{
    struct fixture *f = *state;
    static struct wire w;
    for (int i = 0; i < 2; i++) {
        wire_start(&w, 100, "same");
        wire_add_module(&w, "", 0x400000, 0x500000);
        wire_add_stack(&w, 2, 1, (uint64_t[]){WIRE_FRAME(1, 0x10)});
        assert_true(read_wire(f, &w));
    }
    struct profile *p = seal(f);
    assert_int_equal(p->n_samples, 1);
    assert_int_equal(p->values[0], 4);
    profile_free(p);
}

static void jit_code_is_named_by_its_process(void **state)
{
    struct fixture *f = *state;
    static struct wire w;
    char map[64];
    int pids[2] = {getpid(), getppid()};
    snprintf(map, sizeof map, "/tmp/perf-%d.map", pids[0]);
    FILE *file = fopen(map, "w");
    fprintf(file, "7000 100 compiled_here\n");
    fclose(file);
    for (int i = 0; i < 2; i++) {
        wire_start(&w, pids[i], "jit");
        wire_add_stack(&w, 1, 1, (uint64_t[]){WIRE_FRAME(0, 0x7010)});
        assert_true(read_wire(f, &w));
    }
    const struct gather_header header = {.period = 1, .time_unix_ns = 0};
    struct profile *p = gather_seal(f->gather, &header, &f->diag, &f->err);
    unlink(map);
    assert_non_null(p);
    assert_int_equal(p->n_locations, 2);
    assert_int_equal(p->n_functions, 1);
    assert_string_equal(profile_cstr(p, p->functions[0].name), "compiled_here");
    const struct profile_location *named = &p->locations[p->stack_locs[p->stack_first[0]]];
    const struct profile_location *other = &p->locations[p->stack_locs[p->stack_first[1]]];
    assert_int_equal(named->n_lines, 1);
    assert_int_equal(other->n_lines, 0);
    assert_int_equal(other->address, 0x7010);
    assert_true(p->mappings[named->mapping].has_functions);
    assert_string_equal(profile_cstr(p, p->mappings[other->mapping].file), "//anon");
    profile_free(p);
}

static void stacks_have_their_labels(void **state)
{
    struct fixture *f = *state;
    static struct wire w;
    const uint64_t frames[] = {WIRE_FRAME(1, 0x10)};
    static const char good[] = "a\0one\0b\0\0", bad[] = "key\0value,no end";
    uint64_t texts[2] = {0};
    wire_start(&w, 100, "labels");
    wire_add_module(&w, "", 0x400000, 0x500000);
    memcpy(texts, good, sizeof good);
    struct wire_stack *labels = wire_add_stack(&w, 0, 2, texts);
    labels->kind = WIRE_LABELS;
    uint32_t place = (uint32_t)((uint8_t *)labels - w.bytes) / 8;
    wire_add_stack(&w, 7, 1, frames)->labels = place;
    wire_add_stack(&w, 5, 1, frames);
    wire_add_stack(&w, 2, 1, frames)->labels = place;
    memcpy(texts, bad, sizeof texts);
    labels = wire_add_stack(&w, 0, 2, texts);
    labels->kind = WIRE_LABELS;
    wire_add_stack(&w, 1, 1, frames)->labels = place + 1; /* no row */
    wire_add_stack(&w, 1, 1, frames)->labels = UINT32_MAX;
    wire_add_stack(&w, 1, 1, frames)->labels = (uint32_t)((uint8_t *)labels - w.bytes) / 8;
    assert_true(read_wire(f, &w));
    assert_int_equal(f->diag.n, 1);
    struct profile *p = seal(f);
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->values[0], 9);
    assert_string_equal(label(p, 0, "process"), "labels");
    assert_string_equal(label(p, 0, "a"), "one");
    assert_string_equal(label(p, 0, "b"), "");
    assert_int_equal(p->values[2], 8);
    assert_null(label(p, 1, "a"));
    profile_free(p);
}

static void damage_costs_only_what_is_damaged(void **state)
{
    struct fixture *f = *state;
    static struct wire w;
    const uint64_t frames[] = {WIRE_FRAME(1, 0x10)};
    wire_start(&w, 100, "bad");
    wire_add_module(&w, "", 0x400000, 0x500000);
    wire_add_stack(&w, 7, 1, frames);
    wire_add_stack(&w, 1, 1, frames)->n_frames = WIRE_STACK_MAX + 1;
    wire_add_stack(&w, 1, 1, frames)->n_frames = 500; /* past the heap */
    wire_add_stack(&w, 1, 1, frames)->n[0] = UINT64_MAX;
    slots_of(&w)[9] = UINT32_MAX;
    slots_of(&w)[10] = 1; /* in the header */
    module_of(&w, 1)->ready = 1;
    module_of(&w, 1)->limit = 1;
    module_of(&w, 1)->path_offset = UINT32_MAX;
    header_of(&w)->n_modules = UINT64_MAX;
    assert_true(read_wire(f, &w));
    assert_int_equal(f->diag.n, 1);
    struct profile *p = seal(f);
    assert_int_equal(p->n_samples, 1);
    assert_int_equal(p->values[0], 7);
    profile_free(p);
}

static void hostile_headers_are_refused(void **state)
{
    struct fixture *f = *state;
    static struct wire good, w;
    wire_start(&good, 100, "x");
    assert_true(read_wire(f, &good));
    assert_false(read_bytes(f, good.bytes, 100));
    assert_false(read_bytes(f, good.bytes, 0));
    for (size_t i = 0; i < sizeof(struct wire_header); i += 8) {
        static const uint64_t values[] = {0, 1, UINT64_MAX, INT64_MAX, 1ull << 32, FILE_BYTES};
        for (size_t j = 0; j < sizeof values / sizeof *values; j++) {
            w = good;
            memcpy(w.bytes + i, &values[j], 8);
            read_wire(f, &w); /* either way, but without harm */
        }
    }
    w = good;
    header_of(&w)->magic++;
    assert_false(read_wire(f, &w));
    w = good;
    header_of(&w)->n_slots = 1ull << 62;
    assert_false(read_wire(f, &w));
    w = good;
    header_of(&w)->heap_offset = FILE_BYTES + 1;
    assert_false(read_wire(f, &w));
    w = good;
    header_of(&w)->period_ns = 0;
    assert_false(read_wire(f, &w));
}

/* Waits are counted in fractions, and one that is there counts. */
static void wait_values_are_rounded(void **state)
{
    (void)state;
    const struct wire_header header = {0};
    struct wire_stack row = {.n = {(5u << WIRE_BLOCK_SHIFT) / 2, 700}};
    int64_t values[COLLECT_TYPES_MAX];
    assert_true(collect_block.values(&header, &row, values));
    assert_int_equal(values[0], 3);
    assert_int_equal(values[1], 700);
    row.n[0] = 1;
    assert_true(collect_block.values(&header, &row, values));
    assert_int_equal(values[0], 1);
    row.n[0] = 0;
    assert_false(collect_block.values(&header, &row, values));
    row.n[0] = UINT64_MAX;
    assert_true(collect_block.values(&header, &row, values));
    row.n[1] = UINT64_MAX;
    assert_false(collect_block.values(&header, &row, values));
}

/* An unlock may be charged for waits that another ended. */
static void contention_values_are_taken(void **state)
{
    (void)state;
    const struct wire_header header = {0};
    struct wire_stack row = {.n = {0, 700}};
    int64_t values[COLLECT_TYPES_MAX];
    assert_true(collect_mutex.values(&header, &row, values));
    assert_int_equal(values[0], 0);
    assert_int_equal(values[1], 700);
    row.n[1] = 0;
    assert_false(collect_mutex.values(&header, &row, values));
    row.n[0] = UINT64_MAX;
    assert_false(collect_mutex.values(&header, &row, values));
}

/* Of blocks as large as the rate the share 1 - 1/e is sampled. */
static void heap_values_are_scaled(void **state)
{
    (void)state;
    const struct wire_header header = {.heap_rate = 524288};
    struct wire_stack row = {.key = 524288, .n = {10, 4}};
    int64_t values[COLLECT_TYPES_MAX];
    assert_true(collect_heap.values(&header, &row, values));
    assert_int_equal(values[0], 15);
    assert_int_equal(values[1], 8294114);
    assert_int_equal(values[2], 9);
    assert_int_equal(values[3], 4976468);
    row.n[1] = 11; /* read while it was being written */
    assert_true(collect_heap.values(&header, &row, values));
    assert_int_equal(values[3], 0);
    const struct wire_header every = {.heap_rate = 1};
    assert_true(collect_heap.values(&every, &row, values));
    assert_int_equal(values[1], 10 * 524288);
    row.n[0] = 0;
    assert_false(collect_heap.values(&header, &row, values));
    row.n[0] = UINT64_MAX;
    assert_false(collect_heap.values(&header, &row, values));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_processes_share_mappings, setup, teardown),
        cmocka_unit_test_setup_teardown(images_of_one_process_add_up, setup, teardown),
        cmocka_unit_test_setup_teardown(jit_code_is_named_by_its_process, setup, teardown),
        cmocka_unit_test_setup_teardown(stacks_have_their_labels, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_costs_only_what_is_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_headers_are_refused, setup, teardown),
        cmocka_unit_test(wait_values_are_rounded),
        cmocka_unit_test(contention_values_are_taken),
        cmocka_unit_test(heap_values_are_scaled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
