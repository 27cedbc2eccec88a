#include "ui/record_run.h"

#include "os/spawn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define STATUS_EVERY_MS 200

static const int passed_on[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void write_stderr(const char *text, size_t len)
{
    /* A status line that cannot be written is no harm. */
    ssize_t n = write(STDERR_FILENO, text, len);
    (void)n;
}

/* Is the terminal ours to draw on?  A program that reads single keys draws a
 * screen of its own as a rule. */
static bool may_draw(void)
{
    struct termios mode;
    return tcgetattr(STDERR_FILENO, &mode) == 0 && (mode.c_lflag & ICANON) &&
           tcgetpgrp(STDERR_FILENO) == getpgrp();
}

/* The cursor is left in the first column, so that what the command prints takes
 * the line's place. */
static bool draw_status(struct recorder *recorder, uint64_t start_ns)
{
    if (!may_draw())
        return false;
    char line[160];
    struct recorder_status status;
    recorder_status(recorder, &status);
    uint64_t n_samples = 0;
    for (unsigned k = 0; k < WIRE_KINDS; k++)
        n_samples += status.counts[k].n_samples;
    int n = snprintf(line, sizeof line, "\r\033[K[sonde: %.1fs, %llu samples, %u process%s]\r",
                     (double)(now_ns() - start_ns) / 1e9, (unsigned long long)n_samples,
                     status.n_processes, status.n_processes == 1 ? "" : "es");
    write_stderr(line, (size_t)n);
    return true;
}

static void pass_on(const struct signalfd_siginfo *info, pid_t pid)
{
    bool typed = info->ssi_code == SI_KERNEL; /* then the command has it too */
    if (!(typed && (info->ssi_signo == SIGINT || info->ssi_signo == SIGQUIT)))
        kill(pid, (int)info->ssi_signo);
}

/* Has the child ended?  It is not reaped. */
static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

/* Of a process that is not reaped, without its children. */
static uint64_t own_cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec ts;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &ts) != 0)
        return 0;
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Milliseconds until `ns` after the start, at least 0; -1: it is not waited for. */
static int ms_until(uint64_t ns, uint64_t start_ns)
{
    uint64_t now = now_ns() - start_ns;
    if (!ns)
        return -1;
    return ns <= now ? 0 : ns - now > 3600000000000u ? 3600000 : (int)((ns - now) / 1000000u + 1);
}

static int sooner(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Until the child has ended; it is not reaped. */
static void wait_for(struct recorder *recorder, pid_t pid, int signal_fd, uint64_t start_ns,
                     struct record_watch watch, struct record_run *run)
{
    bool terminal = isatty(STDERR_FILENO), drawn = false;
    while (!has_ended(pid)) {
        struct pollfd poll_fd = {.fd = signal_fd, .events = POLLIN};
        int next = sooner(ms_until(watch.at_ns, start_ns), ms_until(watch.over_ns, start_ns));
        bool draws = terminal && !run->is_over;
        bool is_moment = false;
        if (poll(&poll_fd, 1, sooner(next, draws ? STATUS_EVERY_MS : -1)) > 0) {
            struct signalfd_siginfo info;
            if (read(signal_fd, &info, sizeof info) == sizeof info && info.ssi_signo != SIGCHLD) {
                is_moment = (int)info.ssi_signo == watch.at_signal;
                if (!is_moment)
                    pass_on(&info, pid);
            }
        } else if (draws) {
            drawn = draw_status(recorder, start_ns) || drawn;
        }
        uint64_t wall_ns = now_ns() - start_ns;
        if (watch.at_ns && wall_ns >= watch.at_ns) {
            is_moment = true;
            watch.at_ns = 0;
        }
        if (is_moment && !run->is_over && !has_ended(pid))
            watch.moment(watch.arg, wall_ns);
        if (watch.over_ns && wall_ns >= watch.over_ns && !has_ended(pid)) {
            run->wall_ns = wall_ns;
            run->cpu_ns = own_cpu_ns(pid);
            run->is_over = true;
            watch.over_ns = watch.at_ns = 0;
            watch.over(watch.arg, run);
        }
    }
    if (drawn && may_draw())
        write_stderr("\r\033[K", 4);
}

static uint64_t children_cpu_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

bool record_run(struct recorder *recorder, char *const *argv, bool children,
                const struct record_watch *watch, struct record_run *run, struct err *err)
{
    *run = (struct record_run){0};
    sigset_t watched, old_mask;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        sigaddset(&watched, passed_on[i]);
    sigprocmask(SIG_BLOCK, &watched, &old_mask);
    struct sigaction old_sigchld, plain = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &plain, &old_sigchld);
    int signal_fd = signalfd(-1, &watched, SFD_CLOEXEC);
    if (signal_fd < 0)
        return err_sys(err, errno, "cannot watch signals");

    struct spawn_options options = {
        .argv = argv, .mask = &old_mask, .ignore_sigchld = old_sigchld.sa_handler == SIG_IGN};
    options.envp = recorder_environment(recorder, &options.pid_slot);
    struct spawn spawn;
    bool ok = spawn_start(&spawn, &options, err) && recorder_attach(recorder, spawn.pid, err);
    if (ok) {
        uint64_t start_ns = now_ns(), start_cpu_ns = children_cpu_ns();
        run->exec_errno = spawn_go(&spawn);
        if (!run->exec_errno) {
            wait_for(recorder, spawn.pid, signal_fd, start_ns, *watch, run);
            uint64_t own_ns = own_cpu_ns(spawn.pid);
            waitpid(spawn.pid, &run->wait_status, 0);
            run->wall_ns = now_ns() - start_ns;
            run->cpu_ns = children ? children_cpu_ns() - start_cpu_ns : own_ns;
        }
    }
    spawn_release(&spawn);
    close(signal_fd);
    return ok;
}
