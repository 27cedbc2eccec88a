#include "go/go_traceback.h"

#include "base/go_quote.h"

#include <inttypes.h>
#include <string.h>

/* From Go 1.21 on so many of the innermost frames are printed, and of the outermost. */
#define INNER 50u
#define OUTER 50u
#define OLD_MAX 100u /* frames, before */

/* --- arguments --- */

#define ARGS_END 0xffu
#define ARGS_OPEN 0xfeu
#define ARGS_CLOSE 0xfdu
#define ARGS_MORE 0xfcu
#define ARGS_TOO_FAR 0xfbu
#define ARGS_BYTES_MAX 256u

struct args {
    struct str info, live; /* what is printed; which of it still holds its value */
    int32_t live_at;
    uint8_t first; /* from this offset on live tells */
    uint64_t at;
    const struct go_stack *stack;
    struct buf *out;
};

static bool is_live(const struct args *a, uint8_t offset, uint8_t slot)
{
    if (a->live.len == 0 || a->live_at <= 0 || offset < a->first)
        return true;
    size_t at = (size_t)a->live_at + slot / 8u;
    return at >= a->live.len || ((uint8_t)a->live.p[at] >> (slot % 8u) & 1u);
}

static void print_value(const struct args *a, uint8_t offset, uint8_t size, uint8_t slot)
{
    uint64_t value = 0, at = a->at + offset - a->stack->low;
    size_t n = size < 8 ? size : 8;
    if (a->at < a->stack->low || at > a->stack->n_bytes || a->stack->n_bytes - at < n) {
        buf_putc(a->out, '_');
        return;
    }
    memcpy(&value, a->stack->bytes + at, n);
    buf_printf(a->out, "0x%" PRIx64, value);
    if (!is_live(a, offset, slot))
        buf_putc(a->out, '?');
}

static void print_args(const struct args *a)
{
    bool is_first = true;
    uint8_t slot = 0;
    for (size_t i = 0; i < a->info.len && i < ARGS_BYTES_MAX; i++) {
        uint8_t op = (uint8_t)a->info.p[i];
        if (op == ARGS_END)
            return;
        if (op != ARGS_CLOSE && !is_first)
            buf_puts(a->out, ", ");
        is_first = op == ARGS_OPEN;
        if (op == ARGS_OPEN) {
            buf_putc(a->out, '{');
        } else if (op == ARGS_CLOSE) {
            buf_putc(a->out, '}');
        } else if (op == ARGS_MORE) {
            buf_puts(a->out, "...");
        } else if (op == ARGS_TOO_FAR) {
            buf_putc(a->out, '_');
        } else if (++i < a->info.len) {
            print_value(a, op, (uint8_t)a->info.p[i], slot);
            slot += op >= a->first;
        }
    }
}

void go_traceback_args(struct go_code *code, const struct go_frame *frame,
                       const struct go_stack *stack, struct buf *out)
{
    struct args a = {
        .info = go_code_data(code, frame->function, GOPCLNTAB_ARG_INFO),
        .live = go_code_data(code, frame->function, GOPCLNTAB_ARG_LIVE_INFO),
        .live_at = go_code_number(code, frame->function, GOPCLNTAB_ARG_LIVE, go_frame_call(frame)),
        .first = 0xff,
        .at = frame->args,
        .stack = stack,
        .out = out};
    if (a.live.len)
        a.first = (uint8_t)a.live.p[0];
    print_args(&a);
}

/* --- which frames --- */

/* A function, or a method of a type, that the runtime exports. */
static bool is_exported(const struct go_code *code, const char *name)
{
    if (strncmp(name, "runtime.", 8) != 0)
        return false;
    name += 8;
    if (go_code_minor(code) < 23)
        return *name >= 'A' && *name <= 'Z';
    const char *dot = strrchr(name, '.'), *method = dot ? dot + 1 : name;
    if (*method < 'A' || *method > 'Z')
        return false;
    if (!dot || dot == name)
        return true;
    size_t n = (size_t)(dot - name);
    if (n >= 3 && name[0] == '(' && name[1] == '*' && name[n - 1] == ')')
        name += 2;
    return *name >= 'A' && *name <= 'Z';
}

