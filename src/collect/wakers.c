#include "collect/wakers.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"
#include "collect/block.h"
#include "collect/track.h"
#include "sym/kernel_names.h"
#include "sym/resolve.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES_SHOWN 32
#define UNKNOWN_MIN_SHARE 10 /* a tenth of all is worth a note */

/* In place of a row of the profile of wakers. */
#define ROW_TIMER (PROFILE_NONE - 1)
#define ROW_KERNEL (PROFILE_NONE - 2)

/* The last one of a thread. */
struct wake {
    uint64_t since_ns; /* which wait of the thread it ended */
    uint32_t row;
};

enum context { CONTEXT_TASK, CONTEXT_EXIT, CONTEXT_INTERRUPT, CONTEXT_TIMER };

struct wakers {
    struct gather *gather; /* of the waits */
    struct gather *own;    /* the stacks of those that wake */
    struct track *track;
    struct kernel_names *names;
    struct map contexts; /* address in the kernel -> enum context */
    struct map by_tid;   /* -> index of wakes */
    VEC(struct wake) wakes;
    struct map rows; /* set of the waits' gather -> row */
    struct map sets; /* row -> the set with its labels */
    struct profile *profile;
    uint64_t n_known, n_unknown;
};

struct wakers *wakers_new(struct gather *gather, pid_t pid, struct err *err)
{
    struct wakers *w = calloc(1, sizeof *w);
    if (!w) {
        err_nomem(err);
        return NULL;
    }
    w->gather = gather;
    map_init(&w->contexts);
    map_init(&w->by_tid);
    map_init(&w->rows);
    map_init(&w->sets);
    if ((w->own = gather_new(&collect_block, err)) &&
        (w->track =
             track_new(w->own, &(struct track_options){.scope = TRACK_SYSTEM, .root = pid}, err))) {
        (void)track_adopt_root(w->track, NULL); /* as its children are known by it */
        if ((w->names = kernel_names_open()))
            return w;
        err_set(err, ERR_PERM,
                "the kernel hides its symbols, which tell interrupts; be root, or have CAP_SYSLOG "
                "(and kernel.kptr_restrict may not be 2)");
    }
    wakers_free(w);
    return NULL;
}

void wakers_free(struct wakers *w)
{
    if (!w)
        return;
    vec_release(&w->wakes);
    map_release(&w->contexts);
    map_release(&w->by_tid);
    map_release(&w->rows);
    map_release(&w->sets);
    kernel_names_close(w->names);
    track_free(w->track);
    gather_free(w->own);
    profile_free(w->profile);
    free(w);
}

/* --- wake-ups --- */

static bool begins(struct str name, const char *const *beginnings)
{
    for (; *beginnings; beginnings++)
        if (str_has_prefix(name, str_of(*beginnings)))
            return true;
    return false;
}

static enum context context_of(struct wakers *w, uint64_t address)
{
    static const char *const timers[] = {"__hrtimer_run_queues", "call_timer_fn", "__run_timer",
                                         "run_timer_softirq", NULL};
    static const char *const interrupts[] = {"asm_sysvec_", "sysvec_",       "asm_common_interrupt",
                                             "asm_exc_nmi", "el0_interrupt", "el1_interrupt",
                                             "el1h_64_irq", "el0t_64_irq",   NULL};
    uint32_t known = map_get(&w->contexts, address);
    if (known != MAP_NONE)
        return (enum context)known;
    struct str name = kernel_names_find(w->names, address - 1);
    enum context context = begins(name, timers)           ? CONTEXT_TIMER
                           : begins(name, interrupts)     ? CONTEXT_INTERRUPT
                           : str_eq(name, STR("do_exit")) ? CONTEXT_EXIT
                                                          : CONTEXT_TASK;
    (void)map_put(&w->contexts, address, context);
    return context;
}

/* In which context the kernel was.  Takes its frames off the sample. */
static enum context take_kernel(struct wakers *w, struct perf_record *sample)
{
    enum context context = CONTEXT_TASK;
    size_t i = 0;
    for (; i < sample->n_chain && sample->chain[i] != (uint64_t)PERF_CONTEXT_USER; i++) {
        if (sample->chain[i] >= (uint64_t)PERF_CONTEXT_MAX)
            continue;
        enum context here = context_of(w, sample->chain[i]);
        context = here > context ? here : context;
    }
    sample->chain += i;
    sample->n_chain -= i;
    bool has_user = sample->n_chain || sample->has_regs;
    if (context == CONTEXT_TASK && !has_user)
        return CONTEXT_INTERRUPT; /* a thread of the kernel's */
    return context == CONTEXT_EXIT && has_user ? CONTEXT_TASK : context;
}

