/* raw: the profile as text, sample by sample, as Go's Profile.String has it. */
#include "base/vec.h"
#include "model/labels.h"
#include "report/report_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void put_hex(struct buf *out, uint64_t value)
{
    buf_puts(out, "0x");
    buf_hex(out, value, 1);
}

static void put_string(struct buf *out, const struct profile *p, uint32_t string)
{
    struct str s = profile_str(p, string);
    buf_add(out, s.p, s.len);
}

/* Go's time.Time.String of a time in the local zone. */
static void put_time(struct buf *out, int64_t time_ns)
{
    int64_t ns = time_ns % 1000000000, s = time_ns / 1000000000;
    if (ns < 0) {
        ns += 1000000000;
        s--;
    }
    time_t seconds = s;
    struct tm tm;
    char text[64];
    if (!localtime_r(&seconds, &tm))
        return;
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    buf_puts(out, text);
    if (ns) {
        int n = snprintf(text, sizeof text, ".%09" PRId64, ns);
        while (text[n - 1] == '0')
            n--;
        buf_add(out, text, (size_t)n);
    }
    strftime(text, sizeof text, " %z %Z", &tm);
    buf_puts(out, text);
}

/* Go's time.Duration.String, cut to 4 characters: that is what its "%.4v" does. */
static void put_duration_cut(struct buf *out, int64_t duration_ns)
{
    AUTO_BUF text = {0};
    uint64_t ns = duration_ns < 0 ? 0 - (uint64_t)duration_ns : (uint64_t)duration_ns;
    if (duration_ns < 0)
        buf_putc(&text, '-');
    /* Of each unit its length and the decimals that Go may print of it. */
    static const struct {
        uint64_t ns;
        int n_decimals;
        const char *name;
    } units[] = {{1000000000, 9, "s"}, {1000000, 6, "ms"}, {1000, 3, "\xc2\xb5s"}, {1, 0, "ns"}};
    size_t i = 0;
    while (ns < units[i].ns)
        i++;
    uint64_t whole = ns / units[i].ns;
    if (i == 0) {
        if (whole >= 3600)
            buf_printf(&text, "%" PRIu64 "h", whole / 3600);
        if (whole >= 60)
            buf_printf(&text, "%" PRIu64 "m", whole / 60 % 60);
        whole %= 60;
    }
    buf_printf(&text, "%" PRIu64, whole);
    if (ns % units[i].ns) {
        char decimals[16];
        int n = snprintf(decimals, sizeof decimals, ".%0*" PRIu64, units[i].n_decimals,
                         ns % units[i].ns);
        while (decimals[n - 1] == '0')
            n--;
        buf_add(&text, decimals, (size_t)n);
    }
    buf_puts(&text, units[i].name);
    size_t n_chars = 0, n = 0;
    const char *s = buf_str(&text);
    for (; s[n]; n++)
        if ((s[n] & 0xc0) != 0x80 && n_chars++ == 4)
            break;
    buf_add(out, s, n);
}

static void put_header(struct buf *out, const struct profile *p)
{
    for (uint32_t i = 0; i < p->n_comments; i++) {
        buf_puts(out, "Comment: ");
        put_string(out, p, p->comments[i]);
        buf_putc(out, '\n');
    }
    if (profile_str(p, p->doc_url).len) {
        buf_puts(out, "Doc: ");
        put_string(out, p, p->doc_url);
        buf_putc(out, '\n');
    }
    if (p->has_period_type) {
        buf_puts(out, "PeriodType: ");
        put_string(out, p, p->period_type.type);
        buf_putc(out, ' ');
        put_string(out, p, p->period_type.unit);
        buf_putc(out, '\n');
    }
    buf_printf(out, "Period: %" PRId64 "\n", p->period);
    if (p->time_nanos) {
        buf_puts(out, "Time: ");
        put_time(out, p->time_nanos);
        buf_putc(out, '\n');
    }
    if (p->duration_nanos) {
        buf_puts(out, "Duration: ");
        put_duration_cut(out, p->duration_nanos);
        buf_putc(out, '\n');
    }
}

