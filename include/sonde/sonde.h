/* sonde.h: profile a program from inside, with the names and meanings of Go's
 * runtime/pprof (https://pkg.go.dev/runtime/pprof).
 *
 *   #include <sonde/sonde.h>                     cc ... $(pkg-config --cflags --libs sonde)
 *
 *   int fd = open("cpu.pb.gz", O_CREAT | O_WRONLY | O_TRUNC, 0644);
 *   sonde_start_cpu_profile(fd);
 *   work();
 *   sonde_stop_cpu_profile();                    sonde pprof -top cpu.pb.gz
 *
 * Errors: functions return 0, or -1 with errno set; nothing is ever printed.
 * Threads: every function may be called from any thread.
 * Signals: none may be called from a signal handler.
 * Memory: nothing the caller passes is kept, nothing is to be freed. */
#ifndef SONDE_SONDE_H
#define SONDE_SONDE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Go: runtime/pprof.StartCPUProfile(w).
 * Sample every thread, those there are and those to come, 100 times a second of
 * its CPU time (or what sonde_set_cpu_profile_rate set), until
 * sonde_stop_cpu_profile.  The signal used is SIGURG, which programs ignore by
 * default; a handler of the program's own keeps getting its own signals.
 * While that handler runs SIGURG is blocked, as it expects: its time is seen as
 * that of the code it returns to.  A child made by fork is not profiled and owes
 * nothing.  Threads made while profiling is on are sampled from their start by
 * libsonde.so; libsonde.a finds them within 100 ms of CPU time.  A seccomp filter
 * of the program's has to allow timer_create, timer_settime, timer_gettime,
 * timer_delete, clock_gettime, rt_sigprocmask, gettid and sched_yield, and to allow
 * or refuse (with an error) openat, getdents64, newfstatat, madvise and mmap.
 * fd: where the profile goes when it is stopped; borrowed until then.
 * EBUSY: profiling is on already, or the program runs under `sonde record`.
 * EBADF: fd is not open for writing.  ENOMEM, EAGAIN: no memory, no timer.
 * On failure nothing was started. */
int sonde_start_cpu_profile(int fd);

/* Go: runtime/pprof.StopCPUProfile().
 * Stop, and write the profile to the fd given at the start: gzip'ed
 * profile.proto with sample types samples/count and cpu/nanoseconds.
 * 0 also when profiling was not on (as in Go, then nothing happens).
 * -1 with errno (ENOSPC, EIO, EPIPE...) when the profile could not be written;
 * profiling has ended all the same. */
int sonde_stop_cpu_profile(void);

/* Go: runtime.SetCPUProfileRate(hz).
 * The samples a second for the next sonde_start_cpu_profile; 0 sets the
 * default of 100.  The kernel delivers at most one signal a timer tick (often
 * 250 a second); above that a sample stands for several periods, so that totals
 * stay right and only the resolution does not grow.
 * EINVAL: hz below 0 or above 10000.  EBUSY: profiling is on. */
int sonde_set_cpu_profile_rate(int hz);

#ifdef __cplusplus
}
#endif

#endif
