#include "collect/go_trace_stacks.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define RUNTIME "runtime."
#define WRAPPED                                                                                    \
    7u /* data of a wrapper: the function that it calls, from the beginning of the text */
#define DEPTH_MAX 256

struct go_trace_stacks {
    const struct go_program *program;
    struct trace_writer *writer;
    struct go_code *code;
    struct map stack_of_hash, start_of_pc, caller_of_pc;
};

struct go_trace_stacks *go_trace_stacks_new(const struct go_program *program,
                                            struct trace_writer *writer, struct err *err)
{
    struct go_trace_stacks *s = calloc(1, sizeof *s);
    if (!s) {
        err_nomem(err);
        return NULL;
    }
    s->program = program;
    s->writer = writer;
    map_init(&s->stack_of_hash);
    map_init(&s->start_of_pc);
    map_init(&s->caller_of_pc);
    s->code = go_code_new(program->table, program->minor, err);
    if (s->code)
        return s;
    go_trace_stacks_free(s);
    return NULL;
}

void go_trace_stacks_free(struct go_trace_stacks *s)
{
    if (!s)
        return;
    go_code_free(s->code);
    map_release(&s->stack_of_hash);
    map_release(&s->start_of_pc);
    map_release(&s->caller_of_pc);
    free(s);
}

/* The runtime's own steps at the inner end, which Go's tracer skips. */
static bool is_step(const char *name)
{
    static const char *const steps[] = {
        "gopark",
        "goparkunlock",
        "goready",
        "goready.func1",
        "ready",
        "systemstack",
        "mcall",
        "chanrecv",
        "chansend",
        "closechan.func1",
        "systemstack_switch",
        "reentersyscall",
        "entersyscall",
        "entersyscallblock",
        "exitsyscall",
        "newproc",
        "newproc.func1",
        "newproc1",
        "semacquire1",
        "semrelease1",
        "readyWithTime",
        "send",
        "recv",
        "netpollblock",
        "timeSleep",
        "casgstatus",
        "asyncPreempt2",
        "semacquire",
        "semrelease",
        "notetsleepg",
        "stopTheWorldWithSema",
        "injectglist",
        "semacquireRWMutexR",
        "goyield",
    };
    static const char *const others[] = {
        "sync.runtime_Sem",          "internal/sync.runtime_Sem",
        "sync.(*Mutex).lockSlow",    "internal/sync.(*Mutex).lockSlow",
        "internal/runtime/syscall.", "runtime/internal/syscall.",
        "runtime/trace.NewTask",     "runtime/trace.WithRegion",
        "runtime/trace.StartRegion", "runtime/trace.(*Region).End",
        "runtime/trace.Log",
    };
    if (strncmp(name, RUNTIME, sizeof RUNTIME - 1) == 0)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
            if (strcmp(name + sizeof RUNTIME - 1, steps[i]) == 0)
                return true;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(name, others[i], strlen(others[i])) == 0)
            return true;
    return false;
}

static bool is_outermost(const char *name)
{
    return strcmp(name, RUNTIME "goexit") == 0 || strcmp(name, RUNTIME "main") == 0 ||
           strcmp(name, RUNTIME "mstart") == 0;
}

/* The calls at a return address, inlined ones first. */
static size_t add_calls(struct go_trace_stacks *s, uint64_t pc, struct trace_write_frame *frames,
                        size_t n, size_t max)
{
    const struct go_function *function = go_code_at(s->code, pc)->function;
    if (!function)
        return n;
    pc -= pc > function->f.entry;
    struct go_call call = go_code_call(s->code, function, pc);
    enum go_role callee = GO_ROLE_NONE;
    for (unsigned depth = 0; call.pc && depth < DEPTH_MAX && n < max; depth++) {
        if (!go_code_is_hidden(call.role, callee) && !(n == 0 && is_step(call.name))) {
            uint32_t line;
            frames[n].pc = call.pc;
            frames[n].function = call.name;
            go_code_line(s->code, function, call.pc, &frames[n].file, &line);
            frames[n++].line = line;
        }
        callee = call.role;
        call = go_code_outer(s->code, function, &call);
    }
    return n;
}

