#include "collect/native_trace_file.h"

#include "base/map.h"
#include "collect/native_trace.h"
#include "collect/wire_read.h"
#include "model/profile.h"
#include "sym/resolve.h"
#include "wire/thread_start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (256u << 10)
#define KEY "row"
#define INLINE_SHIFT 48 /* Go wants a pc of its own for each function that is inlined */

static bool values(const struct wire_header *header, const struct wire_stack *row,
                   int64_t values[COLLECT_TYPES_MAX])
{
    (void)header;
    (void)row;
    values[0] = 1;
    return true;
}

const struct collect_ops collect_trace = {
    .name = "trace",
    .help = "what threads do, one after another: an execution trace, for `sonde trace`",
    .none = "the command's threads did nothing but compute",
    .wire = WIRE_TRACE,
    .types = {{"stacks", "count"}},
    .period_type = {"stacks", "count"},
    .n_types = 1,
    .key_label = KEY,
    .values = values,
};

/* Writing. */

static bool spool_write(void *arg, const void *bytes, size_t n)
{
    struct native_trace_spool *s = arg;
    if (s->error)
        return false;
    if (fwrite(bytes, 1, n, s->file) != n) {
        s->error = errno ? errno : EIO;
        return false;
    }
    s->n_bytes += n;
    return true;
}

static bool put_later(void *arg, struct trace_states *states)
{
    struct native_trace_spool *s = arg;
    const struct native_trace_part part = {.first = s->ids.n,
                                           .n = states->n_stack_ids,
                                           .n_texts = states->texts.n,
                                           .number = states->generation,
                                           .begin_ns = states->begin_ns};
    if (!vec_reserve(&s->ids, s->ids.n + part.n + 1) || !vec_push(&s->parts, part))
        return false;
    if (part.n)
        memcpy(s->ids.items + s->ids.n, states->stack_ids, part.n * sizeof *s->ids.items);
    s->ids.n += part.n;
    if (fflush(s->file) != 0) {
        s->error = errno;
        s->parts.n--;
        return false;
    }
    s->parts.items[s->parts.n - 1].end = s->n_bytes;
    s->n_events = states->n_events;
    return true;
}

bool native_trace_spool_open(struct native_trace_spool *s, struct err *err)
{
    const char *tmp = getenv("TMPDIR");
    const char *const dirs[] = {tmp && tmp[0] == '/' ? tmp : "/var/tmp", "/var/tmp", "/tmp"};
    int fd = -1;
    for (size_t i = 0; fd < 0 && i < sizeof dirs / sizeof *dirs; i++) {
        char path[4096];
        if (snprintf(path, sizeof path, "%s/sonde-trace-XXXXXX", dirs[i]) >= (int)sizeof path)
            continue;
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            unlink(path);
    }
    s->file = fd >= 0 ? fdopen(fd, "w+") : NULL;
    if (!s->file) {
        int e = errno;
        if (fd >= 0)
            close(fd);
        return err_sys(err, e, "cannot make a file in TMPDIR, /var/tmp or /tmp");
    }
    setvbuf(s->file, NULL, _IOFBF, BUFFER_BYTES);
    return true;
}

void native_trace_spool_release(struct native_trace_spool *s)
{
    if (s->file)
        fclose(s->file);
    vec_release(&s->parts);
    vec_release(&s->ids);
    s->file = NULL;
}

void native_trace_spool_use(struct native_trace_spool *s, struct trace_states *states)
{
    states->sink = (struct gotrace_sink){spool_write, s};
    states->put_later = put_later;
    states->arg = s;
}

/* Symbols. */

struct symbols {
    struct profile *profile; /* NULL: no stacks */
    struct map samples;      /* by source << 32 | row */
    char program[sizeof GOTRACE_TEXT_PROGRAM + sizeof((struct wire_header *)0)->comm];
};

static bool find_samples(struct symbols *s, struct err *err)
{
    const struct profile *p = s->profile;
    for (uint32_t i = 0; p->label_first && i < p->n_samples; i++)
        for (uint64_t j = p->label_first[i]; j < p->label_first[i + 1]; j++) {
            const struct profile_label *l = &p->labels[j];
            if (l->is_num && str_eq(profile_str(p, l->key), STR(KEY)) &&
                !map_put(&s->samples, (uint64_t)l->num, i))
                return err_nomem(err);
        }
    return true;
}

