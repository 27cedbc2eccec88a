#include "os/uprobe.h"

#include "base/reader.h"
#include "os/bpf.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define RING_BYTES (8u << 20)
#define PLACES_MAX 16

/* What the programs and we share. */
struct control {
    uint64_t n_hits, limit, n_lost;
};

/* A record: these words, then the stack, then the second argument and texts. */
enum {
    WORD_TIME,
    WORD_INFO, /* kind, from, to, wait reason, number of frames, mode: a byte each */
    WORD_P,
    WORD_G,
    WORD_GOID,
    WORD_THREAD,
    WORD_CURRENT,
    WORD_CURRENT_GOID,
    WORD_CALLER,
    WORD_ARG,
    N_WORDS
};
#define RECORD_BYTES (N_WORDS * 8)
#define STACK_RECORD_BYTES (RECORD_BYTES + UPROBE_FRAMES_MAX * 8)
#define TEXTS_AT (STACK_RECORD_BYTES + 8)

/* As it is in a record. */
struct text {
    uint64_t address, length, result; /* 0: the bytes were read */
    char bytes[UPROBE_TEXT_MAX];
};

/* The program's stack: the record's words (WORD_TIME lowest), then its own. */
enum {
    AT_WORDS = -RECORD_BYTES,
    AT_M = AT_WORDS - 8,
    AT_SELF = AT_WORDS - 16, /* r14 */
    AT_FRAME = AT_WORDS - 32,
    AT_RETURN = AT_WORDS - 24, /* the word after AT_FRAME */
    AT_FROM = AT_WORDS - 40,
    AT_TO = AT_WORDS - 48,
    AT_KEY = AT_WORDS - 56
};

/* The kernel's struct pt_regs, which programs at probes are handed. */
enum {
    REG_R14 = 8,
    REG_RBP = 32,
    REG_RBX = 40,
    REG_RAX = 80,
    REG_RCX = 88,
    REG_RSI = 104,
    REG_RDI = 112,
    REG_FLAGS = 144,
    REG_RSP = 152,
};
#define FLAGS_JBE 0x41 /* it jumps with one of these: carry, zero */

/* Where Go's functions have their arguments. */
static const int16_t arguments[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDI, REG_RSI};

/* Kernels that attach a program to many places in one call (BPF_TRACE_UPROBE_MULTI), and then to
 * all threads of the process: they take breakpoints out all at once. */
#define MULTI_SINCE_MAJOR 6
#define MULTI_SINCE_MINOR 11
#define MULTI_ATTACH_TYPE 48

/* Of the attributes of BPF_LINK_CREATE; older headers do not have it. */
struct multi_link {
    uint32_t program, unused, attach_type, flags;
    uint64_t path, offsets, counters, cookies;
    uint32_t n, multi_flags, pid;
};

struct uprobes {
    pid_t pid;
    char executable[64];
    uint32_t type; /* of the kernel's perf events */
    struct uprobe_place places[PLACES_MAX];
    int programs[PLACES_MAX], events[PLACES_MAX];
    size_t n;
    bool is_multi;          /* by one link, to a program that passes on to that of the place */
    int table, first, link; /* of it; -1 */
    int ring, control_map;
    struct control *control;
    size_t page_bytes;
    struct bpf_ring mapped;
};

/* --- the programs --- */

static int at_word(int word)
{
    return AT_WORDS + 8 * word;
}

/* A jump to where bpf_land is called for it. */
static int jump(struct bpf_code *c, uint8_t op, uint8_t dst, uint8_t src)
{
    bpf_emit(c, (uint8_t)(BPF_JMP | op), dst, src, 0, 0);
    return c->n - 1;
}

static void load_register(struct bpf_code *c, uint8_t dst, int16_t reg)
{
    bpf_load_from(c, dst, BPF_REG_6, reg);
}

/* Ends the program unless `op` holds. */
static void go_on_if(struct bpf_code *c, uint8_t op, uint8_t reg, int32_t value)
{
    bpf_emit(c, (uint8_t)(BPF_JMP | op | BPF_K), reg, 0, 2, value);
    bpf_end(c, 0); /* 2 instructions */
}

