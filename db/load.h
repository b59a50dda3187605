/* SPDX-License-Identifier: MIT */
/*
 * The load barrier: reading objects, lists and programs when they are first touched.
 *
 * Every read goes through the overlay: what changed since the last save is in memory (dirty objects are never dropped) or in the changed rows. A record that cannot be read
 * is logged and counted in db->damaged; its object then counts as invalid, and nothing of it is written over.
 */
#ifndef DB_LOAD_H
#define DB_LOAD_H

#include "db/internal.h"
#include "db/store.h"

/* store_read_begin(). What cannot be read for want of the store itself is not to look like what does not exist: all waits, and when that stays so for ten minutes the process ends. */
void load_begin(struct db *db);
void load_damaged(struct db *db, enum store_table t, objid o, const char *why); /* logs and counts */
/* Rows (a, key) of the table, with what changed since the last save, into *out (struct read_limit). Keys of ROW_OWNED, which are object numbers, appear as number + 1. Not for ROW_FREE: */
bool load_rows(struct db *db, enum row_table t, uint64_t a, const struct read_limit *limit, struct links **out);
void load_free(struct db *db, objid from, objid below, void (*found)(struct db *db, objid o)); /* those in the store of which the changed rows know nothing */
/* Owned; NULL: not there or damaged. */
struct code *load_code(struct db *db, const uint8_t hash[CODE_HASH_BYTES]);
/* In a reading transaction: of an object that is not in memory; false: it is not valid. */
bool load_owner(struct db *db, objid id, objid *owner);
void load_newest(struct store *s, uint64_t *generation, int64_t *time); /* in a transaction: which save is the newest there; both 0 when that cannot be read */
/* The meta record: format, digests, next ids. 0 or -1 with *why. */
int load_meta(struct db *db, const char *dir, struct buf *why);

/* recover.c: damage was met since db->damaged was so many; true: the file was made again, and what was read of it is to be read once more. No transaction of the reader is open. */
bool recover_for_load(struct db *db, uint64_t damaged_before);

#endif
