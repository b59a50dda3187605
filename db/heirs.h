/* SPDX-License-Identifier: MIT */
/* Descendants that are not in memory: what a change of definitions has to know of them and to change in their records, without loading them. */
#ifndef DB_HEIRS_H
#define DB_HEIRS_H

#include "db/internal.h"

bool heirs_define(struct db *db, struct object *o, const struct str *name); /* is it defined somewhere below o? In memory or not */
void heirs_drop_prop(struct db *db, struct object *o, uint64_t prop); /* their records of it go with the next save */

#endif
