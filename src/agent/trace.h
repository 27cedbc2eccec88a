/* trace: what an execution trace is made of, noted by the threads themselves
 * (wire/trace_raw.h): each fills chunks of memory that it alone writes to.
 *
 * In: what threads do, from the functions that stand in for libc's, and the program's own tasks,
 * regions and logs.  Out: records; who reads them is another matter (trace_pump.h, and `sonde
 * record`).
 * A thread is entered when it begins, or at its first event.  An event costs some 20 ns, and
 * its stack 5 to 20 when it is the same as lately (trace_stack), else half a us; memory that has
 * not been used before, 10 to 20 a record.
 *
 * Threads: any, lock-free.  Signals: trace_sample and trace_log_in_handler are async-signal-safe;
 * what a handler of the
 * program's does while the thread it interrupts is in here is not noted.
 * Memory: mapped, kept for ever; a child by fork has none of it. */
#ifndef SONDE_AGENT_TRACE_H
#define SONDE_AGENT_TRACE_H

#include "agent/store.h"
#include "unwind/walk.h"
#include "wire/trace_raw.h"

#define TRACE_BYTES_USUAL (64u << 20)
#define TRACE_BYTES_MIN (256u << 10)

/* Whether threads note what they do. */
extern bool trace_is_on;

static inline bool trace_on(void)
{
    return __builtin_expect(__atomic_load_n(&trace_is_on, __ATOMIC_RELAXED), 0);
}

/* Maps the memory: a file in the folder `dir` beside PID-`number`.wire, or (NULL) anonymous
 * memory; about n_bytes.  `keeps_last`: when it is full the oldest is overwritten.  False and
 * errno.  The memory of before is used again where it is large enough. */
bool trace_open(const char *dir, int number, uint64_t n_bytes, bool keeps_last);
struct trace_raw_header *trace_memory(void); /* NULL: none */

void trace_start(void);
void trace_stop(void);
/* In a forked child: nothing is traced, and nothing of its parent's is there. */
void trace_reset(void);

/* The number of a row of the store, as records have it; 0: NULL. */
static inline uint32_t trace_row(const struct store *store, const struct wire_stack *row)
{
    return row ? (uint32_t)(((uint64_t)row - (uint64_t)store->header) / 8) : 0;
}

/* The clock of the trace. */
extern uint32_t trace_clock; /* enum trace_raw_clock */
static inline uint64_t trace_now(void)
{
    return __builtin_expect(trace_clock == TRACE_CLOCK_TSC, 1) ? __builtin_ia32_rdtsc()
                                                               : trace_raw_mono_ns();
}

/* The calling thread's part (trace_thread.h). */
struct trace_thread;

/* An event with two texts, one after the other; cut to TRACE_RAW_TEXT_MAX. */
void trace_add_texts(struct trace_thread *thread, struct trace_record *record, const char *first,
                     size_t n_first, const char *second, size_t n_second);

/* The wait that is known of a thread (trace_wait.h). */
struct trace_known_wait {
    const void *on; /* NULL: none */
    uint64_t begin, sp;
    bool is_mutex;
    bool is_over; /* but it is still counted */
};

/* A thread is about to be made, which begins in `run`: what it is to be told.  0: not traced. */
struct trace_birth {
    uint64_t ticks;
    int tid;
};
struct trace_birth trace_makes_thread(const void *run, const struct walk_regs *regs);
/* The calling thread begins, or ends. */
void trace_thread_begin(struct trace_birth birth);
void trace_thread_end(void);

/* CPU time was sampled, with this stack. */
void trace_sample(uint32_t stack);
/* A message of the thread that is in a handler: two texts, one after the other, of n bytes in all,
 * and zeros to the end of the last TRACE_RAW_TEXT_BYTES; its stack is the function at `pc`. Nothing
 * when the thread has noted nothing yet, or its place for records is full at that moment. */
void trace_log_in_handler(const char *texts, size_t n_first, size_t n, uint64_t pc);

#endif
