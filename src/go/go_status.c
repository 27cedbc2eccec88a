/* What goroutines do, in Go's words; and what could not be read of them. */
#include "go/go_goroutines.h"

const char *go_status_name(unsigned status)
{
    static const char *const names[] = {
        [GO_STATUS_IDLE] = "idle",           [GO_STATUS_RUNNABLE] = "runnable",
        [GO_STATUS_RUNNING] = "running",     [GO_STATUS_SYSCALL] = "syscall",
        [GO_STATUS_WAITING] = "waiting",     [GO_STATUS_DEAD] = "dead",
        [GO_STATUS_COPYSTACK] = "copystack", [GO_STATUS_PREEMPTED] = "preempted",
        [GO_STATUS_LEAKED] = "leaked",       [GO_STATUS_DEADEXTRA] = "waiting for cgo callback",
    };
    return status < sizeof names / sizeof *names && names[status] ? names[status] : "???";
}

/* In the order of the runtime's numbers; those of a version are without gaps. */
static const struct {
    unsigned from, until; /* Go 1.N; until 0: still there */
    const char *name;
} reasons[] = {
    {0, 0, ""},
    {0, 0, "GC assist marking"},
    {0, 0, "IO wait"},
    {0, 25, "chan receive (nil chan)"},
    {0, 25, "chan send (nil chan)"},
    {0, 0, "dumping heap"},
    {0, 0, "garbage collection"},
    {0, 0, "garbage collection scan"},
    {0, 0, "panicwait"},
    {0, 25, "select"},
    {0, 25, "select (no cases)"},
    {0, 0, "GC assist wait"},
    {0, 0, "GC sweep wait"},
    {0, 0, "GC scavenge wait"},
    {0, 25, "chan receive"},
    {0, 25, "chan send"},
    {0, 0, "finalizer wait"},
    {0, 0, "force gc (idle)"},
    {25, 0, "GOMAXPROCS updater (idle)"},
    {0, 0, "semacquire"},
    {0, 0, "sleep"},
    {26, 0, "chan receive (nil chan)"},
    {26, 0, "chan send (nil chan)"},
    {26, 0, "select (no cases)"},
    {26, 0, "select"},
    {26, 0, "chan receive"},
    {26, 0, "chan send"},
    {0, 0, "sync.Cond.Wait"},
    {0, 19, "timer goroutine (idle)"},
    {20, 0, "sync.Mutex.Lock"},
    {20, 0, "sync.RWMutex.RLock"},
    {20, 0, "sync.RWMutex.Lock"},
    {24, 0, "sync.WaitGroup.Wait"},
    {0, 0, "trace reader (blocked)"},
    {0, 0, "wait for GC cycle"},
    {0, 0, "GC worker (idle)"},
    {20, 0, "GC worker (active)"},
    {0, 0, "preempted"},
    {0, 0, "debug call"},
    {20, 0, "GC mark termination"},
    {20, 0, "stopping the world"},
    {22, 0, "flushing proc caches"},
    {22, 0, "trace goroutine status"},
    {22, 0, "trace proc status"},
    {22, 0, "page trace flush"},
    {22, 0, "coroutine"},
    {23, 0, "GC weak to strong wait"},
    {24, 0, "synctest.Run"},
    {24, 0, "synctest.Wait"},
    {24, 24, "chan receive (synctest)"},
    {25, 0, "chan receive (durable)"},
    {24, 24, "chan send (synctest)"},
    {25, 0, "chan send (durable)"},
    {24, 24, "select (synctest)"},
    {25, 0, "select (durable)"},
    {25, 0, "sync.WaitGroup.Wait (durable)"},
    {25, 0, "cleanup wait"},
};

const char *go_wait_reason(unsigned minor, unsigned reason)
{
    unsigned n = 0;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (minor < reasons[i].from || (reasons[i].until && minor > reasons[i].until))
            continue;
        if (n++ == reason)
            return reasons[i].name;
    }
    return "unknown wait reason";
}

void go_goroutines_notes(const struct go_goroutines_stats *stats, bool consistent,
                         struct diag *diag)
{
    if (stats->n_stopped)
        diag_add(diag, "%zu threads were stopped for %.1f ms%s", stats->n_stopped,
                 (double)stats->pause_ns / 1e6, consistent ? "" : ", to see where they ran");
    if (stats->n_changed)
        diag_add(diag, "%zu of %zu goroutines changed while they were read, and were read again",
                 stats->n_changed, stats->n);
    if (stats->n_torn)
        diag_add(diag,
                 "%zu of %zu goroutines changed each time they were read: their stacks are not "
                 "whole%s",
                 stats->n_torn, stats->n, consistent ? "" : "; --consistent stops the program");
    if (stats->n_unknown)
        diag_add(diag, "%zu of %zu goroutines were running: only where they began is known%s%s",
                 stats->n_unknown, stats->n, stats->not_stopped.code ? ": " : "",
                 stats->not_stopped.code ? stats->not_stopped.msg : "");
}
