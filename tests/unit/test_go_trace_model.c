/* A scheduler as it was seen, and traces of what makes no sense: all of them are accepted by the
 * rules of Go's parser (trace_reader). */
#include "unit.h"

#include "collect/go_trace_model.h"
#include "go/go_goroutines.h"
#include "go/go_trace_points.h"
#include "trace/trace_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- in place of a program's functions --- */

struct go_trace_stacks {
    int unused;
};

enum { PARK = 1, NO_P, GC_BEGIN, GC_FINISH, ASSIST };

uint32_t go_trace_stack(struct go_trace_stacks *s, const uint64_t *pcs, size_t n)
{
    (void)s, (void)pcs, (void)n;
    return 0;
}

uint32_t go_trace_start(struct go_trace_stacks *s, uint64_t start)
{
    (void)s, (void)start;
    return 0;
}

enum go_trace_caller go_trace_caller_of(struct go_trace_stacks *s, uint64_t caller)
{
    (void)s;
    return caller == PARK        ? GO_TRACE_PARK
           : caller == NO_P      ? GO_TRACE_NO_P
           : caller == GC_BEGIN  ? GO_TRACE_GC_BEGIN
           : caller == GC_FINISH ? GO_TRACE_GC_FINISH
           : caller == ASSIST    ? GO_TRACE_ASSIST
                                 : GO_TRACE_OTHER;
}

/* Each frame is a region's. */
size_t go_trace_regions_on(struct go_trace_stacks *s, const uint64_t *pcs, size_t n)
{
    (void)s, (void)pcs;
    return n;
}

bool go_trace_is_gosched(struct go_trace_stacks *s, const uint64_t *pcs, size_t n)
{
    (void)s, (void)pcs, (void)n;
    return false;
}

/* --- --- */

#define MINOR 27
static const struct trace_write_clock snapshot = {1, 1, 1, 1};

struct made {
    struct buf out;
    struct go_trace_stacks stacks;
    struct trace_writer *writer;
    struct go_trace_model *model;
    uint64_t time;
};

static void make(struct made *m)
{
    *m = (struct made){.time = 1000};
    m->writer = trace_writer_new(&m->out);
    m->model = go_trace_model_new(MINOR, m->writer, &m->stacks, NULL);
    assert_non_null(m->model);
}

static void end(struct made *m)
{
    go_trace_model_end(m->model, 0);
    trace_writer_end(m->writer, &snapshot);
}

static void release(struct made *m)
{
    go_trace_model_free(m->model);
    trace_writer_free(m->writer);
    buf_release(&m->out);
}

static void hit_with(struct made *m, struct uprobe_hit hit, const char *first, const char *second)
{
    m->time += 100;
    hit.time_ns = m->time;
    go_trace_model_hit(m->model, &hit,
                       &(struct go_trace_details){
                           .texts = {trace_writer_string(m->writer, first, strlen(first)),
                                     trace_writer_string(m->writer, second, strlen(second))}});
}

static void hit(struct made *m, struct uprobe_hit of)
{
    hit_with(m, of, "", "");
}

/* Reads the whole trace, and hands over each event. */
static void read_trace(struct made *m,
                       void (*each)(void *arg, const struct trace *trace,
                                    const struct trace_event *event),
                       void *arg)
{
    struct err err = {0};
    const struct trace_event *events;
    size_t n = 1;
    assert_false(m->out.failed || go_trace_model_failed(m->model));
    struct trace_reader *reader = trace_reader_open_memory(m->out.data, m->out.len, "made", &err);
    assert_non_null(reader);
    while (n) {
        if (!trace_reader_next(reader, &events, &n, &err))
            fail_msg("%s", err.msg);
        for (size_t i = 0; i < n && each; i++)
            each(arg, trace_reader_trace(reader), &events[i]);
    }
    trace_reader_free(reader);
}

