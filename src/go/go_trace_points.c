#include "go/go_trace_points.h"

#include <string.h>

#define SYSCALL_POINTS_SINCE 26 /* Go 1.26 */
#define RUNTIME "runtime"

static const struct function {
    const char *name; /* after RUNTIME */
    const char *what; /* is not seen without it */
    bool is_of_marks; /* only programs that mark something have it */
} functions[GO_TRACE_N_POINTS] = {
    [GO_TRACE_STATUS] = {".casgstatus", "what goroutines do", false},
    [GO_TRACE_SYSCALL_BEGIN] = {".reentersyscall", "system calls", false},
    [GO_TRACE_SYSCALL_END] = {".exitsyscall", "system calls", false},
    [GO_TRACE_P_TAKEN] = {".wirep", "when threads take processors", false},
    [GO_TRACE_P_IDLE] = {".pidleput", "when processors are idle", false},
    [GO_TRACE_STOP_WORLD] = {".stopTheWorldWithSema", "when collections begin and the world stops",
                             false},
    [GO_TRACE_START_WORLD] = {".startTheWorldWithSema",
                              "when collections end and the world goes on", false},
    [GO_TRACE_TASK_BEGIN] = {"/trace.userTaskCreate", "when the program's tasks begin", true},
    [GO_TRACE_TASK_END] = {"/trace.userTaskEnd", "when the program's tasks end", true},
    [GO_TRACE_REGION] = {"/trace.userRegion", "what regions the program has", true},
    [GO_TRACE_LOG] = {"/trace.userLog", "what the program logs", true},
};

/* Those that call none of the above unless the program traces itself. */
static const char *const unseen[] = {"/trace.StartRegion", "/trace.Logf"};
#define N_UNSEEN (sizeof unseen / sizeof *unseen)

/* --- the beginnings of functions, as Go's compiler makes them --- */

#define ANY 0x100 /* a byte of a displacement or a number */
#define OPERANDS_MAX 10

/* Instructions before the place; all of them leave the arguments and the flags of a later jump as
 * they are, but for what they compare. */
static const struct pattern {
    uint8_t n;
    uint16_t bytes[OPERANDS_MAX];
    bool makes_frame; /* the frame pointer is the function's own after it */
} patterns[] = {
    {4, {0x49, 0x3b, 0x66, ANY}, false},                      /* cmp d(%r14),%rsp */
    {5, {0x4c, 0x8d, 0x64, 0x24, ANY}, false},                /* lea d(%rsp),%r12 */
    {8, {0x4c, 0x8d, 0xa4, 0x24, ANY, ANY, ANY, ANY}, false}, /* the same, far */
    {4, {0x4d, 0x3b, 0x66, ANY}, false},                      /* cmp d(%r14),%r12 */
    {3, {0x49, 0x89, 0xe4}, false},                           /* mov %rsp,%r12 */
    {7, {0x49, 0x81, 0xec, ANY, ANY, ANY, ANY}, false},       /* sub $n,%r12 */
    {4, {0x48, 0x83, 0xec, ANY}, false},                      /* sub $n,%rsp */
    {7, {0x48, 0x81, 0xec, ANY, ANY, ANY, ANY}, false},       /* the same, far */
    {4, {0x48, 0x83, 0xc4, 0x80}, false},                     /* add $-128,%rsp */
    {5, {0x48, 0x89, 0x6c, 0x24, ANY}, false},                /* mov %rbp,d(%rsp) */
    {8, {0x48, 0x89, 0xac, 0x24, ANY, ANY, ANY, ANY}, false}, /* the same, far */
    {5, {0x48, 0x8d, 0x6c, 0x24, ANY}, true},                 /* lea d(%rsp),%rbp */
    {8, {0x48, 0x8d, 0xac, 0x24, ANY, ANY, ANY, ANY}, true},  /* the same, far */
    {5, {0x48, 0x89, 0x44, 0x24, ANY}, false},                /* mov %rax,d(%rsp) */
    {4, {0x89, 0x5c, 0x24, ANY}, false},                      /* mov %ebx,d(%rsp) */
    {4, {0x89, 0x4c, 0x24, ANY}, false},                      /* mov %ecx,d(%rsp) */
    {4, {0x0f, 0xba, 0xe3, ANY}, false},                      /* bt $n,%ebx */
    {4, {0x49, 0x8b, 0x4e, ANY}, false},                      /* mov d(%r14),%rcx */
    {8, {0x48, 0x83, 0xb9, ANY, ANY, ANY, ANY, 0x00}, false}, /* cmpq $0,d(%rcx) */
    {1, {0x90}, false},                                       /* nop, up to 9 bytes */
    {2, {0x66, 0x90}, false},
    {3, {0x0f, 0x1f, 0x00}, false},
    {4, {0x0f, 0x1f, 0x40, 0x00}, false},
    {5, {0x0f, 0x1f, 0x44, 0x00, 0x00}, false},
    {6, {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00}, false},
    {7, {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00}, false},
    {8, {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00}, false},
    {9, {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00}, false},
};

static const struct pattern *match(const uint8_t *code, size_t left)
{
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        const struct pattern *p = &patterns[i];
        bool same = p->n <= left;
        for (size_t k = 0; k < p->n && same; k++)
            same = p->bytes[k] == ANY || p->bytes[k] == code[k];
        if (same)
            return p;
    }
    return NULL;
}

