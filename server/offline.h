/* SPDX-License-Identifier: MIT */
/*
 * A world that nobody serves: opened to run MOO code as a wizard and to look at its tasks. One player counts as connected, the wizard, whose output goes to standard output; there
 * are no sockets. Tasks that wait in the world wait on.
 */
#ifndef SERVER_OFFLINE_H
#define SERVER_OFFLINE_H

#include "db/world.h"
#include "lang/machine.h"
#include "scheduler/host.h"
#include "scheduler/scheduler.h"

struct offline {
    struct db *db;
    struct machine machine;
    struct scheduler *sched;
    struct host host;
    objid wizard;
    bool shutdown_asked; /* by shutdown() */
};

/* 0, or -1 with *why. `how': read_only and cache_size count. For writing, a world that is served is refused, naming the process. For reading it is seen as last saved, and its tasks are only to be exported. */
int offline_open(struct offline *o, const char *world, const struct db_options *how, struct buf *why);
/* What changed, tasks included. */
int offline_save(struct offline *o, struct buf *why);
void offline_close(struct offline *o); /* without saving */
/* The wizard with the lowest number who is a player, else the lowest wizard; NOTHING if there is none. */
objid offline_first_wizard(struct db *db);
/* "#N" of a valid wizard; else false with *why. */
bool offline_choose_wizard(struct offline *o, const char *text, struct buf *why);

#endif
