#include "go/go_locations.h"

#include "base/map.h"
#include "base/vec.h"
#include "go/go_callers.h"

#include <stdlib.h>
#include <string.h>

/* A location that was written: which addresses it stands for. */
struct written {
    uint32_t location;
    uint32_t n_pcs; /* of a stack, from the first on */
    struct go_caller first;
    bool is_known; /* its first frame has name, file and line */
};

struct mapping {
    uint64_t start, limit, offset;
    uint32_t file, build_id;
    bool tried, failed; /* to find names for addresses in it */
};

struct go_locations {
    struct go_program *program;
    struct builder *builder;
    struct go_code *code;
    struct map by_pc; /* index in written */
    VEC(struct written) written;
    struct map functions; /* name (a string of the builder): row */
    VEC(struct mapping) mappings;
    bool is_fake; /* no mapping at all: one for everything */
    /* Frames that may be inlined calls of one location. */
    VEC(struct go_caller) deck;
    VEC(struct profile_line) lines;
    VEC(uint64_t) stack;
    uint64_t deck_pc; /* the first */
    bool deck_known, deck_first_known;
};

struct go_code *go_locations_code(struct go_locations *l)
{
    return l->code;
}

void go_locations_free(struct go_locations *l)
{
    if (!l)
        return;
    go_code_free(l->code);
    map_release(&l->by_pc);
    vec_release(&l->written);
    map_release(&l->functions);
    vec_release(&l->mappings);
    vec_release(&l->deck);
    vec_release(&l->lines);
    vec_release(&l->stack);
    free(l);
}

static uint32_t build_id_of(struct go_locations *l, const struct mem_map *map)
{
    char path[4200];
    uint32_t id = 0;
    if (!mem_map_path(l->program->mem, map, path, sizeof path))
        return 0;
    struct elf *elf = elf_open(path, NULL);
    if (elf)
        id = builder_string(l->builder, str_of(elf_build_id(elf)));
    elf_free(elf);
    return id;
}

/* The mappings that Go writes: all of code, but for the first part of huge pages. */
static bool read_mappings(struct go_locations *l)
{
    size_t n;
    const struct mem_map *maps = mem_maps(l->program->mem, &n);
    for (size_t i = 0; i < n; i++) {
        if (!maps[i].can_exec || (maps[i].inode == 0 && !*maps[i].path))
            continue;
        struct mapping mapping = {.start = maps[i].start,
                                  .limit = maps[i].limit,
                                  .offset = maps[i].offset,
                                  .file = builder_string(l->builder, str_of(maps[i].path)),
                                  .build_id = build_id_of(l, &maps[i])};
        if (!vec_push(&l->mappings, mapping))
            return false;
    }
    l->is_fake = l->mappings.n == 0;
    return !l->is_fake || vec_push(&l->mappings, (struct mapping){0});
}

struct go_locations *go_locations_new(struct go_program *program, struct builder *builder,
                                      struct err *err)
{
    struct go_locations *l = calloc(1, sizeof *l);
    if (!l) {
        err_nomem(err);
        return NULL;
    }
    l->program = program;
    l->builder = builder;
    map_init(&l->by_pc);
    map_init(&l->functions);
    l->code = go_code_new(program->table, program->minor, err);
    if (!l->code) {
        go_locations_free(l);
        return NULL;
    }
    if (!read_mappings(l)) {
        err_nomem(err);
        go_locations_free(l);
        return NULL;
    }
    return l;
}

/* The one row of a name: its file and first line are those of the first that has it. */
static uint32_t function_row(struct go_locations *l, const struct go_caller *frame)
{
    uint32_t name = builder_string(l->builder, str_of(frame->call.name));
    uint32_t row = map_get(&l->functions, name);
    if (row != MAP_NONE)
        return row;
    struct profile_function function = {
        .name = name,
        .system_name = name,
        .filename = builder_string(l->builder, str_of(frame->file)),
        .start_line = frame->call.start_line,
    };
    row = builder_function(l->builder, &function);
    return map_put(&l->functions, name, row) ? row : MAP_NONE;
}

static uint32_t mapping_at(struct go_locations *l, uint64_t pc, bool is_known)
{
    for (size_t i = 0; i < l->mappings.n; i++) {
        struct mapping *m = &l->mappings.items[i];
        if (!l->is_fake && (pc < m->start || pc >= m->limit))
            continue;
        m->tried = true;
        m->failed |= !is_known;
        return (uint32_t)i;
    }
    return PROFILE_NONE;
}

/* Write the deck as one location, if there is anything in it. */
static bool flush(struct go_locations *l, uint32_t n_pcs, struct go_location_list *stack)
{
    if (l->deck.n == 0)
        return true;
    vec_clear(&l->lines);
    for (size_t i = 0; i < l->deck.n; i++) {
        uint32_t row = function_row(l, &l->deck.items[i]);
        if (row == MAP_NONE ||
            !vec_push(&l->lines, (struct profile_line){row, l->deck.items[i].line, 0}))
            return false;
    }
    struct profile_location location = {.address = l->deck.items[0].pc,
                                        .mapping = mapping_at(l, l->deck_pc, l->deck_known)};
    struct written written = {
        .location = builder_location(l->builder, &location, l->lines.items, (uint32_t)l->lines.n),
        .n_pcs = n_pcs,
        .first = l->deck.items[0],
        .is_known = l->deck_first_known};
    vec_clear(&l->deck);
    return vec_push(&l->written, written) &&
           map_put(&l->by_pc, l->deck_pc, (uint32_t)l->written.n - 1) &&
           vec_push(stack, written.location);
}

