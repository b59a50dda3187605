/* SPDX-License-Identifier: MIT */
/*
 * Properties: reading and writing with every check, definitions, and the slots that descendants have of them.
 *
 * The warm way is db_property_fast_get/set in db/fast.h: layout and epoch equal, so slot and holder are right. What is here is the way to get warm.
 */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "db/fast.h"
#include "db/heirs.h"
#include "db/history.h"
#include "db/internal.h"
#include "db/readings.h"
#include "db/usage.h"
#include "db/watch.h"

static bool slot_allows(struct db *db, const struct object *o, uint32_t i, objid who, unsigned f) {
    return (slot_perms(o, i) & f) || slot_owner(o, i) == who || object_is_wizard(db, who);
}

void slot_first_change(struct db *db, struct object *o, uint32_t i, value v, value old, objid progr) {
    slot_add_bits(o, i, SLOT_DIRTY);
    if (VALUE_HAS_HISTORY(v, old)) history_note_setter(db, o, i, progr);
}

static void slot_set(struct db *db, struct object *o, uint32_t i, value v, objid progr) {
    value old = slot_value(o, i);
    if (old.type == SLOT_UNREAD) reading_forget(db, o->id, o->shape->slots[i].id);
    bool moved = (old.type == V_CLEAR) != (v.type == V_CLEAR);
    object_dirty(db, o, OS_SLOTS);
    if (!(slot_bits(o, i) & SLOT_DIRTY)) slot_first_change(db, o, i, v, old, progr);
    watch_name(db, o->shape->slots[i].name);
    int64_t before = usage_of_slot(o, i);
    slot_put_value(o, i, v);
    slot_add_bits(o, i, SLOT_DIRTY);
    usage_grew(db, o, usage_of_slot(o, i) - before);
    if (moved) layout_values_moved(db, o);
    value_unref(old); /* last: what it frees may be long */
}

/* Where a slot's value is: on o or, when it is clear there, on the nearest ancestor that has one. NULL: nowhere (a clear definition). */
static struct object *holder_from(struct object *o, uint32_t i, uint64_t id) {
    for (; o && i < o->shape->n && o->shape->slots[i].id == id; o = o->up)
        if (slot_type(o, i) != V_CLEAR) return o;
    return NULL;
}

static struct object *slot_holder(struct object *o, uint32_t i) { return holder_from(o, i, o->shape->slots[i].id); }

/* false: there is no time to read it, and *out is NONE. */
static bool slot_read(struct db *db, struct object *o, uint32_t i, const struct patience *patience, value *out) {
    struct object *h;
    *out = value_none();
    while ((h = slot_holder(o, i)) && slot_is_unread(h, i)) /* damage makes it clear: then another one is the holder */
        if (!slot_load(db, h, i, patience)) return false;
    *out = h ? value_ref(slot_value(h, i)) : value_int(0);
    return true;
}

static value slot_read_now(struct db *db, struct object *o, uint32_t i) {
    value v;
    slot_read(db, o, i, NULL, &v);
    return v;
}

/* ---- built-in ones ---- */

static const struct {
    const char *name;
    uint32_t len;
} builtin_props[] = {
    [BP_NONE] = {"", 0},
#define BUILTIN_PROP(id, name, type, doc) [BP_##id] = {name, sizeof name - 1},
#include "db/builtin_props.def"
#undef BUILTIN_PROP
};

enum builtin_prop builtin_prop_by_name(const struct str *name) {
    for (unsigned i = 1; i < BP_COUNT; i++)
        if (builtin_props[i].len == name->len && !bytes_compare_fold(builtin_props[i].name, name->len, name->data, name->len)) return (enum builtin_prop)i;
    return BP_NONE;
}

void db_set_protected_props(struct db *db, uint32_t mask) { db->protected_props = mask; }

static bool is_protected(struct db *db, enum builtin_prop p, objid who) { return (db->protected_props >> p & 1) && !object_is_wizard(db, who); }

static value flag_value(const struct object *o, unsigned f) { return value_int((o->flags & f) != 0); }

