#include "format/perfdata_read.h"

#include "format/perfdata_maps.h"
#include "format/perfdata_sample.h"
#include "format/perfdata_unwind.h"
#include "model/builder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MISC_GUEST 4u /* from this CPU mode on, addresses are of other machines */
#define CONTEXT_MAX ((uint64_t)-4095)
#define CONTEXT_KERNEL ((uint64_t)-128)
#define CONTEXT_USER ((uint64_t)-512)
#define SOFTWARE_EVENT 1
#define KSYMBOL_GONE 1u
#define UNWIND_MAX 1024 /* frames */

enum mode { MODE_NONE, MODE_KERNEL, MODE_USER };

struct location {
    uint64_t address; /* within its mapping */
    uint32_t mapping; /* of maps, or PROFILE_NONE */
};

/* Samples that are the same but for their values. */
struct row {
    uint64_t hash;
    size_t first; /* of locs */
    uint32_t n_locs, pid, comm, thread_comm;
};

struct process {
    uint32_t pid;
    uint64_t n_samples;
    uint32_t program; /* a mapping of maps, or MAP_NONE */
};

struct reader {
    struct perfdata file;
    struct perfdata_maps maps;
    struct diag *diag;
    struct map build_ids; /* file, of maps.texts -> build ID, of maps.texts */
    struct map comms;     /* tid -> its name, of maps.texts */
    uint32_t *columns;    /* by event: its place among those that have samples, or UINT32_MAX */
    uint32_t n_columns;
    VEC(struct location) locations;
    struct map unmapped; /* address -> location */
    VEC(uint32_t) locs;
    VEC(uint32_t) stack; /* of the sample being read */
    VEC(struct row) rows;
    VEC(int64_t) values; /* of rows, two for each column */
    uint32_t *slots;     /* open addressing over rows */
    size_t n_slots;
    VEC(struct process) processes;
    struct map process_of; /* pid -> its place among them */
    uint64_t first_time, last_time;
    struct perfdata_unwind unwind;
    uint64_t n_lost, n_strange, n_copies, n_cut;
};

static bool probe(const uint8_t *data, size_t len)
{
    return perfdata_is(data, len);
}

static struct str hex(char *text, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return (struct str){text, 2 * n};
}

static bool load_build_ids(struct reader *r)
{
    for (size_t i = 0; i < r->file.build_ids.n; i++) {
        const struct perfdata_build_id *id = &r->file.build_ids.items[i];
        char text[2 * 20 + 1];
        uint32_t file = intern_add(&r->maps.texts, id->file);
        uint32_t value = intern_add(&r->maps.texts, hex(text, id->bytes, id->n_bytes));
        if (file == INTERN_NONE || value == INTERN_NONE || !map_put(&r->build_ids, file, value))
            return false;
    }
    return true;
}

/* The build ID that perf noted for a file.  The kernel's mapping has a symbol after its
 * name, "[kernel.kallsyms]_text". */
static struct str find_build_id(const struct reader *r, struct str file)
{
    const char *end = file.len && file.p[0] == '[' ? memchr(file.p, ']', file.len) : NULL;
    if (end)
        file.len = (size_t)(end + 1 - file.p);
    uint32_t name = intern_find(&r->maps.texts, file);
    uint32_t id = name == INTERN_NONE ? MAP_NONE : map_get(&r->build_ids, name);
    return id == MAP_NONE ? (struct str){"", 0} : r->maps.texts.strings[id];
}

/* The build ID in a mapping's record that says it has one.  Linux leaves that mark in records of
 * those who did not ask for build IDs, when others did: a device and an inode are there then. */
static struct str map_build_id(const struct perfdata *f, struct cursor c, char text[2 * 20 + 1])
{
    struct cursor device = c;
    (void)perfdata_u32(f, &device); /* the major number */
    bool is_device = perfdata_u32(f, &device) < 1u << 16;
    struct str id = cursor_bytes(&c, 24);
    uint8_t n = id.len ? (uint8_t)id.p[0] : 0;
    return !n || n > 20 || is_device ? STR("") : hex(text, (const uint8_t *)id.p + 4, n);
}

