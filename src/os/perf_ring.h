/* perf_ring: what perf events are made of, for perf.c, perf_attach.c, perf_decode.c and
 * perf_waits.c only. Threads: one at a time a struct.  Signals: no. */
#ifndef SONDE_OS_PERF_RING_H
#define SONDE_OS_PERF_RING_H

#include "base/vec.h"
#include "os/perf.h"

#include <poll.h>

/* Registers in the order of their numbers, as the kernel delivers them. */
#if defined(__x86_64__)
#define REG_FP 6
#define REG_SP 7
#define REG_PC 8
#define REG_R14 22 /* Go's current goroutine */
#define REGS (1u << REG_FP | 1u << REG_SP | 1u << REG_PC | 1u << REG_R14)
#elif defined(__aarch64__)
#define REG_FP 29
#define REG_LR 30
#define REG_SP 31
#define REG_PC 32
#define REGS (1ull << REG_FP | 1ull << REG_LR | 1ull << REG_SP | 1ull << REG_PC)
#endif

/* Of one processor. */
struct ring {
    int fd, cpu;
    uint8_t *map; /* a control page, then the data */
};

struct perf {
    struct ring *rings; /* room for every processor */
    struct pollfd *polls;
    size_t n_rings;
    VEC(int) more; /* events that write into the rings of others */
    size_t page_bytes, data_bytes;
    long n_cpus;
    uint64_t period_ns;
    bool has_payload; /* its samples: PERF_SAMPLE_RAW */
    uint8_t *whole;   /* a record that wraps around the ring's end */
};

/* What kernel and permissions allow. */
struct perf_features {
    bool kernel, build_id;
};

int perf_open_event(const struct perf_event_attr *attr, pid_t pid, int cpu);
/* Without what is particular to a way of opening. */
struct perf_event_attr perf_make_attr(const struct perf_options *options,
                                      const struct perf_features *features, size_t stack_bytes);
/* The best set that an event on ourselves is granted; false with errno's value in *e when
 * none is. */
bool perf_probe(const struct perf_options *options, struct perf_features *features, int *e);
/* Why an event on ourselves is denied.  Returns false. */
bool perf_denied(struct err *err, int e);
int perf_paranoid_level(void); /* -1: not known */

/* Without events and rings. */
struct perf *perf_new_empty(struct err *err);
/* A ring on the event `fd` of the processor `cpu`; takes fd over.  0, or errno's value, and the
 * descriptor is closed. */
int perf_add_ring(struct perf *perf, int fd, int cpu);
/* The same, into the ring that the processor has, if it has one. */
int perf_add_event(struct perf *perf, int fd, int cpu);
void perf_close_rings(struct perf *perf);
/* The bytes of stack that each sample may have with rings of this size. */
size_t perf_stack_bytes(const struct perf *perf, uint64_t period_ns);
/* Calls `open` with rings of less and less size until it is granted the memory (EPERM and ENOMEM
 * are refusals).  0, or errno's value. */
int perf_fit_rings(struct perf *perf, int (*open)(struct perf *perf, void *arg), void *arg);
/* As perf_drain, but what was taken stays. */
void perf_peek(struct perf *perf, perf_take_fn *take, void *arg);
bool perf_no_rings(struct err *err, int e); /* why that failed */

#endif