/* Changes of goroutines' states. */
static void add_change(void *arg, const struct trace *trace, const struct trace_event *event)
{
    struct trace_transition change;
    if (trace_event_transition(event, &change) && change.scope == TRACE_SCOPE_GOROUTINE)
        buf_printf(arg, "%lld on %lld: %s->%s %s\n", (long long)change.id, (long long)event->m,
                   trace_go_state_name(change.from), trace_go_state_name(change.to),
                   trace_string(trace, change.reason, NULL));
}

/* Goroutine 1 waits for a channel, 2 wakes it, goes into the kernel, and loses its processor there;
 * 1 begins goroutine 3, which ends. */
static void a_schedule_is_told_as_it_was(void **state)
{
    (void)state;
    struct made m;
    AUTO_BUF text = {0};
    uint8_t chan_receive = 0;
    const struct go_trace_found found[] = {
        {.goid = 1, .thread = 10, .p = 0, .status = GO_STATUS_RUNNING},
        {.goid = 2, .p = UPROBE_NO_NUMBER, .status = GO_STATUS_RUNNABLE},
        {.goid = 7, .p = UPROBE_NO_NUMBER, .status = GO_STATUS_WAITING}};
    while (strcmp(go_wait_reason(MINOR, chan_receive), "chan receive") != 0)
        assert_true(++chan_receive < 255);
    make(&m);
    go_trace_model_begin(m.model, found, 3, true, m.time);
    hit(&m, (struct uprobe_hit){.kind = GO_TRACE_STATUS,
                                .from = 2,
                                .to = 4,
                                .caller = PARK,
                                .wait_reason = chan_receive,
                                .thread = 10,
                                .p = 0,
                                .goid = 1,
                                .current_goid = 1});
    hit(&m, (struct uprobe_hit){
                .kind = GO_TRACE_STATUS, .from = 1, .to = 2, .thread = 10, .p = 0, .goid = 2});
    hit(&m, (struct uprobe_hit){.kind = GO_TRACE_STATUS,
                                .from = 4,
                                .to = 1,
                                .thread = 10,
                                .p = 0,
                                .goid = 1,
                                .current_goid = 2});
    hit(&m,
        (struct uprobe_hit){
            .kind = GO_TRACE_SYSCALL_BEGIN, .thread = 10, .p = 0, .goid = 2, .current_goid = 2});
    hit(&m, (struct uprobe_hit){
                .kind = GO_TRACE_P_TAKEN, .thread = 11, .p = UPROBE_NO_NUMBER, .arg = 0});
    hit(&m, (struct uprobe_hit){
                .kind = GO_TRACE_STATUS, .from = 1, .to = 2, .thread = 11, .p = 0, .goid = 1});
    hit(&m, (struct uprobe_hit){.kind = GO_TRACE_SYSCALL_END,
                                .thread = 10,
                                .p = UPROBE_NO_NUMBER,
                                .goid = 2,
                                .current_goid = 2});
    hit(&m, (struct uprobe_hit){
                .kind = GO_TRACE_P_TAKEN, .thread = 10, .p = UPROBE_NO_NUMBER, .arg = 1});
    hit(&m, (struct uprobe_hit){.kind = GO_TRACE_STATUS,
                                .from = 6,
                                .to = 1,
                                .thread = 11,
                                .p = 0,
                                .goid = 3,
                                .current_goid = 1});
    hit(&m, (struct uprobe_hit){.kind = GO_TRACE_STATUS,
                                .from = 2,
                                .to = 1,
                                .thread = 10,
                                .p = 1,
                                .goid = 2,
                                .current_goid = 2});
    hit(&m, (struct uprobe_hit){
                .kind = GO_TRACE_STATUS, .from = 1, .to = 2, .thread = 10, .p = 1, .goid = 3});
    hit(&m, (struct uprobe_hit){.kind = GO_TRACE_STATUS,
                                .from = 2,
                                .to = 6,
                                .thread = 10,
                                .p = 1,
                                .goid = 3,
                                .current_goid = 3});
    end(&m);
    assert_int_equal(go_trace_model_counts(m.model).n_repairs, 0);
    assert_int_equal(go_trace_model_counts(m.model).n_dropped, 0);
    read_trace(&m, add_change, &text);
    assert_string_equal(buf_str(&text), "1 on 10: Undetermined->Running \n"
                                        "1 on 10: Running->Waiting chan receive\n"
                                        "2 on -1: Undetermined->Runnable \n"
                                        "2 on 10: Runnable->Running \n"
                                        "1 on 10: Waiting->Runnable \n"
                                        "2 on 10: Running->Syscall \n"
                                        "1 on 11: Runnable->Running \n"
                                        "2 on 10: Syscall->Runnable \n"
                                        "2 on 10: Runnable->Running \n"
                                        "3 on 11: NotExist->Runnable \n"
                                        "2 on 10: Running->Runnable preempted\n"
                                        "3 on 10: Runnable->Running \n"
                                        "3 on 10: Running->NotExist \n"
                                        "7 on -1: Undetermined->Waiting \n");
    release(&m);
}