static value builtin_get(struct db *db, struct object *o, enum builtin_prop p, const struct patience *patience) {
    switch (p) {
    case BP_NAME: return value_str(str_ref(o->name));
    case BP_OWNER: return value_obj(o->owner);
    case BP_PROGRAMMER: return flag_value(o, OF_PROGRAMMER);
    case BP_WIZARD: return flag_value(o, OF_WIZARD);
    case BP_R: return flag_value(o, OF_READ);
    case BP_W: return flag_value(o, OF_WRITE);
    case BP_F: return flag_value(o, OF_FERTILE);
    case BP_LOCATION: return value_obj(o->location);
    case BP_CONTENTS: return db_contents(db, o->id, patience);
    case BP_NONE:
    case BP_COUNT: break;
    }
    must(!"a built-in property");
    return value_none();
}

/* Type first, then permission, as language.md 13 has it, and then what there is no room for. */
static enum error builtin_check_set(struct db *db, const struct object *o, enum builtin_prop p, value v, objid progr) {
    bool wizard = object_is_wizard(db, progr);
    switch (p) {
    case BP_NAME:
        if (v.type != V_STR) return E_TYPE;
        if (!wizard && (o->owner != progr || o->flags & OF_PLAYER || is_protected(db, p, progr))) return E_PERM;
        return wizard || v.u.s->len <= DB_NAMES_MAX ? E_NONE : E_QUOTA;
    case BP_OWNER:
        if (v.type != V_OBJ) return E_TYPE;
        return wizard ? E_NONE : E_PERM;
    case BP_PROGRAMMER:
    case BP_WIZARD: return wizard ? E_NONE : E_PERM;
    case BP_R:
    case BP_W:
    case BP_F: return wizard || (o->owner == progr && !is_protected(db, p, progr)) ? E_NONE : E_PERM;
    case BP_LOCATION:
    case BP_CONTENTS:
    case BP_NONE:
    case BP_COUNT: break;
    }
    return E_PERM;
}

static void builtin_set(struct db *db, struct object *o, enum builtin_prop p, value v) {
    static const unsigned flag_of[BP_COUNT] = {
        [BP_PROGRAMMER] = OF_PROGRAMMER, [BP_WIZARD] = OF_WIZARD, [BP_R] = OF_READ, [BP_W] = OF_WRITE, [BP_F] = OF_FERTILE};
    if (p == BP_NAME) {
        object_set_name(db, o, v.u.s);
    } else if (p == BP_OWNER) {
        object_set_owner(db, o, v.u.o);
    } else {
        must(flag_of[p]);
        object_dirty(db, o, OS_HEADER);
        if (p == BP_WIZARD) watch_moved(db);
        o->flags = value_is_true(v) ? o->flags | flag_of[p] : o->flags & ~flag_of[p];
    }
}

/* ---- with a cache ---- */

static void cache_fill(struct db *db, struct prop_cache *c, const struct object *o, uint32_t slot) {
    /* from the parent on: o itself may have a value, but the next object of this layout may have it clear */
    const struct shape_slot *def = &o->shape->slots[slot];
    if (watch_has(db, def->name)) return; /* each change is to be seen */
    const struct object *h = holder_from(o->up, slot, def->id);
    *c = (struct prop_cache){.layout = o->layout, .slot = slot, .epoch = db->prop_epoch, .holder = h ? h->id : NOTHING,
                             .owner = def->perms & PF_CHOWN ? PROP_OWNER_OF_OBJECT : def->owner};
}

/* The slot of a property that is not built in, E_NONE; or what is wrong. Permissions are not looked at. */
static enum error find_slot(struct db *db, objid id, struct str *name, struct prop_cache *cache, struct object **o, enum builtin_prop *builtin,
                            uint32_t *slot) {
    *o = object_enter(db, id);
    if (!*o) return E_INVIND;
    *builtin = cache && !cache->layout && cache->slot ? (enum builtin_prop)cache->slot : builtin_prop_by_name(name);
    if (*builtin != BP_NONE) {
        if (cache) *cache = (struct prop_cache){.slot = *builtin};
        return E_NONE;
    }
    int64_t at = shape_find((*o)->shape, name);
    *slot = (uint32_t)at;
    return at >= 0 ? E_NONE : E_PROPNF;
}

