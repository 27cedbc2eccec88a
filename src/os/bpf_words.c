#include "os/bpf_words.h"

#include "os/bpf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RING_BYTES (256u << 10)

struct bpf_words {
    int map, program;
    struct bpf_ring mapped;
};

/* --- the program --- */

/* The stack: what is handed over (struct bpf_word), and a word. */
enum { AT_WORD = -8, AT_BEFORE = -16, AT_IDS = -24, AT_TIME = -32, AT_SCRATCH = -40 };

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
        bpf_get_ids_in(c, ns, AT_IDS);
    }
    bpf_call(c, BPF_FUNC_ktime_get_ns);
    bpf_store(c, AT_TIME, BPF_REG_0);
    bpf_call(c, BPF_FUNC_get_current_task);
    bpf_move(c, BPF_REG_3, BPF_REG_0);
    bpf_read(c, AT_WORD, 8, (int32_t)fs, BPF_FUNC_probe_read_kernel);
    for (size_t i = 0; i < n; i++) {
        bpf_load(c, BPF_REG_3, AT_WORD);
        bpf_store(c, AT_BEFORE, BPF_REG_3);
        bpf_read(c, AT_WORD, 8, (int32_t)offsets[i], BPF_FUNC_probe_read_user);
    }
    bpf_output(c, map, AT_TIME, sizeof(struct bpf_word));
    bpf_here(c);
    bpf_end(c, 1); /* the sample is taken in any case */
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
    struct bpf_code code = {0};
    struct bpf_words *w = calloc(1, sizeof *w);
    if (!w) {
        err_nomem(err);
        return NULL;
    }
    w->program = -1;
    w->map = bpf_make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, RING_BYTES);
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
    if (!bpf_members(members, 2, err)) {
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
    bpf_close((const int[]){w->program, w->map}, 2);
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