static bool read_map(struct reader *r, struct perfdata_header *h)
{
    struct cursor *c = &h->body;
    const struct perfdata *f = &r->file;
    char text[2 * 20 + 1];
    struct str build_id = {"", 0};
    uint32_t pid = perfdata_u32(f, c);
    (void)perfdata_u32(f, c);
    uint64_t start = perfdata_u64(f, c), len = perfdata_u64(f, c), offset = perfdata_u64(f, c);
    if (h->type == PERFDATA_MMAP2) {
        if (h->misc & PERFDATA_MMAP_BUILD_ID)
            build_id = map_build_id(f, *c, text);
        cursor_bytes(c, 24 + 8);
    }
    struct str file = perfdata_text(c);
    if (c->bad || (h->misc & PERFDATA_CPUMODE) >= MISC_GUEST)
        return true;
    if (!build_id.len)
        build_id = find_build_id(r, file);
    return perfdata_maps_add(&r->maps, pid, start, len, offset, file, build_id,
                             h->misc & PERFDATA_MMAP_DATA);
}

/* Code that the kernel made: BPF programs, trampolines. */
static bool read_ksymbol(struct reader *r, struct perfdata_header *h)
{
    struct cursor *c = &h->body;
    char name[512];
    uint64_t start = perfdata_u64(&r->file, c);
    uint32_t len = perfdata_u32(&r->file, c);
    (void)perfdata_u16(&r->file, c);
    uint16_t flags = perfdata_u16(&r->file, c);
    struct str symbol = perfdata_text(c);
    if (c->bad || flags & KSYMBOL_GONE || symbol.len + 3 > sizeof name)
        return true;
    snprintf(name, sizeof name, "[%.*s]", (int)symbol.len, symbol.p);
    return perfdata_maps_add(&r->maps, PERFDATA_KERNEL, start, len, 0, str_of(name), STR(""),
                             false);
}

static bool read_comm(struct reader *r, struct perfdata_header *h)
{
    struct cursor *c = &h->body;
    uint32_t pid = perfdata_u32(&r->file, c), tid = perfdata_u32(&r->file, c);
    struct str name = perfdata_text(c);
    if (c->bad)
        return true;
    if (h->misc & PERFDATA_COMM_EXEC)
        perfdata_maps_exec(&r->maps, pid);
    uint32_t text = intern_add(&r->maps.texts, name);
    return text != INTERN_NONE && map_put(&r->comms, tid, text);
}

static bool read_fork(struct reader *r, struct perfdata_header *h)
{
    struct cursor *c = &h->body;
    uint32_t pid = perfdata_u32(&r->file, c), parent = perfdata_u32(&r->file, c);
    uint32_t tid = perfdata_u32(&r->file, c), parent_tid = perfdata_u32(&r->file, c);
    if (c->bad)
        return true;
    uint32_t comm = map_get(&r->comms, parent_tid);
    if (comm != MAP_NONE && !map_put(&r->comms, tid, comm))
        return false;
    return pid == parent || perfdata_maps_fork(&r->maps, parent, pid);
}

static uint32_t add_location(struct reader *r, uint64_t address, uint32_t mapping)
{
    if (!vec_push(&r->locations, (struct location){address, mapping}))
        return MAP_NONE;
    return (uint32_t)r->locations.n - 1;
}

/* The location of an address, made if need be.  *is_mapped: whether anything was there.
 * MAP_NONE when memory runs out. */
