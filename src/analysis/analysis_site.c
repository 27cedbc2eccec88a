#include "analysis/analysis_site.h"

#include <string.h>

/* --- sites --- */

static bool has_any(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strstr(text, *words))
            return true;
    return false;
}

static bool begins_with_any(const char *text, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (!strncmp(text, *prefixes, strlen(*prefixes)))
            return true;
    return false;
}

/* What waits and wakes on behalf of the program: Go's runtime, libc, libstdc++. */
static bool is_below(const char *name, const char *file)
{
    static const char *const names[] = {"runtime.",
                                        "sync.",
                                        "sync/",
                                        "internal/",
                                        "syscall.",
                                        "time.Sleep",
                                        "pthread_",
                                        "__pthread",
                                        "___pthread_",
                                        "__lll_",
                                        "lll_",
                                        "__futex",
                                        "futex_",
                                        "__GI_",
                                        "usleep",
                                        "nanosleep",
                                        "__nanosleep",
                                        "clock_nanosleep",
                                        "__gthread_",
                                        "__clock_nanosleep",
                                        "std::mutex::",
                                        "std::condition_variable",
                                        "std::__condvar",
                                        "std::unique_lock",
                                        "std::lock_guard",
                                        "std::scoped_lock",
                                        NULL};
    static const char *const files[] = {"/sysdeps/", "./nptl/", "./csu/", NULL};
    return (begins_with_any(name, names) && strcmp(name, "runtime.main") != 0) ||
           has_any(file, files);
}

static bool is_address(const char *name)
{
    return name[0] == '0' && name[1] == 'x';
}

/* Of a stack that is the runtime's alone: what its goroutine is for ("runtime.gcBgMarkWorker"),
 * which says more than the innermost frame ("runtime.systemstack_switch").  Of other stacks of
 * nothing but a library: who waits ("pthread_cond_wait"), not "start_thread". */
static const struct trace_frame *site_below(const struct trace *trace, const struct trace_stack *s)
{
    const struct trace_frame *outermost = trace_frame(trace, s->frames[s->n_frames - 1]);
    const char *name = trace_string(trace, outermost->func, NULL);
    if (s->n_frames > 1 && !strcmp(name, "runtime.goexit")) {
        outermost = trace_frame(trace, s->frames[s->n_frames - 2]);
        name = trace_string(trace, outermost->func, NULL);
    }
    return strncmp(name, "runtime.", 8) == 0 ? outermost : trace_frame(trace, s->frames[0]);
}

const struct trace_frame *analysis_site(const struct trace *trace, uint32_t stack)
{
    struct trace_stack s = trace_stack(trace, stack);
    const struct trace_frame *nameless = NULL;
    for (uint32_t i = 0; i < s.n_frames; i++) {
        const struct trace_frame *frame = trace_frame(trace, s.frames[i]);
        const char *name = trace_string(trace, frame->func, NULL);
        if (!*name || is_below(name, trace_string(trace, frame->file, NULL)))
            continue;
        if (!is_address(name) && strcmp(name, "_start") != 0)
            return frame;
        if (!nameless)
            nameless = frame;
    }
    return nameless ? nameless : s.n_frames ? site_below(trace, &s) : NULL;
}

/* --- kinds --- */

static bool is_go_lock(const char *name)
{
    static const char *const names[] = {"sync.(*Mutex).",
                                        "sync.(*RWMutex).",
                                        "internal/sync.(*Mutex).",
                                        "sync.runtime_SemacquireMutex",
                                        "sync.runtime_SemacquireRWMutex",
                                        "internal/sync.runtime_SemacquireMutex",
                                        NULL};
    return begins_with_any(name, names);
}

/* Where programs wait for the next request. */
static bool is_for_work(const char *name)
{
    static const char *const names[] = {"epoll_wait",
                                        "epoll_pwait",
                                        "accept",
                                        "__libc_accept",
                                        "__GI_accept",
                                        "__GI_epoll_wait",
                                        "net/http.(*connReader).backgroundRead",
                                        NULL};
    static const char *const words[] = {".accept", ".Accept", "net/http.(*conn).readRequest", NULL};
    return begins_with_any(name, names) || has_any(name, words);
}

