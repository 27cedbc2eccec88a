#include "ui/record.h"

#include "collect/block.h"
#include "collect/cpu.h"
#include "collect/heap.h"
#include "collect/live.h"
#include "collect/mutex.h"
#include "collect/recorder.h"
#include "ui/flags.h"
#include "ui/output.h"
#include "ui/profile_file.h"
#include "ui/progress.h"
#include "ui/record_live.h"
#include "ui/record_native.h"
#include "ui/record_run.h"
#include "ui/tell.h"
#include "ui/web.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HZ_MAX 10000
#define HEAP_RATE_MAX (1ull << 40)
#define BLOCK_RATE_MAX (1ull << 40)
#define MUTEX_FRACTION_MAX (1ull << 31)
#define TRACE_RATE_MAX 1000000000
#define SECONDS_MAX 1e9
#define SHORT_CPU_NS 30000000u /* at the default rate, three samples */

enum {
    FLAG_E,
    FLAG_F,
    FLAG_HEAP_RATE,
    FLAG_BLOCK_RATE,
    FLAG_MUTEX_FRACTION,
    FLAG_O,
    FLAG_NO_CHILDREN,
    FLAG_AT,
    FLAG_FLIGHT,
    FLAG_SECONDS,
    FLAG_HTTP,
    FLAG_NO_BROWSER,
    FLAG_P,
    FLAG_A,
    FLAG_GC,
    FLAG_ENABLE,
    FLAG_CONSISTENT,
    FLAG_DEBUG,
    FLAG_PROBES,
    FLAG_TRACE_RATE,
    N_FLAGS
};

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define OPTIONS "options"
#define LIVE "options for programs that run"

static const struct flag_doc flag_docs[N_FLAGS] = {
    [FLAG_E] = {OPTIONS, "e", "KINDS", NULL, "What to record, joined with ',' (cpu)"},
    [FLAG_F] = {OPTIONS, "F", "HZ", NULL,
                "Samples a second of CPU time, 1 to " TEXT(HZ_MAX) " (100)"},
    [FLAG_HEAP_RATE] = {OPTIONS, "heap-rate", "BYTES", NULL,
                        "Bytes allocated a heap sample, on average (524288)"},
    [FLAG_BLOCK_RATE] = {OPTIONS, "block-rate", "NS", NULL,
                         "Waits of NS ns and longer are all samples, shorter ones some (10000)"},
    [FLAG_MUTEX_FRACTION] = {OPTIONS, "mutex-fraction", "N", NULL,
                             "One in N waits for a lock is a sample, on average (1)"},
    [FLAG_O] = {OPTIONS, "o", "FILE", NULL,
                "The profile (sonde.KIND.pb.gz); of several kinds, the folder of KIND.pb.gz"},
    [FLAG_NO_CHILDREN] = {OPTIONS, "no-children", NULL, NULL,
                          "Only the process that COMMAND starts as"},
    [FLAG_AT] = {OPTIONS, "at", "WHEN", NULL,
                 "Also a profile on the way: after SECONDS, or at each HUP, USR1 or USR2"},
    [FLAG_FLIGHT] =
        {OPTIONS, "flight", "SECONDS", NULL,
         "trace: keep the last SECONDS only, written at the end and at each --at SIGNAL"},
    [FLAG_SECONDS] = {OPTIONS, "seconds", "N", NULL,
                      "Record N seconds, of a COMMAND the first; it goes on, and is waited for"},
    [FLAG_HTTP] = {OPTIONS, "http", "[HOST]:[PORT]", NULL,
                   "Then show the profile as a web page, there or at a free port"},
    [FLAG_NO_BROWSER] = {OPTIONS, "no-browser", NULL, NULL,
                         "Do not open the web page in a browser"},
    [FLAG_P] = {LIVE, "p", "PROCESS", "@processes",
                "Of a program that runs, by its pid or name; kinds are read from its memory"},
    [FLAG_A] = {LIVE, "a", NULL, NULL, "Of all programs, with a label for each: CPU time"},
    [FLAG_GC] = {LIVE, "gc", NULL, NULL,
                 "Go's heap, goroutineleak: run a garbage collection first"},
    [FLAG_ENABLE] = {LIVE, "enable", NULL, NULL,
                     "Go's heap, block, mutex: switch them on where they are off, for the time"},
    [FLAG_CONSISTENT] = {LIVE, "consistent", NULL, NULL,
                         "goroutine: stop the program while its stacks are copied"},
    [FLAG_DEBUG] = {LIVE, "debug", "N", NULL, "Go's text, 1 or 2, instead of a profile"},
    [FLAG_PROBES] = {LIVE, "probes", NULL, NULL,
                     "trace: by probes, also where it serves /debug/pprof/trace itself"},
    [FLAG_TRACE_RATE] = {LIVE, "trace-rate", "N", NULL,
                         "trace: at most N events a second by probes, then a gap (20000)"},
};

