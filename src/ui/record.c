#include "ui/record.h"

#include "base/gzip.h"
#include "base/reader.h"
#include "collect/collect.h"
#include "format/pprof_write.h"
#include "ui/flags.h"
#include "ui/output.h"
#include "ui/progress.h"
#include "ui/record_run.h"
#include "ui/tell.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HZ_MAX 10000
#define GZIP_LEVEL 6
#define SHORT_CPU_NS 30000000u /* at the default rate, three samples */

enum { FLAG_E, FLAG_F, FLAG_O, FLAG_NO_CHILDREN, N_FLAGS };

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define OPTIONS "options"

static const struct flag_doc flag_docs[N_FLAGS] = {
    [FLAG_E] = {OPTIONS, "e", "KIND", NULL, "What to record (cpu)"},
    [FLAG_F] = {OPTIONS, "F", "HZ", NULL,
                "Samples a second of CPU time, 1 to " TEXT(HZ_MAX) " (100)"},
    [FLAG_O] = {OPTIONS, "o", "FILE", NULL, "The profile (sonde.KIND.pb.gz)"},
    [FLAG_NO_CHILDREN] = {OPTIONS, "no-children", NULL, NULL,
                          "Only the process that COMMAND starts as"},
};

struct record {
    const struct collect_ops *kind;
    struct collect_request request;
    char path[PATH_MAX];
};

static void each_flag(flag_doc_fn *fn, void *arg)
{
    AUTO_BUF kinds = {0};
    for (size_t i = 0; collect_registry[i]; i++)
        buf_printf(&kinds, "%s%s", i ? " " : "", collect_registry[i]->name);
    for (size_t i = 0; i < N_FLAGS; i++) {
        struct flag_doc flag = flag_docs[i];
        if (i == FLAG_E)
            flag.words = buf_str(&kinds);
        fn(&flag, arg);
    }
}

/* A short flag's value stands after a blank, as it is used to. */
static void usage_flag(const struct flag_doc *flag, void *arg)
{
    struct buf *out = arg;
    char text[64];
    snprintf(text, sizeof text, "%s%s%s%s", flag->name[1] ? "--" : "-", flag->name,
             flag->value ? " " : "", flag->value ? flag->value : "");
    buf_printf(out, "  %-14s %s\n", text, flag->help);
}

static void usage(struct buf *out)
{
    buf_puts(out, "usage: sonde record [-e KIND] [-F HZ] [-o FILE] [--no-children] [--] "
                  "COMMAND [ARGUMENTS]\n\n"
                  "Runs COMMAND, follows its threads and children, and writes where they spend "
                  "their\ntime as a profile: symbols included, to be read with `sonde pprof` or "
                  "`go tool pprof`.\nExits with the status of COMMAND; 128+N when signal N ended "
                  "it.\n\noptions:\n");
    each_flag(usage_flag, out);
    buf_puts(out, "\nkinds:\n");
    for (size_t i = 0; collect_registry[i]; i++)
        buf_printf(out, "  %-14s %s\n", collect_registry[i]->name, collect_registry[i]->help);
    buf_puts(out, "\nexamples:\n"
                  "  sonde record python3 job.py          then: sonde pprof -top sonde.cpu.pb.gz\n"
                  "  sonde record -F 500 -o build.pb.gz -- make -j4\n\n"
                  "environment:\n"
                  "  SONDE_LIB      The path of libsonde.so if it is not found beside sonde\n"
                  "  TMPDIR         Where the recording's files go when /dev/shm has no room\n");
}

