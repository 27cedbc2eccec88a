/* plain: libsonde.a intercepts nothing; see recording.h. */
#include "agent/recording.h"

const bool recording_is_hooked = false;