struct record {
    const struct collect_ops *kinds[COLLECT_KINDS_MAX];
    unsigned n_kinds;
    struct recorder_request request;
    struct profile_file files;
    struct record_watch watch;
    unsigned moment; /* number of the last one; 0: none yet */
    struct recorder *recorder;
    struct record_live_request live; /* kinds NULL: a command is recorded */
    struct diag diag;
    bool failed;      /* a profile is not where it was to be */
    const char *http; /* where to serve the web page; NULL: nowhere */
    bool no_browser;
    struct buf written; /* paths of profiles, each with its NUL, in the order of kinds */
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

struct usage_group {
    struct buf *out;
    const char *name;
};

/* A short flag's value stands after a blank, as it is used to. */
static void usage_flag(const struct flag_doc *flag, void *arg)
{
    const struct usage_group *group = arg;
    char text[64];
    if (strcmp(flag->group, group->name) != 0)
        return;
    snprintf(text, sizeof text, "%s%s%s%s", flag->name[1] ? "--" : "-", flag->name,
             !flag->value    ? ""
             : flag->name[1] ? "="
                             : " ",
             flag->value ? flag->value : "");
    buf_printf(group->out, "  %-20s %s\n", text, flag->help);
}

static void usage_flags(struct buf *out, const char *group)
{
    buf_printf(out, "\n%s:\n", group);
    each_flag(usage_flag, &(struct usage_group){out, group});
}

static void usage_kind(void *arg, const char *name, const char *help)
{
    struct buf *out = arg;
    const struct collect_ops *kind = collect_find(name);
    char names[64];
    snprintf(names, sizeof names, "%s%s%s", name, kind && kind->alias ? ", " : "",
             kind && kind->alias ? kind->alias : "");
    buf_printf(out, "  %-20s %s\n", names, help);
}

static void usage(struct buf *out)
{
    buf_puts(
        out,
        "usage: sonde record [-e KINDS] [-F HZ] [-o FILE] [--no-children] [--at WHEN] [--seconds "
        "N] "
        "[--http] [--] COMMAND [ARGUMENTS]\n"
        "       sonde record [-e KINDS] [-F HZ] [-o FILE] [--seconds N] [--gc] [--enable] "
        "[--consistent] [--debug N] -p PROCESS\n"
        "       sonde record [-F HZ] [-o FILE] [--seconds N] -a\n\n"
        "Runs COMMAND, follows its threads and children, and writes where they spend "
        "their\ntime, or memory, as a profile: symbols included, to be read with `sonde pprof` or "
        "`go tool pprof`.\nExits with the status of COMMAND; 128+N when signal N ended "
        "it.\n\n"
        "With -p, profiles are taken of a program that runs already, from outside: for N seconds, "
        "or\nuntil Ctrl-C; what is of a moment, at the end.  Nothing is written to its memory but "
        "by --enable\nand --gc: a few words, which are put back.\n");
    usage_flags(out, OPTIONS);
    usage_flags(out, LIVE);
    buf_puts(out, "\nkinds:\n");
    live_each_kind(usage_kind, out);
    buf_puts(out,
             "\nexamples:\n"
             "  sonde record python3 job.py          then: sonde pprof -top sonde.cpu.pb.gz\n"
             "  sonde record -F 500 -o build.pb.gz -- make -j4\n"
             "  sonde record --http ./job            then its web page\n"
             "  sonde record -e trace ./job          then: sonde trace sonde.trace\n"
             "  sonde record -p etcd -e cpu,block,heap --enable --seconds 10 -o profiles\n"
             "  sonde record -a --seconds 10         all processes, by process, pid, container\n\n"
             "environment:\n"
             "  BROWSER        Program for --http\n"
             "  SONDE_LIB      The path of libsonde.so if it is not found beside sonde\n"
             "  TMPDIR         Where the recording's files go when /dev/shm has no room\n");
}

static bool unknown_kind(const char *kind, int len, struct err *err)
{
    AUTO_BUF names = {0};
    for (size_t i = 0; collect_registry[i]; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", collect_registry[i]->name);
    return err_set(err, ERR_USAGE, "cannot record '%.*s'; the kinds are %s", len, kind,
                   buf_str(&names));
}

static bool has_kind(const struct record *record, const struct collect_ops *kind)
{
    for (unsigned i = 0; i < record->n_kinds; i++)
        if (record->kinds[i] == kind)
            return true;
    return false;
}

/* "KIND,KIND,...", each once. */
static bool parse_kinds(const char *list, struct record *record, struct err *err)
{
    for (const char *p = list;; p++) {
        size_t len = strcspn(p, ",");
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)len, p);
        const struct collect_ops *kind = len < sizeof name ? collect_find(name) : NULL;
        if (!kind)
            return unknown_kind(p, (int)len, err);
        if (!has_kind(record, kind))
            record->kinds[record->n_kinds++] = kind;
        record->request.kinds |= 1u << kind->wire;
        p += len;
        if (!*p)
            return true;
    }
}

