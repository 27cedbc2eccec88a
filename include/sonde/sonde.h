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

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Go: runtime/pprof.StartCPUProfile(w).
 * Sample every thread, those there are and those to come, 100 times a second of
 * its CPU time (or what sonde_set_cpu_profile_rate set), until
 * sonde_stop_cpu_profile.  The signal used is SIGURG, which programs ignore by
 * default; a handler of the program's own keeps getting its own signals.
 * While that handler runs SIGURG is blocked, as it expects: its time is seen as
 * that of the code it returns to.  A thread that has blocked SIGURG since before has no
 * samples; in a program that serves (below) none can, from then on.  A child made by fork is not
 * profiled and owes nothing.  Threads made while profiling is on are sampled from their start by
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
    __attribute__((cleanup(sonde_end_label_), unused)) const struct sonde_labels *SONDE_NAME_(     \
        sonde_label_, __COUNTER__) = sonde_begin_label(key, value)
#define SONDE_NAME_(a, b) SONDE_PASTE_(a, b)
#define SONDE_PASTE_(a, b) a##b
static __inline__ __attribute__((unused)) void
sonde_end_label_(const struct sonde_labels *const *before)
{
    sonde_set_labels(*before);
}
#endif

/* Profiles by name: those in the table below, and those that the program makes itself.
 * They are taken from what was counted since the kind is on; a kind is on from
 * the first call that asks for it (sonde_lookup and those named below) on, and costs
 * nothing before.  What is counted is kept in 64 MiB of address space at most, of which
 * what is used is memory.  Under `sonde record` these functions read what is recorded.
 * A child made by fork begins with nothing counted.
 *
 * sonde_profile_write writes what Go's write: (debug 0) gzip'ed profile.proto, or text.
 *
 *   name          Go's sample types                  on from the first
 *   heap, allocs  alloc_objects/count                sonde_set_mem_profile_rate,
 *                 alloc_space/bytes                  sonde_lookup("heap" or "allocs"),
 *                 inuse_objects/count                sonde_write_heap_profile,
 *                 inuse_space/bytes                  sonde_profiles on
 *   block         contentions/count                  sonde_set_block_profile_rate
 *                 delay/nanoseconds
 *   mutex         contentions/count                  sonde_set_mutex_profile_fraction
 *                 delay/nanoseconds
 *   threadcreate  threadcreate/count                 sonde_lookup("threadcreate"),
 *                                                    sonde_profiles on
 *   goroutine,    goroutine/count                    (of the moment)
 *   threads
 *
 * goroutine has every thread's stack, with its `state` and name (`thread`) as labels:
 * running, runnable, sleeping, lock, io, or the name of another system call.  Threads that
 * wait are not woken for it.  With debug 2 it is a text with each thread for itself, as the
 * trace of a Go program that panics.
 *
 * libsonde.a is not told of allocations, of waits and of new threads, and has of these
 * only goroutine. */
struct sonde_profile;

/* Go: runtime.MemProfileRate = bytes.
 * Of so many bytes that the program allocates one is sampled, on average, and its block
 * with it, until it is freed; the profile is scaled up.  0: no more samples, blocks that
 * were sampled are still followed.  1: each block.  Go's default is
 * SONDE_MEM_PROFILE_RATE, and sampling is on from the start there; here a program that
 * never asks pays nothing: say it at the top of main.
 * As in Go one profile has one rate.
 * EINVAL: bytes below 0 or above 2^40.  EBUSY: there are samples of another rate; or the
 * program runs under `sonde record -e heap`, whose rate it is.  ENOTSUP: malloc is not
 * ours (libsonde.a; an executable with an allocator in it; libsonde loaded after one).
 * ENOMEM.  On failure nothing has changed. */
int sonde_set_mem_profile_rate(long bytes);
#define SONDE_MEM_PROFILE_RATE (512L * 1024)

/* Go: runtime.SetBlockProfileRate(ns).
 * Waits of that long and longer are sampled, of shorter ones a part that makes up for the
 * others; 1: all.  0 and below: off (what was counted stays).
 * What is seen: pthread_* and C11 locks, conditions, semaphores, barriers, joins, and
 * futexes by libc's syscall(), with what is built on these (C++, Rust).
 * EINVAL: ns above 2^40.  EBUSY: under `sonde record -e block`, whose rate it is.  ENOTSUP:
 * libsonde.a.  ENOMEM.  On failure nothing has changed. */
