#include "xform/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    const char *aliases[3];
    double factor;
};

struct unit_kind {
    const struct unit *units;
    size_t n_units;
    const char *default_name;
    double default_factor;
};

static const struct unit bytes[] = {
    {"B", {"b", "byte"}, 1},
    {"kB", {"kb", "kbyte", "kilobyte"}, 0x1p10},
    {"MB", {"mb", "mbyte", "megabyte"}, 0x1p20},
    {"GB", {"gb", "gbyte", "gigabyte"}, 0x1p30},
    {"TB", {"tb", "tbyte", "terabyte"}, 0x1p40},
    {"PB", {"pb", "pbyte", "petabyte"}, 0x1p50},
};
static const struct unit times[] = {
    {"ns", {"ns", "nanosecond"}, 1},    {"us", {"us", "microsecond"}, 1e3},
    {"ms", {"ms", "millisecond"}, 1e6}, {"s", {"s", "sec", "second"}, 1e9},
    {"hrs", {"hour", "hr"}, 3600e9},
};
static const struct unit gcus[] = {
    {"n*GCU", {"nanogcu"}, 1e-9}, {"u*GCU", {"microgcu"}, 1e-6}, {"m*GCU", {"milligcu"}, 1e-3},
    {"GCU", {"gcu"}, 1},          {"k*GCU", {"kilogcu"}, 1e3},   {"M*GCU", {"megagcu"}, 1e6},
    {"G*GCU", {"gigagcu"}, 1e9},  {"T*GCU", {"teragcu"}, 1e12},  {"P*GCU", {"petagcu"}, 1e15},
};
#define COUNT(a) (sizeof(a) / sizeof *(a))
static const struct unit_kind kinds[] = {
    {bytes, COUNT(bytes), "B", 1},
    {times, COUNT(times), "s", 1e9},
    {gcus, COUNT(gcus), "GCU", 1},
};

/* A unit by any of its names, in any case, with or without a plural s. */
static const struct unit *find_unit(const struct unit_kind *kind, const char *name)
{
    char lower[16];
    size_t n = strlen(name);
    if (n >= sizeof lower)
        return NULL;
    for (size_t i = 0; i < n; i++)
        lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
    if (n > 2 && lower[n - 1] == 's')
        n--;
    lower[n] = '\0';
    for (size_t i = 0; i < kind->n_units; i++)
        for (size_t j = 0; j < COUNT(kind->units[i].aliases); j++)
            if (kind->units[i].aliases[j] && kind->units[i].aliases[j][0] == lower[0] &&
                !strcmp(kind->units[i].aliases[j], lower))
                return &kind->units[i];
    return NULL;
}

static bool is_auto(const char *unit)
{
    return !strcmp(unit, "minimum") || !strcmp(unit, "auto");
}

bool unit_is_convertible(const char *a, const char *b)
{
    bool is_same = !strcmp(a, b);
    for (size_t i = 0; !is_same && i < COUNT(kinds); i++)
        is_same = find_unit(&kinds[i], a) && find_unit(&kinds[i], b);
    return is_same;
}

bool unit_step(const char *from, size_t i, const char **name, double *factor)
{
    for (size_t k = 0; k < COUNT(kinds); k++) {
        const struct unit *own = find_unit(&kinds[k], from);
        if (!own)
            continue;
        if (i >= kinds[k].n_units)
            return false;
        *name = kinds[k].units[i].name;
        *factor = kinds[k].units[i].factor / own->factor;
        return true;
    }
    if (i)
        return false;
    unit_scale(1, from, "auto", name);
    *factor = 1;
    return true;
}

void unit_scaler_init(struct unit_scaler *s, const char *from, const char *to)
{
    *s = (struct unit_scaler){.name = to, .is_auto = is_auto(to)};
    for (size_t i = 0; i < COUNT(kinds) && !s->from; i++) {
        s->kind = &kinds[i];
        s->from = find_unit(s->kind, from);
    }
    if (!s->from)
        s->kind = NULL;
    if (s->from && !s->is_auto)
        s->to = find_unit(s->kind, to);
    static const char *const dull[] = {"count", "sample", "unit", "minimum", "auto"};
    for (size_t i = 0; i < COUNT(dull); i++)
        if (!strcmp(to, dull[i]))
            s->name = "";
}