static uint32_t find_location(struct reader *r, struct perfdata_space *space, uint64_t address,
                              bool is_return, bool *is_mapped)
{
    const struct perfdata_range *range = NULL;
    uint64_t at = address - is_return;
    uint32_t loc;
    *is_mapped = true;
    if (space && (loc = map_get(&space->cache, at)) != MAP_NONE)
        return loc;
    if (space)
        range = perfdata_space_find(space, at);
    *is_mapped = range != NULL;
    if (!range) {
        loc = map_get(&r->unmapped, at);
        if (is_return || loc != MAP_NONE) /* nobody wants it, or it is known */
            return is_return ? 0 : loc;
        loc = add_location(r, at, PROFILE_NONE);
        return loc != MAP_NONE && map_put(&r->unmapped, at, loc) ? loc : MAP_NONE;
    }
    struct perfdata_mapping *mapping = &r->maps.mappings.items[range->mapping];
    loc = map_get(&mapping->locations, at + range->shift);
    if (loc == MAP_NONE) {
        loc = add_location(r, at + range->shift, range->mapping);
        if (loc == MAP_NONE || !map_put(&mapping->locations, at + range->shift, loc))
            return MAP_NONE;
    }
    return map_put(&space->cache, at, loc) ? loc : MAP_NONE;
}

/* Add a frame to the stack.  Callers in no mapping are where a walk went astray. */
static bool add_frame(struct reader *r, enum mode mode, uint32_t pid, uint64_t address,
                      bool is_return)
{
    bool is_mapped = false;
    struct perfdata_space *space = NULL;
    if (is_return && (mode == MODE_NONE || !address))
        return true;
    if (mode != MODE_NONE)
        space = perfdata_maps_space(&r->maps, mode == MODE_KERNEL ? PERFDATA_KERNEL : pid);
    uint32_t loc = find_location(r, space, address, is_return, &is_mapped);
    if (is_return && !is_mapped)
        return true;
    return loc != MAP_NONE && vec_push(&r->stack, loc);
}

static enum mode mode_of(uint16_t misc)
{
    switch (misc & PERFDATA_CPUMODE) {
    case PERFDATA_CPUMODE_KERNEL:
        return MODE_KERNEL;
    case PERFDATA_CPUMODE_USER:
        return MODE_USER;
    default:
        return MODE_NONE;
    }
}

/* The user's frames by the copy of the stack; the first may be there already. */
static bool add_copied(struct reader *r, const struct perfdata_sample *s, enum mode leaf,
                       bool has_user)
{
    uint64_t frames[UNWIND_MAX];
    bool is_complete, nomem = false;
    uint32_t n = perfdata_unwind(&r->unwind, perfdata_maps_space(&r->maps, s->pid), s, frames,
                                 UNWIND_MAX, &is_complete, &nomem);
    r->n_copies++;
    r->n_cut += !is_complete;
    if (nomem)
        return false;
    if (!has_user && !add_frame(r, MODE_USER, s->pid, s->user_ip, true))
        return false;
    for (uint32_t i = 1; i < n; i++)
        if (!add_frame(r, MODE_USER, s->pid, frames[i] + 1, true))
            return false;
    return true;
}

/* The chain begins with the sample's own address, unless it leaves out the part that
 * that is of. */
static bool add_chain(struct reader *r, const struct perfdata_sample *s, enum mode leaf)
{
    enum mode mode = leaf;
    bool has_leaf = false, has_user = leaf == MODE_USER;
    struct cursor c = s->chain;
    while (cursor_left(&c) >= 8) {
        uint64_t address = perfdata_u64(&r->file, &c);
        if (address >= CONTEXT_MAX) {
            mode = address == CONTEXT_KERNEL ? MODE_KERNEL
                   : address == CONTEXT_USER ? MODE_USER
                                             : MODE_NONE;
            continue;
        }
        if (!has_leaf && mode == leaf) {
            has_leaf = true;
            continue;
        }
        has_leaf = true;
        has_user |= mode == MODE_USER;
        if (!add_frame(r, mode, s->pid, address, true))
            return false;
    }
    return !s->has_user_stack || add_copied(r, s, leaf, has_user);
}

