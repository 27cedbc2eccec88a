#include "go/go_layout.h"

/* One line a version, the oldest first. */
#define VERSIONS(X) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27)

#define DECLARE(minor) extern const struct go_version go_version_1_##minor;
#define LIST(minor) &go_version_1_##minor,
VERSIONS(DECLARE)
static const struct go_version *const versions[] = {VERSIONS(LIST)};
#define N_VERSIONS (sizeof versions / sizeof *versions)

const struct go_version *go_version_find(unsigned minor)
{
    for (size_t i = 0; i < N_VERSIONS; i++)
        if (versions[i]->minor == minor)
            return versions[i];
    return NULL;
}

void go_version_range(unsigned *first, unsigned *last)
{
    *first = versions[0]->minor;
    *last = versions[N_VERSIONS - 1]->minor;
}
