/* sym_data: the small objects that the fuzz corpora begin with, as test data. */
#ifndef SONDE_TESTS_SYM_DATA_H
#define SONDE_TESTS_SYM_DATA_H

#include <stdio.h>
#include <stdlib.h>

#define SYM_DATA_PATH 4096

static inline const char *sym_data(char path[SYM_DATA_PATH], const char *name)
{
    const char *root = getenv("SONDE_SOURCE_ROOT");
    snprintf(path, SYM_DATA_PATH, "%s/tests/fuzz/corpus/%s", root ? root : ".", name);
    return path;
}

#endif