static bool grow_slots(struct reader *r)
{
    size_t n = r->n_slots ? r->n_slots * 2 : 4096;
    uint32_t *slots = malloc(n * sizeof *slots);
    if (!slots)
        return false;
    memset(slots, 0xff, n * sizeof *slots);
    for (size_t i = 0; i < r->rows.n; i++) {
        size_t at = r->rows.items[i].hash & (n - 1);
        while (slots[at] != UINT32_MAX)
            at = (at + 1) & (n - 1);
        slots[at] = (uint32_t)i;
    }
    free(r->slots);
    r->slots = slots;
    r->n_slots = n;
    return true;
}

/* The row of the stack that was read; UINT32_MAX when memory runs out. */
static uint32_t find_row(struct reader *r, struct row want)
{
    size_t bytes = r->stack.n * sizeof *r->stack.items;
    if (r->rows.n * 2 >= r->n_slots && !grow_slots(r))
        return UINT32_MAX;
    want.n_locs = (uint32_t)r->stack.n;
    want.first = r->locs.n;
    want.hash = hash_bytes(r->stack.items, bytes) ^ hash_u64((uint64_t)want.pid << 32 | want.comm) ^
                hash_u64((uint64_t)want.thread_comm + 1);
    for (size_t at = want.hash & (r->n_slots - 1);; at = (at + 1) & (r->n_slots - 1)) {
        uint32_t i = r->slots[at];
        if (i == UINT32_MAX) {
            r->slots[at] = (uint32_t)r->rows.n;
            break;
        }
        const struct row *row = &r->rows.items[i];
        if (row->hash == want.hash && row->n_locs == want.n_locs && row->pid == want.pid &&
            row->comm == want.comm && row->thread_comm == want.thread_comm &&
            !memcmp(r->locs.items + row->first, r->stack.items, bytes))
            return i;
    }
    size_t n_values = 2 * (size_t)r->n_columns;
    if (!vec_reserve(&r->locs, r->locs.n + r->stack.n) ||
        !vec_reserve(&r->values, r->values.n + n_values) || !vec_push(&r->rows, want))
        return UINT32_MAX;
    memcpy(r->locs.items + r->locs.n, r->stack.items, bytes);
    memset(r->values.items + r->values.n, 0, n_values * sizeof *r->values.items);
    r->locs.n += r->stack.n;
    r->values.n += n_values;
    return (uint32_t)r->rows.n - 1;
}

static void add(int64_t *to, uint64_t v)
{
    int64_t more = v > INT64_MAX ? INT64_MAX : (int64_t)v;
    if (__builtin_add_overflow(*to, more, to))
        *to = INT64_MAX;
}

/* Note whose sample it is. */
static bool count_process(struct reader *r, uint32_t pid)
{
    uint32_t i = map_get_or_put(&r->process_of, pid, (uint32_t)r->processes.n);
    if (i == MAP_NONE)
        return false;
    if (i == r->processes.n && !vec_push(&r->processes, (struct process){pid, 0, MAP_NONE}))
        return false;
    struct process *process = &r->processes.items[i];
    const struct perfdata_space *space = perfdata_maps_space(&r->maps, pid);
    process->n_samples++;
    if (space && space->program != MAP_NONE)
        process->program = space->program;
    return true;
}

static bool read_sample(struct reader *r, const struct perfdata_header *h, uint64_t time)
{
    struct perfdata_sample s;
    if (!perfdata_sample_read(&r->file, h, &s) || s.event >= r->file.attrs.n) {
        r->n_strange++;
        return true;
    }
    enum mode mode = mode_of(h->misc);
    vec_clear(&r->stack);
    if (!add_frame(r, mode, s.pid, s.ip, false) || !add_chain(r, &s, mode) ||
        !count_process(r, s.pid))
        return false;
    uint32_t comm = map_get(&r->comms, s.pid), thread_comm = map_get(&r->comms, s.tid);
    struct row want = {.pid = s.pid, .comm = comm == MAP_NONE ? 0 : comm};
    if (thread_comm != MAP_NONE && thread_comm != want.comm)
        want.thread_comm = thread_comm;
    uint32_t row = find_row(r, want);
    if (row == UINT32_MAX)
        return false;
    uint64_t period = s.period ? s.period : r->file.attrs.items[s.event].period;
    int64_t *values = r->values.items + 2 * ((size_t)row * r->n_columns + r->columns[s.event]);
    add(&values[0], 1);
    add(&values[1], period ? period : 1);
    if (time && !r->first_time)
        r->first_time = time;
    if (time)
        r->last_time = time;
    return true;
}

