#include "ui/screen.h"

#include "ui/output.h"
#include "ui/paint.h"

#include <unistd.h>

#define STEP_BYTES 8192u /* of which the last is still shown after Ctrl-C */

void screen_init(struct screen *screen, bool is_painted)
{
    *screen = (struct screen){.is_painted = is_painted && paint_is_wanted(STDOUT_FILENO)};
    pthread_mutex_init(&screen->lock, NULL);
}

void screen_release(struct screen *screen)
{
    pager_close(&screen->pager);
    buf_release(&screen->line);
    pthread_mutex_destroy(&screen->lock);
}

/* To the pager, which may take its time, or to stdout, in steps between which it can be
 * stopped.  With the lock held, but while the pager reads. */
static bool put(struct screen *s, const char *data, size_t n)
{
    if (s->pager.pid && !s->is_stopped) {
        pthread_mutex_unlock(&s->lock);
        bool is_read = pager_write(&s->pager, data, n);
        pthread_mutex_lock(&s->lock);
        s->is_left = s->is_stopped = !is_read;
        return is_read;
    }
    while (n && !s->is_stopped && !atomic_load(&s->is_asked)) {
        const struct buf step = {.data = (char *)data, .len = n < STEP_BYTES ? n : STEP_BYTES};
        if (!output_stdout(&step, &s->err))
            return false;
        data += step.len;
        n -= step.len;
    }
    return n == 0;
}

/* Whole lines are painted and put, the rest waits for its end. */
static bool put_painted(struct screen *s, const struct buf *part)
{
    AUTO_BUF painted = {0};
    const char *newline = memrchr(part->data, '\n', part->len);
    size_t whole = newline ? (size_t)(newline - part->data) + 1 : 0;
    if (whole) {
        buf_add(&s->line, part->data, whole);
        paint(&s->line, &painted);
        buf_clear(&s->line);
    }
    buf_add(&s->line, part->data + whole, part->len - whole);
    if (painted.failed || s->line.failed)
        return err_nomem(&s->err);
    return put(s, painted.data, painted.len);
}

bool screen_write(struct screen *s, const struct buf *part)
{
    pthread_mutex_lock(&s->lock);
    bool ok = !s->is_stopped;
    if (ok && !s->is_begun) {
        s->is_begun = true;
        ok = !pager_rows() || pager_open(&s->pager, &s->err);
    }
    ok = ok && (s->is_painted ? put_painted(s, part) : put(s, part->data, part->len));
    pthread_mutex_unlock(&s->lock);
    return ok;
}

bool screen_stop(struct screen *s)
{
    atomic_store(&s->is_asked, true); /* or a quick writer would not let the lock go */
    pthread_mutex_lock(&s->lock);
    bool ok = !s->pager.pid;
    s->is_stopped |= ok;
    atomic_store(&s->is_asked, false);
    pthread_mutex_unlock(&s->lock);
    return ok;
}

static size_t count_lines(const struct buf *text)
{
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++)
        n += text->data[i] == '\n';
    return n;
}

/* What is left, with the lock held. */
static bool put_rest(struct screen *s, const struct buf *rest)
{
    AUTO_BUF painted = {0};
    if (!s->is_begun) {
        size_t n_rows = pager_rows();
        if (n_rows && count_lines(rest) >= n_rows && !pager_open(&s->pager, &s->err))
            return false;
    }
    buf_add(&s->line, rest->data, rest->len);
    if (s->is_painted)
        paint(&s->line, &painted);
    const struct buf *last = s->is_painted ? &painted : &s->line;
    if (last->failed)
        return err_nomem(&s->err);
    return put(s, last->data, last->len) || s->is_left;
}

bool screen_end(struct screen *s, const struct buf *rest, struct err *err)
{
    pthread_mutex_lock(&s->lock);
    bool ok = s->is_left;
    if (!ok && !s->err.code)
        ok = rest->failed ? err_nomem(&s->err) : put_rest(s, rest);
    pthread_mutex_unlock(&s->lock);
    pager_close(&s->pager);
    if (!ok && err)
        *err = s->err;
    return ok;
}
