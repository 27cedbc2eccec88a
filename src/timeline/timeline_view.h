/* timeline_view: answers to what the page of a trace asks for (src/web/trace/data.ts has the same
 * shapes as JSON, and says what boxes, lanes, joined boxes, marks and arrows are).
 *
 * In: a sealed timeline, a list of tracks, a range.  Out: an answer, which is the caller's:
 * release it with the function beside it (also fine on a zeroed struct).
 * Failure: false and *err when memory runs out; nothing has to be released then.
 * Cost: some ms to some tens of ms, also of a trace of 1 GB.
 * Units: ns since the first event.  Threads: any number at once.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_VIEW_H
#define SONDE_TIMELINE_TIMELINE_VIEW_H

#include "base/arena.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"
#include "timeline/timeline.h"

/* Texts of an answer: `names` below are ids in it; 0 is "". */
struct timeline_texts {
    struct arena arena;
    struct intern texts;
};

enum timeline_kind { /* data.ts: Kind */
                     TIMELINE_RUNNING,
                     TIMELINE_RUNNABLE,
                     TIMELINE_WAITING,
                     TIMELINE_SYSCALL,
                     TIMELINE_SYNC,
                     TIMELINE_NETWORK,
                     TIMELINE_SLEEP,
                     TIMELINE_WAIT_GC,
                     TIMELINE_IDLE,
                     TIMELINE_GC_WORK,
                     TIMELINE_ASSIST,
                     TIMELINE_SWEEP,
                     TIMELINE_STW,
                     TIMELINE_GC,
                     TIMELINE_REGION,
                     TIMELINE_TASK,
                     TIMELINE_UNKNOWN,
                     TIMELINE_N_KINDS,
                     TIMELINE_ABSENT = TIMELINE_N_KINDS /* no box */
};
enum timeline_mark_kind { /* data.ts: Mark */
                          TIMELINE_MARK_LOG,
                          TIMELINE_MARK_SAMPLE,
                          TIMELINE_MARK_WAKE,
                          TIMELINE_MARK_CREATE,
                          TIMELINE_MARK_EVENT
};
enum timeline_view {
    TIMELINE_VIEW_PROC,
    TIMELINE_VIEW_THREAD,
    TIMELINE_VIEW_GOROUTINE,
    TIMELINE_VIEW_TASK
};

/* ---- Tracks: rows from above. */
struct timeline_selection {
    enum timeline_view view;
    const int64_t *goids; /* these goroutines only; */
    uint32_t n_goids;     /* 0: all */
    bool related;         /* of goids: also those that wake or create them */
    const char *function; /* goroutines with this start function only; NULL: all */
    uint64_t task;        /* goroutines that have regions of the task or its subtasks; 0: all */
    bool with_tasks;      /* `task` and its subtasks are tracks as well, in front */
};
struct timeline_track {
    uint8_t kind;    /* enum timeline_view: of what it is */
    uint8_t lanes;   /* at least 1 */
    uint32_t entity; /* number of a goroutine or task; place of a processor or thread */
    int64_t id;      /* of the processor, thread, goroutine, task */
    uint32_t name;   /* "Proc 3", start function, name of the task */
    int64_t first_ns, last_ns;
};
#define TIMELINE_TRACKS_MAX 20000
struct timeline_tracks {
    struct timeline_texts texts;
    enum timeline_view view;
    struct timeline_track *tracks; /* in the arena */
    uint32_t n, more;
    struct map of; /* internal: track of an entity */
};
/* Make it once for a view and keep it: the functions below take it.  Read-only then. */
bool timeline_tracks(const struct timeline *timeline, const struct timeline_selection *selection,
                     struct timeline_tracks *out, struct err *err);
void timeline_tracks_release(struct timeline_tracks *tracks);
/* Track of a goroutine in the list: its own, or of the processor or thread where it ran at
 * `at_ns` (that is looked up).  UINT32_MAX: none. */
uint32_t timeline_track_of(const struct timeline *timeline, const struct timeline_tracks *tracks,
                           uint32_t goroutine, int64_t at_ns);

