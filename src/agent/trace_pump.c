#include "agent/trace_pump.h"

#include "agent/lock.h"
#include "agent/own.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/symbols.h"
#include "agent/timers.h"
#include "agent/trace.h"
#include "agent/trace_crash.h"
#include "wire/thread_start.h"
#include "wire/trace_merge.h"

#include <errno.h>

#define STEP_NS 20000000

enum pump_state { PUMP_OFF, PUMP_RUNS, PUMP_ENDS, PUMP_OVER };

/* A trace while it is made. */
struct making {
    struct trace_merge merge;
    struct out *out;
    const struct store *store; /* whose rows are the stacks */
    struct symbols *symbols;
    struct gotrace_bytes batch; /* of stacks */
};

static struct lock lock;
static uint32_t state; /* enum pump_state; atomic, and a futex */
static struct out pump_out;
static int pump_error;
static bool flies;
static uint64_t flight_ns;

static void *grow(void *old, size_t n_old, size_t n_new)
{
    /* Pages, so that it can be made longer in place. */
    n_old = (n_old + 4095) & ~(size_t)4095;
    n_new = (n_new + 4095) & ~(size_t)4095;
    if (old && n_new <= n_old)
        return old;
    return out_grow(old, n_old, n_new);
}

static void release(void *p, size_t n)
{
    raw_unmap(p, (n + 4095) & ~(size_t)4095);
}

static bool write_out(void *arg, const void *bytes, size_t n)
{
    struct out *out = arg;
    out_put(out, bytes, n);
    return !out->error;
}

/* The name of the function at a frame, and the file it lies in, as texts of the generation. */
static bool describe(struct making *m, uint64_t frame, struct gotrace_frame *to, bool *is_start)
{
    struct trace_states *s = &m->merge.states;
    uint64_t offset;
    const char *name = m->symbols ? symbols_name(m->symbols, frame, &offset) : NULL,
               *file = symbols_file(frame, "");
    char address[24];
    if (name) {
        name = symbols_readable(m->symbols, name);
    } else {
        size_t at = sizeof address;
        uint64_t v = symbols_address(frame);
        address[--at] = '\0';
        do
            address[--at] = "0123456789abcdef"[v & 15];
        while (v >>= 4);
        address[--at] = 'x';
        address[--at] = '0';
        name = address + at;
    }
    *is_start = thread_start_is(name, file);
    to->pc = symbols_address(frame);
    to->function = gotrace_text(&s->memory, &s->texts, name, strlen(name));
    to->file = gotrace_text(&s->memory, &s->texts, file, strlen(file));
    to->line = 0;
    return to->function && to->file;
}

/* Whose trace it is: a text that nothing refers to. */
static bool put_program(struct making *m)
{
    struct trace_states *s = &m->merge.states;
    const char *name = m->store->header->comm;
    char text[sizeof GOTRACE_TEXT_PROGRAM + sizeof m->store->header->comm] = GOTRACE_TEXT_PROGRAM;
    size_t n = sizeof GOTRACE_TEXT_PROGRAM - 1;
    for (size_t i = 0; i < sizeof m->store->header->comm && name[i] >= ' '; i++)
        text[n++] = name[i];
    return gotrace_text(&s->memory, &s->texts, text, n) != 0;
}

/* The frames of a row, but for those below the program's own functions; they stay where nothing
 * else is there. */
static bool describe_row(struct making *m, uint32_t offset,
                         struct gotrace_frame frames[GOTRACE_FRAMES_MAX], size_t *n, bool *is_own)
{
    const struct wire_stack *row = (const void *)((const char *)m->store->header + 8ull * offset);
    size_t n_own = 0;
    bool ok = true, is_start;
    *n = row->n_frames < GOTRACE_FRAMES_MAX ? row->n_frames : GOTRACE_FRAMES_MAX;
    for (size_t i = 0; ok && i < *n; i++) {
        ok = describe(m, row->frames[i], &frames[i], &is_start);
        n_own = is_start ? n_own : i + 1;
    }
    *is_own = n_own > 0;
    *n = n_own ? n_own : *n;
    return ok;
}

static bool put_stacks(void *arg, struct trace_states *s)
{
    struct making *m = arg;
    struct gotrace_frame frames[GOTRACE_FRAMES_MAX];
    bool ok = put_program(m);
    for (size_t i = 0; ok && i < s->n_stack_ids; i++) {
        uint32_t number = s->stack_ids[i];
        const struct trace_stack_key *key = &m->merge.stacks[number - 1];
        size_t n;
        bool is_own;
        ok = describe_row(m, key->row, frames, &n, &is_own);
        if (ok && key->first && !is_own) {
            size_t n_first;
            ok = describe_row(m, key->first, frames, &n_first, &is_own);
            if (ok && is_own) {
                frames[0] = frames[n_first - 1];
                n = 1;
            } else {
                ok = ok && describe_row(m, key->row, frames, &n, &is_own);
            }
        }
        ok = ok && gotrace_put_stack(&s->memory, &s->sink, &m->batch, s->generation, s->begin_ns,
                                     number, frames, n);
    }
    return ok && gotrace_put_stacks_end(&s->sink, &m->batch, s->generation, s->begin_ns);
}

static bool begin_making(struct making *m, struct out *out)
{
    struct trace_raw_header *h = trace_memory();
    m->out = out;
    m->store = recording_store();
    m->symbols = symbols_new();
    m->merge.states.memory = (struct gotrace_memory){grow, release};
    m->merge.states.sink = (struct gotrace_sink){write_out, out};
    m->merge.states.put_stacks = put_stacks;
    m->merge.states.arg = m;
    return m->store && trace_merge_add(&m->merge, h, h->file_bytes);
}

