/* SPDX-License-Identifier: MIT */
/* Worlds on disk for tests. */
#ifndef TESTS_DB_WORLDS_H
#define TESTS_DB_WORLDS_H

#include "db/records.h"
#include "random.h"

char *new_place(void); /* an empty directory */
void remove_world(char *dir); /* and frees the name */
struct db *create_world(const char *dir);
void save_world(struct db *db); /* must succeed */
struct db *reopen(struct db *db, const char *dir, bool evict); /* db may be NULL */
void put_raw(const char *dir, enum store_table t, struct key k, const struct buf *payload); /* a record, past everything else; NULL: it goes. Of a world that nobody has open */
void expect_same(struct db *a, struct db *b, int step);
void expect_world_text(struct db *db, const struct buf *text, int step); /* of world_text() */
void expect_usage(struct db *db, int step); /* every owner has as many bytes and objects as its objects tell, one by one */
void expect_sound(const char *dir); /* of a world that this process has not open */

#endif
