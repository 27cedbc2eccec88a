/* attach_dump PID: what is found in a Go program that runs, a line each. */
#include "go/go_dwarf.h"
#include "go/go_program.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const global_names[] = {
#define GO_GLOBAL(name, symbol) #name,
#include "go/go_globals.h"
};
static const char *const field_names[] = {
#define GO_FIELD(name, type, field) #name,
#include "go/go_fields.h"
};

static void print(const struct go_program *p)
{
    printf("version %s %u\n", p->version, p->minor);
    printf("bias %#llx module %#llx text %#llx-%#llx symbols %d\n", (unsigned long long)p->bias,
           (unsigned long long)p->module, (unsigned long long)p->text, (unsigned long long)p->etext,
           p->has_symbols);
    for (size_t i = 0; i < GO_N_GLOBALS; i++)
        printf("global %s %#llx %s\n", global_names[i],
               (unsigned long long)(p->globals[i] ? p->globals[i] - p->bias : 0),
               p->sure[i] ? "sure" : "-");
    for (size_t i = 0; i < GO_N_FIELDS; i++)
        printf("field %s %d\n", field_names[i],
               p->layout.at[i] == GO_NO_FIELD ? -1 : p->layout.at[i]);
    struct go_layout dwarf;
    if (go_dwarf_read(p->elf, &dwarf, NULL))
        for (size_t i = 0; i < GO_N_FIELDS; i++)
            printf("dwarf %s %d\n", field_names[i], dwarf.at[i] == GO_NO_FIELD ? -1 : dwarf.at[i]);
}

int main(int argc, char **argv)
{
    struct proc proc;
    struct err err;
    if (argc != 2)
        return 2;
    if (!proc_open(&proc, (pid_t)atoi(argv[1]), &err)) {
        fprintf(stderr, "attach_dump: %s\n", err.msg);
        return 1;
    }
    struct mem *mem = mem_of_process(&proc, false, &err);
    struct go_program *program = mem ? go_program_open(mem, &err) : NULL;
    if (program)
        print(program);
    else
        fprintf(stderr, "attach_dump: %s\n", err.msg);
    go_program_free(program);
    mem_free(mem);
    proc_release(&proc);
    return program ? 0 : 1;
}
