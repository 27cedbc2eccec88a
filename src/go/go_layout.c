#include "go/go_layout.h"

#include <stdbool.h>

/* One line a version, the oldest first. */
#define VERSIONS(X) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27)

#define DECLARE(minor) extern const struct go_version go_version_1_##minor;
#define LIST(minor) &go_version_1_##minor,
VERSIONS(DECLARE)
static const struct go_version *const versions[] = {VERSIONS(LIST)};
#define N_VERSIONS (sizeof versions / sizeof *versions)

/* Fields that lie `by` bytes further on from a patch release on. */
#define FROM_M_NCGOCALL(minor, patch, by)                                                          \
    {minor, patch, GO_M_SIZE, by}, {minor, patch, GO_M_ALLLINK, by},                               \
        {minor, patch, GO_M_CREATESTACK, by}, {minor, patch, GO_M_VDSOSP, by},                     \
    {                                                                                              \
        minor, patch, GO_M_VDSOPC, by                                                              \
    }
static const struct {
    unsigned minor, patch;
    enum go_field field;
    int by;
} moves[] = {
    {23, 4, GO_WORK_CYCLES, 32}, /* work.strongFromWeak */
    FROM_M_NCGOCALL(23, 12, 24), /* m.allpSnapshot */
    FROM_M_NCGOCALL(24, 6, 24),
};

void go_version_layout(const struct go_version *version, unsigned patch, struct go_layout *layout)
{
    *layout = version->layout;
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        bool is_in_table = version->patch >= moves[i].patch, is_wanted = patch >= moves[i].patch;
        if (moves[i].minor != version->minor || is_in_table == is_wanted)
            continue;
        uint16_t *at = &layout->at[moves[i].field];
        *at = (uint16_t)(is_wanted ? *at + moves[i].by : *at - moves[i].by);
    }
}

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
