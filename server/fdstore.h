/* SPDX-License-Identifier: MIT */
/*
 * A service manager's store of descriptors ($FDSTORE: how many it takes; FileDescriptorStoreMax= of systemd), so that even kill -9 costs nobody the connection. It is given the black box, every
 * listening socket and every connection, each under its number (FDSTORE=1, FDNAME=fd17), and told when one is closed (FDSTOREREMOVE=1). A server that it starts anew gets them back
 * ($LISTEN_FDS), puts each where it was, and goes on as after a crash (server/recover.h).
 *
 * Nobody waits for the manager: what it does not take at once is offered again, turn by turn.
 */
#ifndef SERVER_FDSTORE_H
#define SERVER_FDSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;

struct fdstore {
    size_t most, held; /* 0: there is no store */
    uint8_t *states; /* of each descriptor */
    size_t size;
    bool inherited; /* what is kept now was handed over, or came from it: the black box tells whether it has it already */
    bool box, behind; /* it has the box; some are still to be offered */
    bool taken, absent; /* it took something in this turn; nobody was there at the last try */
};

void fdstore_init(struct fdstore *f, bool inherited);
void fdstore_fini(struct fdstore *f); /* what is in it stays */
void fdstore_keep(struct server *s, int fd);
void fdstore_forget(struct server *s, int fd); /* before it is closed; it is shut down, since the store may hold it a moment longer */
double fdstore_turn(struct server *s); /* once a turn; in how many seconds again */
void fdstore_empty(struct server *s); /* the server ends as it should: nothing is to be kept */

/* At the very start, when only standard descriptors and those of the manager are open: each socket to its number. The descriptor of the black box; -1: there is none, and all are closed. */
int fdstore_take_back(void);

#endif
