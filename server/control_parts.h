/* SPDX-License-Identifier: MIT */
/*
 * The inside of the control socket: what the requests (server/requests.def) and the socket (control.c) share.
 *
 * A request has a row in requests.def and a function request_WORD(), which gets the text behind the word. It answers, or has called control_wait() and is answered later; an
 * asker ends with its answer. Whoever keeps a pointer to an asker sets `gone'; saves_ask() with the asker as context needs nothing.
 */
#ifndef SERVER_CONTROL_PARTS_H
#define SERVER_CONTROL_PARTS_H

#include <ev.h>

#include "base/buf.h"
#include "server/control.h"
#include "server/server.h"

struct asker {
    struct asker *next;
    struct control *control;
    int fd;
    ev_io io;
    struct buf request, answer;
    size_t sent;
    bool waits, waits_for_end, waits_for_reboot, kept; /* kept: its socket is another program's from now on */
    int status; /* while it waits for a save: what is to be answered then */
    struct buf result;
    void (*gone)(struct asker *a); /* of a request that keeps something in `ctx'; NULL: none */
    void (*more)(struct asker *a); /* sends what has come since, if its answer has no end; NULL: it has */
    void *ctx;
};

struct control {
    struct server *server;
    int directory; /* of the world: a socket's name is short, a world's may be long */
    int fd;
    ev_io io;
    struct asker *askers;
};

void control_answer(struct asker *a, int status, const char *text); /* with an exit status; `a' may be gone afterwards */
void control_wait(struct asker *a); /* no more is read from it */
void control_release(struct asker *a); /* closes and frees it, without an answer */

#define REQUEST(word, doc) void request_##word(struct asker *a, const char *text);
#include "server/requests.def"
#undef REQUEST

#endif
