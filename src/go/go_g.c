#include "go/go_g.h"

#include <string.h>

#define SCAN_BIT 0x1000u /* of the status: the collector looks at its stack */

static const enum go_field needed[] = {
    GO_G_STACK_LO,  GO_G_STACK_HI,     GO_G_M,       GO_G_SCHED_SP, GO_G_SCHED_PC, GO_G_SYSCALLSP,
    GO_G_SYSCALLPC, GO_G_ATOMICSTATUS, GO_G_GOID,    GO_G_GOPC,     GO_G_STARTPC,  GO_G_LABELS,
    GO_G_WAITSINCE, GO_G_WAITREASON,   GO_G_LOCKEDM,
};

bool go_g_check(const struct go_program *program, struct err *err)
{
    const uint16_t *at = program->layout.at;
    bool ok = at[GO_G_SIZE] <= GO_G_BYTES_MAX;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        ok = ok && at[needed[i]] != GO_NO_FIELD && at[needed[i]] + 8u <= at[GO_G_SIZE];
    return ok || err_set(err, ERR_UNSUPPORTED, "%s: goroutines of %s are laid out in another way",
                         mem_name(program->mem), program->version);
}

static uint64_t word_of(const struct go_program *program, const uint8_t *raw, enum go_field field)
{
    uint64_t word = 0;
    uint16_t at = program->layout.at[field];
    if (at != GO_NO_FIELD && at + sizeof word <= program->layout.at[GO_G_SIZE])
        memcpy(&word, raw + at, sizeof word);
    return word;
}

void go_g_parse(const struct go_program *program, const uint8_t *raw, uint64_t address,
                struct go_goroutine *g)
{
    *g = (struct go_goroutine){
        .address = address,
        .id = word_of(program, raw, GO_G_GOID),
        .m = word_of(program, raw, GO_G_M),
        .parent = word_of(program, raw, GO_G_PARENTGOID),
        .status = (uint32_t)word_of(program, raw, GO_G_ATOMICSTATUS) & ~SCAN_BIT,
        .wait_reason = (uint8_t)word_of(program, raw, GO_G_WAITREASON),
        .is_locked = word_of(program, raw, GO_G_LOCKEDM) != 0,
        .wait_since = word_of(program, raw, GO_G_WAITSINCE),
        .created_at = word_of(program, raw, GO_G_GOPC),
        .start = word_of(program, raw, GO_G_STARTPC),
        .labels = word_of(program, raw, GO_G_LABELS),
        .bubble =
            word_of(program, raw,
                    program->layout.at[GO_G_BUBBLE] != GO_NO_FIELD ? GO_G_BUBBLE : GO_G_SYNC_GROUP),
        .low = word_of(program, raw, GO_G_STACK_LO),
        .high = word_of(program, raw, GO_G_STACK_HI),
    };
    g->stack.sp = word_of(program, raw, GO_G_SYSCALLSP);
    g->stack.is_syscall = g->stack.sp != 0;
    g->stack.pc = word_of(program, raw, g->stack.is_syscall ? GO_G_SYSCALLPC : GO_G_SCHED_PC);
    if (!g->stack.is_syscall)
        g->stack.sp = word_of(program, raw, GO_G_SCHED_SP);
}

bool go_g_is_same(const struct go_goroutine *a, const struct go_goroutine *b)
{
    return a->id == b->id && a->status == b->status && a->wait_reason == b->wait_reason &&
           a->low == b->low && a->high == b->high && a->stack.sp == b->stack.sp &&
           a->stack.pc == b->stack.pc && a->stack.is_syscall == b->stack.is_syscall &&
           a->labels == b->labels;
}
