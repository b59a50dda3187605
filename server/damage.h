/* SPDX-License-Identifier: MIT */
/*
 * Damage to the file of the world that is served: met when something is read or saved, or found by a check of every record that runs beside the server some time after its start, as a process
 * of the lowest priority. The file is then made again from backup and deltas (db_recover()); who is logged in waits for that, and wizards are told.
 */
#ifndef SERVER_DAMAGE_H
#define SERVER_DAMAGE_H

#include <ev.h>

#include "base/buf.h"
#include "server/job.h"

struct server;

struct damage {
    struct buf words; /* for wizards, at the next turn */
    ev_timer due; /* the check beside the server */
    struct job check;
    bool owed; /* by the program before a reboot, which had not come to the end of it */
};

void damage_init(struct server *s); /* with the server */
void damage_begin(struct server *s); /* the world is open */
void damage_verify_later(struct server *s); /* as the options say */
bool damage_verify_is_owed(const struct damage *d); /* it has not come to an end */
void damage_turn(struct server *s); /* in each turn, between slices */
void damage_fini(struct server *s);

#endif