int sonde_set_block_profile_rate(long ns);

/* Go: runtime.SetMutexProfileFraction(fraction).
 * One in `fraction` contentions of locks is sampled; 1: all; 0: off; below 0: as it was.
 * Returns the fraction from before, 0 for off; -1 with errno as above. */
int sonde_set_mutex_profile_fraction(int fraction);

/* Go: pprof.Lookup(name).
 * The profile, valid for ever; the same for each call.  Costs: none, but see above.
 * NULL with errno ENOENT: there is none of this name.  ENOTSUP: this program cannot have
 * it.  EBUSY, ENOMEM, EINVAL (name is NULL). */
struct sonde_profile *sonde_lookup(const char *name);

/* Go: profile.WriteTo(w, debug).
 * Writes the profile of this moment to fd, which is borrowed for the call: debug 0: a
 * file for `sonde pprof` and `go tool pprof`; 1: text for people, with the names of
 * functions as the symbol tables of the program and its libraries have them.
 * Other threads go on meanwhile.  Some ms, and for a text those that it takes to read the
 * symbol tables; memory of twice the profile's size, given back.
 * EBADF: fd is not open for writing.  EINVAL: profile is NULL.  ENOMEM; and what write
 * says (ENOSPC, EPIPE, EAGAIN...): then a part may be written. */
int sonde_profile_write(struct sonde_profile *profile, int fd, int debug);

/* Go: pprof.WriteHeapProfile(w).
 * sonde_profile_write(sonde_lookup("heap"), fd, 0), with the errors of both. */
int sonde_write_heap_profile(int fd);

/* Go: pprof.Profiles().
 * Puts at most `max` profiles, sorted by name, into the array, and returns how many there
 * are (so that sonde_profiles(NULL, 0) tells the size). */
size_t sonde_profiles(struct sonde_profile **profiles, size_t max);

/* Go: profile.Name().  Valid for ever. */
const char *sonde_profile_name(const struct sonde_profile *profile);

/* Go: profile.Count().
 * The number of stacks that are in the profile: for heap and allocs of different ones,
 * else of all.  -1 with the errors of sonde_lookup; EINVAL: profile is NULL. */
long sonde_profile_count(struct sonde_profile *profile);

/* Go: pprof.NewProfile(name).
 * A profile of the program's own: of open files, of connections, of whatever is to be
 * given back.  It is never freed.  The name (1 to 255 bytes, copied) should have no
 * spaces; Go's convention is to begin it with that of the library, as "libfoo.sessions".
 * NULL with errno EEXIST: there is one of this name.  EINVAL: name is NULL, "" or too
 * long.  ENOMEM. */
struct sonde_profile *sonde_new_profile(const char *name);

/* Go: profile.Add(value, skip).
 * Adds the calling thread's stack under `value`, which is compared as a pointer and
 * never looked into.  skip 0: the stack begins in the function that calls; 1: in its
 * caller; functions that the compiler inlined are with the one they are in.  At most 128
 * frames.  Some us.
 * EEXIST: the value is there already (where Go panics).  EPERM: not a profile of the
 * program's own.  EINVAL: profile is NULL, skip below 0.  ENOMEM. */
int sonde_profile_add(struct sonde_profile *profile, const void *value, int skip);

/* Go: profile.Remove(value).
 * 0 also when the value is not there.  EPERM, EINVAL: as above. */
int sonde_profile_remove(struct sonde_profile *profile, const void *value);

