/* Core files made by hand: whole, cut, damaged, of other machines. */
#include "os/core.h"
#include "unit.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAP 0x10000u
#define TEXT 0x400000u
#define DATA 0x402000u
#define PAGE 4096u

/* A core with a page of heap, a program of two pages of which the first is there, and one more
 * page of it that no segment speaks of. */
struct made {
    Elf64_Ehdr header;
    Elf64_Phdr segments[3];
    uint8_t notes[2048];
    uint8_t heap[PAGE];
    uint8_t first[PAGE];
};

static struct made made;
static size_t n_notes;
static uint8_t program[3 * PAGE];
static char dir[] = "/tmp/test_core.XXXXXX";
static char core_path[64], program_path[64];

static void put(const void *bytes, size_t n)
{
    memcpy(made.notes + n_notes, bytes, n);
    n_notes += n;
}

static void note(uint32_t type, const void *desc, uint32_t n)
{
    const uint32_t head[] = {5, n, type};
    put(head, sizeof head);
    put("CORE\0\0\0", 8);
    put(desc, n);
    n_notes = (n_notes + 3) & ~(size_t)3;
}

static void thread(int tid, int signo, uint64_t pc)
{
    uint8_t status[336] = {0};
    uint64_t regs[27] = {
        [1] = 0x14, [4] = 0xb, [14] = 0xd, [15] = (uint64_t)-1, [16] = pc, [19] = 0x5, [21] = 0xf5};
    memcpy(status + 12, &signo, 2);
    memcpy(status + 32, &tid, 4);
    memcpy(status + 112, regs, sizeof regs);
    note(NT_PRSTATUS, status, sizeof status);
}

static void files(const char *path)
{
    uint8_t desc[512] = {0};
    const uint64_t table[] = {2, 4096, TEXT, TEXT + 2 * PAGE, 0, DATA, DATA + PAGE, 2};
    memcpy(desc, table, sizeof table);
    size_t n = sizeof table, len = strlen(path) + 1;
    memcpy(desc + n, path, len);
    memcpy(desc + n + len, path, len);
    note(NT_FILE, desc, (uint32_t)(n + 2 * len));
}

static void make(void)
{
    uint8_t info[136] = {0};
    int pid = 4711;
    const uint64_t auxv[] = {AT_ENTRY, TEXT + 0x10, AT_NULL, 0};
    made = (struct made){.header = {.e_type = ET_CORE,
                                    .e_machine = EM_X86_64,
                                    .e_phoff = offsetof(struct made, segments),
                                    .e_phentsize = sizeof(Elf64_Phdr),
                                    .e_phnum = 3}};
    memcpy(made.header.e_ident, ELFMAG, SELFMAG);
    made.header.e_ident[EI_CLASS] = ELFCLASS64;
    made.header.e_ident[EI_DATA] = ELFDATA2LSB;
    for (size_t i = 0; i < sizeof program; i++)
        program[i] = (uint8_t)(i * 7 + i / PAGE);
    memset(made.heap, 0x11, PAGE);
    memcpy(made.first, program, PAGE);
    n_notes = 0;
    thread(4712, 11, TEXT + 0x20);
    thread(4711, 0, TEXT + 0x30);
    memcpy(info + 24, &pid, 4);
    memcpy(info + 40, "myname", 7);
    note(NT_PRPSINFO, info, sizeof info);
    note(NT_AUXV, auxv, sizeof auxv);
    files(program_path);
    made.segments[0] = (Elf64_Phdr){
        .p_type = PT_NOTE, .p_offset = offsetof(struct made, notes), .p_filesz = n_notes};
    made.segments[1] = (Elf64_Phdr){.p_type = PT_LOAD,
                                    .p_flags = PF_R | PF_W,
                                    .p_vaddr = HEAP,
                                    .p_offset = offsetof(struct made, heap),
                                    .p_filesz = PAGE,
                                    .p_memsz = PAGE};
    made.segments[2] = (Elf64_Phdr){.p_type = PT_LOAD,
                                    .p_flags = PF_R | PF_X,
                                    .p_vaddr = TEXT,
                                    .p_offset = offsetof(struct made, first),
                                    .p_filesz = PAGE,
                                    .p_memsz = 2 * PAGE};
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
}

static struct mem *open_core(size_t n, struct err *err)
{
    write_file(core_path, &made, n);
    write_file(program_path, program, sizeof program);
    return mem_of_core(core_path, NULL, err);
}

static void expect_bytes(const struct mem *mem, uint64_t address, const void *expected, size_t n)
{
    uint8_t got[3 * PAGE];
    struct err err = {0};
    assert_true(mem_read(mem, address, got, n, &err));
    assert_memory_equal(got, expected, n);
}

