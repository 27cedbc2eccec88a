#include "go/go_running.h"

#include "os/core.h"

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

bool go_running_place(const struct go_program *program, struct go_goroutine *g, uint64_t pc,
                      uint64_t sp)
{
    uint64_t clock_sp = 0, clock_pc = 0;
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
