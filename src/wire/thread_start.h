/* thread_start: which functions at the foot of a stack are not the program's own, but those by
 * which libc and the C++ library come to it: "start_thread", "std::thread::_Invoker::operator()".
 * Threads: any.  Signals: async-signal-safe. */
#ifndef SONDE_WIRE_THREAD_START_H
#define SONDE_WIRE_THREAD_START_H

#include <stdbool.h>

/* `name` as it is shown; one that begins with "0x" is none, and `file` is then the library that
 * the address lies in, else that of its source, or "". */
bool thread_start_is(const char *name, const char *file);

#endif
