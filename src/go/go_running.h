/* go_running: where goroutines are that run: by the registers of their threads.
 * In: goroutines that were running.  Out: where their stacks begin.
 * Threads: one at a time a program.  Signals: no. */
#ifndef SONDE_GO_RUNNING_H
#define SONDE_GO_RUNNING_H

#include "go/go_goroutines.h"
#include "os/tasks.h"

/* The thread that runs the goroutine; 0: none does, or it is not among `tasks`. */
pid_t go_running_thread(const struct go_program *program, const struct task_list *tasks,
                        const struct go_goroutine *g);

/* The registers of its thread in a core file: the one that stood on its stack, or that its m
 * names.  False: there is none. */
bool go_running_registers(const struct go_program *program, const struct go_goroutine *g,
                          uint64_t *pc, uint64_t *sp);

/* Set g->stack.pc and sp for one whose thread is at pc, sp: there, or where it left its own
 * stack (for one of the runtime's, or to ask the kernel's clock).  False: not known. */
bool go_running_place(const struct go_program *program, struct go_goroutine *g, uint64_t pc,
                      uint64_t sp);

#endif
