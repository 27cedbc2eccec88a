/* trace_user: execution traces, as the functions of sonde/sonde.h. */
#include "agent/raw.h"
#include "agent/trace_crash.h"
#include "agent/trace_pump.h"
#include "agent/trace_thread.h"
#include "sonde/sonde.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#define EXPORT __attribute__((visibility("default")))
#define AGE_USUAL_NS 10000000000u
#define AGE_MAX_S 1e6
#define BYTES_USUAL (10u << 20)

static unsigned long last_task;

static bool is_for_writing(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY)
        return true;
    errno = EBADF;
    return false;
}

EXPORT int sonde_trace_start(int fd)
{
    return is_for_writing(fd) && trace_pump_start(fd) ? 0 : -1;
}

EXPORT int sonde_trace_stop(void)
{
    bool was_on;
    return trace_pump_stop(NULL, &was_on) || !was_on ? 0 : -1;
}

EXPORT int sonde_trace_is_enabled(void)
{
    return trace_pump_is_on();
}

EXPORT int sonde_flight_recorder_start(double min_age_s, size_t max_bytes)
{
    if (!(min_age_s >= 0) || min_age_s > AGE_MAX_S) {
        errno = EINVAL;
        return -1;
    }
    uint64_t n_bytes = max_bytes ? max_bytes : BYTES_USUAL;
    n_bytes = n_bytes < TRACE_BYTES_MIN     ? TRACE_BYTES_MIN
              : n_bytes > TRACE_BYTES_USUAL ? TRACE_BYTES_USUAL
                                            : n_bytes;
    uint64_t age = min_age_s > 0 ? (uint64_t)(min_age_s * 1e9) : AGE_USUAL_NS;
    return trace_flight_start(age, n_bytes) ? 0 : -1;
}

EXPORT int sonde_flight_recorder_write(int fd)
{
    return is_for_writing(fd) && trace_flight_write(fd) ? 0 : -1;
}

EXPORT int sonde_flight_recorder_on_crash(int fd)
{
    if (fd < 0) {
        trace_crash_off();
        return 0;
    }
    if (!trace_flight_is_on()) {
        errno = EINVAL;
        return -1;
    }
    return is_for_writing(fd) && trace_crash_on(fd) ? 0 : -1;
}

EXPORT void sonde_flight_recorder_stop(void)
{
    trace_flight_stop();
}

/* Tasks, regions, logs. */

static void note(struct trace_record record, const char *first, const char *second,
                 const struct walk_regs *caller)
{
    if (recording_is_bare || !block_enter())
        return;
    struct trace_thread *t = trace_thread();
    if (t) {
        record.time = trace_now();
        record.stack = trace_stack(t, caller);
        if (first)
            trace_add_texts(t, &record, first, strlen(first), second ? second : "",
                            second ? strlen(second) : 0);
        else
            trace_add(t, &record);
    }
    block_leave();
}

EXPORT unsigned long sonde_trace_task_begin(unsigned long parent, const char *type)
{
    const struct walk_regs caller = WALK_CALLER();
    unsigned long task = __atomic_add_fetch(&last_task, 1, __ATOMIC_RELAXED);
    const struct trace_record record = {.type = TRACE_RAW_TASK_BEGIN, .a = task, .b = parent};
    if (trace_on())
        note(record, type ? type : "", NULL, &caller);
    return task;
}

EXPORT void sonde_trace_task_end(unsigned long task)
{
    const struct walk_regs caller = WALK_CALLER();
    const struct trace_record record = {.type = TRACE_RAW_TASK_END, .a = task};
    if (trace_on())
        note(record, NULL, NULL, &caller);
}

EXPORT void sonde_trace_region_begin(unsigned long task, const char *type)
{
    const struct walk_regs caller = WALK_CALLER();
    const struct trace_record record = {.type = TRACE_RAW_REGION_BEGIN, .a = task};
    if (trace_on())
        note(record, type ? type : "", NULL, &caller);
}

EXPORT void sonde_trace_region_end(unsigned long task, const char *type)
{
    const struct walk_regs caller = WALK_CALLER();
    const struct trace_record record = {.type = TRACE_RAW_REGION_END, .a = task};
    if (trace_on())
        note(record, type ? type : "", NULL, &caller);
}

EXPORT void sonde_trace_log(unsigned long task, const char *category, const char *message)
{
    const struct walk_regs caller = WALK_CALLER();
    const struct trace_record record = {.type = TRACE_RAW_LOG, .a = task};
    if (trace_on())
        note(record, category ? category : "", message ? message : "", &caller);
}

EXPORT void sonde_trace_logf(unsigned long task, const char *category, const char *format, ...)
{
    const struct walk_regs caller = WALK_CALLER();
    const struct trace_record record = {.type = TRACE_RAW_LOG, .a = task};
    char message[TRACE_RAW_TEXT_MAX];
    if (!trace_on() || !format)
        return;
    int saved_errno = errno;
    va_list list;
    va_start(list, format);
    vsnprintf(message, sizeof message, format, list);
    va_end(list);
    note(record, category ? category : "", message, &caller);
    errno = saved_errno;
}