/* An error number, or 0. */
static int end_making(struct making *m)
{
    bool failed = m->merge.states.failed;
    gotrace_release(&m->merge.states.memory, &m->batch);
    trace_merge_release(&m->merge);
    symbols_release(m->symbols);
    return m->out->error ? m->out->error : failed ? ENOMEM : 0;
}

static void pump(void *arg)
{
    struct making *m = arg;
    const struct timespec step = {0, STEP_NS};
    bool is_begun = begin_making(m, &pump_out), ends = !is_begun;
    while (!ends) {
        raw6(SYS_futex, (long)&state, 128 /* FUTEX_WAIT_PRIVATE */, PUMP_RUNS, (long)&step, 0, 0);
        ends = __atomic_load_n(&state, __ATOMIC_ACQUIRE) != PUMP_RUNS || timers_frozen();
        if (ends)
            trace_merge_until(&m->merge, trace_raw_mono_ns());
        trace_merge_step(&m->merge, ends);
        ends |= m->merge.states.failed || own_is_alone();
    }
    recording_stop(WIRE_TRACE);
    int error = end_making(m);
    pump_error = is_begun ? error : ENOMEM;
    release(m, sizeof *m);
    if (pump_out.fd >= 0 && !out_end(&pump_out) && !pump_error)
        pump_error = errno;
    __atomic_store_n(&state, PUMP_OVER, __ATOMIC_RELEASE);
    raw4(SYS_futex, (long)&state, 129 /* FUTEX_WAKE_PRIVATE */, INT32_MAX, 0);
    if (own_is_alone())
        own_follow();
}

static bool begin_recording(uint64_t n_bytes, bool keeps_last)
{
    if (recording_is_recorded(WIRE_TRACE) || flies || state != PUMP_OFF) {
        errno = EBUSY;
        return false;
    }
    return recording_store() && trace_open(NULL, 0, n_bytes, keeps_last) &&
           recording_start(WIRE_TRACE, 0);
}

bool trace_pump_start(int fd)
{
    lock_take(&lock);
    bool ok = begin_recording(TRACE_BYTES_USUAL, false);
    struct making *making = ok ? grow(NULL, 0, sizeof *making) : NULL;
    if (ok && !making)
        errno = ENOMEM;
    if (making) {
        out_init(&pump_out, fd);
        pump_error = 0;
        __atomic_store_n(&state, PUMP_RUNS, __ATOMIC_RELEASE);
        if (!own_start(pump, making)) {
            int error = errno;
            state = PUMP_OFF;
            release(making, sizeof *making);
            making = NULL;
            errno = error;
        }
    }
    if (ok && !making) {
        int error = errno;
        recording_stop(WIRE_TRACE);
        errno = error;
    }
    lock_give(&lock);
    return making != NULL;
}

bool trace_pump_stop(struct out *out, bool *was_on)
{
    lock_take(&lock);
    *was_on = state != PUMP_OFF && (pump_out.fd < 0) == (out != NULL);
    if (!*was_on) {
        lock_give(&lock);
        return false;
    }
    trace_stop();
    uint32_t runs = PUMP_RUNS;
    __atomic_compare_exchange_n(&state, &runs, PUMP_ENDS, false, __ATOMIC_ACQ_REL,
                                __ATOMIC_RELAXED);
    raw4(SYS_futex, (long)&state, 129 /* FUTEX_WAKE_PRIVATE */, INT32_MAX, 0);
    for (uint32_t now; (now = __atomic_load_n(&state, __ATOMIC_ACQUIRE)) != PUMP_OVER;) {
        const struct timespec step = {0, STEP_NS};
        raw6(SYS_futex, (long)&state, 128 /* FUTEX_WAIT_PRIVATE */, now, (long)&step, 0, 0);
    }
    int error = pump_error;
    if (out && !error) {
        *out = pump_out;
        pump_out = (struct out){.fd = -1};
    }
    out_release(&pump_out);
    state = PUMP_OFF;
    lock_give(&lock);
    errno = error;
    return error == 0;
}

bool trace_pump_is_on(void)
{
    return trace_on() && recording_is_on() && !flies;
}

/* The flight recorder. */

bool trace_flight_start(uint64_t min_age_ns, uint64_t n_bytes)
{
    lock_take(&lock);
    bool ok = begin_recording(n_bytes, true);
    if (ok) {
        flies = true;
        flight_ns = min_age_ns;
    }
    lock_give(&lock);
    return ok;
}

bool trace_flight_write(int fd)
{
    struct making *making = NULL;
    struct out out;
    int error = EINVAL;
    lock_take(&lock);
    if (flies && (making = grow(NULL, 0, sizeof *making)) != NULL) {
        out_init(&out, fd);
        bool is_begun = begin_making(making, &out);
        uint64_t now = trace_raw_mono_ns();
        if (is_begun) {
            trace_merge_since(&making->merge, now > flight_ns ? now - flight_ns : 0);
            trace_merge_until(&making->merge, now);
            trace_merge_step(&making->merge, true);
        }
        error = end_making(making);
        error = is_begun ? error : ENOMEM;
        if (!out_end(&out) && !error)
            error = errno;
        out_release(&out);
        release(making, sizeof *making);
    } else if (flies) {
        error = ENOMEM;
    }
    lock_give(&lock);
    errno = error;
    return error == 0;
}

void trace_flight_stop(void)
{
    trace_crash_off();
    lock_take(&lock);
    if (flies)
        recording_stop(WIRE_TRACE);
    flies = false;
    lock_give(&lock);
}

bool trace_flight_is_on(void)
{
    lock_take(&lock);
    bool is_on = flies;
    lock_give(&lock);
    return is_on;
}

void trace_pump_reset(void)
{
    trace_crash_reset();
    flies = false;
    state = PUMP_OFF;
    pump_out = (struct out){.fd = -1};
}
