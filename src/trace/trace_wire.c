#include "trace/trace_wire.h"

#include "base/go_quote.h"
#include "base/go_sort.h"
#include "base/reader.h"
#include "trace/trace_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* An event of any kind. */
struct raw {
    uint8_t type;
    uint64_t args[GOTRACE_ARGS_MAX]; /* those of its spec */
    const uint8_t *frames;           /* of a stack: what follows, not yet decoded */
    uint64_t n_frames;
    const uint8_t *data; /* of those that have data */
    uint64_t n_data;
};

struct wire {
    struct file file;
    const uint8_t *p, *end; /* of what is left */
    unsigned n_types;
};

static bool wire_open(struct wire *w, const char *path, struct err *err)
{
    if (!file_map(&w->file, path, err))
        return false;
    unsigned version = trace_header_version(w->file.data, w->file.len);
    w->n_types = gotrace_n_types(version);
    if (!version)
        trace_header_error(w->file.data, w->file.len, path, err);
    else if (!w->n_types)
        err_set(err, ERR_UNSUPPORTED,
                "'%s' is of Go 1.%u: only traces of Go 1.22 and later are shown as they stand in "
                "the file",
                path, version);
    if (!w->n_types) {
        file_release(&w->file);
        return false;
    }
    w->p = w->file.data + GOTRACE_HEADER_BYTES;
    w->end = w->file.data + w->file.len;
    return true;
}

static bool cut_off(const struct wire *w, struct err *err)
{
    return err_set(err, ERR_INPUT, "truncated at byte %zu of %zu: within an event",
                   (size_t)(w->p - w->file.data), w->file.len);
}

/* The next event; there must be one. */
static bool wire_next(struct wire *w, struct raw *raw, struct err *err)
{
    const uint8_t *p = w->p;
    uint64_t any;
    *raw = (struct raw){.type = *p++};
    if (raw->type >= w->n_types || raw->type == GOTRACE_NONE)
        return err_set(err, ERR_INPUT, "broken trace: byte %zu: no event has type %u",
                       (size_t)(w->p - w->file.data), raw->type);
    const struct gotrace_spec *spec = &gotrace_specs[raw->type];
    for (unsigned i = 0; i < spec->n_args; i++)
        if (!(p = gotrace_get(p, w->end, &raw->args[i])))
            return cut_off(w, err);
    if (spec->is_stack) {
        raw->frames = p;
        raw->n_frames = raw->args[1];
        for (uint64_t i = 0; i < raw->n_frames; i++)
            for (unsigned k = 0; k < 4; k++)
                if (!(p = gotrace_get(p, w->end, &any)))
                    return cut_off(w, err);
    }
    if (spec->has_data) {
        if (!(p = gotrace_get(p, w->end, &raw->n_data)) || raw->n_data > (size_t)(w->end - p))
            return cut_off(w, err);
        raw->data = p;
        p += raw->n_data;
    }
    w->p = p;
    return true;
}

static void print(const struct wire *w, const struct raw *raw, struct buf *out)
{
    static const char *const fields[] = {"\n\tpc=", " func=", " file=", " line="};
    const struct gotrace_spec *spec = &gotrace_specs[raw->type];
    const char *name = spec->args ? spec->args : "";
    buf_puts(out, spec->name ? spec->name : "");
    for (unsigned i = 0; i < spec->n_args; i++) {
        size_t n = strcspn(name, " ");
        buf_putc(out, ' ');
        buf_add(out, name, n);
        buf_putc(out, '=');
        buf_uint(out, raw->args[i], 0);
        name += n + 1;
    }
    const uint8_t *p = raw->frames;
    uint64_t value = 0;
    for (uint64_t i = 0; i < raw->n_frames && !out->failed; i++) {
        for (unsigned k = 0; k < 4; k++) {
            p = gotrace_get(p, w->end, &value);
            buf_puts(out, fields[k]);
            buf_uint(out, value, 0);
        }
        buf_drain(out);
    }
    if (raw->n_data) {
        buf_puts(out, "\n\tdata=");
        go_quote(out, (struct str){(const char *)raw->data, raw->n_data}, false);
    }
    buf_putc(out, '\n');
}