/* Without memory, the wait has no labels. */
static void keep_wake(struct wakers *w, uint32_t tid, struct wake wake)
{
    uint32_t next = (uint32_t)w->wakes.n, i;
    if (!vec_reserve(&w->wakes, w->wakes.n + 1) ||
        (i = map_get_or_put(&w->by_tid, tid, next)) == MAP_NONE)
        return;
    w->wakes.items[i] = wake;
    w->wakes.n += i == next;
}

/* Rows are told apart by these labels too. */
static uint32_t own_labels(struct wakers *w, const struct perf_wait_note *note, bool is_foreign,
                           bool exits)
{
    AUTO_BUF text = {0};
    if (note->waker_name[0]) {
        buf_add(&text, "thread", sizeof "thread");
        buf_add(&text, note->waker_name, strlen(note->waker_name) + 1);
    }
    if (is_foreign)
        buf_add(&text, "foreign\0yes", sizeof "foreign\0yes");
    if (exits)
        buf_add(&text, "exits\0yes", sizeof "exits\0yes");
    return text.len && !text.failed ? gather_labels(w->own, (struct str){text.data, text.len}) : 0;
}

void wakers_take(struct wakers *w, const struct perf_record *record,
                 const struct perf_wait_note *note)
{
    static const int64_t one[COLLECT_TYPES_MAX] = {1};
    struct perf_record sample = *record;
    struct wake wake = {.since_ns = note->since_ns};
    enum context context = take_kernel(w, &sample);
    bool is_foreign = record->pid != (pid_t)note->pid;
    if (context == CONTEXT_TIMER)
        wake.row = ROW_TIMER;
    else if (context == CONTEXT_INTERRUPT)
        wake.row = ROW_KERNEL;
    else if (!track_sample(w->track, &sample, one,
                           own_labels(w, note, is_foreign, context == CONTEXT_EXIT), &wake.row))
        return;
    if (wake.row != PROFILE_NONE)
        keep_wake(w, note->tid, wake);
}

void wakers_record(struct wakers *w, const struct perf_record *record)
{
    track_record(w->track, record);
}

/* A set that stands for the row until the end. */
static uint32_t set_of_row(struct wakers *w, uint32_t row)
{
    AUTO_BUF text = {0};
    buf_add(&text, "waker", sizeof "waker");
    buf_uint(&text, row, 0);
    buf_putc(&text, '\0');
    uint32_t set = text.failed ? 0 : gather_labels(w->gather, (struct str){text.data, text.len});
    return set && map_put(&w->rows, set, row) ? set : 0;
}

uint32_t wakers_of(struct wakers *w, const struct perf_wait_note *note)
{
    uint32_t i = map_get(&w->by_tid, note->tid);
    bool is_known = i != MAP_NONE && w->wakes.items[i].since_ns == note->since_ns;
    w->n_known += is_known;
    w->n_unknown += !is_known;
    return is_known ? set_of_row(w, w->wakes.items[i].row) : 0;
}

/* --- labels --- */

static void put_label(struct buf *text, const char *key, const char *value)
{
    if (!*value)
        return;
    buf_add(text, key, strlen(key) + 1);
    buf_add(text, value, strlen(value) + 1);
}

static const char *label_of(const struct profile *p, uint32_t row, const char *key)
{
    for (uint64_t i = p->label_first[row]; i < p->label_first[row + 1]; i++)
        if (strcmp(profile_cstr(p, p->labels[i].key), key) == 0)
            return profile_cstr(p, p->labels[i].str);
    return "";
}

struct frame {
    const char *name;
    bool is_library; /* C's or C++'s: what others call to wake */
};