/* What was lost is concluded: it ran on another thread all of a sudden. */
static void lost_hits_are_repaired(void **state)
{
    (void)state;
    struct made m;
    AUTO_BUF text = {0};
    make(&m);
    go_trace_model_begin(m.model, NULL, 0, true, m.time);
    hit(&m, (struct uprobe_hit){
                .kind = GO_TRACE_STATUS, .from = 1, .to = 2, .thread = 10, .p = 0, .goid = 1});
    hit(&m, (struct uprobe_hit){.kind = GO_TRACE_STATUS,
                                .from = 2,
                                .to = 4,
                                .caller = PARK,
                                .thread = 11,
                                .p = 1,
                                .goid = 1,
                                .current_goid = 1});
    end(&m);
    assert_true(go_trace_model_counts(m.model).n_repairs > 0);
    read_trace(&m, add_change, &text);
    assert_string_equal(buf_str(&text), "1 on -1: Undetermined->Runnable \n"
                                        "1 on 10: Runnable->Running \n"
                                        "1 on 10: Running->Runnable preempted\n"
                                        "1 on 11: Runnable->Running \n"
                                        "1 on 11: Running->Waiting unspecified\n");
    release(&m);
}

static void add_span(void *arg, const struct trace *trace, const struct trace_event *event)
{
    struct trace_region region;
    const char *name =
        trace_event_region(event, &region) ? trace_string(trace, region.name, NULL) : "";
    if (event->type >= GOTRACE_GC_MARK_ASSIST_BEGIN && event->type <= GOTRACE_USER_REGION_END)
        buf_printf(arg, "%lld at %lld: %s %s\n", (long long)event->g, (long long)event->time_ns,
                   gotrace_specs[event->type].name, name);
}

/* The thread of a goroutine that nothing was known of but where it runs is off its processor three
 * times: over the end of a generation, within the next one, and while it works for the collector.
 * What is told of a thread where none runs is nothing. */
