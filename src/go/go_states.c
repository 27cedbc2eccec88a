#include "go/go_states.h"

#include "base/vec.h"
#include "go/go_g.h"
#include "go/go_goroutines.h"

#include <stdlib.h>
#include <string.h>

#define GOROUTINES_MAX (1u << 24)
#define AT_ONCE 512
#define STACK_BYTES 4096u

struct reading {
    struct go_program *program;
    struct go_code *code;
    uint8_t *raw, *stacks; /* of AT_ONCE goroutines */
    size_t n_stacks;       /* left */
};

static bool list(const struct go_program *program, uint64_t **addresses, size_t *n, struct err *err)
{
    uint64_t at, n_at, array, count;
    if (!go_program_global(program, GO_VAR_ALLGPTR, &at, err) ||
        !go_program_global(program, GO_VAR_ALLGLEN, &n_at, err) ||
        !go_program_number(program, n_at, 8, &count, err) ||
        !go_program_number(program, at, 8, &array, err))
        return false;
    if (count > GOROUTINES_MAX)
        return err_set(err, ERR_INPUT, "%s: the list of goroutines makes no sense",
                       mem_name(program->mem));
    *addresses = malloc(count * 8 + 8);
    if (!*addresses)
        return err_nomem(err);
    *n = count;
    return count == 0 || mem_read(program->mem, array, *addresses, count * 8, err);
}

static uint64_t word(const struct go_program *program, uint64_t address, enum go_field field,
                     size_t n)
{
    uint64_t number = 0;
    if (!address ||
        !go_program_number(program, address + program->layout.at[field], n, &number, NULL))
        return 0;
    return number;
}

static void place(const struct go_program *program, const struct go_goroutine *g,
                  struct go_state *state)
{
    uint64_t p = word(program, g->m, GO_M_P, 8), id;
    state->thread = word(program, g->m, GO_M_PROCID, 8);
    if (p && go_program_number(program, p, 4, &id, NULL)) /* the number comes first */
        state->p = (uint32_t)id;
}

static bool is_parked(const struct go_goroutine *g)
{
    return (g->status == GO_STATUS_WAITING || g->status == GO_STATUS_RUNNABLE) &&
           g->stack.sp >= g->low && g->stack.sp < g->high;
}

static void read_some(struct reading *r, const uint64_t *addresses, size_t n,
                      void (*each)(void *arg, const struct go_state *state), void *arg)
{
    struct mem_piece pieces[AT_ONCE], stacks[AT_ONCE];
    struct go_goroutine gs[AT_ONCE];
    size_t size = r->program->layout.at[GO_G_SIZE], n_parked = 0;
    for (size_t i = 0; i < n; i++)
        pieces[i] = (struct mem_piece){
            .address = addresses[i], .into = r->raw + i * GO_G_BYTES_MAX, .n = (uint32_t)size};
    mem_read_pieces(r->program->mem, pieces, n);
    for (size_t i = 0; i < n; i++) {
        gs[i].id = 0;
        if (!pieces[i].ok)
            continue;
        go_g_parse(r->program, pieces[i].into, addresses[i], &gs[i]);
        if (!is_parked(&gs[i]) || !r->n_stacks)
            continue;
        uint64_t left = gs[i].high - gs[i].stack.sp;
        stacks[n_parked++] =
            (struct mem_piece){.address = gs[i].stack.sp,
                               .into = r->stacks + i * STACK_BYTES,
                               .n = left < STACK_BYTES ? (uint32_t)left : STACK_BYTES};
        gs[i].stack.low = gs[i].stack.sp;
        gs[i].stack.bytes = r->stacks + i * STACK_BYTES;
        gs[i].stack.n_bytes = stacks[n_parked - 1].n;
        r->n_stacks--;
    }
    memset(r->stacks, 0, AT_ONCE * (size_t)STACK_BYTES);
    if (n_parked)
        mem_read_pieces(r->program->mem, stacks, n_parked);
    for (size_t i = 0; i < n; i++) {
        struct go_frame frames[GO_STATES_FRAMES_MAX];
        uint64_t pcs[GO_STATES_FRAMES_MAX];
        struct go_state state = {.goid = gs[i].id, .status = gs[i].status, .p = GO_STATES_NO_P};
        if (!gs[i].id || gs[i].status == GO_STATUS_DEAD || gs[i].status == GO_STATUS_IDLE ||
            gs[i].status == GO_STATUS_DEADEXTRA)
            continue;
        if (gs[i].status == GO_STATUS_RUNNING || gs[i].status == GO_STATUS_SYSCALL)
            place(r->program, &gs[i], &state);
        if (gs[i].stack.n_bytes) {
            size_t n_frames = 0;
            (void)go_stack_walk(r->code, &gs[i].stack, frames, GO_STATES_FRAMES_MAX, &n_frames);
            for (size_t k = 0; k < n_frames; k++)
                pcs[k] = frames[k].pc;
            state.pcs = pcs;
            state.n_pcs = n_frames;
        }
        each(arg, &state);
    }
}

bool go_states_read(struct go_program *program, size_t n_stacks,
                    void (*each)(void *arg, const struct go_state *state), void *arg,
                    struct err *err)
{
    struct reading r = {.program = program, .n_stacks = n_stacks};
    uint64_t *addresses = NULL;
    size_t n = 0;
    bool ok = go_g_check(program, err) && list(program, &addresses, &n, err);
    if (ok) {
        r.code = go_code_new(program->table, program->minor, err);
        r.raw = malloc(AT_ONCE * (size_t)GO_G_BYTES_MAX);
        r.stacks = malloc(AT_ONCE * (size_t)STACK_BYTES);
        ok = r.code && ((r.raw && r.stacks) || err_nomem(err));
    }
    for (size_t i = 0; ok && i < n; i += AT_ONCE)
        read_some(&r, addresses + i, n - i < AT_ONCE ? n - i : AT_ONCE, each, arg);
    go_code_free(r.code);
    free(r.raw);
    free(r.stacks);
    free(addresses);
    return ok;
}
