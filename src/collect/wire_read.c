#include "collect/wire_read.h"

#include "base/reader.h"
#include "collect/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PERIOD_MAX_NS 60000000000u
#define FILE_BYTES_MAX (1u << 30) /* libsonde's are smaller by far */
#define UNKNOWN UINT32_MAX

/* A module of the process that is being read. */
struct module {
    const struct wire_module *row; /* NULL: not ready, or not valid */
    const struct layout *layout;
    struct str file;
    bool is_ours; /* libsonde.so */
    char build_id[2 * WIRE_BUILD_ID_MAX + 1];
    uint32_t mappings[LAYOUT_SEGMENTS_MAX]; /* of the gather; UNKNOWN before first use */
    uint32_t whole; /* the mapping of the whole module, for want of segments */
};

struct wire_file {
    int fd;
    uint64_t size;
    struct wire_header header;
    struct wire_module *modules;
    uint32_t *slots;
    uint8_t *heap;
    uint64_t n_modules, n_slots, n_heap;
    struct module *known; /* [n_modules] */
    size_t n_damaged;
};

static bool read_at(int fd, uint64_t offset, void *data, size_t len)
{
    char *p = data;
    while (len) {
        ssize_t n = pread(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        offset += (size_t)n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_header(struct wire_file *f, const char *path, struct err *err)
{
    struct stat st;
    struct wire_header *h = &f->header;
    if (fstat(f->fd, &st) != 0)
        return err_sys(err, errno, "cannot read '%s'", path);
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX)
        return err_set(err, ERR_INPUT, "'%s' is not a file of libsonde's", path);
    f->size = (uint64_t)st.st_size;
    if (!read_at(f->fd, 0, h, sizeof *h))
        return err_set(err, ERR_INPUT, "'%s' is truncated in its header", path);
    if (h->magic != WIRE_MAGIC || h->version != WIRE_VERSION || h->header_bytes < sizeof *h)
        return err_set(err, ERR_INPUT, "'%s' is not of this version of libsonde", path);
    if (h->period_ns == 0 || h->period_ns > PERIOD_MAX_NS)
        return err_set(err, ERR_INPUT, "'%s' has the period %llu ns", path,
                       (unsigned long long)h->period_ns);
    h->comm[sizeof h->comm - 1] = '\0';
    h->exe[sizeof h->exe - 1] = '\0';
    return true;
}

/* -1 and *err on failure.  A pipe is not waited for. */
static int open_wire(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        err_sys(err, errno, "cannot read '%s'", path);
    return fd;
}

bool wire_peek(const char *path, struct wire_header *header, struct err *err)
{
    AUTO_FD fd = open_wire(path, err);
    struct wire_file f = {.fd = fd};
    if (fd < 0 || !read_header(&f, path, err))
        return false;
    *header = f.header;
    return true;
}

/* Part [offset, offset + n * item) of the file, in malloc'ed memory. */
static void *read_part(const struct wire_file *f, const char *what, uint64_t offset, uint64_t n,
                       size_t item, const char *path, struct err *err)
{
    uint64_t bytes, end;
    if (__builtin_mul_overflow(n, item, &bytes) || __builtin_add_overflow(offset, bytes, &end) ||
        end > f->size) {
        err_set(err, ERR_INPUT, "'%s' is truncated in its %s", path, what);
        return NULL;
    }
    void *data = malloc(bytes + 1);
    if (!data)
        err_nomem(err);
    else if (!read_at(f->fd, offset, data, bytes)) {
        err_set(err, ERR_INPUT, "'%s' is truncated in its %s", path, what);
        free(data);
        data = NULL;
    }
    return data;
}

/* Slots first: a stack is complete, and counted in heap_used, before its slot is
 * set, so what is read after them holds all they speak of. */
static bool read_parts(struct wire_file *f, const char *path, struct err *err)
{
    f->n_slots = f->header.n_slots;
    f->slots =
        read_part(f, "slots", f->header.slots_offset, f->n_slots, sizeof *f->slots, path, err);
    if (!f->slots || !read_header(f, path, err))
        return false;
    const struct wire_header *h = &f->header;
    f->n_modules = h->n_modules < h->n_modules_max ? h->n_modules : h->n_modules_max;
    f->modules =
        read_part(f, "modules", h->modules_offset, f->n_modules, sizeof *f->modules, path, err);
    if (!f->modules)
        return false;
    if (h->heap_offset > f->size)
        return err_set(err, ERR_INPUT, "'%s' is truncated in its heap", path);
    uint64_t left = f->size - h->heap_offset;
    f->n_heap = h->heap_used < left ? h->heap_used : left;
    f->heap = read_part(f, "heap", h->heap_offset, f->n_heap, 1, path, err);
    return f->heap != NULL;
}

/* A text in the heap; false if it is not one. */
static bool heap_text(const struct wire_file *f, uint64_t offset, struct str *text)
{
    if (offset < f->header.heap_offset || offset - f->header.heap_offset >= f->n_heap)
        return false;
    const char *p = (const char *)f->heap + (offset - f->header.heap_offset);
    size_t left = f->n_heap - (offset - f->header.heap_offset);
    const char *end = memchr(p, '\0', left);
    if (!end)
        return false;
    *text = (struct str){p, (size_t)(end - p)};
    return true;
}

struct str wire_exe(const struct wire_header *header)
{
    struct str exe = str_of(header->exe);
    struct str deleted = STR(" (deleted)");
    if (str_has_suffix(exe, deleted) && access(header->exe, F_OK) != 0)
        exe.len -= deleted.len;
    return exe;
}

static uint32_t segment_mapping(struct wire_reader *r, struct module *m, size_t i)
{
    const struct layout_segment *s = &m->layout->segments[i];
    if (m->mappings[i] == UNKNOWN)
        m->mappings[i] =
            gather_mapping(r->gather, &(struct gather_map){.file = m->file,
                                                           .build_id = str_of(m->build_id),
                                                           .start = s->vaddr + m->row->bias,
                                                           .limit = s->limit_vaddr + m->row->bias,
                                                           .offset = s->offset});
    return m->mappings[i];
}

/* For a file that is gone: pprof can still show the module's name and offsets. */
static uint32_t whole_mapping(struct wire_reader *r, struct module *m)
{
    if (m->whole == UNKNOWN)
        m->whole = gather_mapping(r->gather, &(struct gather_map){.file = m->file,
                                                                  .build_id = str_of(m->build_id),
                                                                  .start = m->row->start,
                                                                  .limit = m->row->limit});
    return m->whole;
}

static bool know_module(struct wire_reader *r, struct wire_file *f, size_t i)
{
    struct module *m = &f->known[i];
    const struct wire_module *row = &f->modules[i];
    m->whole = UNKNOWN;
    for (size_t j = 0; j < LAYOUT_SEGMENTS_MAX; j++)
        m->mappings[j] = UNKNOWN;
    if (!row->ready)
        return true;
    if (row->limit <= row->start || row->n_build_id > WIRE_BUILD_ID_MAX ||
        (row->path_offset && !heap_text(f, row->path_offset, &m->file))) {
        f->n_damaged++;
        return true;
    }
    for (uint32_t j = 0; j < row->n_build_id; j++)
        snprintf(m->build_id + 2 * j, 3, "%02x", row->build_id[j]);
    bool is_exe = !m->file.len;
    if (is_exe)
        m->file = wire_exe(&f->header);
    char path[4096];
    snprintf(path, sizeof path, "%.*s", (int)(m->file.len < 4095 ? m->file.len : 4095), m->file.p);
    m->is_ours = !is_exe && session_is_library(path);
    m->layout = layouts_get(&r->layouts, path, m->build_id);
    if (!m->layout)
        return false;
    m->row = row;
    if (is_exe && f->header.pid == r->main_pid && m->layout->n_segments)
        segment_mapping(r, m, 0);
    return true;
}

static uint32_t locate(struct wire_reader *r, struct wire_file *f, uint32_t process, uint64_t frame)
{
    uint32_t number = WIRE_FRAME_MODULE(frame);
    uint64_t offset = WIRE_FRAME_OFFSET(frame);
    if (number == 0)
        return gather_jit_location(r->gather, process, offset);
    struct module *m = number <= f->n_modules ? &f->known[number - 1] : NULL;
    if (!m || !m->row || offset >= m->row->limit - m->row->start) {
        f->n_damaged++;
        return gather_jit_location(r->gather, process, offset);
    }
    uint64_t address = m->row->start + offset, start = m->row->start;
    const struct layout_segment *s = layout_find(m->layout, address - m->row->bias);
    uint32_t mapping =
        s ? segment_mapping(r, m, (size_t)(s - m->layout->segments)) : whole_mapping(r, m);
    if (s)
        start = s->vaddr + m->row->bias;
    if (m->file.len && m->file.p[0] == '[')
        return gather_named_location(r->gather, mapping, address - start, m->file);
    return gather_location(r->gather, mapping, address - start);
}

/* The row at `place`, an offset / 8; NULL: none there, or damaged. */
static const struct wire_stack *row_at(struct wire_file *f, uint32_t place)
{
    uint64_t at = (uint64_t)place * 8;
    const struct wire_stack *stack = NULL;
    if (!at)
        return NULL;
    if (at >= f->header.heap_offset && at - f->header.heap_offset < f->n_heap &&
        f->header.heap_offset % 8 == 0 &&
        f->n_heap - (at - f->header.heap_offset) >= sizeof *stack) {
        stack = (const void *)(f->heap + (at - f->header.heap_offset));
        uint64_t room = f->n_heap - (at - f->header.heap_offset) - sizeof *stack;
        if (stack->n_frames <= WIRE_STACK_MAX && stack->n_frames <= room / 8 &&
            (stack->kind < WIRE_KINDS || stack->kind == WIRE_LABELS))
            return stack;
    }
    f->n_damaged++;
    return NULL;
}

/* The gather's index of a row's labels. */
static uint32_t find_labels(struct wire_reader *r, struct wire_file *f, uint32_t place)
{
    const struct wire_stack *row = place ? row_at(f, place) : NULL;
    if (!row)
        return 0;
    const char *texts = (const char *)row->frames;
    size_t room = 8ull * row->n_frames, len = 0;
    while (row->kind == WIRE_LABELS && len < room && texts[len]) {
        const char *key_end = memchr(texts + len, '\0', room - len),
                   *end = key_end ? memchr(key_end + 1, '\0', room - (size_t)(key_end + 1 - texts))
                                  : NULL;
        if (!end)
            break;
        len = (size_t)(end + 1 - texts);
    }
    if (row->kind != WIRE_LABELS || (len < room && texts[len])) {
        f->n_damaged++;
        return 0;
    }
    return gather_labels(r->gather, (struct str){texts, len});
}

/* A function of libsonde that called on: what stands in for one of libc's. */
static bool is_ours(const struct wire_file *f, uint64_t frame)
{
    uint32_t number = WIRE_FRAME_MODULE(frame);
    return number && number <= f->n_modules && f->known[number - 1].is_ours;
}

static uint64_t key_of(const struct wire_reader *r, uint32_t place, const struct wire_stack *stack)
{
    if (r->kind->wire == WIRE_TRACE)
        return (uint64_t)r->source << 32 | place;
    return r->kind->is_moment ? 0 : stack->key;
}

static bool add_stacks(struct wire_reader *r, struct wire_file *f, struct err *err)
{
    const struct wire_header *h = &f->header;
    f->known = calloc(f->n_modules + 1, sizeof *f->known);
    if (!f->known)
        return err_nomem(err);
    for (size_t i = 0; i < f->n_modules; i++)
        if (!know_module(r, f, i))
            return err_nomem(err);
    uint32_t process = gather_process(r->gather, h->pid, str_of(h->comm));
    uint32_t locs[WIRE_STACK_MAX];
    for (size_t i = 0; i < f->n_slots; i++) {
        const struct wire_stack *stack = row_at(f, f->slots[i]);
        int64_t values[COLLECT_TYPES_MAX];
        if (!stack || stack->kind != r->kind->wire ||
            (r->kind->is_moment && stack->key >> 32 != h->n_moments))
            continue;
        if (!r->kind->values(h, stack, values)) {
            f->n_damaged += stack->n[0] != 0;
            continue;
        }
        uint32_t n = 0;
        for (uint32_t j = 0; j < stack->n_frames; j++)
            if (j == 0 || !is_ours(f, stack->frames[j]))
                locs[n++] = locate(r, f, process, stack->frames[j]);
        const struct gather_stack sample = {.process = process,
                                            .locations = locs,
                                            .n_locations = n,
                                            .labels = find_labels(r, f, stack->labels),
                                            .key = key_of(r, f->slots[i], stack)};
        gather_sample(r->gather, &sample, values);
    }
    return true;
}

bool wire_read(struct wire_reader *r, const char *path, struct wire_header *header,
               struct diag *diag, struct err *err)
{
    AUTO_FD fd = open_wire(path, err);
    struct wire_file f = {.fd = fd};
    if (fd < 0)
        return false;
    bool ok = read_header(&f, path, err) && read_parts(&f, path, err) && add_stacks(r, &f, err);
    if (ok) {
        *header = f.header;
        if (f.n_damaged)
            diag_add(diag, "process %d (%s): %zu damaged entries left out", (int)f.header.pid,
                     f.header.comm, f.n_damaged);
    }
    free(f.known);
    free(f.modules);
    free(f.slots);
    free(f.heap);
    return ok;
}

void wire_reader_release(struct wire_reader *r)
{
    layouts_release(&r->layouts);
}