enum error db_get_property(struct db *db, objid id, struct str *name, objid progr, struct prop_cache *cache, const struct patience *patience, value *out) {
    if (cache && db_fast_get(db, id, progr, cache, out)) return E_NONE;
    struct object *o;
    enum builtin_prop builtin;
    uint32_t slot;
    enum error e = find_slot(db, id, name, cache, &o, &builtin, &slot);
    if (e != E_NONE) return e;
    if (builtin != BP_NONE) {
        if (is_protected(db, builtin, progr)) return E_PERM;
        *out = builtin_get(db, o, builtin, patience);
        return E_NONE;
    }
    if (!slot_allows(db, o, slot, progr, PF_READ)) return E_PERM;
    if (slot_read(db, o, slot, patience, out) && cache) cache_fill(db, cache, o, slot);
    return E_NONE;
}

enum error db_set_property(struct db *db, objid id, struct str *name, value v, objid progr, struct prop_cache *cache) {
    if (cache && db_fast_set(db, id, v, progr, cache)) return E_NONE;
    struct object *o;
    enum builtin_prop builtin;
    uint32_t slot;
    enum error e = find_slot(db, id, name, cache, &o, &builtin, &slot);
    if (e == E_NONE && builtin != BP_NONE) {
        e = builtin_check_set(db, o, builtin, v, progr);
        if (e == E_NONE) builtin_set(db, o, builtin, v);
    } else if (e == E_NONE) {
        if (!slot_allows(db, o, slot, progr, PF_WRITE)) {
            e = E_PERM;
        } else if (value_bytes(v) > VALUE_STORED_MAX) {
            e = E_QUOTA;
        } else {
            slot_set(db, o, slot, v, progr);
            if (cache) cache_fill(db, cache, o, slot);
            return E_NONE;
        }
    }
    value_unref(v);
    return e;
}

bool db_read_property(struct db *db, objid id, const char *name, const struct patience *patience, value *out) {
    struct str *s = str_from(name);
    struct object *o;
    enum builtin_prop builtin;
    uint32_t slot;
    enum error e = find_slot(db, id, s, NULL, &o, &builtin, &slot);
    if (e == E_NONE && builtin != BP_NONE) *out = builtin_get(db, o, builtin, patience);
    else if (e == E_NONE) slot_read(db, o, slot, patience, out);
    str_unref(s);
    return e == E_NONE;
}

/* ---- found ones ---- */

bool db_find_property(struct db *db, objid id, struct str *name, struct propref *out) {
    struct object *o;
    *out = (struct propref){.object = id, .definer = NOTHING};
    if (find_slot(db, id, name, NULL, &o, &out->builtin, &out->slot) != E_NONE) return false;
    if (out->builtin == BP_NONE) out->definer = o->shape->slots[out->slot].definer;
    return true;
}

static struct object *prop_object(struct db *db, const struct propref *p) {
    struct object *o = object_must(db, p->object);
    must(p->builtin != BP_NONE || p->slot < o->shape->n);
    return o;
}

objid db_prop_owner(struct db *db, const struct propref *p) {
    struct object *o = prop_object(db, p);
    return p->builtin != BP_NONE ? o->owner : slot_owner(o, p->slot);
}

unsigned db_prop_flags(struct db *db, const struct propref *p) {
    struct object *o = prop_object(db, p);
    return p->builtin != BP_NONE ? PF_READ : slot_perms(o, p->slot);
}

static void slot_set_info(struct db *db, struct object *o, uint32_t i, objid owner, unsigned flags) {
    int64_t before = usage_of_slot(o, i);
    watch_name(db, o->shape->slots[i].name);
    slot_set_owner(o, i, owner);
    slot_set_perms(o, i, flags);
    usage_grew(db, o, usage_of_slot(o, i) - before);
}