/* n bytes of the process at what the word `from` of the stack points to; what cannot be read is 0.
 */
static void read_user(struct bpf_code *c, int into, int n, int from, int32_t offset)
{
    bpf_set_stack(c, BPF_REG_1, into);
    bpf_set(c, BPF_REG_2, n);
    bpf_load(c, BPF_REG_3, from);
    bpf_add(c, BPF_REG_3, offset);
    bpf_call(c, BPF_FUNC_probe_read_user);
}

static void add_one(struct bpf_code *c, int16_t at)
{
    bpf_set(c, BPF_REG_1, 1);
    bpf_emit(c, BPF_STX | BPF_DW | BPF_XADD, BPF_REG_7, BPF_REG_1, at, 0);
}

/* R7: the shared words.  Ends when the budget is spent. */
static void count_hit(struct bpf_code *c, int map)
{
    bpf_emit(c, BPF_ST | BPF_W | BPF_MEM, BPF_REG_10, 0, AT_KEY, 0);
    bpf_look_up(c, map, AT_KEY);
    go_on_if(c, BPF_JNE, BPF_REG_0, 0);
    bpf_move(c, BPF_REG_7, BPF_REG_0);
    add_one(c, offsetof(struct control, n_hits));
    bpf_emit(c, BPF_LDX | BPF_DW | BPF_MEM, BPF_REG_1, BPF_REG_7, offsetof(struct control, n_hits),
             0);
    bpf_emit(c, BPF_LDX | BPF_DW | BPF_MEM, BPF_REG_2, BPF_REG_7, offsetof(struct control, limit),
             0);
    int granted = jump(c, BPF_JLE | BPF_X, BPF_REG_1, BPF_REG_2);
    bpf_end(c, 0);
    bpf_land(c, granted);
}

/* A status in a register, without the collector's bit; ends for one that is ignored. */
static void take_status(struct bpf_code *c, int16_t reg, int into, uint32_t ignored)
{
    load_register(c, BPF_REG_1, reg);
    bpf_emit(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, 0xfff);
    go_on_if(c, BPF_JLT, BPF_REG_1, 32);
    bpf_store(c, into, BPF_REG_1);
    bpf_set(c, BPF_REG_2, 1);
    bpf_emit(c, BPF_ALU64 | BPF_LSH | BPF_X, BPF_REG_2, BPF_REG_1, 0, 0);
    bpf_emit(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, (int32_t)ignored);
    go_on_if(c, BPF_JEQ, BPF_REG_2, 0);
}

/* Ends when the jump is taken. */
static void pass_check(struct bpf_code *c)
{
    load_register(c, BPF_REG_1, REG_FLAGS);
    bpf_emit(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, FLAGS_JBE);
    go_on_if(c, BPF_JEQ, BPF_REG_1, 0);
}