/* The number that a flag takes; unchanged where it is not given. */
static bool number_of(const struct flag *flag, uint64_t most, uint64_t *number, struct err *err)
{
    char *end;
    if (!flag->value)
        return true;
    errno = 0;
    *number = strtoull(flag->value, &end, 10);
    return (!errno && end != flag->value && !*end && *flag->value != '-' && *number >= 1 &&
            *number <= most) ||
           err_set(err, ERR_USAGE, "%s%s takes a number from 1 to %llu, not '%s'",
                   flag->name[1] ? "--" : "-", flag->name, (unsigned long long)most, flag->value);
}

/* That of a flag that says how `kind` is sampled. */
static bool parse_number(const struct record *record, const struct flag *flag,
                         const struct collect_ops *kind, uint64_t most, uint64_t *number,
                         struct err *err)
{
    if (!number_of(flag, most, number, err))
        return false;
    return !flag->value || (record->request.kinds & 1u << kind->wire) ||
           err_set(err, ERR_USAGE, "%s%s is for the kind %s, which is not among those of -e",
                   flag->name[1] ? "--" : "-", flag->name, kind->name);
}

/* "2.5", as nanoseconds. */
static bool parse_seconds(const char *text, uint64_t *ns)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds > 0) || seconds > SECONDS_MAX)
        return false;
    *ns = (uint64_t)(seconds * 1e9) + 1;
    return true;
}

/* --at: a number of seconds, or a signal. */
static bool parse_at(const char *text, struct record *record, struct err *err)
{
    static const struct {
        const char *name;
        int signo;
    } signals[] = {{"HUP", SIGHUP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}};
    bool any = false;
    if (!text)
        return true;
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (strcasecmp(name, signals[i].name) == 0)
            record->watch.at_signal = signals[i].signo;
    if (!record->watch.at_signal && !parse_seconds(text, &record->watch.at_ns))
        return err_set(err, ERR_USAGE,
                       "--at takes a number of seconds, or HUP, USR1 or USR2, not '%s'", text);
    for (unsigned i = 0; i < record->n_kinds; i++)
        any |= record->kinds[i]->has_moment ||
               (record->kinds[i] == &collect_trace && record->request.flight_ns);
    record->request.moments = true;
    return any || err_set(err, ERR_USAGE,
                          "--at is for the kinds heap, allocs and goroutine, and for trace with "
                          "--flight; -e has none of them");
}

static bool is_on(const struct flag *flag)
{
    return flag->value && strcmp(flag->value, "true") == 0;
}

