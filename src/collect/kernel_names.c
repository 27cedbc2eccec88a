#include "collect/kernel_names.h"

#include "base/reader.h"
#include "base/vec.h"

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
