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
};

void textdumps_init(struct server *s);
/* After a checkpoint; does nothing when no text dump is wanted. One that is still under way goes on instead. */
void textdumps_begin(struct server *s);
/* After the last save: waits for the one under way, makes the last one. true: it is written, or none was wanted. */
bool textdumps_finish(struct server *s);
/* Before the server is replaced: lets go of the one under way. */
void textdumps_fini(struct server *s);

#endif