void db_prop_set_info(struct db *db, const struct propref *p, objid owner, unsigned flags) {
    struct object *o = prop_object(db, p);
    must(p->builtin == BP_NONE);
    slot_need(db, o, p->slot);
    object_dirty(db, o, OS_SLOTS);
    slot_set_info(db, o, p->slot, owner, flags);
    slot_add_bits(o, p->slot, SLOT_DIRTY);
}

bool db_prop_allows(struct db *db, const struct propref *p, objid who, enum prop_flag f) {
    struct object *o = prop_object(db, p);
    if (p->builtin != BP_NONE) return f == PF_READ && !is_protected(db, p->builtin, who);
    return slot_allows(db, o, p->slot, who, f);
}

bool db_prop_is_clear(struct db *db, const struct propref *p) {
    struct object *o = prop_object(db, p);
    return p->builtin == BP_NONE && slot_type(o, p->slot) == V_CLEAR;
}

void db_prop_clear(struct db *db, const struct propref *p, objid progr) {
    struct object *o = prop_object(db, p);
    must(p->builtin == BP_NONE);
    slot_set(db, o, p->slot, value_clear(), progr);
}

value db_prop_value(struct db *db, const struct propref *p) {
    struct object *o = prop_object(db, p);
    return p->builtin != BP_NONE ? builtin_get(db, o, p->builtin, NULL) : slot_read_now(db, o, p->slot);
}

bool db_prop_ready(struct db *db, const struct propref *p, const struct patience *patience) {
    struct object *o = prop_object(db, p);
    return p->builtin != BP_NONE || !slot_is_unread(o, p->slot) || slot_load(db, o, p->slot, patience);
}

void db_prop_set_value(struct db *db, const struct propref *p, value v) {
    struct object *o = prop_object(db, p);
    if (p->builtin == BP_NONE) {
        slot_set(db, o, p->slot, v, NOTHING);
        return;
    }
    builtin_set(db, o, p->builtin, v);
    value_unref(v);
}

value db_prop_raw_value(struct db *db, const struct propref *p) {
    struct object *o = prop_object(db, p);
    if (p->builtin != BP_NONE) return builtin_get(db, o, p->builtin, NULL);
    slot_need(db, o, p->slot);
    return value_ref(slot_value(o, p->slot));
}

size_t db_count_props(struct db *db, objid o) { return object_must(db, o)->shape->n; }

void db_prop_at(struct db *db, objid id, size_t i, struct propref *out, struct str **name) {
    struct object *o = object_must(db, id);
    must(i < o->shape->n);
    struct object *at = o; /* slots run from the root down, dumps from the object up */
    for (uint32_t own; i >= (own = at->defs ? at->defs->nprops : 0); at = at->up) i -= own;
    uint32_t slot = (at->up ? at->up->shape->n : 0) + (uint32_t)i;
    *out = (struct propref){.object = id, .builtin = BP_NONE, .definer = at->id, .slot = slot};
    if (name) *name = o->shape->slots[slot].name;
}

/* ---- definitions ---- */

static int64_t own_propdef(const struct object *o, const struct str *name) {
    for (uint32_t i = 0; o->defs && i < o->defs->nprops; i++)
        if (str_equal(o->defs->props[i].name, name)) return i;
    return -1;
}

static void definitions_change(struct db *db, struct object *o) { object_dirty(db, o, OS_PROPDEFS | OS_SLOTS); } /* before that */

static void definitions_changed(struct db *db, struct object *o) {
    shape_refit_tree(db, o);
    object_drop_defs(o);
    layout_changed(db, o);
}

/* The last n definitions went in: their slots, or E_INVARG when two have one name. */
static enum error fill_new_slots(struct db *db, struct object *o, struct propdef_new *defs, size_t n) {
    uint32_t first = o->shape->n - (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        if (shape_find(o->shape, defs[i].name) != first + (int64_t)i) return E_INVARG;
    for (size_t i = 0; i < n; i++) {
        /* where it is defined the owner is the one given, `c' or not */
        slot_set_info(db, o, first + (uint32_t)i, defs[i].owner, defs[i].flags);
        slot_set(db, o, first + (uint32_t)i, defs[i].v, NOTHING);
        defs[i].v = value_none();
    }
    return E_NONE;
}

static void drop_last_propdefs(struct db *db, struct object *o, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct str *name = o->defs->props[--o->defs->nprops].name;
        usage_grew(db, o, -usage_of_propdef(name->len));
        watch_name(db, name);
        str_unref(name);
    }
    definitions_changed(db, o);
}