bool trace_wire(const char *path, struct buf *out, struct err *err)
{
    struct wire w = {0};
    struct raw raw;
    if (!wire_open(&w, path, err))
        return false;
    bool good = true;
    while (w.p < w.end && !out->failed && (good = wire_next(&w, &raw, err))) {
        print(&w, &raw, out);
        buf_drain(out);
    }
    file_release(&w.file);
    return good;
}

struct footprint {
    uint64_t count, bytes;
};

static uint64_t varint_bytes(uint64_t value)
{
    return (70 - (uint64_t)__builtin_clzll(value | 1)) / 7;
}

static void count(struct footprint *footprint, const struct wire *w, const struct raw *raw)
{
    const uint8_t *p = raw->frames;
    uint64_t value = 0;
    footprint->count++;
    footprint->bytes++;
    for (unsigned i = 0; i < gotrace_specs[raw->type].n_args; i++)
        footprint->bytes += varint_bytes(raw->args[i]);
    for (uint64_t i = 0; i < 4 * raw->n_frames; i++) {
        p = gotrace_get(p, w->end, &value);
        footprint->bytes += varint_bytes(value);
    }
    if (raw->data)
        footprint->bytes += varint_bytes(raw->n_data) + raw->n_data;
}

static bool more_bytes(uint32_t a, uint32_t b, void *arg)
{
    const struct footprint *footprints = arg;
    return footprints[a].bytes > footprints[b].bytes;
}

#define N_TYPES 256          /* all that a byte can say */
#define N_ROWS (2 + N_TYPES) /* a head and a line below it */

struct row {
    char cells[5][32];
};

static void print_percent(char cell[32], uint64_t part, uint64_t whole)
{
    if (whole)
        snprintf(cell, 32, "%.2f%%", (double)part / (double)whole * 100);
    else
        snprintf(cell, 32, "NaN%%");
}

static void print_rows(const struct row *rows, struct buf *out)
{
    size_t width[4] = {0};
    for (size_t i = 0; i < N_ROWS; i++)
        for (size_t k = 0; k < 4; k++)
            if (width[k] < strlen(rows[i].cells[k]) + 2)
                width[k] = strlen(rows[i].cells[k]) + 2;
    for (size_t i = 0; i < N_ROWS; i++) {
        for (size_t k = 0; k < 4; k++) {
            buf_puts(out, rows[i].cells[k]);
            buf_fill(out, ' ', width[k] - strlen(rows[i].cells[k]));
        }
        buf_puts(out, rows[i].cells[4]);
        buf_putc(out, '\n');
    }
}

/* The most bytes first. */
static bool print_table(struct footprint *footprints, const struct wire *w, uint64_t n_events,
                        struct buf *out)
{
    uint32_t order[N_TYPES];
    struct row *rows = calloc(N_ROWS, sizeof *rows);
    if (!rows)
        return false;
    for (unsigned i = 0; i < N_TYPES; i++)
        order[i] = i;
    go_sort(order, N_TYPES, more_bytes, footprints);
    rows[0] = (struct row){{"Event", "Bytes", "%", "Count", "%"}};
    rows[1] = (struct row){{"-", "-", "-", "-", "-"}};
    for (unsigned i = 0; i < N_TYPES; i++) {
        struct row *row = &rows[2 + i];
        const struct footprint *f = &footprints[order[i]];
        if (order[i] >= w->n_types)
            snprintf(row->cells[0], 32, "<unknown (%u)>", order[i]);
        else if (gotrace_specs[order[i]].name)
            snprintf(row->cells[0], 32, "%s", gotrace_specs[order[i]].name);
        snprintf(row->cells[1], 32, "%" PRIu64, f->bytes);
        print_percent(row->cells[2], f->bytes, w->file.len);
        snprintf(row->cells[3], 32, "%" PRIu64, f->count);
        print_percent(row->cells[4], f->count, n_events);
    }
    print_rows(rows, out);
    free(rows);
    return true;
}

bool trace_footprint(const char *path, struct buf *out, struct err *err)
{
    struct wire w = {0};
    struct raw raw;
    struct footprint footprints[N_TYPES] = {0};
    uint64_t n_events = 0;
    if (!wire_open(&w, path, err))
        return false;
    bool good = true;
    for (; w.p < w.end && (good = wire_next(&w, &raw, err)); n_events++)
        count(&footprints[raw.type], &w, &raw);
    if (good && !print_table(footprints, &w, n_events, out))
        good = err_nomem(err);
    file_release(&w.file);
    return good;
}
