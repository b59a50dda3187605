/* SPDX-License-Identifier: MIT */
/* Random histories of a world, for comparing two worlds that went through the same one. */
#ifndef TESTS_DB_RANDOM_H
#define TESTS_DB_RANDOM_H

#include "base/buf.h"
#include "db/db.h"
#include "db/world.h"

uint64_t rnd(uint64_t *state);
/* One random change, the same in both worlds; b may be NULL. Worlds stay below `max' objects. */
void random_step(struct db *a, struct db *b, uint64_t *state, objid max);
value random_property_value(uint64_t r); /* small, nested, or so large that it is kept in pieces */
/* Everything that can be asked about a world, as text. */
void world_text(struct db *db, struct buf *out);

#endif
