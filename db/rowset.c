/* SPDX-License-Identifier: MIT */
#include "db/rowset.h"

#include <stdlib.h>
#include <string.h>

#include "base/large.h"

struct rowset *rowset_new(void) { return xcalloc(1, sizeof(struct rowset)); }

static void index_free(struct row_index *x) {
    if (x->v) large_free(x->v, (x->mask + 1) * sizeof *x->v);
}

void rowset_free(struct rowset *s) {
    if (!s) return;
    for (uint32_t i = 0; i < s->cap / ROW_CHUNK; i++) large_free(s->chunks[i], ROW_CHUNK * sizeof **s->chunks);
    for (uint32_t i = 0; i < ROW_SHARDS; i++) {
        index_free(&s->by_key[i]);
        index_free(&s->by_group[i]);
    }
    free(s->chunks);
    free(s);
}

/* ---- finding ---- */

static uint32_t hash_of(enum row_table t, uint64_t a, uint64_t b) {
    uint64_t h = (a * 0x9e3779b97f4a7c15u ^ b) * 0xbf58476d1ce4e5b9u + (uint64_t)t * 0x94d049bb133111ebu;
    h ^= h >> 29;
    return (uint32_t)(h * 0x9e3779b97f4a7c15u >> 32);
}

static uint32_t key_hash(const struct row *r) { return hash_of((enum row_table)r->table, r->a, r->b); }
static uint32_t group_hash(const struct row *r) { return hash_of((enum row_table)r->table, r->a, 0x5bd1e995); }
static uint32_t shard_of(uint32_t hash) { return hash / (UINT32_MAX / ROW_SHARDS + 1); }

static uint32_t *key_place(const struct rowset *s, enum row_table t, uint64_t a, uint64_t b) {
    uint32_t hash = hash_of(t, a, b), at;
    const struct row_index *x = &s->by_key[shard_of(hash)];
    if (!x->v) return NULL;
    for (at = hash & x->mask; x->v[at]; at = (at + 1) & x->mask) {
        const struct row *r = rowset_row(s, x->v[at] - 1);
        if (r->table == t && r->a == a && r->b == b) break;
    }
    return &x->v[at];
}

static uint32_t *group_place(const struct rowset *s, enum row_table t, uint64_t a) {
    uint32_t hash = hash_of(t, a, 0x5bd1e995), at;
    const struct row_index *x = &s->by_group[shard_of(hash)];
    if (!x->v) return NULL;
    for (at = hash & x->mask; x->v[at]; at = (at + 1) & x->mask) {
        const struct row *r = rowset_row(s, x->v[at] - 1);
        if (r->table == t && r->a == a) break;
    }
    return &x->v[at];
}

/* ---- new ones ---- */

/* There is room for one more. */
static void make_room(const struct rowset *s, struct row_index *x, uint32_t (*hash)(const struct row *r)) {
    if (x->v && x->n * 2 <= x->mask) return;
    struct row_index old = *x;
    x->mask = old.v ? old.mask * 2 + 1 : 15;
    x->v = large_zeroed((x->mask + 1) * sizeof *x->v);
    for (uint32_t i = 0; old.v && i <= old.mask; i++) {
        if (!old.v[i]) continue;
        uint32_t at = hash(rowset_row(s, old.v[i] - 1)) & x->mask;
        while (x->v[at]) at = (at + 1) & x->mask;
        x->v[at] = old.v[i];
    }
    index_free(&old);
}

static void enter(struct rowset *s, uint32_t i) {
    struct row *r = rowset_row(s, i);
    enum row_table t = (enum row_table)r->table;
    struct row_index *keys = &s->by_key[shard_of(key_hash(r))], *groups = &s->by_group[shard_of(group_hash(r))];
    make_room(s, keys, key_hash);
    make_room(s, groups, group_hash);
    *key_place(s, t, r->a, r->b) = i + 1;
    keys->n++;
    uint32_t *group = group_place(s, t, r->a);
    if (!*group) groups->n++;
    r->next = *group;
    *group = i + 1;
}

static uint32_t new_row(struct rowset *s) {
    if (s->empty) {
        uint32_t i = s->empty - 1;
        s->empty = rowset_row(s, i)->next;
        return i;
    }
    if (s->n == s->cap) {
        s->chunks = xrealloc(s->chunks, (s->cap / ROW_CHUNK + 1) * sizeof *s->chunks);
        s->chunks[s->cap / ROW_CHUNK] = large_resize(NULL, 0, ROW_CHUNK * sizeof **s->chunks);
        s->cap += ROW_CHUNK;
    }
    return s->n++;
}

void rowset_set(struct rowset *s, enum row_table t, uint64_t a, uint64_t b, objid v, bool deleted) {
    const uint32_t *known = key_place(s, t, a, b);
    if (known && *known) {
        struct row *r = rowset_row(s, *known - 1);
        r->v = v;
        r->deleted = deleted;
        return;
    }
    uint32_t i = new_row(s);
    *rowset_row(s, i) = (struct row){a, b, v, 0, (uint8_t)t, deleted};
    enter(s, i);
}

/* ---- and away ---- */

/* Out of its shard; those behind it that it had pushed on move up. */
static void unhash(const struct rowset *s, struct row_index *x, uint32_t hole) {
    for (uint32_t at = (hole + 1) & x->mask; x->v[at]; at = (at + 1) & x->mask) {
        uint32_t home = key_hash(rowset_row(s, x->v[at] - 1)) & x->mask;
        if (((at - home) & x->mask) < ((at - hole) & x->mask)) continue; /* it is between its home and the hole: stays */
        x->v[hole] = x->v[at];
        hole = at;
    }
    x->v[hole] = 0;
    x->n--;
}

void rowset_forget(struct rowset *s, enum row_table t, uint64_t a, uint64_t b) {
    uint32_t *place = key_place(s, t, a, b);
    if (!place || !*place) return;
    uint32_t *group = group_place(s, t, a), i = *place - 1;
    struct row *r = rowset_row(s, i);
    if (*group != i + 1 || !r->next) { /* not the newest of its group, or the only one: taking it out would cost more than keeping it */
        r->deleted = true;
        return;
    }
    *group = r->next;
    struct row_index *x = &s->by_key[shard_of(key_hash(r))];
    unhash(s, x, (uint32_t)(place - x->v));
    *r = (struct row){.table = ROW_TABLES, .next = s->empty};
    s->empty = i + 1;
}

const struct row *rowset_find(const struct rowset *s, enum row_table t, uint64_t a, uint64_t b) {
    const uint32_t *i = s ? key_place(s, t, a, b) : NULL;
    return i && *i ? rowset_row(s, *i - 1) : NULL;
}

const struct row *rowset_next(const struct rowset *s, enum row_table t, uint64_t a, const struct row *last) {
    const uint32_t *i = !s ? NULL : last ? &last->next : group_place(s, t, a);
    return i && *i ? rowset_row(s, *i - 1) : NULL;
}

bool rowset_merge_under(struct rowset *into, const struct rowset *older, uint32_t *at, uint32_t most) {
    for (; *at < older->n && most--; ++*at) {
        const struct row *r = rowset_row(older, *at);
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
