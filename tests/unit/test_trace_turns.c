#include "unit.h"

#include "trace/trace_parsed.h"
#include "wire/gotrace_heap.h"
#include "wire/trace_merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNKS_MAX 256u
#define CPUS 2u
#define BEGIN_US 1000u

/* A process's memory, and what the kernel tells, as a test makes them; times in us. */
static struct memory {
    struct trace_raw_header header;
    _Alignas(64) struct trace_chunk chunks[CHUNKS_MAX];
} memory;
static struct trace_turn turns[65536];
static size_t n_turns;
static uint64_t n_unwoken; /* of the last trace */

static void reset(void)
{
    memset(&memory, 0, sizeof memory);
    memory.header = (struct trace_raw_header){.magic = TRACE_RAW_MAGIC,
                                              .version = TRACE_RAW_VERSION,
                                              .chunks_offset = offsetof(struct memory, chunks),
                                              .n_chunks = CHUNKS_MAX,
                                              .n_used = CHUNKS_MAX,
                                              .clock = TRACE_CLOCK_MONOTONIC};
    n_turns = 0;
}

static void add(int32_t tid, const struct trace_record *record)
{
    for (size_t i = 0; i < CHUNKS_MAX; i++) {
        struct trace_chunk *c = &memory.chunks[i];
        if (c->state && (c->tid != tid || c->n == TRACE_RAW_RECORDS))
            continue;
        c->state = TRACE_CHUNK_FULL;
        c->tid = tid;
        c->serial = i + 1;
        c->records[c->n++] = *record;
        return;
    }
    fail();
}

static void does(int32_t tid, uint64_t us, enum trace_raw_type type, unsigned reason)
{
    add(tid, &(struct trace_record){.time = us * 1000, .type = type, .reason = (uint8_t)reason});
}

static void is_let_go(int32_t tid, uint64_t us, int32_t by, uint64_t at_us)
{
    uint64_t on = 4096 + (uint64_t)tid;
    add(by, &(struct trace_record){
                .time = at_us * 1000, .type = TRACE_RAW_WAKE, .a = on, .b = TRACE_WAKES_LAST});
    add(tid, &(struct trace_record){.time = us * 1000, .type = TRACE_RAW_END, .a = on});
}

static void turn(int32_t tid, uint64_t us, uint32_t cpu_or_by, enum trace_turn_kind kind)
{
    turns[n_turns++] = (struct trace_turn){us * 1000, tid, cpu_or_by & 0xffff, (unsigned)kind & 3};
}

static void comes(int32_t tid, uint64_t us, uint32_t cpu)
{
    turn(tid, us, cpu, TRACE_TURN_COMES);
}

static void leaves(int32_t tid, uint64_t us, uint32_t cpu)
{
    turn(tid, us, cpu, TRACE_TURN_LEAVES);
}

static void is_preempted(int32_t tid, uint64_t us, uint32_t cpu)
{
    turn(tid, us, cpu, TRACE_TURN_IS_PREEMPTED);
}

static void is_woken(int32_t tid, uint64_t us, uint32_t by)
{
    turn(tid, us, by, TRACE_TURN_WAKES);
}

static bool write_bytes(void *arg, const void *bytes, size_t n)
{
    buf_add(arg, bytes, n);
    return !((struct buf *)arg)->failed;
}

static bool put_stacks(void *arg, struct trace_states *s)
{
    struct gotrace_bytes batch = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < s->n_stack_ids; i++)
        ok = gotrace_put_stack(&s->memory, &s->sink, &batch, s->generation, s->begin_ns,
                               s->stack_ids[i], NULL, 0);
    ok = ok && gotrace_put_stacks_end(&s->sink, &batch, s->generation, s->begin_ns);
    gotrace_release(&s->memory, &batch);
    return ok;
}

/* The whole trace, as text; what is no transition is left out, as are M, stacks and ns.  `repairs`:
 * how many there are. */
