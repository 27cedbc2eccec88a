#include "timeline/timeline_lanes.h"

#include <stdlib.h>
#include <string.h>

struct timeline_live {
    struct timeline_state now;
    uint32_t last_sum; /* UINT32_MAX: none */
    /* Of this stretch. */
    int64_t first_ns, longest_ns;
    int64_t spent_ns[TIMELINE_N_SPENT];
    uint32_t n, most;
    uint8_t most_kind, initial;
    bool touched;
};

void timeline_lanes_release(struct timeline_lanes *lanes)
{
    free(lanes->live);
    free(lanes->sums);
    free(lanes->begins);
    free(lanes->initial);
    vec_release(&lanes->adding);
    vec_release(&lanes->lane_of);
    vec_release(&lanes->touched);
    *lanes = (struct timeline_lanes){0};
}

uint32_t timeline_lanes_new(struct timeline_lanes *lanes, struct timeline_state initial)
{
    if (lanes->n == UINT32_MAX - 1 || !vec_grow_((void **)&lanes->live, &lanes->live_cap,
                                                 (size_t)lanes->n + 1, sizeof *lanes->live)) {
        lanes->failed = true;
        return TIMELINE_NO_LANE;
    }
    lanes->live[lanes->n] =
        (struct timeline_live){.now = initial, .initial = initial.kind, .last_sum = UINT32_MAX};
    return lanes->n++;
}

void timeline_lanes_set_initial(struct timeline_lanes *lanes, uint32_t lane, uint8_t kind)
{
    if (lane < lanes->n)
        lanes->live[lane].initial = lanes->live[lane].now.kind = kind;
}

const struct timeline_state *timeline_lanes_now(const struct timeline_lanes *lanes, uint32_t lane)
{
    return &lanes->live[lane].now;
}

static int spent_as(uint8_t kind)
{
    switch (kind) {
    case TIMELINE_RUNNABLE:
    case TIMELINE_GC_WORK:
        return TIMELINE_SPENT_OTHER;
    case TIMELINE_SYSCALL:
        return TIMELINE_SPENT_SYSCALL;
    case TIMELINE_WAITING:
    case TIMELINE_ABSENT:
        return -1;
    default:
        return TIMELINE_SPENT_RUNNING;
    }
}

void timeline_lanes_change(struct timeline_lanes *lanes, uint32_t lane, int64_t since_ns,
                           uint8_t kind, uint32_t what, uint32_t g)
{
    if (lane >= lanes->n)
        return;
    struct timeline_live *l = &lanes->live[lane];
    if (!l->touched) {
        if (!vec_push(&lanes->touched, lane)) {
            lanes->failed = true;
            return;
        }
        l->touched = true;
        l->first_ns = since_ns;
        memset(l->spent_ns, 0, sizeof l->spent_ns);
        l->longest_ns = -1;
        l->n = 0;
        l->most = 0;
        l->most_kind = TIMELINE_ABSENT;
    } else if (l->now.kind != TIMELINE_ABSENT) {
        int64_t ns = since_ns - l->now.since_ns;
        int as = spent_as(l->now.kind);
        if (as >= 0)
            l->spent_ns[as] += ns;
        l->n++;
        if (ns > l->longest_ns) {
            l->longest_ns = ns;
            l->most = l->now.g != TIMELINE_NONE && l->now.kind != TIMELINE_REGION ? l->now.g
                                                                                  : l->now.what;
            l->most_kind = l->now.kind;
        }
    }
    l->now.since_ns = since_ns;
    l->now.what = what;
    l->now.g = g;
    l->now.kind = kind;
}

static inline int64_t first_of(const struct timeline_sum *s)
{
    return (int64_t)s->first_high << 32 | s->first;
}
static inline int64_t last_of(const struct timeline_sum *s)
{
    return (int64_t)s->last_high << 32 | s->last;
}
static inline void set_first(struct timeline_sum *s, int64_t ns)
{
    s->first = (uint32_t)ns;
    s->first_high = (uint8_t)(ns >> 32);
}
static inline void set_last(struct timeline_sum *s, int64_t ns)
{
    s->last = (uint32_t)ns;
    s->last_high = (uint8_t)(ns >> 32);
}

static uint8_t share(int64_t part, int64_t all)
{
    return all > 0 ? (uint8_t)(((__int128)part * 255 + all / 2) / all) : 0;
}