enum error db_add_propdefs(struct db *db, objid id, struct propdef_new *defs, size_t n) {
    struct object *o = object_must(db, id);
    enum error e = E_NONE;
    for (size_t i = 0; i < n && e == E_NONE; i++)
        if (builtin_prop_by_name(defs[i].name) != BP_NONE || shape_find(o->shape, defs[i].name) >= 0 || heirs_define(db, o, defs[i].name)) e = E_INVARG;
    if (n && e == E_NONE) {
        definitions_change(db, o);
        struct defs *d = object_defs(o);
        d->props = xrealloc(d->props, (d->nprops + n) * sizeof *d->props);
        for (size_t i = 0; i < n; i++) {
            usage_grew(db, o, usage_of_propdef(defs[i].name->len));
            watch_name(db, defs[i].name);
        }
        for (size_t i = 0; i < n; i++)
            d->props[d->nprops++] = (struct propdef){.id = db->next_prop_id++, .name = str_ref(defs[i].name), .owner = defs[i].owner, .perms = (uint8_t)defs[i].flags};
        db->meta_changed = true;
        definitions_changed(db, o);
        e = fill_new_slots(db, o, defs, n);
        if (e != E_NONE) drop_last_propdefs(db, o, n);
    }
    for (size_t i = 0; i < n; i++) {
        value_unref(defs[i].v);
        defs[i].v = value_none();
    }
    return e;
}

enum error db_add_propdef(struct db *db, objid id, struct str *name, value v, objid owner, unsigned flags) {
    if (flags & PF_CHOWN) owner = object_must(db, id)->owner; /* whatever owner was named */
    struct propdef_new def = {name, v, owner, flags};
    return db_add_propdefs(db, id, &def, 1);
}

enum error db_delete_propdef(struct db *db, objid id, struct str *name) {
    struct object *o = object_must(db, id);
    int64_t at = own_propdef(o, name);
    if (at < 0) return E_PROPNF;
    struct defs *d = o->defs;
    definitions_change(db, o);
    heirs_drop_prop(db, o, d->props[at].id);
    watch_name(db, d->props[at].name);
    usage_grew(db, o, -usage_of_propdef(d->props[at].name->len));
    str_unref(d->props[at].name);
    d->nprops--;
    memmove(d->props + at, d->props + at + 1, (d->nprops - (size_t)at) * sizeof *d->props);
    definitions_changed(db, o);
    return E_NONE;
}

enum error db_rename_propdef(struct db *db, objid id, struct str *old_name, struct str *new_name) {
    struct object *o = object_must(db, id);
    int64_t at = own_propdef(o, old_name);
    if (at < 0) return E_PROPNF;
    if (!str_equal(old_name, new_name) && (builtin_prop_by_name(new_name) != BP_NONE || shape_find(o->shape, new_name) >= 0 || heirs_define(db, o, new_name)))
        return E_INVARG;
    definitions_change(db, o);
    usage_grew(db, o, (int64_t)new_name->len - (int64_t)old_name->len);
    watch_name(db, old_name);
    watch_name(db, new_name);
    str_ref(new_name);
    str_unref(o->defs->props[at].name);
    o->defs->props[at].name = new_name;
    definitions_changed(db, o);
    return E_NONE;
}

value db_propdefs(struct db *db, objid id) {
    struct object *o = object_must(db, id);
    uint32_t n = o->defs ? o->defs->nprops : 0;
    struct list *l = list_new(n);
    for (uint32_t i = 0; i < n; i++) l = list_append_take(l, value_str(str_ref(o->defs->props[i].name)));
    return value_list(l);
}
