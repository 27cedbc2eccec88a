#include "report/code.h"

#include "sym/debug_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void code_init(struct code *code, const struct profile *profile, bool intel, struct diag *diag)
{
    *code = (struct code){
        .profile = profile, .syntax = intel ? DISASM_INTEL : DISASM_ATT, .diag = diag};
}

static void object_free(struct code_object *object)
{
    disasm_free(object->disasm);
    instructions_release(&object->instructions);
    vec_release(&object->lookups);
    symbols_release(&object->symbols);
    object_release(&object->object);
    free(object);
}

void code_release(struct code *code)
{
    for (size_t i = 0; i < code->objects.n; i++)
        object_free(code->objects.items[i]);
    vec_release(&code->objects);
}

/* --- opening --- */

/* The file, or the one with the profile's build ID from a server. */
static bool open_file(struct code *code, struct code_object *object, const char *id)
{
    if (object_open(&object->object, object->path, &object->err))
        return true;
    char *fetched = *id ? debug_file_fetch_object(id, code->diag) : NULL;
    bool ok = fetched && object_open(&object->object, fetched, &object->err);
    free(fetched);
    return ok;
}

static void open_object(struct code *code, struct code_object *object, const char *id)
{
    struct err err = {0};
    if (!open_file(code, object, id))
        return;
    const char *file_id = elf_build_id(object->object.elf);
    if (*id && *file_id && strcmp(id, file_id) != 0)
        diag_add(code->diag, "the code of '%s' may not be what ran: its build ID is %s, not %s",
                 object->path, file_id, id);
    object->is_go = elf_is_go(object->object.elf);
    object->is_open = object_symbols(&object->object, &object->symbols, true, code->diag, &err);
    object->err = err;
}

/* The object at `path`, opened or not; NULL when memory runs out. */
static struct code_object *find_object(struct code *code, const char *path, const char *id)
{
    for (size_t i = 0; i < code->objects.n; i++) {
        if (strcmp(code->objects.items[i]->path, path) == 0)
            return code->objects.items[i];
    }
    struct code_object *object = calloc(1, sizeof *object);
    if (!object)
        return NULL;
    if (!vec_push(&code->objects, object)) {
        free(object);
        return NULL;
    }
    object->path = path;
    open_object(code, object, id);
    return object;
}

bool code_open(struct code *code, uint32_t m, struct code_mapping *mapping, struct err *err)
{
    const struct profile *p = code->profile;
    const struct profile_mapping *row = &p->mappings[m];
    const char *symbol = profile_cstr(p, row->kernel_relocation_symbol);
    *mapping = (struct code_mapping){
        .object = find_object(code, profile_cstr(p, row->file), profile_cstr(p, row->build_id)),
        .is_whole = row->start == 0 && row->limit == 0,
    };
    if (!mapping->object)
        return err_nomem(err);
    if (!mapping->object->is_open) {
        *err = mapping->object->err;
        return false;
    }
    return elf_mapping_init(&mapping->at, mapping->object->object.elf, row->start, row->limit,
                            row->offset, symbol, err);
}

bool code_address(const struct code_mapping *mapping, uint64_t address, uint64_t *object_address)
{
    *object_address = address;
    return mapping->is_whole || elf_mapping_translate(&mapping->at, mapping->object->object.elf,
                                                      address, object_address);
}

/* --- instructions --- */

bool code_decode(struct code *code, struct code_object *object, uint64_t start, uint64_t end,
                 struct code_slice *slice, struct err *err)
{
    struct instructions *in = &object->instructions;
    *slice = (struct code_slice){in->list.n, 0};
    if (!object->disasm && object->err.code == ERR_NONE)
        object->disasm =
            disasm_new(object->object.elf, &object->symbols, code->syntax, &object->err);
    if (!object->disasm) {
        *err = object->err;
        return false;
    }
    bool ok = disasm_decode(object->disasm, start, end, in, err);
    slice->n = in->list.n - slice->first;
    return ok;
}

static int by_address(const void *a, const void *b)
{
    const struct lookup *x = a, *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

static bool annotate(struct code_object *object, struct diag *diag, struct err *err)
{
    size_t n = object->instructions.list.n, kept = 0;
    if (n == 0)
        return true;
    if (!vec_reserve(&object->lookups, n))
        return err_nomem(err);
    struct lookup *lookups = object->lookups.items;
    for (size_t i = 0; i < n; i++)
        lookups[i] = (struct lookup){object->instructions.list.items[i].address, 0, 0};
    qsort(lookups, n, sizeof *lookups, by_address);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || lookups[kept - 1].address != lookups[i].address)
            lookups[kept++] = lookups[i];
    }
    object->lookups.n = kept;
    return object_lookup(&object->object, lookups, kept, true, diag, err);
}

bool code_annotate(struct code *code, struct err *err)
{
    for (size_t i = 0; i < code->objects.n; i++) {
        if (!annotate(code->objects.items[i], code->diag, err))
            return false;
    }
    return true;
}

const struct frame *code_frames(const struct code_object *object, uint64_t object_address,
                                uint32_t *n)
{
    size_t i = lookup_lower_bound(object->lookups.items, object->lookups.n, object_address);
    if (i == object->lookups.n || object->lookups.items[i].address != object_address ||
        object->lookups.items[i].n_frames == 0) {
        *n = 0;
        return NULL;
    }
    *n = object->lookups.items[i].n_frames;
    return object->object.table.frames.items + object->lookups.items[i].first_frame;
}

bool code_parse_address(const char *s, uint64_t *value)
{
    char digits[80];
    size_t n = 0;
    int base = 10;
    if (s[0] == '0' && s[1]) {
        base = (s[1] | 0x20) == 'x' ? 16 : (s[1] | 0x20) == 'b' ? 2 : 8;
        s += base == 8 && (s[1] | 0x20) != 'o' ? 1 : 2;
    }
    for (; *s; s++) {
        if (*s == '_' && s[1] && s[1] != '_')
            continue;
        if (!((*s >= '0' && *s <= '9') || ((*s | 0x20) >= 'a' && (*s | 0x20) <= 'f')) ||
            n + 1 == sizeof digits)
            return false;
        digits[n++] = *s;
    }
    digits[n] = '\0';
    char *end;
    errno = 0;
    *value = strtoull(digits, &end, base);
    return n > 0 && !*end && !errno;
}