static char *merge_all(uint32_t n_cpus, bool has_wakes, uint64_t *repairs)
{
    struct trace_merge *merge = calloc(1, sizeof *merge);
    struct buf bytes = {0}, parsed = {0}, text = {0};
    merge->states.memory = gotrace_heap;
    merge->states.sink = (struct gotrace_sink){write_bytes, &bytes};
    merge->states.put_stacks = put_stacks;
    merge->states.arg = &bytes;
    merge->states.n_cpus = n_cpus;
    merge->states.has_wakes = has_wakes;
    assert_true(trace_merge_add(merge, &memory.header, sizeof memory));
    for (size_t i = 0; i < n_turns; i++)
        trace_merge_turn(merge, &turns[i]);
    trace_merge_step(merge, true);
    assert_false(merge->states.failed);
    *repairs = merge->states.n_repairs;
    n_unwoken = merge->states.n_unwoken;
    trace_merge_release(merge);
    free(merge);
    const char *keep = getenv("SONDE_KEEP_TRACE");
    FILE *file = keep ? fopen(keep, "w") : NULL;
    if (file) {
        fwrite(bytes.data, 1, bytes.len, file);
        fclose(file);
    }

    struct err err = {0};
    struct trace_reader *reader = trace_reader_open_memory(bytes.data, bytes.len, "made", &err);
    assert_non_null(reader);
    if (!trace_parsed(reader, &parsed, &err))
        fail_msg("%s", err.msg);
    trace_reader_free(reader);
    uint64_t first_ns = 0;
    for (char *line = strtok((char *)buf_str(&parsed), "\n"); line; line = strtok(NULL, "\n")) {
        int by = -1, id;
        unsigned long long ns;
        char what[16], rest[128] = "";
        const char *at = strstr(line, "StateTransition"), *of = strstr(line, " G=");
        if (!at || !of || sscanf(of, " G=%d", &by) != 1 ||
            sscanf(at, "StateTransition Time=%llu %15[A-Za-z]=%d %127[^\n]", &ns, what, &id,
                   rest) != 4)
            continue;
        if (!first_ns)
            first_ns = ns;
        char *reason = strstr(rest, " Reason=\"\"");
        if (reason)
            *reason = '\0';
        buf_printf(&text, "%llu %s%d %s by %d\n", BEGIN_US + (ns - first_ns + 500) / 1000,
                   what[0] == 'P' ? "P" : "G", id, rest, by);
    }
    buf_release(&bytes);
    buf_release(&parsed);
    char *copy = strdup(buf_str(&text));
    buf_release(&text);
    return copy;
}

static void gives_with(bool has_wakes, const char *expected, uint64_t expected_repairs)
{
    uint64_t repairs;
    char *text = merge_all(CPUS, has_wakes, &repairs);
    assert_string_equal(text, expected);
    assert_int_equal(repairs, expected_repairs);
    free(text);
}

static void gives(const char *expected, uint64_t expected_repairs)
{
    gives_with(false, expected, expected_repairs);
}

/* 7 is on processor 1, where 8 comes too: for them, processor 1 is all there is. */
static void two_begin(void)
{
    reset();
    comes(7, BEGIN_US - 10, 1);
    does(7, BEGIN_US, TRACE_RAW_BEGIN, 1);
    is_preempted(7, 1100, 1);
    comes(8, 1100, 1);
    does(8, 1101, TRACE_RAW_BEGIN, 1);
}

#define TWO_BEGUN                                                                                  \
    "1000 P1 Undetermined->Running by -1\n"                                                        \
    "1000 G1 Undetermined->Running by -1\n"                                                        \
    "1100 G1 Running->Runnable Reason=\"preempted\" by 1\n"                                        \
    "1100 P1 Running->Idle by -1\n"                                                                \
    "1101 G2 NotExist->Syscall by -1\n"                                                            \
    "1101 G2 Syscall->Runnable by 2\n"                                                             \
    "1101 P1 Idle->Running by -1\n"                                                                \
    "1101 G2 Runnable->Running by -1\n"

