/* SPDX-License-Identifier: MIT */
#include "server/round.h"

#include <limits.h>

#include "server/server.h"

enum { PORTION = 128 }; /* connections a turn: a millisecond or two */

static void tell(struct server *s, int most) {
    struct round *r = &s->round;
    for (; r->next && most--; r->next = r->next->older) {
        struct connection *c = r->next;
        if (c->opened && c->id != NOTHING && connection_hears_messages(c)) sched_say_message(s->sched, c->id, c->listener, r->option, true);
    }
    if (r->next || !r->option) return;
    void (*done)(struct server *s) = r->done;
    *r = (struct round){.option = NULL};
    if (done) done(s);
}

void round_begin(struct server *s, const char *option, void (*done)(struct server *s)) {
    tell(s, INT_MAX);
    s->round = (struct round){.option = option, .next = s->connections.newest, .done = done};
    tell(s, PORTION);
}

bool round_turn(struct server *s) {
    tell(s, PORTION);
    return s->round.option != NULL;
}

void round_forget(struct server *s, struct connection *c) {
    if (s->round.next == c) s->round.next = c->older;
}
