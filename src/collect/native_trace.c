#include "collect/native_trace.h"

#include "base/arena.h"
#include "base/vec.h"
#include "collect/native_trace_file.h"
#include "collect/trace_turns.h"
#include "wire/gotrace_heap.h"
#include "wire/trace_merge.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_NS 20000000
#define STEPS_A_LOOK 5 /* for new processes, and for those that have ended */
#define MAPS_MAX 65536
#define FILE_BYTES_MAX (256ull << 20)
#define REPAIRS_USUAL 1000 /* one of so many events is not worth a note */
#define UNWOKEN_USUAL 100  /* the same, of waits */

/* A process. */
struct source {
    char *wire; /* the path of its stacks */
    void *memory;
    size_t n_bytes;
    pid_t pid;
};

struct native_trace {
    const struct session *session;
    uint64_t flight_ns;
    struct trace_merge merge;
    VEC(struct source) sources;
    struct native_trace_spool spool;
    struct trace_turns *turns; /* NULL: none */
    pthread_t thread;
    bool is_running, is_over;
    int stops;         /* atomic */
    uint64_t n_events; /* atomic; so far */
};

/* SIGBUS: zeros where a file has ended.  Other threads of ours do not map what is not theirs. */

static struct {
    char *memory; /* NULL: none */
    size_t n_bytes;
} maps[MAPS_MAX];
static int n_maps; /* atomic */
static struct sigaction before;

static void on_bus(int signo, siginfo_t *info, void *context)
{
    (void)context;
    char *at = info->si_addr;
    int n = __atomic_load_n(&n_maps, __ATOMIC_ACQUIRE);
    for (int i = 0; i < n; i++) {
        char *memory = __atomic_load_n(&maps[i].memory, __ATOMIC_ACQUIRE);
        if (!memory || at < memory || at >= memory + maps[i].n_bytes)
            continue;
        void *page = (void *)((uintptr_t)at & ~(uintptr_t)4095);
        if (mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0) == page)
            return;
    }
    sigaction(signo, &before, NULL);
}

static bool remember(void *memory, size_t n_bytes)
{
    int i = 0;
    while (i < n_maps && maps[i].memory)
        i++;
    if (i == MAPS_MAX)
        return false;
    maps[i].n_bytes = n_bytes;
    __atomic_store_n(&maps[i].memory, memory, __ATOMIC_RELEASE);
    if (i == n_maps)
        __atomic_store_n(&n_maps, i + 1, __ATOMIC_RELEASE);
    return true;
}

static void forget(const void *memory)
{
    for (int i = 0; i < n_maps; i++)
        if (maps[i].memory == memory)
            __atomic_store_n(&maps[i].memory, NULL, __ATOMIC_RELEASE);
}

/* The memory of processes. */

static void unmap_source(struct source *s)
{
    if (s->memory) {
        forget(s->memory);
        munmap(s->memory, s->n_bytes);
    }
    s->memory = NULL;
}

