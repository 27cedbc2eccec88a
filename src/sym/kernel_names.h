/* kernel_names: functions of the running kernel, from /proc/kallsyms.
 * Threads: reading is fine from many.  Signals: no. */
#ifndef SONDE_SYM_KERNEL_NAMES_H
#define SONDE_SYM_KERNEL_NAMES_H

#include "base/str.h"

#include <stdint.h>

#define KERNEL_BUILD_ID_MAX 64

struct kernel_names;

/* NULL when memory runs out, or when this user may not see kernel addresses
 * (kernel.kptr_restrict).  Some 100 ms. */
/* Whether the kernel shows its addresses to us.  A small read. */
bool kernel_names_shown(void);
struct kernel_names *kernel_names_open(void);
void kernel_names_close(struct kernel_names *names); /* NULL is fine */

/* The function at `address`, "" if unknown.  Borrowed from `names`.  O(log n). */
struct str kernel_names_find(const struct kernel_names *names, uint64_t address);

/* The address of a function, 0 if unknown.  O(n). */
uint64_t kernel_names_address(const struct kernel_names *names, struct str name);

/* The build ID of the running kernel in hex, "" if it does not tell. */
void kernel_build_id(char id[KERNEL_BUILD_ID_MAX]);

#endif
