/* SPDX-License-Identifier: MIT */
/*
 * Long values that are read from the store in portions: what was read of one stays for the task that asks again. So many at a time and half a gigabyte of them; one that nobody asked for in
 * the last second makes room for another, and in the last ten minutes goes. They are of unread slots (db/internal.h), so that their records do not change; who replaces or deletes one says so.
 */
#ifndef DB_READINGS_H
#define DB_READINGS_H

#include "db/internal.h"

enum reading { READING_DONE, READING_GIVEN_UP, READING_FAILED };

/* DONE: *out is owned. FAILED: something of it cannot be read; it is to be read without this, which tells what and recovers. */
enum reading reading_go_on(struct db *db, objid o, uint64_t prop, const struct patience *p, value *out);
void reading_forget(struct db *db, objid o, uint64_t prop);
void reading_forget_object(struct db *db, objid o);
void readings_age(struct db *db); /* now and then */
void readings_free(struct db *db);

#endif