static void preempted_ones_are_runnable(void **state)
{
    two_begin();
    is_preempted(8, 1200, 1);
    comes(7, 1201, 1);
    is_preempted(7, 1300, 1);
    comes(8, 1302, 0); /* elsewhere */
    does(8, 1400, TRACE_RAW_EXIT, 0);
    leaves(8, 1401, 0);
    comes(7, 1402, 0);
    does(7, 1500, TRACE_RAW_EXIT, 0);
    gives(TWO_BEGUN "1200 G2 Running->Runnable Reason=\"preempted\" by 2\n"
                    "1200 P1 Running->Idle by -1\n"
                    "1201 P1 Idle->Running by -1\n"
                    "1201 G1 Runnable->Running by -1\n"
                    "1300 G1 Running->Runnable Reason=\"preempted\" by 1\n"
                    "1300 P1 Running->Idle by -1\n"
                    "1302 P0 Undetermined->Idle by -1\n"
                    "1302 P0 Idle->Running by -1\n"
                    "1302 G2 Runnable->Running by -1\n"
                    "1400 G2 Running->NotExist by 2\n"
                    "1400 P0 Running->Idle by -1\n"
                    "1402 P0 Idle->Running by -1\n"
                    "1402 G1 Runnable->Running by -1\n"
                    "1500 G1 Running->NotExist by 1\n"
                    "1500 P0 Running->Idle by -1\n",
          0);
}

/* It waits from when it leaves; it is ready when 7 lets it go, and runs when it comes. */
static void waits(void **state)
{
    two_begin();
    does(8, 1110, TRACE_RAW_BLOCK, TRACE_RAW_MUTEX);
    leaves(8, 1112, 1);
    comes(7, 1113, 1);
    is_preempted(7, 1290, 1);
    comes(8, 1291, 1);
    is_let_go(8, 1295, 7, 1200);
    gives(TWO_BEGUN "1112 G2 Running->Waiting Reason=\"sync mutex lock\" by 2\n"
                    "1112 P1 Running->Idle by -1\n"
                    "1113 P1 Idle->Running by -1\n"
                    "1113 G1 Runnable->Running by -1\n"
                    "1200 G2 Waiting->Runnable by 1\n"
                    "1290 G1 Running->Runnable Reason=\"preempted\" by 1\n"
                    "1290 P1 Running->Idle by -1\n"
                    "1291 P1 Idle->Running by -1\n"
                    "1291 G2 Runnable->Running by -1\n",
          0);
}

/* Nobody is known who let it go: it is ready when it comes; and it may have to wait again. */
static void waits_twice(void **state)
{
    two_begin();
    does(8, 1110, TRACE_RAW_BLOCK, TRACE_RAW_COND);
    leaves(8, 1112, 1);
    comes(8, 1200, 1);
    leaves(8, 1210, 1);
    comes(8, 1300, 1);
    is_preempted(8, 1310, 1); /* it is not yet where it knows that the wait is over */
    comes(8, 1320, 1);
    does(8, 1330, TRACE_RAW_END, 0);
    leaves(8, 1400, 1); /* for what it has not told */
    comes(8, 1410, 1);
    gives(TWO_BEGUN "1112 G2 Running->Waiting Reason=\"sync cond wait\" by 2\n"
                    "1112 P1 Running->Idle by -1\n"
                    "1200 G2 Waiting->Runnable by -1\n"
                    "1200 P1 Idle->Running by -1\n"
                    "1200 G2 Runnable->Running by -1\n"
                    "1210 G2 Running->Waiting Reason=\"sync cond wait\" by 2\n"
                    "1210 P1 Running->Idle by -1\n"
                    "1300 G2 Waiting->Runnable by -1\n"
                    "1300 P1 Idle->Running by -1\n"
                    "1300 G2 Runnable->Running by -1\n"
                    "1310 G2 Running->Runnable Reason=\"preempted\" by 2\n"
                    "1310 P1 Running->Idle by -1\n"
                    "1320 P1 Idle->Running by -1\n"
                    "1320 G2 Runnable->Running by -1\n"
                    "1400 G2 Running->Waiting Reason=\"wait\" by 2\n"
                    "1400 P1 Running->Idle by -1\n"
                    "1410 G2 Waiting->Runnable by -1\n"
                    "1410 P1 Idle->Running by -1\n"
                    "1410 G2 Runnable->Running by -1\n",
          0);
}

