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

/* Nothing here ever moves or rehashes more than a small part of the whole: a million rows would keep everybody waiting. */
enum { ROW_CHUNK = 1024, ROW_SHARDS = 256 };
struct row_index { /* open addressing: index of a row + 1 */
    uint32_t *v;
    uint32_t mask, n;
};
struct rowset {
    struct row **chunks; /* of ROW_CHUNK rows */
    uint32_t n, cap;
    uint32_t empty; /* index + 1 of the first empty place; they hang on `next' */
    struct row_index by_key[ROW_SHARDS], by_group[ROW_SHARDS]; /* by the top bits of a hash */
};
static inline struct row *rowset_row(const struct rowset *s, uint32_t i) { return &s->chunks[i / ROW_CHUNK][i % ROW_CHUNK]; }

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
