/* SPDX-License-Identifier: MIT */
/*
 * What changed in tables of rows since the last save: (table, a, b) -> a number, or deleted. The newest word on a key counts. Part of the overlay that
 * every read of the store goes through, so rows are also found by (table, a).
 */
#ifndef DB_ROWSET_H
#define DB_ROWSET_H

#include "db/internal.h"

struct row {
    uint64_t a, b;
    objid v;
    uint32_t next; /* index + 1 of the row before with this table and a */
    uint8_t table; /* ROW_TABLES: an empty place */
    bool deleted;
};

struct rowset {
    struct row *rows;
    uint32_t n, cap;
    uint32_t empty; /* index + 1 of the first empty place; they hang on `next' */
    uint32_t *by_key, *by_group; /* open addressing: index + 1 */
    uint32_t mask;
};

struct rowset *rowset_new(void);
void rowset_free(struct rowset *s);
void rowset_set(struct rowset *s, enum row_table t, uint64_t a, uint64_t b, objid v, bool deleted);
/* As if it had never been put: for what was never in the store. */
void rowset_forget(struct rowset *s, enum row_table t, uint64_t a, uint64_t b);
const struct row *rowset_find(const struct rowset *s, enum row_table t, uint64_t a, uint64_t b); /* NULL: nothing known */
/* All with this table and a, newest first: start with NULL. */
const struct row *rowset_next(const struct rowset *s, enum row_table t, uint64_t a, const struct row *last);
/* What `into' says wins. From *at on, so many rows at a time; true: that was all. */
bool rowset_merge_under(struct rowset *into, const struct rowset *older, uint32_t *at, uint32_t most);

#endif