/* ---- Tile: boxes of tracks [first, first + n) in [start, end). */
struct timeline_box {
    int64_t start_ns, end_ns; /* the real ones, also outside of the range */
    uint32_t goroutine;       /* number; TIMELINE_NONE */
    uint32_t name;
    uint32_t joined; /* boxes it stands for; 0: it is one */
    uint8_t kind;
    int64_t busy_ns; /* joined: what of its length somebody runs */
};
struct timeline_mark {
    int64_t at_ns;
    uint32_t goroutine; /* the other one; TIMELINE_NONE */
    uint32_t name;
    uint32_t count; /* at least 1 */
    uint8_t kind;
};
struct timeline_lane {
    VEC(struct timeline_box) boxes;  /* in order, none overlaps another */
    VEC(struct timeline_mark) marks; /* in order */
};
struct timeline_tile {
    struct timeline_texts texts;
    uint32_t n_tracks;
    struct timeline_tile_track {
        struct timeline_lane *lanes;
        uint32_t n_lanes;
    } * tracks; /* in the arena */
};
/* A tile has at most about so many boxes and marks, and bytes of texts. */
#define TIMELINE_TILE_ITEMS 400000
#define TIMELINE_TILE_TEXT_BYTES ((size_t)4 << 20)
/* step: what is shorter is joined; at least 1.  Wide tiles of long traces, and those in which there
 * is too much, are joined more coarsely than asked. */
bool timeline_tile(const struct timeline *timeline, const struct timeline_tracks *tracks,
                   uint32_t first, uint32_t n, int64_t start_ns, int64_t end_ns, int64_t step_ns,
                   struct timeline_tile *out, struct err *err);
void timeline_tile_release(struct timeline_tile *tile);

/* ---- Globals. */
enum timeline_series_name {
    TIMELINE_HEAP,
    TIMELINE_GOAL,
    TIMELINE_N_RUNNING,
    TIMELINE_N_RUNNABLE,
    TIMELINE_N_SYSCALL,
    TIMELINE_N_WAITING,
    TIMELINE_N_PROCS,
    TIMELINE_N_SERIES
};
struct timeline_globals {
    struct timeline_texts texts;
    struct timeline_lane gc, stw;
    struct {
        int64_t *most, *least; /* of each cell, in the arena; -1: not known yet */
        int64_t max;           /* in the whole trace */
    } series[TIMELINE_N_SERIES];
    uint32_t n_cells; /* (end - start) / step, rounded up */
};
bool timeline_globals(const struct timeline *timeline, int64_t start_ns, int64_t end_ns,
                      int64_t step_ns, struct timeline_globals *out, struct err *err);
void timeline_globals_release(struct timeline_globals *globals);

/* Of the whole trace, all GC cycles and stops of the world, in order. */
struct timeline_span {
    int64_t start_ns, end_ns; /* end -1: it goes on */
    uint32_t goroutine;       /* who stops the world; TIMELINE_NONE */
    uint32_t name;            /* string of the trace: why; 0 */
};
const struct timeline_span *timeline_cycles(const struct timeline *timeline, uint32_t *n);
const struct timeline_span *timeline_pauses(const struct timeline *timeline, uint32_t *n);

/* ---- Minimap: n buckets, each step_ns long. */
struct timeline_minimap {
    int64_t step_ns;
    uint8_t *busy, *gc; /* 0..255 */
    uint32_t *runnable; /* the most in the bucket */
    uint32_t n;
    int64_t busy_ns; /* processors that run goroutines, of the whole trace */
};
bool timeline_minimap(const struct timeline *timeline, uint32_t n, struct timeline_minimap *out,
                      struct err *err);
void timeline_minimap_release(struct timeline_minimap *minimap);

/* ---- Arrows: who woke and created whom, where either end is in the range. */
struct timeline_arrow {
    int64_t from_ns, to_ns;                /* to: when it began to run; -1: not (in the trace) */
    uint32_t from, to;                     /* tracks; UINT32_MAX: on none */
    uint32_t from_goroutine, to_goroutine; /* from: TIMELINE_NONE: not a goroutine */
    uint32_t reason;                       /* what it waited for */
    bool created;
};
struct timeline_arrows {
    struct timeline_texts texts;
    VEC(struct timeline_arrow) arrows; /* by from_ns */
    uint64_t more;                     /* more than max: then there are none, and so many are */
};
/* of: only those from or to this goroutine; TIMELINE_NONE: all. */
bool timeline_arrows(const struct timeline *timeline, const struct timeline_tracks *tracks,
                     int64_t start_ns, int64_t end_ns, uint32_t max, uint32_t of,
                     struct timeline_arrows *out, struct err *err);
void timeline_arrows_release(struct timeline_arrows *arrows);