/* What is asked of a program that runs. */
static bool parse_live(const struct flag *flags, struct record *record, struct err *err)
{
    uint64_t seconds_ns = 0;
    unsigned debug = 0;
    uint64_t heap = 0, block = 0, mutex = 0, hz = 0, trace_rate = 0;
    bool system = !flags[FLAG_P].value;
    const char *kinds = flags[FLAG_E].value ? flags[FLAG_E].value : collect_cpu.name;
    if (flags[FLAG_AT].value || flags[FLAG_FLIGHT].value)
        return err_set(err, ERR_USAGE, "--%s is for a command that is started, not for -%c",
                       flags[FLAG_AT].value ? "at" : "flight", system ? 'a' : 'p');
    for (int i = FLAG_GC; system && i < N_FLAGS; i++)
        if (flags[i].value)
            return err_set(err, ERR_USAGE, "--%s is for one program that runs: -p PROCESS",
                           flags[i].name);
    if (system && strcmp(kinds, collect_cpu.name) != 0)
        return err_set(err, ERR_USAGE, "-a records the kind cpu only, not '%s'", kinds);
    if (!number_of(&flags[FLAG_HEAP_RATE], HEAP_RATE_MAX, &heap, err) ||
        !number_of(&flags[FLAG_BLOCK_RATE], BLOCK_RATE_MAX, &block, err) ||
        !number_of(&flags[FLAG_MUTEX_FRACTION], MUTEX_FRACTION_MAX, &mutex, err) ||
        !number_of(&flags[FLAG_F], HZ_MAX, &hz, err) ||
        !number_of(&flags[FLAG_TRACE_RATE], TRACE_RATE_MAX, &trace_rate, err))
        return false;
    if (flags[FLAG_SECONDS].value && !parse_seconds(flags[FLAG_SECONDS].value, &seconds_ns))
        return err_set(err, ERR_USAGE, "--seconds takes a number above 0, not '%s'",
                       flags[FLAG_SECONDS].value);
    if (flags[FLAG_DEBUG].value) {
        debug = (unsigned)(flags[FLAG_DEBUG].value[0] - '0');
        if ((debug != 1 && debug != 2) || flags[FLAG_DEBUG].value[1])
            return err_set(err, ERR_USAGE, "--debug takes 1 or 2, not '%s'",
                           flags[FLAG_DEBUG].value);
    }
    record->live = (struct record_live_request){
        .process = flags[FLAG_P].value,
        .kinds = kinds,
        .files = {.output = flags[FLAG_O].value},
        .seconds = (double)seconds_ns / 1e9,
        .hz = (unsigned)hz,
        .heap_rate = heap,
        .block_rate = block,
        .mutex_fraction = mutex,
        .no_children = is_on(&flags[FLAG_NO_CHILDREN]),
        .debug = debug,
        .gc = is_on(&flags[FLAG_GC]),
        .enable = is_on(&flags[FLAG_ENABLE]),
        .consistent = is_on(&flags[FLAG_CONSISTENT]),
        .probes = is_on(&flags[FLAG_PROBES]),
        .trace_rate = trace_rate,
    };
    if (record->http && strstr(kinds, collect_trace.name))
        return err_set(err, ERR_USAGE,
                       "--http shows profiles; 'sonde trace -http=: FILE' shows a trace");
    return !record->live.files.output || *record->live.files.output ||
           err_set(err, ERR_USAGE, "-o takes the name of a file");
}

/* Also that it can be served: to be known before it is recorded. */
static bool parse_http(const struct flag *flags, struct record *record, struct err *err)
{
    const char *http = flags[FLAG_HTTP].value;
    record->no_browser = is_on(&flags[FLAG_NO_BROWSER]);
    if (!http)
        return !record->no_browser ||
               err_set(err, ERR_USAGE, "--no-browser only makes sense with --http");
    if (flags[FLAG_DEBUG].value)
        return err_set(err, ERR_USAGE, "--http shows profiles, --debug makes text");
    record->http = *http ? http : ":";
    return web_check(record->http, err);
}

