#include "agent/text_out.h"

#include "agent/raw.h"
#include "agent/symbols.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>

#define TAB 8u

/* The addresses of a stack as Go has them: past the call. */
static void put_addresses(struct out *out, const struct taken_row *row)
{
    out_text(out, " @");
    for (uint32_t i = 0; i < row->n_frames; i++) {
        if (!taken_shows(row, i))
            continue;
        out_text(out, " ");
        out_hex(out, symbols_address(row->frames[i]) + 1);
    }
    out_text(out, "\n");
}

static size_t digits_of(uint64_t v)
{
    size_t n = 3; /* 0x and one */
    while (v >>= 4)
        n++;
    return n;
}

/* How wide "NAME+0xOFFSET" is. */
static size_t width_of(const char *name, uint64_t offset)
{
    return strlen(name) + 1 + digits_of(offset);
}

/* Tabs from `width` on to the column after one that is `widest`, as tabwriter has it. */
static void put_tabs(struct out *out, size_t width, size_t widest)
{
    size_t column = (widest + TAB) / TAB;
    for (size_t at = width / TAB; at < column; at++)
        out_text(out, "\t");
}

/* One line a frame: its address, function and file, in columns. */
static void put_frames(struct out *out, const struct taken_row *row, struct symbols *symbols,
                       const char *program)
{
    size_t address_widest = 0, name_widest = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < row->n_frames; i++) {
            if (!taken_shows(row, i))
                continue;
            uint64_t frame = row->frames[i], address = symbols_address(frame), offset = 0;
            const char *name = symbols_name(symbols, frame, &offset);
            name = name ? symbols_readable(symbols, name) : NULL;
            size_t address_width = digits_of(address), width = name ? width_of(name, offset) : 0;
            if (pass == 0) {
                if (name && address_width > address_widest)
                    address_widest = address_width;
                name_widest = width > name_widest ? width : name_widest;
                continue;
            }
            out_text(out, "#\t");
            out_hex(out, address);
            if (name) {
                put_tabs(out, address_width, address_widest);
                out_text(out, name);
                out_text(out, "+");
                out_hex(out, offset);
                put_tabs(out, width, name_widest);
                out_text(out, symbols_file(frame, program));
            }
            out_text(out, "\n");
        }
    }
    out_text(out, "\n");
}

static void find_program(char path[PATH_MAX])
{
    long n = raw4(SYS_readlink, (long)"/proc/self/exe", (long)path, PATH_MAX - 1, 0);
    path[n < 0 ? 0 : n] = '\0';
}

/* /proc/self/maps: where the addresses lie. */
static void put_map(struct out *out)
{
    char bytes[1024];
    long n, fd = raw4(SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    out_text(out, "\n--- Memory map: ---\n");
    while ((n = raw4(SYS_read, fd, (long)bytes, sizeof bytes, 0)) > 0)
        out_put(out, bytes, (size_t)n);
    raw4(SYS_close, fd, 0, 0, 0);
}

static bool stack_less(const struct taken_row *a, const struct taken_row *b)
{
    for (uint32_t i = 0; i < a->n_frames && i < b->n_frames; i++)
        if (a->frames[i] != b->frames[i])
            return a->frames[i] < b->frames[i];
    return a->n_frames != b->n_frames ? a->n_frames < b->n_frames : a->key < b->key;
}

static bool heap_less(const struct taken_row *a, const struct taken_row *b)
{
    uint64_t in_use_a = (a->n[0] - a->n[1]) * a->key, in_use_b = (b->n[0] - b->n[1]) * b->key;
    return in_use_a != in_use_b ? in_use_a > in_use_b : stack_less(a, b);
}

/* "N: BYTES [N: BYTES]": in use, and allocated. */
static void put_heap(struct out *out, uint64_t n_used, uint64_t used, uint64_t n, uint64_t bytes)
{
    out_number(out, (int64_t)n_used);
    out_text(out, ": ");
    out_number(out, (int64_t)used);
    out_text(out, " [");
    out_number(out, (int64_t)n);
    out_text(out, ": ");
    out_number(out, (int64_t)bytes);
    out_text(out, "]");
}

void text_out_heap(const struct sonde_profile *profile, struct taken *taken,
                   struct symbols *symbols, struct out *out, int debug)
{
    char program[PATH_MAX];
    uint64_t n_used = 0, used = 0, n = 0, bytes = 0;
    struct rusage usage;
    find_program(program);
    taken_sort(taken, heap_less);
    for (size_t i = 0; i < taken->n; i++) {
        const struct taken_row *row = &taken->rows[i];
        n_used += row->n[0] - row->n[1];
        used += (row->n[0] - row->n[1]) * row->key;
        n += row->n[0];
        bytes += row->n[0] * row->key;
    }
    out_text(out, "heap profile: ");
    put_heap(out, n_used, used, n, bytes);
    out_text(out, " @ heap/");
    out_number(out, 2 * (int64_t)taken->period);
    out_text(out, "\n");
    for (size_t i = 0; i < taken->n; i++) {
        const struct taken_row *row = &taken->rows[i];
        uint64_t in_use = row->n[0] - row->n[1];
        put_heap(out, in_use, in_use * row->key, row->n[0], row->n[0] * row->key);
        put_addresses(out, row);
        put_frames(out, row, symbols, program);
    }
    if (raw4(SYS_getrusage, RUSAGE_SELF, (long)&usage, 0, 0) == 0) {
        out_text(out, "\n# MaxRSS = ");
        out_number(out, usage.ru_maxrss * 1024);
        out_text(out, "\n");
    }
    put_map(out);
}

static bool delay_less(const struct taken_row *a, const struct taken_row *b)
{
    return a->values[1] != b->values[1] ? a->values[1] > b->values[1] : stack_less(a, b);
}

static void put_contentions(struct taken *taken, struct symbols *symbols, struct out *out)
{
    char program[PATH_MAX];
    find_program(program);
    taken_sort(taken, delay_less);
    for (size_t i = 0; i < taken->n; i++) {
        out_number(out, taken->rows[i].values[1]);
        out_text(out, " ");
        out_number(out, taken->rows[i].values[0]);
        put_addresses(out, &taken->rows[i]);
        put_frames(out, &taken->rows[i], symbols, program);
    }
    put_map(out);
}

void text_out_block(const struct sonde_profile *profile, struct taken *taken,
                    struct symbols *symbols, struct out *out, int debug)
{
    out_text(out, "--- contention:\ncycles/second=1000000000\n");
    put_contentions(taken, symbols, out);
}

/* Readers multiply by the sampling period; Go gives its fraction, though its values are
 * scaled by it already, as ours are. */
void text_out_mutex(const struct sonde_profile *profile, struct taken *taken,
                    struct symbols *symbols, struct out *out, int debug)
{
    out_text(out, "--- mutex:\ncycles/second=1000000000\nsampling period=1\n");
    put_contentions(taken, symbols, out);
}

/* As Go's %q, but for what is no UTF-8. */
static void put_quoted(struct out *out, const char *text)
{
    static const char escaped[] = "\a\b\f\n\r\t\v\\\"", names[] = "abfnrtv\\\"";
    out_text(out, "\"");
    for (; *text; text++) {
        const char *e = strchr(escaped, *text);
        unsigned char c = (unsigned char)*text;
        if (e) {
            const char pair[2] = {'\\', names[e - escaped]};
            out_put(out, pair, 2);
        } else if (c < ' ' || c == 0x7f) {
            const char hex[4] = {'\\', 'x', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]};
            out_put(out, hex, 4);
        } else {
            out_put(out, text, 1);
        }
    }
    out_text(out, "\"");
}