static bool read_record(struct reader *r, const struct perfdata_record *record)
{
    struct perfdata_header h = perfdata_header(&r->file, record->at);
    switch (h.type) {
    case PERFDATA_MMAP:
    case PERFDATA_MMAP2:
        return read_map(r, &h);
    case PERFDATA_KSYMBOL:
        return read_ksymbol(r, &h);
    case PERFDATA_COMM:
        return read_comm(r, &h);
    case PERFDATA_FORK:
        return read_fork(r, &h);
    case PERFDATA_SAMPLE:
        return read_sample(r, &h, record->time);
    case PERFDATA_LOST:
        cursor_bytes(&h.body, 8);
        r->n_lost += perfdata_u64(&r->file, &h.body);
        return true;
    case PERFDATA_LOST_SAMPLES:
        r->n_lost += perfdata_u64(&r->file, &h.body);
        return true;
    default:
        return true;
    }
}

/* Events that have samples get columns; when none has, all of them. */
static bool make_columns(struct reader *r, struct err *err)
{
    const struct perfdata *f = &r->file;
    size_t n_samples = 0, n_events = f->attrs.n;
    r->columns = malloc(n_events * sizeof *r->columns);
    if (!r->columns)
        return err_nomem(err);
    memset(r->columns, 0xff, n_events * sizeof *r->columns);
    for (size_t i = 0; i < f->records.n; i++) {
        struct perfdata_header h = perfdata_header(f, f->records.items[i].at);
        struct perfdata_sample s;
        if (h.type != PERFDATA_SAMPLE || !perfdata_sample_read(f, &h, &s))
            continue;
        n_samples++;
        if (s.event < n_events)
            r->columns[s.event] = 0;
    }
    for (size_t i = 0; i < n_events; i++)
        if (r->columns[i] != UINT32_MAX || !n_samples)
            r->columns[i] = r->n_columns++;
    /* Each sample may need a row of its own. */
    size_t bytes = n_samples * r->n_columns * 16, input = (size_t)(f->end - f->data);
    if (bytes > ((size_t)256 << 20) && bytes / 16 > input + f->n_unpacked)
        return err_set(err, ERR_INPUT, "malformed perf.data: %u events", r->n_columns);
    return true;
}

/* "cycles", "cpu-clock:u"; for files that name no events what their numbers say. */
static void event_name(const struct perfdata_attr *attr, uint32_t i, char *name, size_t size)
{
    static const char *const hardware[] = {"cycles",
                                           "instructions",
                                           "cache-references",
                                           "cache-misses",
                                           "branches",
                                           "branch-misses",
                                           "bus-cycles",
                                           "stalled-cycles-frontend",
                                           "stalled-cycles-backend",
                                           "ref-cycles"};
    static const char *const software[] = {"cpu-clock",        "task-clock",     "page-faults",
                                           "context-switches", "cpu-migrations", "minor-faults",
                                           "major-faults"};
    if (attr->name.len)
        snprintf(name, size, "%.*s", (int)attr->name.len, attr->name.p);
    else if (attr->type == 0 && attr->config < sizeof hardware / sizeof *hardware)
        snprintf(name, size, "%s", hardware[attr->config]);
    else if (attr->type == SOFTWARE_EVENT && attr->config < sizeof software / sizeof *software)
        snprintf(name, size, "%s", software[attr->config]);
    else
        snprintf(name, size, "event_%u", i);
}

