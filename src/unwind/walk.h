/* walk: unwinds one x86-64 stack from its registers.
 * In: pc, sp and rbp, and rdi where it is known; memory and unwind rows through the caller's
 * `walk_ops`, which are inlined when given as constants.  Out: frames, leaf first. Rows come from
 * ehtab; code without one (JIT code, assembly) is taken to keep frame pointers. Threads: any.
 * Signals: async-signal-safe, as far as the ops are. */
#ifndef SONDE_UNWIND_WALK_H
#define SONDE_UNWIND_WALK_H

#include "unwind/ehtab.h"

struct walk_regs {
    uint64_t pc, sp, bp;
    uint64_t di; /* 0: not known */
};

/* The registers of the calling function's caller, as they are on return to it. */
#define WALK_CALLER()                                                                              \
    ({                                                                                             \
        const uint64_t *frame_ = __builtin_frame_address(0);                                       \
        (struct walk_regs){frame_[1], (uint64_t)(frame_ + 2), frame_[0], 0};                       \
    })

struct walk_ops {
    /* The 8 bytes at `address`; false if they cannot be read. */
    bool (*read)(void *arg, uint64_t address, uint64_t *value);
    /* The row for the code at `pc`, and what stands for it in the result. */
    struct ehtab_row (*row)(void *arg, uint64_t pc, uint64_t *frame);
    /* What rbp is in the frame of the code at `pc`, where it is lost, and at this sp; false:
     * cannot be told.  NULL: never can. */
    bool (*lost_bp)(void *arg, uint64_t pc, uint64_t sp, uint64_t *bp);
};

/* Offsets of the saved registers in the ucontext of a signal frame. */
enum { WALK_UC_RDI = 104, WALK_UC_RBP = 120, WALK_UC_RSP = 160, WALK_UC_RIP = 168 };

/* No frame is there, and it is not the 0 of an outermost one. */
#define WALK_BP_LOST 1

/* `mov $15, %rax; syscall`: a signal trampoline, also where it has no row. */
#define WALK_SIGRETURN 0x0f0000000fc0c748u

/* The caller of a frame that has no row, by frame pointers. */
static inline __attribute__((always_inline)) bool
walk_frame_pointer(const struct walk_ops *ops, void *arg, struct walk_regs *regs)
{
    uint64_t pc, bp;
    if (regs->bp < regs->sp || regs->bp % 8 || !ops->read(arg, regs->bp, &bp) ||
        !ops->read(arg, regs->bp + 8, &pc))
        return false;
    if (pc && (pc < 4096 || pc >> 47))
        return false;
    *regs = (struct walk_regs){pc, regs->bp + 16, bp, 0};
    return true;
}

/* Unwinds into frames[0 .. max).  A return address is looked up, and recorded, as
 * an address inside the call; the frame a signal interrupted as it is.
 * *complete: the outermost frame was reached; else the stack is cut at the root.
 * Returns the number of frames, at least 1.  Bounded by `max`. */
static inline __attribute__((always_inline)) uint32_t walk_stack(const struct walk_ops *ops,
                                                                 void *arg, struct walk_regs regs,
                                                                 uint64_t *frames, uint32_t max,
                                                                 bool *complete)
{
    uint32_t n = 0;
    uint64_t back = 0; /* 1 when pc is a return address */
    *complete = false;
    while (n < max) {
        struct ehtab_row row = ops->row(arg, regs.pc - back, &frames[n++]);
        uint64_t cfa, pc, bp;
        if (ops->lost_bp && regs.bp == WALK_BP_LOST &&
            (row.kind == EHTAB_RBP || row.kind == EHTAB_DEREF) &&
            !ops->lost_bp(arg, regs.pc - back, regs.sp, &regs.bp))
            break;
        if (row.kind == EHTAB_RSP) {
            cfa = regs.sp + (uint64_t)(int64_t)row.cfa;
        } else if (row.kind == EHTAB_RBP) {
            cfa = regs.bp + (uint64_t)(int64_t)row.cfa;
        } else if (row.kind == EHTAB_END) {
            *complete = true;
            break;
        } else if (row.kind == EHTAB_DEREF) {
            if (!ops->read(arg, regs.bp + (uint64_t)(int64_t)row.cfa, &cfa))
                break;
        } else if (row.kind == EHTAB_PLT) {
            cfa = regs.sp + 8 + ((regs.pc & 15) >= (uint64_t)row.cfa ? 8 : 0);
        } else if (row.kind == EHTAB_RDI) {
            if (regs.di == 0)
                break;
            regs = (struct walk_regs){regs.di, regs.sp + (uint64_t)(int64_t)row.cfa,
                                      row.rbp == EHTAB_RBP_SAME ? regs.bp : WALK_BP_LOST, 0};
            back = 1;
            continue;
        } else if (row.kind == EHTAB_SIGNAL ||
                   (row.kind == EHTAB_NONE && ops->read(arg, regs.pc, &pc) &&
                    pc == WALK_SIGRETURN)) {
            uint64_t uc = regs.sp;
            if (!ops->read(arg, uc + WALK_UC_RIP, &regs.pc) ||
                !ops->read(arg, uc + WALK_UC_RSP, &regs.sp) ||
                !ops->read(arg, uc + WALK_UC_RBP, &regs.bp) ||
                !ops->read(arg, uc + WALK_UC_RDI, &regs.di))
                break;
            back = 0;
            continue;
        } else {
            /* "Returns" to a function's first byte: nothing called from there, it was
             * put there by makecontext and the like. */
            uint64_t first;
            if (row.kind == EHTAB_NONE && back &&
                ops->row(arg, regs.pc, &first).kind != EHTAB_NONE) {
                frames[n - 1] = first;
                *complete = true;
                break;
            }
            /* The ABI's mark of the outermost frame, where the kernel enters a process; and that
             * of Boost's fibers, which begin with rbp at what they return to. */
            if (back && (regs.bp == 0 || regs.bp == regs.pc)) {
                *complete = true;
                break;
            }
            if (!walk_frame_pointer(ops, arg, &regs))
                break;
            if (regs.pc == 0) {
                *complete = true;
                break;
            }
            back = 1;
            continue;
        }
        if (cfa <= regs.sp || !ops->read(arg, cfa - 8, &pc))
            break;
        if (pc == 0) {
            *complete = true;
            break;
        }
        bp = regs.bp;
        if (row.rbp == EHTAB_RBP_LOST) {
            bp = WALK_BP_LOST;
        } else if (row.rbp != EHTAB_RBP_SAME) {
            uint64_t at =
                row.rbp == EHTAB_RBP_AT_BP ? regs.bp : cfa + (uint64_t)(8 * (int64_t)row.rbp);
            /* In an epilogue it may have been popped: a copy of the stack begins above. */
            if (!ops->read(arg, at, &bp) && at >= regs.sp)
                break;
        }
        regs = (struct walk_regs){pc, cfa, bp, 0};
        back = 1;
    }
    return n;
}

#endif
