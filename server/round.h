/* SPDX-License-Identifier: MIT */
/*
 * A message of $server_options to everybody who is connected, to some of them each turn: sending to thousands takes long, and nobody is to wait for it. Who connects meanwhile is not told,
 * and of who has no room for it no output is dropped for it.
 */
#ifndef SERVER_ROUND_H
#define SERVER_ROUND_H

#include <stdbool.h>

struct connection;
struct server;

struct round {
    const char *option; /* NULL: none is under way */
    struct connection *next;
    void (*done)(struct server *s);
};

/* One that is still under way is brought to its end at once. The first portion is told before this returns; done (may be NULL): in a turn, or before this returns. */
void round_begin(struct server *s, const char *option, void (*done)(struct server *s));
bool round_turn(struct server *s); /* true: there are more to tell */
void round_forget(struct server *s, struct connection *c); /* it is about to go */

#endif
