#include "ui/shell_line.h"

#include "base/reader.h"
#include "ui/tell.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#define HISTORY_LINES 2000
#define HISTORY_BYTES (256 << 10)       /* a file that is longer is cut to these lines */
#define HISTORY_COOKIE "_HiStOrY_V2_\n" /* what libedit's file begins with */
#define WORD_ENDS " \t\n>"

/* libedit's interface of readline. */
typedef char **completion_fn(const char *text, int start, int end);
static struct {
    char *(*readline)(const char *);
    int (*add_history)(const char *);
    int (*read_history)(const char *);
    int (*write_history)(const char *);
    int (*stifle_history)(int);
    void (*using_history)(void);
    void (*resize)(void);
    void (*redraw)(void);
    completion_fn **completion;
    const char **word_ends;
    int *append_character, *is_completed;
    char **line_buffer;
    int *line_end;
    FILE **in, **out;
    int (**get)(FILE *);
} edit;

static struct {
    shell_complete_fn *complete;
    void *arg;
    bool has_editor;
    char *history; /* its file, or NULL */
    char last[1024];
    struct sigaction old_sigint, old_sigwinch;
    const char *pending; /* keys that are to come next */
    const char *prompt;
    unsigned n_columns;
} shell;

static volatile sig_atomic_t is_interrupted, is_resized;

static void on_sigint(int signo)
{
    is_interrupted = 1;
}

static void on_sigwinch(int signo)
{
    is_resized = 1;
}

/* --- keys --- */

/* After a change of the terminal's size.  libedit then draws the line from where the
 * cursor is: its start, or if it takes several rows, which terminals treat differently,
 * a new row. */
static void follow_size(bool is_typing)
{
    struct winsize size;
    if (!is_resized)
        return;
    is_resized = 0;
    if (is_typing && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0) {
        size_t width = strlen(shell.prompt) + (size_t)*edit.line_end;
        bool is_one_row = width < size.ws_col && width < shell.n_columns;
        fputs(is_one_row ? "\r\033[J" : "\r\n\033[J", stderr);
        shell.n_columns = size.ws_col;
    }
    edit.resize();
    if (is_typing)
        edit.redraw();
}

/* One byte of the terminal; -1 at its end; 0 when Ctrl-C came first. */
static int read_byte(int fd)
{
    unsigned char c;
    for (;;) {
        if (is_interrupted)
            return 0;
        follow_size(true);
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, -1) < 0 && errno == EINTR)
            continue;
        ssize_t n = read(fd, &c, 1);
        if (n == 1)
            return c;
        if (n == 0 || errno != EINTR)
            return -1;
    }
}

/* For libedit: a character.  Ctrl-C clears the line and ends it. */
static int get_key(FILE *in)
{
    if (shell.pending && *shell.pending)
        return (unsigned char)*shell.pending++;
    int c = read_byte(fileno(in));
    if (c == 0 && is_interrupted) {
        is_interrupted = 0;
        fputs("^C", stderr);
        shell.pending = "\013\n"; /* after Ctrl-A: Ctrl-K, return */
        return '\001';
    }
    if (c == 0) /* Ctrl-D typed ahead: the terminal's mark of an end, not yet raw */
        return '\004';
    if (c < 0xc0)
        return c;
    int n = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1, wide = c & (0x3f >> n);
    while (n--) {
        int more = read_byte(fileno(in));
        if (more <= 0)
            return more;
        wide = wide << 6 | (more & 0x3f);
    }
    return wide;
}

/* --- completion --- */

static size_t common_length(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

/* Does what all words begin with, the first n bytes of `word`, contain what was typed?
 * Backslashes before characters that mean themselves may be missing in that. */
static bool holds_typed(const char *word, size_t n, const char *typed)
{
    for (size_t begin = 0; begin < n; begin++) {
        size_t i = begin;
        const char *t = typed;
        while (i < n && *t) {
            if (word[i] == '\\' && *t != '\\') {
                i++;
                continue;
            }
            if (word[i] != *t)
                break;
            i++;
            t++;
        }
        if (!*t)
            return true;
    }
    return false;
}

/* libedit: [0] replaces the word, the others are listed; all malloc'ed. */
static char **complete(const char *text, int start, int end)
{
    AUTO_BUF words = {0};
    AUTO_BUF line = {0};
    *edit.is_completed = 1; /* no file names of libedit's own */
    buf_add(&line, *edit.line_buffer, (size_t)end);
    shell.complete(shell.arg, buf_str(&line), (size_t)start, &words);
    size_t n = 0, common = SIZE_MAX;
    const char *first = words.data, *stop = words.data + words.len;
    for (const char *w = first; w && w < stop; w += strlen(w) + 1, n++) {
        size_t same = common_length(first, w);
        common = same < common ? same : common;
    }
    char **list = n && !words.failed ? calloc(n + 2, sizeof *list) : NULL;
    if (!list)
        return NULL;
    /* Words contain what was typed, but need not begin in the same way. */
    list[0] = n == 1 || holds_typed(first, common, text) ? strndup(first, common) : strdup(text);
    *edit.append_character = n == 1 && first[strlen(first) - 1] == '=' ? 0 : ' ';
    size_t i = 1;
    for (const char *w = first; n > 1 && w < stop; w += strlen(w) + 1)
        list[i++] = strdup(w);
    return list;
}

/* --- the whole --- */

static bool load(void)
{
    void *lib = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!lib)
        return false;
    *(void **)&edit.readline = dlsym(lib, "readline");
    *(void **)&edit.add_history = dlsym(lib, "add_history");
    *(void **)&edit.read_history = dlsym(lib, "read_history");
    *(void **)&edit.write_history = dlsym(lib, "write_history");
    *(void **)&edit.stifle_history = dlsym(lib, "stifle_history");
    *(void **)&edit.using_history = dlsym(lib, "using_history");
    *(void **)&edit.resize = dlsym(lib, "rl_resize_terminal");
    *(void **)&edit.redraw = dlsym(lib, "rl_forced_update_display");
    edit.completion = dlsym(lib, "rl_attempted_completion_function");
    edit.word_ends = dlsym(lib, "rl_basic_word_break_characters");
    edit.append_character = dlsym(lib, "rl_completion_append_character");
    edit.is_completed = dlsym(lib, "rl_attempted_completion_over");
    edit.line_buffer = dlsym(lib, "rl_line_buffer");
    edit.line_end = dlsym(lib, "rl_end");
    edit.in = dlsym(lib, "rl_instream");
    edit.out = dlsym(lib, "rl_outstream");
    edit.get = dlsym(lib, "rl_getc_function");
    return edit.readline && edit.add_history && edit.read_history && edit.write_history &&
           edit.stifle_history && edit.using_history && edit.resize && edit.redraw &&
           edit.completion && edit.word_ends && edit.append_character && edit.is_completed &&
           edit.line_buffer && edit.line_end && edit.in && edit.out && edit.get;
}

