#include "go/go_callers.h"

#include "base/go_tabs.h"

#include <inttypes.h>
#include <string.h>

struct go_callers go_callers_of(struct go_code *code, const uint64_t *pcs, size_t n)
{
    return (struct go_callers){code, pcs, n, 0};
}

/* The first call around `call` that is not hidden, unless it is the next address. */
static void find_next(struct go_callers *callers, const struct go_function *function,
                      struct go_call call)
{
    enum go_role callee = call.role;
    call = go_code_outer(callers->code, function, &call);
    for (unsigned depth = 0; call.pc && depth < FRAMES_MAX_INLINE; depth++) {
        if (callers->n == 0 || callers->pcs[0] == call.pc + 1)
            return;
        if (!go_code_is_hidden(call.role, callee)) {
            callers->next = call.pc + 1;
            return;
        }
        call = go_code_outer(callers->code, function, &call);
    }
}

bool go_callers_next(struct go_callers *callers, struct go_caller *caller)
{
    while (callers->n > 0 || callers->next) {
        uint64_t pc = callers->next;
        if (pc) {
            callers->next = 0;
        } else {
            pc = *callers->pcs++;
            callers->n--;
        }
        const struct go_function *function = go_code_at(callers->code, pc)->function;
        if (!function)
            continue;
        pc -= pc > function->f.entry;
        *caller = (struct go_caller){.pc = pc, .entry = function->f.entry};
        caller->call = go_code_call(callers->code, function, pc);
        go_code_line(callers->code, function, pc, &caller->file, &caller->line);
        /* From Go 1.23 on, addresses that only have the innermost call are seen through. */
        if (caller->call.is_inlined && go_code_minor(callers->code) >= 23)
            find_next(callers, function, caller->call);
        return true;
    }
    return false;
}

size_t go_callers_expand(struct go_code *code, const uint64_t *pcs, size_t n, uint64_t *expanded,
                         size_t max)
{
    struct go_callers callers = go_callers_of(code, pcs, n);
    struct go_caller caller;
    size_t n_expanded = 0;
    while (n_expanded < max && go_callers_next(&callers, &caller))
        expanded[n_expanded++] = caller.pc + 1;
    return n_expanded;
}

/* --- text --- */

static bool is_runtime(const struct go_code *code, const char *name)
{
    return strncmp(name, "runtime.", 8) == 0 ||
           (go_code_minor(code) >= 24 && strncmp(name, "internal/runtime/", 17) == 0);
}

static void add_line(struct go_code *code, const struct go_caller *caller, struct buf *text)
{
    buf_printf(text, "#\t0x%" PRIx64 "\t", caller->pc);
    go_code_add_name(code, caller->call.name, text);
    buf_printf(text, "+0x%" PRIx64 "\t%s:%u\n", caller->pc - caller->entry, caller->file,
               caller->line);
}

void go_callers_text(struct go_code *code, const uint64_t *pcs, size_t n, bool all, struct buf *out)
{
    AUTO_BUF text = {0};
    bool show = all;
    struct go_callers callers = go_callers_of(code, pcs, n);
    struct go_caller caller;
    size_t n_frames = 0;
    while (go_callers_next(&callers, &caller)) {
        const char *name = caller.call.name;
        n_frames++;
        if (strcmp(name, "runtime.goexit") == 0 || (!show && is_runtime(code, name)))
            continue;
        show = true;
        add_line(code, &caller, &text);
    }
    if (n_frames > 0 && !show) {
        go_callers_text(code, pcs, n, true, out);
        return;
    }
    if (n_frames == 0)
        buf_puts(&text, "#\t0x0\n");
    buf_putc(&text, '\n');
    if (text.failed || !go_tabs(out, (struct str){text.data, text.len}))
        out->failed = true;
}