/* ---- Box: all that is known of one. */
struct timeline_wake {
    int64_t at_ns;
    uint32_t goroutine; /* the other one; TIMELINE_NONE: the network poller, a timer, the runtime */
    uint32_t track;     /* where it stood then; UINT32_MAX */
    uint32_t reason;    /* text */
    uint32_t stack;     /* of who did it; 0: not known */
    bool created;
};
struct timeline_step {
    bool is_there;
    uint8_t kind;
    uint32_t name;
    int64_t start_ns, end_ns;
    uint32_t track;
    uint32_t goroutine;
};
struct timeline_log {
    int64_t at_ns;
    uint32_t category, message; /* texts */
};
#define TIMELINE_BOX_MAX 100
struct timeline_details {
    struct timeline_texts texts;
    struct timeline_box box;
    int64_t p, m;              /* -1 */
    uint32_t reason;           /* why it waits, why it stopped running */
    uint32_t region;           /* innermost at its start */
    uint64_t task;             /* of that region; 0: none.  timeline_task_of(id) */
    uint32_t stack, end_stack; /* stacks of the trace; 0: not known */
    bool is_woken, is_created;
    struct timeline_wake woken, created;
    VEC(struct timeline_wake) woke; /* at most TIMELINE_BOX_MAX */
    uint32_t more_woke;
    VEC(struct timeline_log) logs; /* at most TIMELINE_BOX_MAX */
    uint32_t n_samples;
    struct {
        uint32_t count;
        int64_t total_ns;
    } inside[TIMELINE_N_KINDS];                    /* assists, sweeps, syscalls within */
    struct timeline_step previous, next;           /* of this goroutine */
    struct timeline_step same_previous, same_next; /* of the same track */
};
/* False with ERR_INPUT: there is no box. */
bool timeline_details(const struct timeline *timeline, const struct timeline_tracks *tracks,
                      uint32_t track, uint32_t lane, int64_t at_ns, struct timeline_details *out,
                      struct err *err);
/* What a goroutine did then, as on its own track, lane 0.  tracks may be NULL. */
bool timeline_details_of(const struct timeline *timeline, const struct timeline_tracks *tracks,
                         uint32_t goroutine, int64_t at_ns, struct timeline_details *out,
                         struct err *err);
void timeline_details_release(struct timeline_details *details);
const struct timeline_task *timeline_task_of(const struct timeline *timeline, uint64_t id);

/* ---- Range: sums of a part of the trace.  Of goroutines: those selected (NULL: all). */
struct timeline_times { /* ns */
    int64_t total, running, runnable, syscall;
    int64_t sync, network, sleep, gc, other, idle, unknown; /* waiting, by what for */
    int64_t assist, sweep;                                  /* overlapping with the above */
};
struct timeline_group {
    uint32_t name;  /* start function */
    uint32_t frame; /* UINT32_MAX: not known */
    uint32_t count; /* goroutines */
    struct timeline_times times;
};
struct timeline_blocked {
    uint32_t reason; /* text */
    uint32_t stack;  /* of the longest of them; 0: not known, as when the range is not exact */
    uint64_t count;
    int64_t total_ns;
    uint8_t kind;
    uint32_t longest_goroutine; /* TIMELINE_NONE */
    int64_t longest_start_ns, longest_ns;
    uint32_t by;       /* goroutine that woke the longest; TIMELINE_NONE */
    uint32_t by_stack; /* where it did; 0: not known */
};
struct timeline_range {
    struct timeline_texts texts;
    bool is_exact; /* of narrow ranges; else times of goroutines are right to about a percent */
    struct timeline_range_proc {
        int32_t id;
        int64_t busy_ns, gc_ns;
    } * procs; /* in the arena, as timeline_procs */
    struct timeline_times all;
    uint64_t n_switches, n_wakes, n_created, n_ended, n_syscalls, n_samples, n_pauses, n_events;
    VEC(struct timeline_group) groups; /* the most running time first, all */
    VEC(struct timeline_waited {
        uint32_t frame; /* of the group */
        uint32_t reason;
        int64_t total_ns;
    })
    waited; /* of each group by reason, in no order */
    /* What goroutines waited for, the most time first.  where: only if is_exact. */
    VEC(struct timeline_blocked) blocked;
};
bool timeline_range(const struct timeline *timeline, const struct timeline_selection *selection,
                    int64_t start_ns, int64_t end_ns, struct timeline_range *out, struct err *err);
void timeline_range_release(struct timeline_range *range);

/* ---- Search: goroutines and their start functions. */
struct timeline_hit {
    bool is_function;   /* else one goroutine */
    uint32_t goroutine; /* the first of them */
    uint32_t count;
    uint32_t text;
    int64_t start_ns, end_ns;
    uint32_t track; /* UINT32_MAX */
};
struct timeline_hits {
    struct timeline_texts texts;
    VEC(struct timeline_hit) hits; /* functions, then goroutines; the earliest first */
    uint64_t more;
};
/* pattern: RE2; a number, or G and a number, is also a goroutine's id.  ERR_USAGE: bad pattern. */
bool timeline_search(const struct timeline *timeline, const struct timeline_tracks *tracks,
                     const char *pattern, uint32_t max, struct timeline_hits *out, struct err *err);
void timeline_hits_release(struct timeline_hits *hits);

#endif