/* Two stretches become one; both count from the same. */
static void join(struct timeline_sum *a, const struct timeline_sum *b)
{
    int64_t a_ns = last_of(a) - first_of(a), b_ns = last_of(b) - first_of(b);
    int64_t gap_ns = first_of(b) - last_of(a), all_ns = a_ns + gap_ns + b_ns;
    int as = spent_as(a->kind);
    for (int i = 0; i < TIMELINE_N_SPENT; i++) {
        int64_t ns = (a_ns * a->spent[i] + b_ns * b->spent[i]) / 255 + (i == as ? gap_ns : 0);
        a->spent[i] = share(ns, all_ns);
    }
    unsigned n = a->n + b->n + (a->kind != TIMELINE_ABSENT);
    if (gap_ns > a_ns && gap_ns > b_ns && a->kind != TIMELINE_ABSENT) {
        a->most = a->g != TIMELINE_NONE && a->kind != TIMELINE_REGION ? a->g : a->what;
        a->most_kind = a->kind;
    } else if (b_ns > a_ns) {
        a->most = b->most;
        a->most_kind = b->most_kind;
    }
    set_last(a, last_of(b));
    a->n = n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
    a->what = b->what;
    a->g = b->g;
    a->kind = b->kind;
}

/* The sum begins with another stretch, in front of its own. */
static void move(struct timeline_sum *s, uint32_t to, const int64_t *stretch_ns)
{
    int64_t ns = stretch_ns[s->stretch] - stretch_ns[to];
    int64_t first = first_of(s) + ns, last = last_of(s) + ns;
    s->stretch = to;
    set_first(s, first);
    set_last(s, last);
}

/* Stretches two and two. */
static void join_all(struct timeline_lanes *lanes, const int64_t *stretch_ns)
{
    unsigned shift = ++lanes->shift;
    size_t n = 0;
    for (uint32_t i = 0; i < lanes->n; i++)
        lanes->live[i].last_sum = UINT32_MAX;
    for (size_t i = 0; i < lanes->adding.n; i++) {
        struct timeline_sum *s = &lanes->adding.items[i];
        uint32_t lane = lanes->lane_of.items[i], *last = &lanes->live[lane].last_sum;
        move(s, s->stretch >> shift << shift, stretch_ns);
        if (*last != UINT32_MAX && lanes->adding.items[*last].stretch == s->stretch) {
            join(&lanes->adding.items[*last], s);
            continue;
        }
        *last = (uint32_t)n;
        lanes->adding.items[n] = *s;
        lanes->lane_of.items[n++] = lane;
    }
    lanes->adding.n = lanes->lane_of.n = n;
}

/* What a lane did in a stretch that is over. */
static void end_lane(struct timeline_lanes *lanes, uint32_t lane, uint32_t stretch,
                     const int64_t *stretch_ns)
{
    struct timeline_live *l = &lanes->live[lane];
    int64_t begin_ns = stretch_ns[stretch], all_ns = l->now.since_ns - l->first_ns;
    struct timeline_sum sum = {
        .stretch = stretch,
        .what = l->now.what,
        .g = l->now.g,
        .kind = l->now.kind,
        .most = l->most,
        .most_kind = l->most_kind,
        .n = l->n > UINT16_MAX ? UINT16_MAX : (uint16_t)l->n,
    };
    l->touched = false;
    set_first(&sum, l->first_ns - begin_ns);
    set_last(&sum, l->now.since_ns - begin_ns);
    for (int i = 0; i < TIMELINE_N_SPENT; i++)
        sum.spent[i] = share(l->spent_ns[i], all_ns);
    if (l->last_sum != UINT32_MAX && lanes->adding.items[l->last_sum].stretch == stretch) {
        join(&lanes->adding.items[l->last_sum], &sum);
        return;
    }
    if (lanes->adding.n >= UINT32_MAX - 1 || !vec_push(&lanes->lane_of, lane) ||
        !vec_push(&lanes->adding, sum)) {
        lanes->failed = true;
        lanes->lane_of.n = lanes->adding.n;
        return;
    }
    l->last_sum = (uint32_t)lanes->adding.n - 1;
}

void timeline_lanes_end_stretch(struct timeline_lanes *lanes, uint32_t stretch,
                                const int64_t *stretch_ns, bool chunk_ends)
{
    if (!chunk_ends && ((stretch + 1) & ((1u << lanes->shift) - 1)))
        return;
    for (size_t i = 0; i < lanes->touched.n; i++)
        end_lane(lanes, lanes->touched.items[i], stretch >> lanes->shift << lanes->shift,
                 stretch_ns);
    vec_clear(&lanes->touched);
    while (lanes->adding.n > lanes->most && 2u << lanes->shift <= TIMELINE_STRETCHES) {
        size_t before = lanes->adding.n;
        join_all(lanes, stretch_ns);
        if (lanes->adding.n > before / 8 * 7) /* it does not help */
            break;
    }
}