/* Is the character at the end (or the start) of the line a blank to Go?  Of the
 * blanks beyond ASCII none is looked for. */
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void put_types(struct buf *out, const struct profile *p)
{
    AUTO_BUF line = {0};
    for (uint32_t i = 0; i < p->n_types; i++) {
        put_string(&line, p, p->types[i].type);
        buf_putc(&line, '/');
        put_string(&line, p, p->types[i].unit);
        if (p->types[i].type == p->default_type)
            buf_puts(&line, "[dflt]");
        buf_putc(&line, ' ');
    }
    const char *start = buf_str(&line), *end = start + line.len;
    while (start < end && is_space(*start))
        start++;
    while (end > start && is_space(end[-1]))
        end--;
    buf_add(out, start, (size_t)(end - start));
    buf_putc(out, '\n');
    out->failed |= line.failed;
}

/* Scratch for the labels of a sample. */
struct label_printer {
    struct labels labels;
    VEC(struct str) groups; /* slices of `text` */
    struct buf text;
};

static int compare_groups(const void *left, const void *right)
{
    return str_cmp(*(const struct str *)left, *(const struct str *)right);
}

/* "KEY:[VALUE VALUE]" of items[0..n), which have one key and kind. */
static void put_group(struct buf *text, const struct profile *p, const struct labels_item *items,
                      size_t n)
{
    bool has_units = false;
    for (size_t i = 0; i < n; i++)
        has_units |= items[i].label->is_num && items[i].label->unit;
    buf_add(text, items->key.p, items->key.len);
    buf_puts(text, ":[");
    for (size_t i = 0; i < n; i++) {
        const struct profile_label *label = items[i].label;
        if (i)
            buf_putc(text, ' ');
        if (label->is_num)
            buf_int(text, label->num, 0);
        else
            put_string(text, p, label->str);
        if (has_units) {
            buf_putc(text, ' ');
            put_string(text, p, label->unit);
        }
    }
    buf_putc(text, ']');
}

/* The labels of one kind, items[0..n), on a line of their own, sorted as text. */
static bool put_label_line(struct buf *out, struct label_printer *printer, const struct profile *p,
                           size_t first, size_t end)
{
    vec_clear(&printer->groups);
    buf_clear(&printer->text);
    for (size_t i = first, n; i < end; i += n) {
        size_t start = printer->text.len;
        n = labels_run(&printer->labels, i);
        put_group(&printer->text, p, printer->labels.items + i, n);
        if (!vec_push(&printer->groups, (struct str){NULL, printer->text.len - start}))
            return false;
    }
    const char *text = buf_str(&printer->text);
    for (size_t i = 0; i < printer->groups.n; i++) {
        printer->groups.items[i].p = text;
        text += printer->groups.items[i].len;
    }
    qsort(printer->groups.items, printer->groups.n, sizeof *printer->groups.items, compare_groups);
    buf_puts(out, "                ");
    for (size_t i = 0; i < printer->groups.n; i++) {
        if (i)
            buf_putc(out, ' ');
        buf_add(out, printer->groups.items[i].p, printer->groups.items[i].len);
    }
    buf_putc(out, '\n');
    return !printer->text.failed;
}

/* A line for the text labels, one for the numeric ones.  False when memory runs out. */
static bool put_labels(struct buf *out, struct label_printer *printer, const struct view *view,
                       uint32_t sample)
{
    const struct profile *p = view->profile;
    if (!view_load_labels(view, sample, &printer->labels))
        return false;
    size_t n = printer->labels.n, n_texts = 0;
    while (n_texts < n && !printer->labels.items[n_texts].label->is_num)
        n_texts++;
    return (n_texts == 0 || put_label_line(out, printer, p, 0, n_texts)) &&
           (n_texts == n || put_label_line(out, printer, p, n_texts, n));
}

/* An id and a blank, as they print: made once for each location. */
struct id_text {
    char text[23];
    uint8_t len;
};

static struct id_text *make_id_texts(const struct profile *p)
{
    struct id_text *texts = malloc(((size_t)p->n_locations + 1) * sizeof *texts);
    for (uint32_t i = 0; texts && i < p->n_locations; i++)
        texts[i].len = (uint8_t)snprintf(texts[i].text, sizeof texts[i].text, "%" PRIu64 " ",
                                         p->locations[i].id);
    return texts;
}

static void put_stack(struct buf *out, const struct view *view, const struct view_sample *sample,
                      const struct id_text *texts)
{
    char *to = buf_reserve(out, (size_t)sample->n_locs * sizeof texts->text), *begin = to;
    for (uint32_t k = 0; to && k < sample->n_locs; k++) {
        const struct id_text *id = &texts[sample->locs[k]];
        if (view->locations[sample->locs[k]].hidden)
            continue;
        memcpy(to, id->text, sizeof id->text);
        to += id->len;
    }
    if (to)
        out->len += (size_t)(to - begin);
}

