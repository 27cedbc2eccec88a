#include "ui/trace_web_mmu.h"

#include "timeline/timeline_pack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_NS 1e3 /* the shortest window */
#define DECADES 9.0

void trace_web_mmu_begin(struct trace_web_mmu *m, unsigned flags, int64_t window_ns)
{
    *m = (struct trace_web_mmu){.flags = flags};
    for (int i = 0; i < TRACE_WEB_MMU_WINDOWS; i++)
        m->lengths[i] =
            window_ns
                ? window_ns
                : (int64_t)(FIRST_NS * pow(10, DECADES * i / (TRACE_WEB_MMU_WINDOWS - 1)) + 0.5);
    analysis_mmu_init(&m->mmu, flags, m->lengths, window_ns ? 1 : TRACE_WEB_MMU_WINDOWS);
    if (!(flags & ANALYSIS_MMU_PER_PROC))
        m->mmu.curve = &m->curve;
    if (window_ns)
        m->mmu.worst = &m->worst;
}

bool trace_web_mmu_with_mud(struct trace_web_mmu *m, struct err *err)
{
    m->mmu.muds = calloc(m->mmu.n_windows, sizeof *m->mmu.muds);
    return m->mmu.muds || err_nomem(err);
}

void trace_web_mmu_seen(struct trace_web_mmu *m, const struct trace_event *events, size_t n)
{
    if (!n)
        return;
    if (!m->last_ns)
        m->first_ns = events[0].time_ns;
    m->last_ns = events[n - 1].time_ns;
}

static void add_event(struct trace_web_mmu *m, const struct trace *trace,
                      const struct trace_event *event)
{
    struct trace_transition t;
    analysis_mmu_event(&m->mmu, trace, event, trace_event_transition(event, &t) ? &t : NULL);
}

void trace_web_mmu_events(struct trace_web_mmu *m, const struct trace *trace,
                          const struct trace_event *events, size_t n)
{
    trace_web_mmu_seen(m, events, n);
    for (size_t i = 0; i < n; i++)
        add_event(m, trace, &events[i]);
}

static void keep(void *arg, const struct trace_event *event)
{
    struct trace_web_kept *kept = arg;
    if (kept->is_short)
        return;
    char *p = kept->packed.len < kept->most ? buf_reserve(&kept->packed, TIMELINE_PACK_MAX) : NULL;
    if (!p) {
        trace_web_kept_release(kept);
        kept->is_short = true;
        return;
    }
    struct trace_event e = *event;
    e.m = TRACE_NONE; /* it does not count on which thread */
    uint8_t *end = timeline_pack((uint8_t *)p, &e, &kept->last, kept->last.time_ns);
    kept->packed.len += (size_t)(end - (uint8_t *)p);
    kept->last = e;
}

void trace_web_mmu_keep(struct trace_web_mmu *m, struct trace_web_kept *kept, size_t most)
{
    *kept = (struct trace_web_kept){.most = most};
    m->mmu.keep = keep;
    m->mmu.keep_arg = kept;
}

bool trace_web_mmu_again(struct trace_web_mmu *m, const struct trace_web_mmu *from,
                         const struct trace_web_kept *kept, const struct trace *trace)
{
    struct trace_event event, last = {0};
    const uint8_t *p = (const uint8_t *)kept->packed.data;
    const uint8_t *end = p + kept->packed.len;
    if (kept->is_short)
        return false;
    m->first_ns = from->first_ns;
    m->last_ns = from->last_ns;
    while (p && p < end && (p = timeline_unpack(p, end, &event, &last, last.time_ns))) {
        add_event(m, trace, &event);
        last = event;
    }
    return true;
}

void trace_web_kept_release(struct trace_web_kept *kept)
{
    buf_release(&kept->packed);
}

bool trace_web_mmu_end(struct trace_web_mmu *m, struct err *err)
{
    analysis_mmu_end(&m->mmu, m->last_ns);
    if (m->mmu.is_too_much)
        return err_set(err, ERR_USAGE,
                       "too many processors for so many stops of the world: leave out perProc");
    return !m->mmu.failed || err_nomem(err);
}

void trace_web_mmu_release(struct trace_web_mmu *m)
{
    free(m->mmu.muds);
    analysis_mmu_release(&m->mmu);
}

bool trace_web_mmu_flags(const char *text, unsigned *flags, bool *has_mut, struct err *err)
{
    static const struct {
        const char *name;
        unsigned flag;
    } names[] = {
        {"stw", ANALYSIS_MMU_STW},          {"background", ANALYSIS_MMU_BACKGROUND},
        {"assist", ANALYSIS_MMU_ASSIST},    {"sweep", ANALYSIS_MMU_SWEEP},
        {"perProc", ANALYSIS_MMU_PER_PROC}, {"mut", 0},
    };
    *flags = text ? 0 : TRACE_WEB_MMU_FLAGS;
    *has_mut = false;
    for (const char *p = text ? text : ""; *p;) {
        size_t n = strcspn(p, "|"), i = 0;
        if (!n) { /* "|" alone: none at all */
            p++;
            continue;
        }
        while (i < sizeof names / sizeof *names &&
               (strlen(names[i].name) != n || strncmp(names[i].name, p, n) != 0))
            i++;
        if (i == sizeof names / sizeof *names)
            return err_set(err, ERR_USAGE,
                           "'%.32s' is no flag; there are stw, background, assist, sweep, perProc "
                           "and mut, with | between them",
                           p);
        *flags |= names[i].flag;
        *has_mut |= !names[i].flag;
        p += n + (p[n] == '|');
    }
    return true;
}