/* 7 lets 8 go on after 8 has said that it waits, and before it has left. */
static void is_let_go_early(void **state)
{
    two_begin();
    comes(7, 1102, 0);
    does(8, 1110, TRACE_RAW_BLOCK, TRACE_RAW_MUTEX);
    leaves(8, 1120, 1);
    comes(8, 1130, 1);
    is_let_go(8, 1140, 7, 1115);
    /* And here it never leaves. */
    does(8, 1210, TRACE_RAW_BLOCK, TRACE_RAW_MUTEX);
    is_let_go(8, 1240, 7, 1215);
    gives(TWO_BEGUN "1102 P0 Undetermined->Idle by -1\n"
                    "1102 P0 Idle->Running by -1\n"
                    "1102 G1 Runnable->Running by -1\n"
                    "1120 G2 Running->Waiting Reason=\"sync mutex lock\" by 2\n"
                    "1120 P1 Running->Idle by -1\n"
                    "1130 G2 Waiting->Runnable by 1\n"
                    "1130 P1 Idle->Running by -1\n"
                    "1130 G2 Runnable->Running by -1\n",
          0);
}

static void calls(void **state)
{
    two_begin();
    does(8, 1110, TRACE_RAW_CALL, 0);
    does(8, 1120, TRACE_RAW_RETURN, 0);
    does(8, 1130, TRACE_RAW_CALL, 0);
    leaves(8, 1135, 1);
    comes(7, 1136, 1);
    is_preempted(7, 1159, 1);
    comes(8, 1160, 1);
    leaves(8, 1165, 1); /* not yet */
    comes(8, 1170, 1);
    does(8, 1180, TRACE_RAW_RETURN, 0);
    does(8, 1190, TRACE_RAW_CALL, 0);
    is_preempted(8, 1195, 1); /* it has much to do there */
    comes(8, 1200, 1);
    does(8, 1210, TRACE_RAW_RETURN, 0);
    gives(TWO_BEGUN "1110 G2 Running->Syscall by 2\n"
                    "1120 G2 Syscall->Running by 2\n"
                    "1130 G2 Running->Syscall by 2\n"
                    "1135 P1 Running->Idle by 2\n"
                    "1136 P1 Idle->Running by -1\n"
                    "1136 G1 Runnable->Running by -1\n"
                    "1159 G1 Running->Runnable Reason=\"preempted\" by 1\n"
                    "1159 P1 Running->Idle by -1\n"
                    "1160 G2 Syscall->Runnable by 2\n"
                    "1160 P1 Idle->Running by -1\n"
                    "1160 G2 Runnable->Running by -1\n"
                    "1165 G2 Running->Syscall by 2\n"
                    "1165 P1 Running->Idle by 2\n"
                    "1170 G2 Syscall->Runnable by 2\n"
                    "1170 P1 Idle->Running by -1\n"
                    "1170 G2 Runnable->Running by -1\n"
                    "1190 G2 Running->Syscall by 2\n"
                    "1195 G2 Syscall->Running by 2\n"
                    "1195 G2 Running->Runnable Reason=\"preempted\" by 2\n"
                    "1195 P1 Running->Idle by -1\n"
                    "1200 P1 Idle->Running by -1\n"
                    "1200 G2 Runnable->Running by -1\n",
          0);
}

