#include "base/reader.h"

#include "base/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

uint64_t file_most_bytes(void)
{
    const uint64_t most = (uint64_t)16 << 30;
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t half = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes / 2 : most;
    return half < most ? half : most;
}

/* `hint`: its size, 0 for a stream, which may be without an end. */
static bool read_all(int fd, struct file *file, size_t hint, const char *path, struct err *err)
{
    const uint64_t most = hint ? SIZE_MAX : file_most_bytes();
    size_t cap = hint + 4096, len = 0;
    uint8_t *data = malloc(cap);
    pages_prepare(data, hint);
    for (;;) {
        if (data && len == cap) {
            uint8_t *grown = cap > SIZE_MAX / 2 ? NULL : realloc(data, cap * 2);
            if (!grown) {
                free(data);
                data = NULL;
            } else {
                data = grown;
                cap *= 2;
            }
        }
        if (!data) {
            err_nomem(err);
            return err_wrap(err, "cannot read '%s'", path);
        }
        ssize_t n = read(fd, data + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int e = errno;
            free(data);
            return err_sys(err, e, "cannot read '%s'", path);
        }
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > most) {
            free(data);
            return err_set(err, ERR_INPUT, "cannot read '%s': it is larger than %" PRIu64 " MB",
                           path, most >> 20);
        }
    }
    *file = (struct file){data, len, false};
    return true;
}

static bool open_file(struct file *file, const char *path, bool may_map, struct err *err)
{
    *file = (struct file){0};
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return err_sys(err, errno, "cannot read '%s'", path);
    if (S_ISDIR(st.st_mode))
        return err_sys(err, EISDIR, "cannot read '%s'", path);
    if ((S_ISCHR(st.st_mode) && !isatty(fd)) || S_ISBLK(st.st_mode))
        return err_set(err, ERR_IO, "cannot read '%s': it is a device", path);
    size_t size = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 0;
    if (may_map && size) {
        void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p != MAP_FAILED) {
            *file = (struct file){p, size, true};
            return true;
        }
    }
    return read_all(fd, file, size, path, err);
}

bool file_map(struct file *file, const char *path, struct err *err)
{
    return open_file(file, path, true, err);
}

bool file_read(struct file *file, const char *path, struct err *err)
{
    return open_file(file, path, false, err);
}

void file_release(struct file *file)
{
    if (file->mapped)
        munmap((void *)(uintptr_t)file->data, file->len);
    else
        free((void *)(uintptr_t)file->data);
    *file = (struct file){0};
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            return EIO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* The whole of file_write_atomic for a path that no link hides; an errno or 0. */
static int replace_file(const char *path, const struct stat *old, const void *data, size_t len)
{
    if (old && access(path, W_OK) != 0)
        return errno;
    char *tmp = NULL;
    if (asprintf(&tmp, "%s.XXXXXX", path) < 0)
        return ENOMEM;
    int fd = mkostemp(tmp, O_CLOEXEC), e = fd < 0 ? errno : 0;
    if (fd >= 0) {
        mode_t mask = umask(0);
        umask(mask);
        e = write_all(fd, data, len);
        if (!e && fchmod(fd, old ? old->st_mode & 07777 : 0666 & ~mask) != 0)
            e = errno;
        if (close(fd) != 0 && !e)
            e = errno;
        if (!e && rename(tmp, path) != 0)
            e = errno;
        if (e)
            unlink(tmp);
    }
    free(tmp);
    return e;
}

bool file_write_atomic(const char *path, const void *data, size_t len, struct err *err)
{
    struct stat st;
    bool exists = stat(path, &st) == 0;
    int e;
    if (exists && !S_ISREG(st.st_mode)) {
        AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
        e = fd < 0 ? errno : write_all(fd, data, len);
    } else {
        char *target = exists ? realpath(path, NULL) : NULL;
        e = replace_file(target ? target : path, exists ? &st : NULL, data, len);
        free(target);
    }
    return e ? err_sys(err, e, "cannot write '%s'", path) : true;
}

bool file_make_folders(const char *path, unsigned mode, struct err *err)
{
    struct stat st;
    char *part = strdup(path);
    if (!part)
        return err_nomem(err);
    for (char *p = part + 1; *part && *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        (void)mkdir(part, mode); /* the last one tells */
        *p = '/';
    }
    int e = mkdir(part, mode) == 0 ? 0 : errno;
    if (e == EEXIST)
        e = stat(part, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    free(part);
    return e ? err_sys(err, e, "cannot make the folder '%s'", path) : true;
}