static bool is_shown(const struct go_code *code, const char *name, enum go_role role,
                     enum go_role callee, bool is_first)
{
    if (go_code_is_hidden(role, callee))
        return false;
    if (go_code_minor(code) >= 25 && (role == GO_ROLE_FINALIZERS || role == GO_ROLE_CLEANUPS))
        return true;
    if (strcmp(name, "runtime.gopanic") == 0 && !is_first)
        return true;
    return strchr(name, '.') && (strncmp(name, "runtime.", 8) != 0 || is_exported(code, name));
}

static void print_name(const struct go_code *code, const char *name, struct buf *out)
{
    if (strcmp(name, "runtime.gopanic") == 0)
        buf_puts(out, "panic");
    else
        go_code_add_name(code, name, out);
}

static void print_call(const struct go_traceback *t, const struct go_goroutine *g,
                       const struct go_frame *frame, const struct go_call *call, struct buf *out)
{
    const char *file;
    uint32_t line;
    go_code_line(t->code, frame->function, call->pc, &file, &line);
    print_name(t->code, call->name, out);
    buf_putc(out, '(');
    if (call->is_inlined)
        buf_puts(out, "...");
    else
        go_traceback_args(t->code, frame, &g->stack, out);
    buf_printf(out, ")\n\t%s:%u", file, line);
    if (!call->is_inlined && frame->pc > frame->function->f.entry)
        buf_printf(out, " +0x%" PRIx64, frame->pc - frame->function->f.entry);
    buf_putc(out, '\n');
}

struct range {
    size_t skip_from, skip_until; /* of the frames that are shown: these are not printed */
};

/* Print the frames that are shown; returns how many there are. */
static size_t print_frames(const struct go_traceback *t, const struct go_goroutine *g,
                           size_t n_frames, bool all, const struct range *range, struct buf *out)
{
    enum go_role callee = GO_ROLE_NONE;
    size_t n = 0;
    for (size_t i = 0; i < n_frames; i++) {
        const struct go_frame *frame = &g->frames[i];
        struct go_call call = go_code_call(t->code, frame->function, go_frame_call(frame));
        for (unsigned depth = 0; call.pc && depth < FRAMES_MAX_INLINE; depth++) {
            if (all || is_shown(t->code, call.name, call.role, callee, n == 0)) {
                if (out && range && n == range->skip_from)
                    buf_printf(out, "...%zu frames elided...\n",
                               range->skip_until - range->skip_from);
                if (out && (!range || n < range->skip_from || n >= range->skip_until))
                    print_call(t, g, frame, &call, out);
                n++;
            }
            callee = call.role;
            call = go_code_outer(t->code, frame->function, &call);
        }
    }
    return n;
}

static void print_stack(const struct go_traceback *t, const struct go_goroutine *g, struct buf *out)
{
    size_t n_frames = g->n_frames;
    if (go_code_minor(t->code) < 21) {
        n_frames = n_frames < OLD_MAX ? n_frames : OLD_MAX;
        size_t n = print_frames(t, g, n_frames, false, NULL, out);
        if (n == 0)
            n = print_frames(t, g, n_frames, true, NULL, out);
        if (n == OLD_MAX)
            buf_puts(out, "...additional frames elided...\n");
        return;
    }
    size_t n = print_frames(t, g, n_frames, false, NULL, NULL);
    bool all = n == 0;
    if (all)
        n = print_frames(t, g, n_frames, true, NULL, NULL);
    struct range elided = {INNER, n - OUTER};
    print_frames(t, g, n_frames, all, n > INNER + OUTER ? &elided : NULL, out);
}

/* --- the rest --- */

static void print_creator(const struct go_traceback *t, const struct go_goroutine *g,
                          struct buf *out)
{
    const struct go_function *f = go_code_at(t->code, g->created_at)->function;
    const char *file;
    uint32_t line;
    if (!f || g->id == 1 || !is_shown(t->code, f->f.name, f->role, GO_ROLE_NONE, false))
        return;
    bool is_after = g->created_at > f->f.entry;
    go_code_line(t->code, f, g->created_at - is_after, &file, &line);
    buf_puts(out, "created by ");
    print_name(t->code, f->f.name, out);
    if (g->parent)
        buf_printf(out, " in goroutine %" PRIu64, g->parent);
    buf_printf(out, "\n\t%s:%u", file, line);
    if (is_after)
        buf_printf(out, " +0x%" PRIx64, g->created_at - f->f.entry);
    buf_putc(out, '\n');
}

