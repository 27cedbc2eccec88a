#include "ui/tell.h"

#include <unistd.h>

void tell_visibly(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_putc(out, *p);
    }
}

static void write_line(const char *text)
{
    AUTO_BUF line = {0};
    buf_puts(&line, "sonde: ");
    tell_visibly(&line, text);
    buf_putc(&line, '\n');
    if (!line.failed) {
        /* Nothing is left to do when stderr cannot be written. */
        ssize_t n = write(STDERR_FILENO, line.data, line.len);
        (void)n;
    }
}

void tell(const char *fmt, ...)
{
    AUTO_BUF text = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    write_line(text.failed ? "out of memory" : buf_str(&text));
}

int tell_err(const struct err *err)
{
    write_line(err->msg);
    return err_exit_status(err);
}

void tell_diag(const struct diag *diag)
{
    for (size_t i = 0; i < diag->n; i++)
        write_line(diag->texts[i]);
    if (diag->n_suppressed)
        tell("%zu further notes left out", diag->n_suppressed);
}
