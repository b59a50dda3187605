/* SPDX-License-Identifier: MIT */
/*
 * Shapes (which slots there are) and layout ids (what inline caches compare). Invariants 3 to 5 of db/internal.h.
 *
 * A change of definitions or parents rebuilds the shapes of all loaded heirs, parents first. Heirs that are not in memory need nothing: a slot without
 * a record is one that has what the definition says, and that is what they find when they are loaded.
 */
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "db/internal.h"
#include "db/readings.h"
#include "db/usage.h"

/* ---- shapes ---- */

static void shape_index(struct shape *s) {
    uint32_t size = 4;
    while (size < s->n * 2) size *= 2;
    s->mask = size - 1;
    s->index = xcalloc(size, sizeof *s->index);
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t at = str_hash(s->slots[i].name) & s->mask;
        while (s->index[at]) at = (at + 1) & s->mask;
        s->index[at] = i + 1;
    }
}

struct shape *shape_new(const struct shape *base, objid definer, const struct propdef *props, size_t n) {
    struct shape *s = xcalloc(1, sizeof *s);
    uint32_t inherited = base ? base->n : 0;
    s->refs = 1;
    s->n = inherited + (uint32_t)n;
    s->slots = xmalloc((s->n ? s->n : 1) * sizeof *s->slots);
    for (uint32_t i = 0; i < inherited; i++) {
        s->slots[i] = base->slots[i];
        str_ref(s->slots[i].name);
    }
    for (size_t i = 0; i < n; i++)
        s->slots[inherited + i] = (struct shape_slot){props[i].id, str_ref(props[i].name), definer, props[i].owner, props[i].perms};
    shape_index(s);
    return s;
}

void shape_unref(struct shape *s) {
    if (!s || --s->refs) return;
    for (uint32_t i = 0; i < s->n; i++) str_unref(s->slots[i].name);
    free(s->slots);
    free(s->index);
    free(s->by_id);
    free(s);
}

int64_t shape_find(const struct shape *s, const struct str *name) {
    uint32_t at = str_hash(name) & s->mask;
    for (; s->index[at]; at = (at + 1) & s->mask) {
        uint32_t i = s->index[at] - 1;
        if (s->slots[i].name == name || str_equal(s->slots[i].name, name)) return i;
    }
    return -1;
}

static int order_by_id(const void *a, const void *b, void *shape) {
    const struct shape *s = shape;
    uint64_t x = s->slots[*(const uint32_t *)a].id, y = s->slots[*(const uint32_t *)b].id;
    return (x > y) - (x < y);
}

int64_t shape_find_id(struct shape *s, uint64_t id) {
    if (!s->by_id) {
        s->by_id = xmalloc((s->n ? s->n : 1) * sizeof *s->by_id);
        for (uint32_t i = 0; i < s->n; i++) s->by_id[i] = i;
        qsort_r(s->by_id, s->n, sizeof *s->by_id, order_by_id, s);
    }
    uint32_t lo = 0, hi = s->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (s->slots[s->by_id[mid]].id < id) lo = mid + 1;
        else hi = mid;
    }
    return lo < s->n && s->slots[s->by_id[lo]].id == id ? (int64_t)s->by_id[lo] : -1;
}

/* ---- slots follow shapes ---- */

/* A slot that comes into being: letters of the parent's slot, owner by `c'. */
static void slot_inherit(struct db *db, struct object *o, uint32_t i) {
    slot_default(o, i);
    if (o->up && i < o->up->shape->n && o->up->shape->slots[i].id == o->shape->slots[i].id) {
        unsigned perms = slot_perms(o->up, i);
        slot_set_perms(o, i, perms);
        slot_set_owner(o, i, perms & PF_CHOWN ? o->owner : slot_owner(o->up, i));
        if (slot_is_default(o, i)) return;
        usage_grew(db, o, usage_of_slot(o, i));
        slot_add_bits(o, i, SLOT_DIRTY);
        object_dirty(db, o, OS_SLOTS);
    }
}

struct slot_dropping {
    struct db *db;
    struct object *o;
};

static void slot_drop(void *ctx, uint32_t i) {
    struct slot_dropping *d = ctx;
    if (slot_bits(d->o, i) & (SLOT_STORED | SLOT_PUTTING)) {
        object_dirty(d->db, d->o, OS_SLOTS);
        row_delete(d->db, ROW_PROPVAL, (uint64_t)d->o->id, d->o->shape->slots[i].id);
    }
    if (slot_is_unread(d->o, i)) reading_forget(d->db, d->o->id, d->o->shape->slots[i].id);
    usage_grew(d->db, d->o, -usage_of_slot(d->o, i));
    value_unref(slot_value(d->o, i));
}

/* Where old slot i is in the new shape, or -1. Mostly it stayed where it was. */
static int64_t moved_to(const struct shape *old, uint32_t i, struct shape *now) {
    if (i < now->n && now->slots[i].id == old->slots[i].id) return i;
    return shape_find_id(now, old->slots[i].id);
}

