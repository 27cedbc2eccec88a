#include "go/go_running.h"

#include "os/core.h"

#include <stdlib.h>
#include <string.h>

#define SIGNAL_STACK_MAX (1u << 20) /* Go's is 32 KiB */

static bool read_word(const struct go_program *program, uint64_t base, enum go_field field,
                      uint64_t *word)
{
    uint16_t at = program->layout.at[field];
    return at != GO_NO_FIELD && mem_read(program->mem, base + at, word, sizeof *word, NULL);
}

static bool is_on_stack(const struct go_goroutine *g, uint64_t sp)
{
    return sp >= g->low && sp < g->high;
}

pid_t go_running_thread(const struct go_program *program, const struct task_list *tasks,
                        const struct go_goroutine *g)
{
    uint64_t current, id;
    if (!g->m || !read_word(program, g->m, GO_M_CURG, &current) || current != g->address ||
        !read_word(program, g->m, GO_M_PROCID, &id))
        return 0;
    for (size_t i = 0; i < tasks->n; i++)
        if ((uint64_t)tasks->items[i].inner == id)
            return tasks->items[i].tid;
    return 0;
}

bool go_running_registers(const struct go_program *program, const struct go_goroutine *g,
                          uint64_t *pc, uint64_t *sp)
{
    const struct core_info *core = core_info(program->mem);
    const struct core_thread *found = NULL;
    uint64_t current, id = 0;
    if (!core || !g->m || !read_word(program, g->m, GO_M_CURG, &current) || current != g->address)
        return false;
    if (!read_word(program, g->m, GO_M_PROCID, &id))
        id = 0;
    for (size_t i = 0; i < core->n_threads; i++) {
        const struct core_thread *thread = &core->threads[i];
        if (is_on_stack(g, thread->sp)) {
            found = thread;
            break;
        }
        if (id && (uint64_t)thread->tid == id)
            found = thread;
    }
    if (!found)
        return false;
    *pc = found->pc;
    *sp = found->sp;
    return true;
}

/* What the kernel keeps on the stack of a signal's handler (sigcontext of x86-64): a stack_t,
 * which tells itself by the bounds of that stack, then the registers. */
struct signal_frame {
    uint64_t stack_low, stack_flags, stack_bytes;
    uint64_t r8_to_rcx[15], sp, pc;
};

/* Where a thread that is in the handler of a signal (Go's own: on the stack of m.gsignal) was
 * when it came.  False: it is in none. */
static bool before_signal(const struct go_program *program, const struct go_goroutine *g,
                          uint64_t *pc, uint64_t *sp)
{
    uint64_t gsignal, low, high;
    if (!read_word(program, g->m, GO_M_GSIGNAL, &gsignal) || !gsignal ||
        !read_word(program, gsignal, GO_G_STACK_LO, &low) ||
        !read_word(program, gsignal, GO_G_STACK_HI, &high) || *sp < low || *sp >= high ||
        high - low > SIGNAL_STACK_MAX)
        return false;
    size_t n_bytes = (size_t)(high - *sp) & ~(size_t)7;
    uint8_t *bytes = malloc(n_bytes + 1);
    bool found = false;
    /* Signals that came in a handler lie below: the last one found is the first that came. */
    if (bytes && mem_read(program->mem, *sp, bytes, n_bytes, NULL))
        for (size_t at = 0; at + sizeof(struct signal_frame) <= n_bytes; at += 8) {
            struct signal_frame frame;
            memcpy(&frame, bytes + at, sizeof frame);
            if (frame.stack_low != low || frame.stack_bytes != high - low)
                continue;
            *pc = frame.pc;
            *sp = frame.sp;
            found = true;
        }
    free(bytes);
    return found;
}

bool go_running_place(const struct go_program *program, struct go_goroutine *g, uint64_t pc,
                      uint64_t sp)
{
    uint64_t clock_sp = 0, clock_pc = 0;
    before_signal(program, g, &pc, &sp);
    if (is_on_stack(g, sp)) {
        g->stack.pc = pc;
        g->stack.sp = sp;
        g->stack.is_trap = true;
        return true;
    }
    if (read_word(program, g->m, GO_M_VDSOSP, &clock_sp) && is_on_stack(g, clock_sp) &&
        read_word(program, g->m, GO_M_VDSOPC, &clock_pc)) {
        g->stack.pc = clock_pc;
        g->stack.sp = clock_sp;
        return true;
    }
    /* On the runtime's own stack: it kept where the goroutine's goes on. */
    return is_on_stack(g, g->stack.sp);
}
