/* settings: named configurations (options of reports under a name), in the file in which
 * pprof's web page keeps them: <configuration folder>/pprof/settings.json, in the form of
 * Go 1.27's pprof, byte for byte, so that both see the same ones.
 *
 * A configuration holds the options that pprof saves, all of them: what an entry does not
 * name is off, 0 or empty there.  Not saved are sample_index, divide_by, source_path and
 * trim_path.  Members of the file that are not known are passed over, and gone when it is
 * written again, as Go does it.
 * Ownership: a struct settings owns all its texts.  Threads: one at a time; the file is
 * replaced at once, so that another program reads the old or the new one.  Signals: no. */
#ifndef SONDE_UI_SETTINGS_H
#define SONDE_UI_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "report/report.h"

#define SETTINGS_DEFAULT "Default" /* of this name there is always one: pprof's defaults */

struct settings_config {
    const char *name;
    struct report_options options; /* those that are saved; the others are zeros */
};

struct settings {
    struct arena arena;
    struct settings_config *configs; /* in the order of the file */
    size_t n_configs, cap_configs;
};

void settings_release(struct settings *settings); /* also fine on a zeroed struct */

/* The file's path, by the rules of Go's os.UserConfigDir, appended to *path.  False with
 * ERR_USAGE when neither XDG_CONFIG_HOME nor HOME says where. */
bool settings_path(struct buf *path, struct err *err);

/* Read the file; none is the same as an empty one.  False with ERR_INPUT ("cannot read
 * 'PATH': line N: ...") and ERR_IO; *settings is then empty.  Release it in any case. */
bool settings_read(struct settings *settings, const char *path, struct err *err);
bool settings_decode(struct settings *settings, const void *data, size_t len, struct err *err);

/* Write the file, and make its folder. */
bool settings_write(const struct settings *settings, const char *path, struct err *err);
void settings_encode(const struct settings *settings, struct buf *out);

/* By name, NULL if there is none; of several the first. */
const struct settings_config *settings_find(const struct settings *settings, const char *name);

/* Add a configuration, or replace that of the name.  False with ERR_USAGE (no name, a number
 * that JSON has not), ERR_NOMEM; *settings is then as before. */
bool settings_put(struct settings *settings, const char *name, const struct report_options *options,
                  struct err *err);
/* False if there is none. */
bool settings_remove(struct settings *settings, const char *name);

/* Set the saved options of *options to those of the configuration, the others stay.  Texts
 * are copied into the arena.  False: no memory. */
bool settings_use(const struct settings_config *config, struct report_options *options,
                  struct arena *arena);
/* The same by name, SETTINGS_DEFAULT included, from the file of settings_path.  False also
 * with ERR_USAGE: "there is no configuration ...". */
bool settings_use_saved(const char *name, struct report_options *options, struct arena *arena,
                        struct err *err);

/* The saved options that are not pprof's defaults, "name=value name=value", appended to
 * *out; of two sets that mean the same it says the same. */
void settings_describe(const struct report_options *options, struct buf *out);

#endif
