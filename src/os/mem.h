/* mem: the memory of a program that runs, or of a core file, behind one interface.
 *
 * In: a process, or a core file.  Out: bytes at addresses, and what is mapped where.
 * A process is read while it runs on: two reads are of two moments.  What is read stays that
 * of the program that ran when it was opened: after an exec, or the process's end, reads fail.
 * Units: addresses are the program's, lengths bytes.
 * Threads: reads may run at once.  Signals: no. */
#ifndef SONDE_OS_MEM_H
#define SONDE_OS_MEM_H

#include "base/err.h"
#include "os/proc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mem;

struct mem_map {
    uint64_t start, limit, offset;
    bool can_read, can_write, can_exec;
    uint64_t inode;   /* 0: of no file */
    const char *path; /* as the program named it, without " (deleted)"; "" or "[heap]" ... */
};

/* The process's memory; `proc` is borrowed and has to outlive it.  With `write`, mem_write
 * works.  NULL and *err: ERR_PERM with what would do, ERR_INPUT: it has ended, ERR_NOMEM. */
struct mem *mem_of_process(const struct proc *proc, bool write, struct err *err);
void mem_free(struct mem *mem); /* NULL is fine */

/* What is mapped, by address; borrowed, as of when it was opened (or refreshed). */
const struct mem_map *mem_maps(const struct mem *mem, size_t *n);
bool mem_refresh(struct mem *mem, struct err *err);
const struct mem_map *mem_map_at(const struct mem *mem, uint64_t address); /* NULL: none */

/* The process; NULL for a core file. */
const struct proc *mem_process(const struct mem *mem);
/* "pid 1234 (name)" or "core file 'x'", for messages. */
const char *mem_name(const struct mem *mem);
/* A path that opens the program's executable, also where it was deleted or lies in another
 * mount namespace; "" when that is not known. */
const char *mem_executable(const struct mem *mem);
/* The same for the file of a map: false when it cannot be opened as the file that is mapped. */
bool mem_map_path(const struct mem *mem, const struct mem_map *map, char *path, size_t size);

/* The program is no more: it has ended, or the process runs another one.  Some system calls. */
bool mem_is_gone(const struct mem *mem);

/* All n bytes, or false with *err: ERR_INPUT: "cannot read N bytes at 0x... of pid 1234". */
bool mem_read(const struct mem *mem, uint64_t address, void *into, size_t n, struct err *err);

/* Many pieces at a time.  In the order of their addresses they are read with few system calls,
 * what lies close together in one. */
struct mem_piece {
    uint64_t address;
    void *into;
    uint32_t n;
    bool ok; /* out: all of it was read */
};
/* False when nothing more can be read (the program has ended): ok is then set as far as it
 * came. */
bool mem_read_pieces(const struct mem *mem, struct mem_piece *pieces, size_t n);

/* Write n bytes, after a look at whether it is still the same process.  False and *err. */
bool mem_write(struct mem *mem, uint64_t address, const void *from, size_t n, struct err *err);
/* A descriptor whose offsets are addresses, for a process that outlives us; borrowed.  -1: it
 * was not opened for writing. */
int mem_write_fd(const struct mem *mem);

#endif
