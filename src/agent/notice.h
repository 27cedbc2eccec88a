/* notice: the only thing that libsonde says by itself: that the environment asks for what
 * cannot be had.  Nobody else could tell whoever started the program.
 * Threads: the constructor's.  Signals: no. */
#ifndef SONDE_AGENT_NOTICE_H
#define SONDE_AGENT_NOTICE_H

/* One line on stderr: that NAME=value does not do, why, and where it serves instead (NULL: not
 * said).  It is left out where stderr does not take it at once; the program neither waits nor
 * gets SIGPIPE. */
void notice_environment(const char *name, const char *value, const char *why, const char *instead);

#endif
