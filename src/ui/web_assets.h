/* web_assets: the files of src/web/dist in the program, made by tools/embed.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_WEB_ASSETS_H
#define SONDE_UI_WEB_ASSETS_H

#include <stddef.h>

struct web_asset {
    const char *name; /* NULL: the end of the list */
    const char *gzip; /* the content, packed */
    size_t n;
    const char *hash; /* of the content; hexadecimal */
};

extern const struct web_asset web_assets[];

#endif
