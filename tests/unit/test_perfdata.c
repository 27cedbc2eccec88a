/* Recordings of perf, as tests/data/make_perf.py writes them: known answers, the same
 * ones from a file, from a pipe, compressed and of the other byte order; damage. */
#include "alloc_fail.h"
#include "base/reader.h"
#include "format/perfdata_maps.h"
#include "format/perfdata_read.h"
#include "format/pprof_write.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void load(struct file *file, const char *name)
{
    char path[4096];
    struct err err = {0};
    const char *root = getenv("SONDE_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/data/perf/%s", root ? root : ".", name);
    if (!file_read(file, path, &err))
        fail_msg("%s", err.msg);
}

static struct profile *read_bytes(const uint8_t *data, size_t len, struct diag *diag,
                                  struct err *err)
{
    if (!perfdata_format.probe(data, len)) {
        err_set(err, ERR_INPUT, "not this format");
        return NULL;
    }
    return perfdata_format.read(data, len, diag, err);
}

static struct profile *good(const char *name, struct diag *diag)
{
    AUTO_FILE file = {0};
    struct err err = {0};
    load(&file, name);
    struct profile *p = read_bytes(file.data, file.len, diag, &err);
    if (!p)
        fail_msg("%s: %s", name, err.msg);
    return p;
}

struct want_sample {
    uint64_t stack[6];
    int64_t values[4]; /* cpu-clock:u's samples and events, those of page-faults */
    int64_t pid;
    const char *comm, *thread_comm;
};

static const struct want_sample want_samples[] = {
    {{0x400100, 0x400200, 0x400300}, {2, 1500000, 1, 1}, 100, "demo", NULL},
    {{0x7f0000000010, 0x400200}, {1, 1000000, 0, 0}, 100, "demo", "worker"},
    {{0xffffffff81000500, 0xffffffff81000600, 0xffffffffc000100f, 0x40014f, 0x400300},
     {1, 1000000, 0, 0},
     100,
     "demo",
     NULL},
    {{0x400100, 0x400200, 0x400300}, {1, 1000000, 0, 0}, 200, "demo", NULL},
    {{0x7f0000000010, 0x500100}, {1, 1000000, 0, 0}, 200, "child", NULL},
    {{0x500100}, {1, 1000000, 0, 0}, 200, "child", NULL},
    {{0x999}, {1, 1000000, 0, 0}, 100, "demo", NULL},
};

static void check_sample(const struct profile *p, uint32_t i, const struct want_sample *want)
{
    uint64_t first = p->stack_first[i], n = p->stack_first[i + 1] - first;
    for (uint64_t k = 0; k < n; k++)
        assert_int_equal(p->locations[p->stack_locs[first + k]].address, want->stack[k]);
    assert_int_equal(want->stack[n], 0);
    for (int k = 0; k < 4; k++)
        assert_int_equal(p->values[4 * i + k], want->values[k]);
    int64_t pid = 0;
    const char *comm = NULL, *thread_comm = NULL;
    for (uint64_t k = p->label_first[i]; k < p->label_first[i + 1]; k++) {
        const struct profile_label *label = &p->labels[k];
        const char *key = profile_cstr(p, label->key);
        if (!strcmp(key, "pid"))
            pid = label->num;
        else if (!strcmp(key, "comm"))
            comm = profile_cstr(p, label->str);
        else if (!strcmp(key, "thread_comm"))
            thread_comm = profile_cstr(p, label->str);
        else
            fail_msg("label %s", key);
    }
    assert_int_equal(pid, want->pid);
    assert_string_equal(comm, want->comm);
    assert_int_equal(!thread_comm, !want->thread_comm);
    if (thread_comm)
        assert_string_equal(thread_comm, want->thread_comm);
}