static void read_words(struct bpf_code *c, const struct uprobe_offsets *o,
                       const struct uprobe_place *place)
{
    load_register(c, BPF_REG_1, REG_R14);
    bpf_store(c, AT_SELF, BPF_REG_1);
    read_user(c, AT_M, 8, AT_SELF, o->g_m);
    read_user(c, at_word(WORD_THREAD), 8, AT_M, o->m_procid);
    read_user(c, at_word(WORD_CURRENT), 8, AT_M, o->m_curg);
    read_user(c, AT_FRAME, 8, AT_M, o->m_p);
    bpf_emit(c, BPF_ST | BPF_DW | BPF_MEM, BPF_REG_10, 0, (int16_t)at_word(WORD_P), -1);
    bpf_load(c, BPF_REG_1, AT_FRAME);
    int no_p = jump(c, BPF_JEQ | BPF_K, BPF_REG_1, 0);
    read_user(c, at_word(WORD_P), 4, AT_FRAME, 0); /* its id comes first */
    if (place->is_status)
        read_user(c, at_word(WORD_INFO) + 5, 1, AT_FRAME, o->p_mode);
    bpf_land(c, no_p);
    load_register(c, BPF_REG_1, REG_RAX);
    bpf_store(c, place->has_number ? AT_FRAME : at_word(WORD_ARG), BPF_REG_1);
    if (place->has_number)
        read_user(c, at_word(WORD_ARG), 4, AT_FRAME, 0);
    if (place->subject == UPROBE_CURRENT)
        bpf_load(c, BPF_REG_1, at_word(WORD_CURRENT));
    else
        load_register(c, BPF_REG_1, REG_RAX);
    bpf_store(c, at_word(WORD_G), BPF_REG_1);
    read_user(c, at_word(WORD_GOID), 8, at_word(WORD_G), o->g_goid);
    read_user(c, at_word(WORD_CURRENT_GOID), 8, at_word(WORD_CURRENT), o->g_goid);
    bpf_emit(c, BPF_ST | BPF_B | BPF_MEM, BPF_REG_10, 0, (int16_t)at_word(WORD_INFO), place->kind);
    read_user(c, at_word(WORD_INFO) + 3, 1, at_word(WORD_G), o->g_wait_reason);
    /* The caller: above the stack pointer, or above the frame pointer that is saved already. */
    load_register(c, BPF_REG_1, place->in_frame ? REG_RBP : REG_RSP);
    bpf_store(c, AT_FRAME, BPF_REG_1);
    read_user(c, at_word(WORD_CALLER), 8, AT_FRAME, place->in_frame ? 8 : 0);
}

/* R8: a record of this size, or the end. */
static void reserve(struct bpf_code *c, int ring, int32_t bytes)
{
    bpf_set_wide(c, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint32_t)ring);
    bpf_set(c, BPF_REG_2, bytes);
    bpf_set(c, BPF_REG_3, 0);
    bpf_call(c, BPF_FUNC_ringbuf_reserve);
    int got = jump(c, BPF_JNE | BPF_K, BPF_REG_0, 0);
    add_one(c, offsetof(struct control, n_lost));
    bpf_end(c, 0);
    bpf_land(c, got);
    bpf_move(c, BPF_REG_8, BPF_REG_0);
}

static void submit(struct bpf_code *c)
{
    for (int i = 0; i < N_WORDS; i++) {
        bpf_load(c, BPF_REG_1, at_word(i));
        bpf_emit(c, BPF_STX | BPF_DW | BPF_MEM, BPF_REG_8, BPF_REG_1, (int16_t)(8 * i), 0);
    }
    bpf_move(c, BPF_REG_1, BPF_REG_8);
    bpf_set(c, BPF_REG_2, BPF_RB_NO_WAKEUP);
    bpf_call(c, BPF_FUNC_ringbuf_submit);
    bpf_end(c, 0);
}

static void store_frame(struct bpf_code *c, int i, uint8_t src)
{
    bpf_emit(c, BPF_STX | BPF_DW | BPF_MEM, BPF_REG_8, src, (int16_t)(RECORD_BYTES + 8 * i), 0);
    bpf_emit(c, BPF_ST | BPF_B | BPF_MEM, BPF_REG_10, 0, (int16_t)(at_word(WORD_INFO) + 4), i + 1);
}

/* The stack of the thread's goroutine, by frame pointers: from the registers when it runs on its
 * own stack, else from where it left that. */
