#include "render/tabs.h"

#include "base/vec.h"
#include "render/columns.h"

#include <stdlib.h>

struct cell {
    struct str text;
    size_t width; /* of its column, once that is known; at first its own */
};

struct line {
    size_t first, n; /* cells; the last one is in no column */
};

struct layout {
    VEC(struct cell) cells;
    VEC(struct line) lines;
};

/* Cut the text into cells. */
static bool cut(struct layout *l, struct str text)
{
    struct line line = {0};
    size_t begin = 0;
    for (size_t i = 0; i <= text.len; i++) {
        bool ends_line = i == text.len || text.p[i] == '\n';
        if (!ends_line && text.p[i] != '\t' && text.p[i] != '\v')
            continue;
        struct str s = {text.p + begin, i - begin};
        begin = i + 1;
        if (!vec_push(&l->cells, (struct cell){s, columns_width(s)}))
            return false;
        line.n++;
        if (ends_line) {
            if (!vec_push(&l->lines, line))
                return false;
            line = (struct line){.first = l->cells.n};
        }
    }
    return true;
}

static struct cell *cell_at(struct layout *l, size_t line, size_t column)
{
    return &l->cells.items[l->lines.items[line].first + column];
}

/* Make the cells of each run of lines in a column as wide as the widest.  False when
 * memory runs out. */
static bool align(struct layout *l)
{
    size_t n = l->lines.n;
    size_t *lines = malloc((n + 1) * sizeof *lines); /* those that have the column */
    if (!lines)
        return false;
    for (size_t i = 0; i < n; i++)
        lines[i] = i;
    for (size_t column = 0; n; column++) {
        size_t left = 0;
        for (size_t i = 0; i < n; i++)
            if (column + 1 < l->lines.items[lines[i]].n)
                lines[left++] = lines[i];
        n = left;
        for (size_t i = 0, end; i < n; i = end) {
            size_t width = 0;
            for (end = i; end < n && lines[end] == lines[i] + (end - i); end++) {
                size_t w = cell_at(l, lines[end], column)->width + 1;
                width = w > width ? w : width;
            }
            for (size_t k = i; k < end; k++)
                cell_at(l, lines[k], column)->width = width;
        }
    }
    free(lines);
    return true;
}

static void print(struct layout *l, struct buf *out)
{
    for (size_t i = 0; i < l->lines.n; i++) {
        size_t n = l->lines.items[i].n;
        for (size_t k = 0; k + 1 < n; k++)
            columns_right(out, cell_at(l, i, k)->text, cell_at(l, i, k)->width);
        struct str last = cell_at(l, i, n - 1)->text;
        buf_add(out, last.p, last.len);
        if (i + 1 < l->lines.n)
            buf_putc(out, '\n');
    }
}

bool tabs_right(struct buf *out, struct str text)
{
    struct layout l = {0};
    bool ok = cut(&l, text) && align(&l);
    if (ok)
        print(&l, out);
    vec_release(&l.cells);
    vec_release(&l.lines);
    return ok;
}