static void a_file(void **state)
{
    static const char *const types[][2] = {{"cpu-clock:u_sample", "count"},
                                           {"cpu-clock:u_event", "nanoseconds"},
                                           {"page-faults_sample", "count"},
                                           {"page-faults_event", "count"}};
    static const struct {
        uint64_t start, limit, offset;
        const char *file, *build_id;
    } mappings[] = {
        {0x400000, 0x402000, 0, "/bin/demo", "0102030405060708090a0b0c0d0e0f1011121314"},
        {0x7f0000000000, 0x7f0000003000, 0x1000, "/lib/libx.so.1",
         "15161718191a1b1c1d1e1f202122232425262728"},
        {0xffffffff81000000, 0xffffffff82000000, 0xffffffff81000000, "[kernel.kallsyms]_text",
         "292a2b2c2d2e2f303132333435363738393a3b3c"},
        {0xffffffffc0001000, 0xffffffffc0001100, 0, "[bpf_prog_1_f]", ""},
        {0x500000, 0x501000, 0, "/bin/child", ""},
    };
    struct diag diag;
    diag_init(&diag);
    struct profile *p = good("file.data", &diag);
    assert_int_equal(diag.n, 1);
    assert_string_equal(diag.texts[0], "perf lost 3 events while it recorded");
    assert_int_equal(p->n_types, 4); /* none for "dummy", which has no samples */
    for (uint32_t i = 0; i < 4; i++) {
        assert_string_equal(profile_cstr(p, p->types[i].type), types[i][0]);
        assert_string_equal(profile_cstr(p, p->types[i].unit), types[i][1]);
    }
    assert_string_equal(profile_cstr(p, p->default_type), "page-faults_event");
    assert_int_equal(p->n_comments, 2);
    assert_string_equal(profile_cstr(p, p->comments[0]), "perf-version:6.1.0");
    assert_string_equal(profile_cstr(p, p->comments[1]), "perf-command:perf record -g demo");
    assert_int_equal(p->time_nanos, 1600000000000000000);
    assert_int_equal(p->duration_nanos, 8000);
    assert_int_equal(p->n_mappings, sizeof mappings / sizeof *mappings);
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        const struct profile_mapping *m = &p->mappings[i];
        assert_int_equal(m->start, mappings[i].start);
        assert_int_equal(m->limit, mappings[i].limit);
        assert_int_equal(m->offset, mappings[i].offset);
        assert_string_equal(profile_cstr(p, m->file), mappings[i].file);
        assert_string_equal(profile_cstr(p, m->build_id), mappings[i].build_id);
    }
    assert_string_equal(profile_cstr(p, p->mappings[2].kernel_relocation_symbol), "_text");
    assert_int_equal(p->n_samples, sizeof want_samples / sizeof *want_samples);
    for (uint32_t i = 0; i < p->n_samples; i++)
        check_sample(p, i, &want_samples[i]);
    profile_free(p);
    diag_release(&diag);
}

static void all_forms_are_one_profile(void **state)
{
    static const char *const others[] = {"pipe.data", "zstd.data", "big_endian.data"};
    AUTO_BUF want = {0};
    struct profile *p = good("file.data", NULL);
    assert_true(pprof_write(p, &want, NULL));
    profile_free(p);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        AUTO_BUF got = {0};
        p = good(others[i], NULL);
        assert_true(pprof_write(p, &got, NULL));
        profile_free(p);
        assert_int_equal(got.len, want.len);
        assert_memory_equal(got.data, want.data, want.len);
    }
}

/* Records of mappings that say they have a build ID, and have a device and an inode. */
static void marked_in_vain(void **state)
{
    AUTO_FILE file = {0};
    AUTO_BUF want = {0}, got = {0};
    uint64_t at, size;
    size_t n_marked = 0;
    load(&file, "file.data");
    struct profile *p = read_bytes(file.data, file.len, NULL, NULL);
    assert_true(pprof_write(p, &want, NULL));
    profile_free(p);
    uint8_t *copy = malloc(file.len);
    memcpy(copy, file.data, file.len);
    memcpy(&at, copy + 40, 8);
    memcpy(&size, copy + 48, 8);
    for (uint64_t end = at + size; at < end; at += copy[at + 6] | copy[at + 7] << 8) {
        if (copy[at] != 10 || copy[at + 5] & 0x40) /* PERF_RECORD_MMAP2, the mark */
            continue;
        copy[at + 5] |= 0x40;
        copy[at + 8 + 32] = 8; /* the device is 8:1, the inode 9 */
        copy[at + 8 + 36] = 1;
        copy[at + 8 + 40] = 9;
        n_marked++;
    }
    assert_true(n_marked > 0);
    p = read_bytes(copy, file.len, NULL, NULL);
    assert_true(pprof_write(p, &got, NULL));
    profile_free(p);
    free(copy);
    assert_int_equal(got.len, want.len);
    assert_memory_equal(got.data, want.data, want.len);
}

