/* go_comments: what Go's profiles as text (debug=1) say in comments after a sample:
 *
 *   #	0x47e9c5	main.work+0x25	/src/main.go:12      names of its frames
 *   # labels: {"key":"value"}
 *
 * pprof passes these over.  Go leaves frames out: runtime.goexit, and on top of the
 * stack those of the runtime, which become GO_LEFT_OUT.
 * Threads: one at a time. */
#ifndef SONDE_FORMAT_GO_COMMENTS_H
#define SONDE_FORMAT_GO_COMMENTS_H

#include "format/legacy.h"

/* The name of frames that were left out. */
#define GO_LEFT_OUT "runtime.<hidden>"

struct go_frame {
    uint64_t pc;
    struct str name, file;
    int64_t line;
};

struct go_comments {
    struct legacy *l;
    VEC(struct go_frame) frames; /* of the last sample */
    struct buf text;             /* scratch */
};

/* A comment line, which must live until the flush. */
void go_comments_add(struct go_comments *c, struct str line);
/* All comments of the last sample were seen: name its locations. */
void go_comments_flush(struct go_comments *c);
void go_comments_release(struct go_comments *c);

#endif
