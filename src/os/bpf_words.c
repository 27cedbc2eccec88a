#include "os/bpf_words.h"

#include "os/bpf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_BYTES (256u << 10)

struct bpf_words {
    int map, program;
    struct bpf_ring mapped;
};

/* --- the program --- */

/* The stack: what is handed over (struct bpf_word), and a word. */
enum { AT_WORD = -8, AT_BEFORE = -16, AT_IDS = -24, AT_TIME = -32, AT_SCRATCH = -40 };

/* Reads 8 bytes at R3, by a function for user's or kernel's memory. */
static void read_at(struct bpf_code *c, int into, int32_t function)
{
    bpf_set_stack(c, BPF_REG_1, into);
    bpf_set(c, BPF_REG_2, 8);
    bpf_call(c, function);
    bpf_out_unless_zero(c);
}

static void make_program(struct bpf_code *c, int map, uint64_t fs, const int64_t *offsets, size_t n,
                         const struct stat *ns)
{
    bpf_set(c, BPF_REG_0, 0);
    for (int at = AT_WORD; at >= AT_SCRATCH; at -= 8)
        bpf_store(c, at, BPF_REG_0);
    /* As our own namespace numbers threads: a pid and tgid of 4 bytes each, the thread first. The
     * initial one numbers those of all containers; another one only those that are in itself. */
    if (ns->st_ino == BPF_INITIAL_PID_NAMESPACE) {
        bpf_call(c, BPF_FUNC_get_current_pid_tgid);
        bpf_store(c, AT_IDS, BPF_REG_0);
    } else {
        bpf_set_wide(c, BPF_REG_1, 0, ns->st_dev);
        bpf_set_wide(c, BPF_REG_2, 0, ns->st_ino);
        bpf_set_stack(c, BPF_REG_3, AT_IDS);
        bpf_set(c, BPF_REG_4, 8);
        bpf_call(c, BPF_FUNC_get_ns_current_pid_tgid);
        bpf_out_unless_zero(c);
    }
    bpf_call(c, BPF_FUNC_ktime_get_ns);
    bpf_store(c, AT_TIME, BPF_REG_0);
    bpf_call(c, BPF_FUNC_get_current_task);
    bpf_move(c, BPF_REG_3, BPF_REG_0);
    bpf_add(c, BPF_REG_3, (int32_t)fs);
    read_at(c, AT_WORD, BPF_FUNC_probe_read_kernel);
    for (size_t i = 0; i < n; i++) {
        bpf_load(c, BPF_REG_3, AT_WORD);
        bpf_store(c, AT_BEFORE, BPF_REG_3);
        bpf_add(c, BPF_REG_3, (int32_t)offsets[i]);
        read_at(c, AT_WORD, BPF_FUNC_probe_read_user);
    }
    bpf_set_wide(c, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint32_t)map);
    bpf_set_stack(c, BPF_REG_2, AT_TIME);
    bpf_set(c, BPF_REG_3, sizeof(struct bpf_word));
    bpf_set(c, BPF_REG_4, BPF_RB_NO_WAKEUP);
    bpf_call(c, BPF_FUNC_ringbuf_output);
    bpf_here(c);
    bpf_set(c, BPF_REG_0, 1); /* the sample is taken in any case */
    bpf_emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* --- */

/* Are the numbers of its threads to be had? */
static bool is_numbered(pid_t pid, const struct stat *ns)
{
    char path[64];
    struct stat other;
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    return ns->st_ino == BPF_INITIAL_PID_NAMESPACE ||
           (stat(path, &other) == 0 && other.st_ino == ns->st_ino);
}

struct bpf_words *bpf_words_new(pid_t pid, const int64_t *offsets, size_t n, struct err *err)
{
#ifndef __x86_64__
    err_set(err, ERR_UNSUPPORTED, "on x86-64 only");
    return NULL;
#endif
    struct stat ns;
    union bpf_attr attr;
    struct bpf_code code = {0};
    struct bpf_words *w = calloc(1, sizeof *w);
    if (!w) {
        err_nomem(err);
        return NULL;
    }
    w->program = -1;
    memset(&attr, 0, sizeof attr);
    attr.map_type = BPF_MAP_TYPE_RINGBUF;
    attr.max_entries = RING_BYTES;
    w->map = bpf_syscall(BPF_MAP_CREATE, &attr);
    if (w->map < 0 || !bpf_ring_map(&w->mapped, w->map, RING_BYTES) ||
        stat("/proc/self/ns/pid", &ns) != 0) {
        bpf_denied(err, errno);
        bpf_words_free(w);
        return NULL;
    }
    if (!is_numbered(pid, &ns)) {
        err_set(err, ERR_UNSUPPORTED,
                "sonde is in a pid namespace (a container), and the process in another one");
        bpf_words_free(w);
        return NULL;
    }
    struct bpf_member members[] = {{"task_struct", "thread", 0}, {"thread_struct", "fsbase", 0}};
    if (!bpf_members(members, 2)) {
        err_set(err, ERR_UNSUPPORTED, "this kernel has no type information (BTF)");
        bpf_words_free(w);
        return NULL;
    }
    make_program(&code, w->map, members[0].offset + members[1].offset, offsets,
                 n < BPF_WORDS_STEPS_MAX ? n : BPF_WORDS_STEPS_MAX, &ns);
    w->program = bpf_load_program(&code, BPF_PROG_TYPE_PERF_EVENT);
    if (w->program >= 0)
        return w;
    bpf_denied(err, errno);
    bpf_words_free(w);
    return NULL;
}

void bpf_words_free(struct bpf_words *w)
{
    if (!w)
        return;
    bpf_ring_unmap(&w->mapped);
    if (w->program >= 0)
        close(w->program);
    if (w->map >= 0)
        close(w->map);
    free(w);
}

int bpf_words_program(const struct bpf_words *w)
{
    return w->program;
}

struct taking {
    void (*take)(void *arg, const struct bpf_word *word);
    void *arg;
};

static void take_record(void *arg, const uint8_t *record, size_t n)
{
    const struct taking *taking = arg;
    struct bpf_word word;
    if (n != sizeof word)
        return;
    memcpy(&word, record, sizeof word);
    taking->take(taking->arg, &word);
}

void bpf_words_drain(struct bpf_words *w, void (*take)(void *arg, const struct bpf_word *word),
                     void *arg)
{
    bpf_ring_drain(&w->mapped, take_record, &(struct taking){take, arg});
}
