#include "ui/paint.h"

#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FAINT "\033[2m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

bool paint_is_wanted(int fd)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fd) && !(none && *none) && term && *term && strcmp(term, "dumb") != 0;
}

struct report_screen paint_screen(int fd)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    struct report_screen screen = {.has_color = paint_is_wanted(fd)};
    if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0)
        screen.n_columns = size.ws_col;
    if (!screen.n_columns && columns && atoi(columns) > 0)
        screen.n_columns = (unsigned)atoi(columns);
    return screen;
}

static bool is_header(struct str line)
{
    static const char *const words[] = {"File: ",     "Build ID: ", "Type: ",         "Doc: ",
                                        "Time: ",     "Duration: ", "Active filters", "Showing ",
                                        "Dropped ",   "Total: ",    "----------",     "   focus=",
                                        "   ignore=", "   hide=",   "   show="};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_has_prefix(line, str_of(words[i])))
            return true;
    return false;
}

static bool is_title(struct str line)
{
    return memmem(line.p, line.len, "flat%", 5) && memmem(line.p, line.len, "cum%", 4);
}

/* Length of a share ("12.3%") that begins at p; 0: there is none. */
static size_t share_length(const char *p, const char *end, double *share)
{
    char text[16];
    size_t n = 0;
    while (p + n < end && n < sizeof text - 1 && (isdigit((unsigned char)p[n]) || p[n] == '.'))
        n++;
    if (n == 0 || p + n >= end || p[n] != '%')
        return 0;
    memcpy(text, p, n);
    text[n] = '\0';
    *share = atof(text);
    return n + 1;
}

static const char *colour(double share)
{
    return share >= 10 ? "\033[1;31m" : share >= 3 ? "\033[33m" : share >= 0.5 ? "" : FAINT;
}

static size_t count_shares(struct str line)
{
    size_t n = 0;
    for (size_t i = 0; i < line.len; i++)
        n += line.p[i] == '%';
    return n;
}

/* A row of a table: its shares, but the running sum, the second of three. */
static void paint_row(struct str line, struct buf *out)
{
    size_t n = count_shares(line), which = 0;
    const char *p = line.p, *end = line.p + line.len;
    while (p < end) {
        double share;
        bool is_start = p == line.p || p[-1] == ' ';
        size_t len = is_start ? share_length(p, end, &share) : 0;
        const char *with = len && !(n >= 3 && which++ == 1) ? colour(share) : "";
        len = len ? len : 1;
        buf_puts(out, with);
        buf_add(out, p, len);
        if (*with)
            buf_puts(out, PLAIN);
        p += len;
    }
}

void paint(const struct buf *text, struct buf *out)
{
    const char *end = text->data + text->len;
    for (const char *p = text->data; p && p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        struct str line = {p, (size_t)((newline ? newline : end) - p)};
        if (is_header(line) || is_title(line)) {
            buf_puts(out, is_title(line) ? BOLD : FAINT);
            buf_add(out, line.p, line.len);
            buf_puts(out, PLAIN);
        } else {
            paint_row(line, out);
        }
        if (newline)
            buf_putc(out, '\n');
        p = newline ? newline + 1 : end;
    }
    out->failed |= text->failed;
}