static bool find_symbols(struct symbols *s, const struct native_trace_stacks *stacks,
                         struct diag *diag, struct err *err)
{
    struct gather *gather = gather_new(&collect_trace, err);
    if (!gather)
        return false;
    snprintf(s->program, sizeof s->program, GOTRACE_TEXT_PROGRAM);
    struct wire_reader reader = {
        .kind = &collect_trace, .gather = gather, .main_pid = stacks->main_pid};
    for (size_t i = 0; i < stacks->n_wires; i++) {
        struct wire_header header;
        struct err why;
        reader.source = (uint32_t)i;
        if (!wire_read(&reader, stacks->wires[i], &header, diag, &why))
            diag_add(diag, "the stacks of a process are left out: %s", why.msg);
        else if (header.pid == stacks->main_pid) /* of its images the last one */
            snprintf(s->program, sizeof s->program, GOTRACE_TEXT_PROGRAM "%.*s",
                     (int)sizeof header.comm, header.comm);
    }
    wire_reader_release(&reader);
    s->profile = gather_seal(gather, &(struct gather_header){.period = 1}, diag, err);
    gather_free(gather);
    const struct resolve_options options = {.debuginfod = true};
    s->profile = s->profile ? resolve_profile(s->profile, &options, diag, err) : NULL;
    return s->profile && find_samples(s, err);
}

/* Putting together. */

struct target {
    struct gotrace_memory memory;
    struct gotrace_sink sink;
    struct gotrace_texts texts;
    struct gotrace_bytes batch;
    int fd;
    int error;
    uint64_t n_bytes;
    uint8_t *buffer;
    size_t n_buffer;
};

