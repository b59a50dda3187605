/* SPDX-License-Identifier: MIT */
/*
 * Descendants, in memory or not: what a change of definitions has to know of those that are not, and to change in their records, without loading them; and how long a
 * change takes with all of them (db_refit_ns() in db/db.h).
 */
#ifndef DB_HEIRS_H
#define DB_HEIRS_H

#include "db/internal.h"

bool heirs_define(struct db *db, struct object *o, const struct str *name); /* is it defined somewhere below o? */
void heirs_drop_prop(struct db *db, struct object *o, uint64_t prop); /* records that those not in memory have of it go with the next save */

#endif
