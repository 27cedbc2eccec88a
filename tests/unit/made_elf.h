/* made_elf: small ELF files for tests, and folders to put them in.
 *
 *    struct made_elf e = {0};
 *    made_elf_section(&e, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, code, sizeof code);
 *    made_elf_write(&e, path);
 *
 * One segment loads the whole file at MADE_ELF_BASE, so an allocated section lies at
 * MADE_ELF_BASE + its offset. */
#ifndef SONDE_TESTS_MADE_ELF_H
#define SONDE_TESTS_MADE_ELF_H

#include "base/buf.h"
#include "unit.h"

#include <elf.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MADE_ELF_BASE 0x400000u
#define MADE_ELF_MEMORY 0x10000u
#define MADE_ELF_MAX 16

struct made_elf {
    struct buf contents, names;
    Elf64_Shdr sections[MADE_ELF_MAX];
    unsigned n; /* number 0 is the empty one, once there is another */
};

#define MADE_ELF_FIRST (sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr))

/* The address it will be loaded at. */
static inline uint64_t made_elf_section(struct made_elf *e, const char *name, uint32_t type,
                                        uint64_t flags, const void *data, size_t n)
{
    if (e->n == 0) {
        buf_putc(&e->names, 0);
        e->n = 1;
    }
    buf_fill(&e->contents, 0, -e->contents.len & 15);
    uint64_t offset = MADE_ELF_FIRST + e->contents.len;
    assert_true(e->n < MADE_ELF_MAX - 1);
    e->sections[e->n++] = (Elf64_Shdr){
        .sh_name = (uint32_t)e->names.len,
        .sh_type = type,
        .sh_flags = flags,
        .sh_addr = flags & SHF_ALLOC ? MADE_ELF_BASE + offset : 0,
        .sh_offset = offset,
        .sh_size = n,
        .sh_addralign = type == SHT_NOTE ? 4 : 1,
    };
    buf_add(&e->names, name, strlen(name) + 1);
    buf_add(&e->contents, data, n);
    return MADE_ELF_BASE + offset;
}

/* A note of GNU's with that build ID (hexadecimal). */
static inline void made_elf_build_id(struct made_elf *e, const char *hex)
{
    unsigned char note[16 + 64] = {4, 0, 0, 0, 0, 0, 0, 0, NT_GNU_BUILD_ID, 0, 0, 0, 'G', 'N', 'U'};
    size_t n = strlen(hex) / 2;
    note[4] = (unsigned char)n;
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        sscanf(hex + 2 * i, "%2x", &byte);
        note[16 + i] = (unsigned char)byte;
    }
    made_elf_section(e, ".note.gnu.build-id", SHT_NOTE, SHF_ALLOC, note, 16 + n);
}

/* Where the debug information is, and the checksum of that file. */
static inline void made_elf_debuglink(struct made_elf *e, const char *file, uint32_t checksum)
{
    char link[256] = {0};
    size_t n = (strlen(file) + 1 + 3) & ~(size_t)3;
    strcpy(link, file);
    memcpy(link + n, &checksum, sizeof checksum);
    made_elf_section(e, ".gnu_debuglink", SHT_PROGBITS, 0, link, n + sizeof checksum);
}

/* One global function; its code belongs to section 1. */
static inline void made_elf_function(struct made_elf *e, const char *name, uint64_t address,
                                     uint64_t size)
{
    char strings[128] = {0};
    Elf64_Sym symbols[2] = {
        {0},
        {.st_name = 1,
         .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
         .st_shndx = 1,
         .st_value = address,
         .st_size = size},
    };
    strcpy(strings + 1, name);
    made_elf_section(e, ".strtab", SHT_STRTAB, 0, strings, strlen(name) + 2);
    made_elf_section(e, ".symtab", SHT_SYMTAB, 0, symbols, sizeof symbols);
    e->sections[e->n - 1].sh_link = e->n - 2;
    e->sections[e->n - 1].sh_entsize = sizeof *symbols;
    e->sections[e->n - 1].sh_addralign = 8;
}

/* Write the file and start anew. */
static inline void made_elf_write(struct made_elf *e, const char *path)
{
    buf_add(&e->names, ".shstrtab", 10);
    made_elf_section(e, "", SHT_STRTAB, 0, e->names.data, e->names.len);
    e->sections[e->n - 1].sh_name = (uint32_t)(e->names.len - 11);
    buf_fill(&e->contents, 0, -e->contents.len & 15);
    size_t table = MADE_ELF_FIRST + e->contents.len;
    size_t whole = table + e->n * sizeof *e->sections;
    Elf64_Ehdr header = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof header,
        .e_shoff = table,
        .e_ehsize = sizeof header,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1,
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = (Elf64_Half)e->n,
        .e_shstrndx = (Elf64_Half)(e->n - 1),
    };
    Elf64_Phdr segment = {
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_X,
        .p_vaddr = MADE_ELF_BASE,
        .p_filesz = whole,
        .p_memsz = MADE_ELF_MEMORY,
        .p_align = 0x1000,
    };
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fwrite(&header, sizeof header, 1, f);
    fwrite(&segment, sizeof segment, 1, f);
    fwrite(e->contents.data, 1, e->contents.len, f);
    fwrite(e->sections, sizeof *e->sections, e->n, f);
    assert_int_equal(fclose(f), 0);
    buf_release(&e->contents);
    buf_release(&e->names);
    memset(e, 0, sizeof *e);
}

/* --- a folder for the files of one test, which works in it --- */

static inline int made_folder_enter(void **state)
{
    static char path[64];
    (void)state;
    strcpy(path, "/tmp/sonde-test-XXXXXX");
    return !mkdtemp(path) || chdir(path) != 0;
}

static inline int made_folder_remove_one(const char *path, const struct stat *st, int type,
                                         struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static inline int made_folder_leave(void **state)
{
    char path[256];
    (void)state;
    return !getcwd(path, sizeof path) || chdir("/") != 0 ||
           nftw(path, made_folder_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0;
}

/* Make the folders on the way to the file. */
static inline void made_folders(const char *path)
{
    char copy[512];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *p = copy + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(copy, 0777);
        *p = '/';
    }
}

#endif
