/* The source of the web page: lines with values, and what is told where there are none. */
#include "page_json.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file of twelve lines, "line 1" to "line 12"; the caller removes it. */
static void make_file(char *path)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (int i = 1; i <= 12; i++)
        dprintf(fd, "  line %d\n", i);
    close(fd);
}

static void lines_with_values(void **state)
{
    char path[] = "/tmp/page_source_XXXXXX";
    struct page_json p;
    make_file(path);
    struct profile *profile = page_json_profile("main.work", path, 40);
    page_json_init(&p);
    p.regexp = "work";
    page_json_of(&p, "source", profile);
    page_json_has(&p, "\"name\":\"main.work\",\"file\":\"/tmp/page_source_");
    page_json_has(&p, "\"flat\":40,\"cum\":80,\"missing\":["
                      "\"No machine code: the address is in no file\"],\"lines\":["
                      "{\"line\":2,\"flat\":0,\"cum\":0,\"text\":\"  line 2\",\"code\":[]},");
    page_json_has(&p, "{\"line\":7,\"flat\":40,\"cum\":80,\"text\":\"  line 7\",\"code\":[]},");
    page_json_has(&p, "\"text\":\"  line 12\",\"code\":[]}]}]}],\"more\":0}");
    page_json_lacks(&p, "\"line\":1,");
    unlink(path);
    page_json_release(&p);
    profile_free(profile);
}

static void no_file(void **state)
{
    struct page_json p;
    struct profile *profile = page_json_profile("main.work", "/no/such/file.go", 40);
    page_json_init(&p);
    page_json_of(&p, "source", profile);
    page_json_has(&p,
                  "\"missing\":[\"No source: open /no/such/file.go: no such file or directory.");
    page_json_has(&p, "[{\"line\":7,\"flat\":40,\"cum\":80,\"text\":\"???\",\"code\":[]}]");
    page_json_release(&p);
    profile_free(profile);
    profile = page_json_profile("main.work", "", 40);
    page_json_init(&p);
    page_json_of(&p, "source", profile);
    page_json_has(&p, "\"missing\":[\"No source: the profile names no file for this function;");
    page_json_release(&p);
    profile_free(profile);
}

/* A profile may name anything: only files are read, and of a size that sources have. */
static void no_source(void **state)
{
    char folder[] = "/tmp/page_source_XXXXXX", pipe[64], large[64];
    assert_non_null(mkdtemp(folder));
    snprintf(pipe, sizeof pipe, "%s/pipe", folder);
    snprintf(large, sizeof large, "%s/large", folder);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    int fd = open(large, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    close(fd);
    const char *const names[][2] = {
        {pipe, "it is not a regular file"},        {folder, "it is not a regular file"},
        {"/dev/zero", "it is not a regular file"}, {large, "it is too large for a source"},
        {"/proc/self/environ", "it is empty"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct page_json p;
        char why[160];
        struct profile *profile = page_json_profile("main.work", names[i][0], 40);
        page_json_init(&p);
        page_json_of(&p, "source", profile);
        snprintf(why, sizeof why, "\"missing\":[\"No source: %s: %s.", names[i][0], names[i][1]);
        page_json_has(&p, why);
        page_json_has(&p, "[{\"line\":7,\"flat\":40,\"cum\":80,\"text\":\"???\",\"code\":[]}]");
        page_json_release(&p);
        profile_free(profile);
    }
    unlink(pipe);
    unlink(large);
    rmdir(folder);
}

/* Each function has a file of its own; the 50 with the largest values are shown. */
static void many_files(void **state)
{
    struct builder *b = builder_new(NULL);
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("count")));
    for (int64_t i = 0; i < 60; i++) {
        char name[16], file[16];
        snprintf(name, sizeof name, "f%02d", (int)i);
        snprintf(file, sizeof file, "/no/%02d.c", (int)i);
        struct profile_function f = {.name = builder_string(b, str_of(name)),
                                     .filename = builder_string(b, str_of(file))};
        struct profile_line line = {.function = builder_function(b, &f), .line = 1};
        struct profile_location l = {.address = (uint64_t)(1 + i), .mapping = PROFILE_NONE};
        uint32_t location = builder_location(b, &l, &line, 1);
        int64_t value = i + 1;
        builder_sample(b, &location, 1, &value, NULL, 0);
    }
    struct profile *profile = builder_seal(b, NULL);
    struct page_json p;
    page_json_init(&p);
    page_json_of(&p, "source", profile);
    page_json_has(&p, "\"files\":[{\"name\":\"/no/59.c\"");
    page_json_has(&p, "\"name\":\"f10\"");
    page_json_lacks(&p, "\"name\":\"f09\"");
    page_json_has(&p, "\"more\":10}");
    page_json_release(&p);
    profile_free(profile);
}

static void what_matches_nothing(void **state)
{
    struct page_json p;
    struct profile *profile = page_json_profile("f", "f.c", 1);
    page_json_init(&p);
    p.regexp = "nowhere";
    assert_false(page_json_write(&p, "source", (struct page_ctx){.report.profile = profile}));
    assert_int_equal(p.err.code, ERR_USAGE);
    assert_string_equal(p.err.msg, "no matches found for regexp: nowhere");
    page_json_release(&p);
    profile_free(profile);
}

static void hostile(void **state)
{
    page_json_hostile("source");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_with_values),
        cmocka_unit_test(no_file),
        cmocka_unit_test(no_source),
        cmocka_unit_test(many_files),
        cmocka_unit_test(what_matches_nothing),
        cmocka_unit_test(hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
