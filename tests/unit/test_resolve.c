/* resolve: which mappings are symbolised, and what is said about the others. */
#include "made_elf.h"

#include "model/builder.h"
#include "sym/kernel_names.h"
#include "sym/resolve.h"

#include <sys/stat.h>
#include <unistd.h>

#define ID "00112233445566778899aabbccddeeff00112233"
#define OTHER_ID "ffffffffffffffffffffffffffffffffffffffff"
#define RUN (MADE_ELF_BASE + 0x100) /* 8 bytes of function _Z3runv */

struct outcome {
    struct profile *profile;
    struct diag diag;
};

static void put_program(const char *path)
{
    struct made_elf e = {0};
    made_folders(path);
    made_elf_section(&e, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "code", 4);
    made_elf_build_id(&e, ID);
    made_elf_function(&e, "_Z3runv", RUN, 8);
    made_elf_write(&e, path);
}

/* One mapping of that file, locations at RUN and RUN + 8, resolved. */
static void resolve(struct outcome *o, const char *file, const char *build_id,
                    const struct resolve_options *options)
{
    struct err err = {0};
    struct builder *b = builder_new(NULL);
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("count")));
    uint32_t mapping = builder_mapping(b, &(struct profile_mapping){
                                              .id = 1,
                                              .start = MADE_ELF_BASE,
                                              .limit = MADE_ELF_BASE + MADE_ELF_MEMORY,
                                              .file = builder_string(b, str_of(file)),
                                              .build_id = builder_string(b, str_of(build_id)),
                                          });
    for (uint64_t i = 0; i < 2; i++) {
        struct profile_location location = {
            .id = i + 1, .address = RUN + 8 * i, .mapping = mapping};
        uint32_t index = builder_location(b, &location, NULL, 0);
        builder_sample(b, &index, 1, &(int64_t){1}, NULL, 0);
    }
    struct profile *profile = builder_seal(b, NULL);
    assert_non_null(profile);
    diag_init(&o->diag);
    o->profile = resolve_profile(profile, options, &o->diag, &err);
    assert_non_null(o->profile);
}

static void release(struct outcome *o)
{
    profile_free(o->profile);
    diag_release(&o->diag);
}

/* The name of location 0; "" when it has no line. */
static const char *name(const struct outcome *o)
{
    const struct profile *p = o->profile;
    if (p->locations[0].n_lines == 0)
        return "";
    return profile_cstr(p, p->functions[p->lines[p->locations[0].first_line].function].name);
}

static void expect(const char *file, const char *build_id, const char *want, const char *note)
{
    struct outcome o;
    bool is_noted = note == NULL;
    resolve(&o, file, build_id, &(struct resolve_options){0});
    assert_string_equal(name(&o), want);
    assert_int_equal(o.profile->locations[1].n_lines, 0);
    assert_int_equal(o.profile->mappings[0].has_functions, *want != '\0');
    for (size_t i = 0; note && i < o.diag.n; i++)
        is_noted |= strstr(o.diag.texts[i], note) != NULL;
    assert_true(is_noted);
    assert_true(note || o.diag.n == 0);
    release(&o);
}

static void found(void **state)
{
    put_program("prog");
    expect("prog", "", "run", NULL);
    expect("prog", ID, "run", NULL);
}

static void not_found(void **state)
{
    put_program("prog");
    expect("prog", OTHER_ID, "", "build ID mismatch");
    expect("missing", ID, "", "Local symbolization failed for missing (build ID " ID ")");
    expect("", "", "", "Main binary filename not available");
    FILE *f = fopen("text", "w");
    fputs("no program", f);
    fclose(f);
    expect("text", "", "", "not an ELF file");
}

static void left_alone(void **state)
{
    expect("[vdso]", "", "", NULL);
    expect("linux-vdso.so.1", "", "", NULL);
    expect("//anon", "", "", NULL);
}

