#include "go/go_buildinfo.h"

#include "base/reader.h"

#include <stdlib.h>

#define MAGIC "\xff Go buildinf:"
#define MAGIC_BYTES (sizeof MAGIC - 1)
#define FLAGS_AT 15
#define FLAG_INLINE 2 /* from Go 1.18 on: the texts follow */
#define TEXTS_AT 32
#define ALIGN 16

bool go_buildinfo_parse(struct str data, char *version, size_t size)
{
    if (data.len < TEXTS_AT || memcmp(data.p, MAGIC, MAGIC_BYTES) != 0 ||
        !(data.p[FLAGS_AT] & FLAG_INLINE))
        return false;
    struct cursor c = cursor_of(data.p + TEXTS_AT, data.len - TEXTS_AT);
    struct str text = cursor_bytes(&c, cursor_varint(&c));
    if (c.bad || text.len == 0 || size == 0)
        return false;
    size_t n = text.len < size ? text.len : size - 1;
    for (size_t i = 0; i < n; i++)
        version[i] = (unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f ? '?' : text.p[i];
    version[n] = '\0';
    return true;
}

static bool search(struct str data, uint64_t address, char *version, size_t size)
{
    const char *p = data.p, *end = data.p + data.len;
    while (p < end && (p = memmem(p, (size_t)(end - p), MAGIC, MAGIC_BYTES))) {
        if ((address + (uint64_t)(p - data.p)) % ALIGN == 0 &&
            go_buildinfo_parse((struct str){p, (size_t)(end - p)}, version, size))
            return true;
        p++;
    }
    return false;
}

bool go_buildinfo_version(const struct elf *elf, char *version, size_t size)
{
    GElf_Shdr header;
    Elf_Scn *section = elf_section(elf, ".go.buildinfo", &header);
    if (section && go_buildinfo_parse(elf_section_data(section), version, size))
        return true;
    const GElf_Phdr *segments;
    size_t n = elf_segments(elf, &segments);
    for (size_t i = 0; i < n; i++) {
        if (segments[i].p_type == PT_LOAD && !(segments[i].p_flags & PF_X) &&
            search(elf_loaded_data(elf, segments[i].p_vaddr), segments[i].p_vaddr, version, size))
            return true;
    }
    return false;
}

struct str go_buildinfo_settings(const struct elf *elf)
{
    static const char key[] = "build\tDefaultGODEBUG=";
    struct str none = {"", 0};
    GElf_Shdr header;
    struct str data = elf_section_data(elf_section(elf, ".go.buildinfo", &header));
    if (data.len < TEXTS_AT || !(data.p[FLAGS_AT] & FLAG_INLINE))
        return none;
    struct cursor c = cursor_of(data.p + TEXTS_AT, data.len - TEXTS_AT);
    cursor_bytes(&c, cursor_varint(&c)); /* the version */
    struct str modules = cursor_bytes(&c, cursor_varint(&c));
    const char *p = modules.len ? memmem(modules.p, modules.len, key, sizeof key - 1) : NULL;
    if (c.bad || !p)
        return none;
    p += sizeof key - 1;
    size_t left = (size_t)(modules.p + modules.len - p);
    const char *end = memchr(p, '\n', left);
    return (struct str){p, end ? (size_t)(end - p) : left};
}

unsigned go_buildinfo_minor(const char *version)
{
    static const char go[] = "go1.", devel[] = "devel ";
    if (strncmp(version, devel, sizeof devel - 1) == 0)
        version += sizeof devel - 1;
    if (strncmp(version, go, sizeof go - 1) != 0)
        return 0;
    version += sizeof go - 1;
    if (*version < '0' || *version > '9')
        return 0;
    unsigned long minor = strtoul(version, NULL, 10);
    return minor < 1000 ? (unsigned)minor : 0;
}

unsigned go_buildinfo_patch(const char *version)
{
    const char *minor = strstr(version, "go1.");
    if (!minor || go_buildinfo_minor(version) == 0)
        return 0;
    minor += 4;
    minor += strspn(minor, "0123456789");
    if (*minor != '.' || minor[1] < '0' || minor[1] > '9')
        return 0;
    unsigned long patch = strtoul(minor + 1, NULL, 10);
    return patch < 1000 ? (unsigned)patch : 0;
}
