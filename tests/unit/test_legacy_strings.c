/* The profiles of pprof's own tests, where they are ($SONDE_TESTDATA), as text: what
 * its tests want, byte for byte. */
#include "base/buf.h"
#include "base/reader.h"
#include "format/format.h"
#include "report/report.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    "cppbench.contention",
    "cppbench.cpu",
    "cppbench.growth",
    "cppbench.heap",
    "cppbench.thread",
    "cppbench.thread.all",
    "go.crc32.cpu",
    "cppbench.thread.none",
    "go.godoc.thread",
    "gobench.cpu",
    "gobench.heap",
    "java.contention",
    "java.cpu",
    "java.heap",
};

static const struct report_ops *raw_report(void)
{
    for (size_t i = 0; report_registry[i]; i++)
        if (strcmp(report_registry[i]->name, "raw") == 0)
            return report_registry[i];
    return NULL;
}

static void compare(const char *folder, const char *name)
{
    char path[4096];
    struct err err = {0};
    AUTO_FILE file = {0}, want = {0};
    AUTO_BUF out = {0};
    struct report_options options;
    report_options_init(&options);
    snprintf(path, sizeof path, "%s/pprof/profile/%s.string", folder, name);
    if (!file_map(&want, path, &err))
        fail_msg("%s", err.msg);
    *strrchr(path, '.') = '\0';
    struct profile *p = file_map(&file, path, &err) ? format_read(name, &file, NULL, &err) : NULL;
    if (!p)
        fail_msg("%s", err.msg);
    const struct report_ctx ctx = {.profile = p, .options = &options};
    assert_true(raw_report()->write(&ctx, &out, &err));
    if (out.len != want.len || memcmp(out.data, want.data, want.len) != 0)
        fail_msg("%s is not as it should be:\n%s", name, buf_str(&out));
    profile_free(p);
}

static void as_pprof_has_them(void **state)
{
    const char *folder = getenv("SONDE_TESTDATA");
    char path[4096];
    snprintf(path, sizeof path, "%s/pprof/profile", folder ? folder : "");
    if (access(path, R_OK) != 0) {
        printf("SKIPPED: no profiles of pprof's tests in '%s'\n", path);
        skip();
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        compare(folder, names[i]);
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_pprof_has_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
