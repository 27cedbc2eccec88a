#include "ui/command.h"

#include "ui/pprof.h"
#include "ui/record.h"
#include "ui/registry.h"
#include "ui/trace.h"

#include <string.h>

const struct command_ops *const command_registry[] = {
    &command_record,
    &command_pprof,
    &command_trace,
    &command_registry_rows,
    NULL,
};

const struct command_ops *command_find(const char *name)
{
    for (size_t i = 0; command_registry[i]; i++)
        if (!strcmp(command_registry[i]->name, name))
            return command_registry[i];
    return NULL;
}
