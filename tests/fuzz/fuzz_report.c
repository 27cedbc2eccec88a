/* Whatever can be read can be reported: every report of the registry, with options
 * that lead down different paths, comes to an end with bytes or with an error. */
#include "base/buf.h"
#include "base/diag.h"
#include "format/format.h"
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* What these keep for the next picture is not ours to free. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libcairo\nleak:libfontconfig\n";
}

/* Large values multiply: a few bytes can ask for much work, which is no fault. */
#define MAX_SIZE 8192

static const struct report_options *option_sets(size_t *n)
{
    static struct report_options sets[6];
    *n = sizeof sets / sizeof *sets;
    for (size_t i = 0; i < *n; i++)
        report_options_init(&sets[i]);
    sets[1].granularity = GRANULARITY_ADDRESSES;
    sets[1].noinlines = true;
    sets[1].sort = SORT_CUM;
    sets[1].sample_index = "0";
    sets[2].granularity = GRANULARITY_LINES;
    sets[2].trim = false;
    sets[2].unit = "auto";
    sets[2].hide = "a";
    sets[3].granularity = GRANULARITY_FILES;
    sets[3].focus = ".";
    sets[3].ignore = "z";
    sets[3].relative_percentages = true;
    sets[3].unit = "kb";
    sets[4].granularity = GRANULARITY_FILEFUNCTIONS;
    sets[4].show_from = "[a-m]";
    sets[4].prune_from = "[n-z]";
    sets[4].nodecount = 3;
    sets[4].unit = "s";
    sets[5].show = "o";
    sets[5].compact_labels = true;
    sets[5].trim_path = "/a:b";
    sets[5].nodefraction = 0.3;
    sets[5].edgefraction = 0.3;
    return sets;
}

static void run_reports(const struct profile *profile, const struct report_options *options)
{
    for (size_t i = 0; report_registry[i]; i++) {
        const struct report_ops *ops = report_registry[i];
        AUTO_BUF out = {0};
        struct err err = {0};
        struct diag diag;
        diag_init(&diag);
        const struct report_ctx ctx = {
            .profile = profile,
            .options = options,
            .regexp = ops->flags & REPORT_TAKES_REGEXP ? "." : NULL,
            .diag = &diag,
        };
        bool ok = ops->write(&ctx, &out, &err);
        if (ok ? out.failed : !err.code)
            abort();
        diag_release(&diag);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct diag diag;
    if (size > MAX_SIZE)
        return 0;
    diag_init(&diag);
    AUTO_FILE file = {size ? memcpy(malloc(size), data, size) : NULL, size, false};
    struct profile *profile = format_read("input", &file, &diag, &err);
    if (profile && profile->n_types) {
        size_t n;
        const struct report_options *sets = option_sets(&n);
        for (size_t i = 0; i < n; i++)
            run_reports(profile, &sets[i]);
    }
    profile_free(profile);
    diag_release(&diag);
    return 0;
}
