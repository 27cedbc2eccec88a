/* disasm, symbols and plt: code of a made object as text, with the names of what it calls. */
#include "made_elf.h"

#include "base/reader.h"
#include "sym/disasm.h"
#include "sym/object.h"

/* Two functions of C++, the second's end not a whole instruction, and a label. */
static const unsigned char code[] = {
    0x55,                            /* 0 push %rbp */
    0x48, 0x89, 0xe5,                /* 1 mov %rsp, %rbp */
    0xe8, 0x0b, 0,    0,    0,       /* 4 call 20 */
    0x48, 0x8d, 0x3d, 0,    0, 0, 0, /* 9 lea 0(%rip), %rdi */
    0x75, 0xee,                      /* 16 jne 0 */
    0xc3,                            /* 18 ret */
    0x90,                            /* 19 nop */
    0xb8, 0x2a, 0,    0,    0,       /* 20 mov $42, %eax */
    0xf0, 0x0f, 0xb1, 0x0f,          /* 25 lock cmpxchg %ecx, (%rdi) */
    0x48,                            /* 29: the beginning of an instruction */
};

struct made {
    struct object object;
    struct symbols symbols;
    struct instructions instructions;
    uint64_t text;
};

static void put_symbols(struct made_elf *e, uint64_t text)
{
    static const char strings[] = "\0_ZN3Foo3barEi\0_Z3bazv.part.0\0label\0file.c";
    const Elf64_Sym symbols[] = {
        {0},
        {30, ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE), 0, 1, text + 20, 0},
        {15, ELF64_ST_INFO(STB_LOCAL, STT_FUNC), 0, 1, text + 20, 10},
        {1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1, text, 19},
        {36, ELF64_ST_INFO(STB_LOCAL, STT_FILE), 0, SHN_ABS, 0, 0},
        {1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, SHN_UNDEF, 0, 0},
    };
    made_elf_section(e, ".strtab", SHT_STRTAB, 0, strings, sizeof strings);
    made_elf_section(e, ".symtab", SHT_SYMTAB, 0, symbols, sizeof symbols);
    e->sections[e->n - 1].sh_link = e->n - 2;
    e->sections[e->n - 1].sh_entsize = sizeof *symbols;
}

static void open_made(struct made *m)
{
    struct diag diag;
    diag_init(&diag);
    assert_true(object_open(&m->object, "made", NULL));
    assert_true(object_symbols(&m->object, &m->symbols, false, &diag, NULL));
    diag_release(&diag);
}

static void make(struct made *m)
{
    struct made_elf e = {0};
    *m = (struct made){0};
    m->text =
        made_elf_section(&e, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, code, sizeof code);
    put_symbols(&e, m->text);
    made_elf_write(&e, "made");
    open_made(m);
}

static void release(struct made *m)
{
    instructions_release(&m->instructions);
    symbols_release(&m->symbols);
    object_release(&m->object);
}

/* The instructions of [start, end), "OFFSET TEXT|" each; skips without LLVM. */
static const char *decode(struct made *m, enum disasm_syntax syntax, uint64_t start, uint64_t end)
{
    static char text[2048];
    struct err err = {0};
    struct disasm *d = disasm_new(m->object.elf, &m->symbols, syntax, &err);
    size_t n = 0;
    if (!d) {
        print_message("SKIPPED: %s\n", err.msg);
        skip();
    }
    instructions_release(&m->instructions);
    assert_true(disasm_decode(d, m->text + start, m->text + end, &m->instructions, &err));
    text[0] = '\0';
    for (size_t i = 0; i < m->instructions.list.n; i++) {
        const struct instruction *in = &m->instructions.list.items[i];
        n += (size_t)snprintf(text + n, sizeof text - n, "%u %s|",
                              (unsigned)(in->address - m->text), in->text);
    }
    disasm_free(d);
    return text;
}

static void symbols_are_nms(void **state)
{
    struct made m;
    make(&m);
    assert_int_equal(m.symbols.all.n, 3);
    const struct symbol *s = m.symbols.all.items;
    assert_string_equal(s[0].name, "_ZN3Foo3barEi");
    assert_string_equal(s[1].name, "_Z3bazv.part.0");
    assert_string_equal(s[2].name, "label");
    assert_true(s[0].is_code && s[0].is_typed && !s[2].is_typed);
    assert_ptr_equal(symbols_at(&m.symbols, m.text + 18), &s[0]);
    assert_null(symbols_at(&m.symbols, m.text + 19));
    assert_ptr_equal(symbols_at(&m.symbols, m.text + 20), &s[1]);
    assert_null(symbols_at(&m.symbols, m.text - 1));
    assert_ptr_equal(symbols_at(&m.symbols, UINT64_MAX), &s[2]); /* of unknown size */
    assert_int_equal(symbols_lower_bound(&m.symbols, m.text + 1), 1);
    release(&m);
}

static void display_names(void **state)
{
    AUTO_BUF out = {0};
    symbols_display_name("_Z3bazv.part.0", &out);
    assert_string_equal(buf_str(&out), "baz() (.part.0)");
    symbols_display_name("_ZN3Foo3barEi@plt", &out);
    assert_string_equal(buf_str(&out), "Foo::bar(int)@plt");
    symbols_display_name("main.(*T).m", &out);
    assert_string_equal(buf_str(&out), "main.(*T).m");
}