/* Go: import _ "net/http/pprof"; go http.ListenAndServe(address, nil).
 * Serves /debug/pprof/ with the pages and parameters of net/http/pprof at `address`, until
 * the process ends: for `sonde pprof http://ADDRESS/debug/pprof/heap`, for `go tool pprof`,
 * for a browser and for curl.  Heap (unless its rate was set to 0) and threadcreate
 * profiles are on from then on.
 *   "localhost:6060", "6060"           this machine
 *   "192.0.2.1:6060", "[::]:6060"      whoever can reach the address
 *   "unix:/run/app/pprof.sock"         a Unix socket
 *   NULL, ""                           no more than the socket below
 * Always it also serves at the Unix socket PID.sock in the folder XDG_RUNTIME_DIR/sonde,
 * or else /tmp/sonde-UID, where that can be had.  Unix sockets answer to the same user and
 * to root.  At a loopback address the host of the URL has to be an address or localhost,
 * so that no web page can ask.  Port 0 takes a free one, which sonde_http_address tells.
 * One thread with a small stack does it, on which all signals are blocked, with file
 * descriptors of its own, apart from the program's; it is in no profile.  The program
 * never waits for it.  A child made by fork does not serve the address, and may call this
 * anew.  A seccomp filter for all threads ends it (libsonde.a: has to let it work).
 * A program that does not call it serves when SONDE_HTTP is set to an address, or to
 * "unix" for its own socket alone; so does one that libsonde.so is loaded into by
 * LD_PRELOAD.  SONDE_HEAP_RATE, SONDE_BLOCK_RATE and SONDE_MUTEX_FRACTION then set the rates.
 * At its own socket each program answers that libsonde.so is in, and each child that it
 * forks, unless SONDE_HTTP is "off".
 * EBUSY: it serves already.  EINVAL: no such address (names of other hosts are not looked
 * up).  EADDRINUSE, EACCES, EADDRNOTAVAIL...: as bind.  EAGAIN: no thread.  ENOSYS: Linux
 * before 5.9.  On failure nothing was started. */
int sonde_http_serve(const char *address);

/* Where it serves: the address with its port, or else the socket as "unix:PATH"; NULL: it
 * does not.  Valid until the process ends. */
const char *sonde_http_address(void);

/* Execution traces: what the threads do, one after another, as Go's runtime/trace has it of
 * goroutines: who waits for what, how long, who lets whom go on, system calls, tasks, regions
 * and logs of the program's own, CPU samples while a CPU profile is on.  They are in the format
 * of Go 1.26, for `sonde trace`, `go tool trace` and other viewers: each thread is a goroutine.
 * While no trace is on, a function costs some ns; while one is, a wait some 200 ns.  Waits for a
 * mutex of less than half a us are not in it: a thread looks that long before it waits.
 * libsonde.a is not told of threads and waits: it has tasks, regions and logs alone. */

/* Go: trace.Start(w).
 * Begins a trace that is written to fd while it goes on, by a thread of libsonde's own.  fd is
 * borrowed until sonde_trace_stop.  Threads that were there before are in it from their first
 * event on.  Events for which there is no room (64 MiB, 20 ms behind) are left out, and
 * the trace says how many.  A child made by fork is not traced.
 * EBUSY: one is on, or the flight recorder, or `sonde record` traces the program.  EBADF: fd is
 * not open for writing.  ENOMEM, EAGAIN, EPERM.  On failure nothing was started. */
int sonde_trace_start(int fd);

/* Go: trace.Stop().
 * Ends it, and returns when all is written.  0 also when none was on.
 * -1 with errno (ENOSPC, EPIPE, ...) when the trace could not be written; it then ended
 * when that happened. */
int sonde_trace_stop(void);

/* Go: trace.IsEnabled().  Whether sonde_trace_start's is on, or `sonde record` traces. */
int sonde_trace_is_enabled(void);

/* Go: ctx, task := trace.NewTask(ctx, type) and task.End().
 * A task is an operation of the program (a request): regions and logs of any thread can belong to
 * it, and another task can be its parent (0: none).  It has a number, which is never 0, also
 * while no trace is on. */
unsigned long sonde_trace_task_begin(unsigned long parent, const char *type);
void sonde_trace_task_end(unsigned long task);

/* Go: trace.StartRegion(ctx, type) and region.End().
 * A part of what the calling thread does, for a task (0: none).  Regions of a thread lie in
 * each other; the end has the same task and type as the begin. */
void sonde_trace_region_begin(unsigned long task, const char *type);
void sonde_trace_region_end(unsigned long task, const char *type);

/* The same until the end of the block, as SONDE_LABEL:
 *
 *   SONDE_TRACE_REGION(task, "parse"); */
#ifdef __GNUC__
struct sonde_trace_region_ {
    unsigned long task;
    const char *type;
};
#define SONDE_TRACE_REGION(task, type)                                                             \
    __attribute__((cleanup(sonde_trace_end_region_), unused)) const struct sonde_trace_region_     \
    SONDE_NAME_(sonde_region_, __COUNTER__) = sonde_trace_begin_region_(task, type)
