#include "unwind/lost_bp.h"

#include <string.h>

#define FRAME_MAX (64u << 10) /* of stack that is searched */
#define PROLOGUE_BYTES 64u

struct search {
    const struct lost_bp_ops *ops;
    void *arg;
    uint64_t start; /* of the function */
};

/* How a return address is come by. */
enum call { NO_CALL, SOME_CALL, OUR_CALL };

/* `n` bytes of code, a multiple of 8. */
static bool read_code(const struct search *s, uint64_t at, uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word;
        if (!s->ops->read(s->arg, at + i, &word))
            return false;
        memcpy(bytes + i, &word, 8);
    }
    return true;
}

/* The address that the 4 bytes before `next` mean there. */
static uint64_t relative(const uint8_t *bytes, uint64_t next)
{
    int32_t offset;
    memcpy(&offset, bytes, sizeof offset);
    return next + (uint64_t)(int64_t)offset;
}

/* Whether a call of `target` arrives in the function: it is that, or a jump there, as
 * entries of procedure linkage tables are. */
static bool leads_here(const struct search *s, uint64_t target)
{
    uint8_t code[16];
    uint64_t slot;
    if (target == s->start)
        return true;
    if (!read_code(s, target, code, sizeof code))
        return false;
    size_t i = memcmp(code, "\xf3\x0f\x1e\xfa", 4) == 0 ? 4 : 0; /* endbr64 */
    i += code[i] == 0xf2;                                        /* bnd */
    if (code[i] == 0xe9)
        return relative(code + i + 1, target + i + 5) == s->start;
    return code[i] == 0xff && code[i + 1] == 0x25 &&
           s->ops->read(s->arg, relative(code + i + 2, target + i + 6), &slot) && slot == s->start;
}

/* The instruction before `back`. */
static enum call call_before(const struct search *s, uint64_t back)
{
    uint8_t code[8]; /* ends where the call does */
    uint64_t slot;
    if (!s->ops->is_code(s->arg, back - 1) || !read_code(s, back - 8, code, sizeof code))
        return NO_CALL;
    if (code[3] == 0xe8 && leads_here(s, relative(code + 4, back)))
        return OUR_CALL;
    if (code[2] == 0xff && code[3] == 0x15)
        return s->ops->read(s->arg, relative(code + 4, back), &slot) && leads_here(s, slot)
                   ? OUR_CALL
                   : SOME_CALL;
    /* By a register or memory: opcode ff /2, 2 to 7 bytes. */
    for (int n = 2; n <= 7; n++) {
        uint8_t form = code[8 - n + 1], mode = form >> 6, base = form & 7;
        if (code[8 - n] != 0xff || (form >> 3 & 7) != 2)
            continue;
        int length = mode == 3 ? 2 : 2 + (base == 4) + (mode == 1 ? 1 : mode == 2 ? 4 : 0);
        if (length == n)
            return SOME_CALL;
    }
    return code[3] == 0xe8 ? SOME_CALL : NO_CALL; /* of one that may have jumped on to ours */
}

/* What the function's first instructions take from the stack below rbp; 0: not known. */
static uint64_t frame_bytes(const struct search *s)
{
    uint8_t code[PROLOGUE_BYTES];
    uint64_t bytes = 0;
    if (!read_code(s, s->start, code, sizeof code))
        return 0;
    size_t i = memcmp(code, "\xf3\x0f\x1e\xfa", 4) == 0 ? 4 : 0;
    if (memcmp(code + i, "\x55\x48\x89\xe5", 4) != 0) /* push %rbp; mov %rsp, %rbp */
        return 0;
    for (i += 4; i < PROLOGUE_BYTES - 8; i++) {
        if (code[i] == 0x41 && code[i + 1] >= 0x54 && code[i + 1] <= 0x57) { /* push %r12.. */
            bytes += 8;
            i++;
        } else if (code[i] == 0x53) { /* push %rbx */
            bytes += 8;
        } else if (memcmp(code + i, "\x48\x83\xec", 3) == 0) { /* sub $N, %rsp */
            return bytes + code[i + 3];
        } else if (memcmp(code + i, "\x48\x81\xec", 3) == 0) {
            uint32_t more;
            memcpy(&more, code + i + 3, sizeof more);
            return bytes + more;
        }
    }
    return bytes;
}

bool lost_bp_find(const struct lost_bp_ops *ops, void *arg, uint64_t pc, uint64_t sp, uint64_t *bp)
{
    struct search s = {ops, arg, 0};
    uint64_t back, first = 0;
    if (!ops->function(arg, pc, &s.start))
        return false;
    uint64_t likely = sp + frame_bytes(&s);
    /* The ABI aligns the frame: rbp is where a multiple of 16 is. */
    for (uint64_t at = (sp + 15) & ~15ull; at - sp < FRAME_MAX && ops->read(arg, at + 8, &back);
         at += 16) {
        if (back < 4096 || back >> 47)
            continue;
        enum call call = call_before(&s, back);
        if (call == OUR_CALL || (call == SOME_CALL && at == likely)) {
            *bp = at;
            return true;
        }
        if (call == SOME_CALL && !first)
            first = at;
    }
    *bp = first;
    return first != 0;
}