static void walk(struct bpf_code *c, const struct uprobe_offsets *o,
                 const struct uprobe_place *place)
{
    bpf_load(c, BPF_REG_1, at_word(WORD_CURRENT));
    bpf_out(c, BPF_JEQ, BPF_REG_1, 0);
    bpf_load(c, BPF_REG_2, AT_SELF);
    int other = jump(c, BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_2);
    bpf_load(c, BPF_REG_1, at_word(WORD_CALLER));
    store_frame(c, 0, BPF_REG_1);
    load_register(c, BPF_REG_9, REG_RBP);
    if (place->in_frame) {
        bpf_store(c, AT_FRAME, BPF_REG_9);
        read_user(c, AT_FRAME, 8, AT_FRAME, 0);
        bpf_load(c, BPF_REG_9, AT_FRAME);
    }
    int walk_on = jump(c, BPF_JA, 0, 0);
    bpf_land(c, other);
    read_user(c, AT_RETURN, 8, at_word(WORD_CURRENT), o->g_sched_pc);
    bpf_load(c, BPF_REG_1, AT_RETURN);
    store_frame(c, 0, BPF_REG_1);
    read_user(c, AT_FRAME, 8, at_word(WORD_CURRENT), o->g_sched_bp);
    bpf_load(c, BPF_REG_9, AT_FRAME);
    bpf_land(c, walk_on);
    for (int i = 1; i < UPROBE_FRAMES_MAX; i++) {
        bpf_set_stack(c, BPF_REG_1, AT_FRAME);
        bpf_set(c, BPF_REG_2, 16);
        bpf_move(c, BPF_REG_3, BPF_REG_9);
        bpf_call(c, BPF_FUNC_probe_read_user);
        bpf_out_unless_zero(c);
        bpf_load(c, BPF_REG_1, AT_RETURN);
        bpf_out(c, BPF_JEQ, BPF_REG_1, 0);
        store_frame(c, i, BPF_REG_1);
        bpf_load(c, BPF_REG_1, AT_FRAME);
        /* frames lie one above the other */
        c->outs[c->n_outs++] = jump(c, BPF_JLE | BPF_X, BPF_REG_1, BPF_REG_9);
        bpf_move(c, BPF_REG_9, BPF_REG_1);
    }
    bpf_here(c);
}

static void store_in_record(struct bpf_code *c, size_t at, uint8_t src)
{
    bpf_emit(c, BPF_STX | BPF_DW | BPF_MEM, BPF_REG_8, src, (int16_t)at, 0);
}

/* The second argument and the texts. */
static void copy_texts(struct bpf_code *c, const struct uprobe_place *place)
{
    load_register(c, BPF_REG_1, arguments[1]);
    store_in_record(c, STACK_RECORD_BYTES, BPF_REG_1);
    for (size_t i = 0; i < place->n_texts; i++) {
        size_t at = TEXTS_AT + i * sizeof(struct text);
        const int16_t *argument = &arguments[place->first_text + 2 * i];
        load_register(c, BPF_REG_3, argument[0]);
        store_in_record(c, at + offsetof(struct text, address), BPF_REG_3);
        load_register(c, BPF_REG_2, argument[1]);
        store_in_record(c, at + offsetof(struct text, length), BPF_REG_2);
        int fits = bpf_jump(c, BPF_JLE, BPF_REG_2, UPROBE_TEXT_MAX);
        bpf_set(c, BPF_REG_2, UPROBE_TEXT_MAX);
        bpf_land(c, fits);
        bpf_move(c, BPF_REG_1, BPF_REG_8);
        bpf_add(c, BPF_REG_1, (int32_t)(at + offsetof(struct text, bytes)));
        bpf_call(c, BPF_FUNC_probe_read_user);
        store_in_record(c, at + offsetof(struct text, result), BPF_REG_0);
    }
}

static int32_t record_bytes(const struct uprobe_place *place)
{
    return place->n_texts ? (int32_t)(TEXTS_AT + place->n_texts * sizeof(struct text))
                          : STACK_RECORD_BYTES;
}

static void make_program(struct bpf_code *c, const struct uprobes *u,
                         const struct uprobe_offsets *o, const struct uprobe_place *place,
                         uint32_t ignored, uint32_t stackless)
{
    bpf_move(c, BPF_REG_6, BPF_REG_1);
    count_hit(c, u->control_map);
    if (place->is_check)
        pass_check(c);
    bpf_set(c, BPF_REG_0, 0);
    for (int at = -8; at >= AT_KEY; at -= 8)
        bpf_store(c, at, BPF_REG_0);
    if (place->is_status) {
        take_status(c, REG_RBX, AT_FROM, ignored);
        take_status(c, REG_RCX, AT_TO, ignored);
    }
    bpf_call(c, BPF_FUNC_ktime_get_ns);
    bpf_store(c, at_word(WORD_TIME), BPF_REG_0);
    read_words(c, o, place);
    if (place->is_status)
        for (int i = 0; i < 2; i++) {
            bpf_load(c, BPF_REG_1, i ? AT_TO : AT_FROM);
            bpf_emit(c, BPF_STX | BPF_B | BPF_MEM, BPF_REG_10, BPF_REG_1,
                     (int16_t)(at_word(WORD_INFO) + 1 + i), 0);
        }
    if (place->has_stack) {
        int skip = -1;
        if (place->is_status) {
            bpf_load(c, BPF_REG_1, AT_TO);
            bpf_set(c, BPF_REG_2, 1);
            bpf_emit(c, BPF_ALU64 | BPF_LSH | BPF_X, BPF_REG_2, BPF_REG_1, 0, 0);
            bpf_emit(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, (int32_t)stackless);
            skip = jump(c, BPF_JNE | BPF_K, BPF_REG_2, 0);
        }
        reserve(c, u->ring, record_bytes(place));
        walk(c, o, place);
        if (place->n_texts)
            copy_texts(c, place);
        submit(c);
        if (skip < 0)
            return;
        bpf_land(c, skip);
    }
    reserve(c, u->ring, RECORD_BYTES);
    submit(c);
}