static bool parse(int argc, char **argv, struct record *record, bool *help, struct err *err)
{
    struct flag flags[N_FLAGS] = {0};
    for (size_t i = 0; i < N_FLAGS; i++)
        flags[i] = (struct flag){.name = flag_docs[i].name,
                                 .is_bool = !flag_docs[i].value,
                                 .is_optional = i == FLAG_HTTP};
    int n_used;
    if (!flags_parse(flags, N_FLAGS, argc, argv, &n_used, help, err))
        return false;
    if (*help)
        return true;
    bool system = is_on(&flags[FLAG_A]);
    if (!parse_http(flags, record, err))
        return false;
    if (system && flags[FLAG_P].value)
        return err_set(err, ERR_USAGE, "-a is for all processes, -p for one");
    if (system || flags[FLAG_P].value)
        return (n_used == argc ||
                err_set(err, ERR_USAGE, "-p and -a take no command: '%s'", argv[n_used])) &&
               parse_live(flags, record, err);
    for (int i = FLAG_GC; i < N_FLAGS; i++)
        if (flags[i].value)
            return err_set(err, ERR_USAGE, "--%s is for a program that runs: -p PROCESS",
                           flags[i].name);
    uint64_t hz = 0;
    if (!parse_kinds(flags[FLAG_E].value ? flags[FLAG_E].value : "cpu", record, err) ||
        !parse_number(record, &flags[FLAG_F], &collect_cpu, HZ_MAX, &hz, err) ||
        !parse_number(record, &flags[FLAG_HEAP_RATE], &collect_heap, HEAP_RATE_MAX,
                      &record->request.heap_rate, err) ||
        !parse_number(record, &flags[FLAG_BLOCK_RATE], &collect_block, BLOCK_RATE_MAX,
                      &record->request.block_rate, err) ||
        !parse_number(record, &flags[FLAG_MUTEX_FRACTION], &collect_mutex, MUTEX_FRACTION_MAX,
                      &record->request.mutex_fraction, err))
        return false;
    bool has_trace = record->request.kinds & 1u << WIRE_TRACE;
    if (flags[FLAG_FLIGHT].value && !has_trace)
        return err_set(err, ERR_USAGE,
                       "--flight is for the kind trace, which is not among those of -e");
    if (flags[FLAG_FLIGHT].value &&
        !parse_seconds(flags[FLAG_FLIGHT].value, &record->request.flight_ns))
        return err_set(err, ERR_USAGE, "--flight takes a number of seconds above 0, not '%s'",
                       flags[FLAG_FLIGHT].value);
    if (record->http && record->kinds[0] == &collect_trace)
        return err_set(err, ERR_USAGE,
                       "--http shows profiles; 'sonde trace -http=: FILE' shows a trace");
    if (!parse_at(flags[FLAG_AT].value, record, err))
        return false;
    if (flags[FLAG_SECONDS].value &&
        !parse_seconds(flags[FLAG_SECONDS].value, &record->watch.over_ns))
        return err_set(err, ERR_USAGE, "--seconds takes a number above 0, not '%s'",
                       flags[FLAG_SECONDS].value);
    record->request.moments |= record->watch.over_ns != 0;
    record->request.hz = (unsigned)hz;
    const char *no_children = flags[FLAG_NO_CHILDREN].value;
    record->request.children = !no_children || strcmp(no_children, "true") != 0;
    record->files = (struct profile_file){flags[FLAG_O].value, record->n_kinds > 1};
    if (record->files.output && !*record->files.output)
        return err_set(err, ERR_USAGE, "-o takes the name of a file");
    if (n_used == argc)
        return err_set(err, ERR_USAGE, "no command to record; try 'sonde help record'");
    record->request.argv = argv + n_used;
    return true;
}

/* All that is to be written can be. */
static bool check_outputs(const struct record *record, struct err *err)
{
    char path[PATH_MAX];
    if (!profile_file_prepare(&record->files, err))
        return false;
    for (unsigned i = 0; i < record->n_kinds; i++)
        if (!(record->kinds[i] == &collect_trace
                  ? record_native_name(&record->files, 0, path, err)
                  : profile_file_name(&record->files, record->kinds[i]->name, 0,
                                      PROFILE_FILE_SUFFIX, path, err)) ||
            !profile_file_check(path, err))
            return false;
    return true;
}

static int command_status(const struct record_run *run)
{
    return WIFSIGNALED(run->wait_status) ? 128 + WTERMSIG(run->wait_status)
                                         : WEXITSTATUS(run->wait_status);
}

static void tell_end(const char *path, const struct record_run *run, unsigned n_processes,
                     const struct recorder_counts *counts)
{
    tell("%llu sample%s in %.2fs (%.2fs CPU), %llu dropped, %llu truncated, %u process%s: %s "
         "(sonde pprof -top %s)",
         (unsigned long long)counts->n_samples, counts->n_samples == 1 ? "" : "s",
         (double)run->wall_ns / 1e9, (double)run->cpu_ns / 1e9,
         (unsigned long long)counts->n_dropped, (unsigned long long)counts->n_truncated,
         n_processes, n_processes == 1 ? "" : "es", path, path);
}

static const char *why_none(const struct collect_ops *kind, const struct record_run *run,
                            unsigned n_processes)
{
    if (n_processes == 0 && (kind->wire != WIRE_CPU || run->cpu_ns >= SHORT_CPU_NS))
        return "libsonde was not loaded (a cleaned environment, a program that cannot be "
               "preloaded, or a limit on the sizes of files)";
    if (kind->wire != WIRE_CPU || run->cpu_ns < SHORT_CPU_NS)
        return kind->none;
    return "the command ran programs that cannot be preloaded (static, Go, setuid, valgrind's)";
}

