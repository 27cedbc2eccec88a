/* Records of perf events, decoded. */
#include "os/perf_ring.h"

#include "base/reader.h"

#include <string.h>

#define BUILD_ID_BYTES_MAX 20 /* of the kernel's record */

uint64_t perf_record_time(const struct perf_event_header *record)
{
    struct cursor c = cursor_of(record, record->size);
    size_t skip = record->type == PERF_RECORD_SAMPLE ? sizeof *record + 16 /* ip, pid and tid */
                  : record->type == PERF_RECORD_SWITCH
                      ? sizeof *record + 8 /* pid and tid */
                      : record->size - 8u; /* the last of what sample_id_all adds */
    cursor_bytes(&c, skip);
    return cursor_u64(&c);
}

/* A NUL-terminated text at the cursor. */
static struct str text_of(struct cursor *c)
{
    const char *p = (const char *)c->p;
    return (struct str){p, strnlen(p, cursor_left(c))};
}

static void decode_map(struct cursor *c, uint16_t misc, struct perf_record *record)
{
    record->start = cursor_u64(c);
    uint64_t bytes = cursor_u64(c);
    record->offset = cursor_u64(c);
    struct str id = cursor_bytes(c, 24); /* device, inode and generation, or the build id */
    cursor_bytes(c, 8);                  /* protection and flags */
    if ((misc & PERF_RECORD_MISC_MMAP_BUILD_ID) && id.len &&
        (uint8_t)id.p[0] <= BUILD_ID_BYTES_MAX) {
        record->n_build_id = (uint8_t)id.p[0];
        record->build_id = (const uint8_t *)id.p + 4;
    }
    record->name = text_of(c);
    if (c->bad || __builtin_add_overflow(record->start, bytes, &record->limit))
        record->kind = PERF_NONE;
}

static void decode_regs(struct cursor *c, struct perf_record *record)
{
    uint64_t abi = cursor_u64(c);
    if (abi == PERF_SAMPLE_REGS_ABI_NONE)
        return;
    record->has_regs = abi == PERF_SAMPLE_REGS_ABI_64;
    record->fp = cursor_u64(c);
#ifdef REG_LR
    record->lr = cursor_u64(c);
#endif
    record->sp = cursor_u64(c);
    record->pc = cursor_u64(c);
#ifdef REG_R14
    record->r14 = cursor_u64(c);
#endif
}

static void decode_payload(struct cursor *c, struct perf_record *record)
{
    struct str payload = cursor_bytes(c, cursor_u32(c));
    record->payload = (const uint8_t *)payload.p;
    record->n_payload = payload.len;
}

static void decode_sample(struct cursor *c, bool has_payload, struct perf_record *record)
{
    cursor_bytes(c, 8); /* ip: the chain begins with it */
    record->pid = (pid_t)cursor_u32(c);
    record->tid = (pid_t)cursor_u32(c);
    record->time_ns = cursor_u64(c);
    uint64_t n_chain = cursor_u64(c);
    struct str chain = {"", 0};
    if (n_chain <= cursor_left(c) / 8)
        chain = cursor_bytes(c, n_chain * 8);
    else
        c->bad = true;
    record->chain = (const void *)chain.p;
    record->n_chain = chain.len / 8;
    if (has_payload)
        decode_payload(c, record);
    decode_regs(c, record);
    uint64_t n_room = cursor_left(c) ? cursor_u64(c) : 0; /* asked for, or not */
    struct str stack = cursor_bytes(c, n_room);
    uint64_t n_used = n_room ? cursor_u64(c) : 0;
    record->stack = (const uint8_t *)stack.p;
    record->n_stack = n_used < stack.len ? n_used : stack.len;
    if (c->bad)
        record->kind = PERF_NONE;
}

static void decode(const struct perf_event_header *raw, bool has_payload,
                   struct perf_record *record)
{
    struct cursor c = cursor_of(raw, raw->size);
    cursor_bytes(&c, sizeof *raw);
    *record = (struct perf_record){0};
    if (raw->type == PERF_RECORD_SAMPLE) {
        record->kind = PERF_SAMPLE;
        decode_sample(&c, has_payload, record);
        return;
    }
    if (raw->type == PERF_RECORD_LOST) {
        record->kind = PERF_LOST;
        cursor_bytes(&c, 8); /* id */
        record->n_lost = cursor_u64(&c);
        return;
    }
    record->pid = (pid_t)cursor_u32(&c);
    switch (raw->type) {
    case PERF_RECORD_SWITCH: /* only what sample_id_all adds */
        record->kind = PERF_SWITCH;
        record->tid = (pid_t)cursor_u32(&c);
        record->time_ns = cursor_u64(&c);
        record->cpu = cursor_left(&c) ? cursor_u32(&c) : 0;
        record->leaves = raw->misc & PERF_RECORD_MISC_SWITCH_OUT;
        record->is_ready = raw->misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT;
        break;
    case PERF_RECORD_MMAP2:
        record->kind = PERF_MAP;
        record->tid = (pid_t)cursor_u32(&c);
        decode_map(&c, raw->misc, record);
        break;
    case PERF_RECORD_COMM:
        record->kind = PERF_COMM;
        record->tid = (pid_t)cursor_u32(&c);
        record->exec = raw->misc & PERF_RECORD_MISC_COMM_EXEC;
        record->name = text_of(&c);
        break;
    case PERF_RECORD_FORK:
    case PERF_RECORD_EXIT:
        record->kind = raw->type == PERF_RECORD_FORK ? PERF_FORK : PERF_EXIT;
        record->parent_pid = (pid_t)cursor_u32(&c);
        record->tid = (pid_t)cursor_u32(&c);
        break;
    default:
        break;
    }
    if (c.bad)
        record->kind = PERF_NONE;
}

void perf_decode(const struct perf_event_header *raw, struct perf_record *record)
{
    decode(raw, false, record);
}

void perf_decode_of(const struct perf *perf, const struct perf_event_header *raw,
                    struct perf_record *record)
{
    decode(raw, perf->has_payload, record);
}
