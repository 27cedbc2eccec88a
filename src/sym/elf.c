#include "sym/elf.h"

#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct elf {
    char *path;
    int fd;
    Elf *handle;
    GElf_Ehdr header;
    GElf_Phdr *segments;
    size_t n_segments;
    size_t names_section; /* of the section names; 0 = none */
    const char *raw;
    size_t n_raw;
    char build_id[2 * ELF_BUILD_ID_MAX + 1];
    struct elf_symbol *symbols;
    size_t n_symbols;
    bool symbols_read;
};

static void use_libelf(void)
{
    elf_version(EV_CURRENT);
}

/* --- notes --- */

struct note_search {
    unsigned n_ids;
    char hex[2 * ELF_BUILD_ID_MAX + 1];
    bool go;
};

static void note_hex(struct note_search *search, const uint8_t *id, size_t n)
{
    if (n > ELF_BUILD_ID_MAX)
        n = ELF_BUILD_ID_MAX;
    for (size_t i = 0; i < n; i++)
        snprintf(search->hex + 2 * i, 3, "%02x", id[i]);
    search->hex[2 * n] = '\0';
}

static void read_notes(Elf_Data *data, struct note_search *search)
{
    size_t at = 0, name_at, desc_at;
    GElf_Nhdr note;
    while (data && at < data->d_size && (at = gelf_getnote(data, at, &note, &name_at, &desc_at))) {
        const char *name = (const char *)data->d_buf + name_at;
        if (note.n_namesz != 4 || memcmp(name, "GNU", 4) != 0) {
            search->go |= note.n_namesz >= 2 && memcmp(name, "Go", 2) == 0;
            continue;
        }
        if (note.n_type == NT_GNU_BUILD_ID && search->n_ids++ == 0)
            note_hex(search, (const uint8_t *)data->d_buf + desc_at, note.n_descsz);
    }
}

static Elf_Data *segment_notes(const struct elf *elf, const GElf_Phdr *segment)
{
    if (segment->p_offset > elf->n_raw || segment->p_filesz > elf->n_raw - segment->p_offset)
        return NULL;
    return elf_getdata_rawchunk(elf->handle, (int64_t)segment->p_offset, segment->p_filesz,
                                segment->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
}

static bool is_note_section(Elf_Scn *section)
{
    GElf_Shdr header;
    return gelf_getshdr(section, &header) && header.sh_type == SHT_NOTE;
}

static void find_build_id(struct elf *elf)
{
    struct note_search search = {0};
    for (size_t i = 0; i < elf->n_segments && search.n_ids == 0; i++) {
        if (elf->segments[i].p_type == PT_NOTE)
            read_notes(segment_notes(elf, &elf->segments[i]), &search);
    }
    Elf_Scn *section = NULL;
    while (search.n_ids == 0 && (section = elf_nextscn(elf->handle, section))) {
        if (is_note_section(section))
            read_notes(elf_getdata(section, NULL), &search);
    }
    if (search.n_ids == 1)
        memcpy(elf->build_id, search.hex, sizeof elf->build_id);
}

/* --- opening --- */

static bool read_segments(struct elf *elf, struct err *err)
{
    size_t n;
    if (elf_getphdrnum(elf->handle, &n) != 0)
        n = 0;
    /* No file holds more headers than bytes. */
    if (n > elf->n_raw / sizeof(Elf32_Phdr))
        return err_set(err, ERR_INPUT, "damaged program headers");
    if (n == 0)
        return true;
    elf->segments = malloc(n * sizeof *elf->segments);
    if (!elf->segments)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        if (!gelf_getphdr(elf->handle, (int)i, &elf->segments[i]))
            break;
        elf->n_segments++;
    }
    return true;
}

static bool open_fd(struct elf *elf, struct err *err)
{
    struct stat st;
    /* Seen to be a file before it is opened: with a device that does something already. */
    if (stat(elf->path, &st) != 0)
        return err_sys(err, errno, "cannot open '%s'", elf->path);
    if (S_ISREG(st.st_mode)) {
        elf->fd = open(elf->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (elf->fd < 0 || fstat(elf->fd, &st) != 0)
            return err_sys(err, errno, "cannot open '%s'", elf->path);
    }
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INPUT, "'%s' is not a regular file", elf->path);
    return st.st_size > 0 || err_set(err, ERR_INPUT, "'%s' is not an ELF file", elf->path);
}

