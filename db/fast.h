/* SPDX-License-Identifier: MIT */
/*
 * The warm paths of property and verb look-up, to be inlined into the machine's loop. Each returns false when it does not know: then call the full function
 * with the same cache. A cache belongs to one place in a program, where the name does not change.
 */
#ifndef DB_FAST_H
#define DB_FAST_H

#include "base/list.h"
#include "db/internal.h"

static inline struct object *db_fast_object(struct db *db, objid id) {
    if ((uint64_t)id >= db->cap) return NULL;
    struct object *o = db->objects[id];
    return (uintptr_t)o > 1 ? o : NULL;
}

static inline bool db_fast_is_wizard(struct db *db, objid who) {
    struct object *o = db_fast_object(db, who);
    return o && (o->flags & OF_WIZARD);
}

/* db_get_property() that succeeds; anything else is for the full function. */
static inline bool db_fast_get(struct db *db, objid id, objid progr, const struct prop_cache *c, value *out) {
    struct object *o = db_fast_object(db, id);
    if (!o || o->layout != c->layout || c->epoch != db->prop_epoch) return false;
    const struct slot *s = &o->slots[c->slot];
    if (!(s->perms & PF_READ) && s->owner != progr && !db_fast_is_wizard(db, progr)) return false;
    if (s->type == V_CLEAR) {
        struct object *h = db_fast_object(db, c->holder);
        if (!h) return false;
        s = &h->slots[c->holder_slot];
    }
    *out = value_ref((value){.type = s->type, .u.i = s->payload});
    return true;
}

/* db_set_property() that succeeds, and has taken v. */
static inline bool db_fast_set(struct db *db, objid id, value v, objid progr, const struct prop_cache *c) {
    struct object *o = db_fast_object(db, id);
    if (!o || o->layout != c->layout || c->epoch != db->prop_epoch) return false;
    struct slot *s = &o->slots[c->slot];
    if (s->type == V_CLEAR || (v.type == V_LIST && v.u.l->bytes > VALUE_STORED_MAX)) return false;
    if (!(s->perms & PF_WRITE) && s->owner != progr && !db_fast_is_wizard(db, progr)) return false;
    value old = slot_value(s);
    s->type = (uint8_t)v.type;
    s->payload = v.u.i;
    s->state |= SLOT_DIRTY;
    object_dirty(db, o, OS_SLOTS);
    value_unref(old);
    return true;
}

/* The cache still tells which verb this is. */
static inline bool db_fast_verb_known(struct db *db, objid id, const struct verb_cache *c) {
    struct object *o = db_fast_object(db, id);
    return o && o->layout == c->layout && c->epoch == db->verb_epoch;
}

/* db_find_callable_verb() with what is in the cache. true: known, and *found tells whether there is one. */
static inline bool db_fast_verb(struct db *db, objid id, const struct verb_cache *c, bool *found) {
    if (!db_fast_verb_known(db, id, c)) return false;
    db->verb_hits++;
    *found = c->verb.definer != NOTHING;
    return true;
}

#endif