static void put_labels(struct out *out, const struct taken_row *row)
{
    out_text(out, "# labels: {");
    for (const char *key = NULL, *before = NULL; (key = taken_key(row, key)); before = key) {
        out_text(out, before ? ", " : "");
        put_quoted(out, key);
        out_text(out, ":");
        put_quoted(out, taken_value(key));
    }
    out_text(out, "}\n");
}

static bool count_less(const struct taken_row *a, const struct taken_row *b)
{
    return a->values[0] != b->values[0] ? a->values[0] > b->values[0] : stack_less(a, b);
}

void text_out_counts(const struct sonde_profile *profile, struct taken *taken,
                     struct symbols *symbols, struct out *out, int debug)
{
    char program[PATH_MAX];
    find_program(program);
    taken_sort(taken, count_less);
    out_text(out, profile->name);
    out_text(out, " profile: total ");
    out_number(out, profile->count(taken));
    out_text(out, "\n");
    for (size_t i = 0; i < taken->n; i++) {
        out_number(out, taken->rows[i].values[0]);
        put_addresses(out, &taken->rows[i]);
        if (taken->rows[i].labels)
            put_labels(out, &taken->rows[i]);
        put_frames(out, &taken->rows[i], symbols, program);
    }
    put_map(out);
}

static bool key_less(const struct taken_row *a, const struct taken_row *b)
{
    return a->key < b->key;
}

static const char *label(const struct taken_row *row, const char *key)
{
    const char *value = "";
    for (const char *k = NULL; (k = taken_key(row, k));)
        if (strcmp(k, key) == 0)
            value = taken_value(k); /* the last is ours */
    return value;
}

/* A stack as Go's traces have it, without source lines. */
static void put_trace(struct out *out, const struct taken_row *row, struct symbols *symbols,
                      const char *program)
{
    out_text(out, "goroutine ");
    out_number(out, (int64_t)(row->key & UINT32_MAX));
    out_text(out, " [");
    out_text(out, label(row, "state"));
    out_text(out, ", ");
    out_text(out, *label(row, "fiber") ? label(row, "fiber") : label(row, "thread"));
    out_text(out, "]:\n");
    for (uint32_t i = 0; i < row->n_frames; i++) {
        uint64_t frame = row->frames[i], offset = 0;
        const char *name = symbols_name(symbols, frame, &offset);
        if (!taken_shows(row, i))
            continue;
        if (name)
            out_text(out, symbols_readable(symbols, name));
        else
            out_hex(out, symbols_address(frame));
        out_text(out, "(...)\n\t");
        out_text(out, symbols_file(frame, program));
        out_text(out, " +");
        out_hex(out, name ? offset : WIRE_FRAME_OFFSET(frame));
        out_text(out, "\n");
    }
    if (row->n_frames == 0)
        out_text(out, "\tit got no processor; stack unavailable\n");
}

void text_out_threads(const struct sonde_profile *profile, struct taken *taken,
                      struct symbols *symbols, struct out *out, int debug)
{
    char program[PATH_MAX];
    if (debug < 2) {
        text_out_counts(profile, taken, symbols, out, debug);
        return;
    }
    find_program(program);
    taken_sort(taken, key_less);
    for (size_t i = 0; i < taken->n; i++) {
        if (i)
            out_text(out, "\n");
        put_trace(out, &taken->rows[i], symbols, program);
    }
}
