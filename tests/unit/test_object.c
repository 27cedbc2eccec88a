/* object: which source of names is asked first. */
#include "made_elf.h"

#include "base/reader.h"
#include "sym/object.h"
#include "sym_data.h"

/* Where the sample was linked; see test_gopclntab. */
#define TEXT 0x401000u
#define MODULE_BYTES 416

/* "NAME:LINE" of each frame, "<" between. */
static const char *frames_at(const char *path, uint64_t address)
{
    static char text[512];
    struct object object;
    struct diag diag;
    struct lookup lookup = {address, 0, 0};
    size_t n = 0;
    diag_init(&diag);
    assert_true(object_open(&object, path, NULL));
    assert_true(object_lookup(&object, &lookup, 1, false, &diag, NULL));
    text[0] = '\0';
    for (uint32_t i = 0; i < lookup.n_frames; i++) {
        const struct frame *f = &object.table.frames.items[lookup.first_frame + i];
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s:%u", i ? "<" : "", f->name, f->line);
    }
    object_release(&object);
    diag_release(&diag);
    return text;
}

/* A program with the sample's table of functions.  With `moduledata` the inline
 * trees are found; its symbol table has names as Go's linker writes them. */
static void put_go_program(const char *path, bool has_moduledata)
{
    char sample_path[SYM_DATA_PATH];
    struct made_elf e = {0};
    struct file sample = {0};
    uint32_t n;
    uint64_t names;
    assert_true(file_read(&sample, sym_data(sample_path, "gopclntab/go1.27"), NULL));
    memcpy(&n, sample.data, sizeof n);
    const char *table = (const char *)sample.data + sizeof n, *trees = table + n;
    made_elf_section(&e, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "", 0);
    e.sections[1].sh_addr = TEXT;
    uint64_t at = made_elf_section(&e, ".gopclntab", SHT_PROGBITS, SHF_ALLOC, table, n);
    uint64_t gofunc =
        made_elf_section(&e, ".rodata", SHT_PROGBITS, SHF_ALLOC, trees, sample.len - sizeof n - n);
    memcpy(&names, table + 8 + 3 * 8, sizeof names);
    uint64_t module[MODULE_BYTES / 8] = {0};
    module[0] = at;
    module[1] = at + names;
    module[176 / 8] = TEXT;
    module[184 / 8] = TEXT + 0x80;
    module[320 / 8] = gofunc;
    if (has_moduledata)
        made_elf_section(&e, ".go.module", SHT_PROGBITS, SHF_ALLOC, module, sizeof module);
    made_elf_function(&e, "main.work.abi0", TEXT, 0x200);
    made_elf_write(&e, path);
    file_release(&sample);
}

static void go_program(void **state)
{
    put_go_program("go", true);
    assert_string_equal(frames_at("go", TEXT), "main.work:20");
    assert_string_equal(frames_at("go", TEXT + 9), "main.clamp:10<main.scaled:16<main.work:21");
    /* beyond Go's code: what the symbol table says */
    assert_string_equal(frames_at("go", TEXT + 0x100), "main.work.abi0:0");
    assert_string_equal(frames_at("go", TEXT + 0x300), "");
    /* inlined calls unknown, no DWARF: still Go's table */
    put_go_program("go", false);
    assert_string_equal(frames_at("go", TEXT + 9), "main.work:10");
}

static void symbols_only(void **state)
{
    struct made_elf e = {0};
    made_elf_section(&e, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "code", 4);
    made_elf_function(&e, "run", MADE_ELF_BASE + 0x100, 8);
    made_elf_write(&e, "plain");
    assert_string_equal(frames_at("plain", MADE_ELF_BASE + 0x107), "run:0");
    assert_string_equal(frames_at("plain", MADE_ELF_BASE + 0x108), "");
}

static void lines_and_symbols(void **state)
{
    char path[SYM_DATA_PATH];
    uint64_t cold = 0;
    struct elf *elf = elf_open(sym_data(path, "dwarf/gcc_5"), NULL);
    assert_true(elf_symbol_value(elf, "cold", &cold));
    elf_free(elf);
    assert_string_equal(frames_at(path, cold), "cold:3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(go_program),
        cmocka_unit_test(symbols_only),
        cmocka_unit_test(lines_and_symbols),
    };
    return cmocka_run_group_tests(tests, made_folder_enter, made_folder_leave);
}