/* The sum of all samples in one of the types. */
static uint64_t total(const struct profile *profile, size_t type)
{
    uint64_t n = 0;
    for (size_t i = 0; i < profile->n_samples; i++)
        n += (uint64_t)profile->values[i * profile->n_types + type];
    return n;
}

/* Make one kind's profile and write it: to *path, which is not *wanted when that failed (then
 * *err tells).  False when nothing was written; n gets the totals of the first and the last
 * type. */
static bool make_kind(struct record *record, const struct collect_ops *kind, unsigned moment,
                      char wanted[PATH_MAX], char path[PATH_MAX], uint64_t n[2], struct err *err)
{
    struct progress progress;
    progress_begin(&progress, "reading symbols");
    struct profile *profile = recorder_profile(record->recorder, kind, &record->diag, err);
    progress_end(&progress);
    bool ok = profile &&
              profile_file_name(&record->files, kind->name, moment, PROFILE_FILE_SUFFIX, path, err);
    if (ok) {
        n[0] = total(profile, 0);
        n[1] = total(profile, profile->n_types - 1);
        strcpy(wanted, path);
        ok = profile_file_write(profile, kind->name, path, err);
    }
    profile_free(profile);
    if (!ok)
        tell_err(err);
    return ok;
}

/* The notes so far, and that the file is not where it was wanted. */
static void tell_notes(struct record *record, const char *what, const char *wanted,
                       const char *path, const struct err *err)
{
    tell_diag(&record->diag);
    diag_release(&record->diag);
    diag_init(&record->diag);
    if (strcmp(wanted, path) == 0)
        return;
    tell("%s; the %s is in '%s' instead", err->msg, what, path);
    record->failed = true;
}

/* The trace, of a moment or of all. */
static void finish_trace(struct record *record, unsigned moment, uint64_t wall_ns)
{
    struct err err = {0};
    char path[PATH_MAX], wanted[PATH_MAX];
    struct native_trace_result result;
    struct progress progress;
    progress_begin(&progress, "reading symbols");
    bool ok = record_native_name(&record->files, moment, path, &err);
    strcpy(wanted, ok ? path : "");
    ok = ok && record_native_write(record->recorder, path, &result, &record->diag, &err);
    progress_end(&progress);
    tell_notes(record, "trace", wanted, ok ? path : wanted, &err);
    if (!ok) {
        tell_err(&err);
        record->failed = true;
        return;
    }
    record->failed |= result.is_cut;
    if (!result.n_events)
        tell("no events: libsonde was not loaded (a cleaned environment, or a program that cannot "
             "be preloaded)");
    tell("%llu events in %.2fs, %llu lost: %s (sonde trace %s)",
         (unsigned long long)result.n_events, (double)wall_ns / 1e9,
         (unsigned long long)result.n_lost, path, path);
}

static void finish_kind(struct record *record, const struct collect_ops *kind,
                        const struct record_run *run)
{
    struct err err = {0};
    char path[PATH_MAX], wanted[PATH_MAX];
    uint64_t n[2];
    if (!make_kind(record, kind, 0, wanted, path, n, &err)) {
        record->failed = true;
        return;
    }
    struct recorder_status status;
    recorder_status(record->recorder, &status);
    struct recorder_counts *counts = &status.counts[kind->wire];
    if (kind->is_moment) /* the counters are of all moments */
        counts->n_samples = n[0];
    if (counts->n_samples == 0)
        diag_add(&record->diag, "no samples: %s", why_none(kind, run, status.n_processes));
    else if (n[1] == 0 && kind->zero)
        diag_add(&record->diag, "%s", kind->zero);
    tell_notes(record, "profile", wanted, path, &err);
    tell_end(path, run, status.n_processes, counts);
    buf_add(&record->written, path, strlen(path) + 1);
}