static bool parse(int argc, char **argv, struct record *record, bool *help, struct err *err)
{
    struct flag flags[N_FLAGS] = {0};
    for (size_t i = 0; i < N_FLAGS; i++)
        flags[i] = (struct flag){.name = flag_docs[i].name, .is_bool = !flag_docs[i].value};
    int n_used;
    if (!flags_parse(flags, N_FLAGS, argc, argv, &n_used, help, err))
        return false;
    if (*help)
        return true;
    const char *kind = flags[FLAG_E].value ? flags[FLAG_E].value : "cpu";
    record->kind = collect_find(kind);
    if (!record->kind) {
        AUTO_BUF names = {0};
        for (size_t i = 0; collect_registry[i]; i++)
            buf_printf(&names, "%s%s (%s)", i ? ", " : "", collect_registry[i]->name,
                       collect_registry[i]->help);
        return err_set(err, ERR_USAGE, "cannot record '%s'; there is: %s", kind, buf_str(&names));
    }
    if (flags[FLAG_F].value) {
        char *end;
        errno = 0;
        long hz = strtol(flags[FLAG_F].value, &end, 10);
        if (errno || end == flags[FLAG_F].value || *end || hz < 1 || hz > HZ_MAX)
            return err_set(err, ERR_USAGE, "-F takes a number from 1 to %d, not '%s'", HZ_MAX,
                           flags[FLAG_F].value);
        record->request.hz = (unsigned)hz;
    }
    const char *no_children = flags[FLAG_NO_CHILDREN].value;
    record->request.children = !no_children || strcmp(no_children, "true") != 0;
    const char *path = flags[FLAG_O].value;
    int n = path ? snprintf(record->path, sizeof record->path, "%s", path)
                 : snprintf(record->path, sizeof record->path, "sonde.%s.pb.gz", kind);
    if (n <= 0 || n >= (int)sizeof record->path)
        return err_set(err, ERR_USAGE, "-o takes the name of a file");
    if (n_used == argc)
        return err_set(err, ERR_USAGE, "no command to record; try 'sonde help record'");
    record->request.argv = argv + n_used;
    return true;
}

/* Better told before the command runs than after it. */
static bool check_writable(const char *path, struct err *err)
{
    struct stat st;
    char real[PATH_MAX], dir[PATH_MAX];
    const char *target = path;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return err_sys(err, EISDIR, "cannot write '%s'", path);
        if (access(path, W_OK) != 0)
            return err_sys(err, errno, "cannot write '%s'", path);
        if (!S_ISREG(st.st_mode))
            return true;
        target = realpath(path, real); /* a link stays, what it points at is replaced */
        if (!target)
            return err_sys(err, errno, "cannot write '%s'", path);
    }
    snprintf(dir, sizeof dir, "%s", target);
    char *slash = strrchr(dir, '/');
    if (!slash)
        strcpy(dir, ".");
    else
        slash[slash == dir] = '\0';
    return access(dir, W_OK | X_OK) == 0 || err_sys(err, errno, "cannot write '%s'", path);
}

/* To record->path; when that fails, so that nothing collected is lost, to a new
 * file in TMPDIR, /tmp or /dev/shm, whose name takes its place.  False when all
 * fail; *err tells of the first in either case. */
static bool write_profile(struct record *record, const struct profile *profile, struct err *err)
{
    AUTO_BUF plain = {0};
    uint8_t *packed;
    size_t n_packed;
    if (!pprof_write(profile, &plain, err) ||
        !gzip_deflate(plain.data, plain.len, GZIP_LEVEL, &packed, &n_packed, err))
        return false;
    bool ok = file_write_atomic(record->path, packed, n_packed, err);
    const char *tmp = getenv("TMPDIR");
    const char *const dirs[] = {tmp && *tmp ? tmp : "/tmp", "/tmp", "/dev/shm"};
    for (size_t i = 0; !ok && i < sizeof dirs / sizeof *dirs; i++) {
        char path[PATH_MAX];
        int n =
            snprintf(path, sizeof path, "%s/sonde.%s.XXXXXX.pb.gz", dirs[i], record->kind->name);
        AUTO_FD fd = n < (int)sizeof path ? mkstemps(path, 6) : -1;
        if (fd < 0)
            continue;
        ok = file_write_atomic(path, packed, n_packed, NULL);
        if (ok)
            strcpy(record->path, path);
        else
            unlink(path);
    }
    free(packed);
    return ok;
}

static int command_status(const struct record_run *run)
{
    return WIFSIGNALED(run->wait_status) ? 128 + WTERMSIG(run->wait_status)
                                         : WEXITSTATUS(run->wait_status);
}

