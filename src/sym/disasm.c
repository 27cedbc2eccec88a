#include "sym/disasm.h"

#include <ctype.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Releases that may be installed.  The C interface has been stable since before
 * the oldest. */
#define NEWEST_LLVM 40
#define OLDEST_LLVM 7

#define TEXT_BYTES 512      /* of one instruction, as LLVM writes it */
#define MAX_INSTRUCTION 15  /* bytes */
#define MNEMONIC_WIDTH 6    /* as objdump aligns operands */
#define LOOK_BACK (1 << 20) /* bytes: beyond, code is taken to begin where it is asked for */

/* --- LLVM's C interface, as far as it is used --- */

#define OPTION_HEX 2
#define OPTION_OTHER_SYNTAX 4
#define REFERENCE_NONE 0
#define REFERENCE_BRANCH 1
#define REFERENCE_LOAD 2
#define REFERENCE_ADR 0x100000005u

typedef const char *lookup_fn(void *context, uint64_t value, uint64_t *type, uint64_t pc,
                              const char **name);

struct llvm {
    void *(*create)(const char *triple, const char *cpu, const char *features, void *context,
                    int tag, void *operand_info, lookup_fn *lookup);
    int (*set_options)(void *disassembler, uint64_t options);
    size_t (*instruction)(void *disassembler, uint8_t *bytes, uint64_t n, uint64_t pc, char *text,
                          size_t n_text);
    void (*dispose)(void *disassembler);
    void *library; /* NULL: not there */
    const char *wanted;
};

static struct llvm llvm;

static bool bind(struct llvm *l, void *library)
{
    /* dlsym gives functions as data, which is fine where dlsym exists */
    *(void **)&l->create = dlsym(library, "LLVMCreateDisasmCPUFeatures");
    *(void **)&l->set_options = dlsym(library, "LLVMSetDisasmOptions");
    *(void **)&l->instruction = dlsym(library, "LLVMDisasmInstruction");
    *(void **)&l->dispose = dlsym(library, "LLVMDisasmDispose");
    return l->create && l->set_options && l->instruction && l->dispose;
}

static bool try_library(const char *name)
{
    void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
    if (!library)
        return false;
    if (!bind(&llvm, library)) {
        dlclose(library);
        return false;
    }
    llvm.library = library;
    return true;
}

static void load_llvm(void)
{
    /* names up to 17, and from 18 on; a development package's link */
    static const char *const forms[] = {"libLLVM.so.%d.1", "libLLVM-%d.so.1", "libLLVM-%d.so"};
    char name[32];
    llvm.wanted = getenv("SONDE_LIBLLVM");
    if (llvm.wanted && *llvm.wanted) {
        try_library(llvm.wanted);
        return;
    }
    llvm.wanted = NULL;
    for (int version = NEWEST_LLVM; version >= OLDEST_LLVM; version--) {
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
            snprintf(name, sizeof name, forms[i], version);
            if (try_library(name))
                return;
        }
    }
}

static bool need_llvm(struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_llvm);
    if (llvm.library)
        return true;
    if (llvm.wanted)
        return err_set(err, ERR_UNSUPPORTED, "cannot disassemble: '%s' is no LLVM library",
                       llvm.wanted);
    return err_set(err, ERR_UNSUPPORTED,
                   "cannot disassemble: LLVM's library is not installed (Debian: apt install "
                   "libllvm14, or a newer one)");
}

/* --- machines --- */

struct machine {
    unsigned elf;
    const char *triple, *target; /* target: in the names of LLVM's functions */
    const char *features;        /* what is not known without */
    unsigned step;               /* past what is no instruction */
    bool has_syntaxes;
};

static const struct machine machines[] = {
    {EM_X86_64, "x86_64-unknown-linux-gnu", "X86", "", 1, true},
    {EM_386, "i386-unknown-linux-gnu", "X86", "", 1, true},
    {EM_AARCH64, "aarch64-unknown-linux-gnu", "AArch64",
     "+v8.5a,+fp-armv8,+neon,+crypto,+fullfp16,+sve,+sve2", 4, false},
};

static bool init_target(const char *target)
{
    static const char *const parts[] = {"TargetInfo", "TargetMC", "Disassembler"};
    char name[64];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        void (*init)(void);
        snprintf(name, sizeof name, "LLVMInitialize%s%s", target, parts[i]);
        *(void **)&init = dlsym(llvm.library, name);
        if (!init)
            return false;
        init();
    }
    return true;
}

/* --- one object --- */

/* A section with code. */
struct code {
    uint64_t address;
    struct str bytes;
};

struct disasm {
    const struct symbols *symbols;
    const struct machine *machine;
    void *disassembler;
    VEC(struct code) sections;
    /* What LLVM asked about while it worked on the last instruction. */
    uint64_t branch, load;
    bool has_branch, has_load;
    struct buf text, name; /* scratch */
};

