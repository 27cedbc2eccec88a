#include "os/core.h"

#include "base/reader.h"
#include "base/vec.h"
#include "os/mem_ops.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTES_MAX (1u << 30)
#define PAGE_BYTES 4096u

/* Of NT_PRSTATUS and NT_PRPSINFO; the same on all 64-bit machines but for the registers. */
#define STATUS_SIGNO 12
#define STATUS_PID 32
#define STATUS_REGS 112
#define INFO_PID 24
#define INFO_NAME 40

/* Places in x86-64's struct user_regs_struct. */
enum {
    X86_R14 = 1,
    X86_BP = 4,
    X86_AX = 10,
    X86_DI = 14,
    X86_CALL,
    X86_PC,
    X86_SP = 19,
    X86_FS = 21
};
#define X86_N_REGS 27
/* In ARM's, x0 to x30 are the first. */
enum { ARM_FP = 29, ARM_SP = 31, ARM_PC = 32 };
#define ARM_N_REGS 34

enum file_state { FILE_UNKNOWN, FILE_OPEN, FILE_NONE };

/* A file that was mapped. */
struct core_file {
    const char *path;
    enum file_state state; /* under the lock */
    int fd;
};

/* What is behind a map. */
struct core_part {
    uint64_t at, n_bytes;   /* in the core */
    struct core_file *file; /* or NULL */
};

struct core_mapped { /* of NT_FILE */
    uint64_t start, limit, offset;
    struct core_file *file;
};

struct core {
    struct core_info info;
    struct core_part *parts; /* as the maps */
    uint64_t n_bytes;        /* of the file */
    unsigned machine;
    uint64_t entry; /* of the program, from NT_AUXV; 0: not known */
    VEC(struct core_mapped) mapped;
    VEC(struct core_file *) files;
    VEC(struct core_thread) threads;
    pthread_mutex_t lock;
};

