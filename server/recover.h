/* SPDX-License-Identifier: MIT */
/*
 * After a crash: the world as it was saved last, with the sockets of before (server/blackbox.h). Whoever was logged in is so still. What was not saved is gone: what happened since, lines
 * that waited or were half typed, queued output, reading tasks, connections that were being opened. The task that ran is ended and not tried again.
 */
#ifndef SERVER_RECOVER_H
#define SERVER_RECOVER_H

#include <stdbool.h>

#include "base/buf.h"

struct server;

/* Whether what is in s->box is of the world that is open: a service manager may have been told to serve another one meanwhile, where the numbers of players are other people's. */
bool recover_is_of_this_world(const struct server *s);
/* It is not: all that were connected are ended, and the server, which has a new box, is one that has just begun. */
void recover_nobody(struct server *s);
/* Into a server whose world is open, and that has s->box and no listeners or connections. -1 with *why. */
int recover_connections(struct server *s, struct buf *why);
/* Tells everybody, calls the verbs that hear of it, and lets it go on. */
void recover_go_on(struct server *s);

#endif
