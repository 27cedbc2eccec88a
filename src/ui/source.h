/* source: the bytes of one source of a command line: a file, or what a server sends
 * (url.h says which names are servers).
 * Threads: any number of calls at a time.  Signals: no. */
#ifndef SONDE_UI_SOURCE_H
#define SONDE_UI_SOURCE_H

#include "base/reader.h"
#include "ui/http.h"
#include "ui/url.h"

struct source_options {
    int seconds;         /* for servers: how long to collect; 0 or less: their default */
    int timeout_seconds; /* 0 or less: 60, or one and a half of the seconds */
    bool is_quiet;       /* say nothing while a server is asked */
    struct http_options http;
};

/* Read `name`, first as a file.  *url becomes what a server was asked, and has no text
 * for a file; a line on stderr says that one is asked, unless is_quiet.  The caller releases both.
 * False with ERR_IO and others, "cannot read 'NAME': why". */
bool source_read(const char *name, const struct source_options *options, struct file *file,
                 struct url *url, struct err *err);

#endif