static bool is_start(const char *name)
{
    static const char *const names[] = {
        "runtime.main", "runtime.goexit", "start_thread", "clone", "_start", "__libc_start", NULL};
    return begins_with_any(name, names);
}

/* net/http's server waits for a request in (*conn).serve itself. */
static bool is_request(const struct trace *trace, const struct trace_stack *s)
{
    for (uint32_t i = 0; i < s->n_frames; i++) {
        const char *name = trace_string(trace, trace_frame(trace, s->frames[i])->func, NULL);
        if (is_for_work(name))
            return true;
        /* Who reads in a handler is not idle. */
        if (strstr(name, ".ServeHTTP"))
            return false;
        if (!strcmp(name, "net/http.(*conn).serve"))
            return true;
    }
    return false;
}

/* Who waits to be given something, in the function that the goroutine or thread began with, is a
 * worker without work. */
static bool is_worker(const struct trace *trace, const char *reason, const struct trace_stack *s)
{
    static const char *const reasons[] = {"chan receive", "select", "sync.(*Cond).Wait",
                                          "sync cond wait", NULL};
    if (!begins_with_any(reason, reasons))
        return false;
    for (uint32_t i = 0; i < s->n_frames; i++) {
        const struct trace_frame *frame = trace_frame(trace, s->frames[i]);
        const char *name = trace_string(trace, frame->func, NULL);
        if (is_below(name, trace_string(trace, frame->file, NULL)))
            continue;
        /* The first frame of the program: nothing but what starts threads may call it. */
        for (i++; i < s->n_frames; i++) {
            frame = trace_frame(trace, s->frames[i]);
            name = trace_string(trace, frame->func, NULL);
            if (!is_start(name) && !is_address(name) &&
                !is_below(name, trace_string(trace, frame->file, NULL)))
                return false;
        }
        return true;
    }
    return false;
}

static bool is_idle_reason(const char *reason)
{
    static const char *const reasons[] = {"sleep",
                                          "system goroutine wait",
                                          "GC background sweeper wait",
                                          "GC scavenge wait",
                                          "GC sweep wait",
                                          "GC worker (idle)",
                                          "force gc (idle)",
                                          "finalizer wait",
                                          "trace reader (blocked)"};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (!strcmp(reason, reasons[i]))
            return true;
    return false;
}

bool analysis_is_network(const char *reason)
{
    return !strcmp(reason, "network") || !strcmp(reason, "IO wait");
}

enum analysis_wait_kind analysis_wait_kind(const struct trace *trace, uint32_t reason,
                                           uint32_t stack)
{
    const char *why = trace_string(trace, reason, NULL);
    struct trace_stack s = trace_stack(trace, stack);
    if (is_idle_reason(why))
        return ANALYSIS_WAIT_IDLE;
    if (analysis_is_network(why))
        return is_request(trace, &s) ? ANALYSIS_WAIT_IDLE : ANALYSIS_WAIT_OTHER;
    if (!strncmp(why, "sync mutex", 10) || !strncmp(why, "sync rwlock", 11))
        return ANALYSIS_WAIT_LOCK;
    if (is_worker(trace, why, &s))
        return ANALYSIS_WAIT_IDLE;
    if (strstr(why, "GC"))
        return ANALYSIS_WAIT_COLLECTOR;
    if (*why && strcmp(why, "sync") != 0)
        return ANALYSIS_WAIT_OTHER;
    for (uint32_t i = 0; i < s.n_frames; i++) {
        const char *name = trace_string(trace, trace_frame(trace, s.frames[i])->func, NULL);
        if (is_go_lock(name))
            return ANALYSIS_WAIT_LOCK;
        if (!i && !strncmp(name, "runtime.gc", 10))
            return ANALYSIS_WAIT_COLLECTOR;
        if (!is_below(name, ""))
            break;
    }
    return ANALYSIS_WAIT_OTHER;
}
