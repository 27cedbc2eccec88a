#include "report/source_files.h"

#include "xform/path.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line with its end must fit in this many bytes. */
#define LINE_MAX_BYTES 65536
/* No program's source has more; a profile may name any file. */
#define FILE_MAX_BYTES (32 << 20)
#define LINES_MAX (2 << 20)

static bool split_lines(struct source_file *source)
{
    const char *p = (const char *)source->file.data, *end = p + source->file.len;
    while (p < end && source->lines.n < LINES_MAX) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        struct str line = {p, (size_t)((newline ? newline : end) - p)};
        if (line.len >= LINE_MAX_BYTES)
            break;
        p += line.len + 1;
        if (line.len && line.p[line.len - 1] == '\r')
            line.len--;
        if (!vec_push(&source->lines, line))
            return false;
        if (!newline)
            break;
    }
    return true;
}

/* Why the file is not read; NULL: it is.  Not what /proc makes while it is read: that may never
 * end, may wait, and is nobody's source. */
static const char *why_not(const struct stat *st)
{
    return !S_ISREG(st->st_mode)          ? "it is not a regular file"
           : st->st_size == 0             ? "it is empty"
           : st->st_size > FILE_MAX_BYTES ? "it is too large for a source"
                                          : NULL;
}

/* The first `size` bytes, as far as they are there.  False: no memory. */
static bool read_bytes(struct file *file, int fd, size_t size)
{
    uint8_t *data = malloc(size);
    if (!data)
        return false;
    *file = (struct file){.data = data};
    for (ssize_t n; file->len < size; file->len += (size_t)n) {
        n = read(fd, data + file->len, size - file->len);
        if (n < 0 && errno == EINTR)
            n = 0;
        else if (n <= 0)
            break;
    }
    return true;
}

/* 0, or why the file cannot be opened; 0 with *why: what is there is left alone.  Nothing is
 * opened before it is seen to be a file: opening a device or a pipe does something already. */
static int read_file(struct source_file *source, const char *path, struct buf *why)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return errno;
    const char *no = why_not(&st);
    AUTO_FD fd = no ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (!no && (fd < 0 || fstat(fd, &st) != 0))
        return errno;
    no = no ? no : why_not(&st);
    if (no) {
        buf_printf(why, "%s: %s", path, no);
        return 0;
    }
    return read_bytes(&source->file, fd, (size_t)st.st_size) && split_lines(source) ? 0 : ENOMEM;
}

/* Go's text for an errno: the C library's with a small first letter. */
static void print_errno(struct buf *out, int e)
{
    const char *text = strerror(e);
    buf_putc(out, (char)tolower((unsigned char)text[0]));
    buf_puts(out, text + 1);
}

/* "DIR/NAME", cleaned, to *path. */
static bool join(struct buf *path, struct str dir, struct str name)
{
    AUTO_BUF joined = {0}, scratch = {0};
    buf_clear(path);
    buf_add(&joined, dir.p, dir.len);
    if (dir.len && name.len)
        buf_putc(&joined, '/');
    buf_add(&joined, name.p, name.len);
    struct str clean = path_clean((struct str){buf_str(&joined), joined.len}, &scratch);
    buf_add(path, clean.p, clean.len);
    return !joined.failed && !scratch.failed && !path->failed;
}

/* The folder above: "." is above "a" and ".", "/" above "/". */
static struct str parent_of(struct str dir, struct buf *scratch)
{
    size_t n = dir.len;
    while (n && dir.p[n - 1] != '/')
        n--;
    return path_clean((struct str){dir.p, n}, scratch);
}

/* Look in `dir` and all above it: 0, ENOENT or ENOMEM. */
static int search_up(struct source_file *source, struct str dir, struct str name, struct buf *why)
{
    AUTO_BUF path = {0}, at = {0}, scratch = {0};
    buf_add(&at, dir.p, dir.len);
    for (;;) {
        struct str here = {buf_str(&at), at.len};
        if (!join(&path, here, name))
            return ENOMEM;
        int e = read_file(source, buf_str(&path), why);
        if (e == 0 || e == ENOMEM)
            return e;
        struct str parent = parent_of(here, &scratch);
        if (str_eq(parent, here))
            return ENOENT;
        buf_clear(&path);
        buf_add(&path, parent.p, parent.len);
        buf_clear(&at);
        buf_add(&at, path.data, path.len);
        if (path.failed || at.failed || scratch.failed)
            return ENOMEM;
    }
}

bool source_file_read(struct source_file *source, struct str name, const char *search_path,
                      struct buf *why)
{
    *source = (struct source_file){0};
    bool has_nul = memchr(name.p, 0, name.len) != NULL;
    int e = ENOENT;
    if (name.len && name.p[0] == '/') {
        AUTO_BUF path = {0};
        buf_add(&path, name.p, name.len);
        e = has_nul ? EINVAL : path.failed ? ENOMEM : read_file(source, buf_str(&path), why);
        if (e && e != ENOMEM) {
            buf_puts(why, "open ");
            buf_add(why, name.p, name.len);
            buf_puts(why, ": ");
            print_errno(why, e);
        }
        return e == 0;
    }
    for (const char *p = search_path; *search_path && !has_nul && e == ENOENT;) {
        struct str dir = {p, strcspn(p, ":")};
        e = search_up(source, dir, name, why);
        p += dir.len;
        if (!*p)
            break;
        p++;
    }
    if (e && e != ENOMEM) {
        buf_puts(why, "could not find file ");
        buf_add(why, name.p, name.len);
        buf_printf(why, " on path %s", search_path);
    }
    return e == 0;
}

void source_file_release(struct source_file *source)
{
    vec_release(&source->lines);
    file_release(&source->file);
}

bool source_file_line(const struct source_file *source, int64_t number, struct str *line)
{
    if (number < 1 || (uint64_t)number > source->lines.n)
        return false;
    *line = source->lines.items[number - 1];
    return true;
}
