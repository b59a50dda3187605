/* SPDX-License-Identifier: MIT */
/* The new program's side of a reboot: from the hand-off to the point from which nothing goes back, and what a fault executes after it. */
#ifndef SERVER_TAKEOVER_H
#define SERVER_TAKEOVER_H

#include "base/buf.h"

struct server;

/* Rebuilds everything from the hand-off in s->options, into a server whose world is open. Touches no player's socket and writes nothing. 0, or -1 and why. */
int takeover_restore(struct server *s, struct buf *why);
/*
 * From here on nothing goes back: sockets are served, tasks run. The hand-off stays open until the next save is durable, and the program before this one for a minute: until then a crash executes
 * that one.
 */
void takeover_commit(struct server *s);
void takeover_new_box(struct server *s); /* the black box, of what there is; without one the server serves all the same */
void takeover_guard(struct server *s); /* a fault from now on executes the program before this one while it is there, else this one (server/guard.h) */
void takeover_fini(struct server *s);

#endif