static bool flush(struct target *t)
{
    for (size_t at = 0; at < t->n_buffer && !t->error;) {
        ssize_t n = write(t->fd, t->buffer + at, t->n_buffer - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            t->error = n ? errno : ENOSPC;
        else
            at += (size_t)n;
    }
    t->n_buffer = 0;
    return !t->error;
}

static bool target_write(void *arg, const void *bytes, size_t n)
{
    struct target *t = arg;
    t->n_bytes += n;
    for (const uint8_t *p = bytes; n;) {
        size_t some = BUFFER_BYTES - t->n_buffer < n ? BUFFER_BYTES - t->n_buffer : n;
        memcpy(t->buffer + t->n_buffer, p, some);
        t->n_buffer += some;
        p += some;
        n -= some;
        if (t->n_buffer == BUFFER_BYTES && !flush(t))
            return false;
    }
    return !t->error;
}

static uint64_t text_of(struct target *t, const struct native_trace_part *part, struct str text)
{
    uint32_t number = gotrace_text(&t->memory, &t->texts, text.p, text.len);
    return number ? part->n_texts + number : 0;
}

/* The frames of a location: inlined functions are innermost. */
static size_t put_location(struct target *t, const struct native_trace_part *part,
                           const struct profile *p, uint32_t location, struct gotrace_frame *to,
                           bool *is_start, size_t room)
{
    const struct profile_location *l = &p->locations[location];
    size_t n = 0;
    char address[24];
    if (!l->n_lines && room) {
        snprintf(address, sizeof address, "0x%llx", (unsigned long long)l->address);
        struct str file =
            l->mapping == PROFILE_NONE ? STR("") : profile_str(p, p->mappings[l->mapping].file);
        is_start[n] = thread_start_is(address, file.p);
        to[n++] = (struct gotrace_frame){l->address, text_of(t, part, str_of(address)),
                                         text_of(t, part, file), 0};
    }
    for (uint32_t i = 0; i < l->n_lines && n < room; i++) {
        const struct profile_line *line = &p->lines[l->first_line + i];
        const struct profile_function *f =
            line->function == PROFILE_NONE ? NULL : &p->functions[line->function];
        struct str name = f ? profile_str(p, f->name) : STR("?"),
                   file = f ? profile_str(p, f->filename) : STR("");
        is_start[n] = thread_start_is(name.p, file.p);
        to[n++] = (struct gotrace_frame){.pc = l->address | (uint64_t)(l->n_lines - 1 - i)
                                                                << INLINE_SHIFT,
                                         .function = text_of(t, part, name),
                                         .file = text_of(t, part, file),
                                         .line = line->line > 0 ? (uint64_t)line->line : 0};
    }
    return n;
}

/* The frames of a row, but for those below the program's own functions; they stay where nothing
 * else is there. */
static size_t put_row(struct target *t, const struct native_trace_part *part,
                      const struct symbols *s, uint32_t source, uint32_t row,
                      struct gotrace_frame frames[GOTRACE_FRAMES_MAX], bool *is_own)
{
    bool is_start[GOTRACE_FRAMES_MAX];
    const struct profile *p = s->profile;
    uint32_t sample = row ? map_get(&s->samples, (uint64_t)source << 32 | row) : MAP_NONE;
    size_t n = 0;
    for (uint64_t i = sample == MAP_NONE ? 1 : p->stack_first[sample],
                  end = sample == MAP_NONE ? 0 : p->stack_first[sample + 1];
         i < end && n < GOTRACE_FRAMES_MAX; i++)
        n += put_location(t, part, p, p->stack_locs[i], frames + n, is_start + n,
                          GOTRACE_FRAMES_MAX - n);
    size_t n_own = n;
    while (n_own && is_start[n_own - 1])
        n_own--;
    *is_own = n_own > 0;
    return n_own ? n_own : n;
}

static bool put_stack(struct target *t, const struct native_trace_part *part,
                      const struct symbols *s, const struct native_trace_stacks *stacks,
                      uint32_t id)
{
    struct gotrace_frame frames[GOTRACE_FRAMES_MAX];
    bool is_own = true;
    const struct trace_stack_key *key = id && id <= stacks->n ? &stacks->keys[id - 1] : NULL;
    size_t n = key ? put_row(t, part, s, key->source, key->row, frames, &is_own) : 0;
    if (key && key->first && !is_own) {
        struct gotrace_frame first[GOTRACE_FRAMES_MAX];
        size_t n_first = put_row(t, part, s, key->source, key->first, first, &is_own);
        if (is_own) {
            frames[0] = first[n_first - 1];
            n = 1;
        }
    }
    return gotrace_put_stack(&t->memory, &t->sink, &t->batch, part->number, part->begin_ns, id,
                             frames, n);
}

static bool copy_events(struct target *t, FILE *from, uint64_t n)
{
    uint8_t bytes[16384];
    while (n) {
        size_t some = n < sizeof bytes ? (size_t)n : sizeof bytes;
        if (fread(bytes, 1, some, from) != some || !target_write(t, bytes, some))
            return false;
        n -= some;
    }
    return true;
}

static bool put_part(struct target *t, const struct native_trace_spool *spool,
                     const struct native_trace_part *part, uint64_t from, const struct symbols *s,
                     const struct native_trace_stacks *stacks)
{
    bool ok = copy_events(t, spool->file, part->end - from);
    gotrace_texts_clear(&t->texts);
    (void)text_of(t, part, str_of(s->program));
    for (size_t i = 0; ok && i < part->n; i++)
        ok = put_stack(t, part, s, stacks, spool->ids.items[part->first + i]);
    return ok && gotrace_put_stacks_end(&t->sink, &t->batch, part->number, part->begin_ns) &&
           gotrace_put_texts(&t->memory, &t->sink, &t->texts, part->number, part->begin_ns,
                             part->n_texts) &&
           trace_states_put_end(&t->sink);
}

bool native_trace_put(struct native_trace_spool *spool, const struct trace_states *states,
                      const struct native_trace_stacks *stacks, int fd, uint64_t *n_bytes,
                      struct diag *diag, struct err *err)
{
    struct symbols symbols = {0};
    struct target t = {.memory = states->memory, .fd = fd};
    t.sink = (struct gotrace_sink){target_write, &t};
    if (!spool->parts.n)
        return spool->error ? err_sys(err, spool->error,
                                      "cannot keep the events in TMPDIR, /var/tmp or /tmp")
                            : err_nomem(err);
    t.buffer = malloc(BUFFER_BYTES);
    map_init(&symbols.samples);
    if (spool->error)
        diag_add(diag, "the trace ends before the command did: %s", strerror(spool->error));
    bool ok = t.buffer ? find_symbols(&symbols, stacks, diag, err) : err_nomem(err);
    if (ok && (fflush(spool->file), fseek(spool->file, 0, SEEK_SET)) != 0)
        ok = err_sys(err, errno, "cannot read the events");
    uint64_t from = 0;
    for (size_t i = 0; ok && i < spool->parts.n; i++) {
        ok = put_part(&t, spool, &spool->parts.items[i], from, &symbols, stacks);
        from = spool->parts.items[i].end;
        if (!ok && !t.error)
            err_nomem(err);
    }
    if (ok && !flush(&t))
        ok = false;
    if (t.error)
        err_sys(err, t.error, "cannot write the trace");
    *n_bytes = t.n_bytes;
    gotrace_texts_release(&t.memory, &t.texts);
    gotrace_release(&t.memory, &t.batch);
    map_release(&symbols.samples);
    profile_free(symbols.profile);
    free(t.buffer);
    return ok;
}
