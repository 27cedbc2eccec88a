/* cli: the command line `sonde COMMAND ...`.
 * In: argv.  Out: stdout, stderr, an exit status.
 * Threads: the main thread.  Signals: no. */
#ifndef SONDE_UI_CLI_H
#define SONDE_UI_CLI_H

/* Run the command that argv names; prints its errors.  Returns the exit status:
 * 0, 2 for a mistake in the command line or the input, 1 for other failures. */
int cli_main(int argc, char **argv);

#endif
