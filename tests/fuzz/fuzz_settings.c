/* A settings file that is taken is written as one that reads back as the same. */
#include "ui/settings.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings one, two;
    AUTO_BUF first = {0}, second = {0};
    if (!settings_decode(&one, data, size, NULL))
        return 0;
    settings_encode(&one, &first);
    if (!settings_decode(&two, first.data, first.len, NULL))
        abort();
    settings_encode(&two, &second);
    if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
        abort();
    settings_release(&one);
    settings_release(&two);
    return 0;
}
