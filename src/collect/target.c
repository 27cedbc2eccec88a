#include "collect/target.h"

#include "base/reader.h"
#include "sym/elf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#endif

/* From `mov $SYS_futex, %eax` to its `syscall`: what sets the arguments is between. */
#define CALL_NEAR 48u
#define INTERPRETERS_MAX 4 /* the kernel follows as many scripts that run scripts */

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool find_in_path(const char *command, char *path, size_t size)
{
    path[0] = '\0';
    if (strchr(command, '/'))
        return snprintf(path, size, "%s", command) < (int)size && is_program(path);
    const char *dirs = getenv("PATH");
    if (!dirs)
        dirs = "/bin:/usr/bin"; /* what execvp takes then */
    while (dirs) {
        const char *end = strchrnul(dirs, ':');
        int len = (int)(end - dirs);
        int n = snprintf(path, size, "%.*s%s%s", len, dirs, len ? "/" : "", command);
        if (n < (int)size && is_program(path))
            return true;
        dirs = *end ? end + 1 : NULL;
    }
    path[0] = '\0';
    return false;
}

/* Would exec change who the process is?  A root process stays root whatever the
 * capabilities of the file. */
static bool is_secure(const char *path)
{
    struct stat st;
    struct statvfs fs;
    if (stat(path, &st) != 0 || (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID)))
        return false;
    if ((st.st_mode & S_ISUID) && (st.st_uid != geteuid() || st.st_uid != getuid()))
        return true;
    /* setgid without group execute is a mark for file locking, not a privilege */
    if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) &&
        (st.st_gid != getegid() || st.st_gid != getgid()))
        return true;
    return geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

/* The interpreter of a "#!" line, into `interpreter`. */
static bool read_shebang(const char *path, char *interpreter, size_t size)
{
    char line[256];
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (n < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[n] = '\0';
    char *begin = line + 2 + strspn(line + 2, " \t");
    begin[strcspn(begin, " \t\r\n")] = '\0';
    return *begin && snprintf(interpreter, size, "%s", begin) < (int)size;
}

/* The dynamic linker itself, run as a command ("ld.so PROGRAM"), has no linker to
 * ask for, but preloads what it is told to. */
static bool is_loader(const struct elf *elf)
{
    const char *name = strrchr(elf_path(elf), '/');
    name = name ? name + 1 : elf_path(elf);
    return strncmp(name, "ld-", 3) == 0 || strncmp(name, "ld.so", 5) == 0;
}

static enum target_kind kind_of(const char *path)
{
    struct elf *elf = elf_open(path, NULL);
    if (!elf)
        return TARGET_UNKNOWN;
    const GElf_Ehdr *header = elf_header(elf);
    enum target_kind kind = TARGET_DYNAMIC;
    if (header->e_machine != OWN_MACHINE || header->e_ident[EI_CLASS] != ELFCLASS64)
        kind = TARGET_FOREIGN;
    else if (elf_is_go(elf))
        kind = TARGET_GO;
    else if (elf_is_static(elf) && !is_loader(elf))
        kind = TARGET_STATIC;
    elf_free(elf);
    return kind;
}

const char *target_own_malloc(const struct target *target)
{
    static const char *const names[] = {
        "malloc",    "je_malloc", "_rjem_malloc",        "_rjem_je_malloc_default",
        "mi_malloc", "tc_malloc", "__interceptor_malloc"};
    const struct elf_symbol *symbols;
    size_t n;
    const char *found = NULL;
    struct elf *elf = target->path[0] ? elf_open(target->path, NULL) : NULL;
    if (!elf || !elf_symbols(elf, &symbols, &n))
        n = 0;
    for (size_t i = 0; i < n && !found; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (strcmp(symbols[i].name, names[k]) == 0)
                found = names[k];
    if (elf)
        elf_free(elf);
    return found;
}

bool target_own_futex(const struct target *target)
{
    static const uint8_t number[] = {0xb8, SYS_futex, 0, 0, 0}, call[] = {0x0f, 0x05};
    bool found = false;
    GElf_Shdr header;
    struct elf *elf = target->path[0] ? elf_open(target->path, NULL) : NULL;
    struct str code = elf ? elf_section_data(elf_section(elf, ".text", &header)) : STR("");
    const char *end = code.p + code.len;
    for (const char *p = code.p; p && p < end && !found; p++) {
        p = memmem(p, (size_t)(end - p), number, sizeof number);
        if (!p)
            break;
        size_t left = (size_t)(end - p);
        found = memmem(p, left < CALL_NEAR ? left : CALL_NEAR, call, sizeof call) != NULL;
    }
    elf_free(elf);
    return found;
}

void target_inspect(struct target *target, const char *command)
{
    target->kind = TARGET_UNKNOWN;
    if (!find_in_path(command, target->path, sizeof target->path))
        return;
    char interpreter[sizeof target->path];
    for (int i = 0; i < INTERPRETERS_MAX; i++) {
        if (!read_shebang(target->path, interpreter, sizeof interpreter))
            break;
        memcpy(target->path, interpreter, sizeof interpreter);
    }
    target->kind = is_secure(target->path) ? TARGET_SECURE : kind_of(target->path);
}
