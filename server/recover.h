/* SPDX-License-Identifier: MIT */
/*
 * After a crash: the world as it was saved last, with the sockets of before (server/blackbox.h). Whoever was logged in is so still. What was not saved is gone: what happened since, lines
 * that waited or were half typed, queued output, reading tasks, connections that were being opened. The task that ran is ended and not tried again.
 */
#ifndef SERVER_RECOVER_H
#define SERVER_RECOVER_H

#include "base/buf.h"

struct server;

/* Into a server whose world is open, and that has s->box and no listeners or connections. -1 with *why. */
int recover_connections(struct server *s, struct buf *why);
/* Tells everybody, calls the verbs that hear of it, and lets it go on. */
void recover_go_on(struct server *s);

#endif