static void threads_are_off_their_processors(void **state)
{
    (void)state;
    struct made m;
    AUTO_BUF text = {0};
    const struct go_trace_found found[] = {
        {.goid = 1, .thread = 10, .p = 0, .status = GO_STATUS_RUNNING},
        {.goid = 2, .p = UPROBE_NO_NUMBER, .status = GO_STATUS_WAITING}};
    make(&m);
    go_trace_model_begin(m.model, found, 2, true, 1000);
    go_trace_model_off(m.model, &(struct bpf_gap){2000, 0, 10, true});
    go_trace_model_off(m.model, &(struct bpf_gap){2000, 2500, 11, true});
    end(&m);
    go_trace_model_begin(m.model, NULL, 0, false, 3000);
    go_trace_model_off(m.model, &(struct bpf_gap){2000, 4000, 10, true});
    go_trace_model_off(m.model, &(struct bpf_gap){5000, 6000, 10, false});
    m.time = 6900;
    hit(&m, (struct uprobe_hit){.kind = GO_TRACE_STATUS,
                                .from = 2,
                                .to = 4,
                                .caller = ASSIST,
                                .thread = 10,
                                .p = 0,
                                .goid = 1,
                                .current_goid = 1});
    go_trace_model_off(m.model, &(struct bpf_gap){8000, 9000, 10, true});
    m.time = 9900;
    hit(&m, (struct uprobe_hit){.kind = GO_TRACE_STATUS,
                                .from = 4,
                                .to = 2,
                                .caller = ASSIST,
                                .thread = 10,
                                .p = 0,
                                .goid = 1,
                                .current_goid = 1});
    end(&m);
    assert_int_equal(go_trace_model_counts(m.model).n_repairs, 0);
    read_trace(&m, add_span, &text);
    assert_string_equal(buf_str(&text),
                        "1 at 2002: UserRegionBegin off the processor: preempted\n"
                        "1 at 4002: UserRegionEnd off the processor: preempted\n"
                        "1 at 5000: UserRegionBegin off the processor: waits in the kernel\n"
                        "1 at 6000: UserRegionEnd off the processor: waits in the kernel\n"
                        "1 at 7000: GCMarkAssistBegin \n"
                        "1 at 8000: UserRegionBegin off the processor: preempted\n"
                        "1 at 9000: UserRegionEnd off the processor: preempted\n"
                        "1 at 10000: GCMarkAssistEnd \n");
    release(&m);
}

static void add_mark(void *arg, const struct trace *trace, const struct trace_event *event)
{
    struct trace_task task;
    struct trace_region region;
    struct trace_log log;
    const char *what = event->type == TRACE_SYNC ? "Sync" : gotrace_specs[event->type].name;
    if (trace_event_task(event, &task))
        buf_printf(arg, "%lld: %s %lld of %lld %s\n", (long long)event->g, what,
                   (long long)task.id, (long long)task.parent,
                   trace_string(trace, task.name, NULL));
    else if (trace_event_region(event, &region))
        buf_printf(arg, "%lld: %s %s of %lld\n", (long long)event->g, what,
                   trace_string(trace, region.name, NULL), (long long)region.task);
    else if (trace_event_log(event, &log))
        buf_printf(arg, "%lld: %s %s: %s\n", (long long)event->g, what,
                   trace_string(trace, log.category, NULL), trace_string(trace, log.message, NULL));
}

static void region(struct made *m, const char *name, bool is_end, uint64_t task, size_t depth)
{
    static const uint64_t stack[4] = {0};
    hit_with(m,
             (struct uprobe_hit){.kind = GO_TRACE_REGION,
                                 .thread = 10,
                                 .p = 0,
                                 .current_goid = 1,
                                 .arg = task,
                                 .second = is_end,
                                 .stack = stack,
                                 .n_stack = depth},
             name, "");
}

static void gap(struct made *m, const struct go_trace_found *found)
{
    go_trace_model_gap(m->model, 0);
    end(m);
    m->time += 5000;
    go_trace_model_begin(m->model, found, 1, true, m->time);
}

/* A region ends that was begun before the trace; a task with regions and a log.  Then twice nobody
 * looks: what ended meanwhile is ended when that is seen, and what begins then is within what goes
 * on. */
