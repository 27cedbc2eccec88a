#include "collect/jit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_BYTES_MAX (1u << 30)
#define CLOCK_SLACK_NS 1000000000u /* file times lag behind the clock by a tick or more */

struct perfmap *jit_map_open(pid_t pid, uint64_t since_unix_ns, struct diag *diag)
{
    char path[48];
    struct stat st;
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)pid);
    if (lstat(path, &st) != 0)
        return NULL;
    uint64_t written = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
    bool trusted = geteuid() == 0 || st.st_uid == geteuid() || st.st_uid == 0;
    if (!S_ISREG(st.st_mode) || !trusted || written + CLOCK_SLACK_NS < since_unix_ns ||
        st.st_size > MAP_BYTES_MAX) {
        diag_add(diag, "'%s' is not used: it is not the recorded process's", path);
        return NULL;
    }
    struct err err;
    struct perfmap *map = perfmap_open(path, &err);
    if (!map)
        diag_add(diag, "JIT code is not named: %s", err.msg);
    return map;
}