/* Can `frame` be the call around the last one in the deck? */
static bool is_around(const struct go_locations *l, const struct go_caller *frame)
{
    const struct go_caller *last = &l->deck.items[l->deck.n - 1];
    struct str a[5], b[5];
    if (!last->call.is_inlined || !last->entry || last->entry != frame->entry)
        return false;
    if (go_code_minor(l->code) != 21)
        return strcmp(last->call.name, frame->call.name) != 0;
    /* Go 1.21 compares names as they are printed. */
    size_t n = go_code_print_name(l->code, last->call.name, a);
    if (n != go_code_print_name(l->code, frame->call.name, b))
        return true;
    for (size_t i = 0; i < n; i++)
        if (!str_eq(a[i], b[i]))
            return true;
    return false;
}

static bool put(struct go_locations *l, uint64_t pc, const struct go_caller *frame, bool is_known)
{
    if (l->deck.n == 0) {
        l->deck_pc = pc;
        l->deck_first_known = l->deck_known = is_known;
    }
    l->deck_known = l->deck_known && is_known;
    return vec_push(&l->deck, *frame);
}

/* The frame of one address; an address in foreign code has one without a name. */
static struct go_caller frame_at(struct go_locations *l, uint64_t pc, bool *is_known)
{
    struct go_callers callers = go_callers_of(l->code, &pc, 1);
    struct go_caller frame = {.call = {.name = ""}, .file = ""};
    *is_known = go_callers_next(&callers, &frame) && *frame.call.name && frame.line;
    if (!*is_known && go_code_at(l->code, pc)->function == NULL)
        frame = (struct go_caller){.pc = pc - 1, .call = {.name = ""}, .file = ""};
    return frame;
}

/* Go keeps stacks up to some depth: the last address may have lost calls around it. */
static bool expand_last(struct go_locations *l, const uint64_t *pcs, size_t n)
{
    vec_clear(&l->stack);
    if (!vec_reserve(&l->stack, n + FRAMES_MAX_INLINE))
        return false;
    if (n)
        memcpy(l->stack.items, pcs, n * sizeof *pcs);
    l->stack.n = n;
    if (n == 0)
        return true;
    const struct go_function *function = go_code_at(l->code, pcs[n - 1] - 1)->function;
    struct go_call call = {.name = ""};
    if (function)
        call = go_code_call(l->code, function, pcs[n - 1] - 1);
    if (!call.is_inlined)
        return true;
    l->stack.n--;
    enum go_role callee = GO_ROLE_NONE;
    for (unsigned depth = 0; call.pc && depth < FRAMES_MAX_INLINE; depth++) {
        /* Until Go 1.20 the outermost one stays, also as a wrapper. */
        if (!go_code_is_hidden(call.role, callee) ||
            (go_code_minor(l->code) < 21 && !call.is_inlined))
            l->stack.items[l->stack.n++] = call.pc + 1;
        callee = call.role;
        call = go_code_outer(l->code, function, &call);
    }
    return true;
}

bool go_locations_add(struct go_locations *l, const uint64_t *pcs, size_t n,
                      struct go_location_list *stack, struct err *err)
{
    uint32_t n_deck = 0; /* addresses in the deck */
    vec_clear(stack);
    vec_clear(&l->deck);
    if (!expand_last(l, pcs, n))
        return err_nomem(err);
    for (size_t i = 0; i < l->stack.n;) {
        uint64_t pc = l->stack.items[i];
        bool is_known = true;
        uint32_t there = map_get(&l->by_pc, pc);
        struct go_caller frame;
        if (there != MAP_NONE) {
            frame = l->written.items[there].first;
            is_known = l->written.items[there].is_known;
        } else {
            frame = frame_at(l, pc, &is_known);
            if (strcmp(frame.call.name, "runtime.goexit") == 0) {
                if (!flush(l, n_deck, stack))
                    return err_nomem(err);
                n_deck = 0;
                i++;
                continue;
            }
        }
        if (l->deck.n > 0 ? is_around(l, &frame) : there == MAP_NONE) {
            if (!put(l, pc, &frame, is_known))
                return err_nomem(err);
            n_deck++;
            i++;
            continue;
        }
        if (!flush(l, n_deck, stack))
            return err_nomem(err);
        n_deck = 0;
        there = map_get(&l->by_pc, pc);
        if (there != MAP_NONE) {
            const struct written *w = &l->written.items[there];
            if (!vec_push(stack, w->location))
                return err_nomem(err);
            i += w->n_pcs ? w->n_pcs : 1;
            continue;
        }
        if (!put(l, pc, &frame, is_known))
            return err_nomem(err);
        n_deck = 1;
        i++;
    }
    if (!flush(l, n_deck, stack) || !go_code_ok(l->code))
        return err_nomem(err);
    return true;
}

void go_locations_finish(struct go_locations *l)
{
    for (size_t i = 0; i < l->mappings.n; i++) {
        const struct mapping *m = &l->mappings.items[i];
        struct profile_mapping row = {.start = m->start,
                                      .limit = m->limit,
                                      .offset = m->offset,
                                      .file = m->file,
                                      .build_id = m->build_id,
                                      .has_functions = m->tried && !m->failed};
        builder_mapping(l->builder, &row);
    }
}
