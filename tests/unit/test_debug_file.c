/* debug_file: in which order objects and their debug information are looked for. */
#include "made_elf.h"

#include "sym/debug_file.h"

#include <libdeflate.h>

#define ID "00112233445566778899aabbccddeeff00112233"
#define OTHER_ID "ffffffffffffffffffffffffffffffffffffffff"

static void put_object(const char *path, const char *build_id)
{
    struct made_elf e = {0};
    made_folders(path);
    made_elf_build_id(&e, build_id);
    made_elf_write(&e, path);
}

/* Where "/opt/bin/prog" is found; NULL: nowhere. */
static void expect_place(const char *build_id, const char *want, size_t n_notes)
{
    struct diag diag;
    struct err err = {0};
    diag_init(&diag);
    char *found = debug_file_locate("/opt/bin/prog", build_id, &diag, &err);
    if (want)
        assert_string_equal(found ? found : "(nowhere)", want);
    else
        assert_null(found);
    assert_int_equal(err.code, ERR_NONE);
    assert_int_equal(diag.n, n_notes);
    if (n_notes)
        assert_non_null(strstr(diag.texts[0], "build-id mismatch"));
    free(found);
    diag_release(&diag);
}

/* Each file is found as long as none before it is there. */
static void order(void **state)
{
    static const char *const places[] = {
        "A/" ID "/prog",
        "A/" ID "/renamed",
        "A/opt/bin/prog/" ID,
        "A/00/112233445566778899aabbccddeeff00112233.debug",
        "A/prog",
        "A/opt/bin/prog",
        "A/opt/bin/prog.debug",
        "A/opt/bin/.debug/prog.debug",
        "A/usr/lib/debug/opt/bin/prog.debug",
        "B/prog",
    };
    setenv("PPROF_BINARY_PATH", "A:B", 1);
    expect_place(ID, NULL, 0);
    for (size_t i = sizeof places / sizeof *places; i--;) {
        /* a folder of the file's name has to make way */
        if (strcmp(places[i], "A/opt/bin/prog/" ID) == 0)
            unlink("A/opt/bin/prog");
        put_object(places[i], ID);
        expect_place(ID, places[i], 0);
    }
    unsetenv("PPROF_BINARY_PATH");
}

static void home(void **state)
{
    setenv("HOME", "home/", 1);
    unsetenv("PPROF_BINARY_PATH");
    put_object("home/pprof/binaries/prog", ID);
    expect_place(ID, "home/pprof/binaries/prog", 0);
    setenv("PPROF_BINARY_PATH", "", 1);
    expect_place(ID, "home/pprof/binaries/prog", 0);
    setenv("PPROF_BINARY_PATH", "elsewhere", 1);
    expect_place(ID, NULL, 0);
    unsetenv("PPROF_BINARY_PATH");
}

static void other_build_id(void **state)
{
    setenv("PPROF_BINARY_PATH", "C:D", 1);
    put_object("C/prog", OTHER_ID);
    expect_place(ID, NULL, 1);
    put_object("D/prog", ID);
    expect_place(ID, "D/prog", 1);
    expect_place("", "C/prog", 0); /* none is wanted: the first will do */
    FILE *f = fopen("C/prog", "w");
    fputs("no program", f);
    fclose(f);
    expect_place(ID, "D/prog", 0);
    unsetenv("PPROF_BINARY_PATH");
}

/* --- .gnu_debuglink --- */

static uint32_t checksum(const char *path)
{
    static unsigned char data[1 << 16];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    return libdeflate_crc32(0, data, n);
}

static void put_linked(const char *path, const char *link, uint32_t sum)
{
    struct made_elf e = {0};
    made_folders(path);
    made_elf_build_id(&e, ID);
    made_elf_debuglink(&e, link, sum);
    made_elf_write(&e, path);
}

static void expect_debug(const char *path, const char *want)
{
    struct elf *elf = elf_open(path, NULL);
    assert_non_null(elf);
    struct elf *debug = debug_file_open(elf, false, NULL);
    if (want)
        assert_string_equal(debug ? elf_path(debug) : "(nowhere)", want);
    else
        assert_null(debug);
    elf_free(debug);
    elf_free(elf);
}

static void debuglink(void **state)
{
    put_object("link/.debug/prog.debug", ID);
    uint32_t sum = checksum("link/.debug/prog.debug");
    put_linked("link/prog", "prog.debug", sum);
    expect_debug("link/prog", "link/.debug/prog.debug");
    put_object("link/prog.debug", ID);
    expect_debug("link/prog", "link/prog.debug");
    /* a file of that name with other contents is passed by */
    put_object("link/prog.debug", OTHER_ID);
    expect_debug("link/prog", "link/.debug/prog.debug");
    put_linked("link/prog", "prog.debug", sum + 1);
    expect_debug("link/prog", NULL);
}

static void bad_debuglinks(void **state)
{
    put_object("bad/x.debug", OTHER_ID);
    put_linked("bad/prog", "x.debug", checksum("bad/x.debug"));
    expect_debug("bad/prog", NULL); /* the checksum is right, the build ID is not */
    put_object("x.debug", ID);
    put_linked("bad/prog", "../x.debug", checksum("x.debug"));
    expect_debug("bad/prog", NULL); /* no paths */
    put_linked("bad/prog", "", 0);
    expect_debug("bad/prog", NULL);
    put_linked("bad/prog", "prog", 0);
    expect_debug("bad/prog", NULL); /* itself */
    put_object("bad/prog", ID);
    expect_debug("bad/prog", NULL); /* none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),          cmocka_unit_test(home),
        cmocka_unit_test(other_build_id), cmocka_unit_test(debuglink),
        cmocka_unit_test(bad_debuglinks),
    };
    return cmocka_run_group_tests(tests, made_folder_enter, made_folder_leave);
}
