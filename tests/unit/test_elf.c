/* elf: what an object file is and holds, also when it lies. */
#include "made_elf.h"

#include "base/reader.h"
#include "sym/elf.h"
#include "sym_data.h"

#include <sys/mman.h>

#define ID_A "00112233445566778899aabbccddeeff00112233"
#define ID_B "ffffffffffffffffffffffffffffffffffffffff"

static struct elf *open_data(const char *name)
{
    char path[SYM_DATA_PATH];
    struct elf *elf = elf_open(sym_data(path, name), NULL);
    assert_non_null(elf);
    return elf;
}

static void kinds(void **state)
{
    static const struct {
        const char *name, *build_id;
        uint64_t entry;
    } objects[] = {
        {"elf/object", "", 0x20},
        {"elf/shared", "2715a8b2842692560f25cdcb2f6e6ff62990d618", 0x260},
        {"elf/static", "268a3b94513655d9cb197f26ffbc7acc52da2416", 0x400130},
        {"elf/stripped", "e3093e8d8e1b01c6a676085299d7841c75a7598c", 0x260},
    };
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        struct elf *elf = open_data(objects[i].name);
        assert_string_equal(elf_build_id(elf), objects[i].build_id);
        assert_true(elf_is_static(elf));
        assert_false(elf_is_go(elf));
        assert_string_equal(elf_symbol_at(elf, objects[i].entry)->name, "entry");
        assert_string_equal(elf_symbol_at(elf, objects[i].entry + 44)->name, "entry");
        assert_null(elf_symbol_at(elf, objects[i].entry + 45));
        assert_string_equal(elf_symbol_at(elf, objects[i].entry + 48)->name, "other");
        elf_free(elf);
    }
}

static void symbols(void **state)
{
    uint64_t value;
    struct elf *elf = open_data("elf/shared");
    const struct elf_symbol *cold = elf_symbol_at(elf, 0x240);
    assert_string_equal(cold->name, "cold");
    assert_true(*cold->file); /* local: its file is known */
    assert_string_equal(elf_symbol_at(elf, 0x260)->file, "");
    assert_true(elf_symbol_value(elf, "other", &value));
    assert_int_equal(value, 0x290);
    assert_false(elf_symbol_value(elf, "othe", &value));
    elf_free(elf);
    /* of .dynsym, where that is all there is: no local ones */
    elf = open_data("elf/stripped");
    assert_null(elf_symbol_at(elf, 0x240));
    assert_false(elf_symbol_value(elf, "other", &value));
    elf_free(elf);
}

static void build_ids(void **state)
{
    struct made_elf e = {0};
    made_elf_build_id(&e, ID_A);
    made_elf_write(&e, "one");
    made_elf_build_id(&e, ID_A);
    made_elf_build_id(&e, ID_B);
    made_elf_write(&e, "two");
    struct elf *elf = elf_open("one", NULL);
    assert_string_equal(elf_build_id(elf), ID_A);
    elf_free(elf);
    /* the first section that has one */
    elf = elf_open("two", NULL);
    assert_string_equal(elf_build_id(elf), ID_A);
    elf_free(elf);
}

static void sections(void **state)
{
    GElf_Shdr header;
    struct made_elf e = {0};
    uint64_t address = made_elf_section(&e, ".rodata", SHT_PROGBITS, SHF_ALLOC, "hello", 5);
    made_elf_section(&e, ".gopclntab", SHT_PROGBITS, SHF_ALLOC, "x", 1);
    made_elf_write(&e, "file");
    struct elf *elf = elf_open("file", NULL);
    Elf_Scn *section = elf_section(elf, ".rodata", &header);
    assert_non_null(section);
    assert_int_equal(header.sh_addr, address);
    assert_true(str_eq(elf_section_data(section), STR("hello")));
    assert_int_equal(elf_section_data(NULL).len, 0);
    assert_null(elf_section(elf, ".rodat", &header));
    assert_memory_equal(elf_loaded_data(elf, address + 1).p, "ello", 4);
    assert_int_equal(elf_loaded_data(elf, MADE_ELF_BASE - 1).len, 0);
    /* in memory, but not in the file */
    assert_int_equal(elf_loaded_data(elf, MADE_ELF_BASE + MADE_ELF_MEMORY - 1).len, 0);
    assert_true(elf_is_go(elf));
    elf_free(elf);
}

static void expect_refusal(const char *path, enum err_code code)
{
    struct err err = {0};
    assert_null(elf_open(path, &err));
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.msg, path));
}

static void no_objects(void **state)
{
    FILE *f = fopen("text", "w");
    fputs("no program", f);
    fclose(f);
    f = fopen("empty", "w");
    fclose(f);
    assert_int_equal(mkfifo("pipe", 0666), 0);
    expect_refusal("missing", ERR_IO);
    expect_refusal("text", ERR_INPUT);
    expect_refusal("empty", ERR_INPUT);
    expect_refusal("pipe", ERR_INPUT); /* and does not wait for a writer */
    expect_refusal("/", ERR_INPUT);
}

/* Ask everything; any answer will do. */
static void use(const char *path)
{
    GElf_Shdr header;
    const struct elf_symbol *list;
    const GElf_Phdr *segments;
    uint64_t value;
    size_t n;
    struct elf *elf = elf_open(path, NULL);
    if (!elf)
        return;
    elf_is_static(elf);
    elf_is_go(elf);
    elf_needs(elf, "lib");
    n = elf_segments(elf, &segments);
    for (size_t i = 0; i < n; i++)
        elf_loaded_data(elf, segments[i].p_vaddr);
    elf_section_data(elf_section(elf, ".text", &header));
    elf_symbol_value(elf, "entry", &value);
    assert_true(elf_symbols(elf, &list, &n));
    elf_symbol_at(elf, 0x260);
    elf_free(elf);
}

/* Cut short, and with each byte turned. */
static void hostile(void **state)
{
    char path[SYM_DATA_PATH];
    struct file file = {0};
    int fd = memfd_create("object", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(file_read(&file, sym_data(path, "elf/static"), NULL));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (size_t n = 0; n < file.len; n++) {
        use(path);
        assert_int_equal(pwrite(fd, file.data + n, 1, (off_t)n), 1);
    }
    for (size_t i = 4; i < file.len; i++) {
        unsigned char turned = (unsigned char)~file.data[i];
        assert_int_equal(pwrite(fd, &turned, 1, (off_t)i), 1);
        use(path);
        assert_int_equal(pwrite(fd, file.data + i, 1, (off_t)i), 1);
    }
    close(fd);
    file_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),    cmocka_unit_test(symbols),    cmocka_unit_test(build_ids),
        cmocka_unit_test(sections), cmocka_unit_test(no_objects), cmocka_unit_test(hostile),
    };
    return cmocka_run_group_tests(tests, made_folder_enter, made_folder_leave);
}
