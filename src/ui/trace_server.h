/* trace_server: has a Go program that runs a server of its own with /debug/pprof/trace
 * (net/http/pprof), at an address that can be reached from here?
 *
 * In: a process.  Out: the address.  Only programs that have the handler at all are asked, and only
 * their own ports: for /debug/pprof/cmdline, whose answer is known.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_TRACE_SERVER_H
#define SONDE_UI_TRACE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* "127.0.0.1:6060".  False: none that answers within a second; of many ports, within three. */
bool trace_server_find(pid_t pid, char *address, size_t size);

#endif
