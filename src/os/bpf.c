#include "os/bpf.h"

#include "base/reader.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the instructions that are made here. */
#define PROGRAM_LICENSE "Dual BSD/GPL"

int bpf_syscall(int command, union bpf_attr *attr)
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

static bool find_members(struct bpf_member *members, size_t n)
{
    AUTO_FILE file = {0};
    struct btf_header h;
    if (!file_read(&file, "/sys/kernel/btf/vmlinux", NULL) || file.len < sizeof h)
        return false;
    memcpy(&h, file.data, sizeof h);
    if (h.magic != BTF_MAGIC || h.header_bytes > file.len)
        return false;
    const char *base = (const char *)file.data + h.header_bytes;
    size_t left = file.len - h.header_bytes;
    if (h.types > left || h.types_bytes > left - h.types || h.strings > left ||
        h.strings_bytes > left - h.strings)
        return false;
    struct str types = {base + h.types, h.types_bytes},
               strings = {base + h.strings, h.strings_bytes};
    for (size_t i = 0; i < n; i++) {
        members[i].offset = member_offset(types, strings, members[i].type, members[i].member);
        if (!members[i].offset)
            return false;
    }
    return true;
}

bool bpf_members(struct bpf_member *members, size_t n, struct err *err)
{
    return find_members(members, n) ||
           err_set(err, ERR_UNSUPPORTED, "this kernel has no type information (BTF)");
}

bool bpf_sees_all_threads(struct err *err)
{
    struct stat ns;
    return (stat("/proc/self/ns/pid", &ns) == 0 && ns.st_ino == BPF_INITIAL_PID_NAMESPACE) ||
           err_set(err, ERR_UNSUPPORTED,
                   "sonde is in a pid namespace (a container); outside of it, it sees them");
}

/* --- maps --- */

int bpf_make_map(uint32_t type, uint32_t key_bytes, uint32_t value_bytes, uint32_t n)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.map_type = type;
    attr.key_size = key_bytes;
    attr.value_size = value_bytes;
    attr.max_entries = n;
    return bpf_syscall(BPF_MAP_CREATE, &attr);
}

bool bpf_map_put(int map, uint32_t key, uint32_t value)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.map_fd = (uint32_t)map;
    attr.key = (uint64_t)(uintptr_t)&key;
    attr.value = (uint64_t)(uintptr_t)&value;
    return bpf_syscall(BPF_MAP_UPDATE_ELEM, &attr) == 0;
}

bool bpf_map_get(int map, const void *key, void *value)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.map_fd = (uint32_t)map;
    attr.key = (uint64_t)(uintptr_t)key;
    attr.value = (uint64_t)(uintptr_t)value;
    return bpf_syscall(BPF_MAP_LOOKUP_ELEM, &attr) == 0;
}

bool bpf_map_next(int map, const void *key, void *next)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.map_fd = (uint32_t)map;
    attr.key = (uint64_t)(uintptr_t)key;
    attr.next_key = (uint64_t)(uintptr_t)next;
    return bpf_syscall(BPF_MAP_GET_NEXT_KEY, &attr) == 0;
}

