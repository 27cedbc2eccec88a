/* custom: the program's own profiles: stacks that it adds and removes, each by a value.
 * They are never freed.
 * Threads: any.  Signals: no.  In a child by fork they are as they were. */
#ifndef SONDE_AGENT_CUSTOM_H
#define SONDE_AGENT_CUSTOM_H

#include "agent/profiles.h"
#include "unwind/walk.h"

#define CUSTOM_NAME_MAX 255

/* NULL and errno: EINVAL, EEXIST, ENOMEM. */
const struct sonde_profile *custom_new(const char *name);
const struct sonde_profile *custom_find(const char *name); /* NULL: there is none */
/* The first whose name comes after this one, or NULL. */
const struct sonde_profile *custom_after(const char *name);

/* Adds the stack from these registers on, without its first `skip` frames.  False and
 * errno: EEXIST (the value is there), ENOMEM; EPERM: not one of ours. */
bool custom_add(const struct sonde_profile *profile, const void *value,
                const struct walk_regs *regs, uint32_t skip);
/* Nothing happens when it is not there.  False and EPERM. */
bool custom_remove(const struct sonde_profile *profile, const void *value);

#endif
