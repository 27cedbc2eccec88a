/* fake_go: a Go program that is not there: its memory is a file without a name, which is read
 * and written like that of a process (this one). */
#ifndef SONDE_TESTS_FAKE_GO_H
#define SONDE_TESTS_FAKE_GO_H

#include "go/go_program.h"
#include "os/mem_ops.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FAKE_BASE 0x10000u /* the data: mapped, readable, writable */
#define FAKE_BYTES 0x100000u

struct fake_go {
    struct proc proc;
    struct mem *mem;
    struct mem_map maps[2];
    struct go_program program;
    unsigned n_reads;
    void (*on_read)(struct fake_go *fake, uint64_t address); /* before it is read */
};

static size_t fake_read(const struct mem *mem, uint64_t address, void *into, size_t n)
{
    struct fake_go *fake = mem->data;
    fake->n_reads++;
    if (fake->on_read)
        fake->on_read(fake, address);
    if (address < FAKE_BASE || address >= FAKE_BASE + FAKE_BYTES)
        return 0;
    ssize_t got = pread(mem->fd, into, n, (off_t)address);
    return got > 0 ? (size_t)got : 0;
}

static void fake_release(struct mem *mem)
{
    (void)mem;
}

static const struct mem_ops fake_ops = {fake_read, fake_release};

static void fake_put(struct fake_go *fake, uint64_t address, uint64_t value, size_t n_bytes)
{
    assert_int_equal(pwrite(fake->mem->fd, &value, n_bytes, (off_t)address), n_bytes);
}

__attribute__((unused)) static uint64_t fake_get(struct fake_go *fake, uint64_t address, size_t n_bytes)
{
    uint64_t value = 0;
    assert_int_equal(pread(fake->mem->fd, &value, n_bytes, (off_t)address), n_bytes);
    return value;
}

/* Variable `global` of the runtime is at FAKE_BASE + 64 * global. */
static uint64_t fake_variable(enum go_global global)
{
    return FAKE_BASE + 64 * (uint64_t)global;
}

static void fake_start(struct fake_go *fake)
{
    struct err err;
    memset(fake, 0, sizeof *fake);
    assert_true(proc_open(&fake->proc, getpid(), &err));
    fake->mem = calloc(1, sizeof *fake->mem);
    assert_non_null(fake->mem);
    fake->maps[0] = (struct mem_map){.start = FAKE_BASE,
                                     .limit = FAKE_BASE + FAKE_BYTES / 2,
                                     .can_read = true,
                                     .can_write = true,
                                     .path = ""};
    fake->maps[1] = (struct mem_map){.start = FAKE_BASE + FAKE_BYTES / 2,
                                     .limit = FAKE_BASE + FAKE_BYTES,
                                     .can_read = true,
                                     .path = ""};
    *fake->mem = (struct mem){.ops = &fake_ops,
                              .maps = fake->maps,
                              .n_maps = 2,
                              .name = "process 7 (fake)",
                              .executable = "",
                              .proc = &fake->proc,
                              .fd = memfd_create("fake", MFD_CLOEXEC),
                              .can_write = true,
                              .data = fake};
    arena_init(&fake->mem->arena);
    assert_true(fake->mem->fd >= 0);
    assert_int_equal(ftruncate(fake->mem->fd, FAKE_BASE + FAKE_BYTES), 0);
    struct go_program *program = &fake->program;
    *program = (struct go_program){.mem = fake->mem, .version = "go1.24.4", .minor = 24};
    memset(program->layout.at, 0xff, sizeof program->layout.at);
    for (int i = 0; i < GO_N_GLOBALS; i++) {
        program->globals[i] = fake_variable((enum go_global)i);
        program->sure[i] = true;
    }
}

static void fake_end(struct fake_go *fake)
{
    mem_free(fake->mem);
    proc_release(&fake->proc);
}

#endif
