#include "go/go_goroutine.h"

#include "base/intern.h"
#include "base/vec.h"
#include "go/go_buildinfo.h"
#include "go/go_callers.h"
#include "go/go_locations.h"
#include "go/go_traceback.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* So many addresses of a stack are in Go's profiles. */
#define DEPTH 128u
#define DEPTH_UNTIL_1_22 32u
#define FRAMES_MAX (2 * DEPTH + 64)
#define SECOND_NS 1000000000u

/* What the goroutines of a group have in common. */
struct what {
    uint32_t stack, labels;
    uint64_t creator; /* the function's entry; 0: not known */
    uint32_t wait_s;  /* whole seconds */
    uint16_t status, reason;
};

struct group {
    struct what what;
    uint64_t count;
};

/* Groups [first, first + n) that are one in Go's profile. */
struct record {
    size_t first, n;
    uint64_t count;
    size_t key; /* of its text: where it begins */
};

struct collector {
    struct go_program *program;
    struct go_code *code;
    struct go_labels *labels;
    unsigned status;
    uint64_t now_ns;
    size_t depth;
    struct arena arena;
    struct intern walks;    /* frames' addresses, as bytes */
    struct intern stacks;   /* of Go's profile, as bytes */
    struct intern whats;    /* struct what, as bytes */
    VEC(uint32_t) stack_of; /* by walk */
    VEC(uint64_t) counts;   /* by what */
    VEC(struct group) groups;
    VEC(struct record) records;
    struct buf keys;
    uint64_t total;
    size_t n_without_labels;
    struct go_goroutines_stats stats;
};

