/* SPDX-License-Identifier: MIT */
/*
 * `evermoo serve --supervise': what a service manager would do, where there is none. A small process that starts the server, holds a duplicate of each of its sockets (server/fdstore.h, the same
 * protocol), and starts it again with them when it dies otherwise than by its own end (status 0, or after STOPPING=1): the program that served last, at once if it had served for a minute, else
 * after a pause that doubles. One that hangs is ended with SIGABRT, then SIGKILL. Signals go on to the server; it ends with the server, with its status, or after the third death within ten seconds.
 *
 * It has no world, and does nothing but to wait for datagrams and signals. Should it be killed itself, the server goes on without it.
 */
#ifndef SERVER_SUPERVISE_H
#define SERVER_SUPERVISE_H

/* Executes `program' with these arguments, which must not lead here again. `patience': how many seconds the server may be silent; 0: as long as it likes. The exit status. */
int supervise(const char *program, char **argv, double patience);

#endif
