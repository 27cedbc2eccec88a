/* registry: `sonde registry`, which prints the registries as rows, for the tool that makes
 * the manual pages and the shells' completions of them (tools/gen-docs).  Users get to see
 * it by its help only.
 *
 *   command NAME HELP
 *   flag COMMAND GROUP NAME VALUE WORDS HELP    as in struct flag_doc
 *   kind NAME HELP                              of recordings
 *
 * with tabs between the columns; what is NULL is empty.  `sonde registry configs` prints the
 * names of saved configurations, which the completions ask for. */
#ifndef SONDE_UI_REGISTRY_H
#define SONDE_UI_REGISTRY_H

#include "ui/command.h"

extern const struct command_ops command_registry_rows;

#endif