static __inline__ __attribute__((unused)) struct sonde_trace_region_
sonde_trace_begin_region_(unsigned long task, const char *type)
{
    struct sonde_trace_region_ region;
    region.task = task;
    region.type = type;
    sonde_trace_region_begin(task, type);
    return region;
}
static __inline__ __attribute__((unused)) void
sonde_trace_end_region_(const struct sonde_trace_region_ *region)
{
    sonde_trace_region_end(region->task, region->type);
}
#endif

/* Go: trace.Log(ctx, category, message).  Both texts are copied, up to 1 KiB. */
void sonde_trace_log(unsigned long task, const char *category, const char *message);
/* Go: trace.Logf(ctx, category, format, args...).  Nothing is formatted while no trace is on. */
void sonde_trace_logf(unsigned long task, const char *category, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* Go: trace.NewFlightRecorder(FlightRecorderConfig{MinAge, MaxBytes}), Start, WriteTo, Stop.
 * Keeps the last events in memory, of min_age_s seconds (0: 10) if they have room in max_bytes
 * (0: 10 MiB; at most 64 MiB), and writes them as a trace when something has happened that
 * is to be looked into.  It goes on meanwhile.
 * EBUSY, ENOMEM: as sonde_trace_start.  EINVAL: min_age_s below 0. */
int sonde_flight_recorder_start(double min_age_s, size_t max_bytes);
/* EINVAL: it is not on.  EBADF, ENOMEM; and what write says. */
int sonde_flight_recorder_write(int fd);
/* When the program crashes (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT: the first of them counts) it is
 * written to fd, which is copied, before the program's own handler, or the kernel, has the
 * signal as if nothing had been before: core file and status are the same.  That takes as long as
 * writing does, at most 10 s.  A thread whose stack overflows needs another one for that
 * (sigaltstack); a handler that the program sets later comes in its place.  The file stays empty while
 * there is no crash.  fd -1: no more.
 * EINVAL: the flight recorder is not on.  EBADF; EAGAIN, EPERM: no thread. */
int sonde_flight_recorder_on_crash(int fd);
void sonde_flight_recorder_stop(void);

/* Fibers (coroutines, green threads): stacks that a library switches between.  One that
 * runs is seen in profiles as the thread that it runs on.  One that is parked is not
 * seen by anybody, unless the library tells: then it is in the goroutine profile, with its
 * stack and the labels `state` (parked), `fiber` (its name), and those set when it was parked.
 *
 *   f = sonde_fiber_new("worker", stack, n_bytes);    when it is made
 *   ...
 *   sonde_fiber_park(f);                              on the fiber,
 *   switch_to(other);                                 before it switches away,
 *   sonde_fiber_resume(f);                            and when it is back
 *   ...
 *   sonde_fiber_free(f);                              before its stack is released
 *
 * Labels that are set on a fiber are its own: resume sets them, park those from before.
 * Costs: some ns for park and resume.  Fibers may move between threads.  A fiber that is
 * being parked or resumed while a profile is taken may be missed, as it is neither. */
struct sonde_fiber;

/* name is copied, up to 63 bytes.  NULL with errno: EINVAL (an argument is NULL or 0),
 * ENOMEM. */
struct sonde_fiber *sonde_fiber_new(const char *name, const void *stack, size_t n_bytes);
void sonde_fiber_free(struct sonde_fiber *fiber);

/* The fiber goes on where the calling function is, which is to switch away next, or to
 * call what does (not as its last call, which takes its place on the stack).
 * EINVAL: it is not on this fiber's stack. */
int sonde_fiber_park(struct sonde_fiber *fiber);

/* The same for who has switched away from it, or has not yet begun it: it goes on at pc with
 * these sp and rbp (Boost.Context's fcontext_t c: ((void **)c)[7], (void **)c + 8,
 * ((void **)c)[6]). */
int sonde_fiber_park_at(struct sonde_fiber *fiber, const void *pc, const void *sp, const void *bp);

/* It is about to go on, or has. */
void sonde_fiber_resume(struct sonde_fiber *fiber);

#ifdef __cplusplus
}
#endif

#endif