uint32_t go_trace_stack(struct go_trace_stacks *s, const uint64_t *pcs, size_t n_pcs)
{
    struct trace_write_frame frames[GOTRACE_FRAMES_MAX];
    size_t n = 0;
    if (!n_pcs)
        return 0;
    uint64_t hash = hash_bytes(pcs, n_pcs * sizeof *pcs);
    uint32_t known = map_get(&s->stack_of_hash, hash);
    if (known != MAP_NONE)
        return known;
    for (size_t i = 0; i < n_pcs; i++)
        n = add_calls(s, pcs[i], frames, n, GOTRACE_FRAMES_MAX);
    while (n && is_outermost(frames[n - 1].function))
        n--;
    uint32_t stack = trace_writer_stack(s->writer, frames, n);
    (void)map_put(&s->stack_of_hash, hash, stack); /* without memory, found out again */
    return stack;
}

uint32_t go_trace_start(struct go_trace_stacks *s, uint64_t start)
{
    uint32_t known = map_get(&s->start_of_pc, start);
    if (known != MAP_NONE)
        return known;
    uint64_t pc = start;
    const struct go_function *function = go_code_at(s->code, pc)->function;
    if (function && function->role == GO_ROLE_WRAPPER) {
        struct str data = go_code_data(s->code, function, WRAPPED);
        uint32_t offset;
        if (data.len >= sizeof offset) {
            memcpy(&offset, data.p, sizeof offset);
            if (go_code_at(s->code, s->program->text + offset)->function)
                pc = s->program->text + offset;
        }
    }
    struct trace_write_frame frame = {.pc = pc};
    function = go_code_at(s->code, pc)->function;
    uint32_t stack = 0, line;
    if (function) {
        frame.function = function->f.name;
        go_code_line(s->code, function, pc, &frame.file, &line);
        frame.line = line;
        stack = trace_writer_stack(s->writer, &frame, 1);
    }
    (void)map_put(&s->start_of_pc, start, stack);
    return stack;
}

enum go_trace_caller go_trace_caller_of(struct go_trace_stacks *s, uint64_t caller)
{
    static const struct {
        const char *prefix;
        enum go_trace_caller is;
    } callers[] = {
        {"runtime.park_m", GO_TRACE_PARK},
        {"runtime.coroswitch_m", GO_TRACE_PARK},
        {"runtime.exitsyscallNoP", GO_TRACE_NO_P},
        {"runtime.gcStart", GO_TRACE_GC_BEGIN},
        {"runtime.gcMarkTermination", GO_TRACE_GC_FINISH},
        {"runtime.gcAssistAlloc1", GO_TRACE_ASSIST},
        {"runtime.systemstack", GO_TRACE_GC_EITHER},
    };
    uint32_t known = map_get(&s->caller_of_pc, caller);
    if (known != MAP_NONE)
        return known;
    const struct go_function *function = go_code_at(s->code, caller)->function;
    enum go_trace_caller is = GO_TRACE_OTHER;
    for (size_t i = 0; function && i < sizeof callers / sizeof *callers; i++)
        if (strncmp(function->f.name, callers[i].prefix, strlen(callers[i].prefix)) == 0)
            is = callers[i].is;
    (void)map_put(&s->caller_of_pc, caller, is);
    return is;
}

size_t go_trace_regions_on(struct go_trace_stacks *s, const uint64_t *pcs, size_t n_pcs)
{
    size_t n = 0;
    for (size_t i = 0; i < n_pcs; i++) {
        const struct go_function *function = go_code_at(s->code, pcs[i])->function;
        n += function && strcmp(function->f.name, "runtime/trace.WithRegion") == 0;
    }
    return n;
}

bool go_trace_is_gosched(struct go_trace_stacks *s, const uint64_t *pcs, size_t n)
{
    const struct go_function *function = n ? go_code_at(s->code, pcs[0])->function : NULL;
    return function && (strcmp(function->f.name, "runtime.Gosched") == 0 ||
                        strcmp(function->f.name, "runtime.goschedguarded") == 0);
}
