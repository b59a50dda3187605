/* SPDX-License-Identifier: MIT */
/* Connections to other hosts that are being opened: name, addresses one after the other, a time-out; then the task that asked is woken. */
#ifndef SERVER_OUTBOUND_H
#define SERVER_OUTBOUND_H

#include "base/codec.h"
#include "base/value.h"

struct server;
struct outbound;

/* Begins at the end of the turn. listener NOTHING: none was named. The task is woken with the connection's number or an error. */
void outbound_begin(struct server *s, const char *host, int port, objid listener, int64_t task);
void outbound_settle(struct server *s); /* starts those asked for in this turn */
void outbound_cancel_all(struct server *s);
/* For a reboot: they are begun anew on the other side with the time they have left. */
void outbound_encode(struct server *s, struct buf *out);
void outbound_decode(struct server *s, struct dec *d);

#endif