struct elf *elf_open(const char *path, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, use_libelf);

    struct elf *elf = calloc(1, sizeof *elf);
    if (!elf) {
        err_nomem(err);
        return NULL;
    }
    elf->fd = -1;
    elf->path = strdup(path);
    if (!elf->path) {
        err_nomem(err);
        goto fail;
    }
    if (!open_fd(elf, err))
        goto fail;
    elf->handle = elf_begin(elf->fd, ELF_C_READ_MMAP_PRIVATE, NULL);
    if (!elf->handle || elf_kind(elf->handle) != ELF_K_ELF ||
        !gelf_getehdr(elf->handle, &elf->header)) {
        err_set(err, ERR_INPUT, "'%s' is not an ELF file", path);
        goto fail;
    }
    elf->raw = elf_rawfile(elf->handle, &elf->n_raw);
    if (!elf->raw)
        elf->n_raw = 0;
    if (!read_segments(elf, err)) {
        err_wrap(err, "cannot read '%s'", path);
        goto fail;
    }
    if (elf_getshdrstrndx(elf->handle, &elf->names_section) != 0)
        elf->names_section = 0;
    find_build_id(elf);
    return elf;
fail:
    elf_free(elf);
    return NULL;
}

void elf_free(struct elf *elf)
{
    if (!elf)
        return;
    if (elf->handle)
        elf_end(elf->handle);
    if (elf->fd >= 0)
        close(elf->fd);
    free(elf->segments);
    free(elf->symbols);
    free(elf->path);
    free(elf);
}

/* --- what it is --- */

const char *elf_build_id(const struct elf *elf)
{
    return elf->build_id;
}

const char *elf_path(const struct elf *elf)
{
    return elf->path;
}

int elf_fd(const struct elf *elf)
{
    return elf->fd;
}

const GElf_Ehdr *elf_header(const struct elf *elf)
{
    return &elf->header;
}

Elf *elf_handle(const struct elf *elf)
{
    return elf->handle;
}

size_t elf_segments(const struct elf *elf, const GElf_Phdr **segments)
{
    *segments = elf->segments;
    return elf->n_segments;
}

static const GElf_Phdr *segment_of_type(const struct elf *elf, uint32_t type)
{
    for (size_t i = 0; i < elf->n_segments; i++) {
        if (elf->segments[i].p_type == type)
            return &elf->segments[i];
    }
    return NULL;
}

bool elf_is_static(const struct elf *elf)
{
    return !segment_of_type(elf, PT_INTERP);
}

bool elf_is_go(const struct elf *elf)
{
    GElf_Shdr header;
    if (elf_section(elf, ".go.buildinfo", &header) || elf_section(elf, ".gopclntab", &header) ||
        elf_section(elf, ".note.go.buildid", &header))
        return true;
    struct note_search search = {0};
    for (size_t i = 0; i < elf->n_segments; i++) {
        if (elf->segments[i].p_type == PT_NOTE)
            read_notes(segment_notes(elf, &elf->segments[i]), &search);
    }
    return search.go;
}

/* The string table that the dynamic section names, bounded by the file. */
static struct str dynamic_strings(const struct elf *elf, Elf_Data *dynamic, size_t n)
{
    GElf_Dyn entry;
    uint64_t address = 0, size = 0;
    for (size_t i = 0; i < n && gelf_getdyn(dynamic, (int)i, &entry); i++) {
        if (entry.d_tag == DT_STRTAB)
            address = entry.d_un.d_ptr;
        if (entry.d_tag == DT_STRSZ)
            size = entry.d_un.d_val;
    }
    struct str s = elf_loaded_data(elf, address);
    if (size < s.len)
        s.len = size;
    return s;
}