/* LLVM asks for the names of operands.  It is given none, so that it writes
 * addresses; names are put behind, as objdump does. */
static const char *note_operand(void *context, uint64_t value, uint64_t *type, uint64_t pc,
                                const char **name)
{
    struct disasm *d = context;
    if (*type == REFERENCE_BRANCH) {
        d->branch = value;
        d->has_branch = true;
    } else if (*type == REFERENCE_LOAD || *type == REFERENCE_ADR) {
        d->load = value;
        d->has_load = true;
    }
    *type = REFERENCE_NONE;
    *name = NULL;
    return NULL;
}

static bool read_sections(struct disasm *d, const struct elf *elf)
{
    GElf_Shdr header;
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(elf_handle(elf), section))) {
        if (!gelf_getshdr(section, &header) || !(header.sh_flags & SHF_EXECINSTR) ||
            !(header.sh_flags & SHF_ALLOC))
            continue;
        struct str bytes = elf_section_data(section);
        if (bytes.len && !vec_push(&d->sections, (struct code){header.sh_addr, bytes}))
            return false;
    }
    if (d->sections.n)
        return true;
    /* no sections: what is loaded to be executed */
    const GElf_Phdr *segments;
    size_t n = elf_segments(elf, &segments);
    for (size_t i = 0; i < n; i++) {
        if (segments[i].p_type != PT_LOAD || !(segments[i].p_flags & PF_X))
            continue;
        struct str bytes = elf_loaded_data(elf, segments[i].p_vaddr);
        if (bytes.len && !vec_push(&d->sections, (struct code){segments[i].p_vaddr, bytes}))
            return false;
    }
    return true;
}

static const struct machine *machine_of(const struct elf *elf, struct err *err)
{
    unsigned id = elf_header(elf)->e_machine;
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        if (machines[i].elf == id && elf_header(elf)->e_ident[EI_DATA] == ELFDATA2LSB)
            return &machines[i];
    }
    err_set(err, ERR_UNSUPPORTED, "cannot disassemble '%s': code for another machine (ELF %u)",
            elf_path(elf), id);
    return NULL;
}

struct disasm *disasm_new(const struct elf *elf, const struct symbols *symbols,
                          enum disasm_syntax syntax, struct err *err)
{
    const struct machine *machine = machine_of(elf, err);
    if (!machine || !need_llvm(err))
        return NULL;
    struct disasm *d = calloc(1, sizeof *d);
    if (!d || !read_sections(d, elf)) {
        disasm_free(d);
        err_nomem(err);
        return NULL;
    }
    d->symbols = symbols;
    d->machine = machine;
    if (init_target(machine->target))
        d->disassembler =
            llvm.create(machine->triple, "", machine->features, d, 1, NULL, note_operand);
    if (!d->disassembler) {
        err_set(err, ERR_UNSUPPORTED, "cannot disassemble '%s': this LLVM does not know %s",
                elf_path(elf), machine->triple);
        disasm_free(d);
        return NULL;
    }
    bool other = syntax == DISASM_INTEL && machine->has_syntaxes;
    llvm.set_options(d->disassembler, OPTION_HEX | (other ? OPTION_OTHER_SYNTAX : 0));
    return d;
}

void disasm_free(struct disasm *d)
{
    if (!d)
        return;
    if (d->disassembler)
        llvm.dispose(d->disassembler);
    vec_release(&d->sections);
    buf_release(&d->text);
    buf_release(&d->name);
    free(d);
}

void instructions_release(struct instructions *instructions)
{
    vec_release(&instructions->list);
    arena_release(&instructions->arena);
}

/* --- text --- */

/* Words that stand before a mnemonic. */
static bool is_prefix(const char *s, size_t n)
{
    static const char *const prefixes[] = {"lock",   "rep",    "repne", "bnd",      "notrack",
                                           "data16", "addr32", "rex64", "xacquire", "xrelease"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (strlen(prefixes[i]) == n && memcmp(prefixes[i], s, n) == 0)
            return true;
    }
    return false;
}

/* LLVM's "\tmnemonic\toperands" with the operands aligned by spaces. */
static void lay_out(const char *s, struct buf *out)
{
    size_t begin = out->len, n;
    for (;;) {
        s += strspn(s, " \t\n");
        n = strcspn(s, " \t\n");
        buf_add(out, s, n);
        const char *rest = s + n + strspn(s + n, " \t\n");
        if (!is_prefix(s, n) || !*rest)
            break;
        buf_putc(out, ' ');
        s = rest;
    }
    s += n + strspn(s + n, " \t\n");
    if (!*s)
        return;
    size_t width = out->len - begin;
    buf_fill(out, ' ', width < MNEMONIC_WIDTH ? MNEMONIC_WIDTH - width + 1 : 1);
    for (bool in_space = false; *s; s++) {
        bool is_space = isspace((unsigned char)*s);
        if (!is_space) {
            if (in_space)
                buf_putc(out, ' ');
            buf_putc(out, *s);
        }
        in_space = is_space;
    }
}

