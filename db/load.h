/* SPDX-License-Identifier: MIT */
/* Reading objects and lists from the store. In a world in memory there is never anything to read. */
#ifndef DB_LOAD_H
#define DB_LOAD_H

#include "db/internal.h"

/* All rows (a, key) of the table, with what changed since the last save: appended to *out. Key 0 is stored as 1 where keys are numbers that may be 0. */
void load_rows(struct db *db, enum row_table t, uint64_t a, struct links **out);
struct code *load_code(struct db *db, const uint8_t hash[CODE_HASH_BYTES]);

#endif
