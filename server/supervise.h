/* SPDX-License-Identifier: MIT */
/*
 * `evermoo serve --supervise': what a service manager would do, where there is none. A small process that starts the server, holds a duplicate of each of its sockets (server/fdstore.h, the same
 * protocol), and starts it again with them when it is killed. Signals go on to the server; it ends when the server ends by itself, with its status, or after the third death within ten seconds.
 */
#ifndef SERVER_SUPERVISE_H
#define SERVER_SUPERVISE_H

/* Executes `program' with these arguments, of which the one that led here has to be left out. The exit status. */
int supervise(const char *program, char **argv);

#endif