/* The clocks differ a little: what a thread does just before it comes is done when it comes. */
static void clocks_differ(void **state)
{
    two_begin();
    does(8, 1110, TRACE_RAW_BLOCK, TRACE_RAW_MUTEX);
    leaves(8, 1112, 1);
    comes(7, 1113, 1);
    is_let_go(8, 1285, 7, 1200);
    does(8, 1287, TRACE_RAW_CALL, 0);
    does(8, 1300, TRACE_RAW_RETURN, 0);
    is_preempted(7, 1290, 1);
    comes(8, 1291, 1);
    gives(TWO_BEGUN "1112 G2 Running->Waiting Reason=\"sync mutex lock\" by 2\n"
                    "1112 P1 Running->Idle by -1\n"
                    "1113 P1 Idle->Running by -1\n"
                    "1113 G1 Runnable->Running by -1\n"
                    "1200 G2 Waiting->Runnable by 1\n"
                    "1290 G1 Running->Runnable Reason=\"preempted\" by 1\n"
                    "1290 P1 Running->Idle by -1\n"
                    "1291 P1 Idle->Running by -1\n"
                    "1291 G2 Runnable->Running by -1\n"
                    "1291 G2 Running->Syscall by 2\n"
                    "1300 G2 Syscall->Running by 2\n",
          0);
}

/* What the kernel tells has gaps: each of them is put right, and counted. */
static void turns_are_lost(void **state)
{
    two_begin();
    comes(7, 1200, 1); /* 8 must have left */
    comes(7, 1300, 0); /* 7 as well */
    leaves(8, 1310, 1);
    leaves(8, 1320, 1);
    does(8, 1400, TRACE_RAW_CALL, 0); /* it must have come */
    does(8, 1410, TRACE_RAW_RETURN, 0);
    comes(8, 1500, 1);
    comes(8, 1510, 1);
    comes(9, 1520, 0); /* whoever it is */
    comes(7, 1530, CPUS);
    comes(-1, 1540, 0);
    gives(TWO_BEGUN "1200 G2 Running->Runnable Reason=\"preempted\" by 2\n"
                    "1200 P1 Running->Idle by -1\n"
                    "1200 P1 Idle->Running by -1\n"
                    "1200 G1 Runnable->Running by -1\n"
                    "1300 G1 Running->Runnable Reason=\"preempted\" by 1\n"
                    "1300 P1 Running->Idle by -1\n"
                    "1300 P0 Undetermined->Idle by -1\n"
                    "1300 P0 Idle->Running by -1\n"
                    "1300 G1 Runnable->Running by -1\n"
                    "1400 P2 Undetermined->Idle by -1\n"
                    "1400 P2 Idle->Running by -1\n"
                    "1400 G2 Runnable->Running by -1\n"
                    "1400 G2 Running->Syscall by 2\n"
                    "1410 G2 Syscall->Running by 2\n"
                    "1500 G2 Running->Runnable Reason=\"preempted\" by 2\n"
                    "1500 P2 Running->Idle by -1\n"
                    "1500 P1 Idle->Running by -1\n"
                    "1500 G2 Runnable->Running by -1\n",
          4);
}

/* It is ready from when it is woken: by a timer, by a thread that is in a call, by nobody who is
 * known; a call in which it waits is a wait. */