static uint64_t now_ns(const struct go_program *program)
{
    struct timespec t;
    if (!mem_process(program->mem))
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static bool collector_init(struct collector *c, struct go_program *program, unsigned status,
                           struct go_code *code, struct err *err)
{
    *c = (struct collector){.program = program, .code = code, .status = status};
    c->now_ns = now_ns(program);
    c->depth = program->minor < 23 ? DEPTH_UNTIL_1_22 : DEPTH;
    arena_init(&c->arena);
    c->labels = go_labels_new(program, err);
    return c->labels && ((intern_init(&c->walks, &c->arena) && intern_init(&c->stacks, &c->arena) &&
                          intern_init(&c->whats, &c->arena)) ||
                         err_nomem(err));
}

static void collector_release(struct collector *c)
{
    go_labels_free(c->labels);
    intern_release(&c->walks);
    intern_release(&c->stacks);
    intern_release(&c->whats);
    vec_release(&c->stack_of);
    vec_release(&c->counts);
    vec_release(&c->groups);
    vec_release(&c->records);
    buf_release(&c->keys);
    arena_release(&c->arena);
}

/* --- collecting --- */

/* The number of the stack; INTERN_NONE when memory has run out. */
static uint32_t stack_number(struct collector *c, const struct go_goroutine *g)
{
    uint64_t walk[FRAMES_MAX + 1], pcs[DEPTH];
    size_t n = g->n_frames < FRAMES_MAX ? g->n_frames : FRAMES_MAX;
    /* Where nothing is known: the function it began with. */
    walk[0] = n ? g->stack.is_trap : 2;
    for (size_t i = 0; i < n; i++)
        walk[i + 1] = g->frames[i].pc;
    if (n == 0)
        walk[1] = g->start;
    uint32_t number =
        intern_add(&c->walks, (struct str){(const char *)walk, ((n ? n : 1) + 1) * sizeof *walk});
    if (number == INTERN_NONE || number < c->stack_of.n)
        return number == INTERN_NONE ? number : c->stack_of.items[number];
    if (n)
        n = go_stack_pcs(c->code, g->frames, n, pcs, c->depth);
    else
        pcs[n++] = g->start + 1;
    uint32_t stack = intern_add(&c->stacks, (struct str){(const char *)pcs, n * sizeof *pcs});
    while (stack != INTERN_NONE && c->stack_of.n <= number)
        if (!vec_push(&c->stack_of, stack))
            return INTERN_NONE;
    return stack;
}

static bool collect(void *arg, const struct go_goroutine *g)
{
    struct collector *c = arg;
    struct what what;
    if (c->status != GO_STATUS_ALL && c->status != g->status)
        return true;
    const struct go_function *creator = go_code_at(c->code, g->created_at)->function;
    memset(&what, 0, sizeof what); /* padding is compared too */
    what.stack = stack_number(c, g);
    if (what.stack == INTERN_NONE)
        return false;
    what.labels = go_labels_at(c->labels, g->labels);
    c->n_without_labels += go_labels_damaged(c->labels, g->labels);
    what.creator = creator && g->id != 1 ? creator->f.entry : 0;
    what.status = (uint16_t)g->status;
    bool waits = g->status == GO_STATUS_WAITING || g->status == GO_STATUS_LEAKED;
    if (waits)
        what.reason = g->wait_reason;
    if ((waits || g->status == GO_STATUS_SYSCALL) && g->wait_since && c->now_ns > g->wait_since) {
        uint64_t seconds = (c->now_ns - g->wait_since) / SECOND_NS;
        what.wait_s = seconds < UINT32_MAX ? (uint32_t)seconds : UINT32_MAX;
    }
    uint32_t number = intern_add(&c->whats, (struct str){(const char *)&what, sizeof what});
    if (number == INTERN_NONE)
        return false;
    while (c->counts.n <= number)
        if (!vec_push(&c->counts, 0))
            return false;
    c->counts.items[number]++;
    c->total++;
    return true;
}

/* --- in order --- */

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_groups(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    int order = compare(x->what.stack, y->what.stack);
    order = order ? order : compare(x->what.labels, y->what.labels);
    order = order ? order : compare(y->count, x->count);
    order = order ? order : compare(x->what.status, y->what.status);
    order = order ? order : compare(x->what.reason, y->what.reason);
    order = order ? order : compare(y->what.wait_s, x->what.wait_s);
    return order ? order : compare(x->what.creator, y->what.creator);
}

static const uint64_t *stack_of(const struct collector *c, uint32_t stack, size_t *n)
{
    *n = c->stacks.strings[stack].len / sizeof(uint64_t);
    return (const uint64_t *)(const void *)c->stacks.strings[stack].p; /* an arena aligns */
}

/* "@ 0x1 0x2\n# labels: {...}" */
static void add_key(struct collector *c, const struct what *what)
{
    size_t n;
    const uint64_t *pcs = stack_of(c, what->stack, &n);
    buf_putc(&c->keys, '@');
    for (size_t i = 0; i < n; i++)
        buf_printf(&c->keys, " 0x%" PRIx64, pcs[i]);
    if (what->labels) {
        buf_puts(&c->keys, "\n# labels: ");
        go_labels_text(c->labels, what->labels, &c->keys);
    }
    buf_putc(&c->keys, '\0');
}

static int compare_records(const void *a, const void *b, void *arg)
{
    const struct record *x = a, *y = b;
    const char *keys = arg;
    int order = compare(y->count, x->count);
    return order ? order : strcmp(keys + x->key, keys + y->key);
}

/* Groups and records, in the order of Go's profile. */
static bool sort(struct collector *c, struct err *err)
{
    if (!vec_reserve(&c->groups, c->counts.n))
        return err_nomem(err);
    for (size_t i = 0; i < c->counts.n; i++) {
        struct group group = {.count = c->counts.items[i]};
        if (!group.count)
            continue;
        memcpy(&group.what, c->whats.strings[i].p, sizeof group.what);
        c->groups.items[c->groups.n++] = group;
    }
    if (c->groups.n)
        qsort(c->groups.items, c->groups.n, sizeof *c->groups.items, compare_groups);
    for (size_t i = 0; i < c->groups.n; i++) {
        const struct what *what = &c->groups.items[i].what, *last = i ? what : NULL;
        if (last)
            last = &c->groups.items[i - 1].what;
        if (!last || last->stack != what->stack || last->labels != what->labels) {
            if (!vec_push(&c->records, (struct record){.first = i, .key = c->keys.len}))
                return err_nomem(err);
            add_key(c, what);
        }
        c->records.items[c->records.n - 1].n++;
        c->records.items[c->records.n - 1].count += c->groups.items[i].count;
    }
    if (c->keys.failed)
        return err_nomem(err);
    if (c->records.n)
        qsort_r(c->records.items, c->records.n, sizeof *c->records.items, compare_records,
                c->keys.data);
    return true;
}

static bool read_all(struct collector *c, const struct go_options *options, struct diag *diag,
                     struct err *err)
{
    struct go_goroutines_options how = {.consistent = options->consistent,
                                        .max_frames = FRAMES_MAX};
    if (!go_goroutines_read(c->program, c->code, c->labels, &how, collect, c, &c->stats, err))
        return false;
    go_goroutines_notes(&c->stats, options->consistent, diag);
    if (c->n_without_labels)
        diag_add(diag, "the labels of %zu goroutines could not be read", c->n_without_labels);
    return sort(c, err);
}

/* --- the profile --- */

static uint32_t text(struct builder *b, const char *s)
{
    return builder_string(b, str_of(s));
}

static uint32_t add_labels(struct collector *c, struct builder *b, const struct what *what,
                           struct profile_label *labels)
{
    struct go_label own[GO_LABELS_MAX];
    uint32_t n = 0;
    size_t n_own = go_labels_get(c->labels, what->labels, own, GO_LABELS_MAX);
    for (size_t i = 0; i < n_own; i++)
        labels[n++] = (struct profile_label){.key = builder_string(b, own[i].key),
                                             .str = builder_string(b, own[i].value)};
    labels[n++] = (struct profile_label){.key = text(b, "state"),
                                         .str = text(b, go_status_name(what->status))};
    if (what->reason)
        labels[n++] =
            (struct profile_label){.key = text(b, "wait_reason"),
                                   .str = text(b, go_wait_reason(c->program->minor, what->reason))};
    if (what->wait_s)
        labels[n++] = (struct profile_label){.key = text(b, "wait_time"),
                                             .num = (int64_t)what->wait_s * SECOND_NS,
                                             .unit = text(b, "nanoseconds"),
                                             .is_num = true};
    const struct go_function *creator =
        what->creator ? go_code_at(c->code, what->creator)->function : NULL;
    if (creator)
        labels[n++] =
            (struct profile_label){.key = text(b, "creator"), .str = text(b, creator->f.name)};
    return n;
}

static bool add_samples(struct collector *c, struct builder *b, struct go_locations *locations,
                        struct err *err)
{
    struct profile_label labels[GO_LABELS_MAX + 4];
    struct go_location_list list = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < c->records.n; i++) {
        const struct record *record = &c->records.items[i];
        size_t n;
        const uint64_t *pcs = stack_of(c, c->groups.items[record->first].what.stack, &n);
        ok = go_locations_add(locations, pcs, n, &list, err);
        for (size_t k = record->first; ok && k < record->first + record->n; k++) {
            const struct group *group = &c->groups.items[k];
            int64_t count = (int64_t)group->count;
            uint32_t n_labels = add_labels(c, b, &group->what, labels);
            builder_sample(b, list.items, (uint32_t)list.n, &count, labels, n_labels);
        }
    }
    vec_release(&list);
    return ok;
}

