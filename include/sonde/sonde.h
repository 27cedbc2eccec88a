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
 * Signals: none may be called from a signal handler but those of labels.
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

/* Labels: texts by key, on the calling thread, which its samples carry (CPU, heap and
 * goroutine profiles) and reports can be made of (sonde pprof -tagfocus, -tags, -tagroot).
 * A thread begins with the labels of the one that made it; under libsonde.a, which is
 * not told of new threads, with none.
 * Sets of labels are made once and for ever: all that a program ever has may take
 * 8 MiB, some 100,000 sets of a label or two.  A set has at most 3 KiB of text.
 * Costs: some 100 ns to set a label, 2 ns to set a set; nothing for the samples.
 * Signals: these functions are async-signal-safe, if what is called back is. */

/* A set of labels: the opaque value that Go's contexts hold; NULL is the empty one. */
struct sonde_labels;

/* Go: pprof.SetGoroutineLabels(pprof.WithLabels(ctx, pprof.Labels(key, value))).
 * Adds the label, or changes it; value NULL takes it away.  Both texts are copied.
 * EINVAL: key is NULL or "".  E2BIG: too much text.  ENOMEM: too many sets.  On failure
 * nothing has changed. */
int sonde_set_label(const char *key, const char *value);

/* Go: pprof.Label(ctx, key).  The value, valid for ever; NULL when there is none. */
const char *sonde_get_label(const char *key);

/* Go: pprof.ForLabels(ctx, f).  Calls fn for each label, in the order of the keys, until
 * it returns 0. */
void sonde_for_labels(int (*fn)(void *arg, const char *key, const char *value), void *arg);

/* Go: what a context is there for: the calling thread's set, to be handed to the thread
 * that goes on with the work, and pprof.SetGoroutineLabels(ctx) there. */
const struct sonde_labels *sonde_get_labels(void);
void sonde_set_labels(const struct sonde_labels *labels);

/* Go: pprof.Do(ctx, pprof.Labels(key, value), f).
 * Calls fn with the label set, and sets the labels from before when it has returned.
 * -1 with errno as sonde_set_label, if fn was called without the label. */
int sonde_do(const char *key, const char *value, void (*fn)(void *arg), void *arg);

/* The same for a piece of code: sets the label, and returns the labels from before, for
 * sonde_set_labels at its end.  A label that cannot be had is left out.
 *
 *   const struct sonde_labels *before = sonde_begin_label("route", path);
 *   handle(request);
 *   sonde_set_labels(before); */
const struct sonde_labels *sonde_begin_label(const char *key, const char *value);

/* The same until the end of the block (gcc and clang, C and C++; also when it is left by
 * return or by an exception):
 *
 *   SONDE_LABEL("route", path); */
#ifdef __GNUC__
#define SONDE_LABEL(key, value)                                                                    \
    __attribute__((cleanup(sonde_end_label_), unused))                                             \
    const struct sonde_labels *SONDE_NAME_(sonde_label_, __LINE__) = sonde_begin_label(key, value)
#define SONDE_NAME_(a, b) SONDE_PASTE_(a, b)
#define SONDE_PASTE_(a, b) a##b
static __inline__ __attribute__((unused)) void
sonde_end_label_(const struct sonde_labels *const *before)
{
    sonde_set_labels(*before);
}
#endif

#ifdef __cplusplus
}
#endif

#endif