static void what_the_program_marks_is_told(void **state)
{
    (void)state;
    struct made m;
    AUTO_BUF text = {0};
    const struct go_trace_found found = {
        .goid = 1, .thread = 10, .p = 0, .status = GO_STATUS_RUNNING};
    struct uprobe_hit task = {.kind = GO_TRACE_TASK_BEGIN,
                              .thread = 10,
                              .p = 0,
                              .current_goid = 1,
                              .arg = 7,
                              .second = 5};
    make(&m);
    go_trace_model_begin(m.model, &found, 1, true, m.time);
    region(&m, "before", true, 0, 1);
    hit_with(&m, task, "request", "");
    hit_with(&m, task, "again", "");
    region(&m, "a", false, 7, 1);
    go_trace_model_off(m.model, &(struct bpf_gap){m.time + 20, m.time + 50, 10, true});
    region(&m, "b", false, 7, 2);
    task.kind = GO_TRACE_LOG;
    hit_with(&m, task, "key", "value");
    gap(&m, &found);
    region(&m, "c", false, 7, 2); /* b has ended, a goes on */
    region(&m, "c", true, 7, 2);
    region(&m, "a", true, 7, 1);
    region(&m, "d", false, 8, 1);
    gap(&m, &found);
    region(&m, "d", true, 9, 1); /* another one than that of task 8 */
    region(&m, "e", false, 0, 1);
    task.kind = GO_TRACE_TASK_END;
    hit(&m, task);
    gap(&m, &found);
    region(&m, "e", true, 0, 1); /* perhaps another one */
    end(&m);
    assert_int_equal(go_trace_model_counts(m.model).n_long_regions, 3);
    assert_int_equal(go_trace_model_counts(m.model).n_dropped, 1);
    read_trace(&m, add_mark, &text);
    assert_string_equal(buf_str(&text), "1: UserRegionEnd before of 0\n"
                                        "1: UserTaskBegin 7 of 5 request\n"
                                        "1: UserRegionBegin a of 7\n"
                                        "1: UserRegionBegin off the processor: preempted of 0\n"
                                        "1: UserRegionEnd off the processor: preempted of 0\n"
                                        "1: UserRegionBegin b of 7\n"
                                        "1: UserLog key: value\n"
                                        "1: UserRegionEnd b of 7\n"
                                        "1: UserRegionBegin c of 7\n"
                                        "1: UserRegionEnd c of 7\n"
                                        "1: UserRegionEnd a of 7\n"
                                        "1: UserRegionBegin d of 8\n"
                                        "1: UserRegionEnd d of 8\n"
                                        "1: UserRegionBegin e of 0\n"
                                        "1: UserTaskEnd 7 of 5 request\n"
                                        "1: UserRegionEnd e of 0\n");
    release(&m);
}

/* --- whatever comes --- */

