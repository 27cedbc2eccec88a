#include "format/perfdata_unwind.h"

#include "unwind/walk.h"

#include <string.h>

void perfdata_unwind_init(struct perfdata_unwind *u, const struct perfdata_maps *maps)
{
    *u = (struct perfdata_unwind){.maps = maps};
    images_init(&u->images);
}

void perfdata_unwind_release(struct perfdata_unwind *u)
{
    if (u->maps)
        images_release(&u->images);
    vec_release(&u->codes);
    *u = (struct perfdata_unwind){0};
}

struct walk {
    struct perfdata_unwind *u;
    const struct perfdata_space *space;
    const struct perfdata_sample *sample;
    bool nomem;
};

/* The file of a mapping, opened when it is first asked for. */
static struct perfdata_code *find_code(struct perfdata_unwind *u, uint32_t mapping)
{
    const struct perfdata_mapping *m = &u->maps->mappings.items[mapping];
    const struct str *texts = u->maps->texts.strings;
    uint64_t shift;
    while (u->codes.n <= mapping)
        if (!vec_push(&u->codes, (struct perfdata_code){0}))
            return NULL;
    struct perfdata_code *code = &u->codes.items[mapping];
    if (code->is_known)
        return code;
    bool is_vdso = str_eq(texts[m->file], STR("[vdso]"));
    uint64_t offset = is_vdso ? 0 : m->offset;
    code->image = images_get(&u->images, texts[m->file], texts[m->build_id]);
    if (!code->image)
        return NULL;
    code->is_known = true;
    code->has_code = code->image->elf && elf_header(code->image->elf)->e_machine == EM_X86_64 &&
                     image_code_shift(code->image, offset, &shift);
    if (code->has_code)
        code->shift = offset + shift - m->start;
    return code;
}

static bool read_copy(void *arg, uint64_t address, uint64_t *value)
{
    const struct perfdata_sample *s = ((struct walk *)arg)->sample;
    uint64_t at = address - s->user_sp;
    if (address < s->user_sp || at > s->stack.len || s->stack.len - at < sizeof *value)
        return false;
    memcpy(value, s->stack.p + at, sizeof *value);
    return true;
}

static struct ehtab_row find_row(void *arg, uint64_t pc, uint64_t *frame)
{
    struct walk *w = arg;
    const struct perfdata_range *range = perfdata_space_find(w->space, pc);
    *frame = pc;
    struct perfdata_code *code = range ? find_code(w->u, range->mapping) : NULL;
    w->nomem |= range && !code;
    if (!code || !code->has_code)
        return (struct ehtab_row){.kind = EHTAB_NONE};
    return image_row(&w->u->images, code->image, pc + range->shift + code->shift);
}

uint32_t perfdata_unwind(struct perfdata_unwind *u, const struct perfdata_space *space,
                         const struct perfdata_sample *sample, uint64_t *frames, uint32_t max,
                         bool *complete, bool *nomem)
{
    static const struct walk_ops ops = {read_copy, find_row};
    struct walk w = {u, space, sample, false};
    *complete = false;
    if (!sample->has_user_regs || !space)
        return 0;
    const struct walk_regs regs = {sample->user_ip, sample->user_sp, sample->user_bp, 0};
    uint32_t n = walk_stack(&ops, &w, regs, frames, max, complete);
    *nomem |= w.nomem;
    return n;
}
