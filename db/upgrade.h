/* SPDX-License-Identifier: MIT */
/*
 * Worlds of older formats. One that is opened for saving is brought to FORMAT_VERSION first: a backup called format-N-TIME in WORLD/backups, then one transaction, so a failure anywhere
 * leaves the world as it was. One that is only read stays as it is: what its format does not have reads as empty.
 *
 * A reboot upgrades no world: the program before must be able to go on with it, and who is connected cannot wait. From OLDEST_SAVED on a world can be served and saved in its own format: whatever saves what
 * a newer one has asks db->format first. It is upgraded when the server is started anew.
 */
#ifndef DB_UPGRADE_H
#define DB_UPGRADE_H

#include "db/format.h"
#include "db/internal.h"
#include "db/store.h"

enum { OLDEST_SAVED = 2 };

uint64_t upgrade_oldest_reader(uint64_t format);
/* For a world whose meta record was read. Closes and opens db->store if it is upgraded. 0, or -1 with *why. */
int upgrade_if_old(struct db *db, const struct store_options *how, enum db_upgrade when, struct buf *why);

#endif