/* --- */

static bool make_maps(struct uprobes *u)
{
    union bpf_attr attr;
    u->ring = bpf_make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, RING_BYTES);
    memset(&attr, 0, sizeof attr);
    attr.map_type = BPF_MAP_TYPE_ARRAY;
    attr.key_size = 4;
    attr.value_size = sizeof(struct control);
    attr.max_entries = 1;
    attr.map_flags = BPF_F_MMAPABLE;
    u->control_map = u->ring < 0 ? -1 : bpf_syscall(BPF_MAP_CREATE, &attr);
    if (u->control_map < 0 || !bpf_ring_map(&u->mapped, u->ring, RING_BYTES))
        return false;
    void *control =
        mmap(NULL, u->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, u->control_map, 0);
    if (control == MAP_FAILED)
        return false;
    u->control = control;
    return true;
}

static bool read_type(struct uprobes *u, struct err *err)
{
    AUTO_FILE file = {0};
    char text[16] = "";
    if (file_read(&file, "/sys/bus/event_source/devices/uprobe/type", NULL) && file.len)
        snprintf(text, sizeof text, "%.*s", (int)(file.len < 15 ? file.len : 15),
                 (const char *)file.data);
    u->type = (uint32_t)strtoul(text, NULL, 10);
    return u->type > 0 ||
           err_set(err, ERR_UNSUPPORTED,
                   "this kernel has no perf events for uprobes (/sys/bus/event_source/devices/"
                   "uprobe; CONFIG_UPROBE_EVENTS)");
}

static bool has_multi(void)
{
    struct utsname name;
    unsigned major = 0, minor = 0;
    return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
           (major > MULTI_SINCE_MAJOR ||
            (major == MULTI_SINCE_MAJOR && minor >= MULTI_SINCE_MINOR));
}

static int load(const struct uprobes *u, const struct bpf_code *code)
{
    return bpf_load_program_for(code, BPF_PROG_TYPE_KPROBE, u->is_multi ? MULTI_ATTACH_TYPE : 0);
}

/* The program of all places, which passes on to the place's own by the number that comes with it.
 */
static bool make_first(struct uprobes *u, struct bpf_code *c)
{
    u->table = bpf_make_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, PLACES_MAX);
    if (u->table < 0)
        return false;
    for (uint32_t i = 0; i < u->n; i++)
        if (!bpf_map_put(u->table, i, (uint32_t)u->programs[i]))
            return false;
    memset(c, 0, sizeof *c);
    bpf_move(c, BPF_REG_6, BPF_REG_1);
    bpf_call(c, BPF_FUNC_get_attach_cookie);
    bpf_move(c, BPF_REG_3, BPF_REG_0);
    bpf_move(c, BPF_REG_1, BPF_REG_6);
    bpf_set_wide(c, BPF_REG_2, BPF_PSEUDO_MAP_FD, (uint32_t)u->table);
    bpf_call(c, BPF_FUNC_tail_call);
    bpf_end(c, 0);
    u->first = load(u, c);
    return u->first >= 0;
}