bool timeline_lanes_seal(struct timeline_lanes *lanes, const int64_t *stretch_ns,
                         uint32_t n_stretches)
{
    lanes->stretch_ns = stretch_ns;
    lanes->n_stretches = n_stretches;
    lanes->n_sums = lanes->adding.n;
    lanes->sums = malloc(lanes->n_sums * sizeof *lanes->sums + 1);
    lanes->begins = calloc((size_t)lanes->n + 2, sizeof *lanes->begins);
    lanes->initial = malloc((size_t)lanes->n + 1);
    bool good = lanes->sums && lanes->begins && lanes->initial && !lanes->failed;
    if (good) {
        uint32_t *begins = lanes->begins + 1; /* moved on by the filling */
        for (size_t i = 0; i < lanes->n_sums; i++)
            begins[lanes->lane_of.items[i] + 1]++;
        for (uint32_t i = 0; i < lanes->n; i++) {
            begins[i + 1] += begins[i];
            lanes->initial[i] = lanes->live[i].initial;
        }
        for (size_t i = 0; i < lanes->n_sums; i++)
            lanes->sums[begins[lanes->lane_of.items[i]]++] = lanes->adding.items[i];
    }
    vec_release(&lanes->adding);
    vec_release(&lanes->lane_of);
    vec_release(&lanes->touched);
    free(lanes->live);
    lanes->live = NULL;
    return good;
}

size_t timeline_lanes_bytes(const struct timeline_lanes *lanes)
{
    return lanes->n_sums * sizeof *lanes->sums +
           (size_t)lanes->n * (sizeof *lanes->begins + sizeof *lanes->initial);
}

/* ---- asking ---- */

/* The lane's first sum of this stretch or later ones. */
static uint32_t find(const struct timeline_lanes *lanes, uint32_t lane, uint32_t stretch)
{
    uint32_t low = lanes->begins[lane], high = lanes->begins[lane + 1];
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (lanes->sums[mid].stretch < stretch)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The state that the lane has after the sum in front of `i`. */
static struct timeline_state state_before(const struct timeline_lanes *lanes, uint32_t lane,
                                          uint32_t i)
{
    if (i == lanes->begins[lane])
        return (struct timeline_state){.g = TIMELINE_NONE, .kind = lanes->initial[lane]};
    const struct timeline_sum *s = &lanes->sums[i - 1];
    return (struct timeline_state){lanes->stretch_ns[s->stretch] + last_of(s), s->what, s->g,
                                   s->kind};
}

struct timeline_state timeline_lanes_before(const struct timeline_lanes *lanes, uint32_t lane,
                                            uint32_t stretch)
{
    return state_before(lanes, lane, find(lanes, lane, stretch));
}

int64_t timeline_lanes_next(const struct timeline_lanes *lanes, uint32_t lane, uint32_t stretch)
{
    uint32_t i = find(lanes, lane, stretch);
    if (i == lanes->begins[lane + 1])
        return INT64_MAX;
    return lanes->stretch_ns[lanes->sums[i].stretch] + first_of(&lanes->sums[i]);
}

/* What lies between the first and the last change of a sum. */
static struct timeline_segment mixture(const struct timeline_lanes *lanes,
                                       const struct timeline_sum *s)
{
    int64_t begin_ns = lanes->stretch_ns[s->stretch];
    struct timeline_segment segment = {
        .start_ns = begin_ns + first_of(s), .end_ns = begin_ns + last_of(s), .n = s->n};
    int64_t all_ns = segment.end_ns - segment.start_ns, rest_ns = all_ns;
    for (int i = 0; i < TIMELINE_N_SPENT; i++) {
        segment.spent_ns[i] = (int64_t)((__int128)all_ns * s->spent[i] / 255);
        rest_ns -= segment.spent_ns[i];
    }
    segment.state = (struct timeline_state){
        .since_ns = segment.start_ns, .what = s->most, .g = s->most, .kind = s->most_kind};
    segment.rest_ns = rest_ns > 0 ? rest_ns : 0;
    return segment;
}

void timeline_lanes_segments(const struct timeline_lanes *lanes, uint32_t lane, int64_t start_ns,
                             int64_t end_ns,
                             void (*segment)(void *arg, const struct timeline_segment *segment),
                             void *arg)
{
    uint32_t i = lanes->begins[lane], end = lanes->begins[lane + 1], high = end;
    while (i < high) { /* the first that begins behind start */
        uint32_t mid = i + (high - i) / 2;
        if (lanes->stretch_ns[lanes->sums[mid].stretch] <= start_ns)
            i = mid + 1;
        else
            high = mid;
    }
    if (i > lanes->begins[lane])
        i--;
    for (;; i++) {
        struct timeline_segment box = {.state = state_before(lanes, lane, i)};
        box.start_ns = box.state.since_ns;
        box.end_ns = i == end
                         ? lanes->stretch_ns[lanes->n_stretches]
                         : lanes->stretch_ns[lanes->sums[i].stretch] + first_of(&lanes->sums[i]);
        if (box.start_ns >= end_ns)
            break;
        if (box.state.kind != TIMELINE_ABSENT && box.end_ns > start_ns && box.end_ns > box.start_ns)
            segment(arg, &box);
        if (i == end)
            break;
        struct timeline_segment mixed = mixture(lanes, &lanes->sums[i]);
        if (mixed.n && mixed.end_ns > start_ns && mixed.start_ns < end_ns &&
            mixed.end_ns > mixed.start_ns)
            segment(arg, &mixed);
    }
}
