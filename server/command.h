/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands of the `evermoo' program share: option parsing by argp with errors of exactly one line, failure messages, the progress bar.
 *
 * A command gets argv[0] as "evermoo NAME" (what usage lines print) and returns the exit status: EXIT_SUCCESS, EXIT_FAILURE, or COMMAND_USAGE when it was called wrongly.
 * To add one: a row in server/commands.def and a function in server/cmd_NAME.c.
 */
#ifndef SERVER_COMMAND_H
#define SERVER_COMMAND_H

#include <argp.h>
#include <stdbool.h>

#include "base/buf.h"

enum { COMMAND_USAGE = 64, COMMAND_REFUSED = 75 }; /* refused: by the system, which may not do so another time */

#define COMMAND(name, doc) int cmd_##name(int argc, char **argv);
#include "server/commands.def"
#undef COMMAND

/*
 * argp_parse() with one-line errors. --help prints and exits. 0, or COMMAND_USAGE when a line was printed. A parser function that refuses an argument prints
 * by command_usage_error() and returns what that returned; for arguments too many it returns ARGP_ERR_UNKNOWN.
 */
int command_parse(const struct argp *argp, int argc, char **argv, void *input);
/* "evermoo NAME: MESSAGE; see evermoo NAME --help" on stderr. Returns COMMAND_USAGE. */
int command_usage_error(const struct argp_state *state, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "NAME: WHY" on stderr as one line; EXIT_FAILURE. */
int command_fail(const char *name, const struct buf *why);

/* "utf8" or "latin1" as enum db_encoding; false: neither. */
bool command_encoding(const char *name, int *out);

/* "512M", "2G", "1.5G", "100K" or plain bytes; false: none of these, or less than a megabyte. For --cache-size. */
bool command_size(const char *text, size_t *out);
#define COMMAND_NO_SIZE "'%.100s' is no size of memory: say 512M, 2G or a number of bytes, a megabyte at least"
#define COMMAND_CACHE_SIZE_DOC "drop what is clean from memory to stay below this: 512M, 2G or bytes (half of the machine's memory, or of the control group's)"

/* A bar on stderr when that is a terminal, nothing else; drawn a few times a second. part: 0..1. */
struct progress {
    const char *what;
    bool on, drawn;
    long long last_us, begun_us;
};
void progress_begin(struct progress *p, const char *what);
void progress_show(void *p, double part); /* p: struct progress; void for callbacks */
void progress_end(struct progress *p);

#endif