double unit_scaler_scale(const struct unit_scaler *s, int64_t value, const char **unit)
{
    if (value < 0 && value != INT64_MIN)
        return -unit_scaler_scale(s, -value, unit);
    *unit = s->name;
    if (!s->kind)
        return (double)value;
    double v = (double)value * s->from->factor;
    const struct unit *best = s->to;
    for (size_t i = 0; s->is_auto && i < s->kind->n_units; i++) {
        const struct unit *u = &s->kind->units[i];
        if ((!best || u->factor >= best->factor) && v / u->factor >= 1.0)
            best = u;
    }
    *unit = best ? best->name : s->kind->default_name;
    return v / (best ? best->factor : s->kind->default_factor);
}

double unit_scale(int64_t value, const char *from, const char *to, const char **unit)
{
    struct unit_scaler s;
    unit_scaler_init(&s, from, to);
    return unit_scaler_scale(&s, value, unit);
}

/* v with 1 to 9 decimals; "" for what printf has to do: too large, or so near to the middle
 * of two numbers that the product does not tell which is nearer. */
static size_t print_decimals(char text[32], double v, unsigned decimals)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    double scaled = fabs(v) * powers[decimals], whole = floor(scaled), rest = scaled - whole;
    if (!(scaled < 1e15) || fabs(rest - 0.5) < 1e-3 || v == 0)
        return 0;
    uint64_t n = (uint64_t)whole + (rest > 0.5);
    char *end = text + 32, *p = end;
    for (unsigned i = 0; i < decimals; i++, n /= 10)
        *--p = (char)('0' + n % 10);
    *--p = '.';
    do
        *--p = (char)('0' + n % 10);
    while (n /= 10);
    if (v < 0)
        *--p = '-';
    size_t len = (size_t)(end - p);
    memmove(text, p, len);
    text[len] = '\0';
    return len;
}

void unit_scaler_print(const struct unit_scaler *s, struct buf *out, int64_t value)
{
    const char *unit;
    char text[400]; /* the largest double has 309 digits */
    double v = unit_scaler_scale(s, value, &unit);
    size_t n = print_decimals(text, v, 2);
    if (!n)
        n = (size_t)snprintf(text, sizeof text, "%.2f", v);
    if (n >= 3 && !strcmp(text + n - 3, ".00"))
        text[n - 3] = '\0';
    if (!strcmp(text, "0") || !strcmp(text, "-0")) {
        buf_putc(out, '0');
        return;
    }
    buf_puts(out, text);
    buf_puts(out, unit);
}

void unit_print(struct buf *out, int64_t value, const char *from, const char *to)
{
    struct unit_scaler s;
    unit_scaler_init(&s, from, to);
    unit_scaler_print(&s, out, value);
}

void unit_print_percent(struct buf *out, int64_t value, int64_t total)
{
    double ratio = total ? fabs((double)value / (double)total) * 100 : 0;
    char text[32];
    size_t n = 0;
    if (ratio >= 99.95 && ratio <= 100.05) {
        buf_puts(out, "  100%");
        return;
    }
    if (ratio >= 1.0) {
        n = print_decimals(text, ratio, 2);
    } else if (ratio >= 0.0001) { /* two digits, as %.2g */
        n = print_decimals(text, ratio,
                           ratio >= 0.1     ? 2
                           : ratio >= 0.01  ? 3
                           : ratio >= 0.001 ? 4
                                            : 5);
        while (n && (text[n - 1] == '0' || text[n - 1] == '.'))
            if (text[--n] == '.')
                break;
    }
    if (!n) {
        buf_printf(out, ratio >= 1.0 ? "%5.2f%%" : "%5.2g%%", ratio);
        return;
    }
    for (size_t pad = n; pad < 5; pad++)
        buf_putc(out, ' ');
    buf_add(out, text, n);
    buf_putc(out, '%');
}

void unit_print_percent_short(struct buf *out, int64_t value, int64_t total)
{
    AUTO_BUF text = {0};
    unit_print_percent(&text, value, total);
    out->failed |= text.failed;
    buf_puts(out, buf_str(&text) + strspn(buf_str(&text), " "));
}