static void att(void **state)
{
    struct made m;
    make(&m);
    assert_string_equal(decode(&m, DISASM_ATT, 0, sizeof code),
                        "0 pushq  %rbp|1 movq   %rsp, %rbp|"
                        "4 callq  0x40008c <baz() (.part.0)>|"
                        "9 leaq   (%rip), %rdi  # 0x400088 <Foo::bar(int)+0x10>|"
                        "16 jne    0x400078 <Foo::bar(int)>|18 retq|19 nop|"
                        "20 movl   $0x2a, %eax|25 lock cmpxchgl %ecx, (%rdi)|29 (bad)|");
    release(&m);
}

static void intel(void **state)
{
    struct made m;
    make(&m);
    assert_string_equal(decode(&m, DISASM_INTEL, 0, 9),
                        "0 push   rbp|1 mov    rbp, rsp|4 call   0x40008c <baz() (.part.0)>|");
    release(&m);
}

/* From the middle of an instruction: the function is read from its beginning. */
static void from_inside(void **state)
{
    struct made m;
    make(&m);
    assert_string_equal(decode(&m, DISASM_ATT, 5, 17),
                        "9 leaq   (%rip), %rdi  # 0x400088 <Foo::bar(int)+0x10>|"
                        "16 jne    0x400078 <Foo::bar(int)>|");
    assert_string_equal(decode(&m, DISASM_ATT, 40, 50), "");
    assert_string_equal(decode(&m, DISASM_ATT, (uint64_t)-100, 0), "");
    assert_string_equal(decode(&m, DISASM_ATT, (uint64_t)-100, 1), "0 pushq  %rbp|");
    release(&m);
}

static void patch_machine(unsigned machine)
{
    FILE *f = fopen("made", "r+");
    assert_non_null(f);
    fseek(f, offsetof(Elf64_Ehdr, e_machine), SEEK_SET);
    fputc((int)(machine & 0xff), f);
    fputc((int)(machine >> 8), f);
    assert_int_equal(fclose(f), 0);
}

static void aarch64(void **state)
{
    static const uint32_t words[] = {
        0xa9bf7bfd,             /* stp x29, x30, [sp, #-16]! */
        0x94000003,             /* bl 16 */
        0xd65f03c0,             /* ret */
        0xffffffff, 0xd503201f, /* nop */
    };
    struct made_elf e = {0};
    struct made m = {0};
    m.text =
        made_elf_section(&e, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, words, sizeof words);
    made_elf_function(&e, "callee", m.text + 16, 4);
    made_elf_write(&e, "made");
    patch_machine(EM_AARCH64);
    open_made(&m);
    assert_string_equal(decode(&m, DISASM_INTEL, 0, sizeof words),
                        "0 stp    x29, x30, [sp, #-0x10]!|4 bl     0x400088 <callee>|8 ret|"
                        "12 (bad)|16 nop|");
    release(&m);
}

static void other_machine(void **state)
{
    struct err err = {0};
    struct made m;
    make(&m);
    release(&m);
    patch_machine(EM_SPARC);
    open_made(&m);
    assert_null(disasm_new(m.object.elf, &m.symbols, DISASM_ATT, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_string_equal(err.msg, "cannot disassemble 'made': code for another machine (ELF 2)");
    release(&m);
}

/* Stubs of the kinds that linkers make, and a slot. */
static void stubs(void **state)
{
    static const char strings[] = "\0puts";
    unsigned char plt[32] = {0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, 0, 0, 0, 0};
    struct made_elf e = {0};
    struct made m = {0};
    const Elf64_Sym symbols[] = {{0}, {1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, SHN_UNDEF, 0, 0}};
    memcpy(plt + 16, "\xff\x25\xf4\xff\xff\xff", 6); /* the same slot */
    uint64_t at =
        made_elf_section(&e, ".plt", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, plt, sizeof plt);
    uint64_t slot = at + 10;
    Elf64_Rela relocation = {slot, ELF64_R_INFO(1, R_X86_64_JUMP_SLOT), 0};
    made_elf_section(&e, ".dynstr", SHT_STRTAB, SHF_ALLOC, strings, sizeof strings);
    made_elf_section(&e, ".dynsym", SHT_DYNSYM, SHF_ALLOC, symbols, sizeof symbols);
    e.sections[3].sh_link = 2;
    e.sections[3].sh_entsize = sizeof *symbols;
    made_elf_section(&e, ".rela.plt", SHT_RELA, SHF_ALLOC, &relocation, sizeof relocation);
    e.sections[4].sh_link = 3;
    e.sections[4].sh_entsize = sizeof relocation;
    made_elf_write(&e, "made");
    open_made(&m);
    assert_int_equal(m.symbols.stubs.n, 3);
    assert_string_equal(symbols_at(&m.symbols, at)->name, "puts@plt");
    assert_string_equal(symbols_at(&m.symbols, slot)->name, "puts@got");
    assert_string_equal(symbols_at(&m.symbols, at + 16)->name, "puts@plt");
    assert_int_equal(symbols_at(&m.symbols, at + 31)->address, at + 16);
    release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_are_nms),
        cmocka_unit_test(display_names),
        cmocka_unit_test(att),
        cmocka_unit_test(intel),
        cmocka_unit_test(from_inside),
        cmocka_unit_test(aarch64),
        cmocka_unit_test(other_machine),
        cmocka_unit_test(stubs),
    };
    return cmocka_run_group_tests(tests, made_folder_enter, made_folder_leave);
}
