/* fuzz_file: an input as a file with a path, for readers that open one.
 * Aborts when the system will not give it. */
#ifndef SONDE_TESTS_FUZZ_FILE_H
#define SONDE_TESTS_FUZZ_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fuzz_file {
    int fd;
    char path[64];
};

static inline void fuzz_file_init(struct fuzz_file *file, const uint8_t *data, size_t size)
{
    file->fd = memfd_create("input", MFD_CLOEXEC);
    if (file->fd < 0 || write(file->fd, data, size) != (ssize_t)size)
        abort();
    snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->fd);
}

static inline void fuzz_file_release(struct fuzz_file *file)
{
    close(file->fd);
}

/* A text that the reader answered has to be one. */
static inline void fuzz_read(const char *text)
{
    volatile size_t n = strlen(text);
    (void)n;
}

#endif