void bpf_close(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* --- programs --- */

void bpf_emit(struct bpf_code *c, uint8_t op, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
    if (c->n < BPF_CODE_MAX)
        c->insns[c->n++] =
            (struct bpf_insn){.code = op, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};
}

void bpf_move(struct bpf_code *c, uint8_t dst, uint8_t src)
{
    bpf_emit(c, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

void bpf_set(struct bpf_code *c, uint8_t dst, int32_t value)
{
    bpf_emit(c, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value);
}

void bpf_add(struct bpf_code *c, uint8_t dst, int32_t value)
{
    bpf_emit(c, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value);
}

void bpf_set_wide(struct bpf_code *c, uint8_t dst, uint8_t kind, uint64_t value)
{
    bpf_emit(c, BPF_LD | BPF_DW | BPF_IMM, dst, kind, 0, (int32_t)value);
    bpf_emit(c, 0, 0, 0, 0, (int32_t)(value >> 32));
}

/* Addresses of the stack count down from its frame pointer. */
void bpf_set_stack(struct bpf_code *c, uint8_t dst, int at)
{
    bpf_move(c, dst, BPF_REG_10);
    bpf_add(c, dst, at);
}

void bpf_load(struct bpf_code *c, uint8_t dst, int at)
{
    bpf_emit(c, BPF_LDX | BPF_DW | BPF_MEM, dst, BPF_REG_10, (int16_t)at, 0);
}

void bpf_store(struct bpf_code *c, int at, uint8_t src)
{
    bpf_emit(c, BPF_STX | BPF_DW | BPF_MEM, BPF_REG_10, src, (int16_t)at, 0);
}

void bpf_load_from(struct bpf_code *c, uint8_t dst, uint8_t base, int16_t off)
{
    bpf_emit(c, BPF_LDX | BPF_DW | BPF_MEM, dst, base, off, 0);
}

static void set_map(struct bpf_code *c, int map)
{
    bpf_set_wide(c, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint32_t)map);
}

static void call_with_key(struct bpf_code *c, int map, int key, int32_t function)
{
    set_map(c, map);
    bpf_set_stack(c, BPF_REG_2, key);
    bpf_call(c, function);
}

void bpf_look_up(struct bpf_code *c, int map, int key)
{
    call_with_key(c, map, key, BPF_FUNC_map_lookup_elem);
}

void bpf_delete(struct bpf_code *c, int map, int key)
{
    call_with_key(c, map, key, BPF_FUNC_map_delete_elem);
}

void bpf_update(struct bpf_code *c, int map, int key, int value)
{
    set_map(c, map);
    bpf_set_stack(c, BPF_REG_2, key);
    bpf_set_stack(c, BPF_REG_3, value);
    bpf_set(c, BPF_REG_4, BPF_ANY);
    bpf_call(c, BPF_FUNC_map_update_elem);
}

void bpf_output(struct bpf_code *c, int ring, int at, int32_t n_bytes)
{
    set_map(c, ring);
    bpf_set_stack(c, BPF_REG_2, at);
    bpf_set(c, BPF_REG_3, n_bytes);
    bpf_set(c, BPF_REG_4, BPF_RB_NO_WAKEUP);
    bpf_call(c, BPF_FUNC_ringbuf_output);
}

void bpf_read(struct bpf_code *c, int into, int32_t n_bytes, int32_t offset, int32_t function)
{
    bpf_set_stack(c, BPF_REG_1, into);
    bpf_set(c, BPF_REG_2, n_bytes);
    bpf_add(c, BPF_REG_3, offset);
    bpf_call(c, function);
    bpf_out_unless_zero(c);
}

void bpf_get_ids_in(struct bpf_code *c, const struct stat *ns, int into)
{
    bpf_set_wide(c, BPF_REG_1, 0, ns->st_dev);
    bpf_set_wide(c, BPF_REG_2, 0, ns->st_ino);
    bpf_set_stack(c, BPF_REG_3, into);
    bpf_set(c, BPF_REG_4, 8);
    bpf_call(c, BPF_FUNC_get_ns_current_pid_tgid);
    bpf_out_unless_zero(c);
}

void bpf_end(struct bpf_code *c, int32_t result)
{
    bpf_set(c, BPF_REG_0, result);
    bpf_emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void bpf_call(struct bpf_code *c, int32_t function)
{
    bpf_emit(c, BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

void bpf_out(struct bpf_code *c, uint8_t op, uint8_t reg, int32_t value)
{
    if (c->n_outs < BPF_CODE_MAX)
        c->outs[c->n_outs++] = c->n;
    bpf_emit(c, BPF_JMP | op | BPF_K, reg, 0, 0, value);
}

int bpf_jump(struct bpf_code *c, uint8_t op, uint8_t reg, int32_t value)
{
    bpf_emit(c, BPF_JMP | op | BPF_K, reg, 0, 0, value);
    return c->n - 1;
}

void bpf_land(struct bpf_code *c, int jump)
{
    c->insns[jump].off = (int16_t)(c->n - jump - 1);
}

void bpf_out_unless_zero(struct bpf_code *c)
{
    bpf_out(c, BPF_JNE, BPF_REG_0, 0);
}

void bpf_here(struct bpf_code *c)
{
    for (int i = 0; i < c->n_outs; i++)
        c->insns[c->outs[i]].off = (int16_t)(c->n - c->outs[i] - 1);
    c->n_outs = 0;
}

int bpf_load_program(const struct bpf_code *c, uint32_t type)
{
    return bpf_load_program_for(c, type, 0);
}

int bpf_load_program_for(const struct bpf_code *c, uint32_t type, uint32_t attach_type)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.prog_type = type;
    attr.expected_attach_type = attach_type;
    attr.insns = (uint64_t)(uintptr_t)c->insns;
    attr.insn_cnt = (uint32_t)c->n;
    attr.license = (uint64_t)(uintptr_t)PROGRAM_LICENSE;
    return bpf_syscall(BPF_PROG_LOAD, &attr);
}

int bpf_hook(const char *tracepoint, int program)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.raw_tracepoint.name = (uint64_t)(uintptr_t)tracepoint;
    attr.raw_tracepoint.prog_fd = (uint32_t)program;
    return bpf_syscall(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

bool bpf_denied(struct err *err, int e)
{
    if (e == EPERM || e == EACCES)
        return err_set(err, ERR_PERM,
                       "BPF programs are not permitted; be root, or have CAP_BPF and CAP_PERFMON");
    return err_set(err, ERR_UNSUPPORTED, "this kernel takes no such BPF program: %s", strerror(e));
}

bool bpf_ring_map(struct bpf_ring *ring, int fd, size_t n_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *ring = (struct bpf_ring){.page_bytes = page, .n_bytes = n_bytes};
    void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (consumer == MAP_FAILED)
        return false;
    ring->consumer = consumer;
    void *producer = mmap(NULL, page + 2 * n_bytes, PROT_READ, MAP_SHARED, fd, (off_t)page);
    if (producer == MAP_FAILED)
        return false;
    ring->producer = producer;
    return true;
}

void bpf_ring_unmap(struct bpf_ring *ring)
{
    if (ring->producer)
        munmap((void *)ring->producer, ring->page_bytes + 2 * ring->n_bytes);
    if (ring->consumer)
        munmap(ring->consumer, ring->page_bytes);
    *ring = (struct bpf_ring){0};
}

void bpf_ring_drain(struct bpf_ring *ring, void (*take)(void *arg, const uint8_t *record, size_t n),
                    void *arg)
{
    uint64_t at = *ring->consumer,
             end = __atomic_load_n((const uint64_t *)ring->producer, __ATOMIC_ACQUIRE);
    const uint8_t *data = ring->producer + ring->page_bytes;
    while (at < end) {
        const uint8_t *record = data + (at & (ring->n_bytes - 1));
        uint32_t head = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
        if (head & BPF_RINGBUF_BUSY_BIT)
            break;
        uint32_t n = head & ~BPF_RINGBUF_DISCARD_BIT;
        if (!(head & BPF_RINGBUF_DISCARD_BIT))
            take(arg, record + BPF_RINGBUF_HDR_SZ, n);
        at += (n + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
        __atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
    }
}