static bool put_samples(struct buf *out, const struct view *view)
{
    const struct profile *p = view->profile;
    struct label_printer printer = {0};
    struct id_text *texts = make_id_texts(p);
    bool ok = texts != NULL;
    for (uint32_t i = 0; ok && !out->failed && i < view->n_samples; i++) {
        const struct view_sample *sample = &view->samples[i];
        const int64_t *values = p->values + (size_t)sample->sample * p->n_types;
        for (uint32_t k = 0; k < p->n_types; k++) {
            buf_putc(out, ' ');
            buf_int(out, values[k], 10);
        }
        buf_puts(out, ": ");
        put_stack(out, view, sample, texts);
        buf_putc(out, '\n');
        buf_drain(out);
        ok = !p->label_first || put_labels(out, &printer, view, sample->sample);
    }
    free(texts);
    labels_release(&printer.labels);
    vec_release(&printer.groups);
    buf_release(&printer.text);
    return ok;
}

static void put_line(struct buf *out, const struct view *view, const struct profile_line *line)
{
    const struct profile *p = view->profile;
    if (line->function == PROFILE_NONE) {
        buf_puts(out, "??");
        return;
    }
    const struct profile_function *f = &p->functions[line->function];
    put_string(out, p, f->name);
    buf_putc(out, ' ');
    put_string(out, p, f->filename);
    buf_putc(out, ':');
    buf_int(out, line->line, 0);
    buf_putc(out, ':');
    buf_int(out, view->has_column ? line->column : 0, 0);
    buf_puts(out, " s=");
    buf_int(out, f->start_line, 0);
    if (f->name != f->system_name) {
        buf_putc(out, '(');
        put_string(out, p, f->system_name);
        buf_putc(out, ')');
    }
}

static void put_locations(struct buf *out, const struct view *view)
{
    const struct profile *p = view->profile;
    for (uint32_t i = 0; i < p->n_locations; i++) {
        const struct profile_location *location = &p->locations[i];
        const struct view_location *left = &view->locations[i];
        buf_uint(out, location->id, 6);
        buf_puts(out, ": ");
        put_hex(out, location->address);
        buf_putc(out, ' ');
        if (location->mapping != PROFILE_NONE) {
            buf_puts(out, "M=");
            buf_uint(out, p->mappings[location->mapping].id, 0);
            buf_putc(out, ' ');
        }
        if (location->is_folded)
            buf_puts(out, "[F] ");
        for (uint32_t k = 0; k < left->n; k++) {
            if (k)
                buf_puts(out, "\n             ");
            put_line(out, view, &view->lines[left->first + k]);
        }
        buf_putc(out, '\n');
    }
}

static void put_mappings(struct buf *out, const struct view *view, bool noinlines)
{
    const struct profile *p = view->profile;
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        const struct profile_mapping *m = &p->mappings[i];
        buf_uint(out, m->id, 0);
        buf_puts(out, ": ");
        put_hex(out, m->start);
        buf_putc(out, '/');
        put_hex(out, m->limit);
        buf_putc(out, '/');
        put_hex(out, m->offset);
        buf_putc(out, ' ');
        put_string(out, p, m->file);
        buf_putc(out, ' ');
        put_string(out, p, m->build_id);
        buf_printf(out, " %s%s%s%s\n", m->has_functions ? "[FN]" : "",
                   m->has_filenames ? "[FL]" : "", m->has_line_numbers ? "[LN]" : "",
                   m->has_inline_frames && !noinlines ? "[IN]" : "");
    }
}

static bool write_raw(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct report_run run;
    bool ok = report_begin(&run, &report_raw, ctx, err);
    if (ok) {
        const struct view *view = &run.pipeline.view;
        put_header(out, ctx->profile);
        buf_puts(out, "Samples:\n");
        put_types(out, ctx->profile);
        ok = put_samples(out, view) || err_nomem(err);
        buf_puts(out, "Locations\n");
        put_locations(out, view);
        buf_puts(out, "Mappings\n");
        put_mappings(out, view, run.options.noinlines);
    }
    report_end(&run);
    return ok;
}

const struct report_ops report_raw = {
    .name = "raw",
    .help = "The whole profile as text",
    .flags = REPORT_UNTRIMMED,
    .granularity = GRANULARITY_ADDRESSES,
    .write = write_raw,
};
