/* SPDX-License-Identifier: MIT */
/*
 * Watched names of properties. A count moves whenever what such a property gives may have changed, on whatever object: its value, owner or letters, a definition, parents, an
 * object that comes or goes, who is a wizard. Who has read properties of these names need not read them again while the count stands still.
 *
 * Writing to a watched name never takes the warm path of db/fast.h; other names cost nothing there. Reading is as ever.
 */
#ifndef DB_WATCH_H
#define DB_WATCH_H

#include "db/db.h"

struct object;
struct watch;

struct watch *watch_new(void);
void watch_free(struct watch *w);

void db_watch(struct db *db, const char *name); /* from now on; none is ever let go */
uint64_t db_watch_count(const struct db *db);

/* ---- for db/ ---- */

bool watch_has(const struct db *db, const struct str *name);
void watch_moved(struct db *db);
void watch_name(struct db *db, const struct str *name); /* something about a property of that name changes */
void watch_object(struct db *db, const struct object *o); /* about all properties of that object */

#endif
