/* SPDX-License-Identifier: MIT */
/* Players and verbs in words, for people outside of the world: on one line, whatever somebody has put into a name. */
#ifndef SERVER_NAMING_H
#define SERVER_NAMING_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/value.h"

struct db;

void name_object(struct db *db, objid o, struct buf *out); /* "Wizard (#2)", or "#-1" */
void name_payer(struct db *db, objid who, bool logins, struct buf *out); /* as that, or "logins at #0", or "the server" */
void name_verb(struct db *db, objid definer, const struct str *names, struct buf *out); /* "#3:l*ook (generic room)", with the first of its names; or "Input to EVAL" */

#endif