static struct frame frame_of(const struct profile *p, const struct profile_location *loc,
                             uint32_t line)
{
    static const char *const libraries[] = {"libc.so",       "libc-",      "libc.musl", "ld-linux",
                                            "libpthread",    "ld-musl",    "libc++",    "librt",
                                            "libstdc++.so.", "linux-vdso", "[vdso]",    NULL};
    static const char *const functions[] = {"std::",     "pthread_",  "__pthread_", "___pthread_",
                                            "__gthread", "__lll_",    "futex_",     "__futex_",
                                            "syscall",   "__syscall", "__libc_",    NULL};
    const char *file =
        loc->mapping == PROFILE_NONE ? "" : profile_cstr(p, p->mappings[loc->mapping].file);
    const char *slash = strrchr(file, '/');
    bool is_file = *file && *file != '[' && strcmp(file, "//anon") != 0;
    file = slash ? slash + 1 : file;
    struct frame frame = {is_file ? file : "[unknown]", begins(str_of(file), libraries)};
    if (line < loc->n_lines && p->lines[loc->first_line + line].function != PROFILE_NONE) {
        frame.name = profile_cstr(p, p->functions[p->lines[loc->first_line + line].function].name);
        frame.is_library |= begins(str_of(frame.name), functions);
    }
    return frame;
}

static void put_stack(struct buf *text, const struct profile *p, uint32_t row)
{
    const char *names[FRAMES_SHOWN], *waker = NULL;
    size_t n = 0;
    bool is_whole = true;
    for (uint64_t i = p->stack_first[row]; i < p->stack_first[row + 1]; i++) {
        const struct profile_location *loc = &p->locations[p->stack_locs[i]];
        uint32_t n_lines = loc->n_lines ? loc->n_lines : 1;
        for (uint32_t line = 0; line < n_lines; line++) {
            struct frame frame = frame_of(p, loc, line);
            if (!waker && !frame.is_library)
                waker = frame.name;
            if (n < FRAMES_SHOWN)
                names[n++] = frame.name;
            else
                is_whole = false;
        }
    }
    if (!n)
        return;
    put_label(text, "waker", waker ? waker : names[0]);
    buf_add(text, "waker_stack", sizeof "waker_stack");
    if (!is_whole)
        buf_puts(text, "...;");
    while (n-- > 0) {
        buf_puts(text, names[n]);
        buf_putc(text, n ? ';' : '\0');
    }
}

/* The labels of a row. */
static uint32_t make_set(struct wakers *w, uint32_t row)
{
    const struct profile *p = w->profile;
    AUTO_BUF text = {0};
    if (row == ROW_TIMER || row == ROW_KERNEL) {
        put_label(&text, "waker", row == ROW_TIMER ? "[timer]" : "[kernel]");
    } else if (row < p->n_samples) {
        const char *thread = label_of(p, row, "thread"), *process = label_of(p, row, "process");
        put_stack(&text, p, row);
        if (*label_of(p, row, "exits"))
            put_label(&text, "waker", "[exit]");
        put_label(&text, "waker_thread", thread);
        if (*label_of(p, row, "foreign"))
            put_label(&text, "waker_process", *process ? process : thread);
    }
    return text.len && !text.failed ? gather_labels(w->gather, (struct str){text.data, text.len})
                                    : 0;
}

static uint32_t final_set(void *arg, uint32_t set)
{
    struct wakers *w = arg;
    uint32_t row = set ? map_get(&w->rows, set) : MAP_NONE;
    if (row == MAP_NONE)
        return set;
    uint32_t final = map_get(&w->sets, row);
    if (final == MAP_NONE) {
        final = make_set(w, row);
        (void)map_put(&w->sets, row, final);
    }
    return final;
}

bool wakers_finish(struct wakers *w, bool debuginfod, struct diag *diag, struct err *err)
{
    const struct gather_header header = {.period = 1};
    const struct resolve_options options = {
        .debuginfod = debuginfod, .locate = track_locate, .locate_arg = w->track};
    /* Notes on files of the process are those of its own profile. */
    struct profile *profile = gather_seal(w->own, &header, NULL, err);
    w->profile = profile ? resolve_profile(profile, &options, NULL, err) : NULL;
    if (!w->profile)
        return false;
    gather_relabel(w->gather, final_set, w);
    if (w->n_unknown > (w->n_known + w->n_unknown) / UNKNOWN_MIN_SHARE)
        diag_add(diag,
                 "who ended the wait is known of %llu of %llu waits: others ended as they began",
                 (unsigned long long)w->n_known, (unsigned long long)(w->n_known + w->n_unknown));
    return true;
}
