/* SPDX-License-Identifier: MIT */
/*
 * Worlds of older formats. One that is opened for saving is brought to FORMAT_VERSION first: a backup called format-N-TIME in WORLD/backups, then one transaction, so a failure anywhere
 * leaves the world as it was. One that is only read stays as it is: what its format does not have reads as empty.
 */
#ifndef DB_UPGRADE_H
#define DB_UPGRADE_H

#include "db/internal.h"
#include "db/store.h"

/* For a world whose meta record was read and tells an older format (else nothing is to be done). Closes and opens db->store. 0, or -1 with *why. */
int upgrade_world(struct db *db, const struct store_options *how, struct buf *why);

#endif
