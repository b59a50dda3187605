/* SPDX-License-Identifier: MIT */
/*
 * Text dumps of a world that is being served (`serve --text-dump', `classic'): one at each checkpoint and one at the end. Another process, `evermoo export', writes each from
 * the save just made or one after it, reads it back, gives it its name and its manifest (docs/textdump.md); nobody waits.
 */
#ifndef SERVER_TEXTDUMPS_H
#define SERVER_TEXTDUMPS_H

#include "server/job.h"

struct server;

struct textdumps {
    struct job job; /* the one under way */
    bool written; /* the last one */
    bool taken_over; /* of the program before a reboot, under way since then */
};

void textdumps_init(struct server *s);
/* After a checkpoint; does nothing when no text dump is wanted. One that is still under way goes on instead. */
void textdumps_begin(struct server *s);
/* After the last save: waits for the one under way, makes the last one. true: it is written, or none was wanted. */
bool textdumps_finish(struct server *s);
/* Lets go of the one under way; keep: it is handed over. */
void textdumps_fini(struct server *s, bool keep);

/* ---- through a reboot ---- */
void textdumps_encode(const struct textdumps *t, struct buf *out);
void textdumps_decode(struct textdumps *t, struct dec *d);
void textdumps_go_on(struct server *s); /* when nothing goes back any more */

#endif