/* Cut anywhere it is a shorter recording, or an error; never more than is there. */
static void cut_short(void **state)
{
    static const char *const names[] = {"file.data", "pipe.data", "zstd.data"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        AUTO_FILE file = {0};
        load(&file, names[k]);
        for (size_t len = 0; len < file.len; len++) {
            struct err err = {0};
            uint8_t *copy = malloc(len + !len);
            memcpy(copy, file.data, len);
            struct profile *p = read_bytes(copy, len, NULL, &err);
            assert_true(p || err.code == ERR_INPUT);
            profile_free(p);
            free(copy);
        }
    }
}

static void damaged(void **state)
{
    static const char *const names[] = {"file.data", "pipe.data", "zstd.data", "big_endian.data"};
    uint32_t random = 1;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        AUTO_FILE file = {0};
        load(&file, names[k]);
        uint8_t *copy = malloc(file.len);
        for (int round = 0; round < 2000; round++) {
            struct err err = {0};
            memcpy(copy, file.data, file.len);
            for (int i = 0; i < 3; i++) {
                random = random * 1664525u + 1013904223u;
                copy[16 + (random >> 8) % (file.len - 16)] = (uint8_t)random;
            }
            struct profile *p = read_bytes(copy, file.len, NULL, &err);
            assert_true(p || err.code);
            profile_free(p);
        }
        free(copy);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *bytes, *part;
        size_t len;
    } cases[] = {
        {"PERFILE2\x08\0\0\0\0\0\0\0", "a header of no proper size at byte 8", 16},
        {"PERFILE2\x68\0\0\0\0\0\0\0", "cut short in its header", 16},
        {"PERFILE2\x10\0\0\0\0\0\0\0", "it has no events", 16},
        {"PERFILE2\x10\0\0\0\0\0\0\0\x40\0\0\0\0\0\x04\0", "a record of no size at byte 16", 24},
        {"PERFILE2\x10\0\0\0\0\0\0\0\x40\0\0\0\0\0\x10\0\0\0\0\0\x40\0\0\0",
         "an event of no proper size at byte 24", 32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        assert_null(read_bytes((const uint8_t *)cases[i].bytes, cases[i].len, NULL, &err));
        assert_int_equal(err.code, ERR_INPUT);
        if (!strstr(err.msg, cases[i].part))
            fail_msg("\"%s\" has no \"%s\"", err.msg, cases[i].part);
    }
    assert_false(perfdata_format.probe((const uint8_t *)"PERFILE2", 8));
    assert_false(perfdata_format.probe((const uint8_t *)"PERFILE3\x10\0\0\0\0\0\0\0", 16));
}

/* Generated code is of its process, under the name of the map that may name it; files are not. */
static void without_file(void **state)
{
    struct perfdata_maps m;
    assert_true(perfdata_maps_init(&m, 100));
    for (uint32_t pid = 7; pid < 9; pid++) {
        assert_true(perfdata_maps_add(&m, pid, 0x1000, 0x1000, 0, STR("//anon"), STR(""), false));
        assert_true(perfdata_maps_add(&m, pid, 0x5000, 0x1000, 0, STR("/bin/x"), STR(""), false));
    }
    assert_int_equal(m.mappings.n, 3);
    assert_string_equal(m.texts.strings[m.mappings.items[0].file].p, "/tmp/perf-7.map");
    assert_string_equal(m.texts.strings[m.mappings.items[1].file].p, "/bin/x");
    assert_string_equal(m.texts.strings[m.mappings.items[2].file].p, "/tmp/perf-8.map");
    assert_int_equal(perfdata_maps_space(&m, 7)->program, 1);
    perfdata_maps_release(&m);
}

static void every_allocation_fails(void **state)
{
    static const char *const names[] = {"file.data", "pipe.data", "zstd.data"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        AUTO_FILE file = {0};
        load(&file, names[k]);
        struct profile *p = NULL;
        for (long n = 0; !p && n < 1000; n++) {
            struct err err = {0};
            alloc_countdown = n;
            p = read_bytes(file.data, file.len, NULL, &err);
            alloc_countdown = -1;
            if (!p)
                assert_int_equal(err.code, ERR_NOMEM);
        }
        assert_non_null(p);
        profile_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file),       cmocka_unit_test(all_forms_are_one_profile),
        cmocka_unit_test(cut_short),    cmocka_unit_test(damaged),
        cmocka_unit_test(refused),      cmocka_unit_test(every_allocation_fails),
        cmocka_unit_test(without_file), cmocka_unit_test(marked_in_vain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