static int64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

struct profile *go_goroutine_profile(struct go_program *program, const char *name, unsigned status,
                                     const struct go_options *options, struct diag *diag,
                                     struct err *err)
{
    struct collector c = {0};
    struct profile *profile = NULL;
    struct builder *b = builder_new(err);
    struct go_locations *locations = b ? go_locations_new(program, b, err) : NULL;
    int64_t time_ns = wall_ns();
    if (!locations || !collector_init(&c, program, status, go_locations_code(locations), err) ||
        !read_all(&c, options, diag, err))
        goto out;
    struct profile *header = builder_header(b);
    builder_type(b, text(b, name), text(b, "count"));
    header->period_type = (struct profile_value_type){text(b, name), text(b, "count")};
    header->has_period_type = true;
    header->period = 1;
    header->time_nanos = time_ns;
    if (!add_samples(&c, b, locations, err))
        goto out;
    go_locations_finish(locations);
    profile = builder_seal(b, err);
    b = NULL;
out:
    collector_release(&c);
    go_locations_free(locations);
    builder_free(b);
    return profile;
}

/* --- text --- */

static void print_records(const struct collector *c, const char *name, struct buf *out)
{
    buf_printf(out, "%s profile: total %" PRIu64 "\n", name, c->total);
    for (size_t i = 0; i < c->records.n; i++) {
        const struct record *record = &c->records.items[i];
        size_t n;
        const uint64_t *pcs = stack_of(c, c->groups.items[record->first].what.stack, &n);
        buf_printf(out, "%" PRIu64 " ", record->count);
        buf_puts(out, c->keys.data + record->key);
        buf_putc(out, '\n');
        go_callers_text(c->code, pcs, n, false, out);
    }
}

