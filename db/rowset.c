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
    for (uint32_t i = 0; i < s->n; i++) enter(s, i);
}

void rowset_set(struct rowset *s, enum row_table t, uint64_t a, uint64_t b, objid v, bool deleted) {
    uint32_t known = *key_place(s, t, a, b);
    if (known) {
        s->rows[known - 1].v = v;
        s->rows[known - 1].deleted = deleted;
        return;
    }
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 256;
        s->rows = xrealloc(s->rows, s->cap * sizeof *s->rows);
    }
    s->rows[s->n] = (struct row){a, b, v, 0, (uint8_t)t, deleted};
    enter(s, s->n++);
    if (s->n * 2 > s->mask) grow(s);
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

void rowset_merge_under(struct rowset *into, const struct rowset *older) {
    for (uint32_t i = 0; i < older->n; i++) {
        const struct row *r = &older->rows[i];
        enum row_table t = (enum row_table)r->table;
        if (!rowset_find(into, t, r->a, r->b)) rowset_set(into, t, r->a, r->b, r->v, r->deleted);
    }
}

void row_put(struct db *db, enum row_table t, uint64_t a, uint64_t b, objid v) {
    db->changed = true;
    if (db->rows) rowset_set(db->rows, t, a, b, v, false);
}

void row_delete(struct db *db, enum row_table t, uint64_t a, uint64_t b) {
    db->changed = true;
    if (db->rows) rowset_set(db->rows, t, a, b, NOTHING, true);
}