static void tell_end(const struct record *record, const struct record_run *run,
                     const struct collect_status *status)
{
    tell("%llu sample%s in %.2fs (%.2fs CPU), %llu dropped, %llu truncated, %u process%s: %s "
         "(sonde pprof -top %s)",
         (unsigned long long)status->n_samples, status->n_samples == 1 ? "" : "s",
         (double)run->wall_ns / 1e9, (double)run->cpu_ns / 1e9,
         (unsigned long long)status->n_dropped, (unsigned long long)status->n_truncated,
         status->n_processes, status->n_processes == 1 ? "" : "es", record->path, record->path);
}

static const char *why_none(const struct record_run *run, const struct collect_status *status)
{
    if (run->cpu_ns < SHORT_CPU_NS)
        return "the command used hardly any CPU time; try a higher -F or a longer run";
    if (status->n_processes == 0)
        return "libsonde was not loaded (a cleaned environment, a program that cannot be "
               "preloaded, or a limit on the sizes of files)";
    return "the command ran programs that cannot be preloaded (static, Go, setuid, valgrind's)";
}

/* After the command has ended: collect, write, tell.  The exit status. */
static int finish(struct record *record, struct collector *collector, const struct record_run *run,
                  struct diag *diag)
{
    int status = command_status(run);
    struct err err = {0};
    struct collect_result result;
    if (WIFSIGNALED(run->wait_status))
        tell("'%s' was ended by signal %d (%s)", record->request.argv[0],
             WTERMSIG(run->wait_status), strsignal(WTERMSIG(run->wait_status)));
    struct progress progress;
    progress_begin(&progress, "reading symbols");
    bool ok = record->kind->finish(collector, run->cpu_ns, &result, diag, &err);
    progress_end(&progress);
    if (!ok) {
        tell_err(&err);
        return status ? status : 1;
    }
    char wanted[PATH_MAX];
    strcpy(wanted, record->path);
    if (!write_profile(record, result.profile, &err)) {
        profile_free(result.profile);
        tell_err(&err);
        return status ? status : 1;
    }
    profile_free(result.profile);
    if (result.status.n_samples == 0)
        diag_add(diag, "no samples: %s", why_none(run, &result.status));
    tell_diag(diag);
    bool elsewhere = strcmp(wanted, record->path) != 0;
    if (elsewhere)
        tell("%s; the profile is in '%s' instead", err.msg, record->path);
    tell_end(record, run, &result.status);
    return status || !elsewhere ? status : 1;
}

static int run(int argc, char **argv)
{
    struct err err = {0};
    struct record record = {0};
    struct record_run run;
    bool help = false;
    if (!parse(argc, argv, &record, &help, &err))
        return tell_err(&err);
    if (help) {
        AUTO_BUF out = {0};
        usage(&out);
        return output_stdout(&out, &err) ? 0 : tell_err(&err);
    }
    if (!check_writable(record.path, &err))
        return tell_err(&err);

    struct diag diag;
    diag_init(&diag);
    int status;
    struct collector *collector = record.kind->open(&record.request, &diag, &err);
    if (!collector) {
        status = tell_err(&err);
        if (err.code == ERR_UNSUPPORTED)
            status = 2; /* the command is one that cannot be recorded */
    } else {
        tell_diag(&diag); /* how it is recorded: to be known while it runs */
        diag_release(&diag);
        diag_init(&diag);
        if (!record_run(collector, record.request.argv, record.request.children, &run, &err)) {
            status = tell_err(&err);
        } else if (run.exec_errno) {
            err_sys(&err, run.exec_errno, "cannot run '%s'", record.request.argv[0]);
            tell_err(&err);
            status = run.exec_errno == ENOENT ? 127 : 126; /* as env and nohup do */
        } else {
            status = finish(&record, collector, &run, &diag);
        }
        record.kind->close(collector);
    }
    diag_release(&diag);
    return status;
}

const struct command_ops command_record = {
    .name = "record",
    .help = "Run a program and write its profile",
    .each_flag = each_flag,
    .usage = usage,
    .run = run,
};