static void build_types(const struct reader *r, struct builder *b)
{
    char name[256], type[300];
    uint32_t last = 0;
    for (uint32_t i = 0; i < r->file.attrs.n; i++) {
        const struct perfdata_attr *attr = &r->file.attrs.items[i];
        if (r->columns[i] == UINT32_MAX)
            continue;
        bool is_clock = attr->type == SOFTWARE_EVENT && attr->config <= 1;
        uint32_t count = builder_string(b, STR("count")),
                 unit = is_clock ? builder_string(b, STR("nanoseconds")) : count;
        event_name(attr, i, name, sizeof name);
        snprintf(type, sizeof type, "%s_sample", name);
        builder_type(b, builder_string(b, str_of(type)), count);
        snprintf(type, sizeof type, "%s_event", name);
        last = builder_string(b, str_of(type));
        builder_type(b, last, unit);
        if (attr->period && !builder_header(b)->has_period_type) {
            builder_header(b)->has_period_type = true;
            builder_header(b)->period_type =
                (struct profile_value_type){builder_string(b, str_of(name)), unit};
            builder_header(b)->period =
                attr->period > INT64_MAX ? INT64_MAX : (int64_t)attr->period;
        }
    }
    builder_header(b)->default_type = last;
}

static void build_comments(const struct reader *r, struct builder *b)
{
    const struct {
        const char *prefix;
        struct str text;
    } comments[] = {{"perf-version:", r->file.version}, {"perf-command:", r->file.command}};
    for (size_t i = 0; i < sizeof comments / sizeof *comments; i++) {
        AUTO_BUF text = {0};
        buf_puts(&text, comments[i].prefix);
        buf_add(&text, comments[i].text.p, comments[i].text.len);
        if (comments[i].text.len && !text.failed)
            builder_comment(b, builder_string(b, (struct str){text.data, text.len}));
    }
}

static uint32_t build_mapping(const struct reader *r, struct builder *b, uint32_t i)
{
    const struct str kernel = STR("[kernel.kallsyms]");
    const struct perfdata_mapping *m = &r->maps.mappings.items[i];
    struct str file = r->maps.texts.strings[m->file];
    struct profile_mapping mapping = {
        .start = m->start,
        .limit = m->limit,
        .offset = m->offset,
        .file = builder_string(b, file),
        .build_id = builder_string(b, r->maps.texts.strings[m->build_id]),
    };
    if (str_has_prefix(file, kernel))
        mapping.kernel_relocation_symbol =
            builder_string(b, (struct str){file.p + kernel.len, file.len - kernel.len});
    return builder_mapping(b, &mapping);
}

/* Mappings that are used, before them the program of the process with the most samples. */
static bool build_locations(const struct reader *r, struct builder *b)
{
    uint32_t *built = malloc((r->maps.mappings.n + 1) * sizeof *built);
    const struct process *most = NULL;
    if (!built)
        return false;
    memset(built, 0xff, (r->maps.mappings.n + 1) * sizeof *built);
    for (size_t i = 0; i < r->processes.n; i++) {
        const struct process *p = &r->processes.items[i];
        if (p->program != MAP_NONE && (!most || p->n_samples > most->n_samples))
            most = p;
    }
    if (most)
        built[most->program] = build_mapping(r, b, most->program);
    for (size_t i = 0; i < r->locations.n; i++) {
        struct location at = r->locations.items[i];
        struct profile_location location = {.address = at.address, .mapping = PROFILE_NONE};
        if (at.mapping != PROFILE_NONE) {
            if (built[at.mapping] == UINT32_MAX)
                built[at.mapping] = build_mapping(r, b, at.mapping);
            location.mapping = built[at.mapping];
        }
        builder_location(b, &location, NULL, 0);
    }
    free(built);
    return true;
}

static void build_samples(const struct reader *r, struct builder *b)
{
    uint32_t pid_key = builder_string(b, STR("pid")), comm_key = builder_string(b, STR("comm")),
             thread_key = builder_string(b, STR("thread_comm"));
    for (size_t i = 0; i < r->rows.n; i++) {
        const struct row *row = &r->rows.items[i];
        struct profile_label labels[3];
        uint32_t n = 0;
        if (r->processes.n > 1 && row->comm)
            labels[n++] = (struct profile_label){
                .key = comm_key, .str = builder_string(b, r->maps.texts.strings[row->comm])};
        if (row->thread_comm)
            labels[n++] = (struct profile_label){
                .key = thread_key,
                .str = builder_string(b, r->maps.texts.strings[row->thread_comm])};
        if (r->processes.n > 1)
            labels[n++] =
                (struct profile_label){.key = pid_key, .num = (int32_t)row->pid, .is_num = true};
        builder_sample(b, r->locs.items + row->first, row->n_locs,
                       r->values.items + 2 * i * r->n_columns, labels, n);
    }
}