static void is_woken_by_the_kernel(void **state)
{
    two_begin();
    comes(7, 1102, 0);
    does(8, 1110, TRACE_RAW_BLOCK, TRACE_RAW_SLEEP);
    leaves(8, 1112, 1);
    is_woken(8, 1200, 0);
    comes(8, 1250, 1);
    does(8, 1251, TRACE_RAW_END, 0);
    does(8, 1260, TRACE_RAW_CALL, 0);
    leaves(8, 1265, 1);
    does(7, 1270, TRACE_RAW_CALL, 0);
    is_woken(8, 1275, 7);
    does(7, 1280, TRACE_RAW_RETURN, 0);
    is_woken(8, 1285, 7); /* once more: it changes nothing */
    comes(8, 1290, 1);
    leaves(8, 1295, 1); /* not yet */
    is_woken(8, 1300, 99);
    comes(8, 1310, 1);
    leaves(8, 1315, 1);
    comes(8, 1320, 1); /* nobody has told */
    does(8, 1330, TRACE_RAW_RETURN, 0);
    gives_with(true,
               TWO_BEGUN "1102 P0 Undetermined->Idle by -1\n"
                         "1102 P0 Idle->Running by -1\n"
                         "1102 G1 Runnable->Running by -1\n"
                         "1112 G2 Running->Waiting Reason=\"sleep\" by 2\n"
                         "1112 P1 Running->Idle by -1\n"
                         "1200 G2 Waiting->Runnable by -1\n"
                         "1250 P1 Idle->Running by -1\n"
                         "1250 G2 Runnable->Running by -1\n"
                         "1260 G2 Running->Syscall by 2\n"
                         "1265 G2 Syscall->Running by 2\n"
                         "1265 G2 Running->Waiting Reason=\"IO wait\" by 2\n"
                         "1265 P1 Running->Idle by -1\n"
                         "1270 G1 Running->Syscall by 1\n"
                         "1275 G2 Waiting->Runnable by 1\n"
                         "1280 G1 Syscall->Running by 1\n"
                         "1290 P1 Idle->Running by -1\n"
                         "1290 G2 Runnable->Running by -1\n"
                         "1295 G2 Running->Waiting Reason=\"IO wait\" by 2\n"
                         "1295 P1 Running->Idle by -1\n"
                         "1300 G2 Waiting->Runnable by -1\n"
                         "1310 P1 Idle->Running by -1\n"
                         "1310 G2 Runnable->Running by -1\n"
                         "1315 G2 Running->Waiting Reason=\"IO wait\" by 2\n"
                         "1315 P1 Running->Idle by -1\n"
                         "1320 G2 Waiting->Runnable by -1\n"
                         "1320 P1 Idle->Running by -1\n"
                         "1320 G2 Runnable->Running by -1\n",
               0);
    assert_int_equal(n_unwoken, 1);
}

/* A wake-up that comes while it is about to leave is the one, unless there is another one. */
static void is_woken_early(void **state)
{
    two_begin();
    comes(7, 1102, 0);
    does(8, 1110, TRACE_RAW_BLOCK, TRACE_RAW_SLEEP);
    is_woken(8, 1119, 7);
    leaves(8, 1120, 1);
    comes(8, 1130, 1);
    is_woken(8, 1139, 7); /* and waits again */
    leaves(8, 1140, 1);
    is_woken(8, 1170, 7);
    comes(8, 1180, 1);
    is_woken(8, 1190, 7); /* a while ago */
    leaves(8, 1290, 1);
    comes(8, 1300, 1);
    gives_with(true,
               TWO_BEGUN "1102 P0 Undetermined->Idle by -1\n"
                         "1102 P0 Idle->Running by -1\n"
                         "1102 G1 Runnable->Running by -1\n"
                         "1120 G2 Running->Waiting Reason=\"sleep\" by 2\n"
                         "1120 P1 Running->Idle by -1\n"
                         "1120 G2 Waiting->Runnable by 1\n"
                         "1130 P1 Idle->Running by -1\n"
                         "1130 G2 Runnable->Running by -1\n"
                         "1140 G2 Running->Waiting Reason=\"sleep\" by 2\n"
                         "1140 P1 Running->Idle by -1\n"
                         "1170 G2 Waiting->Runnable by 1\n"
                         "1180 P1 Idle->Running by -1\n"
                         "1180 G2 Runnable->Running by -1\n"
                         "1290 G2 Running->Waiting Reason=\"sleep\" by 2\n"
                         "1290 P1 Running->Idle by -1\n"
                         "1300 G2 Waiting->Runnable by -1\n"
                         "1300 P1 Idle->Running by -1\n"
                         "1300 G2 Runnable->Running by -1\n",
               0);
    assert_int_equal(n_unwoken, 1);
}