static void what_is_in_it(void **state)
{
    struct err err = {0};
    make();
    struct mem *mem = open_core(sizeof made, &err);
    assert_non_null(mem);
    const struct core_info *info = core_info(mem);
    assert_int_equal(info->pid, 4711);
    assert_string_equal(info->name, "myname");
    assert_int_equal(info->signo, 11);
    assert_false(info->is_cut);
    assert_int_equal(info->n_threads, 2);
    assert_int_equal(info->threads[0].tid, 4712);
    assert_int_equal(info->threads[0].pc, TEXT + 0x20);
    assert_int_equal(info->threads[0].sp, 0x5);
    assert_int_equal(info->threads[0].bp, 0xb);
    assert_int_equal(info->threads[0].r14, 0x14);
    assert_int_equal(info->threads[0].fs_base, 0xf5);
    assert_int_equal(info->threads[0].call, -1);
    assert_string_equal(mem_executable(mem), program_path);
    size_t n;
    const struct mem_map *maps = mem_maps(mem, &n);
    assert_int_equal(n, 3);
    assert_string_equal(maps[0].path, "");
    assert_int_equal(maps[2].start, DATA);
    assert_int_equal(maps[2].offset, 2 * PAGE);
    expect_bytes(mem, HEAP + 8, made.heap + 8, 100);
    expect_bytes(mem, TEXT, program, sizeof program); /* over all three */
    assert_false(mem_read(mem, HEAP + PAGE - 1, &n, 2, &err));
    assert_false(mem_read(mem, 0x1000, &n, 1, &err));
    mem_free(mem);
}

static void another_program_is_not_read(void **state)
{
    struct err err = {0};
    uint8_t byte;
    make();
    made.first[100] ^= 1;
    struct mem *mem = open_core(sizeof made, &err);
    assert_non_null(mem);
    assert_string_equal(mem_executable(mem), "");
    assert_true(mem_read(mem, TEXT + 100, &byte, 1, &err));
    assert_false(mem_read(mem, TEXT + PAGE, &byte, 1, &err));
    mem_free(mem);
    assert_null(mem_of_core(core_path, program_path, &err));
    assert_int_equal(err.code, ERR_INPUT);
}

static void the_program_beside_the_core(void **state)
{
    struct err err = {0};
    char elsewhere[64];
    snprintf(elsewhere, sizeof elsewhere, "%s/sub", dir);
    mkdir(elsewhere, 0700);
    snprintf(elsewhere, sizeof elsewhere, "%s/sub/program", dir);
    char kept[64];
    strcpy(kept, program_path);
    strcpy(program_path, elsewhere);
    make();
    strcpy(program_path, kept);
    struct mem *mem = open_core(sizeof made, &err);
    assert_non_null(mem);
    assert_string_equal(mem_executable(mem), program_path);
    expect_bytes(mem, TEXT + PAGE, program + PAGE, 2 * PAGE);
    mem_free(mem);
}

static void cut_cores(void **state)
{
    struct err err = {0};
    uint64_t n;
    make();
    struct mem *mem = open_core(offsetof(struct made, heap) + 16, &err);
    assert_non_null(mem);
    assert_true(core_info(mem)->is_cut);
    assert_non_null(strstr(mem_name(mem), "cut off"));
    assert_true(mem_read(mem, HEAP, &n, 8, &err));
    assert_false(mem_read(mem, HEAP + 12, &n, 8, &err));
    mem_free(mem);
    /* Everywhere: an answer or one line, never more than that. */
    for (size_t cut = 0; cut < offsetof(struct made, heap); cut += 61) {
        err = (struct err){0};
        mem = open_core(cut, &err);
        assert_true(mem || err.code == ERR_INPUT);
        mem_free(mem);
    }
}

static void damaged_cores(void **state)
{
    struct err err = {0};
    unsigned seed = 1;
    for (int i = 0; i < 500; i++) {
        uint8_t bytes[16];
        make();
        for (int k = 0; k < 4; k++) {
            seed = seed * 1664525 + 1013904223;
            size_t at = (seed >> 8) % offsetof(struct made, heap);
            ((uint8_t *)&made)[at] = (uint8_t)(seed >> 4);
        }
        struct mem *mem = open_core(sizeof made, &err);
        size_t n = 0;
        const struct mem_map *maps = mem ? mem_maps(mem, &n) : NULL;
        for (size_t m = 0; m < n; m++) {
            assert_true(maps[m].start < maps[m].limit);
            mem_read(mem, maps[m].start, bytes, sizeof bytes, &err);
            mem_read(mem, maps[m].limit - 8, bytes, sizeof bytes, &err);
        }
        mem_free(mem);
    }
}

static void what_is_no_core(void **state)
{
    struct err err = {0};
    make();
    made.header.e_type = ET_EXEC;
    assert_null(open_core(sizeof made, &err));
    assert_non_null(strstr(err.msg, "is not a core file"));
    make();
    made.header.e_machine = EM_PPC64;
    assert_null(open_core(sizeof made, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    write_file(core_path, "\x28\xb5\x2f\xfd-----", 8);
    assert_null(mem_of_core(core_path, NULL, &err));
    assert_non_null(strstr(err.msg, "unpack it first"));
    assert_null(mem_of_core("/nowhere/core", NULL, &err));
    assert_null(mem_of_core("/dev/zero", NULL, &err));
    assert_null(mem_of_core("/tmp", NULL, &err));
}

static int begin(void **state)
{
    if (!mkdtemp(dir))
        return -1;
    snprintf(core_path, sizeof core_path, "%s/core", dir);
    snprintf(program_path, sizeof program_path, "%s/program", dir);
    return 0;
}

static int end(void **state)
{
    char path[64];
    unlink(core_path);
    unlink(program_path);
    snprintf(path, sizeof path, "%s/sub", dir);
    rmdir(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_it),
        cmocka_unit_test(another_program_is_not_read),
        cmocka_unit_test(the_program_beside_the_core),
        cmocka_unit_test(cut_cores),
        cmocka_unit_test(damaged_cores),
        cmocka_unit_test(what_is_no_core),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
