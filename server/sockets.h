/* SPDX-License-Identifier: MIT */
/*
 * The identity of sockets across exec. The hand-off names each by its descriptor, and a descriptor is only a number; so it holds the cookie too, which the system gives to a socket once and to no
 * other (SO_COOKIE). A descriptor that is another socket, or none, at the take-over is nobody's: it is neither read, written nor closed, and whoever had it counts as disconnected.
 */
#ifndef SERVER_SOCKETS_H
#define SERVER_SOCKETS_H

#include "base/codec.h"

struct connection;
struct server;

uint64_t socket_cookie(int fd); /* 0: it is no socket, or the system does not tell */
uint64_t connection_cookie(struct connection *c); /* asked for once */

void sockets_encode(struct server *s, struct buf *out); /* of all listeners and connections */
/* What sockets_encode() wrote; the cookies of today begin to be asked for. */
void sockets_decode(struct server *s, struct dec *d);
/* Compares, when listeners and connections are made and no event is armed. What is dropped is logged; connections end when they are settled next. Nothing, if nothing was decoded. */
void sockets_compare(struct server *s);

#endif
