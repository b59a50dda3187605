/* SPDX-License-Identifier: MIT */
/*
 * What a service manager is told, when $NOTIFY_SOCKET says that one listens: datagrams of NAME=VALUE lines, as in sd_notify(3). READY=1 when the server serves, RELOADING=1 from the freeze of a reboot
 * until the new program serves (the process stays, so that it stays the main one), STOPPING=1 when it ends; STATUS= for people; and, as often as half of $WATCHDOG_USEC, WATCHDOG=1, as long as the loop turns.
 *
 * The variables are left in the environment: the program of a reboot needs them. Children hear nothing that they could say.
 */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct server;

struct notify {
    bool on, ready; /* somebody listens; it knows that we serve */
    int64_t every_us, last_us; /* of the watchdog; 0: it wants nothing */
};

void notify_init(struct notify *n);
double notify_turn(struct server *s); /* once a turn; in how many seconds again */
void notify_reloading(struct server *s); /* the next turn, of whichever program, tells that we serve again */
void notify_stopping(struct server *s);
/* Any message, at once or not at all, with a descriptor or -1. 0, or errno: EAGAIN if the manager does not keep up. */
int notify_send(const struct buf *text, int fd);

#endif
