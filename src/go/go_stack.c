#include "go/go_stack.h"

#include <string.h>

static bool word_at(const struct go_stack *stack, uint64_t address, uint64_t *word)
{
    uint64_t at = address - stack->low;
    if (address < stack->low || at > stack->n_bytes || stack->n_bytes - at < sizeof *word)
        return false;
    memcpy(word, stack->bytes + at, sizeof *word);
    return true;
}

/* From Go 1.21 on all calls that nothing in the code makes are known as such, before only
 * those of sigpanic. */
static bool is_injected(const struct go_code *code, enum go_role callee)
{
    return callee == GO_ROLE_SIGPANIC || (callee == GO_ROLE_INJECTED && go_code_minor(code) >= 21);
}

enum go_stack_end go_stack_walk(struct go_code *code, const struct go_stack *stack,
                                struct go_frame *frames, size_t max, size_t *n)
{
    uint64_t pc = stack->pc, sp = stack->sp;
    bool is_trap = stack->is_trap, is_first = true;
    *n = 0;
    /* A call of a nil function: the caller's frame. */
    if (pc == 0) {
        if (!word_at(stack, sp, &pc))
            return GO_STACK_BYTES;
        sp += 8;
        is_trap = false;
    }
    for (;; is_first = false) {
        const struct go_pc *place = go_code_at(code, pc);
        const struct go_function *function = place->function;
        if (!function)
            return GO_STACK_TORN;
        if (!function->has_sp)
            return GO_STACK_RULE;
        if (place->sp_delta < 0 || place->sp_delta % 8)
            return GO_STACK_TORN;
        if (*n == max)
            return GO_STACK_FULL;
        uint64_t args = sp + (uint64_t)place->sp_delta + 8;
        if (args < sp)
            return GO_STACK_TORN;
        frames[(*n)++] = (struct go_frame){pc, function, args, is_trap};
        if (function->is_top)
            return GO_STACK_WHOLE;
        if (function->writes_sp && !(is_first && stack->is_syscall))
            return GO_STACK_RULE;
        if (!word_at(stack, args - 8, &pc))
            return GO_STACK_BYTES;
        if (pc == 0)
            return GO_STACK_TORN;
        sp = args;
        is_trap = is_injected(code, function->role);
    }
}

uint64_t go_frame_call(const struct go_frame *frame)
{
    return !frame->is_trap && frame->pc > frame->function->f.entry ? frame->pc - 1 : frame->pc;
}

size_t go_stack_pcs(struct go_code *code, const struct go_frame *frames, size_t n_frames,
                    uint64_t *pcs, size_t max)
{
    enum go_role callee = GO_ROLE_NONE;
    size_t n = 0;
    for (size_t i = 0; i < n_frames && n < max; i++) {
        const struct go_function *function = frames[i].function;
        struct go_call call = go_code_call(code, function, go_frame_call(&frames[i]));
        for (unsigned depth = 0; call.pc && n < max && depth < FRAMES_MAX_INLINE; depth++) {
            if (!go_code_is_hidden(call.role, callee))
                pcs[n++] = call.pc + 1;
            callee = call.role;
            call = go_code_outer(code, function, &call);
        }
    }
    return n;
}