static bool needs_quotes(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '.' && c <= '9') ||
              c == '_'))
            return true;
    }
    return false;
}

/* As the runtime quotes: all but ASCII by its number. */
static void print_text(struct str s, bool always, struct buf *out)
{
    if (!always && !needs_quotes(s))
        buf_add(out, s.p, s.len);
    else
        go_quote(out, s, true);
}

/* Go 1.26 quotes them all. */
static void print_labels(const struct go_traceback *t, const struct go_goroutine *g,
                         const char *begin, struct buf *out)
{
    struct go_label labels[GO_LABELS_MAX];
    bool all = go_code_minor(t->code) < 27;
    uint32_t set = t->labels ? go_labels_at(t->labels, g->labels) : 0;
    size_t n = set ? go_labels_get(t->labels, set, labels, GO_LABELS_MAX) : 0;
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, i ? ", " : begin);
        print_text(labels[i].key, all, out);
        buf_puts(out, ": ");
        print_text(labels[i].value, all, out);
    }
    if (n)
        buf_putc(out, '}');
}

static bool read_field(const struct go_traceback *t, uint64_t base, enum go_field field,
                       uint64_t *word)
{
    uint16_t at = t->program->layout.at[field];
    return at != GO_NO_FIELD && mem_read(t->program->mem, base + at, word, sizeof *word, NULL);
}

/* In Go 1.24 a bubble is named by the goroutine that began it. */
static void print_bubble(const struct go_traceback *t, uint64_t bubble, struct buf *out)
{
    bool is_group = t->program->layout.at[GO_G_BUBBLE] == GO_NO_FIELD;
    uint64_t id, root;
    bool ok = is_group ? read_field(t, bubble, GO_SYNC_GROUP_ROOT, &root) &&
                             read_field(t, root, GO_G_GOID, &id)
                       : read_field(t, bubble, GO_BUBBLE_ID, &id);
    buf_printf(out, ", synctest %s ", is_group ? "group" : "bubble");
    if (ok)
        buf_printf(out, "%" PRIu64, id);
    else
        buf_putc(out, '?');
}

static void print_header(const struct go_traceback *t, const struct go_goroutine *g,
                         struct buf *out)
{
    unsigned minor = go_code_minor(t->code);
    const char *state = go_status_name(g->status);
    bool waits = g->status == GO_STATUS_WAITING;
    uint64_t minutes = 0;
    if ((waits || g->status == GO_STATUS_LEAKED) && g->wait_reason)
        state = go_wait_reason(minor, g->wait_reason);
    if ((waits || g->status == GO_STATUS_SYSCALL) && g->wait_since && t->now_ns > g->wait_since)
        minutes = (t->now_ns - g->wait_since) / 60000000000u;
    buf_printf(out, "goroutine %" PRIu64 " [%s", g->id, state);
    if (g->status == GO_STATUS_LEAKED)
        buf_puts(out, " (leaked)");
    /* Go 1.25 says so of one that no longer waits, too. */
    if (g->bubble && minor >= 25 && (waits || minor == 25) &&
        go_wait_is_durable(minor, g->wait_reason) &&
        !str_has_suffix(str_of(state), STR("(durable)")))
        buf_puts(out, " (durable)");
    if (minutes)
        buf_printf(out, ", %" PRIu64 " minutes", minutes);
    if (g->is_locked)
        buf_puts(out, ", locked to thread");
    if (g->bubble)
        print_bubble(t, g->bubble, out);
    if (minor < 27)
        print_labels(t, g, " labels:{", out);
    buf_putc(out, ']');
    if (minor >= 27)
        print_labels(t, g, " {", out);
    buf_puts(out, ":\n");
}

void go_traceback_print(const struct go_traceback *t, const struct go_goroutine *g, struct buf *out)
{
    print_header(t, g, out);
    if (g->n_frames)
        print_stack(t, g, out);
    else
        buf_puts(out, "\tgoroutine running on other thread; stack unavailable\n");
    print_creator(t, g, out);
}
