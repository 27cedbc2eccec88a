#include "ui/shell.h"

#include "report/report_run.h"
#include "ui/graphviz.h"
#include "ui/output.h"
#include "ui/paint.h"
#include "ui/screen.h"
#include "ui/shell_command.h"
#include "ui/shell_complete.h"
#include "ui/shell_config.h"
#include "ui/shell_line.h"
#include "ui/tell.h"
#include "ui/viewer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define PROMPT "(pprof) "
#define LEAVE_MS 2000 /* for reports that were given up */

/* A report that is being made.  Who comes second frees it. */
enum job_state { JOB_RUNS, JOB_DONE, JOB_ABANDONED };

struct job {
    struct shell_command command;
    const struct profile *profile;
    const char *tools;
    struct pipeline_cache *cache;
    struct original original;
    struct buf out;
    struct screen screen; /* where `out` goes, unless that is a file or a viewer */
    const char *path;     /* the file's, or NULL */
    char free_name[NAME_MAX + 1];
    struct output_file file;
    struct diag diag;
    struct err err, file_err;
    bool ok;
    int event;
    atomic_int state;
};

static atomic_int n_abandoned;

static void job_free(struct job *job)
{
    if (job->path)
        output_file_end(&job->file, &job->out, false, NULL);
    buf_release(&job->out);
    screen_release(&job->screen);
    diag_release(&job->diag);
    if (job->event >= 0)
        close(job->event);
    free(job);
}

/* Does the report go to stdout?  Else to a file or a viewer. */
static bool is_shown(const struct shell_command *command)
{
    return !(command->output && *command->output) && !command->report->viewer &&
           !(command->report->flags & REPORT_BINARY);
}

/* What goes to a viewer stays until it is whole. */
static bool job_drain(void *arg, struct buf *out)
{
    struct job *job = arg;
    if (atomic_load(&job->state) == JOB_ABANDONED)
        return false;
    if (job->path)
        return output_file_drain(&job->file, out);
    if (!is_shown(&job->command))
        return true;
    bool ok = screen_write(&job->screen, out);
    buf_clear(out);
    return ok;
}

static void *job_main(void *arg)
{
    struct job *job = arg;
    struct report_ctx ctx = {job->profile, &job->command.options, job->command.regexp,
                             &job->diag,   .cache = job->cache,   .original = &job->original};
    const uint64_t one = 1;
    int expected = JOB_RUNS;
    if (is_shown(&job->command))
        ctx.screen = paint_screen(STDOUT_FILENO);
    job->ok = graphviz_report(job->command.report, &ctx, job->tools, &job->out, &job->err);
    if (atomic_compare_exchange_strong(&job->state, &expected, JOB_DONE)) {
        (void)!write(job->event, &one, sizeof one);
    } else {
        job_free(job);
        atomic_fetch_sub(&n_abandoned, 1);
    }
    return NULL;
}

/* Until it is done, or Ctrl-C: false then, and the job is not ours any more. */
static bool job_wait(struct job *job)
{
    sigset_t interrupt, old;
    struct pollfd p = {job->event, POLLIN, 0};
    bool stopped = false;
    uint64_t told;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, &old);
    while (!stopped && ppoll(&p, 1, NULL, &old) < 1)
        stopped = shell_line_interrupted() && screen_stop(&job->screen);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    int expected = JOB_RUNS;
    if (stopped && job->path)
        output_file_drop(&job->file);
    atomic_fetch_add(&n_abandoned, 1);
    if (stopped && atomic_compare_exchange_strong(&job->state, &expected, JOB_ABANDONED))
        return false;
    atomic_fetch_sub(&n_abandoned, 1);
    /* The thread's last look at the job is to tell this. */
    while (read(job->event, &told, sizeof told) < 0 && errno == EINTR)
        ;
    if (stopped)
        job_free(job);
    return !stopped;
}

/* Where it goes, if that is a file. */
static bool job_open(struct job *job, struct err *err)
{
    const struct shell_command *command = &job->command;
    const char *path = command->output;
    if (!path || !*path) {
        if (is_shown(command) || command->report->viewer)
            return true;
        if (!output_free_name(job->free_name, command->report->ext, err))
            return false;
        path = job->free_name;
    }
    if (!output_file_begin(&job->file, path, &job->out, err))
        return false;
    job->file.err = &job->file_err;
    job->path = path;
    return true;
}

/* NULL and *err: it could not be begun. */
static struct job *job_begin(const struct shell_session *session,
                             const struct shell_command *command, struct err *err)
{
    struct job *job = calloc(1, sizeof *job);
    pthread_t thread;
    sigset_t all, old;
    if (!job) {
        err_nomem(err);
        return NULL;
    }
    job->command = *command;
    job->profile = session->profile;
    job->tools = session->tools;
    job->cache = session->cache;
    job->original = session->original;
    diag_init(&job->diag);
    screen_init(&job->screen, !(command->report->flags & REPORT_COLORED));
    job->event = eventfd(0, EFD_CLOEXEC);
    if (!job_open(job, err)) {
        job_free(job);
        return NULL;
    }
    job->out.sink = job_drain;
    job->out.sink_arg = job;
    sigfillset(&all);
    sigdelset(&all, SIGPIPE); /* of a stdout that nobody reads */
    pthread_sigmask(SIG_BLOCK, &all, &old);
    bool ok = job->event >= 0 && pthread_create(&thread, NULL, job_main, job) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!ok) {
        job_free(job);
        err_nomem(err);
        return NULL;
    }
    pthread_detach(thread);
    return job;
}

