/* SPDX-License-Identifier: MIT */
/*
 * An object gets another number. The only thing here that looks at the whole world: owners of objects, verbs and slots are everywhere. With a store, objects
 * that need no change are dropped again as it goes.
 *
 * Shapes keep the old owners until the end: an object that is loaded half-way gets slots with the old number, which then follow like everybody's.
 */
#include "db/internal.h"
#include "db/usage.h"
#include "db/watch.h"

struct change {
    objid from, to;
};

enum { BATCH = 4096 };

/* What an owner becomes: references to the dead number that is now taken are dropped. */
static bool owner_follows(objid *owner, struct change c) {
    if (*owner == c.from) *owner = c.to;
    else if (*owner == c.to) *owner = NOTHING;
    else return false;
    return true;
}

static void slots_follow(struct db *db, struct object *o, struct change c) {
    for (uint32_t i = 0; i < o->shape->n; i++) {
        objid owner = slot_owner(o, i);
        if (!owner_follows(&owner, c)) continue;
        slot_need(db, o, i);
        if (slot_bits(o, i) & SLOT_OWNED) slot_set_owner(o, i, owner); /* else it follows its definition or object; but a record may name it */
        slot_add_bits(o, i, SLOT_DIRTY);
        object_dirty(db, o, OS_SLOTS);
    }
}

static void defs_follow(struct db *db, struct object *o, struct change c) {
    for (uint32_t i = 0; o->defs && i < o->defs->nprops; i++)
        if (owner_follows(&o->defs->props[i].owner, c)) object_dirty(db, o, OS_PROPDEFS);
    for (uint32_t i = 0; o->defs && i < o->defs->nverbs; i++)
        if (owner_follows(&o->defs->verbs[i].owner, c)) {
            o->defs->verbs[i].state |= VERB_DIRTY;
            object_dirty(db, o, OS_VERBS);
        }
}

static void owner_changes(struct db *db, struct object *o, struct change c) {
    objid owner = o->owner;
    if (!owner_follows(&owner, c)) return;
    owned_remove(db, o->owner, o->id);
    o->owner = owner;
    owned_add(db, owner, o->id);
    object_dirty(db, o, OS_HEADER);
}

static void owners_follow(struct db *db, struct change c) {
    for (objid id = 0; id <= db->max; id++) {
        struct object *o = object_at(db, id);
        if (o) {
            slots_follow(db, o, c);
            defs_follow(db, o, c);
            owner_changes(db, o, c);
        }
        if (db->store && id % BATCH == BATCH - 1) db_evict_clean(db);
    }
}

static void children_follow(struct db *db, struct object *o, struct change c) {
    object_load_children(db, o, NULL);
    uint64_t key = 0;
    for (objid kid; (kid = links_next(object_children(o), &key)) != NOTHING;) {
        struct object *k = object_at(db, kid);
        object_dirty(db, k, OS_HEADER);
        row_delete(db, ROW_CHILDREN, (uint64_t)c.from, key);
        row_put(db, ROW_CHILDREN, (uint64_t)c.to, key, kid);
    }
}

static void contents_follow(struct db *db, struct object *o, struct change c) {
    object_load_contents(db, o, NULL);
    uint64_t key = 0;
    for (objid in; (in = links_next(object_contents(o), &key)) != NOTHING;) {
        struct object *k = object_at(db, in);
        k->location = c.to;
        object_dirty(db, k, OS_HEADER);
        row_delete(db, ROW_CONTENTS, (uint64_t)c.from, key);
        row_put(db, ROW_CONTENTS, (uint64_t)c.to, key, in);
    }
}

static void places_follow(struct db *db, struct object *o, struct change c) {
    struct object *where = object_at(db, o->location);
    if (o->up) object_put_child(db, o->up, o->child_key, c.to);
    if (where) object_put_content(db, where, o->content_key, c.to);
    owned_remove(db, o->owner, c.from);
    owned_add(db, o->owner, c.to);
    free_add(db, c.from);
    free_remove(db, c.to);
    struct links *players = players_loaded(db);
    uint64_t key = 0;
    for (objid p; (p = links_next(players, &key)) != NOTHING;)
        if (p == c.from) {
            links_insert(&db->players, key, c.to);
            row_put(db, ROW_PLAYER, 0, key, c.to);
        }
}

/* Everything it has is written anew under the new number. */
static void records_follow(struct db *db, struct object *o, struct change c) {
    for (uint32_t i = 0; i < o->shape->n; i++) slot_need(db, o, i);
    object_drop_records(db, o);
    db->objects[c.from] = OBJECT_ABSENT;
    db->objects[c.to] = o;
    o->id = c.to;
    for (uint32_t i = 0; i < o->shape->n; i++) {
        slot_drop_bits(o, i, SLOT_STORED | SLOT_PUTTING | SLOT_DELETING);
        slot_add_bits(o, i, SLOT_DIRTY);
    }
    for (uint32_t i = 0; o->defs && i < o->defs->nverbs; i++) {
        o->defs->verbs[i].state |= VERB_DIRTY;
        o->defs->verbs[i].state &= ~(unsigned)VERB_STORED;
    }
    o->state &= (uint16_t)~(OS_QUEUED | OS_DIRTY_MASK | OS_STORED);
    object_mark(db, o, OS_DIRTY_MASK);
}

objid db_renumber(struct db *db, objid id) {
    db_save_finish(db); /* which knows objects by number; so nothing here is pending */
    struct object *o = object_must(db, id);
    struct change c = {id, db_next_free(db, 0, id)};
    if (c.to == NOTHING) return id;
    owners_follow(db, c);
    o = object_at(db, id);
    children_follow(db, o, c);
    contents_follow(db, o, c);
    places_follow(db, o, c);
    records_follow(db, o, c);
    for (objid i = 0; i <= db->max; i++) {
        struct object *root = (uint64_t)i < db->cap ? db->objects[i] : NULL;
        if ((uintptr_t)root > 1 && !root->up) shape_refit_tree(db, root);
    }
    db->prop_epoch++;
    db->verb_epoch++;
    watch_moved(db);
    usage_recount(db);
    return c.to;
}
