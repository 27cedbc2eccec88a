/* A name of a symbol table, made readable as libsonde's server does. */
#include "agent/cxx_name.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void *scratch;
    if (!scratch && !(scratch = malloc(cxx_name_scratch_bytes())))
        abort();
    size_t room = size ? data[0] * 64u + 1 : 1;
    char *name = malloc(size + 3), *out = malloc(room), *again = malloc(room);
    if (!name || !out || !again)
        abort();
    /* "_Z" and what follows the size, to its first NUL */
    memcpy(name, "_Z", 2);
    memcpy(name + 2, data + (size > 0), size - (size > 0));
    name[2 + size - (size > 0)] = '\0';
    bool ok = cxx_name(scratch, name, out, room);
    if (ok && strlen(out) >= room)
        abort();
    /* nothing is left of it in the scratch */
    if (cxx_name(scratch, name, again, room) != ok || (ok && strcmp(out, again) != 0))
        abort();
    free(name);
    free(out);
    free(again);
    return 0;
}