/* A mapping that has the name of this process's perf map. */
static void generated_code(void **state)
{
    char path[48];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
    expect(path, "", "", NULL);
    FILE *f = fopen(path, "w");
    fprintf(f, "%llx 8 JS:*run /x.js:1:13\n", (unsigned long long)RUN);
    fclose(f);
    expect(path, "", "JS:*run /x.js:1:13", NULL);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    expect(path, "", "", "it is not the recorded process's");
    rmdir(path);
    expect("/tmp/perf-1.map.gz", "", "", "Local symbolization failed");
}

/* The store's file is taken, and the profile says so. */
static void store(void **state)
{
    struct outcome o;
    put_program("store/" ID "/other");
    setenv("PPROF_BINARY_PATH", "store", 1);
    resolve(&o, "/gone/prog", ID, &(struct resolve_options){0});
    assert_string_equal(name(&o), "run");
    assert_string_equal(profile_cstr(o.profile, o.profile->mappings[0].file), "store/" ID "/other");
    release(&o);
    setenv("PPROF_BINARY_PATH", "nowhere", 1);
}

static void demangling(void **state)
{
    struct outcome o;
    put_program("prog");
    resolve(&o, "prog", "", &(struct resolve_options){.demangle = DEMANGLE_NONE});
    assert_string_equal(name(&o), "_Z3runv");
    release(&o);
    resolve(&o, "prog", "", &(struct resolve_options){.demangle = DEMANGLE_FULL});
    assert_string_equal(name(&o), "run()");
    release(&o);
}

/* A location at `address` in the kernel whose _text is at `start`. */
static void expect_kernel(uint64_t start, uint64_t address, const char *build_id, const char *want)
{
    struct outcome o = {0};
    struct builder *b = builder_new(NULL);
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("count")));
    struct profile_mapping kernel = {
        .id = 1,
        .start = start,
        .limit = UINT64_MAX,
        .file = builder_string(b, STR("[kernel.kallsyms]_text")),
        .build_id = builder_string(b, str_of(build_id)),
        .kernel_relocation_symbol = builder_string(b, STR("_text")),
    };
    struct profile_location location = {
        .id = 1, .address = address, .mapping = builder_mapping(b, &kernel)};
    uint32_t index = builder_location(b, &location, NULL, 0);
    builder_sample(b, &index, 1, &(int64_t){1}, NULL, 0);
    diag_init(&o.diag);
    o.profile = resolve_profile(builder_seal(b, NULL), &(struct resolve_options){0}, &o.diag, NULL);
    assert_non_null(o.profile);
    assert_string_equal(name(&o), want);
    assert_int_equal(o.diag.n, 0);
    release(&o);
}

/* Only that one is named which runs, at its place. */
static void kernel(void **state)
{
    char id[KERNEL_BUILD_ID_MAX];
    const uint64_t elsewhere = 0xffff800000000000;
    struct kernel_names *names = kernel_names_open();
    expect_kernel(elsewhere, elsewhere + 0x1000, OTHER_ID, "");
    if (!names)
        skip(); /* their addresses are hidden from this user */
    kernel_build_id(id);
    uint64_t text = kernel_names_address(names, STR("_text")),
             schedule = kernel_names_address(names, STR("schedule"));
    kernel_names_close(names);
    assert_true(text && schedule > text);
    expect_kernel(text, schedule + 1, id, "schedule");
    expect_kernel(text, schedule + 1, "", "schedule");
    expect_kernel(text + 4096, schedule + 1, id, "");
    if (*id)
        expect_kernel(text, schedule + 1, OTHER_ID, "");
}

static int enter(void **state)
{
    setenv("PPROF_BINARY_PATH", "nowhere", 1);
    return made_folder_enter(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found),          cmocka_unit_test(not_found), cmocka_unit_test(left_alone),
        cmocka_unit_test(generated_code), cmocka_unit_test(store),     cmocka_unit_test(demangling),
        cmocka_unit_test(kernel),
    };
    return cmocka_run_group_tests(tests, enter, made_folder_leave);
}