/* Of the n bytes, those that there are. */
static size_t read_at(int fd, uint64_t at, void *into, size_t n)
{
    size_t done = 0;
    while (done < n && at + done <= INT64_MAX) {
        ssize_t got = pread(fd, (char *)into + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

/* --- files that were mapped --- */

/* Its first page is in the core as a rule, and has the build ID. */
static bool is_same(const struct mem *mem, const struct core_file *file, int fd)
{
    const struct core *core = mem->data;
    char theirs[PAGE_BYTES], ours[PAGE_BYTES];
    for (size_t i = 0; i < mem->n_maps; i++) {
        const struct core_part *part = &core->parts[i];
        if (part->file != file || mem->maps[i].offset != 0 || !part->n_bytes)
            continue;
        size_t n = part->n_bytes < PAGE_BYTES ? part->n_bytes : PAGE_BYTES;
        n = read_at(mem->fd, part->at, theirs, n);
        return read_at(fd, 0, ours, n) == n && memcmp(ours, theirs, n) == 0;
    }
    return true; /* no telling */
}

/* -1: it is not there, or another one. */
static int file_of(const struct mem *mem, struct core_file *file)
{
    struct core *core = mem->data;
    pthread_mutex_lock(&core->lock);
    if (file->state == FILE_UNKNOWN) {
        struct stat st;
        int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || !is_same(mem, file, fd))) {
            close(fd);
            fd = -1;
        }
        file->fd = fd;
        file->state = fd >= 0 ? FILE_OPEN : FILE_NONE;
    }
    int fd = file->fd;
    pthread_mutex_unlock(&core->lock);
    return fd;
}

/* --- memory --- */

static size_t read_core(const struct mem *mem, uint64_t address, void *into, size_t n)
{
    const struct core *core = mem->data;
    size_t done = 0;
    while (done < n) {
        const struct mem_map *map = mem_map_at(mem, address + done);
        if (!map)
            break;
        const struct core_part *part = &core->parts[map - mem->maps];
        uint64_t in = address + done - map->start, left = map->limit - (address + done);
        size_t want = n - done < left ? n - done : (size_t)left, got = 0;
        if (in < part->n_bytes) {
            if (want > part->n_bytes - in)
                want = (size_t)(part->n_bytes - in);
            got = read_at(mem->fd, part->at + in, (char *)into + done, want);
        } else if (part->file) {
            int fd = file_of(mem, part->file);
            if (fd >= 0)
                got = read_at(fd, map->offset + in, (char *)into + done, want);
        }
        done += got;
        if (got < want || address + done < address)
            break;
    }
    return done;
}

static void release_core(struct mem *mem)
{
    struct core *core = mem->data;
    if (!core)
        return;
    for (size_t i = 0; i < core->files.n; i++)
        if (core->files.items[i]->state == FILE_OPEN)
            close(core->files.items[i]->fd);
    vec_release(&core->files);
    vec_release(&core->mapped);
    vec_release(&core->threads);
    free(core->parts);
    pthread_mutex_destroy(&core->lock);
    free(core);
}

static const struct mem_ops core_ops = {.read = read_core, .release = release_core};

const struct core_info *core_info(const struct mem *mem)
{
    const struct core *core = mem->data;
    return mem->ops == &core_ops ? &core->info : NULL;
}

/* --- notes --- */

static struct core_file *find_file(struct mem *mem, struct str path)
{
    struct core *core = mem->data;
    for (size_t i = core->files.n; i-- > 0;) /* pieces of a file follow each other */
        if (str_eq(str_of(core->files.items[i]->path), path))
            return core->files.items[i];
    struct core_file *file = ARENA_NEW(&mem->arena, struct core_file);
    if (!file || !(file->path = arena_strndup(&mem->arena, path.p, path.len)) ||
        !vec_push(&core->files, file))
        return NULL;
    file->fd = -1;
    return file;
}

/* NT_FILE: how many, the unit of offsets, START LIMIT OFFSET each, then the names. */
static bool take_files(struct mem *mem, struct str desc, struct err *err)
{
    struct core *core = mem->data;
    struct cursor c = cursor_of(desc.p, desc.len);
    uint64_t n = cursor_u64(&c), unit = cursor_u64(&c);
    if (n > cursor_left(&c) / 24)
        return true; /* damaged: without files */
    struct cursor names = c;
    cursor_bytes(&names, n * 24);
    for (uint64_t i = 0; i < n; i++) {
        static const char deleted[] = " (deleted)";
        struct core_mapped m = {.start = cursor_u64(&c), .limit = cursor_u64(&c)};
        uint64_t offset = cursor_u64(&c);
        const char *name = (const char *)names.p;
        size_t len = strnlen(name, cursor_left(&names));
        bool is_good = len < cursor_left(&names) && m.start < m.limit &&
                       !__builtin_mul_overflow(offset, unit, &m.offset);
        cursor_bytes(&names, len + 1);
        if (!is_good || names.bad || len == 0 || name[0] != '/')
            continue;
        if (str_has_suffix((struct str){name, len}, STR(deleted)))
            len -= sizeof deleted - 1;
        m.file = find_file(mem, (struct str){name, len});
        if (!m.file || !vec_push(&core->mapped, m))
            return err_nomem(err);
    }
    return true;
}

static uint64_t number_at(struct str bytes, size_t at, size_t n)
{
    uint64_t value = 0;
    if (at + n <= bytes.len)
        memcpy(&value, bytes.p + at, n);
    return value;
}

static bool take_thread(struct core *core, struct str desc, struct err *err)
{
    bool x86 = core->machine == EM_X86_64;
    size_t n_regs = x86 ? X86_N_REGS : ARM_N_REGS;
    uint64_t regs[ARM_N_REGS];
    if (desc.len < STATUS_REGS + 8 * n_regs)
        return true;
    memcpy(regs, desc.p + STATUS_REGS, 8 * n_regs);
    struct core_thread t = {.tid = (pid_t)number_at(desc, STATUS_PID, 4)};
    if (x86) {
        t.pc = regs[X86_PC];
        t.sp = regs[X86_SP];
        t.bp = regs[X86_BP];
        t.di = regs[X86_DI];
        t.r14 = regs[X86_R14];
        t.fs_base = regs[X86_FS];
        t.call = (int64_t)regs[X86_CALL];
    } else {
        t.pc = regs[ARM_PC];
        t.sp = regs[ARM_SP];
        t.bp = regs[ARM_FP];
        t.call = -1;
    }
    if (core->threads.n == 0)
        core->info.signo = (int16_t)number_at(desc, STATUS_SIGNO, 2);
    return vec_push(&core->threads, t) || err_nomem(err);
}

static bool take_note(struct mem *mem, uint32_t type, struct str desc, struct err *err)
{
    struct core *core = mem->data;
    switch (type) {
    case NT_PRSTATUS:
        return take_thread(core, desc, err);
    case NT_FILE:
        return take_files(mem, desc, err);
    case NT_PRPSINFO:
        if (desc.len >= INFO_NAME + 16) {
            core->info.pid = (pid_t)number_at(desc, INFO_PID, 4);
            snprintf(core->info.name, sizeof core->info.name, "%.16s", desc.p + INFO_NAME);
        }
        return true;
    case NT_AUXV:
        for (size_t at = 0; at + 16 <= desc.len; at += 16)
            if (number_at(desc, at, 8) == AT_ENTRY)
                core->entry = number_at(desc, at + 8, 8);
        return true;
    default:
        return true;
    }
}

static bool cut_off(const struct mem *mem, const char *what, struct err *err)
{
    return err_set(err, ERR_INPUT, "%s is cut off in its %s: it has to be written whole", mem->name,
                   what);
}

/* All notes of a segment. */
static bool read_notes(struct mem *mem, const Elf64_Phdr *segment, struct err *err)
{
    struct core *core = mem->data;
    if (segment->p_offset > core->n_bytes ||
        segment->p_filesz > core->n_bytes - segment->p_offset || segment->p_filesz > NOTES_MAX)
        return cut_off(mem, "notes", err);
    char *bytes = malloc(segment->p_filesz + 1);
    if (!bytes)
        return err_nomem(err);
    size_t n = read_at(mem->fd, segment->p_offset, bytes, segment->p_filesz);
    struct cursor c = cursor_of(bytes, n);
    bool ok = true;
    while (ok && cursor_left(&c) >= 12) {
        uint32_t n_name = cursor_u32(&c), n_desc = cursor_u32(&c), type = cursor_u32(&c);
        struct str name = cursor_bytes(&c, ((uint64_t)n_name + 3) & ~3ull);
        struct str desc = cursor_bytes(&c, n_desc);
        size_t pad = -(size_t)n_desc & 3;
        cursor_bytes(&c, pad < cursor_left(&c) ? pad : cursor_left(&c));
        if (c.bad)
            break;
        if (name.len >= 5 && memcmp(name.p, "CORE", 5) == 0)
            ok = take_note(mem, type, desc, err);
    }
    free(bytes);
    return ok;
}

/* --- segments --- */

static const struct core_mapped *mapped_at(const struct core *core, uint64_t address)
{
    for (size_t i = 0; i < core->mapped.n; i++)
        if (address >= core->mapped.items[i].start && address < core->mapped.items[i].limit)
            return &core->mapped.items[i];
    return NULL;
}

/* A map with what is behind it, until both are sorted. */
struct piece {
    struct mem_map map;
    struct core_part part;
};

static int compare_pieces(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    return x->map.start < y->map.start ? -1 : x->map.start > y->map.start;
}

static int compare_mapped(const void *a, const void *b)
{
    const struct core_mapped *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static struct piece piece_of(struct core *core, const Elf64_Phdr *s, size_t *next)
{
    struct piece p = {.map = {.start = s->p_vaddr,
                              .limit = s->p_vaddr + s->p_memsz,
                              .can_read = s->p_flags & PF_R,
                              .can_write = s->p_flags & PF_W,
                              .can_exec = s->p_flags & PF_X,
                              .path = ""},
                      .part = {.at = s->p_offset, .n_bytes = s->p_filesz}};
    if (p.part.n_bytes > s->p_memsz)
        p.part.n_bytes = s->p_memsz;
    /* Both are in the order of addresses. */
    while (*next < core->mapped.n && core->mapped.items[*next].limit <= s->p_vaddr)
        ++*next;
    const struct core_mapped *m = *next < core->mapped.n ? &core->mapped.items[*next] : NULL;
    if (m && m->start <= s->p_vaddr) {
        p.map.offset = m->offset + (s->p_vaddr - m->start);
        p.map.path = m->file->path;
        p.map.inode = 1;
        p.part.file = m->file;
    }
    return p;
}

static int compare_segments(const void *a, const void *b)
{
    const Elf64_Phdr *x = a, *y = b;
    return x->p_vaddr < y->p_vaddr ? -1 : x->p_vaddr > y->p_vaddr;
}

/* The maps: loaded segments, and what of NT_FILE has none. */
static bool make_maps(struct mem *mem, Elf64_Phdr *segments, size_t n_segments, struct err *err)
{
    struct core *core = mem->data;
    VEC(struct piece) pieces = {0};
    if (core->mapped.n)
        qsort(core->mapped.items, core->mapped.n, sizeof *core->mapped.items, compare_mapped);
    qsort(segments, n_segments, sizeof *segments, compare_segments);
    uint64_t limit = 0;
    bool ok = true;
    for (size_t i = 0, next = 0; i < n_segments && ok; i++) {
        const Elf64_Phdr *s = &segments[i];
        uint64_t end, file_end;
        if (s->p_type != PT_LOAD || !s->p_memsz || s->p_vaddr < limit ||
            __builtin_add_overflow(s->p_vaddr, s->p_memsz, &end))
            continue;
        if (__builtin_add_overflow(s->p_offset, s->p_filesz, &file_end) || file_end > core->n_bytes)
            core->info.is_cut = true;
        limit = end;
        ok = vec_push(&pieces, piece_of(core, s, &next)) || err_nomem(err);
    }
    size_t n_loaded = pieces.n, at = 0;
    for (size_t i = 0; i < core->mapped.n && ok; i++) {
        const struct core_mapped *m = &core->mapped.items[i];
        while (at < n_loaded && pieces.items[at].map.limit <= m->start)
            at++;
        bool overlaps = (at < n_loaded && pieces.items[at].map.start < m->limit) ||
                        (i && core->mapped.items[i - 1].limit > m->start);
        if (!overlaps)
            ok = vec_push(&pieces, (struct piece){.map = {.start = m->start,
                                                          .limit = m->limit,
                                                          .offset = m->offset,
                                                          .can_read = true,
                                                          .can_exec = true,
                                                          .inode = 1,
                                                          .path = m->file->path},
                                                  .part = {.file = m->file}}) ||
                 err_nomem(err);
    }
    struct mem_map *maps = ok ? ARENA_ARRAY(&mem->arena, struct mem_map, pieces.n + 1) : NULL;
    core->parts = ok ? calloc(pieces.n + 1, sizeof *core->parts) : NULL;
    if (ok && (!maps || !core->parts))
        ok = err_nomem(err);
    if (ok && pieces.n)
        qsort(pieces.items, pieces.n, sizeof *pieces.items, compare_pieces);
    for (size_t i = 0; i < pieces.n && ok; i++) {
        maps[i] = pieces.items[i].map;
        core->parts[i] = pieces.items[i].part;
    }
    mem->maps = maps;
    mem->n_maps = ok ? pieces.n : 0;
    vec_release(&pieces);
    return ok;
}

/* --- the executable --- */

static bool is_there(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Where the program's file is now: as given, as it was, or beside the core. */
static const char *choose_executable(struct mem *mem, const char *core_path, const char *given,
                                     const char *named)
{
    if (given || is_there(named))
        return given ? given : named;
    const char *slash = strrchr(core_path, '/'), *base = strrchr(named, '/');
    int n = slash ? (int)(slash - core_path) + 1 : 0;
    char *beside = arena_printf(&mem->arena, "%.*s%s", n, core_path, base ? base + 1 : named);
    return beside && is_there(beside) ? beside : NULL;
}

static const char *copy(struct mem *mem, const char *text)
{
    return arena_strndup(&mem->arena, text, strlen(text));
}

static bool find_executable(struct mem *mem, const char *path, const char *given, struct err *err)
{
    struct core *core = mem->data;
    const struct core_mapped *m = mapped_at(core, core->entry);
    mem->executable = "";
    if (!m) {
        if (given && !(mem->executable = copy(mem, given)))
            return err_nomem(err);
        return true;
    }
    const char *found = choose_executable(mem, path, given, m->file->path);
    if (!found)
        return true;
    const char *named = m->file->path;
    if (given && access(given, R_OK) != 0)
        return err_sys(err, errno, "cannot read '%s'", given);
    if (!(mem->executable = copy(mem, found)))
        return err_nomem(err);
    m->file->path = mem->executable;
    for (size_t i = 0; i < mem->n_maps; i++)
        if (core->parts[i].file == m->file)
            ((struct mem_map *)mem->maps)[i].path = mem->executable;
    if (file_of(mem, m->file) >= 0)
        return true;
    mem->executable = "";
    if (given)
        return err_set(err, ERR_INPUT, "'%s' is not the program of %s, which was '%s'", given,
                       mem->name, named);
    return true;
}

/* --- opening --- */

static bool not_a_core(const struct mem *mem, const uint8_t *start, size_t n, struct err *err)
{
    static const struct {
        char magic[5];
        const char *name;
    } packed[] = {{"\x28\xb5\x2f\xfd", "zstd"},
                  {"\x04\x22\x4d\x18", "lz4"},
                  {"\xfd\x37zX", "xz"},
                  {"\x1f\x8b\x08", "gzip"}};
    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++) {
        size_t len = strlen(packed[i].magic);
        if (n > len && memcmp(start, packed[i].magic, len) == 0)
            return err_set(err, ERR_INPUT, "%s is packed with %s: unpack it first", mem->name,
                           packed[i].name);
    }
    return err_set(err, ERR_INPUT, "%s is not a core file", mem->name);
}

/* The segments' headers, malloc'ed. */
static Elf64_Phdr *read_segments(struct mem *mem, size_t *n, struct err *err)
{
    struct core *core = mem->data;
    Elf64_Ehdr header;
    Elf64_Shdr first;
    size_t got = read_at(mem->fd, 0, &header, sizeof header);
    if (got < sizeof header || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_type != ET_CORE) {
        not_a_core(mem, header.e_ident, got, err);
        return NULL;
    }
    core->machine = header.e_machine;
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        (core->machine != EM_X86_64 && core->machine != EM_AARCH64)) {
        err_set(err, ERR_UNSUPPORTED, "%s is of another kind of machine", mem->name);
        return NULL;
    }
    uint64_t n_segments = header.e_phnum;
    if (n_segments == PN_XNUM) /* too many for the field */
        n_segments = read_at(mem->fd, header.e_shoff, &first, sizeof first) == sizeof first
                         ? first.sh_info
                         : UINT64_MAX;
    if (header.e_phentsize != sizeof(Elf64_Phdr) || n_segments == 0 ||
        header.e_phoff > core->n_bytes ||
        n_segments > (core->n_bytes - header.e_phoff) / sizeof(Elf64_Phdr)) {
        cut_off(mem, "headers", err);
        return NULL;
    }
    Elf64_Phdr *segments = malloc(n_segments * sizeof *segments);
    if (!segments) {
        err_nomem(err);
        return NULL;
    }
    if (read_at(mem->fd, header.e_phoff, segments, n_segments * sizeof *segments) !=
        n_segments * sizeof *segments) {
        free(segments);
        cut_off(mem, "headers", err);
        return NULL;
    }
    *n = n_segments;
    return segments;
}

static bool load(struct mem *mem, const char *path, const char *executable, struct err *err)
{
    struct core *core = mem->data;
    size_t n_segments;
    Elf64_Phdr *segments = read_segments(mem, &n_segments, err);
    if (!segments)
        return false;
    bool ok = true;
    for (size_t i = 0; i < n_segments && ok; i++)
        if (segments[i].p_type == PT_NOTE)
            ok = read_notes(mem, &segments[i], err);
    ok = ok && make_maps(mem, segments, n_segments, err);
    free(segments);
    if (!ok)
        return false;
    core->info.threads = core->threads.items;
    core->info.n_threads = core->threads.n;
    if (core->info.is_cut &&
        !(mem->name = arena_printf(&mem->arena, "core file '%s' (cut off)", path)))
        return err_nomem(err);
    return find_executable(mem, path, executable, err);
}

struct mem *mem_of_core(const char *path, const char *executable, struct err *err)
{
    struct stat st;
    struct mem *mem = calloc(1, sizeof *mem);
    struct core *core = calloc(1, sizeof *core);
    if (!mem || !core) {
        free(mem);
        free(core);
        err_nomem(err);
        return NULL;
    }
    *mem = (struct mem){.ops = &core_ops, .fd = -1, .data = core};
    pthread_mutex_init(&core->lock, NULL);
    arena_init(&mem->arena);
    mem->name = arena_printf(&mem->arena, "core file '%s'", path);
    mem->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (!mem->name)
        err_nomem(err);
    else if (mem->fd < 0 || fstat(mem->fd, &st) != 0)
        err_sys(err, errno, "cannot read '%s'", path);
    else if (!S_ISREG(st.st_mode))
        err_set(err, ERR_INPUT, "'%s' is not a core file", path);
    else {
        core->n_bytes = (uint64_t)st.st_size;
        if (load(mem, path, executable, err))
            return mem;
    }
    mem_free(mem);
    return NULL;
}
