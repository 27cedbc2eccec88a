#include "agent/trace_wait.h"

#include "agent/trace_thread.h"

#include <pthread.h>
#include <string.h>

/* What is over sooner than this has not waited: some us. */
#define SHORT_TICKS 10000u

void trace_wait_forget(struct trace_known_wait *wait)
{
    if (wait->on)
        mutex_count_waiter(wait->on, -1u);
    *wait = (struct trace_known_wait){0};
}

uint64_t trace_wait_begins(enum trace_raw_reason reason, const void *on,
                           const struct walk_regs *regs)
{
    uint64_t sp = (uint64_t)__builtin_frame_address(0), now = 0;
    if (recording_is_bare || !block_enter())
        return 0;
    struct trace_thread *t = trace_thread();
    if (t) {
        now = trace_now();
        const struct trace_record block = {.time = now,
                                           .type = TRACE_RAW_BLOCK,
                                           .reason = (uint8_t)reason,
                                           .stack = trace_stack(t, regs)};
        /* One whose frame is not above ours was left by longjmp; else this is a handler. */
        if (t->wait.is_over || t->wait.sp <= sp)
            trace_wait_forget(&t->wait);
        if (on && !t->wait.on) {
            t->wait = (struct trace_known_wait){on, now, sp, reason == TRACE_RAW_MUTEX, false};
            mutex_count_waiter(on, 1);
        }
        trace_add(t, &block);
    }
    block_leave();
    return now;
}

void trace_wait_ends(enum block_end end, uint64_t since)
{
    uint64_t sp = (uint64_t)__builtin_frame_address(0);
    if (recording_is_bare || !block_enter())
        return;
    struct trace_thread *t = trace_on() ? trace_thread() : NULL;
    if (t) {
        struct trace_known_wait *wait = &t->wait;
        bool is_known = wait->on && !wait->is_over && wait->sp <= sp + 512;
        bool at_once = end == BLOCK_AT_ONCE, has_it = is_known && (end == BLOCK_DONE || at_once);
        uint64_t now = trace_now();
        const struct trace_record record = {.time = now,
                                            .type = TRACE_RAW_END,
                                            .reason = end == BLOCK_NOT || at_once ||
                                                      (since && now - since < SHORT_TICKS),
                                            .a = has_it ? (uint64_t)wait->on : 0,
                                            .b = wait->begin};
        trace_add(t, &record);
        /* Who has a mutex is to give it back soon: the rest is for after that. */
        if (has_it && wait->is_mutex)
            wait->is_over = true;
        else if (is_known)
            trace_wait_forget(wait);
    }
    block_leave();
}

uint64_t trace_call_begins(const struct walk_regs *regs)
{
    uint64_t now = 0;
    if (recording_is_bare || !block_enter())
        return 0;
    struct trace_thread *t = trace_thread();
    if (t) {
        now = trace_now();
        const struct trace_record call = {
            .time = now, .type = TRACE_RAW_CALL, .stack = trace_stack(t, regs)};
        trace_add(t, &call);
    }
    block_leave();
    return now;
}

void trace_call_ends(void)
{
    if (recording_is_bare || !block_enter())
        return;
    struct trace_thread *t = trace_on() ? trace_thread() : NULL;
    if (t) {
        const struct trace_record back = {.time = trace_now(), .type = TRACE_RAW_RETURN};
        trace_add(t, &back);
    }
    block_leave();
}

static void leave_word(struct trace_thread *t, const void *on, uint32_t n, uint32_t stack)
{
    const struct trace_record wake = {
        .time = trace_now(), .type = TRACE_RAW_WAKE, .stack = stack, .a = (uint64_t)on, .b = n};
    trace_add(t, &wake);
}

void trace_wakes(const void *on, uint32_t n, const struct walk_regs *regs)
{
    if (!trace_on() || recording_is_bare || !block_enter())
        return;
    struct trace_thread *t = trace_thread();
    if (t)
        leave_word(t, on, n, trace_stack(t, regs));
    block_leave();
}

void trace_wait_unlocked(void)
{
    struct trace_thread *t = trace_own;
    if (!t || !t->wait.is_over || !block_enter())
        return;
    if (t->wait.is_over)
        trace_wait_forget(&t->wait);
    block_leave();
}

void trace_wait_thread_ends(struct trace_thread *t)
{
    const void *self = (const void *)pthread_self();
    if (mutex_may_wait(self))
        leave_word(t, self, TRACE_WAKES_LAST, 0);
}

void trace_wait_reset(void)
{
    memset(mutex_filter, 0, sizeof mutex_filter);
}