/* Both tell of it, first one and then the other. */
static void is_woken_and_let_go(void **state)
{
    two_begin();
    comes(7, 1102, 0);
    does(8, 1110, TRACE_RAW_BLOCK, TRACE_RAW_MUTEX);
    leaves(8, 1112, 1);
    is_woken(8, 1200, 7);
    comes(8, 1250, 1);
    is_let_go(8, 1251, 7, 1201);
    does(8, 1310, TRACE_RAW_BLOCK, TRACE_RAW_MUTEX);
    leaves(8, 1312, 1);
    is_woken(8, 1400, 7);
    comes(8, 1450, 1);
    is_let_go(8, 1451, 7, 1399);
    gives_with(true,
               TWO_BEGUN "1102 P0 Undetermined->Idle by -1\n"
                         "1102 P0 Idle->Running by -1\n"
                         "1102 G1 Runnable->Running by -1\n"
                         "1112 G2 Running->Waiting Reason=\"sync mutex lock\" by 2\n"
                         "1112 P1 Running->Idle by -1\n"
                         "1200 G2 Waiting->Runnable by 1\n"
                         "1250 P1 Idle->Running by -1\n"
                         "1250 G2 Runnable->Running by -1\n"
                         "1312 G2 Running->Waiting Reason=\"sync mutex lock\" by 2\n"
                         "1312 P1 Running->Idle by -1\n"
                         "1399 G2 Waiting->Runnable by 1\n"
                         "1450 P1 Idle->Running by -1\n"
                         "1450 G2 Runnable->Running by -1\n",
               0);
    assert_int_equal(n_unwoken, 0);
}

/* Whatever is told, the reader takes the trace. */
static void anything_gives_a_trace(void **state)
{
    uint64_t x = 88172645463325252u, repairs;
    for (int round = 0; round < BY_CHANCE(20); round++) {
        reset();
        uint64_t us = BEGIN_US;
        for (int i = 0; i < 20000; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            int32_t tid = 1 + (int32_t)(x >> 8 & 7);
            us += (x >> 16 & 3) * (round % 2 ? 1 : 150); /* of one generation, or of some */
            if (x & 1) {
                turn(tid, us, x >> 20 & 3, x >> 24 & 3);
            } else if (memory.chunks[CHUNKS_MAX - 1].state == TRACE_CHUNK_FREE) {
                static const uint8_t types[] = {TRACE_RAW_BEGIN,  TRACE_RAW_EXIT,  TRACE_RAW_CREATE,
                                                TRACE_RAW_BLOCK,  TRACE_RAW_END,   TRACE_RAW_CALL,
                                                TRACE_RAW_RETURN, TRACE_RAW_SAMPLE};
                add(tid, &(struct trace_record){.time = us * 1000,
                                                .type = types[x >> 30 & 7],
                                                .reason = x >> 33 & 1,
                                                .a = (us - (x >> 36 & 15)) * 1000,
                                                .b = x >> 40 & 15});
            }
        }
        static struct memory noted; /* a merge takes it out */
        noted = memory;
        for (int has_wakes = 0; has_wakes < 2; has_wakes++) {
            free(merge_all(CPUS, has_wakes, &repairs));
            assert_in_range(repairs, 100, 20000);
            memory = noted;
        }
        free(merge_all(0, false, &repairs));
        assert_int_equal(repairs, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preempted_ones_are_runnable),
        cmocka_unit_test(waits),
        cmocka_unit_test(waits_twice),
        cmocka_unit_test(is_let_go_early),
        cmocka_unit_test(calls),
        cmocka_unit_test(clocks_differ),
        cmocka_unit_test(turns_are_lost),
        cmocka_unit_test(is_woken_by_the_kernel),
        cmocka_unit_test(is_woken_early),
        cmocka_unit_test(is_woken_and_let_go),
        cmocka_unit_test(anything_gives_a_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