/* " <NAME+0x10>" */
static void add_name(struct disasm *d, uint64_t address)
{
    const struct symbol *symbol = symbols_at(d->symbols, address);
    if (!symbol)
        return;
    symbols_display_name(symbol->name, &d->name);
    buf_printf(&d->text, " <%s", buf_str(&d->name));
    if (address != symbol->address)
        buf_printf(&d->text, "+0x%llx", (unsigned long long)(address - symbol->address));
    buf_putc(&d->text, '>');
    d->text.failed |= d->name.failed;
}

static bool add_instruction(struct disasm *d, uint64_t address, const char *text,
                            struct instructions *out)
{
    buf_clear(&d->text);
    lay_out(text, &d->text);
    if (d->has_branch) {
        add_name(d, d->branch);
    } else if (d->has_load) {
        buf_printf(&d->text, "  # 0x%llx", (unsigned long long)d->load);
        add_name(d, d->load);
    }
    char *copy = arena_strndup(&out->arena, buf_str(&d->text), d->text.len);
    return copy && !d->text.failed && vec_push(&out->list, (struct instruction){address, copy});
}

/* --- decoding --- */

/* Where code is known to begin: the last symbol that is not behind `address`. */
static uint64_t code_start(const struct disasm *d, uint64_t address, uint64_t section)
{
    const struct symbol *items = d->symbols->all.items;
    size_t i = symbols_lower_bound(d->symbols, address);
    if (i < d->symbols->all.n && items[i].address == address)
        return address;
    while (i > 0 && !(items[i - 1].is_code && items[i - 1].is_typed))
        i--;
    uint64_t begin = i > 0 && items[i - 1].address > section ? items[i - 1].address : section;
    return address - begin <= LOOK_BACK ? begin : address;
}

/* The next function behind `address`, where decoding starts anew. */
static uint64_t next_start(const struct disasm *d, uint64_t address, size_t *i)
{
    const struct symbol *items = d->symbols->all.items;
    while (*i < d->symbols->all.n &&
           (items[*i].address <= address || !items[*i].is_code || !items[*i].is_typed))
        ++*i;
    return *i < d->symbols->all.n ? items[*i].address : UINT64_MAX;
}

/* Is the text "\tlock" or the like alone?  Some releases of LLVM split an instruction there. */
static bool is_lone_prefix(const char *text)
{
    text += strspn(text, " \t");
    return is_prefix(text, strcspn(text, " \t")) && text[strcspn(text, " \t")] == '\0';
}

/* One instruction at `at`, of at most `left` bytes: its text and length. */
static size_t decode_one(struct disasm *d, const char *bytes, uint64_t left, uint64_t at,
                         char text[TEXT_BYTES])
{
    size_t n_text = 0, done = 0;
    d->has_branch = d->has_load = false;
    for (;;) {
        size_t n = llvm.instruction(d->disassembler, (uint8_t *)bytes + done, left - done,
                                    at + done, text + n_text, TEXT_BYTES - n_text);
        if (n == 0) {
            d->has_branch = d->has_load = false;
            strcpy(text, "(bad)");
            return d->machine->step < left ? d->machine->step : left;
        }
        done += n;
        if (done == left || !is_lone_prefix(text + n_text))
            return done;
        n_text = strlen(text);
        text[n_text++] = ' ';
    }
}

static bool decode_section(struct disasm *d, const struct code *code, uint64_t start, uint64_t end,
                           struct instructions *out)
{
    char text[TEXT_BYTES];
    uint64_t limit = code->address + code->bytes.len;
    if (start >= limit || end <= code->address)
        return true;
    if (start < code->address)
        start = code->address;
    if (end > limit)
        end = limit;
    uint64_t at = code_start(d, start, code->address);
    size_t next = symbols_lower_bound(d->symbols, at);
    while (at < end) {
        uint64_t boundary = next_start(d, at, &next);
        uint64_t left = (boundary < limit ? boundary : limit) - at;
        size_t n = decode_one(d, code->bytes.p + (at - code->address),
                              left < MAX_INSTRUCTION ? left : MAX_INSTRUCTION, at, text);
        if (at >= start && !add_instruction(d, at, text, out))
            return false;
        at += n;
    }
    return true;
}

bool disasm_decode(struct disasm *d, uint64_t start, uint64_t end, struct instructions *out,
                   struct err *err)
{
    for (size_t i = 0; i < d->sections.n; i++) {
        if (!decode_section(d, &d->sections.items[i], start, end, out))
            return err_nomem(err);
    }
    return true;
}
