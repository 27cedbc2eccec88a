/* bpf: what BPF programs are made of, for bpf_gaps.c, bpf_wakes.c, bpf_words.c, perf_waits.c and
 * uprobe.c only: instructions, put together here, so that nothing but the kernel is needed to build
 * or load them; and where members of the kernel's own structs lie, out of its type information
 * (BTF).
 * Units: offsets in bytes.
 * Threads: one at a time a struct.  Signals: no. */
#ifndef SONDE_OS_BPF_H
#define SONDE_OS_BPF_H

#include "base/err.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define BPF_CODE_MAX 2048
#define BPF_INITIAL_PID_NAMESPACE 0xeffffffcu /* its inode, in all kernels */

int bpf_syscall(int command, union bpf_attr *attr);

struct bpf_member {
    const char *type, *member;
    uint64_t offset;
};
/* Fills in the offsets, which may not be 0.  False: some are not known (ERR_UNSUPPORTED).  Some ms.
 */
bool bpf_members(struct bpf_member *members, size_t n, struct err *err);
/* Whether we are in the namespace in which the kernel numbers threads.  False: ERR_UNSUPPORTED. */
bool bpf_sees_all_threads(struct err *err);

/* Descriptors; -1 and errno. */
int bpf_make_map(uint32_t type, uint32_t key_bytes, uint32_t value_bytes, uint32_t n);
/* Of a map whose keys and values are of 4 bytes. */
bool bpf_map_put(int map, uint32_t key, uint32_t value);
/* Keys and values are as long as the map's.  False: there is none. */
bool bpf_map_get(int map, const void *key, void *value);
/* The key after this one (NULL: the first one); false: there is none. */
bool bpf_map_next(int map, const void *key, void *next);
/* Closes those that are not negative. */
void bpf_close(const int *fds, size_t n);

/* Begins zeroed. */
struct bpf_code {
    struct bpf_insn insns[BPF_CODE_MAX];
    int n;
    int outs[BPF_CODE_MAX], n_outs; /* jumps to bpf_here */
};

void bpf_emit(struct bpf_code *c, uint8_t op, uint8_t dst, uint8_t src, int16_t off, int32_t imm);
void bpf_move(struct bpf_code *c, uint8_t dst, uint8_t src);
void bpf_set(struct bpf_code *c, uint8_t dst, int32_t value);
void bpf_add(struct bpf_code *c, uint8_t dst, int32_t value);
void bpf_set_wide(struct bpf_code *c, uint8_t dst, uint8_t kind, uint64_t value);
/* Places on the stack count down from its frame pointer. */
void bpf_set_stack(struct bpf_code *c, uint8_t dst, int at);
void bpf_load(struct bpf_code *c, uint8_t dst, int at);  /* 8 bytes of the stack */
void bpf_store(struct bpf_code *c, int at, uint8_t src); /* the same */
void bpf_load_from(struct bpf_code *c, uint8_t dst, uint8_t base, int16_t off); /* 8 bytes there */
void bpf_call(struct bpf_code *c, int32_t function);
void bpf_end(struct bpf_code *c, int32_t result);
/* The memory that R3 + `offset` points to onto the stack, by a function for user's or kernel's;
 * out (bpf_out) if it cannot be read. */
void bpf_read(struct bpf_code *c, int into, int32_t n_bytes, int32_t offset, int32_t function);
/* The numbers of the current thread and its process, 4 bytes each, as that namespace (what stat
 * says of it) has them; out if it is of another one. */
void bpf_get_ids_in(struct bpf_code *c, const struct stat *ns, int into);
/* R0: where the value lies whose key is on the stack; 0: there is none. */
void bpf_look_up(struct bpf_code *c, int map, int key);
void bpf_delete(struct bpf_code *c, int map, int key);
/* Both are on the stack. */
void bpf_update(struct bpf_code *c, int map, int key, int value);
/* Hands over so much of the stack; R0: 0 if there was room. */
void bpf_output(struct bpf_code *c, int ring, int at, int32_t n_bytes);
/* Jumps to where bpf_here is called next: if `op` (BPF_JEQ ...) holds of a register and a value. */
void bpf_out(struct bpf_code *c, uint8_t op, uint8_t reg, int32_t value);
void bpf_out_unless_zero(struct bpf_code *c); /* the result of a call */
void bpf_here(struct bpf_code *c);
/* A jump, to where bpf_land is called with what this returns. */
int bpf_jump(struct bpf_code *c, uint8_t op, uint8_t reg, int32_t value);
void bpf_land(struct bpf_code *c, int jump);

/* A ring buffer of the kernel's as we read it: a page with how far we are, a page with how far it
 * is, then the data, twice.  One reader. */
struct bpf_ring {
    size_t page_bytes, n_bytes; /* of data: a power of two */
    uint64_t *consumer;
    const uint8_t *producer;
};
/* Map that of the descriptor.  False and errno; release it in any case. */
bool bpf_ring_map(struct bpf_ring *ring, int fd, size_t n_bytes);
void bpf_ring_unmap(struct bpf_ring *ring); /* also fine on a zeroed struct */
/* Hand over the records there are and make room; one is valid for the call. */
void bpf_ring_drain(struct bpf_ring *ring, void (*take)(void *arg, const uint8_t *record, size_t n),
                    void *arg);

/* The program's descriptor, -1 and errno. */
int bpf_load_program(const struct bpf_code *c, uint32_t type);
/* The same of one for a way of attaching that the kernel wants to know before. */
int bpf_load_program_for(const struct bpf_code *c, uint32_t type, uint32_t attach_type);
/* Has a raw tracepoint run it, until the descriptor is closed; -1 and errno. */
int bpf_hook(const char *tracepoint, int program);
/* Why a call failed, by errno's value: ERR_PERM with what would do, ERR_UNSUPPORTED.  False. */
bool bpf_denied(struct err *err, int e);

#endif