static bool is_push_rbp(const uint8_t *code, size_t left)
{
    return left >= 1 && code[0] == 0x55;
}

/* Bytes of a conditional jump, 0: it is none. */
static size_t jump_bytes(const uint8_t *code, size_t left)
{
    if (left >= 2 && (code[0] & 0xf0) == 0x70)
        return 2;
    return left >= 6 && code[0] == 0x0f && (code[1] & 0xf0) == 0x80 ? 6 : 0;
}

/* Of the stack check, but for functions with huge frames. */
static bool is_jbe(const uint8_t *code)
{
    return code[0] == 0x76 || (code[0] == 0x0f && code[1] == 0x86);
}

bool go_trace_place(struct str code, struct go_trace_point *place)
{
    const uint8_t *p = (const uint8_t *)code.p;
    bool has_check = false;
    place->in_frame = place->is_check = false;
    for (size_t i = 0; i < code.len;) {
        size_t n_jump = jump_bytes(p + i, code.len - i);
        const struct pattern *pattern = match(p + i, code.len - i);
        if (is_push_rbp(p + i, code.len - i) || (n_jump && place->in_frame)) {
            place->offset = i;
            place->is_check = false;
            return n_jump || !place->in_frame;
        }
        if (n_jump && !has_check) { /* whether the stack has room */
            place->offset = i;
            place->is_check = is_jbe(p + i);
            has_check = true;
            i += n_jump;
            continue;
        }
        if (!pattern || (has_check && pattern->makes_frame))
            break;
        place->in_frame |= pattern->makes_frame;
        i += pattern->n;
    }
    place->in_frame = false;
    return has_check;
}

/* --- the functions of a program --- */

static bool file_offset(const struct go_program *program, uint64_t address, uint64_t *offset)
{
    const GElf_Phdr *segments;
    size_t n = elf_segments(program->elf, &segments);
    for (size_t i = 0; i < n; i++)
        if (segments[i].p_type == PT_LOAD && address >= segments[i].p_vaddr &&
            address - segments[i].p_vaddr < segments[i].p_filesz) {
            *offset = address - segments[i].p_vaddr + segments[i].p_offset;
            return true;
        }
    return false;
}

bool go_trace_has_syscall_points(const struct go_program *program)
{
    return program->minor >= SYSCALL_POINTS_SINCE;
}

static bool is_wanted(const struct go_program *program, enum go_trace_point_kind kind)
{
    return (kind != GO_TRACE_SYSCALL_BEGIN && kind != GO_TRACE_SYSCALL_END) ||
           go_trace_has_syscall_points(program);
}

static bool find_in(const struct go_program *program, const struct gopclntab_function *f,
                    enum go_trace_point_kind kind, struct go_trace_point *point)
{
    uint64_t entry = f->entry - program->bias;
    struct str code = elf_loaded_data(program->elf, entry);
    code.len = code.len < f->size ? code.len : f->size;
    point->kind = kind;
    return go_trace_place(code, point) &&
           file_offset(program, entry + point->offset, &point->offset);
}

static bool is_runtime(const char *name, const char *rest)
{
    return strncmp(name, RUNTIME, sizeof RUNTIME - 1) == 0 &&
           strcmp(name + sizeof RUNTIME - 1, rest) == 0;
}

bool go_trace_points_find(const struct go_program *program, struct go_trace_point *points,
                          size_t *n, struct diag *diag, struct err *err)
{
    bool is_there[GO_TRACE_N_POINTS] = {false}, found[GO_TRACE_N_POINTS] = {false};
    bool has_unseen = false;
    struct go_trace_point at_kind[GO_TRACE_N_POINTS];
    struct gopclntab_function f;
    *n = 0;
    for (uint64_t i = 0; gopclntab_function(program->table, i, &f); i++) {
        for (unsigned kind = 0; kind < GO_TRACE_N_POINTS; kind++)
            if (!found[kind] && is_runtime(f.name, functions[kind].name)) {
                is_there[kind] = true;
                found[kind] = find_in(program, &f, kind, &at_kind[kind]);
            }
        for (size_t k = 0; k < N_UNSEEN; k++)
            has_unseen |= is_runtime(f.name, unseen[k]);
    }
    for (unsigned kind = 0; kind < GO_TRACE_N_POINTS; kind++) {
        if (!is_wanted(program, kind) || (functions[kind].is_of_marks && !is_there[kind]))
            continue;
        if (found[kind])
            points[(*n)++] = at_kind[kind];
        else if (kind == GO_TRACE_STATUS)
            return err_set(err, ERR_UNSUPPORTED,
                           "%s: no place for a probe in " RUNTIME "%s: %s cannot be traced",
                           mem_name(program->mem), functions[kind].name, functions[kind].what);
        else
            diag_add(diag, "no place for a probe in " RUNTIME "%s: %s is not in the trace",
                     functions[kind].name, functions[kind].what);
    }
    if (has_unseen)
        diag_add(diag, "regions by trace.StartRegion and messages by trace.Logf are not in the "
                       "trace: the program makes them only while it traces itself");
    return true;
}