static bool make(struct uprobes *u, const struct uprobe_offsets *offsets, uint32_t ignored,
                 uint32_t stackless, struct err *err)
{
    u->is_multi = has_multi();
    if (!u->is_multi && !read_type(u, err))
        return false;
    if (!make_maps(u))
        return bpf_denied(err, errno);
    struct bpf_code *code = malloc(sizeof *code);
    bool ok = code || err_nomem(err);
    for (size_t i = 0; i < u->n && ok; i++) {
        memset(code, 0, sizeof *code);
        make_program(code, u, offsets, &u->places[i], ignored, stackless);
        u->programs[i] = load(u, code);
        ok = u->programs[i] >= 0 || bpf_denied(err, errno);
    }
    ok = ok && (!u->is_multi || make_first(u, code) || bpf_denied(err, errno));
    free(code);
    return ok;
}

struct uprobes *uprobes_new(pid_t pid, const char *executable, const struct uprobe_offsets *offsets,
                            const struct uprobe_place *places, size_t n, uint32_t ignored,
                            uint32_t stackless, struct err *err)
{
    struct uprobes *u = calloc(1, sizeof *u);
    if (!u) {
        err_nomem(err);
        return NULL;
    }
    u->pid = pid;
    snprintf(u->executable, sizeof u->executable, "%s", executable);
    u->n = n < PLACES_MAX ? n : PLACES_MAX;
    memcpy(u->places, places, u->n * sizeof *places);
    u->ring = u->control_map = u->table = u->first = u->link = -1;
    u->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < PLACES_MAX; i++)
        u->programs[i] = u->events[i] = -1;
    if (make(u, offsets, ignored, stackless, err))
        return u;
    uprobes_free(u);
    return NULL;
}

void uprobes_free(struct uprobes *u)
{
    if (!u)
        return;
    uprobes_off(u);
    bpf_close(u->programs, u->n);
    if (u->control)
        munmap(u->control, u->page_bytes);
    bpf_ring_unmap(&u->mapped);
    const int others[] = {u->first, u->table, u->control_map, u->ring};
    bpf_close(others, sizeof others / sizeof *others);
    free(u);
}

/* --- breakpoints --- */

static bool denied(const struct uprobes *u, int e, struct err *err)
{
    if (e == EACCES || e == EPERM)
        return err_set(err, ERR_PERM,
                       "probes in the code of process %d are not permitted; be root, or have "
                       "CAP_PERFMON and CAP_BPF",
                       (int)u->pid);
    if (e == ESRCH || e == ENOENT) /* of /proc/PID/exe */
        return err_set(err, ERR_INPUT, "process %d has ended", (int)u->pid);
    return err_sys(err, e, "cannot put a probe into the code of process %d", (int)u->pid);
}

static bool link_all(struct uprobes *u)
{
    uint64_t offsets[PLACES_MAX], cookies[PLACES_MAX];
    union bpf_attr attr;
    const struct multi_link link = {.program = (uint32_t)u->first,
                                    .attach_type = MULTI_ATTACH_TYPE,
                                    .path = (uint64_t)(uintptr_t)u->executable,
                                    .offsets = (uint64_t)(uintptr_t)offsets,
                                    .cookies = (uint64_t)(uintptr_t)cookies,
                                    .n = (uint32_t)u->n,
                                    .pid = (uint32_t)u->pid};
    for (size_t i = 0; i < u->n; i++) {
        offsets[i] = u->places[i].offset;
        cookies[i] = i;
    }
    memset(&attr, 0, sizeof attr);
    memcpy(&attr, &link, sizeof link);
    u->link = bpf_syscall(BPF_LINK_CREATE, &attr);
    return u->link >= 0;
}

bool uprobes_on(struct uprobes *u, uint64_t budget, struct err *err)
{
    uprobes_grant(u, 0); /* nothing is told of until all are there */
    if (u->is_multi && !link_all(u))
        return denied(u, errno, err);
    for (size_t i = 0; i < u->n && !u->is_multi; i++) {
        struct perf_event_attr attr = {.size = sizeof attr,
                                       .type = u->type,
                                       .config1 = (uint64_t)(uintptr_t)u->executable,
                                       .config2 = u->places[i].offset};
        int fd = (int)syscall(SYS_perf_event_open, &attr, u->pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
        u->events[i] = fd;
        if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, u->programs[i]) != 0) {
            denied(u, errno, err);
            uprobes_off(u);
            return false;
        }
    }
    uprobes_grant(u, budget);
    return true;
}

