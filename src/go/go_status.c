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
static const struct reason {
    unsigned from, until; /* Go 1.N; until 0: still there */
    const char *name;
    bool is_durable; /* where it happens in a bubble of testing/synctest */
} reasons[] = {
    {0, 0, ""},
    {0, 0, "GC assist marking"},
    {0, 0, "IO wait"},
    {0, 25, "chan receive (nil chan)", true},
    {0, 25, "chan send (nil chan)", true},
    {0, 0, "dumping heap"},
    {0, 0, "garbage collection"},
    {0, 0, "garbage collection scan"},
    {0, 0, "panicwait"},
    {0, 25, "select"},
    {0, 25, "select (no cases)", true},
    {0, 0, "GC assist wait"},
    {0, 0, "GC sweep wait"},
    {0, 0, "GC scavenge wait"},
    {0, 25, "chan receive"},
    {0, 25, "chan send"},
    {0, 0, "finalizer wait"},
    {0, 0, "force gc (idle)"},
    {25, 0, "GOMAXPROCS updater (idle)"},
    {0, 0, "semacquire"},
    {0, 0, "sleep", true},
    {26, 0, "chan receive (nil chan)", true},
    {26, 0, "chan send (nil chan)", true},
    {26, 0, "select (no cases)", true},
    {26, 0, "select"},
    {26, 0, "chan receive"},
    {26, 0, "chan send"},
    {0, 0, "sync.Cond.Wait", true},
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
    {22, 0, "coroutine", true},
    {23, 0, "GC weak to strong wait"},
    {24, 0, "synctest.Run", true},
    {24, 0, "synctest.Wait", true},
    {24, 24, "chan receive (synctest)"},
    {25, 0, "chan receive (durable)", true},
    {24, 24, "chan send (synctest)"},
    {25, 0, "chan send (durable)", true},
    {24, 24, "select (synctest)"},
    {25, 0, "select (durable)", true},
    {25, 0, "sync.WaitGroup.Wait (durable)", true},
    {25, 0, "cleanup wait"},
};

static const struct reason *find(unsigned minor, unsigned reason)
{
    unsigned n = 0;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (minor < reasons[i].from || (reasons[i].until && minor > reasons[i].until))
            continue;
        if (n++ == reason)
            return &reasons[i];
    }
    return NULL;
}

const char *go_wait_reason(unsigned minor, unsigned reason)
{
    const struct reason *found = find(minor, reason);
    return found ? found->name : "unknown wait reason";
}

bool go_wait_is_durable(unsigned minor, unsigned reason)
{
    const struct reason *found = find(minor, reason);
    return found && found->is_durable;
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