/* Names are UTF-8 to libedit too, also where no locale is set. */
static void use_utf8(void)
{
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
}

/* $XDG_STATE_HOME/sonde/pprof_history; its folder is made. */
static char *history_file(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    AUTO_BUF path = {0};
    if (state && *state == '/')
        buf_printf(&path, "%s/sonde", state);
    else if (home && *home == '/')
        buf_printf(&path, "%s/.local/state/sonde", home);
    else
        return NULL;
    if (!path.failed)
        (void)file_make_folders(buf_str(&path), 0700, NULL);
    buf_puts(&path, "/pprof_history");
    return path.failed ? NULL : strdup(buf_str(&path));
}

/* Add a line to the file, as libedit encodes it (strvis with VIS_WHITE); other shells add to
 * it too.  libedit's append_history writes the line before it once more. */
static void save_line(const struct buf *line)
{
    AUTO_BUF out = {0};
    struct stat st;
    AUTO_FD fd = open(shell.history, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &st) != 0)
        return;
    if (st.st_size == 0)
        buf_puts(&out, HISTORY_COOKIE);
    for (size_t i = 0; i < line->len; i++) {
        unsigned char c = (unsigned char)line->data[i];
        if (c == '\\' || c <= ' ' || c == 0x7f)
            buf_printf(&out, "\\%03o", c);
        else
            buf_putc(&out, (char)c);
    }
    buf_putc(&out, '\n');
    if (!out.failed && write(fd, out.data, out.len) < 0)
        return; /* as where there is no history */
}

void shell_line_begin(shell_complete_fn *fn, void *arg)
{
    const char *term = getenv("TERM");
    bool is_terminal =
        isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
    shell.complete = fn;
    shell.arg = arg;
    shell.has_editor = is_terminal && load();
    if (is_terminal && !shell.has_editor)
        tell("no editing of lines: libedit.so.2 is not installed (Debian: apt install libedit2)");
    struct sigaction act = {.sa_handler = on_sigint}; /* read is to return */
    sigaction(SIGINT, &act, &shell.old_sigint);
    if (!shell.has_editor)
        return;
    use_utf8();
    *edit.in = stdin;
    *edit.out = stderr;
    *edit.get = get_key;
    *edit.completion = complete;
    *edit.word_ends = WORD_ENDS;
    edit.using_history();
    edit.stifle_history(HISTORY_LINES);
    act.sa_handler = on_sigwinch;
    sigaction(SIGWINCH, &act, &shell.old_sigwinch);
    shell.history = history_file();
    if (!shell.history)
        return;
    (void)edit.read_history(shell.history);
    struct stat st;
    if (stat(shell.history, &st) == 0 && st.st_size > HISTORY_BYTES)
        (void)edit.write_history(shell.history);
}

static bool read_plain(const char *prompt, struct buf *line)
{
    bool any = false;
    if (isatty(STDIN_FILENO)) {
        fputs(prompt, stderr);
        fflush(stderr);
    }
    for (;;) {
        char c;
        ssize_t n = read(STDIN_FILENO, &c, 1);
        if (n < 0 && errno == EINTR) {
            if (is_interrupted) {
                is_interrupted = 0;
                fputs("\n", stderr);
                buf_clear(line);
                return true;
            }
            continue;
        }
        if (n <= 0)
            return any;
        any = true;
        if (c == '\n')
            return true;
        buf_putc(line, c);
    }
}

bool shell_line_read(const char *prompt, struct buf *line)
{
    buf_clear(line);
    is_interrupted = 0;
    if (!shell.has_editor)
        return read_plain(prompt, line);
    struct winsize size = {0};
    follow_size(false);
    (void)ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    shell.n_columns = size.ws_col;
    shell.prompt = prompt;
    char *text = edit.readline(prompt);
    if (!text) {
        fputs("\n", stderr); /* Ctrl-D: what comes next begins a line */
        return false;
    }
    buf_puts(line, text);
    free(text);
    if (line->len && strcmp(buf_str(line), shell.last) != 0) {
        edit.add_history(buf_str(line));
        if (shell.history)
            save_line(line);
    }
    snprintf(shell.last, sizeof shell.last, "%s", buf_str(line));
    return true;
}

bool shell_line_interrupted(void)
{
    bool was = is_interrupted;
    is_interrupted = 0;
    return was;
}

void shell_line_end(void)
{
    free(shell.history);
    shell.history = NULL;
    sigaction(SIGINT, &shell.old_sigint, NULL);
    if (shell.has_editor)
        sigaction(SIGWINCH, &shell.old_sigwinch, NULL);
}