/* On the way: profiles of the kinds that have them. */
static void take_moment(void *arg, uint64_t wall_ns)
{
    struct record *record = arg;
    unsigned moment = ++record->moment;
    recorder_moment(record->recorder, &record->diag);
    for (unsigned i = 0; i < record->n_kinds; i++) {
        struct err err = {0};
        char path[PATH_MAX], wanted[PATH_MAX];
        uint64_t n[2];
        if (record->kinds[i] == &collect_trace && record->request.flight_ns)
            finish_trace(record, moment, wall_ns);
        if (!record->kinds[i]->has_moment)
            continue;
        if (!make_kind(record, record->kinds[i], moment, wanted, path, n, &err)) {
            record->failed = true;
            continue;
        }
        tell_notes(record, "profile", wanted, path, &err);
        tell("after %.2fs: %s (sonde pprof -top %s)", (double)wall_ns / 1e9, path, path);
    }
}

/* The recording is over: collect, write, tell. */
static void finish(void *arg, const struct record_run *run)
{
    struct record *record = arg;
    recorder_end(record->recorder, run->cpu_ns, &record->diag);
    for (unsigned i = 0; i < record->n_kinds; i++) {
        if (record->kinds[i] == &collect_trace)
            finish_trace(record, 0, run->wall_ns);
        else
            finish_kind(record, record->kinds[i], run);
    }
}

/* The same while the command runs on. */
static void finish_early(void *arg, const struct record_run *run)
{
    struct record *record = arg;
    recorder_moment(record->recorder, &record->diag);
    finish(record, run);
}

/* The command has ended.  The exit status. */
static int finish_command(struct record *record, const struct record_run *run)
{
    int status = command_status(run);
    if (WIFSIGNALED(run->wait_status))
        tell("'%s' was ended by signal %d (%s)", record->request.argv[0],
             WTERMSIG(run->wait_status), strsignal(WTERMSIG(run->wait_status)));
    if (!run->is_over)
        finish(record, run);
    return status || !record->failed ? status : 1;
}

/* Run the command under the recorder.  The exit status. */
static int record_command(struct record *record, struct err *err)
{
    struct record_run run;
    record->watch.moment = take_moment;
    record->watch.over = finish_early;
    record->watch.arg = record;
    tell_diag(&record->diag); /* how it is recorded: to be known while it runs */
    diag_release(&record->diag);
    diag_init(&record->diag);
    if (!record_run(record->recorder, record->request.argv, record->request.children,
                    &record->watch, &run, err))
        return tell_err(err);
    if (run.exec_errno) {
        err_sys(err, run.exec_errno, "cannot run '%s'", record->request.argv[0]);
        tell_err(err);
        return run.exec_errno == ENOENT ? 127 : 126; /* as env and nohup do */
    }
    return finish_command(record, &run);
}

/* The page has one profile: the first. */
static void tell_others(const struct buf *written)
{
    AUTO_BUF others = {0};
    for (size_t at = strlen(written->data) + 1; at < written->len;
         at += strlen(written->data + at) + 1)
        buf_printf(&others, "%s%s", others.len ? ", " : "", written->data + at);
    if (others.len)
        tell("not in the web page: %s ('sonde pprof -http=: FILE' shows one)", buf_str(&others));
}

/* The recording has ended with this status.  With --http, what was recorded is shown before. */
static int end(struct record *record, int status)
{
    struct err err = {0};
    bool ok = true;
    if (record->http && record->written.len) {
        tell_others(&record->written);
        ok = web_show(record->http, record->no_browser, record->written.data, &err);
    }
    buf_release(&record->written);
    int failure = ok ? 0 : tell_err(&err);
    return status ? status : failure;
}

static int run(int argc, char **argv)
{
    struct err err = {0};
    struct record record = {0};
    bool help = false;
    if (!parse(argc, argv, &record, &help, &err))
        return tell_err(&err);
    if (help) {
        AUTO_BUF out = {0};
        usage(&out);
        return output_stdout(&out, &err) ? 0 : tell_err(&err);
    }
    if (record.live.kinds) {
        record.live.written = &record.written;
        int status = record_live(&record.live);
        return end(&record, status);
    }
    if (!check_outputs(&record, &err))
        return tell_err(&err);

    diag_init(&record.diag);
    int status;
    record.recorder = recorder_new(&record.request, &record.diag, &err);
    if (!record.recorder) {
        status = tell_err(&err);
        if (err.code == ERR_UNSUPPORTED)
            status = 2; /* the command is one that cannot be recorded */
    } else {
        status = record_command(&record, &err);
        recorder_free(record.recorder);
    }
    diag_release(&record.diag);
    return end(&record, status);
}

const struct command_ops command_record = {
    .name = "record",
    .help = "Run a program and write its profile",
    .each_flag = each_flag,
    .usage = usage,
    .run = run,
};