/* What is not a report goes to stderr, errors in red. */
static void say(const char *text, bool is_error)
{
    bool red = is_error && paint_is_wanted(STDERR_FILENO);
    AUTO_BUF visible = {0}; /* errors are one line, whatever they quote */
    if (is_error)
        tell_visibly(&visible, text);
    fprintf(stderr, "%s%s%s\n", red ? "\033[31m" : "", is_error ? buf_str(&visible) : text,
            red ? "\033[0m" : "");
}

static bool show(struct job *job, struct err *err)
{
    const struct shell_command *command = &job->command;
    if (is_shown(command))
        return screen_end(&job->screen, &job->out, err);
    if (!job->path)
        return viewer_show(command->report, &job->out, false, err);
    AUTO_BUF told = {0};
    buf_printf(&told, "Generating report in %s", job->path);
    say(buf_str(&told), false);
    job->path = NULL;
    return output_file_end(&job->file, &job->out, true, err);
}

static void run_report(const struct shell_session *session, const struct shell_command *command)
{
    struct err err = {0};
    struct job *job = job_begin(session, command, &err);
    if (!job) {
        say(err.msg, true);
        return;
    }
    if (!job_wait(job)) {
        say("", false);
        return;
    }
    for (size_t i = 0; i < job->diag.n; i++)
        say(job->diag.texts[i], true);
    if (job->file_err.code) {
        job->ok = false;
        job->err = job->file_err;
    }
    if (job->ok || job->screen.is_left || job->screen.err.code)
        job->ok = show(job, &job->err);
    if (!job->ok)
        say(job->err.msg, true);
    job_free(job);
}

/* Help and lists: paged on a terminal. */
static void say_text(const struct buf *text)
{
    struct err err = {0};
    if (!isatty(STDERR_FILENO) || !pager_rows()) {
        fputs(buf_str(text), stderr);
        return;
    }
    struct screen screen;
    screen_init(&screen, false);
    if (!screen_end(&screen, text, &err))
        say(err.msg, true);
    screen_release(&screen);
}

static void greet(const struct shell_session *session)
{
    const struct profile *p = session->profile;
    struct report_options options = session->options;
    struct report_run run = {0};
    struct diag diag;
    diag_init(&diag);
    const struct report_ctx ctx = {p, &options, NULL, &diag, .cache = session->cache};
    AUTO_BUF lines = {0};
    if (report_begin(&run, &report_top, &ctx, NULL)) {
        report_profile_lines(&run, &lines);
        say(buf_str(&lines), false);
        if (run.pipeline.total == 0 && p->n_types > 1)
            say("No samples were found with the default sample value type.\n"
                "Try \"sample_index\" command to analyze different sample values.\n",
                false);
    }
    report_end(&run);
    diag_release(&diag);
    say("Entering interactive mode (type \"help\" for commands, \"o\" for options)", false);
}

/* False: the user leaves. */
static bool do_line(struct shell_session *session, const char *line)
{
    struct shell_command command;
    struct err err = {0};
    AUTO_BUF text = {0};
    if (!shell_command_parse(session, line, &command, &err)) {
        say(err.msg, true);
        return true;
    }
    switch (command.action) {
    case SHELL_NOTHING:
        break;
    case SHELL_REPORT:
        run_report(session, &command);
        break;
    case SHELL_OPTIONS:
        shell_options_print(session, &text);
        say_text(&text);
        break;
    case SHELL_HELP:
        if (shell_help_print(session, command.topic, &text)) {
            say_text(&text);
            break;
        }
        buf_printf(&text, "Unknown command: %s", command.topic);
        say(buf_str(&text), true);
        break;
    case SHELL_CONFIG:
        if (!shell_config_run(session, command.config, command.topic, &text, &err))
            say(err.msg, true);
        else
            say_text(&text);
        break;
    case SHELL_QUIT:
        return false;
    }
    return true;
}

bool shell_run(struct profile *profile, const struct original *original,
               const struct report_options *options, const char *tools, struct err *err)
{
    struct shell_session session;
    AUTO_BUF line = {0};
    shell_session_init(&session, profile, options);
    session.tools = tools;
    session.original = *original;
    session.cache = pipeline_cache_new(profile); /* without memory for it: none */
    greet(&session);
    shell_line_begin(shell_complete, profile);
    while (shell_line_read(PROMPT, &line) && !line.failed && do_line(&session, buf_str(&line)))
        ;
    shell_line_end();
    for (int ms = 0; ms < LEAVE_MS && atomic_load(&n_abandoned) > 0; ms += 10)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    if (atomic_load(&n_abandoned) == 0) {
        pipeline_cache_free(session.cache);
        shell_session_release(&session);
        profile_free(profile);
    }
    return !line.failed || err_nomem(err);
}