static void move_slots(struct db *db, struct object *o, struct shape *now) {
    struct slot_dropping dropping = {db, o};
    slots_move(o, now, moved_to, slot_drop, &dropping);
    shape_unref(o->shape);
    o->shape = now;
    for (uint32_t i = 0; i < now->n; i++)
        if (slot_type(o, i) == V_NONE) slot_inherit(db, o, i);
}

void shape_refit(struct db *db, struct object *o) {
    struct shape *base = o->up ? o->up->shape : db->no_shape;
    bool own = o->defs && o->defs->nprops;
    if (!own && o->shape == base) return;
    object_touch(db, o);
    move_slots(db, o, own ? shape_new(base, o->id, o->defs->props, o->defs->nprops) : shape_ref(base));
}

void shape_refit_tree(struct db *db, struct object *o) {
    for (struct object *at = o; at; at = object_next_below(at, o)) shape_refit(db, at);
}

/* ---- layout ids ---- */

static void forget_child_layout(struct object *o) {
    if (o->defs) o->defs->child_layout = 0;
}

/* All ids are used up: everybody gets a new one, and nothing that was cached counts any more. */
static void layouts_restart(struct db *db) {
    db->next_layout = 1;
    db->prop_epoch++;
    db->verb_epoch++;
    for (size_t i = 0; i < db->cap; i++)
        if ((uintptr_t)db->objects[i] > 1) db->objects[i]->layout = 0, forget_child_layout(db->objects[i]);
    for (size_t i = 0; i < db->cap; i++)
        if ((uintptr_t)db->objects[i] > 1) layout_assign(db, db->objects[i]);
}

static uint32_t next_layout(struct db *db) {
    if (db->next_layout == UINT32_MAX) layouts_restart(db);
    return db->next_layout++;
}

static size_t names_of(const struct defs *d) {
    size_t n = 0;
    for (uint32_t i = 0; d && i < d->nprops; i++) n += d->props[i].name->len;
    for (uint32_t i = 0; d && i < d->nverbs; i++) n += d->verbs[i].names->len;
    return n;
}

/* For so many slots more in each of the objects that are in memory. */
static bool has_room_below(struct object *o, size_t more) {
    for (struct object *at = o; at; at = object_next_below(at, o))
        if (at->shape->n + more > DB_DEFINITIONS_MAX) return false;
    return true;
}

bool db_can_inherit(struct db *db, objid id, objid parent, objid who) {
    struct object *o = object_must(db, id), *p = object_at(db, parent);
    uint32_t now = o->up ? o->up->shape->n : 0, then = p ? p->shape->n : 0;
    if (then <= now || object_is_wizard(db, who)) return true;
    object_load_tree(db, o);
    return has_room_below(o, then - now);
}

bool db_can_define(struct db *db, objid id, objid who, size_t properties, size_t verbs, size_t names) {
    struct object *o = object_must(db, id);
    if (object_is_wizard(db, who)) return true;
    if ((properties && !has_room_below(o, properties)) || (verbs && (o->defs ? o->defs->nverbs : 0) + verbs > DB_DEFINITIONS_MAX)) return false;
    return names <= DB_NAMES_MAX / DB_DEFINITIONS_MAX || names_of(o->defs) + names <= DB_NAMES_MAX; /* short ones are few enough */
}

bool object_defines(const struct object *o) { return o->defs && (o->defs->nprops || o->defs->nverbs); }

void layout_assign(struct db *db, struct object *o) {
    if (!o->up || object_defines(o)) {
        uint32_t id = next_layout(db);
        o->layout = id;
        return;
    }
    struct defs *above = object_defs(o->up);
    if (!above->child_layout) {
        uint32_t id = next_layout(db);
        above->child_layout = id;
    }
    o->layout = above->child_layout;
}

/* With loaded children an epoch ends; without, children to come get an id that nobody has seen. */
void layout_changed(struct db *db, struct object *o) {
    if (object_kid(o)) {
        db->prop_epoch++;
        db->verb_epoch++;
    } else {
        forget_child_layout(o);
    }
    layout_assign(db, o);
}

void layout_values_moved(struct db *db, struct object *o) {
    if (object_kid(o)) db->prop_epoch++;
    else forget_child_layout(o);
}

/* ---- definitions ---- */

struct defs *object_defs(struct object *o) {
    if (o->defs) return o->defs;
    o->defs = pool_alloc(sizeof *o->defs);
    memset(o->defs, 0, sizeof *o->defs);
    return o->defs;
}

void object_drop_defs(struct object *o) {
    struct defs *d = o->defs;
    if (!d || object_defines(o)) return;
    free(d->props);
    free(d->verbs);
    d->props = NULL;
    d->verbs = NULL;
    d->verb_cap = 0;
    if (d->kid || d->owners || d->children || d->contents) return;
    pool_free(d, sizeof *d);
    o->defs = NULL;
}
