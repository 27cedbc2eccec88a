/* go_stack: the frames of a goroutine, out of a copy of its stack, by the rules of Go's own
 * unwinder.
 *
 * In: where the goroutine goes on (or was stopped) and the bytes of its stack from there.
 * Out: frames, and the addresses that runtime.Callers and Go's profiles would have.
 * Nothing in the copy is believed: a stack that makes no sense ends there.
 * Threads: one at a time a go_code.  Signals: no. */
#ifndef SONDE_GO_STACK_H
#define SONDE_GO_STACK_H

#include "go/go_code.h"

struct go_stack {
    uint64_t pc, sp;
    uint64_t low; /* address of bytes[0]; sp is not below */
    const uint8_t *bytes;
    size_t n_bytes;
    bool is_trap;    /* pc is the next instruction, not a return address */
    bool is_syscall; /* pc and sp are what entersyscall kept */
};

struct go_frame {
    uint64_t pc;                        /* return address, or where it was stopped */
    const struct go_function *function; /* never NULL */
    uint64_t args;                      /* where its arguments begin: its caller's stack pointer */
    bool is_trap;                       /* pc is not after a call */
};

enum go_stack_end {
    GO_STACK_WHOLE, /* down to the function that goroutines start from */
    GO_STACK_RULE,  /* Go's own unwinder ends there too: foreign code, or a switch of stacks */
    GO_STACK_BYTES, /* more bytes of the stack are needed */
    GO_STACK_FULL,  /* more frames than there is room for */
    GO_STACK_TORN,  /* it makes no sense */
};

/* At most `max` frames, innermost first; *n: how many.  O(frames). */
enum go_stack_end go_stack_walk(struct go_code *code, const struct go_stack *stack,
                                struct go_frame *frames, size_t max, size_t *n);

/* The addresses that Go's profiles keep: return addresses, those of inlined calls too, no
 * wrappers.  At most `max`; returns how many. */
size_t go_stack_pcs(struct go_code *code, const struct go_frame *frames, size_t n_frames,
                    uint64_t *pcs, size_t max);

/* The address inside the call of a frame. */
uint64_t go_frame_call(const struct go_frame *frame);

#endif
