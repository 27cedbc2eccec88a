#include "sym/debug_file.h"

#include "base/reader.h"
#include "sym/debuginfod.h"

#include <dirent.h>
#include <elfutils/libdwelf.h>
#include <libdeflate.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEBUG_ROOT "/usr/lib/debug"

/* --- paths --- */

/* "a/b", without a doubled slash; NULL when memory runs out. */
static char *join(const char *a, const char *b)
{
    char *path = NULL;
    size_t n = strlen(a);
    while (n > 1 && a[n - 1] == '/')
        n--;
    while (*b == '/')
        b++;
    if (asprintf(&path, "%.*s%s%s", (int)n, a, n == 1 && a[0] == '/' ? "" : "/", b) < 0)
        return NULL;
    return path;
}

static const char *base_name(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

/* --- PPROF_BINARY_PATH --- */

struct locate {
    const char *file, *build_id;
    struct diag *diag;
    char *found;
    bool nomem;
};

/* Is this the file?  Takes over `path`; true ends the search. */
static bool try_file(struct locate *locate, char *path)
{
    if (!path) {
        locate->nomem = true;
        return true;
    }
    struct elf *elf = elf_open(path, NULL);
    bool fits = elf && (!*locate->build_id || strcmp(elf_build_id(elf), locate->build_id) == 0);
    if (elf && !fits)
        diag_add(locate->diag, "Ignoring local file %s: build-id mismatch (%s != %s)", path,
                 locate->build_id, elf_build_id(elf));
    elf_free(elf);
    if (fits)
        locate->found = path;
    else
        free(path);
    return fits;
}

static bool try_format(struct locate *locate, const char *folder, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool try_format(struct locate *locate, const char *folder, const char *format, ...)
{
    char *rest = NULL;
    va_list ap;
    va_start(ap, format);
    if (vasprintf(&rest, format, ap) < 0)
        rest = NULL;
    va_end(ap);
    bool done = try_file(locate, rest ? join(folder, rest) : NULL);
    free(rest);
    return done;
}

static int is_visible(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Every file of the folder FOLDER/BUILD-ID. */
static bool try_build_id_folder(struct locate *locate, const char *folder)
{
    struct dirent **entries;
    char *path = join(folder, locate->build_id);
    int n = path ? scandir(path, &entries, is_visible, alphasort) : -1;
    bool done = false;
    for (int i = 0; i < n; i++) {
        done = done || try_file(locate, join(path, entries[i]->d_name));
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    free(path);
    return done;
}

/* pprof's order: a store by build ID, perf's, LLVM's; then by name as GDB does. */
static bool try_folder(struct locate *locate, const char *folder)
{
    const char *file = locate->file + strspn(locate->file, "/");
    const char *id = locate->build_id, *base = base_name(file);
    int n_dir = (int)(base - file);
    if (*id &&
        (try_format(locate, folder, "%s/%s", id, base) || try_build_id_folder(locate, folder) ||
         try_format(locate, folder, "%s/%s", file, id) ||
         (strlen(id) >= 2 && try_format(locate, folder, "%.2s/%s.debug", id, id + 2))))
        return true;
    return *file &&
           (try_format(locate, folder, "%s", base) || try_format(locate, folder, "%s", file) ||
            try_format(locate, folder, "%s.debug", file) ||
            try_format(locate, folder, "%.*s.debug/%s.debug", n_dir, file, base) ||
            try_format(locate, folder, "usr/lib/debug/%.*s%s.debug", n_dir, file, base));
}

char *debug_file_locate(const char *file, const char *build_id, struct diag *diag, struct err *err)
{
    struct locate locate = {file, build_id, diag, NULL, false};
    const char *path = getenv("PPROF_BINARY_PATH"), *home = getenv("HOME");
    char *list = path && *path ? strdup(path) : join(home ? home : "", "pprof/binaries");
    char *rest = list, *folder;
    if (err)
        err->code = ERR_NONE;
    locate.nomem = !list;
    while (!locate.nomem && !locate.found && (folder = strsep(&rest, ":")))
        try_folder(&locate, folder);
    free(list);
    if (locate.nomem)
        err_nomem(err);
    return locate.found;
}

/* --- split-off debug information --- */

static bool same_build_id(const struct elf *a, const struct elf *b)
{
    return *elf_build_id(a) == '\0' || strcmp(elf_build_id(a), elf_build_id(b)) == 0;
}

static struct elf *open_if_same(char *path, const struct elf *elf)
{
    struct elf *debug = path ? elf_open(path, NULL) : NULL;
    free(path);
    if (debug && !same_build_id(elf, debug)) {
        elf_free(debug);
        debug = NULL;
    }
    return debug;
}

static struct elf *open_by_build_id(const struct elf *elf)
{
    const char *id = elf_build_id(elf);
    char *path = NULL;
    if (strlen(id) <= 2 || asprintf(&path, DEBUG_ROOT "/.build-id/%.2s/%s.debug", id, id + 2) < 0)
        return NULL;
    return open_if_same(path, elf);
}

static bool has_checksum(const char *path, GElf_Word wanted)
{
    AUTO_FILE file = {0};
    return file_map(&file, path, NULL) &&
           libdeflate_crc32(0, file.data, file.len) == (uint32_t)wanted;
}

static struct elf *open_by_debuglink(const struct elf *elf)
{
    GElf_Word checksum;
    const char *link = dwelf_elf_gnu_debuglink(elf_handle(elf), &checksum);
    const char *file = elf_path(elf);
    int n_dir = (int)(base_name(file) - file);
    static const char *const roots[] = {"", "", DEBUG_ROOT "/"};
    static const char *const folders[] = {"", ".debug/", ""};
    /* a link names a file, not a place */
    if (!link || !*link || strchr(link, '/'))
        return NULL;
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s%.*s%s%s", roots[i], n_dir, file, folders[i], link) < 0)
            return NULL;
        /* an object may name itself */
        if (strcmp(path, file) != 0 && has_checksum(path, checksum))
            return open_if_same(path, elf);
        free(path);
    }
    return NULL;
}

struct elf *debug_file_open(const struct elf *elf, bool ask_debuginfod, struct diag *diag)
{
    struct elf *debug = open_by_build_id(elf);
    if (!debug)
        debug = open_by_debuglink(elf);
    if (!debug && ask_debuginfod)
        debug = open_if_same(debuginfod_debug_info(elf_build_id(elf), diag), elf);
    return debug;
}

char *debug_file_fetch_object(const char *build_id, struct diag *diag)
{
    return debuginfod_executable(build_id, diag);
}