static uint64_t seed;
static uint32_t any(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static size_t find_any(struct go_trace_found found[16])
{
    static const unsigned statuses[] = {1, 2, 3, 4, 4, 4, 9, 6};
    size_t n = 0;
    for (uint64_t goid = 1; goid <= 8; goid++)
        if (any(4))
            found[n++] = (struct go_trace_found){.goid = goid,
                                                 .thread = any(2) ? 10 + any(4) : 0,
                                                 .p = any(3) ? any(3) : UPROBE_NO_NUMBER,
                                                 .status = statuses[any(8)]};
    return n;
}

static struct uprobe_hit any_hit(void)
{
    static const uint8_t statuses[] = {1, 2, 2, 3, 4, 4, 6, 11};
    static const uint64_t stack[4] = {0};
    struct uprobe_hit h = {.kind = (uint8_t)(any(3) ? GO_TRACE_STATUS : any(GO_TRACE_N_POINTS)),
                           .from = statuses[any(8)],
                           .to = statuses[any(8)],
                           .wait_reason = (uint8_t)any(256),
                           .mode = (uint8_t)any(6),
                           .p = any(5) ? any(3) : UPROBE_NO_NUMBER,
                           .goid = any(9),
                           .thread = any(20) ? 10 + any(4) : 0,
                           .current_goid = any(9),
                           .caller = any(6),
                           .arg = any(4),
                           .second = any(2),
                           .stack = stack,
                           .n_stack = any(5)};
    if (any(2))
        h.current_goid = h.goid;
    return h;
}

static void whatever_comes_is_a_trace(void **state)
{
    (void)state;
    for (uint64_t run = 0; run < 3000; run++) {
        struct go_trace_found found[16];
        struct made m;
        seed = run + 1;
        make(&m);
        go_trace_model_begin(m.model, found, find_any(found), true, m.time);
        for (uint32_t i = 0, n = 20 + any(200); i < n; i++) {
            hit_with(&m, any_hit(), any(2) ? "a" : "b", "c");
            if (!any(4)) {
                const struct bpf_gap gap = {.from_ns = m.time - any(1000),
                                            .to_ns = any(3) ? m.time : 0,
                                            .thread = 10 + any(5),
                                            .is_ready = any(2)};
                go_trace_model_off(m.model, &gap);
            }
            if (any(40))
                continue;
            bool is_gap = any(2);
            if (is_gap)
                go_trace_model_gap(m.model, 0);
            end(&m);
            if (is_gap)
                m.time += 5000;
            go_trace_model_begin(m.model, found, is_gap ? find_any(found) : 0, is_gap, m.time);
        }
        end(&m);
        read_trace(&m, NULL, NULL);
        const char *folder = getenv("SONDE_TRACES_TO"); /* for Go's own parser */
        if (folder && run % 10 == 0) {
            char path[512];
            snprintf(path, sizeof path, "%s/%u.trace", folder, (unsigned)run);
            FILE *file = fopen(path, "w");
            assert_non_null(file);
            fwrite(m.out.data, 1, m.out.len, file);
            fclose(file);
        }
        release(&m);
    }
}

/* --- places for probes --- */

static void probes_go_where_the_kernel_emulates(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        size_t n;
        uint64_t at; /* 99: nowhere */
        bool in_frame, is_check;
    } cases[] = {
        {"\x55\x48\x89\xe5", 4, 0, false, false},                          /* push */
        {"\x49\x3b\x66\x10\x76\x20\x55\x48\x89\xe5", 10, 6, false, false}, /* check, push */
        {"\x4c\x8d\x64\x24\xf0\x4d\x3b\x66\x10\x0f\x86\1\2\0\0\x55", 16, 15, false, false},
        /* Go 1.19: a check, then a frame without a push */
        {"\x49\x3b\x66\x10\x0f\x86\1\2\0\0\x48\x83\xec\x20\x48\x89\x6c\x24\x18\x48\x8d\x6c\x24\x18",
         24, 4, false, true},
        /* Go 1.19's casgstatus: no check; the jump after the frame */
        {"\x48\x83\xec\x40\x48\x89\x6c\x24\x38\x48\x8d\x6c\x24\x38\x48\x89\x44\x24\x48\x89\x5c\x24"
         "\x50\x89\x4c\x24\x54\x0f\xba\xe3\x0c\x0f\x82\1\2\0\0",
         37, 31, true, false},
        {"\xcc\x55", 2, 99, false, false},         /* somebody else's breakpoint */
        {"\x48\x89\xd8\x55", 4, 99, false, false}, /* mov %rbx,%rax: nothing that is known */
        {"\x49\x3b\x66", 3, 99, false, false},     /* cut off */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct go_trace_point place;
        struct str code = {cases[i].code, cases[i].n};
        bool found = go_trace_place(code, &place);
        assert_int_equal(found ? place.offset : 99, cases[i].at);
        if (found) {
            assert_int_equal(place.in_frame, cases[i].in_frame);
            assert_int_equal(place.is_check, cases[i].is_check);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schedule_is_told_as_it_was),
        cmocka_unit_test(lost_hits_are_repaired),
        cmocka_unit_test(threads_are_off_their_processors),
        cmocka_unit_test(what_the_program_marks_is_told),
        cmocka_unit_test(whatever_comes_is_a_trace),
        cmocka_unit_test(probes_go_where_the_kernel_emulates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
