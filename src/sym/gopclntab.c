#include "sym/gopclntab.h"

#include <stdlib.h>
#include <string.h>

enum version { GO_1_2, GO_1_16, GO_1_18, GO_1_20 };

#define MAGIC_1_2 0xfffffffbu
#define MAGIC_1_16 0xfffffffau
#define MAGIC_1_18 0xfffffff0u
#define MAGIC_1_20 0xfffffff1u

/* Where reading a table of values by pc has come to: it holds one value for the
 * instructions [begin, end), and goes on with `rest`. */
struct steps {
    uint32_t offset; /* of the table; 0: none yet */
    uint32_t value;
    uint64_t entry, begin, end;
    struct str rest;
};
#define N_STEPS 64

struct gopclntab {
    enum version version;
    unsigned quantum, pointer_size;
    uint64_t text; /* from 1.18 on functions are counted from here */
    uint64_t n_functions;
    struct str whole, names, units, files, pcs, functions;
    struct str gofunc; /* what inline trees are counted from; empty: no inlines */
    /* [N_STEPS] by table: addresses are asked for in order, and tables are read from
     * the beginning.  NULL in headers that are only looked at. */
    struct steps *steps;
};

/* --- bounded reads, little-endian --- */

static uint64_t number_at(struct str s, uint64_t at, unsigned n_bytes, bool *ok)
{
    uint64_t v = 0;
    if (at > s.len || s.len - at < n_bytes) {
        *ok = false;
        return 0;
    }
    memcpy(&v, s.p + at, n_bytes);
    return v;
}

static struct str from(struct str s, uint64_t at, bool *ok)
{
    if (at > s.len) {
        *ok = false;
        return (struct str){"", 0};
    }
    return (struct str){s.p + at, s.len - at};
}

/* A NUL-terminated text inside s, or "". */
static const char *text_at(struct str s, uint64_t at)
{
    if (at >= s.len || !memchr(s.p + at, 0, s.len - at))
        return "";
    return s.p + at;
}

/* --- the header --- */

static bool looks_like_header(struct str s, enum version *version)
{
    bool ok = true;
    uint64_t magic = number_at(s, 0, 4, &ok);
    if (!ok || s.len < 16 || s.p[4] != 0 || s.p[5] != 0)
        return false;
    if ((s.p[6] != 1 && s.p[6] != 2 && s.p[6] != 4) || (s.p[7] != 4 && s.p[7] != 8))
        return false;
    *version = magic == MAGIC_1_2    ? GO_1_2
               : magic == MAGIC_1_16 ? GO_1_16
               : magic == MAGIC_1_18 ? GO_1_18
                                     : GO_1_20;
    return magic == MAGIC_1_2 || magic == MAGIC_1_16 || magic == MAGIC_1_18 || magic == MAGIC_1_20;
}

static unsigned field_bytes(const struct gopclntab *t)
{
    return t->version >= GO_1_18 ? 4 : t->pointer_size;
}

static uint64_t header_word(const struct gopclntab *t, unsigned i, bool *ok)
{
    return number_at(t->whole, 8 + i * t->pointer_size, t->pointer_size, ok);
}

static bool read_header(struct gopclntab *t, struct str data)
{
    bool ok = true;
    if (!looks_like_header(data, &t->version))
        return false;
    t->whole = data;
    t->quantum = (uint8_t)data.p[6];
    t->pointer_size = (uint8_t)data.p[7];
    t->n_functions = header_word(t, 0, &ok);
    if (t->version == GO_1_2) {
        t->names = t->pcs = t->files = data;
        t->functions = from(data, 8 + t->pointer_size, &ok);
    } else {
        unsigned first = t->version >= GO_1_18 ? 3 : 2;
        t->names = from(data, header_word(t, first, &ok), &ok);
        t->units = from(data, header_word(t, first + 1, &ok), &ok);
        t->files = from(data, header_word(t, first + 2, &ok), &ok);
        t->pcs = from(data, header_word(t, first + 3, &ok), &ok);
        t->functions = from(data, header_word(t, first + 4, &ok), &ok);
    }
    return ok && t->n_functions > 0 &&
           t->n_functions < t->functions.len / (2 * (uint64_t)field_bytes(t));
}

