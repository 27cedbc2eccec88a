/* plain: libsonde.a intercepts nothing; see recording.h. */
#include "agent/recording.h"

const bool recording_is_hooked = false;

bool recording_is_first(void)
{
    return false;
}

int recording_plain_thread(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                           void *arg)
{
    return pthread_create(thread, attr, run, arg);
}
