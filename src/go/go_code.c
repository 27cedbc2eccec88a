#include "go/go_code.h"

#include "base/arena.h"
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

struct go_code {
    struct gopclntab *table;
    unsigned minor;
    struct arena arena;   /* functions and places */
    struct map functions; /* by entry: index in known */
    VEC(struct go_function *) known;
    struct go_pc **slots; /* open addressing, by pc */
    size_t n, n_slots;    /* a power of two */
    enum go_role roles[256];
    bool failed;
};

static const struct {
    const char *name;
    enum go_role role;
} special[] = {
    {"runtime.gopanic", GO_ROLE_GOPANIC},
    {"runtime.sigpanic", GO_ROLE_SIGPANIC},
    {"runtime.panicwrap", GO_ROLE_PANICWRAP},
    {"runtime.asyncPreempt", GO_ROLE_INJECTED},
    {"runtime.debugCallV2", GO_ROLE_INJECTED},
    {"runtime.cgocallback", GO_ROLE_CGOCALLBACK},
    {"runtime.main", GO_ROLE_START},
    {"runtime.corostart", GO_ROLE_START},
    {"runtime.handleAsyncEvent", GO_ROLE_START},
    {"runtime.runfinq", GO_ROLE_FINALIZERS},
    {"runtime.runFinalizers", GO_ROLE_FINALIZERS},
    {"runtime.runCleanups", GO_ROLE_CLEANUPS},
};

/* The numbers that the runtime gives to functions differ between versions, their order does
 * not: wrappers have the last one, after systemstack_switch. */
static void learn_roles(struct go_code *code)
{
    struct gopclntab_function f;
    for (uint64_t i = 0; gopclntab_function(code->table, i, &f); i++) {
        if (f.id == 0 || strncmp(f.name, "runtime.", 8) != 0)
            continue;
        if (strcmp(f.name, "runtime.systemstack_switch") == 0)
            code->roles[(uint8_t)(f.id + 1)] = GO_ROLE_WRAPPER;
        for (size_t k = 0; k < sizeof special / sizeof *special; k++)
            if (strcmp(f.name, special[k].name) == 0)
                code->roles[f.id] = special[k].role;
    }
    code->roles[0] = GO_ROLE_NONE;
}

struct go_code *go_code_new(struct gopclntab *table, unsigned minor, struct err *err)
{
    struct go_code *code = calloc(1, sizeof *code);
    if (!code) {
        err_nomem(err);
        return NULL;
    }
    code->table = table;
    code->minor = minor;
    arena_init(&code->arena);
    map_init(&code->functions);
    learn_roles(code);
    return code;
}

void go_code_free(struct go_code *code)
{
    if (!code)
        return;
    map_release(&code->functions);
    vec_release(&code->known);
    free(code->slots);
    arena_release(&code->arena);
    free(code);
}

unsigned go_code_minor(const struct go_code *code)
{
    return code->minor;
}

bool go_code_ok(const struct go_code *code)
{
    return !code->failed;
}

static const struct go_function *function_at(struct go_code *code, uint64_t pc)
{
    struct gopclntab_function f;
    if (!gopclntab_at(code->table, pc, &f))
        return NULL;
    uint32_t i = map_get(&code->functions, f.entry);
    if (i != MAP_NONE)
        return code->known.items[i];
    struct go_function *function = ARENA_NEW(&code->arena, struct go_function);
    if (!function || !vec_push(&code->known, function) ||
        !map_put(&code->functions, f.entry, (uint32_t)code->known.n - 1)) {
        code->failed = true;
        return NULL;
    }
    *function = (struct go_function){.f = f,
                                     .role = code->roles[f.id],
                                     .has_sp = gopclntab_has_sp(code->table, &f),
                                     .is_top = f.flags & GOPCLNTAB_TOP_FRAME,
                                     .writes_sp = f.flags & GOPCLNTAB_SP_WRITE,
                                     .is_runtime = strncmp(f.name, "runtime.", 8) == 0};
    /* It switches stacks in a way that leaves both in order. */
    if (function->role == GO_ROLE_CGOCALLBACK)
        function->writes_sp = false;
    return function;
}

static bool grow(struct go_code *code)
{
    size_t n_slots = code->n_slots ? 2 * code->n_slots : 1024;
    struct go_pc **slots = calloc(n_slots, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < code->n_slots; i++) {
        if (!code->slots[i])
            continue;
        size_t at = hash_u64(code->slots[i]->pc) & (n_slots - 1);
        while (slots[at])
            at = (at + 1) & (n_slots - 1);
        slots[at] = code->slots[i];
    }
    free(code->slots);
    code->slots = slots;
    code->n_slots = n_slots;
    return true;
}

