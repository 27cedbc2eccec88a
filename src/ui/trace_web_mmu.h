/* trace_web_mmu: minimum mutator utilisation for the page of a trace: by any of Go's flags.
 * What the page begins with is worked out while the trace is read; meanwhile the events that
 * count are kept, packed, from which the rest is worked out when it is asked for.
 * Units: ns.  Threads: one at a time while it is filled, then any.  Signals: no. */
#ifndef SONDE_UI_TRACE_WEB_MMU_H
#define SONDE_UI_TRACE_WEB_MMU_H

#include "analysis/analysis_mmu.h"
#include "base/buf.h"
#include "trace/trace_reader.h"

#define TRACE_WEB_MMU_WINDOWS 121 /* 1 us to 1000 s, 13 or 14 in each power of ten */
#define TRACE_WEB_MMU_FLAGS (ANALYSIS_MMU_STW | ANALYSIS_MMU_BACKGROUND | ANALYSIS_MMU_ASSIST)

/* Events that utilisation depends on, some 12 bytes each. */
struct trace_web_kept {
    struct buf packed;
    struct trace_event last;
    size_t most;   /* bytes */
    bool is_short; /* there are more: it is empty */
};

struct trace_web_mmu {
    unsigned flags;
    int64_t first_ns, last_ns;
    int64_t lengths[TRACE_WEB_MMU_WINDOWS];
    struct analysis_mmu mmu;
    struct analysis_curve curve;
    struct analysis_worst worst; /* of the one window that was asked for */
};

/* `window_ns` 0: the usual windows; else that one alone, in all places. */
void trace_web_mmu_begin(struct trace_web_mmu *m, unsigned flags, int64_t window_ns);
/* After begin: quantiles as well (m->mmu.muds), 8 MiB.  False with ERR_NOMEM. */
bool trace_web_mmu_with_mud(struct trace_web_mmu *m, struct err *err);
void trace_web_mmu_events(struct trace_web_mmu *m, const struct trace *trace,
                          const struct trace_event *events, size_t n);
/* Before the first event: keep those that count, up to `most` bytes. */
void trace_web_mmu_keep(struct trace_web_mmu *m, struct trace_web_kept *kept, size_t most);
/* Work out another of what was kept while `from` was.  False: it is too much, and was not. */
bool trace_web_mmu_again(struct trace_web_mmu *m, const struct trace_web_mmu *from,
                         const struct trace_web_kept *kept, const struct trace *trace);
void trace_web_kept_release(struct trace_web_kept *kept);
/* Another has handed the events to m->mmu. */
void trace_web_mmu_seen(struct trace_web_mmu *m, const struct trace_event *events, size_t n);
bool trace_web_mmu_end(struct trace_web_mmu *m, struct err *err); /* false: no memory */
void trace_web_mmu_release(struct trace_web_mmu *m);

/* "stw|background|assist", as go tool trace has it; NULL: the normal ones.  *has_mut: "mut" is
 * among them.  False with ERR_USAGE. */
bool trace_web_mmu_flags(const char *text, unsigned *flags, bool *has_mut, struct err *err);

#endif
