/* SPDX-License-Identifier: MIT */
/*
 * Indexes beside the objects: what each owner owns, who is a player.
 *
 * Both are cold until first asked for: until then changes go only to the rows of the next save, and a world opens without reading them.
 */
#include <stdlib.h>
#include <string.h>

#include "db/internal.h"
#include "db/load.h"

/* ---- owned: open addressing by owner; keys of the links are object numbers ---- */

struct owner {
    objid owner;
    bool used, cold;
    struct links *list;
};
struct owned_index {
    struct owner *v;
    size_t mask, n;
    bool asked; /* since owned_cool() */
};

static size_t owner_hash(objid owner) { return (size_t)((uint64_t)owner * 0x9e3779b97f4a7c15u >> 20); }

static struct owner *owner_find(struct owned_index *x, objid owner) {
    size_t at = owner_hash(owner) & x->mask;
    while (x->v[at].used && x->v[at].owner != owner) at = (at + 1) & x->mask;
    return &x->v[at];
}

static void owned_grow(struct owned_index *x) {
    struct owned_index old = *x;
    x->mask = x->v ? x->mask * 2 + 1 : 63;
    x->v = xcalloc(x->mask + 1, sizeof *x->v);
    if (!old.v) return;
    for (size_t i = 0; i <= old.mask; i++)
        if (old.v[i].used) *owner_find(x, old.v[i].owner) = old.v[i];
    free(old.v);
}

static struct owner *owner_get(struct db *db, objid owner) {
    if (!db->owned) db->owned = xcalloc(1, sizeof *db->owned);
    struct owned_index *x = db->owned;
    if (!x->v || x->n * 2 > x->mask) owned_grow(x);
    struct owner *w = owner_find(x, owner);
    if (!w->used) {
        *w = (struct owner){.owner = owner, .used = true, .cold = db->store != NULL};
        x->n++;
    }
    return w;
}

void owned_free(struct db *db) {
    if (!db->owned) return;
    for (size_t i = 0; db->owned->v && i <= db->owned->mask; i++) links_free(db->owned->v[i].list);
    free(db->owned->v);
    free(db->owned);
    db->owned = NULL;
}

void owned_cool(struct db *db) {
    if (!db->owned) return;
    if (db->owned->asked) db->owned->asked = false;
    else owned_free(db);
}

/* Of a cold list all is in the store or among the changed rows; the part that was read follows. */
void owned_add(struct db *db, objid owner, objid o) {
    struct owner *w = owner_get(db, owner);
    links_insert_read(&w->list, w->cold, (uint64_t)o + 1, o);
    row_put(db, ROW_OWNED, (uint64_t)owner, (uint64_t)o, o);
}

void owned_remove(struct db *db, objid owner, objid o) {
    struct owner *w = owner_get(db, owner);
    links_remove(w->list, (uint64_t)o + 1);
    row_delete(db, ROW_OWNED, (uint64_t)owner, (uint64_t)o);
}

/* Asking about an owner that is not in the index leaves it so: most are asked once, when they are recycled. But what takes longer than there is time for is kept for the next time. */
static value owned_unindexed(struct db *db, objid owner, const struct read_limit *limit) {
    struct links *all = NULL;
    bool whole = load_rows(db, ROW_OWNED, (uint64_t)owner, limit, &all);
    value v = whole ? links_to_list(all, limit->patience) : value_none();
    if (v.type == V_NONE) {
        struct owner *w = owner_get(db, owner);
        db->owned->asked = true;
        w->list = all;
        w->cold = !whole;
    } else {
        links_free(all);
    }
    return v;
}

value owned_objects(struct db *db, objid owner, const struct read_limit *limit) {
    if (!db->owned || !db->owned->v || !owner_find(db->owned, owner)->used) return owned_unindexed(db, owner, limit);
    struct owner *w = owner_get(db, owner);
    db->owned->asked = true;
    if (w->cold && !load_rows(db, ROW_OWNED, (uint64_t)owner, limit, &w->list)) return value_none();
    w->cold = false;
    return links_to_list(w->list, limit->patience);
}

value db_owned_objects(struct db *db, objid owner, const struct patience *p) { return owned_objects(db, owner, &(struct read_limit){SIZE_MAX, p}); }

/* ---- players ---- */

bool players_load(struct db *db, const struct read_limit *limit) {
    if (db->players_cold && !load_rows(db, ROW_PLAYER, 0, limit, &db->players)) return false;
    db->players_cold = false;
    return true;
}

struct links *players_loaded(struct db *db) {
    players_load(db, NULL);
    return db->players;
}

void players_add(struct db *db, objid o) {
    players_loaded(db);
    uint64_t key = db_next_key(db);
    links_append(&db->players, key, o);
    row_put(db, ROW_PLAYER, 0, key, o);
}

void players_remove(struct db *db, objid o) {
    struct links *l = players_loaded(db);
    for (uint32_t i = l ? l->first : 0; l && i < l->n; i++) {
        if (l->v[i].o != o) continue;
        row_delete(db, ROW_PLAYER, 0, l->v[i].key);
        links_remove(l, l->v[i].key);
        return;
    }
}

value db_players(struct db *db, const struct patience *p) { return players_load(db, &(struct read_limit){SIZE_MAX, p}) ? links_to_list(db->players, p) : value_none(); }