void uprobes_off(struct uprobes *u)
{
    if (u->control)
        uprobes_grant(u, 0); /* of what some see and others no more */
    if (u->link >= 0)
        close(u->link);
    u->link = -1;
    for (size_t i = 0; i < u->n; i++) {
        if (u->events[i] >= 0)
            close(u->events[i]);
        u->events[i] = -1;
    }
}

void uprobes_grant(struct uprobes *u, uint64_t budget)
{
    uint64_t n = __atomic_load_n(&u->control->n_hits, __ATOMIC_RELAXED);
    __atomic_store_n(&u->control->limit, n + budget, __ATOMIC_RELAXED);
}

struct uprobe_counts uprobes_counts(const struct uprobes *u)
{
    struct uprobe_counts counts = {.n_hits = __atomic_load_n(&u->control->n_hits, __ATOMIC_RELAXED),
                                   .n_lost =
                                       __atomic_load_n(&u->control->n_lost, __ATOMIC_RELAXED)};
    counts.is_spent = counts.n_hits > __atomic_load_n(&u->control->limit, __ATOMIC_RELAXED);
    return counts;
}

/* --- records --- */

struct taking {
    void (*take)(void *arg, const struct uprobe_hit *hit);
    void *arg;
};

/* What comes after the stack. */
static void take_texts(const uint8_t *record, size_t n, struct uprobe_hit *hit)
{
    memcpy(&hit->second, record + STACK_RECORD_BYTES, sizeof hit->second);
    for (size_t i = 0; i < UPROBE_TEXTS_MAX && TEXTS_AT + (i + 1) * sizeof(struct text) <= n; i++) {
        const struct text *text =
            (const void *)(record + TEXTS_AT + i * sizeof(struct text)); /* aligned to 8 */
        size_t len = text->length < UPROBE_TEXT_MAX ? text->length : UPROBE_TEXT_MAX;
        hit->texts[i] = (struct uprobe_text){text->address, text->length, {text->bytes, len}};
        if (text->result != 0)
            hit->texts[i].bytes.len = 0;
    }
}

static void take_record(void *arg, const uint8_t *record, size_t n)
{
    const struct taking *taking = arg;
    uint64_t words[N_WORDS];
    if (n < RECORD_BYTES)
        return;
    memcpy(words, record, sizeof words);
    size_t n_stack = n < STACK_RECORD_BYTES ? 0 : words[WORD_INFO] >> 32 & 0xff;
    struct uprobe_hit hit = {
        .time_ns = words[WORD_TIME],
        .kind = (uint8_t)words[WORD_INFO],
        .from = (uint8_t)(words[WORD_INFO] >> 8),
        .to = (uint8_t)(words[WORD_INFO] >> 16),
        .wait_reason = (uint8_t)(words[WORD_INFO] >> 24),
        .mode = (uint8_t)(words[WORD_INFO] >> 40),
        .p = (uint32_t)words[WORD_P],
        .g = words[WORD_G],
        .goid = words[WORD_GOID],
        .thread = words[WORD_THREAD],
        .current = words[WORD_CURRENT],
        .current_goid = words[WORD_CURRENT_GOID],
        .caller = words[WORD_CALLER],
        .arg = words[WORD_ARG],
        .stack = (const uint64_t *)(const void *)(record + RECORD_BYTES),
        .n_stack = n_stack < UPROBE_FRAMES_MAX ? n_stack : UPROBE_FRAMES_MAX,
    };
    if (n > STACK_RECORD_BYTES)
        take_texts(record, n, &hit);
    taking->take(taking->arg, &hit);
}

void uprobes_drain(struct uprobes *u, void (*take)(void *arg, const struct uprobe_hit *hit),
                   void *arg)
{
    bpf_ring_drain(&u->mapped, take_record, &(struct taking){take, arg});
}