/* NULL: it cannot be, or is not ready. */
static void *map_file(const char *path, size_t *n_bytes)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    void *memory = MAP_FAILED;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        st.st_size >= (off_t)sizeof(struct trace_raw_header) &&
        (uint64_t)st.st_size <= FILE_BYTES_MAX) {
        *n_bytes = (size_t)st.st_size;
        memory = mmap(NULL, *n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

static bool is_known(const struct native_trace *t, const char *wire)
{
    for (size_t i = t->sources.n; i-- > 0;)
        if (strcmp(t->sources.items[i].wire, wire) == 0)
            return true;
    return false;
}

/* Beside the process's other file. */
static void name_file(const char *wire, char path[PATH_MAX])
{
    size_t stem = strlen(wire) - strlen(WIRE_FILE_SUFFIX);
    snprintf(path, PATH_MAX, "%.*s" TRACE_RAW_SUFFIX, (int)stem, wire);
}

static void add_source(struct native_trace *t, struct trace_merge *merge, const char *wire)
{
    char path[PATH_MAX];
    size_t n_bytes;
    name_file(wire, path);
    struct trace_raw_header *h = map_file(path, &n_bytes);
    if (!h)
        return;
    struct source s = {.wire = strdup(wire), .memory = h, .n_bytes = n_bytes};
    bool ok = s.wire && remember(h, n_bytes);
    s.pid = ok ? h->pid : 0;
    if (ok && __atomic_load_n(&h->magic, __ATOMIC_ACQUIRE) == TRACE_RAW_MAGIC &&
        vec_reserve(&t->sources, t->sources.n + 1) && trace_merge_add(merge, h, n_bytes)) {
        t->sources.items[t->sources.n++] = s;
        return;
    }
    unmap_source(&s);
    free(s.wire);
}

static void look_for_sources(struct native_trace *t, struct trace_merge *merge)
{
    AUTO_ARENA arena;
    arena_init(&arena);
    char **files = session_files(t->session, &arena, NULL);
    for (size_t i = 0; files && files[i]; i++)
        if (!is_known(t, files[i]))
            add_source(t, merge, files[i]);
}

/* What a process that is over has noted was read in the step before. */
static void drop_ended(struct native_trace *t, const bool *had_ended, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (had_ended[i] && t->sources.items[i].memory) {
            char path[PATH_MAX];
            trace_merge_drop(&t->merge, i);
            unmap_source(&t->sources.items[i]);
            name_file(t->sources.items[i].wire, path);
            unlink(path); /* nobody needs its memory any more */
        }
}

static void step(struct native_trace *t, struct trace_merge *merge, bool is_last)
{
    if (t->turns)
        trace_turns_step(t->turns, merge, is_last);
    if (is_last)
        trace_merge_until(merge, trace_raw_mono_ns());
    trace_merge_step(merge, is_last);
}

static void look_at_processes(struct native_trace *t)
{
    size_t n = t->sources.n;
    bool *had_ended = calloc(n + 1, sizeof *had_ended);
    for (size_t i = 0; had_ended && i < n; i++)
        had_ended[i] =
            t->sources.items[i].memory && kill(t->sources.items[i].pid, 0) != 0 && errno == ESRCH;
    look_for_sources(t, &t->merge);
    step(t, &t->merge, false);
    if (had_ended)
        drop_ended(t, had_ended, n);
    free(had_ended);
}

static void *read_all(void *arg)
{
    struct native_trace *t = arg;
    for (unsigned n = 0; !__atomic_load_n(&t->stops, __ATOMIC_ACQUIRE); n++) {
        const struct timespec rest = {0, STEP_NS};
        if (n % STEPS_A_LOOK == 0)
            look_at_processes(t);
        else
            step(t, &t->merge, false);
        __atomic_store_n(&t->n_events, t->merge.states.n_events, __ATOMIC_RELAXED);
        nanosleep(&rest, NULL);
    }
    return NULL;
}

static void set_up(struct native_trace *t, struct trace_merge *merge,
                   struct native_trace_spool *spool)
{
    merge->states.memory = gotrace_heap;
    native_trace_spool_use(spool, &merge->states);
    (void)t;
}

struct native_trace *native_trace_new(const struct session *session, uint64_t flight_ns,
                                      struct err *err)
{
    struct native_trace *t = calloc(1, sizeof *t);
    if (!t) {
        err_nomem(err);
        return NULL;
    }
    t->session = session;
    t->flight_ns = flight_ns;
    struct sigaction act = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGBUS, &act, &before);
    if (flight_ns || native_trace_spool_open(&t->spool, err)) {
        set_up(t, &t->merge, &t->spool);
        return t;
    }
    native_trace_free(t);
    return NULL;
}

static void stop(struct native_trace *t)
{
    if (t->is_running) {
        __atomic_store_n(&t->stops, 1, __ATOMIC_RELEASE);
        pthread_join(t->thread, NULL);
    }
    t->is_running = false;
}

static void release_sources(struct native_trace *t)
{
    for (size_t i = 0; i < t->sources.n; i++) {
        unmap_source(&t->sources.items[i]);
        free(t->sources.items[i].wire);
    }
    vec_release(&t->sources);
}

void native_trace_free(struct native_trace *t)
{
    if (!t)
        return;
    stop(t);
    trace_turns_free(t->turns);
    trace_merge_release(&t->merge);
    release_sources(t);
    native_trace_spool_release(&t->spool);
    sigaction(SIGBUS, &before, NULL);
    free(t);
}

bool native_trace_watch(struct native_trace *t, pid_t pid, bool children, struct err *err)
{
    if (t->flight_ns)
        return true;
    t->turns = trace_turns_new(pid, children, err);
    if (!t->turns)
        return err_wrap(err, "when threads are preempted or wait for a processor is not in the "
                             "trace");
    t->merge.states.n_cpus = trace_turns_n_cpus(t->turns);
    t->merge.states.has_wakes = trace_turns_add_wakes(t->turns, pid, children, err);
    return t->merge.states.has_wakes ||
           err_wrap(err, "when threads are woken, and by whom, is in the trace for locks only");
}

bool native_trace_start(struct native_trace *t, struct err *err)
{
    if (t->flight_ns)
        return true;
    sigset_t all, mask;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    int rc = pthread_create(&t->thread, NULL, read_all, t);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    t->is_running = rc == 0;
    return rc == 0 || err_sys(err, rc, "cannot start a thread");
}

uint64_t native_trace_n_events(struct native_trace *t)
{
    return __atomic_load_n(&t->n_events, __ATOMIC_RELAXED);
}

static bool write_merge(struct native_trace *t, struct trace_merge *merge,
                        struct native_trace_spool *spool, pid_t main_pid, int fd,
                        struct native_trace_result *result, struct diag *diag, struct err *err)
{
    VEC(const char *) wires = {0};
    bool ok = vec_reserve(&wires, t->sources.n + 1);
    for (size_t i = 0; ok && i < t->sources.n; i++)
        wires.items[wires.n++] = t->sources.items[i].wire;
    if (!ok)
        err_nomem(err);
    const struct native_trace_stacks stacks = {wires.items, wires.n, merge->stacks, merge->n_stacks,
                                               main_pid};
    ok = ok && native_trace_put(spool, &merge->states, &stacks, fd, &result->n_bytes, diag, err);
    result->n_lost = trace_merge_n_lost(merge);
    result->n_events = spool->n_events;
    result->is_cut = spool->error != 0;
    result->n_repairs = merge->states.n_repairs;
    result->n_turns_lost = t->turns ? trace_turns_n_lost(t->turns) : 0;
    if (result->n_turns_lost || result->n_repairs > merge->states.n_events / REPAIRS_USUAL)
        diag_add(diag,
                 "%llu switches between threads are not known (the kernel's buffers were full), "
                 "%llu times a thread ran where it was not known to be",
                 (unsigned long long)result->n_turns_lost, (unsigned long long)result->n_repairs);
    if (merge->states.n_unwoken > merge->states.n_waits / UNWOKEN_USUAL)
        diag_add(diag,
                 "of %llu of %llu waits it is not known when they could have gone on (at most some "
                 "200000 wake-ups a second and processor are noted)",
                 (unsigned long long)merge->states.n_unwoken,
                 (unsigned long long)merge->states.n_waits);
    vec_release(&wires);
    return ok;
}

static bool write_flight(struct native_trace *t, pid_t main_pid, int fd,
                         struct native_trace_result *result, struct diag *diag, struct err *err)
{
    struct trace_merge *merge = calloc(1, sizeof *merge);
    struct native_trace_spool spool = {0};
    if (!merge)
        return err_nomem(err);
    bool ok = native_trace_spool_open(&spool, err);
    if (ok) {
        uint64_t now = trace_raw_mono_ns();
        set_up(t, merge, &spool);
        trace_merge_since(merge, now > t->flight_ns ? now - t->flight_ns : 0);
        look_for_sources(t, merge);
        step(t, merge, true);
        ok = write_merge(t, merge, &spool, main_pid, fd, result, diag, err);
    }
    trace_merge_release(merge);
    release_sources(t);
    native_trace_spool_release(&spool);
    free(merge);
    return ok;
}

bool native_trace_write(struct native_trace *t, pid_t main_pid, int fd,
                        struct native_trace_result *result, struct diag *diag, struct err *err)
{
    *result = (struct native_trace_result){0};
    if (t->flight_ns)
        return write_flight(t, main_pid, fd, result, diag, err);
    stop(t);
    if (!t->is_over) {
        look_for_sources(t, &t->merge);
        step(t, &t->merge, true);
    }
    t->is_over = true;
    return write_merge(t, &t->merge, &t->spool, main_pid, fd, result, diag, err);
}
