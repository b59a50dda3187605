/* SPDX-License-Identifier: MIT */
/*
 * The warm paths of property and verb look-up, to be inlined into the machine's loop. Each returns false when it does not know: then call the full function
 * with the same cache. A cache belongs to one place in a program, where the name does not change.
 */
#ifndef DB_FAST_H
#define DB_FAST_H

#include "base/list.h"
#include "db/usage.h"

static inline struct object *db_fast_object(struct db *db, objid id) {
    if ((uint64_t)id >= db->cap) return NULL;
    struct object *o = db->objects[id];
    if ((uintptr_t)o <= 1) return NULL;
    o->touched = TOUCHED;
    return o;
}

static inline bool db_fast_is_wizard(struct db *db, objid who) {
    struct object *o = db_fast_object(db, who);
    return o && (o->flags & OF_WIZARD);
}

static inline bool db_fast_owns(const struct object *o, const struct prop_cache *c, unsigned bits, objid progr) {
    if (__builtin_expect(bits & SLOT_OWNED, 0)) return slot_owner(o, c->slot) == progr;
    return c->owner == progr || (c->owner == PROP_OWNER_OF_OBJECT && o->owner == progr);
}

/* db_get_property() that succeeds; anything else is for the full function. The store to `touched' stands behind the loads, so that none of them is done twice. */
__attribute__((always_inline)) static inline bool db_fast_get(struct db *db, objid id, objid progr, const struct prop_cache *c, value *out) {
    if ((uint64_t)id >= db->cap) return false;
    struct object *o = db->objects[id];
    if ((uintptr_t)o <= 1 || o->layout != c->layout || c->epoch != db->prop_epoch) return false;
    int64_t *slots = o->slots, payload = slots[c->slot];
    struct slot_meta m = *slot_meta(slots, c->slot);
    if (!(m.bits & PF_READ) && !db_fast_owns(o, c, m.bits, progr) && !db_fast_is_wizard(db, progr)) return false;
    o->touched = TOUCHED;
    if (type_is_no_value(m.type)) {
        if (m.type != V_CLEAR) return false;
        if ((uint64_t)c->holder >= db->cap) return false; /* NOTHING */
        const struct object *holder = db->objects[c->holder]; /* an ancestor, which does not leave before o: it need not be touched */
        if ((uintptr_t)holder <= 1) return false;
        m = *slot_meta(holder->slots, c->slot); /* the same slot in all who inherit it */
        payload = holder->slots[c->slot];
        if (m.type == SLOT_UNREAD) return false;
    }
    *out = value_ref((value){.type = m.type, .u.i = payload});
    return true;
}

/* db_set_property() that succeeds, and has taken v. */
__attribute__((always_inline)) static inline bool db_fast_set(struct db *db, objid id, value v, objid progr, const struct prop_cache *c) {
    struct object *o = db_fast_object(db, id);
    if (!o || o->layout != c->layout || c->epoch != db->prop_epoch) return false;
    struct slot_meta *m = slot_meta(o->slots, c->slot);
    if (type_is_no_value(m->type) || v.type == V_MAP || (v.type == V_LIST && v.u.l->bytes > VALUE_STORED_MAX)) return false; /* a map: rare, and its size is to be looked at */
    if (!(m->bits & PF_WRITE) && !db_fast_owns(o, c, m->bits, progr) && !db_fast_is_wizard(db, progr)) return false;
    value old = {.type = m->type, .u.i = o->slots[c->slot]};
    object_dirty(db, o, OS_SLOTS);
    if ((v.type | old.type) != V_INT || !(m->bits & SLOT_DIRTY)) { /* V_INT is 0: an integer in the place of one */
        int64_t bytes = value_growth(v, old);
        if (bytes) usage_grew(db, o, bytes);
        if (!(m->bits & SLOT_DIRTY)) slot_first_change(db, o, c->slot, v, old, progr);
    }
    m->type = (uint8_t)v.type;
    o->slots[c->slot] = v.u.i;
    value_unref(old);
    return true;
}

/* The cache still tells which verb this is. */
static inline bool db_fast_verb_known(struct db *db, objid id, const struct verb_cache *c) {
    if ((uint64_t)id >= db->cap) return false;
    struct object *o = db->objects[id];
    if ((uintptr_t)o <= 1 || o->layout != c->layout || c->epoch != db->verb_epoch) return false;
    o->touched = TOUCHED;
    return true;
}

/* db_find_callable_verb() with what is in the cache. true: known, and *found tells whether there is one. */
static inline bool db_fast_verb(struct db *db, objid id, const struct verb_cache *c, bool *found) {
    if (!db_fast_verb_known(db, id, c)) return false;
    db->verb_hits++;
    *found = c->verb.definer != NOTHING;
    return true;
}

#endif