/* The last NAME=VALUE of "a=1,b=0"; `value` when there is none. */
static int setting(struct str list, const char *name, int value)
{
    size_t n = strlen(name);
    while (list.len > 0) {
        const char *comma = memchr(list.p, ',', list.len);
        size_t len = comma ? (size_t)(comma - list.p) : list.len;
        if (len == n + 2 && memcmp(list.p, name, n) == 0 && list.p[n] == '=')
            value = list.p[n + 1] - '0';
        len += comma != NULL;
        list = (struct str){list.p + len, list.len - len};
    }
    return value;
}

/* Does the program print labels with its stacks?  From Go 1.26 on it can. */
static bool prints_labels(const struct go_program *program)
{
    static const char name[] = "tracebacklabels";
    const struct str variable = STR("GODEBUG=");
    AUTO_BUF environment = {0};
    if (program->minor < 26)
        return false;
    int value = setting(go_buildinfo_settings(program->elf), name, program->minor >= 27);
    const struct proc *proc = mem_process(program->mem);
    if (proc && proc_text(proc, "environ", &environment, NULL) && environment.len > 0) {
        const char *end = environment.data + environment.len;
        for (const char *p = environment.data; p < end;) {
            struct str entry = {p, strnlen(p, (size_t)(end - p))};
            if (str_has_prefix(entry, variable))
                value =
                    setting((struct str){p + variable.len, entry.len - variable.len}, name, value);
            p += entry.len + 1;
        }
    }
    return value == 1;
}

struct printer {
    struct go_traceback traceback;
    struct buf *out;
    bool is_first;
};

static bool print_one(void *arg, const struct go_goroutine *g)
{
    struct printer *p = arg;
    if (!p->is_first)
        buf_putc(p->out, '\n');
    p->is_first = false;
    go_traceback_print(&p->traceback, g, p->out);
    buf_drain(p->out);
    return !p->out->failed;
}

bool go_goroutine_text(struct go_program *program, const char *name, unsigned status,
                       const struct go_options *options, struct buf *out, struct diag *diag,
                       struct err *err)
{
    struct collector c = {0};
    struct go_code *code = go_code_new(program->table, program->minor, err);
    bool ok = code && collector_init(&c, program, status, code, err);
    if (ok && options->debug >= 2) {
        struct go_goroutines_options how = {.consistent = options->consistent, .whole = true};
        struct printer p = {
            .traceback = {program, code, prints_labels(program) ? c.labels : NULL, c.now_ns},
            .out = out,
            .is_first = true};
        ok = go_goroutines_read(program, code, c.labels, &how, print_one, &p, &c.stats, err);
        if (ok)
            go_goroutines_notes(&c.stats, options->consistent, diag);
    } else if (ok) {
        ok = read_all(&c, options, diag, err);
        if (ok)
            print_records(&c, name, out);
    }
    if (ok && out->failed)
        ok = err_nomem(err);
    collector_release(&c);
    go_code_free(code);
    return ok;
}

/* --- the kind --- */

static struct profile *goroutine_profile(struct go_program *program,
                                         const struct go_options *options, struct diag *diag,
                                         struct err *err)
{
    return go_goroutine_profile(program, "goroutine", GO_STATUS_ALL, options, diag, err);
}

static bool goroutine_text(struct go_program *program, const struct go_options *options,
                           struct buf *out, struct diag *diag, struct err *err)
{
    return go_goroutine_text(program, "goroutine", GO_STATUS_ALL, options, out, diag, err);
}

const struct go_kind_ops go_kind_goroutine = {
    .name = "goroutine",
    .help = "the stack of every goroutine, what it waits for and for how long, its labels",
    .rate = GO_N_GLOBALS,
    .profile = goroutine_profile,
    .text = goroutine_text,
};
