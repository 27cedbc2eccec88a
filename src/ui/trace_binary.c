#include "ui/trace_binary.h"

#include "sym/object.h"

#include <stdlib.h>

struct binary {
    struct object object;
    struct diag diag;
};

/* As Go's addr2line: the function that the address is in, and the line, of what is inlined
 * there. */
static bool look_up(void *arg, uint64_t address, const char **func, const char **file,
                    uint64_t *line)
{
    struct binary *binary = arg;
    struct lookup lookup = {.address = address};
    if (!object_lookup(&binary->object, &lookup, 1, false, &binary->diag, NULL) || !lookup.n_frames)
        return false;
    const struct frame *frames = binary->object.table.frames.items + lookup.first_frame;
    *func = frames[lookup.n_frames - 1].name;
    *file = frames[0].file;
    *line = frames[0].line;
    return true;
}

static void binary_free(void *arg)
{
    struct binary *binary = arg;
    object_release(&binary->object);
    diag_release(&binary->diag);
    free(binary);
}

bool trace_binary_open(const char *path, struct trace_names *names, struct err *err)
{
    struct binary *binary = calloc(1, sizeof *binary);
    if (!binary)
        return err_nomem(err);
    diag_init(&binary->diag);
    if (!object_open(&binary->object, path, err)) {
        diag_release(&binary->diag);
        free(binary);
        return err_wrap(err, "cannot name addresses by the traced program");
    }
    *names = (struct trace_names){binary, look_up, binary_free};
    return true;
}
