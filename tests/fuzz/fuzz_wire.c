/* A file of libsonde's, read into a gather and made a profile of each kind. */
#include "collect/wire_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_kind(const struct collect_ops *kind, const char *path)
{
    struct err err = {0};
    struct diag diag;
    struct wire_header header;
    struct gather *gather = gather_new(kind, &err);
    struct wire_reader reader = {.kind = kind, .gather = gather, .main_pid = 1};
    if (!gather)
        abort();
    diag_init(&diag);
    for (int i = 0; i < 2; i++) /* again, as another image of the process */
        wire_read(&reader, path, &header, &diag, &err);
    profile_free(gather_seal(gather, &(struct gather_header){.period = 1}, &diag, &err));
    wire_reader_release(&reader);
    gather_free(gather);
    diag_release(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/fuzz-wire-XXXXXX"; /* links are not followed: no memfd */
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    for (size_t i = 0; collect_registry[i]; i++)
        read_kind(collect_registry[i], path);
    close(fd);
    unlink(path);
    return 0;
}
