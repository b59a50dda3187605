/* SPDX-License-Identifier: MIT */
/*
 * Opening a world for writing, whose file may be damaged: it is locked, looked at by a child (a file that crashes the library that reads it is reported and not run into), and only then
 * opened. On damage the file is set aside and the newest good backup takes its place, with the deltas of the saves since.
 */
#ifndef SERVER_OPENING_H
#define SERVER_OPENING_H

#include "db/world.h"

enum on_damage {
    DAMAGE_REFUSE, /* it is told what can be done */
    DAMAGE_RESTORE, /* go back to the newest backup; refuse when there is none */
    DAMAGE_ACCEPT /* open it all the same */
};

/* As db_world_open(). whole: every record is looked at first, not a sample. One that is opened for reading, or whose lock is inherited in a reboot, is opened as it is. */
int opening_open(struct db **out, const char *dir, const struct db_options *options, enum on_damage on_damage, bool whole, struct buf *why);

#endif
