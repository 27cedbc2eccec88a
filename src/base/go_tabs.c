#include "base/go_tabs.h"

#include "base/vec.h"

#define TAB 8u

struct cell {
    uint32_t column;
    bool is_last;
    size_t start, end; /* in the text, without the tab */
    size_t width;      /* of the cell, then of its column */
};

struct block {
    VEC(struct cell) cells; /* by line */
    VEC(size_t) lines;      /* their first cells, and the end of the last */
    uint32_t n_columns;
};

static size_t width_of(const char *p, size_t n)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i++)
        width += ((unsigned char)p[i] & 0xc0) != 0x80;
    return width;
}

/* One line, without its newline; false when memory runs out. */
static bool add_line(struct block *block, const char *text, size_t start, size_t end)
{
    if (!vec_push(&block->lines, block->cells.n))
        return false;
    for (uint32_t column = 0;; column++) {
        const char *tab = memchr(text + start, '\t', end - start);
        size_t stop = tab ? (size_t)(tab - text) : end;
        struct cell cell = {column, !tab, start, stop, width_of(text + start, stop - start)};
        if (!vec_push(&block->cells, cell))
            return false;
        if (!tab)
            return true;
        start = stop + 1;
        if (column >= block->n_columns)
            block->n_columns = column + 1;
    }
}

/* Does the line have a column there, and which cell is it? */
static struct cell *cell_at(struct block *block, size_t line, uint32_t column)
{
    size_t first = block->lines.items[line];
    size_t limit = line + 1 < block->lines.n ? block->lines.items[line + 1] : block->cells.n;
    return first + column + 1 < limit ? &block->cells.items[first + column] : NULL;
}

/* From the widths of cells to those of columns. */
static void widen(struct block *block, uint32_t column)
{
    for (size_t line = 0, end; line < block->lines.n; line = end + 1) {
        size_t widest = 0;
        struct cell *cell;
        for (end = line; end < block->lines.n && (cell = cell_at(block, end, column)); end++)
            if (cell->width > widest)
                widest = cell->width;
        size_t wide = (widest + 1 + TAB - 1) / TAB * TAB;
        for (size_t i = line; i < end; i++)
            cell_at(block, i, column)->width = wide;
    }
}

static void write_block(struct block *block, const char *text, struct buf *out)
{
    for (uint32_t column = 0; column < block->n_columns; column++)
        widen(block, column);
    for (size_t i = 0; i < block->cells.n; i++) {
        const struct cell *cell = &block->cells.items[i];
        buf_add(out, text + cell->start, cell->end - cell->start);
        if (cell->is_last) {
            buf_putc(out, '\n');
            continue;
        }
        size_t width = width_of(text + cell->start, cell->end - cell->start);
        buf_fill(out, '\t', (cell->width - width + TAB - 1) / TAB);
    }
    vec_clear(&block->cells);
    vec_clear(&block->lines);
    block->n_columns = 0;
}

bool go_tabs(struct buf *out, struct str text)
{
    struct block block = {0};
    bool ok = true;
    for (size_t at = 0, end; ok && at < text.len; at = end + 1) {
        const char *newline = memchr(text.p + at, '\n', text.len - at);
        end = newline ? (size_t)(newline - text.p) : text.len;
        bool has_tabs = memchr(text.p + at, '\t', end - at) != NULL;
        if (has_tabs) {
            ok = add_line(&block, text.p, at, end);
            continue;
        }
        write_block(&block, text.p, out);
        buf_add(out, text.p + at, end - at);
        buf_putc(out, '\n');
    }
    if (ok)
        write_block(&block, text.p, out);
    vec_release(&block.cells);
    vec_release(&block.lines);
    return ok;
}
