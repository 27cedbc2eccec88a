/* trace_samples: the traces of SONDE_TESTDATA, as they are and damaged; and numbers by chance, the
 * same in each run. */
#ifndef SONDE_TESTS_TRACE_SAMPLES_H
#define SONDE_TESTS_TRACE_SAMPLES_H

#include "base/buf.h"
#include "base/reader.h"
#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From 0 up to it. */
static inline int64_t up_to(int64_t n)
{
    static _Thread_local uint64_t seed = 88172645463325252u;
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return n > 0 ? (int64_t)(seed % (uint64_t)n) : 0;
}

/* The path of a sample; skips the test if there are none. */
static inline void sample_path(char path[1024], const char *name)
{
    const char *folder = getenv("SONDE_TESTDATA");
    snprintf(path, 1024, "%s/trace/%s", folder ? folder : "", name);
    if (access(path, R_OK) != 0)
        skip();
}

/* Under TSan, some. */
static inline void each_sample(void (*check)(const char *path))
{
    char path[1024];
    unsigned n = 0, tried = 0;
    sample_path(path, "");
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || !strchr(entry->d_name, '_'))
            continue;
        if (BY_CHANCE(++n) == tried)
            continue;
        tried = BY_CHANCE(n);
        sample_path(path, entry->d_name);
        check(path);
    }
    closedir(dir);
}

/* Some samples, cut off and with bits turned over: so many times each. */
static inline void each_damaged_sample(int n, void (*check)(const char *path, int i))
{
    static const char *const names[] = {"mixed_1_26.trace", "mixed_1_22.trace", "http_1_21_good"};
    char path[1024], made[] = "/tmp/damaged_sample.XXXXXX";
    sample_path(path, names[0]);
    int fd = mkstemp(made);
    assert_true(fd >= 0);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        struct file file;
        sample_path(path, names[k]);
        assert_true(file_read(&file, path, NULL));
        for (int i = 0; i < BY_CHANCE(n); i++) {
            AUTO_BUF bytes = {0};
            buf_add(&bytes, file.data, file.len);
            if (i % 2)
                bytes.len = (size_t)up_to((int64_t)file.len);
            for (int bits = i / 2 % 4; bits > 0 && bytes.len > 32; bits--)
                bytes.data[16 + up_to((int64_t)bytes.len - 16)] ^= (char)(1 << up_to(8));
            assert_int_equal(pwrite(fd, bytes.data, bytes.len, 0), bytes.len);
            assert_int_equal(ftruncate(fd, (off_t)bytes.len), 0);
            check(made, i);
        }
        file_release(&file);
    }
    close(fd);
    unlink(made);
}

#endif