static void build_times(const struct reader *r, struct builder *b)
{
    struct profile *header = builder_header(b);
    const struct perfdata *f = &r->file;
    uint64_t duration = r->last_time - r->first_time;
    header->duration_nanos = duration > INT64_MAX ? 0 : (int64_t)duration;
    if (f->has_clock && r->first_time)
        header->time_nanos = (int64_t)(f->wall_ns + (r->first_time - f->clock_ns));
}

static struct profile *build(const struct reader *r, struct err *err)
{
    struct builder *b = builder_new(err);
    if (!b)
        return NULL;
    build_types(r, b);
    build_comments(r, b);
    build_times(r, b);
    if (!build_locations(r, b)) {
        builder_free(b);
        err_nomem(err);
        return NULL;
    }
    build_samples(r, b);
    return builder_seal(b, err);
}

static void tell(const struct reader *r)
{
    if (r->n_lost)
        diag_add(r->diag, "perf lost %" PRIu64 " events while it recorded", r->n_lost);
    if (r->n_strange)
        diag_add(r->diag, "%" PRIu64 " samples of perf.data are damaged or of no known event",
                 r->n_strange);
    if (r->n_cut)
        diag_add(r->diag,
                 "%" PRIu64 " of %" PRIu64 " copies of stacks (--call-graph dwarf) could not be "
                 "unwound to the outermost frame",
                 r->n_cut, r->n_copies);
}

static void reader_release(struct reader *r)
{
    perfdata_release(&r->file);
    perfdata_unwind_release(&r->unwind);
    perfdata_maps_release(&r->maps);
    map_release(&r->build_ids);
    map_release(&r->comms);
    map_release(&r->unmapped);
    map_release(&r->process_of);
    vec_release(&r->locations);
    vec_release(&r->locs);
    vec_release(&r->stack);
    vec_release(&r->rows);
    vec_release(&r->values);
    vec_release(&r->processes);
    free(r->columns);
    free(r->slots);
}

static bool read_all(struct reader *r, struct err *err)
{
    uint32_t swapper = intern_add(&r->maps.texts, STR("swapper"));
    if (!load_build_ids(r) || swapper == INTERN_NONE || !map_put(&r->comms, 0, swapper))
        return err_nomem(err);
    if (!make_columns(r, err))
        return false;
    for (size_t i = 0; i < r->file.records.n; i++) {
        if (read_record(r, &r->file.records.items[i]))
            continue;
        if (r->maps.n_ranges + 4096 > r->maps.max_ranges)
            return err_set(err, ERR_INPUT, "malformed perf.data: too many mappings");
        return err_nomem(err);
    }
    return true;
}

static struct profile *read_profile(const uint8_t *data, size_t len, struct diag *diag,
                                    struct err *err)
{
    struct reader r = {.diag = diag};
    struct profile *profile = NULL;
    if (perfdata_init(&r.file, data, len, diag, err)) {
        size_t max_ranges = ((size_t)4 << 20) + 8 * r.file.records.n;
        perfdata_unwind_init(&r.unwind, &r.maps);
        if (!perfdata_maps_init(&r.maps, max_ranges))
            err_nomem(err);
        else if (read_all(&r, err))
            profile = build(&r, err);
    }
    if (profile)
        tell(&r);
    reader_release(&r);
    return profile;
}

const struct format_ops perfdata_format = {
    .name = "perf.data",
    .help = "recordings of Linux's perf",
    .probe = probe,
    .read = read_profile,
};
