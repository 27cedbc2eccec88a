#include "sym/plt.h"

#include <stdlib.h>
#include <string.h>

#define STUB_BYTES 16
#define SLOT_BYTES 8

/* A slot of the global offset table that the loader fills with a function. */
struct slot {
    uint64_t at;
    const char *name;
};

struct plt {
    const struct elf *elf;
    struct symbols *symbols;
    VEC(struct slot) slots;
};

static int by_place(const void *a, const void *b)
{
    const struct slot *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

static bool is_slot_relocation(unsigned machine, uint64_t type)
{
    return machine == EM_X86_64 ? type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT
                                : type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
}

/* The slots of one section of relocations.  False when memory runs out. */
static bool read_slots(struct plt *plt, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf *handle = elf_handle(plt->elf);
    unsigned machine = elf_header(plt->elf)->e_machine;
    GElf_Shdr table;
    Elf_Scn *names = elf_getscn(handle, header->sh_link);
    Elf_Data *data = elf_getdata(section, NULL), *symbols = names ? elf_getdata(names, NULL) : NULL;
    GElf_Rela r;
    GElf_Sym s;
    if (!data || !symbols || !gelf_getshdr(names, &table) || !header->sh_entsize)
        return true;
    size_t n = data->d_size / header->sh_entsize;
    for (size_t i = 0; i < n && gelf_getrela(data, (int)i, &r); i++) {
        if (!is_slot_relocation(machine, GELF_R_TYPE(r.r_info)) ||
            !gelf_getsym(symbols, (int)GELF_R_SYM(r.r_info), &s))
            continue;
        const char *name = elf_strptr(handle, table.sh_link, s.st_name);
        if (name && *name && !vec_push(&plt->slots, (struct slot){r.r_offset, name}))
            return false;
    }
    return true;
}

static uint32_t word_at(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The slot that the stub p[0..STUB_BYTES) at `address` jumps through; 0 if it does not
 * look like a stub. */
static uint64_t stub_slot_x86_64(const char *p, uint64_t address)
{
    /* [endbr64] [bnd] jmp *DISP(%rip) */
    for (unsigned i = 0; i + 6 <= STUB_BYTES && i <= 5; i++) {
        if ((uint8_t)p[i] == 0xff && p[i + 1] == 0x25)
            return address + i + 6 + (uint64_t)(int32_t)word_at(p + i + 2);
    }
    return 0;
}

static uint64_t stub_slot_aarch64(const char *p, uint64_t address)
{
    /* [bti c] adrp x16, PAGE; ldr x17, [x16, OFFSET] */
    unsigned i = word_at(p) == 0xd503245fu ? 4 : 0;
    uint32_t adrp = word_at(p + i), load = word_at(p + i + 4);
    if ((adrp & 0x9f00001fu) != 0x90000010u || (load & 0xffc003ffu) != 0xf9400211u)
        return 0;
    uint64_t pages = (uint64_t)(adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3);
    if (pages & (1u << 20))
        pages |= ~(uint64_t)0 << 21;
    return ((address + i) & ~(uint64_t)0xfff) + (pages << 12) + (load >> 10 & 0xfff) * 8;
}

/* The slots have names too, for calls that go through them without a stub. */
static bool name_slots(struct plt *plt)
{
    for (size_t i = 0; i < plt->slots.n; i++) {
        const struct slot *slot = &plt->slots.items[i];
        char *name = arena_printf(&plt->symbols->arena, "%s@got", slot->name);
        if (!name || !vec_push(&plt->symbols->stubs,
                               (struct symbol){slot->at, SLOT_BYTES, name, false, true}))
            return false;
    }
    return true;
}

static bool add_stub(struct plt *plt, uint64_t address, uint64_t at)
{
    struct slot key = {at, NULL};
    const struct slot *slot = bsearch(&key, plt->slots.items, plt->slots.n, sizeof key, by_place);
    if (!slot)
        return true;
    char *name = arena_printf(&plt->symbols->arena, "%s@plt", slot->name);
    return name &&
           vec_push(&plt->symbols->stubs, (struct symbol){address, STUB_BYTES, name, true, true});
}

/* Stubs are 16 bytes each; some tables hold ones of 8 (.plt.got). */
static bool read_stubs(struct plt *plt, Elf_Scn *section, const GElf_Shdr *header)
{
    bool is_x86 = elf_header(plt->elf)->e_machine == EM_X86_64;
    struct str code = elf_section_data(section);
    for (uint64_t i = 0; i + STUB_BYTES <= code.len; i += is_x86 ? 8 : 4) {
        uint64_t address = header->sh_addr + i;
        uint64_t at =
            is_x86 ? stub_slot_x86_64(code.p + i, address) : stub_slot_aarch64(code.p + i, address);
        if (at != 0 && !add_stub(plt, address, at))
            return false;
    }
    return true;
}

bool plt_read(const struct elf *elf, struct symbols *symbols)
{
    struct plt plt = {elf, symbols, {0}};
    unsigned machine = elf_header(elf)->e_machine;
    GElf_Shdr header;
    Elf_Scn *section = NULL;
    bool ok = true;
    if (machine != EM_X86_64 && machine != EM_AARCH64)
        return true;
    while (ok && (section = elf_nextscn(elf_handle(elf), section))) {
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_RELA &&
            (header.sh_flags & SHF_ALLOC))
            ok = read_slots(&plt, section, &header);
    }
    if (plt.slots.n)
        qsort(plt.slots.items, plt.slots.n, sizeof *plt.slots.items, by_place);
    ok = ok && name_slots(&plt);
    static const char *const names[] = {".plt", ".plt.sec", ".plt.got"};
    for (size_t i = 0; ok && plt.slots.n && i < sizeof names / sizeof *names; i++) {
        section = elf_section(elf, names[i], &header);
        ok = !section || read_stubs(&plt, section, &header);
    }
    vec_release(&plt.slots);
    return ok;
}