/* --- functions --- */

static uint64_t function_start(const struct gopclntab *t, uint64_t i)
{
    bool ok = true;
    unsigned n = field_bytes(t);
    uint64_t pc = number_at(t->functions, 2 * i * n, n, &ok);
    return t->version >= GO_1_18 ? pc + t->text : pc;
}

/* The record of one function. */
struct function {
    struct str record;
    uint64_t entry, size;
};

static bool function_at(const struct gopclntab *t, uint64_t i, struct function *f)
{
    bool ok = true;
    unsigned n = field_bytes(t);
    uint64_t offset = number_at(t->functions, (2 * i + 1) * n, n, &ok);
    f->record = from(t->version == GO_1_2 ? t->whole : t->functions, offset, &ok);
    f->entry = function_start(t, i);
    f->size = function_start(t, i + 1) - f->entry;
    return ok;
}

static bool find_function(const struct gopclntab *t, uint64_t address, struct function *f)
{
    uint64_t low = 0, high = t->n_functions;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (function_start(t, middle) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address < function_start(t, low) && function_at(t, low - 1, f);
}

/* Field i of the record, counted after the entry address (0 is the name). */
static uint32_t field(const struct gopclntab *t, const struct function *f, unsigned i)
{
    bool ok = true;
    unsigned first = t->version >= GO_1_18 ? 4 : t->pointer_size;
    return (uint32_t)number_at(f->record, first + 4 * (uint64_t)i, 4, &ok);
}
#define FIELD_NAME 0
#define FIELD_PCSP 3
#define FIELD_PCFILE 4
#define FIELD_PCLN 5
#define FIELD_N_PCDATA 6
#define FIELD_UNIT 7
#define FIELD_START_LINE 8 /* from 1.20 on */

static uint32_t varint(struct str *s)
{
    uint32_t v = 0;
    for (unsigned shift = 0; s->len > 0 && shift < 35; shift += 7) {
        uint8_t c = (uint8_t)*s->p;
        *s = (struct str){s->p + 1, s->len - 1};
        v |= (uint32_t)(c & 0x7f) << (shift & 31);
        if (c < 0x80)
            return v;
    }
    return 0;
}

/* Whose value is asked for: that of the address, or of the call that it was inlined at. */
enum role { ROLE_ADDRESS, ROLE_CALL };

/* The value at `address` in the pc-value table at `offset`; -1 if there is none. */
static int32_t value_at(const struct gopclntab *t, enum role role, uint32_t offset, uint64_t entry,
                        uint64_t address)
{
    struct steps scratch = {0};
    struct steps *steps = t->steps ? &t->steps[(2 * (uint64_t)offset + role) % N_STEPS] : &scratch;
    bool ok = true, is_first = false;
    if (offset == 0)
        return -1;
    if (steps->offset != offset || steps->entry != entry || address < steps->begin) {
        *steps = (struct steps){offset, UINT32_MAX, entry, entry, entry, from(t->pcs, offset, &ok)};
        is_first = true;
    }
    while (ok && address >= steps->end) {
        uint32_t delta = steps->rest.len > 0 ? varint(&steps->rest) : 0;
        if (delta == 0 && !is_first) {
            steps->offset = 0;
            return -1;
        }
        steps->value += delta & 1 ? ~(delta >> 1) : delta >> 1;
        steps->begin = steps->end;
        steps->end += (uint64_t)varint(&steps->rest) * t->quantum;
        is_first = false;
    }
    return ok ? (int32_t)steps->value : -1;
}

static const char *file_of(const struct gopclntab *t, const struct function *f, int32_t number)
{
    bool ok = true;
    if (t->version == GO_1_2) {
        /* behind the functions: where the list of file names is */
        unsigned n = t->pointer_size;
        uint64_t list = number_at(t->functions, (2 * t->n_functions + 1) * n, 4, &ok);
        struct str files = from(t->whole, list, &ok);
        if (number <= 0 || (uint64_t)number >= number_at(files, 0, 4, &ok))
            return "";
        uint64_t name = number_at(files, 4 * (uint64_t)number, 4, &ok);
        return ok ? text_at(t->whole, name) : "";
    }
    if (number < 0)
        return "";
    uint64_t i = (uint64_t)field(t, f, FIELD_UNIT) + (uint64_t)number;
    uint64_t offset = number_at(t->units, 4 * i, 4, &ok);
    return ok && offset != UINT32_MAX ? text_at(t->files, offset) : "";
}

static void position_of(const struct gopclntab *t, const struct function *f, enum role role,
                        uint64_t address, struct frame *frame)
{
    int32_t line = value_at(t, role, field(t, f, FIELD_PCLN), f->entry, address);
    frame->file = file_of(t, f, value_at(t, role, field(t, f, FIELD_PCFILE), f->entry, address));
    frame->line = line > 0 ? (uint32_t)line : 0;
}

/* --- inlined calls --- */

#define PCDATA_INLINE_INDEX 2
#define FUNCDATA_INLINE_TREE 3

static unsigned record_bytes(const struct gopclntab *t)
{
    return t->version >= GO_1_20 ? 44 : 40;
}

/* The function's tree of inlined calls; empty when it has none. */
static struct str inline_tree(const struct gopclntab *t, const struct function *f,
                              uint32_t *index_table)
{
    bool ok = true;
    struct str none = {"", 0};
    uint32_t n_pcdata = field(t, f, FIELD_N_PCDATA);
    uint64_t after = record_bytes(t);
    uint64_t n_funcdata = number_at(f->record, after - 1, 1, &ok);
    if (t->version < GO_1_18 || t->gofunc.len == 0 || n_pcdata <= PCDATA_INLINE_INDEX ||
        n_funcdata <= FUNCDATA_INLINE_TREE)
        return none;
    *index_table = (uint32_t)number_at(f->record, after + 4 * PCDATA_INLINE_INDEX, 4, &ok);
    uint64_t offset =
        number_at(f->record, after + 4 * ((uint64_t)n_pcdata + FUNCDATA_INLINE_TREE), 4, &ok);
    if (!ok || offset == UINT32_MAX || *index_table == 0)
        return none;
    struct str tree = from(t->gofunc, offset, &ok);
    return ok ? tree : none;
}

struct inlined_call {
    uint32_t name, start_line;
    uint8_t id;
    int32_t parent;     /* until 1.19: the call around it */
    int32_t file;       /* until 1.19: of the call */
    uint32_t line;      /* the same */
    uint32_t parent_pc; /* an instruction of the call */
};

static bool read_call(const struct gopclntab *t, struct str tree, int32_t i,
                      struct inlined_call *call)
{
    bool ok = true;
    uint64_t at = (uint64_t)i * (t->version >= GO_1_20 ? 16 : 20);
    if (t->version >= GO_1_20) {
        call->id = (uint8_t)number_at(tree, at, 1, &ok);
        call->name = (uint32_t)number_at(tree, at + 4, 4, &ok);
        call->parent_pc = (uint32_t)number_at(tree, at + 8, 4, &ok);
        call->start_line = (uint32_t)number_at(tree, at + 12, 4, &ok);
    } else {
        call->parent = (int16_t)number_at(tree, at, 2, &ok);
        call->file = (int32_t)number_at(tree, at + 4, 4, &ok);
        call->line = (uint32_t)number_at(tree, at + 8, 4, &ok);
        call->id = (uint8_t)number_at(tree, at + 2, 1, &ok);
        call->name = (uint32_t)number_at(tree, at + 12, 4, &ok);
        call->parent_pc = (uint32_t)number_at(tree, at + 16, 4, &ok);
        call->start_line = 0;
    }
    return ok;
}

/* Made by the compiler to call what the source names; Go's profiles leave it out. */
static bool is_wrapper(const struct frame *frame)
{
    return (strcmp(frame->file, "<autogenerated>") == 0 && strncmp(frame->name, "type.", 5) != 0) ||
           strstr(frame->name, ".gowrap") || strstr(frame->name, ".deferwrap") ||
           strstr(frame->name, "\302\267dwrap\302\267");
}

static bool add_frames(const struct gopclntab *t, const struct function *f, struct lookup *lookup,
                       struct frame_table *frames)
{
    uint32_t index_table = 0;
    struct str tree = inline_tree(t, f, &index_table);
    struct frame frame = {.name = ""};
    size_t first = frames->frames.n;
    int32_t i = tree.len ? value_at(t, ROLE_ADDRESS, index_table, f->entry, lookup->address) : -1;
    position_of(t, f, ROLE_ADDRESS, lookup->address, &frame);
    for (unsigned depth = 0; i >= 0 && depth < FRAMES_MAX_INLINE; depth++) {
        struct inlined_call call = {0};
        if (!read_call(t, tree, i, &call))
            break;
        frame.name = text_at(t->names, call.name);
        frame.start_line = call.start_line;
        if (!vec_push(&frames->frames, frame))
            return false;
        if (t->version >= GO_1_20) {
            uint64_t pc = f->entry + call.parent_pc;
            position_of(t, f, ROLE_CALL, pc, &frame);
            i = value_at(t, ROLE_CALL, index_table, f->entry, pc);
        } else {
            frame.file = file_of(t, f, call.file);
            frame.line = call.line;
            i = call.parent;
        }
    }
    frame.name = text_at(t->names, field(t, f, FIELD_NAME));
    frame.start_line = t->version >= GO_1_20 ? field(t, f, FIELD_START_LINE) : 0;
    /* Alone it stays: whoever made the profile may not know. */
    if ((frames->frames.n == first || !is_wrapper(&frame)) && !vec_push(&frames->frames, frame))
        return false;
    lookup->first_frame = (uint32_t)first;
    lookup->n_frames = (uint32_t)(frames->frames.n - first);
    return true;
}

static void describe(const struct gopclntab *t, const struct function *found,
                     struct gopclntab_function *f)
{
    bool ok = true;
    *f = (struct gopclntab_function){.entry = found->entry,
                                     .size = found->size,
                                     .name = text_at(t->names, field(t, found, FIELD_NAME)),
                                     .record = found->record};
    if (t->version < GO_1_18)
        return;
    f->id = (uint8_t)number_at(f->record, record_bytes(t) - 4, 1, &ok);
    f->flags = (uint8_t)number_at(f->record, record_bytes(t) - 3, 1, &ok);
    if (t->version >= GO_1_20)
        f->start_line = field(t, found, FIELD_START_LINE);
}

bool gopclntab_function(const struct gopclntab *table, uint64_t i, struct gopclntab_function *f)
{
    struct function found;
    if (i >= table->n_functions)
        return false;
    uint64_t entry = function_start(table, i);
    if (function_at(table, i, &found) && found.size > 0)
        describe(table, &found, f);
    else
        *f = (struct gopclntab_function){.entry = entry, .name = ""};
    return true;
}

bool gopclntab_at(const struct gopclntab *table, uint64_t address, struct gopclntab_function *f)
{
    struct function found;
    if (!find_function(table, address, &found))
        return false;
    describe(table, &found, f);
    return true;
}

static struct function record_of(const struct gopclntab_function *f)
{
    return (struct function){f->record, f->entry, f->size};
}

bool gopclntab_has_sp(const struct gopclntab *table, const struct gopclntab_function *f)
{
    struct function r = record_of(f);
    return field(table, &r, FIELD_PCSP) != 0;
}

int32_t gopclntab_sp_delta(const struct gopclntab *table, const struct gopclntab_function *f,
                           uint64_t address)
{
    struct function r = record_of(f);
    return value_at(table, ROLE_ADDRESS, field(table, &r, FIELD_PCSP), f->entry, address);
}

int32_t gopclntab_number(const struct gopclntab *table, const struct gopclntab_function *f,
                         unsigned which, uint64_t address)
{
    bool ok = true;
    struct function r = record_of(f);
    if (table->version < GO_1_18 || which >= field(table, &r, FIELD_N_PCDATA))
        return -1;
    uint64_t at = record_bytes(table) + 4 * (uint64_t)which;
    uint32_t offset = (uint32_t)number_at(f->record, at, 4, &ok);
    return ok ? value_at(table, ROLE_ADDRESS, offset, f->entry, address) : -1;
}

struct str gopclntab_data(const struct gopclntab *table, const struct gopclntab_function *f,
                          unsigned which)
{
    bool ok = true;
    struct function r = record_of(f);
    struct str none = {"", 0};
    uint64_t after = record_bytes(table);
    if (table->version < GO_1_18 || table->gofunc.len == 0 ||
        which >= number_at(f->record, after - 1, 1, &ok))
        return none;
    uint64_t at = after + 4 * ((uint64_t)field(table, &r, FIELD_N_PCDATA) + which);
    uint64_t offset = number_at(f->record, at, 4, &ok);
    if (!ok || offset == UINT32_MAX)
        return none;
    struct str data = from(table->gofunc, offset, &ok);
    return ok ? data : none;
}

void gopclntab_line(const struct gopclntab *table, const struct gopclntab_function *f,
                    uint64_t address, const char **file, uint32_t *line)
{
    struct function r = record_of(f);
    struct frame frame = {.name = ""};
    position_of(table, &r, ROLE_ADDRESS, address, &frame);
    *file = frame.file;
    *line = frame.line;
}

bool gopclntab_call(const struct gopclntab *table, const struct gopclntab_function *f,
                    uint64_t address, struct gopclntab_call *call)
{
    uint32_t index_table = 0;
    struct function r = record_of(f);
    struct inlined_call inlined = {0};
    struct str tree = inline_tree(table, &r, &index_table);
    int32_t i = tree.len ? value_at(table, ROLE_ADDRESS, index_table, f->entry, address) : -1;
    if (i < 0 || !read_call(table, tree, i, &inlined) || inlined.parent_pc >= f->size)
        return false;
    *call = (struct gopclntab_call){text_at(table->names, inlined.name), inlined.start_line,
                                    inlined.id, f->entry + inlined.parent_pc};
    return true;
}

bool gopclntab_lookup(struct gopclntab *table, struct lookup *lookups, size_t n,
                      struct frame_table *frames, struct diag *diag, struct err *err)
{
    bool is_damaged = false;
    struct function f = {0};
    for (size_t i = 0; i < n; i++) {
        if (lookups[i].n_frames > 0 || (lookups[i].address - f.entry >= f.size &&
                                        !find_function(table, lookups[i].address, &f)))
            continue;
        if (!*text_at(table->names, field(table, &f, FIELD_NAME)))
            is_damaged = true;
        else if (!add_frames(table, &f, &lookups[i], frames))
            return err_nomem(err);
    }
    if (is_damaged)
        diag_add(diag, "damaged table of Go functions: some names are missing");
    return true;
}

/* --- finding the table, and runtime.text and go:func.* through moduledata --- */

struct relocation {
    uint64_t at, value;
};

/* An object whose pointers the loader fills in. */
struct image {
    const struct elf *elf;
    VEC(struct relocation) relocations; /* sorted; relative ones only */
};

static int by_place(const void *a, const void *b)
{
    const struct relocation *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

static bool read_relocations(struct image *image)
{
    const GElf_Phdr *segments;
    size_t n = elf_segments(image->elf, &segments);
    uint64_t rela = 0, size = 0;
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        struct str dynamic = segments[i].p_type == PT_DYNAMIC
                                 ? elf_loaded_data(image->elf, segments[i].p_vaddr)
                                 : (struct str){"", 0};
        for (uint64_t at = 0; ok; at += 16) {
            uint64_t tag = number_at(dynamic, at, 8, &ok),
                     value = number_at(dynamic, at + 8, 8, &ok);
            if (!ok || tag == DT_NULL)
                break;
            rela = tag == DT_RELA ? value : rela;
            size = tag == DT_RELASZ ? value : size;
        }
        ok = true;
    }
    struct str entries = elf_loaded_data(image->elf, rela);
    if (rela == 0 || size > entries.len)
        return true;
    uint32_t relative =
        elf_header(image->elf)->e_machine == EM_AARCH64 ? R_AARCH64_RELATIVE : R_X86_64_RELATIVE;
    for (uint64_t at = 0; at + 24 <= size; at += 24) {
        if ((uint32_t)number_at(entries, at + 8, 8, &ok) == relative &&
            !vec_push(&image->relocations,
                      (struct relocation){number_at(entries, at, 8, &ok),
                                          number_at(entries, at + 16, 8, &ok)}))
            return false;
    }
    if (image->relocations.n)
        qsort(image->relocations.items, image->relocations.n, sizeof *image->relocations.items,
              by_place);
    return true;
}

static uint64_t pointer_at(const struct image *image, uint64_t address)
{
    struct relocation key = {address, 0}, *found = NULL;
    bool ok = true;
    if (image->relocations.n)
        found = bsearch(&key, image->relocations.items, image->relocations.n, sizeof key, by_place);
    return found ? found->value : number_at(elf_loaded_data(image->elf, address), 0, 8, &ok);
}

/* Offsets in moduledata; all of it up to `text` is the same from 1.18 to 1.27. */
#define MODULE_NAMES 8
#define MODULE_TEXT 176
#define MODULE_ETEXT 184
#define MODULE_GOFUNC_FIRST 296 /* gofunc moved between releases: searched from here */
#define MODULE_GOFUNC_LAST 400

/* Does the structure at `module` describe the table at `address`? */
static bool is_module(const struct gopclntab *t, const struct image *image, uint64_t module,
                      uint64_t address)
{
    uint64_t names = address + (uint64_t)(t->names.p - t->whole.p);
    return pointer_at(image, module) == address &&
           pointer_at(image, module + MODULE_NAMES) == names &&
           pointer_at(image, module + MODULE_TEXT) < pointer_at(image, module + MODULE_ETEXT);
}

static uint64_t find_module(const struct gopclntab *t, const struct image *image, uint64_t address)
{
    const GElf_Phdr *segments;
    size_t n = elf_segments(image->elf, &segments);
    for (size_t i = 0; i < image->relocations.n; i++) {
        if (image->relocations.items[i].value == address &&
            is_module(t, image, image->relocations.items[i].at, address))
            return image->relocations.items[i].at;
    }
    for (size_t i = 0; i < n; i++) {
        struct str data = segments[i].p_type == PT_LOAD
                              ? elf_loaded_data(image->elf, segments[i].p_vaddr)
                              : (struct str){"", 0};
        bool ok = true;
        for (uint64_t at = 0; at + 8 <= data.len; at += 8) {
            if (number_at(data, at, 8, &ok) == address &&
                is_module(t, image, segments[i].p_vaddr + at, address))
                return segments[i].p_vaddr + at;
        }
    }
    return 0;
}

/* With this gofunc, do inline trees make sense?  Looks at the first that are
 * there; a wrong one fails within a few. */
static bool trees_fit(struct gopclntab *t, struct str gofunc)
{
    unsigned n_seen = 0;
    t->gofunc = gofunc;
    for (uint64_t i = 0; i < t->n_functions && n_seen < 100; i++) {
        struct function f;
        struct inlined_call call = {0};
        uint32_t table;
        if (!function_at(t, i, &f))
            continue;
        struct str tree = inline_tree(t, &f, &table);
        if (tree.len == 0)
            continue;
        n_seen++;
        if (!read_call(t, tree, 0, &call) || call.parent_pc >= f.size ||
            call.name >= t->names.len || (call.name && t->names.p[call.name - 1] != '\0') ||
            !*text_at(t->names, call.name))
            return false;
    }
    return n_seen > 0;
}

static void use_module(struct gopclntab *t, const struct image *image, uint64_t module)
{
    t->text = pointer_at(image, module + MODULE_TEXT);
    for (unsigned at = MODULE_GOFUNC_FIRST; at <= MODULE_GOFUNC_LAST; at += 8) {
        struct str data = elf_loaded_data(image->elf, pointer_at(image, module + at));
        if (data.len > 0 && trees_fit(t, data))
            return;
    }
    t->gofunc = (struct str){"", 0};
}

/* runtime.text for programs whose moduledata is not found. */
static uint64_t guess_text(const struct gopclntab *t, const struct elf *elf)
{
    uint64_t text;
    bool ok = true;
    GElf_Shdr header;
    if (elf_symbol_value(elf, "runtime.text", &text))
        return text;
    text = header_word(t, 2, &ok);
    if (text == 0 && elf_section(elf, ".text", &header))
        text = header.sh_addr;
    return text;
}

struct str gopclntab_find(const struct elf *elf, uint64_t *address)
{
    static const char *const names[] = {".gopclntab", ".data.rel.ro.gopclntab", "__gopclntab"};
    struct gopclntab probe = {0};
    GElf_Shdr header;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Elf_Scn *section = elf_section(elf, names[i], &header);
        struct str data = elf_section_data(section);
        *address = section ? header.sh_addr : 0;
        if (section && read_header(&probe, data))
            return data;
    }
    const GElf_Phdr *segments;
    size_t n = elf_segments(elf, &segments);
    for (size_t i = 0; i < n; i++) {
        struct str data = segments[i].p_type == PT_LOAD ? elf_loaded_data(elf, segments[i].p_vaddr)
                                                        : (struct str){"", 0};
        for (uint64_t at = 0; at + 16 <= data.len; at += 8) {
            struct str rest = {data.p + at, data.len - at};
            enum version version;
            if (looks_like_header(rest, &version) && read_header(&probe, rest)) {
                *address = segments[i].p_vaddr + at;
                return rest;
            }
        }
    }
    return (struct str){"", 0};
}

