#include "collect/go_trace.h"

#include "base/map.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "collect/go_trace_model.h"
#include "go/go_goroutines.h"
#include "go/go_states.h"
#include "go/go_trace_points.h"
#include "os/bpf_gaps.h"
#include "os/mem.h"
#include "os/tasks.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ull
#define ROUND_NS 10000000      /* between looks at what there is */
#define LATE_NS 2000000        /* hits of other processors may come so much later */
#define GENERATION_NS NS_PER_S /* as long as Go's own */
#define GENERATION_BYTES (8u << 20)
#define STACKS_MAX 4096    /* of goroutines that wait from the beginning */
#define OFF_NS 100000      /* off the processor for longer is told */
#define OFF_A_SECOND 20000 /* so often at most */
#define SHORT_NS 50000000  /* not worth putting the probes in again */
#define CUT "..."          /* ends what is longer than was read */
#define UNREAD "?"         /* in place of what could not be read */
#define GOID_LATE_UNTIL 23 /* up to Go 1.23 a new goroutine has its number a little later */

/* A hit that waits for its turn. */
struct waiting {
    struct uprobe_hit hit;
    struct go_trace_details details;
    uint64_t order;
    uint32_t at; /* of its stack */
};

struct recording {
    const struct go_trace_request *request;
    struct go_program *program;
    struct uprobes *probes;
    struct trace_writer *writer;
    struct go_trace_stacks *stacks;
    struct go_trace_model *model;
    VEC(struct waiting) hits;
    VEC(uint64_t) pcs;
    struct map created; /* hits of goroutines without a number yet, by address */
    VEC(struct go_trace_found) found;
    struct bpf_gaps *switches;   /* NULL: not permitted */
    VEC(struct bpf_gap) gaps;    /* that wait for their turn */
    uint64_t n_gaps, n_gaps_out; /* in this generation; left out */
    uint64_t found_at;           /* the goroutines were found by then */
    uint64_t known_until;        /* what happened before it is in the trace */
    uint64_t n_taken, generation_at;
    uint64_t n_cut, n_unread; /* texts */
    bool is_open;             /* a generation */
    bool failed;
    struct go_trace_result *result;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void rest(uint64_t ns)
{
    nanosleep(&(struct timespec){(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)}, NULL);
}

/* --- hits, in the order of their times --- */

static uint64_t field_of(const struct recording *r, uint64_t g, enum go_field field)
{
    uint64_t number = 0;
    uint16_t at = r->program->layout.at[field];
    if (at == GO_NO_FIELD || !go_program_number(r->program, g + at, 8, &number, NULL))
        return 0;
    return number;
}

static bool is_creation(const struct uprobe_hit *hit)
{
    return hit->kind == GO_TRACE_STATUS &&
           (hit->from == GO_STATUS_DEAD || hit->from == GO_STATUS_DEADEXTRA);
}

/* A constant of the program's, where no page was there that the probe could have read. */
static struct str constant(const struct go_program *program, uint64_t address)
{
    const GElf_Phdr *segments;
    size_t n = elf_segments(program->elf, &segments);
    uint64_t at = address - program->bias;
    for (size_t i = 0; i < n; i++)
        if (segments[i].p_type == PT_LOAD && !(segments[i].p_flags & PF_W) &&
            at - segments[i].p_vaddr < segments[i].p_filesz)
            return elf_loaded_data(program->elf, at);
    return (struct str){0};
}

/* Without the last character, when only its beginning is there. */
static size_t whole_characters(struct str s)
{
    size_t last = s.len - 1;
    while (last && s.len - last < UTF8_BYTES_MAX && (s.p[last] & 0xc0) == 0x80)
        last--;
    return utf8_len((struct str){s.p + last, s.len - last}) ? s.len : last;
}

static uint32_t text_of(struct recording *r, const struct uprobe_text *text)
{
    char cut[UPROBE_TEXT_MAX + sizeof CUT];
    struct str s = text->bytes;
    if (!text->length)
        return 0;
    if (!s.len)
        s = constant(r->program, text->address);
    if (!s.len) {
        r->n_unread++;
        return trace_writer_string(r->writer, UNREAD, sizeof UNREAD - 1);
    }
    s.len = s.len < UPROBE_TEXT_MAX ? s.len : UPROBE_TEXT_MAX;
    if (text->length <= s.len)
        return trace_writer_string(r->writer, s.p, text->length);
    r->n_cut++;
    s.len = whole_characters(s);
    memcpy(cut, s.p, s.len);
    memcpy(cut + s.len, CUT, sizeof CUT - 1);
    return trace_writer_string(r->writer, cut, s.len + sizeof CUT - 1);
}

static void take(void *arg, const struct uprobe_hit *hit)
{
    struct recording *r = arg;
    struct waiting w = {.hit = *hit, .order = r->n_taken++, .at = (uint32_t)r->pcs.n};
    bool is_new = is_creation(hit), is_late = r->program->minor <= GOID_LATE_UNTIL;
    if (!vec_reserve(&r->pcs, r->pcs.n + hit->n_stack)) {
        r->failed = true;
        return;
    }
    if (hit->n_stack)
        memcpy(r->pcs.items + r->pcs.n, hit->stack, hit->n_stack * sizeof *hit->stack);
    r->pcs.n += hit->n_stack;
    for (size_t i = 0; i < UPROBE_TEXTS_MAX; i++)
        w.details.texts[i] = text_of(r, &hit->texts[i]);
    if (is_new)
        w.details.start = field_of(r, hit->g, GO_G_STARTPC);
    if (is_late && hit->kind == GO_TRACE_STATUS) {
        uint32_t before = map_get(&r->created, hit->g);
        if (before < r->hits.n && !is_new)
            r->hits.items[before].hit.goid = hit->goid;
        if (!map_put(&r->created, hit->g, is_new ? (uint32_t)r->hits.n : MAP_NONE - 1))
            r->failed = true;
    }
    if (!vec_push(&r->hits, w))
        r->failed = true;
}

/* Those that nothing else told of have their number by now. */
static void number_created(struct recording *r)
{
    for (size_t i = 0; i < r->hits.n && r->program->minor <= GOID_LATE_UNTIL; i++) {
        struct uprobe_hit *hit = &r->hits.items[i].hit;
        if (is_creation(hit) && map_get(&r->created, hit->g) == i)
            hit->goid = field_of(r, hit->g, GO_G_GOID);
    }
    map_release(&r->created);
    map_init(&r->created);
}

static int by_time(const void *a, const void *b)
{
    const struct waiting *x = a, *y = b;
    if (x->hit.time_ns != y->hit.time_ns)
        return x->hit.time_ns < y->hit.time_ns ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* --- threads off their processors --- */

static void take_gap(void *arg, const struct bpf_gap *gap)
{
    struct recording *r = arg;
    if (gap->to_ns < r->found_at)
        return; /* nobody knows what ran there */
    if (r->n_gaps++ >= OFF_A_SECOND)
        r->n_gaps_out++;
    else if (!vec_push(&r->gaps, *gap))
        r->failed = true;
}

static int by_end(const void *a, const void *b)
{
    const struct bpf_gap *x = a, *y = b;
    return x->to_ns < y->to_ns ? -1 : x->to_ns > y->to_ns;
}

/* Those from number *i on that ended before `until`; what began later than is known may be of
 * another goroutine. */
static void gaps_until(struct recording *r, size_t *i, uint64_t until)
{
    for (; *i < r->gaps.n && r->gaps.items[*i].to_ns < until; ++*i)
        if (r->gaps.items[*i].from_ns < r->known_until)
            go_trace_model_off(r->model, &r->gaps.items[*i]);
}

static void look_at_gap(void *arg, const struct bpf_gap *gap)
{
    struct recording *r = arg;
    if (gap->from_ns < r->known_until)
        go_trace_model_off(r->model,
                           &(struct bpf_gap){gap->from_ns, 0, gap->thread, gap->is_ready});
}

/* What lasts over the end of the generation belongs into it as well. */
static void gaps_open(struct recording *r)
{
    if (r->switches)
        bpf_gaps_look(r->switches, look_at_gap, r);
    for (size_t i = 0; i < r->gaps.n; i++)
        look_at_gap(r, &r->gaps.items[i]);
    r->n_gaps = 0;
}

/* The probes come out. */
static void look_away(struct recording *r)
{
    r->known_until = now_ns();
    bool is_spent = uprobes_counts(r->probes).is_spent;
    uprobes_off(r->probes);
    if (is_spent)
        r->known_until = 0; /* by the last hit: process() */
}

/* What happened before `until` goes into the trace; UINT64_MAX: all of it, the probes are out. */
static void process(struct recording *r, uint64_t until)
{
    VEC(uint64_t) kept = {0};
    size_t n = 0, i = 0, gap = 0;
    if (r->switches)
        bpf_gaps_drain(r->switches, take_gap, r);
    if (r->gaps.n)
        qsort(r->gaps.items, r->gaps.n, sizeof *r->gaps.items, by_end);
    uprobes_drain(r->probes, take, r);
    number_created(r);
    if (r->hits.n)
        qsort(r->hits.items, r->hits.n, sizeof *r->hits.items, by_time);
    if (until != UINT64_MAX)
        r->known_until = until;
    else if (!r->known_until && r->hits.n)
        r->known_until = r->hits.items[r->hits.n - 1].hit.time_ns;
    for (; i < r->hits.n && r->hits.items[i].hit.time_ns < until; i++) {
        struct waiting *w = &r->hits.items[i];
        w->hit.stack = r->pcs.items + w->at;
        gaps_until(r, &gap, w->hit.time_ns);
        go_trace_model_hit(r->model, &w->hit, &w->details);
    }
    gaps_until(r, &gap, until);
    if (gap)
        memmove(r->gaps.items, r->gaps.items + gap, (r->gaps.n - gap) * sizeof *r->gaps.items);
    r->gaps.n -= gap;
    for (; i < r->hits.n; i++) {
        struct waiting w = r->hits.items[i];
        for (size_t k = 0; k < w.hit.n_stack; k++)
            if (!vec_push(&kept, r->pcs.items[w.at + k]))
                r->failed = true;
        w.at = (uint32_t)(kept.n - (kept.n < w.hit.n_stack ? kept.n : w.hit.n_stack));
        r->hits.items[n++] = w;
    }
    r->hits.n = n;
    vec_release(&r->pcs);
    r->pcs.items = kept.items;
    r->pcs.n = kept.n;
    r->pcs.cap = kept.cap;
}

/* --- generations --- */

static void add_found(void *arg, const struct go_state *state)
{
    struct recording *r = arg;
    const struct go_trace_found found = {.goid = state->goid,
                                         .thread = state->thread,
                                         .p = state->p,
                                         .status = state->status,
                                         .stack =
                                             go_trace_stack(r->stacks, state->pcs, state->n_pcs)};
    if (!vec_push(&r->found, found))
        r->failed = true;
}

/* With all goroutines, as they are. */
static bool begin_anew(struct recording *r, struct err *err)
{
    uint64_t at = now_ns();
    vec_clear(&r->found);
    if (!go_states_read(r->program, STACKS_MAX, add_found, r, err))
        return false;
    r->found_at = now_ns();
    go_trace_model_begin(r->model, r->found.items, r->found.n, true, at);
    r->generation_at = at;
    r->is_open = true;
    return true;
}

static void end_generation(struct recording *r, uint64_t time_ns)
{
    struct timespec wall;
    struct trace_write_clock clock = {.time_ns = now_ns()};
    clock.mono_ns = clock.time_ns;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock.wall_s = (uint64_t)wall.tv_sec;
    clock.wall_ns = (uint64_t)wall.tv_nsec;
    gaps_open(r);
    go_trace_model_end(r->model, time_ns);
    trace_writer_end(r->writer, &clock);
    r->is_open = false;
}

static void next_generation(struct recording *r, uint64_t now)
{
    if (now - r->generation_at < GENERATION_NS && trace_writer_bytes(r->writer) < GENERATION_BYTES)
        return;
    end_generation(r, 0);
    go_trace_model_begin(r->model, NULL, 0, false, 0);
    r->generation_at = now;
    r->is_open = true;
}

/* --- the recording --- */

static bool is_over(struct recording *r, uint64_t end)
{
    const struct go_trace_request *request = r->request;
    return r->failed || go_trace_model_failed(r->model) || trace_writer_failed(r->writer) ||
           (end && now_ns() >= end) || (request->stop && request->stop(request->arg)) ||
           mem_is_gone(r->program->mem);
}

/* The probes come out until the second is over. */
static void pause_until(struct recording *r, uint64_t until, uint64_t end)
{
    uint64_t at = now_ns();
    look_away(r);
    process(r, UINT64_MAX);
    go_trace_model_gap(r->model, 0);
    end_generation(r, 0);
    while (now_ns() < until && !is_over(r, end)) {
        uint64_t left = until - now_ns();
        rest(left < ROUND_NS ? left : ROUND_NS);
    }
    r->result->gap_ns += now_ns() - at;
}

static bool watch(struct recording *r, struct err *err)
{
    const struct go_trace_request *request = r->request;
    uint64_t budget = request->hits_a_second ? request->hits_a_second : GO_TRACE_HITS_A_SECOND;
    if (!uprobes_on(r->probes, budget, err) || !begin_anew(r, err))
        return false;
    uint64_t start = now_ns(), second = start + NS_PER_S;
    uint64_t end = request->seconds > 0 ? start + (uint64_t)(request->seconds * 1e9) : 0;
    if (request->began)
        request->began(request->arg, request->seconds);
    while (!is_over(r, end)) {
        rest(ROUND_NS);
        uint64_t now = now_ns();
        if (uprobes_counts(r->probes).is_spent) {
            if (second < now + SHORT_NS)
                second += NS_PER_S;
            pause_until(r, second, end);
            if (is_over(r, end))
                break;
            if (!uprobes_on(r->probes, budget, err) || !begin_anew(r, err))
                return mem_is_gone(r->program->mem); /* what there is remains */
            second = now_ns() + NS_PER_S;
            continue;
        }
        process(r, now - LATE_NS);
        if (now >= second) {
            uprobes_grant(r->probes, budget);
            second = now + NS_PER_S;
        }
        next_generation(r, now);
    }
    r->result->duration_ns = now_ns() - start;
    look_away(r);
    return true;
}

static bool is_stopped(const struct proc *proc)
{
    char state = tasks_state(proc, proc->pid);
    return state == 'T' || state == 't';
}

/* Why there is less than was asked for. */
static void note_end(struct recording *r, struct diag *diag)
{
    const struct proc *proc = mem_process(r->program->mem);
    double seconds = (double)r->result->duration_ns / 1e9;
    if (mem_is_gone(r->program->mem))
        diag_add(diag, "%s %s after %.1f s: the trace is of what came before",
                 mem_name(r->program->mem),
                 proc_runs(proc) ? "has executed another program" : "has ended", seconds);
    else if (is_stopped(proc))
        diag_add(diag, "%s is stopped (SIGSTOP, or by a debugger): nothing happens in it",
                 mem_name(r->program->mem));
}

static void note(struct recording *r, struct diag *diag)
{
    struct uprobe_counts counts = uprobes_counts(r->probes);
    struct go_trace_counts model = go_trace_model_counts(r->model);
    note_end(r, diag);
    r->result->n_events = model.n_events;
    r->result->n_hits = counts.n_hits;
    if (r->result->gap_ns)
        diag_add(diag,
                 "%.1f of %.1f s are not recorded: there were more than %llu events a second "
                 "(--trace-rate)",
                 (double)r->result->gap_ns / 1e9, (double)r->result->duration_ns / 1e9,
                 (unsigned long long)(r->request->hits_a_second ? r->request->hits_a_second
                                                                : GO_TRACE_HITS_A_SECOND));
    if (r->n_gaps_out)
        diag_add(diag,
                 "%llu times off the processor are left out: there were more than %d a second",
                 (unsigned long long)r->n_gaps_out, OFF_A_SECOND);
    if (model.n_long_regions)
        diag_add(
            diag,
            "%llu regions of the program that were open when nothing was recorded may be longer "
            "in the trace than they were",
            (unsigned long long)model.n_long_regions);
    if (r->n_cut)
        diag_add(diag, "%llu names and messages have more than %d bytes, and are cut",
                 (unsigned long long)r->n_cut, UPROBE_TEXT_MAX);
    if (r->n_unread)
        diag_add(diag, "%llu names and messages could not be read, and are \"" UNREAD "\"",
                 (unsigned long long)r->n_unread);
    if (counts.n_lost)
        diag_add(diag, "%llu events were lost for want of room", (unsigned long long)counts.n_lost);
    if (model.n_repairs || model.n_dropped)
        diag_add(diag,
                 "%llu of %llu events are concluded from others, as they were not seen "
                 "themselves%s",
                 (unsigned long long)model.n_repairs, (unsigned long long)model.n_events,
                 model.n_dropped ? "; some fitted nowhere and were left out" : "");
}

static struct uprobes *make_probes(struct recording *r, const struct proc *proc, struct diag *diag,
                                   struct err *err)
{
    const uint16_t *at = r->program->layout.at;
    static const enum go_field needed[] = {GO_G_M,        GO_G_GOID,     GO_G_WAITREASON,
                                           GO_G_SCHED_PC, GO_G_SCHED_BP, GO_M_CURG,
                                           GO_M_P,        GO_M_PROCID,   GO_P_GCMARKWORKERMODE};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (at[needed[i]] == GO_NO_FIELD) {
            err_set(err, ERR_UNSUPPORTED, "%s: the scheduler of %s is laid out in another way",
                    mem_name(r->program->mem), r->program->version);
            return NULL;
        }
    const struct uprobe_offsets offsets = {.g_m = at[GO_G_M],
                                           .g_goid = at[GO_G_GOID],
                                           .g_wait_reason = at[GO_G_WAITREASON],
                                           .g_sched_pc = at[GO_G_SCHED_PC],
                                           .g_sched_bp = at[GO_G_SCHED_BP],
                                           .m_curg = at[GO_M_CURG],
                                           .m_p = at[GO_M_P],
                                           .m_procid = at[GO_M_PROCID],
                                           .p_mode = at[GO_P_GCMARKWORKERMODE]};
    /* userTaskCreate(id, parent, name), userRegion(task, mode, name), userLog(task, key, text) */
    static const struct {
        uint8_t n, first;
    } texts[GO_TRACE_N_POINTS] = {
        [GO_TRACE_TASK_BEGIN] = {1, 2}, [GO_TRACE_REGION] = {1, 2}, [GO_TRACE_LOG] = {2, 1}};
    struct go_trace_point points[GO_TRACE_N_POINTS];
    struct uprobe_place places[GO_TRACE_N_POINTS];
    size_t n;
    if (!go_trace_points_find(r->program, points, &n, diag, err))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        enum go_trace_point_kind kind = points[i].kind;
        bool is_p = kind == GO_TRACE_P_TAKEN || kind == GO_TRACE_P_IDLE;
        places[i] = (struct uprobe_place){
            .offset = points[i].offset,
            .kind = (uint8_t)kind,
            .in_frame = points[i].in_frame,
            .is_check = points[i].is_check,
            .is_status = kind == GO_TRACE_STATUS,
            .has_stack = kind == GO_TRACE_STATUS || kind == GO_TRACE_SYSCALL_BEGIN ||
                         kind == GO_TRACE_STOP_WORLD || kind >= GO_TRACE_TASK_BEGIN,
            .has_number = is_p,
            .subject = kind == GO_TRACE_STATUS ? UPROBE_FIRST : UPROBE_CURRENT,
            .n_texts = texts[kind].n,
            .first_text = texts[kind].first,
        };
    }
    return uprobes_new(proc->pid, mem_executable(r->program->mem), &offsets, places, n,
                       1u << GO_STATUS_IDLE | 1u << GO_STATUS_COPYSTACK,
                       1u << GO_STATUS_RUNNING | 1u << GO_STATUS_DEAD | 1u << GO_STATUS_DEADEXTRA,
                       err);
}

static bool record(struct recording *r, const struct proc *proc, struct buf *out, struct diag *diag,
                   struct err *err)
{
    struct err why = {0};
    r->probes = make_probes(r, proc, diag, err);
    if (!r->probes)
        return false;
    r->switches = bpf_gaps_new(proc, OFF_NS, &why);
    if (!r->switches)
        diag_add(diag, "when threads are off their processors is not in the trace: %s", why.msg);
    r->writer = trace_writer_new(out);
    if (!r->writer)
        return err_nomem(err);
    r->stacks = go_trace_stacks_new(r->program, r->writer, err);
    if (!r->stacks)
        return false;
    r->model = go_trace_model_new(r->program->minor, r->writer, r->stacks, err);
    if (!r->model || !watch(r, err))
        return false;
    if (r->is_open) {
        process(r, UINT64_MAX);
        end_generation(r, 0);
    }
    note(r, diag);
    return !(r->failed || go_trace_model_failed(r->model) || trace_writer_failed(r->writer)) ||
           err_nomem(err);
}

bool go_trace_record(const struct go_trace_request *request, struct buf *out,
                     struct go_trace_result *result, struct diag *diag, struct err *err)
{
    struct recording r = {.request = request, .result = result};
    struct proc proc;
    *result = (struct go_trace_result){0};
    map_init(&r.created);
    if (!proc_open(&proc, request->pid, err))
        return false;
    struct mem *mem = mem_of_process(&proc, false, err);
    bool ok = mem != NULL;
    if (ok && !go_program_is(mem))
        ok = err_set(err, ERR_UNSUPPORTED,
                     "%s is no Go program: for its trace it has to run under libsonde from the "
                     "start (sonde record -e trace -- COMMAND)",
                     mem_name(mem));
    r.program = ok ? go_program_open(mem, err) : NULL;
    ok = r.program && record(&r, &proc, out, diag, err);
    go_trace_model_free(r.model);
    go_trace_stacks_free(r.stacks);
    trace_writer_free(r.writer);
    uprobes_free(r.probes);
    bpf_gaps_free(r.switches);
    vec_release(&r.gaps);
    vec_release(&r.hits);
    vec_release(&r.pcs);
    vec_release(&r.found);
    map_release(&r.created);
    go_program_free(r.program);
    mem_free(mem);
    proc_release(&proc);
    return ok;
}

bool go_trace_has_handler(pid_t pid)
{
    struct proc proc;
    struct gopclntab_function f;
    bool found = false;
    if (!proc_open(&proc, pid, NULL))
        return false;
    struct mem *mem = mem_of_process(&proc, false, NULL);
    struct go_program *program = mem && go_program_is(mem) ? go_program_open(mem, NULL) : NULL;
    for (uint64_t i = 0; program && !found && gopclntab_function(program->table, i, &f); i++)
        found = strcmp(f.name, "net/http/pprof.Trace") == 0;
    go_program_free(program);
    mem_free(mem);
    proc_release(&proc);
    return found;
}
