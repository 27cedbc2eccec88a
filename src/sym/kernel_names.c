#include "sym/kernel_names.h"

#include "base/reader.h"
#include "base/vec.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

struct symbol {
    uint64_t address;
    struct str name;
};

struct kernel_names {
    struct file file;
    VEC(struct symbol) symbols;
};

static int compare(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return x->name.p < y->name.p ? -1 : 1;
}

/* "ffffffff81000000 T name\t[module]": address, type, name.  *shown: some address
 * is not hidden as zero. */
static bool parse(struct kernel_names *names, bool *shown)
{
    const char *p = (const char *)names->file.data, *end = p + names->file.len;
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        eol = eol ? eol : end;
        uint64_t address = 0;
        const char *q = p;
        for (; q < eol && *q != ' '; q++)
            address = address << 4 | (uint64_t)(*q <= '9' ? *q - '0' : (*q | 0x20) - 'a' + 10);
        if (eol - q > 3 && (q[1] | 0x20) == 't') {
            const char *name = q + 3, *tab = memchr(name, '\t', (size_t)(eol - name));
            struct str text = {name, (size_t)((tab ? tab : eol) - name)};
            if (!vec_push(&names->symbols, (struct symbol){address, text}))
                return false;
            *shown |= address != 0;
        }
        p = eol + 1;
    }
    return true;
}

bool kernel_names_shown(void)
{
    char text[4096];
    AUTO_FD fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    for (const char *line = text; *line;) {
        if (strtoull(line, NULL, 16))
            return true;
        line = strchrnul(line, '\n');
        line += *line == '\n';
    }
    return false;
}

struct kernel_names *kernel_names_open(void)
{
    struct kernel_names *names = calloc(1, sizeof *names);
    bool shown = false;
    if (!names)
        return NULL;
    if (!file_read(&names->file, "/proc/kallsyms", NULL) || !parse(names, &shown) || !shown) {
        kernel_names_close(names);
        return NULL;
    }
    qsort(names->symbols.items, names->symbols.n, sizeof *names->symbols.items, compare);
    return names;
}

void kernel_names_close(struct kernel_names *names)
{
    if (!names)
        return;
    vec_release(&names->symbols);
    file_release(&names->file);
    free(names);
}

struct str kernel_names_find(const struct kernel_names *names, uint64_t address)
{
    size_t low = 0, high = names->symbols.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (names->symbols.items[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? names->symbols.items[low - 1].name : (struct str){"", 0};
}

uint64_t kernel_names_address(const struct kernel_names *names, struct str name)
{
    for (size_t i = 0; i < names->symbols.n; i++)
        if (str_eq(names->symbols.items[i].name, name))
            return names->symbols.items[i].address;
    return 0;
}

void kernel_build_id(char id[KERNEL_BUILD_ID_MAX])
{
    AUTO_FILE file = {0};
    Elf64_Nhdr note;
    *id = '\0';
    if (!file_read(&file, "/sys/kernel/notes", NULL))
        return;
    for (size_t at = 0; file.len - at >= sizeof note;) {
        memcpy(&note, file.data + at, sizeof note);
        at += sizeof note;
        size_t name = ((size_t)note.n_namesz + 3) & ~(size_t)3,
               value = ((size_t)note.n_descsz + 3) & ~(size_t)3;
        if (name + value > file.len - at)
            return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            !memcmp(file.data + at, "GNU", 4) && note.n_descsz < KERNEL_BUILD_ID_MAX / 2) {
            for (size_t i = 0; i < note.n_descsz; i++)
                snprintf(id + 2 * i, 3, "%02x", file.data[at + name + i]);
            return;
        }
        at += name + value;
    }
}