bool elf_needs(const struct elf *elf, const char *prefix)
{
    const GElf_Phdr *segment = segment_of_type(elf, PT_DYNAMIC);
    if (!segment || segment->p_offset > elf->n_raw ||
        segment->p_filesz > elf->n_raw - segment->p_offset)
        return false;
    Elf_Data *dynamic =
        elf_getdata_rawchunk(elf->handle, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_DYN);
    if (!dynamic)
        return false;
    size_t entry_size = gelf_fsize(elf->handle, ELF_T_DYN, 1, EV_CURRENT);
    size_t n = entry_size ? dynamic->d_size / entry_size : 0, n_prefix = strlen(prefix);
    struct str strings = dynamic_strings(elf, dynamic, n);
    GElf_Dyn entry;
    for (size_t i = 0; i < n && gelf_getdyn(dynamic, (int)i, &entry); i++) {
        if (entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_NEEDED && entry.d_un.d_val < strings.len &&
            strings.len - entry.d_un.d_val >= n_prefix &&
            memcmp(strings.p + entry.d_un.d_val, prefix, n_prefix) == 0)
            return true;
    }
    return false;
}

/* --- contents --- */

Elf_Scn *elf_section(const struct elf *elf, const char *name, GElf_Shdr *header)
{
    Elf_Scn *section = NULL;
    if (elf->names_section == 0)
        return NULL;
    while ((section = elf_nextscn(elf->handle, section))) {
        if (!gelf_getshdr(section, header))
            continue;
        const char *s = elf_strptr(elf->handle, elf->names_section, header->sh_name);
        if (s && strcmp(s, name) == 0)
            return section;
    }
    return NULL;
}

struct str elf_section_data(Elf_Scn *section)
{
    GElf_Shdr header;
    if (!section || !gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
        return (struct str){"", 0};
    if ((header.sh_flags & SHF_COMPRESSED) && elf_compress(section, 0, 0) < 0)
        return (struct str){"", 0};
    Elf_Data *data = elf_rawdata(section, NULL);
    if (header.sh_flags & SHF_COMPRESSED)
        data = elf_getdata(section, NULL);
    if (!data || !data->d_buf)
        return (struct str){"", 0};
    return (struct str){data->d_buf, data->d_size};
}

struct str elf_loaded_data(const struct elf *elf, uint64_t address)
{
    for (size_t i = 0; i < elf->n_segments; i++) {
        const GElf_Phdr *s = &elf->segments[i];
        if (s->p_type != PT_LOAD || address < s->p_vaddr || address - s->p_vaddr >= s->p_filesz)
            continue;
        uint64_t skip = address - s->p_vaddr, left = s->p_filesz - skip;
        if (s->p_offset > elf->n_raw || skip >= elf->n_raw - s->p_offset)
            continue;
        uint64_t at = s->p_offset + skip;
        if (left > elf->n_raw - at)
            left = elf->n_raw - at;
        return (struct str){elf->raw + at, left};
    }
    return (struct str){"", 0};
}

/* --- symbols --- */

static Elf_Scn *section_of_type(const struct elf *elf, uint32_t type, GElf_Shdr *header)
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(elf->handle, section))) {
        if (gelf_getshdr(section, header) && header->sh_type == type && header->sh_entsize)
            return section;
    }
    return NULL;
}

bool elf_symbol_value(const struct elf *elf, const char *name, uint64_t *value)
{
    GElf_Shdr header;
    GElf_Sym symbol;
    Elf_Scn *section = section_of_type(elf, SHT_SYMTAB, &header);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
    size_t n = data ? data->d_size / header.sh_entsize : 0;
    for (size_t i = 0; i < n && gelf_getsym(data, (int)i, &symbol); i++) {
        const char *s = elf_strptr(elf->handle, header.sh_link, symbol.st_name);
        if (s && strcmp(s, name) == 0) {
            *value = symbol.st_value;
            return true;
        }
    }
    return false;
}

