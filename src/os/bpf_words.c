#include "os/bpf_words.h"

#include "base/reader.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_BYTES (256u << 10)
#define PROGRAM_MAX 128
/* Of the instructions below. */
#define PROGRAM_LICENSE "Dual BSD/GPL"

struct bpf_words {
    int map, program;
    size_t page_bytes;
    uint64_t *consumer;
    const uint8_t *producer; /* a page with how far it is, then the data, twice */
};

static int bpf(int command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

/* --- the kernel's types --- */

#define BTF_MAGIC 0xeb9f
enum {
    BTF_ARRAY = 3,
    BTF_STRUCT = 4,
    BTF_UNION,
    BTF_ENUM,
    BTF_FUNC_PROTO = 13,
    BTF_VAR,
    BTF_DATASEC,
    BTF_DECL_TAG = 17,
    BTF_ENUM64 = 19
};

struct btf_header {
    uint16_t magic;
    uint8_t version, flags;
    uint32_t header_bytes, types, types_bytes, strings, strings_bytes;
};

struct btf_type {
    uint32_t name, info, size;
};

struct btf_member {
    uint32_t name, type, offset;
};

/* What follows a type. */
static uint64_t rest_bytes(uint32_t info)
{
    uint64_t n = info & 0xffff;
    switch (info >> 24 & 31) {
    case 1: /* an integer */
    case BTF_VAR:
    case BTF_DECL_TAG:
        return 4;
    case BTF_ARRAY:
        return 12;
    case BTF_STRUCT:
    case BTF_UNION:
    case BTF_DATASEC:
    case BTF_ENUM64:
        return 12 * n;
    case BTF_ENUM:
    case BTF_FUNC_PROTO:
        return 8 * n;
    default:
        return 0;
    }
}

static bool is_named(struct str strings, uint32_t at, const char *name)
{
    size_t n = strlen(name) + 1;
    return at < strings.len && strings.len - at >= n && memcmp(strings.p + at, name, n) == 0;
}

/* Offset in bytes of a member of a struct with this name; 0: there is none. */
static uint64_t member_offset(struct str types, struct str strings, const char *name,
                              const char *member)
{
    struct cursor c = cursor_of(types.p, types.len);
    while (cursor_left(&c) >= sizeof(struct btf_type)) {
        struct btf_type type;
        memcpy(&type, cursor_bytes(&c, sizeof type).p, sizeof type);
        struct str rest = cursor_bytes(&c, rest_bytes(type.info));
        if (c.bad)
            break;
        if ((type.info >> 24 & 31) != BTF_STRUCT || !is_named(strings, type.name, name))
            continue;
        for (size_t at = 0; at + sizeof(struct btf_member) <= rest.len;
             at += sizeof(struct btf_member)) {
            struct btf_member m;
            memcpy(&m, rest.p + at, sizeof m);
            if (is_named(strings, m.name, member))
                return (type.info >> 31 ? m.offset & 0xffffff : m.offset) / 8;
        }
    }
    return 0;
}

/* Of the thread pointer in the kernel's struct of a thread; 0: not known. */
static uint64_t fs_offset(void)
{
    AUTO_FILE file = {0};
    struct btf_header h;
    if (!file_read(&file, "/sys/kernel/btf/vmlinux", NULL) || file.len < sizeof h)
        return 0;
    memcpy(&h, file.data, sizeof h);
    if (h.magic != BTF_MAGIC || h.header_bytes > file.len)
        return 0;
    const char *base = (const char *)file.data + h.header_bytes;
    size_t left = file.len - h.header_bytes;
    if (h.types > left || h.types_bytes > left - h.types || h.strings > left ||
        h.strings_bytes > left - h.strings)
        return 0;
    struct str types = {base + h.types, h.types_bytes},
               strings = {base + h.strings, h.strings_bytes};
    uint64_t thread = member_offset(types, strings, "task_struct", "thread"),
             fs = member_offset(types, strings, "thread_struct", "fsbase");
    return thread && fs ? thread + fs : 0;
}

/* --- the program --- */

struct code {
    struct bpf_insn insns[PROGRAM_MAX];
    int n;
    int outs[PROGRAM_MAX], n_outs; /* jumps to the end */
};

static void emit(struct code *c, uint8_t op, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
    if (c->n < PROGRAM_MAX)
        c->insns[c->n++] =
            (struct bpf_insn){.code = op, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};
}

static void move(struct code *c, uint8_t dst, uint8_t src)
{
    emit(c, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void set(struct code *c, uint8_t dst, int32_t value)
{
    emit(c, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value);
}

static void add(struct code *c, uint8_t dst, int32_t value)
{
    emit(c, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value);
}

static void set_wide(struct code *c, uint8_t dst, uint8_t kind, uint64_t value)
{
    emit(c, BPF_LD | BPF_DW | BPF_IMM, dst, kind, 0, (int32_t)value);
    emit(c, 0, 0, 0, 0, (int32_t)(value >> 32));
}

/* Addresses of the stack count down from its frame pointer. */
static void set_stack(struct code *c, uint8_t dst, int at)
{
    move(c, dst, BPF_REG_10);
    add(c, dst, at);
}

static void load(struct code *c, uint8_t dst, int at)
{
    emit(c, BPF_LDX | BPF_DW | BPF_MEM, dst, BPF_REG_10, (int16_t)at, 0);
}

static void store(struct code *c, int at, uint8_t src)
{
    emit(c, BPF_STX | BPF_DW | BPF_MEM, BPF_REG_10, src, (int16_t)at, 0);
}

static void call(struct code *c, int32_t function)
{
    emit(c, BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

static void out_unless_zero(struct code *c)
{
    c->outs[c->n_outs++] = c->n;
    emit(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 0, 0);
}

/* The stack: what is handed over (struct bpf_word), and a word. */
enum { AT_WORD = -8, AT_BEFORE = -16, AT_IDS = -24, AT_TIME = -32, AT_SCRATCH = -40 };

/* Reads 8 bytes at R3, by a function for user's or kernel's memory. */
static void read_at(struct code *c, int into, int32_t function)
{
    set_stack(c, BPF_REG_1, into);
    set(c, BPF_REG_2, 8);
    call(c, function);
    out_unless_zero(c);
}

static void make_program(struct code *c, int map, uint64_t fs, const int64_t *offsets, size_t n,
                         const struct stat *ns)
{
    set(c, BPF_REG_0, 0);
    for (int at = AT_WORD; at >= AT_SCRATCH; at -= 8)
        store(c, at, BPF_REG_0);
    /* As our own namespace numbers threads: a pid and tgid of 4 bytes each, the thread first. */
    set_wide(c, BPF_REG_1, 0, ns->st_dev);
    set_wide(c, BPF_REG_2, 0, ns->st_ino);
    set_stack(c, BPF_REG_3, AT_IDS);
    set(c, BPF_REG_4, 8);
    call(c, BPF_FUNC_get_ns_current_pid_tgid);
    out_unless_zero(c);
    call(c, BPF_FUNC_ktime_get_ns);
    store(c, AT_TIME, BPF_REG_0);
    call(c, BPF_FUNC_get_current_task);
    move(c, BPF_REG_3, BPF_REG_0);
    add(c, BPF_REG_3, (int32_t)fs);
    read_at(c, AT_WORD, BPF_FUNC_probe_read_kernel);
    for (size_t i = 0; i < n; i++) {
        load(c, BPF_REG_3, AT_WORD);
        store(c, AT_BEFORE, BPF_REG_3);
        add(c, BPF_REG_3, (int32_t)offsets[i]);
        read_at(c, AT_WORD, BPF_FUNC_probe_read_user);
    }
    set_wide(c, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint32_t)map);
    set_stack(c, BPF_REG_2, AT_TIME);
    set(c, BPF_REG_3, sizeof(struct bpf_word));
    set(c, BPF_REG_4, BPF_RB_NO_WAKEUP);
    call(c, BPF_FUNC_ringbuf_output);
    for (int i = 0; i < c->n_outs; i++)
        c->insns[c->outs[i]].off = (int16_t)(c->n - c->outs[i] - 1);
    set(c, BPF_REG_0, 1); /* the sample is taken in any case */
    emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int load_program(const struct code *c)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_PERF_EVENT;
    attr.insns = (uint64_t)(uintptr_t)c->insns;
    attr.insn_cnt = (uint32_t)c->n;
    attr.license = (uint64_t)(uintptr_t)PROGRAM_LICENSE;
    return bpf(BPF_PROG_LOAD, &attr);
}

/* --- */

static bool map_ring(struct bpf_words *w)
{
    void *consumer = mmap(NULL, w->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, w->map, 0);
    if (consumer == MAP_FAILED)
        return false;
    w->consumer = consumer;
    void *producer = mmap(NULL, w->page_bytes + 2 * RING_BYTES, PROT_READ, MAP_SHARED, w->map,
                          (off_t)w->page_bytes);
    if (producer == MAP_FAILED)
        return false;
    w->producer = producer;
    return true;
}

static bool set_denied(struct err *err, int e)
{
    if (e == EPERM || e == EACCES)
        return err_set(err, ERR_PERM,
                       "BPF programs are not permitted; be root, or have CAP_BPF and CAP_PERFMON");
    return err_set(err, ERR_UNSUPPORTED, "this kernel takes no such BPF program: %s", strerror(e));
}

struct bpf_words *bpf_words_new(const int64_t *offsets, size_t n, struct err *err)
{
#ifndef __x86_64__
    err_set(err, ERR_UNSUPPORTED, "on x86-64 only");
    return NULL;
#endif
    struct stat ns;
    union bpf_attr attr;
    struct code code = {0};
    struct bpf_words *w = calloc(1, sizeof *w);
    if (!w) {
        err_nomem(err);
        return NULL;
    }
    w->program = -1;
    w->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    memset(&attr, 0, sizeof attr);
    attr.map_type = BPF_MAP_TYPE_RINGBUF;
    attr.max_entries = RING_BYTES;
    w->map = bpf(BPF_MAP_CREATE, &attr);
    if (w->map < 0 || !map_ring(w) || stat("/proc/self/ns/pid", &ns) != 0) {
        set_denied(err, errno);
        bpf_words_free(w);
        return NULL;
    }
    uint64_t fs = fs_offset();
    if (!fs) {
        err_set(err, ERR_UNSUPPORTED, "this kernel has no type information (BTF)");
        bpf_words_free(w);
        return NULL;
    }
    make_program(&code, w->map, fs, offsets, n < BPF_WORDS_STEPS_MAX ? n : BPF_WORDS_STEPS_MAX,
                 &ns);
    w->program = load_program(&code);
    if (w->program >= 0)
        return w;
    set_denied(err, errno);
    bpf_words_free(w);
    return NULL;
}

void bpf_words_free(struct bpf_words *w)
{
    if (!w)
        return;
    if (w->producer)
        munmap((void *)w->producer, w->page_bytes + 2 * RING_BYTES);
    if (w->consumer)
        munmap(w->consumer, w->page_bytes);
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

void bpf_words_drain(struct bpf_words *w, void (*take)(void *arg, const struct bpf_word *word),
                     void *arg)
{
    uint64_t at = *w->consumer,
             end = __atomic_load_n((const uint64_t *)w->producer, __ATOMIC_ACQUIRE);
    const uint8_t *data = w->producer + w->page_bytes;
    while (at < end) {
        const uint8_t *record = data + (at & (RING_BYTES - 1));
        uint32_t head = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
        if (head & BPF_RINGBUF_BUSY_BIT)
            break;
        uint32_t n = head & ~BPF_RINGBUF_DISCARD_BIT;
        struct bpf_word word;
        if (!(head & BPF_RINGBUF_DISCARD_BIT) && n == sizeof word) {
            memcpy(&word, record + BPF_RINGBUF_HDR_SZ, sizeof word);
            take(arg, &word);
        }
        at += (n + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
    }
    __atomic_store_n(w->consumer, at, __ATOMIC_RELEASE);
}
