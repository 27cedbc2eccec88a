/* api: the functions of sonde/sonde.h. */
#include "agent/profile_out.h"
#include "agent/recording.h"
#include "sonde/sonde.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#define EXPORT __attribute__((visibility("default")))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int rate = RECORDING_HZ_DEFAULT;
static int out = -1;

EXPORT int sonde_start_cpu_profile(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
        errno = EBADF;
        return -1;
    }
    pthread_mutex_lock(&lock);
    bool ok = recording_begin_cpu((uint32_t)rate);
    if (ok)
        out = fd;
    pthread_mutex_unlock(&lock);
    return ok ? 0 : -1;
}

EXPORT int sonde_stop_cpu_profile(void)
{
    bool ok = true;
    pthread_mutex_lock(&lock);
    struct store *store = recording_end_cpu();
    if (store) {
        ok = profile_out(store, out);
        int saved_errno = errno;
        recording_release_cpu();
        errno = saved_errno;
    }
    pthread_mutex_unlock(&lock);
    return ok ? 0 : -1;
}

EXPORT int sonde_set_cpu_profile_rate(int hz)
{
    int rc = -1;
    pthread_mutex_lock(&lock);
    if (hz < 0 || hz > RECORDING_HZ_MAX) {
        errno = EINVAL;
    } else if (recording_has(WIRE_CPU)) {
        errno = EBUSY;
    } else {
        rate = hz ? hz : RECORDING_HZ_DEFAULT;
        rc = 0;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}