bool gopclntab_parts(struct str data, uint64_t *names, uint64_t *pcs)
{
    struct gopclntab t = {0};
    if (!read_header(&t, data) || t.version < GO_1_18)
        return false;
    *names = (uint64_t)(t.names.p - data.p);
    *pcs = (uint64_t)(t.pcs.p - data.p);
    return true;
}

struct gopclntab *gopclntab_new(struct str data, uint64_t text, struct str gofunc, struct err *err)
{
    struct gopclntab header = {0};
    if (!read_header(&header, data))
        return NULL;
    struct gopclntab *table = malloc(sizeof *table);
    header.steps = calloc(N_STEPS, sizeof *header.steps);
    if (!table || !header.steps) {
        free(table);
        free(header.steps);
        err_nomem(err);
        return NULL;
    }
    *table = header;
    table->text = text;
    table->gofunc = gofunc;
    return table;
}

struct gopclntab *gopclntab_open(struct elf *elf, struct err *err)
{
    uint64_t address;
    struct image image = {.elf = elf};
    const GElf_Ehdr *header = elf_header(elf);
    if (header->e_ident[EI_DATA] != ELFDATA2LSB || !elf_is_go(elf))
        return NULL;
    struct str data = gopclntab_find(elf, &address);
    struct gopclntab *table = gopclntab_new(data, 0, (struct str){"", 0}, err);
    if (!table || table->version < GO_1_18)
        return table;
    uint64_t module = 0;
    if (header->e_ident[EI_CLASS] == ELFCLASS64) {
        if (!read_relocations(&image)) {
            gopclntab_free(table);
            table = NULL;
            err_nomem(err);
            goto out;
        }
        module = find_module(table, &image, address);
    }
    if (module)
        use_module(table, &image, module);
    else
        table->text = guess_text(table, elf);
out:
    vec_release(&image.relocations);
    return table;
}

bool gopclntab_has_inlines(const struct gopclntab *table)
{
    return table->gofunc.len > 0;
}

void gopclntab_free(struct gopclntab *table)
{
    if (table)
        free(table->steps);
    free(table);
}
