/* SPDX-License-Identifier: MIT */
#include "db/rowset.h"

#include <stdlib.h>
#include <string.h>

struct rowset *rowset_new(void) {
    struct rowset *s = xcalloc(1, sizeof *s);
    s->mask = 255;
    s->by_key = xcalloc(s->mask + 1, sizeof *s->by_key);
    s->by_group = xcalloc(s->mask + 1, sizeof *s->by_group);
    return s;
}

void rowset_free(struct rowset *s) {
    if (!s) return;
    free(s->rows);
    free(s->by_key);
    free(s->by_group);
    free(s);
}

static uint32_t hash_of(enum row_table t, uint64_t a, uint64_t b) {
    uint64_t h = (a * 0x9e3779b97f4a7c15u ^ b) * 0xbf58476d1ce4e5b9u + (uint64_t)t * 0x94d049bb133111ebu;
    h ^= h >> 29;
    return (uint32_t)(h * 0x9e3779b97f4a7c15u >> 32);
}

static uint32_t *key_place(const struct rowset *s, enum row_table t, uint64_t a, uint64_t b) {
    uint32_t at = hash_of(t, a, b) & s->mask;
    for (; s->by_key[at]; at = (at + 1) & s->mask) {
        const struct row *r = &s->rows[s->by_key[at] - 1];
        if (r->table == t && r->a == a && r->b == b) break;
    }
    return &s->by_key[at];
}

static uint32_t *group_place(const struct rowset *s, enum row_table t, uint64_t a) {
    uint32_t at = hash_of(t, a, 0x5bd1e995) & s->mask;
    for (; s->by_group[at]; at = (at + 1) & s->mask) {
        const struct row *r = &s->rows[s->by_group[at] - 1];
        if (r->table == t && r->a == a) break;
    }
    return &s->by_group[at];
}

static void enter(struct rowset *s, uint32_t i) {
    struct row *r = &s->rows[i];
    enum row_table t = (enum row_table)r->table;
    *key_place(s, t, r->a, r->b) = i + 1;
    uint32_t *group = group_place(s, t, r->a);
    r->next = *group;
    *group = i + 1;
}

static void grow(struct rowset *s) {
    s->mask = s->mask * 2 + 1;
    free(s->by_key);
    free(s->by_group);
    s->by_key = xcalloc(s->mask + 1, sizeof *s->by_key);
    s->by_group = xcalloc(s->mask + 1, sizeof *s->by_group);
    for (uint32_t i = 0; i < s->n; i++)
        if (s->rows[i].table != ROW_TABLES) enter(s, i);
}

static uint32_t new_row(struct rowset *s) {
    if (s->empty) {
        uint32_t i = s->empty - 1;
        s->empty = s->rows[i].next;
        return i;
    }
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 256;
        s->rows = xrealloc(s->rows, s->cap * sizeof *s->rows);
    }
    return s->n++;
}

void rowset_set(struct rowset *s, enum row_table t, uint64_t a, uint64_t b, objid v, bool deleted) {
    uint32_t known = *key_place(s, t, a, b);
    if (known) {
        s->rows[known - 1].v = v;
        s->rows[known - 1].deleted = deleted;
        return;
    }
    uint32_t i = new_row(s);
    s->rows[i] = (struct row){a, b, v, 0, (uint8_t)t, deleted};
    enter(s, i);
    if (s->n * 2 > s->mask) grow(s);
}

/* Out of by_key; those behind it that it had pushed on move up. */
static void unhash(struct rowset *s, uint32_t hole) {
    for (uint32_t at = (hole + 1) & s->mask; s->by_key[at]; at = (at + 1) & s->mask) {
        const struct row *r = &s->rows[s->by_key[at] - 1];
        uint32_t home = hash_of((enum row_table)r->table, r->a, r->b) & s->mask;
        if (((at - home) & s->mask) < ((at - hole) & s->mask)) continue; /* it is between its home and the hole: stays */
        s->by_key[hole] = s->by_key[at];
        hole = at;
    }
    s->by_key[hole] = 0;
}

void rowset_forget(struct rowset *s, enum row_table t, uint64_t a, uint64_t b) {
    uint32_t *place = key_place(s, t, a, b), *group = group_place(s, t, a);
    if (!*place) return;
    uint32_t i = *place - 1;
    if (*group != i + 1 || !s->rows[i].next) { /* not the newest of its group, or the only one: taking it out would cost more than keeping it */
        s->rows[i].deleted = true;
        return;
    }
    *group = s->rows[i].next;
    unhash(s, (uint32_t)(place - s->by_key));
    s->rows[i] = (struct row){.table = ROW_TABLES, .next = s->empty};
    s->empty = i + 1;
}

const struct row *rowset_find(const struct rowset *s, enum row_table t, uint64_t a, uint64_t b) {
    uint32_t i = s ? *key_place(s, t, a, b) : 0;
    return i ? &s->rows[i - 1] : NULL;
}

const struct row *rowset_next(const struct rowset *s, enum row_table t, uint64_t a, const struct row *last) {
    if (!s) return NULL;
    uint32_t i = last ? last->next : *group_place(s, t, a);
    return i ? &s->rows[i - 1] : NULL;
}

bool rowset_merge_under(struct rowset *into, const struct rowset *older, uint32_t *at, uint32_t most) {
    for (; *at < older->n && most--; ++*at) {
        const struct row *r = &older->rows[*at];
        enum row_table t = (enum row_table)r->table;
        if (t != ROW_TABLES && !rowset_find(into, t, r->a, r->b)) rowset_set(into, t, r->a, r->b, r->v, r->deleted);
    }
    return *at == older->n;
}

void row_put(struct db *db, enum row_table t, uint64_t a, uint64_t b, objid v) {
    db->changed = true;
    if (db->rows) rowset_set(db->rows, t, a, b, v, false);
}

/* Keys and numbers that were given out after the last cut are not in the store, nor in what is being saved. */
static bool never_stored(const struct db *db, enum row_table t, uint64_t b) {
    if (t == ROW_OWNED) return (objid)b > db->cut_max;
    return (t == ROW_CHILDREN || t == ROW_CONTENTS || t == ROW_PLAYER) && b > db->cut_key;
}

void row_delete(struct db *db, enum row_table t, uint64_t a, uint64_t b) {
    db->changed = true;
    if (db->rows && never_stored(db, t, b)) rowset_forget(db->rows, t, a, b);
    else if (db->rows) rowset_set(db->rows, t, a, b, NOTHING, true);
}