void elf_symbol_values(const struct elf *elf, const char *prefix, const char *const *names,
                       size_t n_names, uint64_t *values)
{
    GElf_Shdr header;
    GElf_Sym symbol;
    Elf_Scn *section = section_of_type(elf, SHT_SYMTAB, &header);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
    size_t n = data ? data->d_size / header.sh_entsize : 0, n_prefix = strlen(prefix);
    for (size_t i = 0; i < n && gelf_getsym(data, (int)i, &symbol); i++) {
        const char *s = elf_strptr(elf->handle, header.sh_link, symbol.st_name);
        if (!s || strncmp(s, prefix, n_prefix) != 0 || symbol.st_shndx == SHN_UNDEF)
            continue;
        for (size_t k = 0; k < n_names; k++)
            if (strcmp(s, names[k]) == 0)
                values[k] = symbol.st_value;
    }
}

/* Functions, and symbols without a type as assembler code has them. */
static bool is_code(const struct elf *elf, const GElf_Sym *symbol, const bool *executable,
                    size_t n_sections)
{
    unsigned type = GELF_ST_TYPE(symbol->st_info);
    if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
        return false;
    return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx < n_sections &&
           executable[symbol->st_shndx];
}

static bool *executable_sections(const struct elf *elf, size_t *n)
{
    GElf_Shdr header;
    Elf_Scn *section = NULL;
    if (elf_getshdrnum(elf->handle, n) != 0)
        *n = 0;
    if (*n > elf->n_raw)
        *n = 0;
    bool *executable = calloc(*n + 1, sizeof *executable);
    while (executable && (section = elf_nextscn(elf->handle, section))) {
        size_t i = elf_ndxscn(section);
        if (i < *n && gelf_getshdr(section, &header))
            executable[i] = header.sh_flags & SHF_EXECINSTR;
    }
    return executable;
}

static int by_address_size(const void *a, const void *b)
{
    const struct elf_symbol *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static bool read_symbols(struct elf *elf)
{
    GElf_Shdr header;
    GElf_Sym symbol;
    size_t n_sections, n = 0;
    Elf_Scn *section = section_of_type(elf, SHT_SYMTAB, &header);
    if (!section)
        section = section_of_type(elf, SHT_DYNSYM, &header);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
    if (!data)
        return true;
    bool *executable = executable_sections(elf, &n_sections);
    if (!executable)
        return false;
    VEC(struct elf_symbol) found = {0};
    bool ok = true;
    const char *file = "";
    size_t n_entries = data->d_size / header.sh_entsize;
    for (size_t i = 0; ok && i < n_entries && gelf_getsym(data, (int)i, &symbol); i++) {
        bool is_file = GELF_ST_TYPE(symbol.st_info) == STT_FILE;
        if (!is_file && !is_code(elf, &symbol, executable, n_sections))
            continue;
        const char *name = elf_strptr(elf->handle, header.sh_link, symbol.st_name);
        if (is_file)
            file = name ? name : "";
        else if (name && *name)
            ok = vec_push(&found,
                          (struct elf_symbol){symbol.st_value, symbol.st_size, name,
                                              GELF_ST_BIND(symbol.st_info) == STB_LOCAL ? file : "",
                                              (uint32_t)i});
    }
    free(executable);
    if (!ok) {
        vec_release(&found);
        return false;
    }
    if (found.n)
        qsort(found.items, found.n, sizeof *found.items, by_address_size);
    for (size_t i = 0; i < found.n; i++) {
        if (i + 1 == found.n || found.items[i + 1].address != found.items[i].address)
            found.items[n++] = found.items[i];
    }
    elf->symbols = found.items;
    elf->n_symbols = n;
    return true;
}

bool elf_symbols(struct elf *elf, const struct elf_symbol **symbols, size_t *n)
{
    if (!elf->symbols_read) {
        if (!read_symbols(elf))
            return false;
        elf->symbols_read = true;
    }
    *symbols = elf->symbols;
    *n = elf->n_symbols;
    return true;
}

const struct elf_symbol *elf_symbol_at(struct elf *elf, uint64_t address)
{
    const struct elf_symbol *symbols;
    size_t n, low = 0;
    if (!elf_symbols(elf, &symbols, &n))
        return NULL;
    for (size_t high = n; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (symbols[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct elf_symbol *s = &symbols[low - 1];
    return s->size == 0 || address - s->address < s->size ? s : NULL;
}