const struct go_pc *go_code_at(struct go_code *code, uint64_t pc)
{
    static const struct go_pc none = {.sp_delta = -1};
    size_t at = 0;
    if (code->n_slots) {
        at = hash_u64(pc) & (code->n_slots - 1);
        while (code->slots[at] && code->slots[at]->pc != pc)
            at = (at + 1) & (code->n_slots - 1);
        if (code->slots[at])
            return code->slots[at];
    }
    if (2 * (code->n + 1) > code->n_slots) {
        if (!grow(code)) {
            code->failed = true;
            return &none;
        }
        at = hash_u64(pc) & (code->n_slots - 1);
        while (code->slots[at])
            at = (at + 1) & (code->n_slots - 1);
    }
    struct go_pc *place = ARENA_NEW(&code->arena, struct go_pc);
    if (!place) {
        code->failed = true;
        return &none;
    }
    place->pc = pc;
    place->function = function_at(code, pc);
    place->sp_delta =
        place->function ? gopclntab_sp_delta(code->table, &place->function->f, pc) : -1;
    code->slots[at] = place;
    code->n++;
    return place;
}

struct go_call go_code_call(struct go_code *code, const struct go_function *function, uint64_t pc)
{
    struct gopclntab_call call;
    if (gopclntab_call(code->table, &function->f, pc, &call))
        return (struct go_call){.pc = pc,
                                .name = call.name,
                                .start_line = call.start_line,
                                .role = code->roles[call.id],
                                .is_inlined = true,
                                .caller = call.caller};
    return (struct go_call){.pc = pc,
                            .name = function->f.name,
                            .start_line = function->f.start_line,
                            .role = function->role};
}

struct go_call go_code_outer(struct go_code *code, const struct go_function *function,
                             const struct go_call *call)
{
    if (!call->is_inlined)
        return (struct go_call){.name = ""};
    return go_code_call(code, function, call->caller);
}

bool go_code_is_hidden(enum go_role role, enum go_role callee)
{
    return role == GO_ROLE_WRAPPER && callee != GO_ROLE_GOPANIC && callee != GO_ROLE_SIGPANIC &&
           callee != GO_ROLE_PANICWRAP;
}

void go_code_line(struct go_code *code, const struct go_function *function, uint64_t pc,
                  const char **file, uint32_t *line)
{
    gopclntab_line(code->table, &function->f, pc, file, line);
    if (!**file || !*line) {
        *file = "?";
        *line = 0;
    }
}

int32_t go_code_number(struct go_code *code, const struct go_function *function, unsigned which,
                       uint64_t pc)
{
    return gopclntab_number(code->table, &function->f, which, pc);
}

struct str go_code_data(struct go_code *code, const struct go_function *function, unsigned which)
{
    return gopclntab_data(code->table, &function->f, which);
}

/* The inside of the outermost brackets of a generic method of a generic type is
 * "A]NAME[B": Go 1.27 shows NAME.  False when it is something else. */
static bool method_of(struct str inside, struct str *name, bool *is_simple)
{
    int depth = 1;
    size_t close = inside.len, open = inside.len;
    *is_simple = !memchr(inside.p, '[', inside.len);
    if (*is_simple)
        return false;
    for (size_t i = 0; i < inside.len; i++) {
        if (inside.p[i] == '[') {
            if (++depth != 1)
                continue;
            open = i;
            break;
        }
        if (inside.p[i] == ']') {
            if (--depth < 0)
                break;
            if (depth == 0)
                close = i;
        }
    }
    if (depth != 1)
        return false;
    *is_simple = close == inside.len && open == inside.len;
    if (close == inside.len || open == inside.len || open <= close)
        return false;
    *name = (struct str){inside.p + close + 1, open - close - 1};
    return true;
}

size_t go_code_print_name(const struct go_code *code, const char *name, struct str pieces[5])
{
    const char *open = strchr(name, '['), *close = strrchr(name, ']');
    struct str method;
    bool is_simple = true;
    pieces[0] = str_of(name);
    if (!open || !close || close <= open)
        return 1;
    struct str inside = {open + 1, (size_t)(close - open) - 1};
    pieces[0].len = (size_t)(open - name);
    pieces[1] = STR("[...]");
    pieces[2] = str_of(close + 1);
    if (code->minor < 27)
        return 3;
    if (method_of(inside, &method, &is_simple)) {
        pieces[4] = pieces[2];
        pieces[2] = method;
        pieces[3] = STR("[...]");
        return 5;
    }
    if (is_simple)
        return 3;
    pieces[0] = str_of(name);
    return 1;
}

void go_code_add_name(const struct go_code *code, const char *name, struct buf *out)
{
    struct str pieces[5];
    size_t n = go_code_print_name(code, name, pieces);
    for (size_t i = 0; i < n; i++)
        buf_add(out, pieces[i].p, pieces[i].len);
}
