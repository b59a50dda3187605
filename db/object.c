/* SPDX-License-Identifier: MIT */
/* Objects: their numbers, header, place in the tree of parents and of locations. */
#include <stdlib.h>
#include <string.h>

#include "base/large.h"
#include "base/list.h"
#include "base/memory.h"
#include "base/pool.h"
#include "db/cache.h"
#include "db/history.h"
#include "db/internal.h"
#include "db/readings.h"
#include "db/usage.h"
#include "db/watch.h"

/* ---- the table ---- */

void object_table_grow(struct db *db, objid id) {
    size_t cap = db->cap ? db->cap : 512;
    if ((uint64_t)id < db->cap) return;
    while (cap <= (uint64_t)id) cap *= 2;
    db->objects = memory_pages(db->objects, db->cap * sizeof *db->objects, cap * sizeof *db->objects);
    db->cap = cap;
}

struct object *object_new(struct db *db, objid id, objid owner) {
    object_table_grow(db, id);
    must((uintptr_t)db->objects[id] <= 1);
    struct object *o = pool_alloc(sizeof *o);
    memset(o, 0, sizeof *o);
    o->id = id;
    o->owner = owner;
    o->location = NOTHING;
    o->name = str_empty();
    o->shape = shape_ref(db->no_shape);
    o->touched = TOUCHED;
    db->objects[id] = o;
    return o;
}

void object_free(struct db *db, struct object *o) {
    must((uintptr_t)db->objects[o->id] <= 1);
    for (uint32_t i = 0; i < o->shape->n; i++) value_unref(slot_value(o, i));
    slots_free(o->slots, o->shape->n);
    if (o->defs) {
        for (uint32_t i = 0; i < o->defs->nprops; i++) str_unref(o->defs->props[i].name);
        for (uint32_t i = 0; i < o->defs->nverbs; i++) verb_fini(&o->defs->verbs[i]);
        o->defs->nprops = o->defs->nverbs = 0;
        links_free(o->defs->children);
        links_free(o->defs->contents);
        free(o->defs->owners);
        o->defs->children = o->defs->contents = NULL;
        o->defs->owners = NULL;
        o->defs->kid = NULL; /* when the world is closed all go */
        o->defs->kid = NULL; /* at the end of all, children may still be there */
        object_drop_defs(o);
    }
    shape_unref(o->shape);
    str_unref(o->name);
    pool_free(o, sizeof *o);
}

void object_mark(struct db *db, struct object *o, unsigned what) {
    object_touch(db, o);
    o->state = (uint16_t)((o->state & ~OS_PARITY) | what | db->cut_parity);
    db->changed = true;
    if (o->state & OS_QUEUED) return;
    cache_count(db, CACHE_CHANGE_BYTES);
    o->state |= OS_QUEUED;
    if (db->ndirty == db->dirty_cap) {
        size_t cap = db->dirty_cap ? db->dirty_cap * 2 : 256;
        db->dirty = large_resize(db->dirty, db->dirty_cap * sizeof *db->dirty, cap * sizeof *db->dirty);
        db->dirty_cap = cap;
    }
    db->dirty[db->ndirty++] = o->id;
}

uint64_t db_next_key(struct db *db) {
    db->meta_changed = true;
    return db->next_key += 1 << 16; /* room for what may be put between two */
}

bool db_valid(struct db *db, objid o) { return object_enter(db, o) != NULL; }

bool db_is_new(struct db *db, objid o) {
    const struct object *p = object_enter(db, o);
    return p && !(p->state & OS_STORED);
}

objid db_max_object(struct db *db) { return db->max; }

void db_reset_max_object(struct db *db) {
    while (db->max >= 0 && !object_at(db, db->max)) {
        free_remove(db, db->max);
        db->max--;
    }
    db->changed = db->meta_changed = true;
}

void db_set_max_object(struct db *db, objid max) {
    must(max >= db->max);
    object_table_grow(db, max);
    while (db->max < max) free_add(db, ++db->max);
    db->changed = db->meta_changed = true;
}

/* ---- the tree of loaded objects ---- */

void object_attach(struct object *o, struct object *parent) {
    o->up = parent;
    o->prev = NULL;
    o->next = NULL;
    if (!parent) return;
    struct defs *above = object_defs(parent);
    o->next = above->kid;
    if (o->next) o->next->prev = o;
    above->kid = o;
    parent->touched = TOUCHED;
}

void object_detach(struct object *o) {
    if (!o->up) return;
    if (o->prev) o->prev->next = o->next;
    else o->up->defs->kid = o->next;
    if (o->next) o->next->prev = o->prev;
    o->up = o->next = o->prev = NULL;
}

struct object *object_next_below(struct object *o, const struct object *root) {
    if (object_kid(o)) return o->defs->kid;
    while (o != root && !o->next) o = o->up;
    return o == root ? NULL : o->next;
}

/* ---- lists of children and contents ---- */

/* Of a cold list all is in the store or among the changed rows; the part that was read follows. */
void object_put_child(struct db *db, struct object *parent, uint64_t key, objid o) {
    object_dirty(db, parent, OS_LISTS);
    bool cold = parent->state & OS_COLD_CHILDREN;
    if (!cold || object_children(parent)) links_insert_read(&object_defs(parent)->children, cold, key, o);
    row_put(db, ROW_CHILDREN, (uint64_t)parent->id, key, o);
}

void object_put_content(struct db *db, struct object *where, uint64_t key, objid o) {
    object_dirty(db, where, OS_LISTS);
    bool cold = where->state & OS_COLD_CONTENTS;
    if (!cold || object_contents(where)) links_insert_read(&object_defs(where)->contents, cold, key, o);
    row_put(db, ROW_CONTENTS, (uint64_t)where->id, key, o);
}

/* These two change o's header: it is marked already. */
static void add_child(struct db *db, struct object *parent, struct object *o) {
    o->child_key = db_next_key(db);
    object_put_child(db, parent, o->child_key, o->id);
}

static void remove_child(struct db *db, struct object *parent, struct object *o) {
    object_dirty(db, parent, OS_LISTS);
    links_remove(object_children(parent), o->child_key);
    row_delete(db, ROW_CHILDREN, (uint64_t)parent->id, o->child_key);
    o->child_key = 0;
}

void object_load_tree(struct db *db, struct object *o) {
    for (struct object *at = o; at; at = object_next_below(at, o)) {
        object_load_children(db, at, NULL);
        uint64_t cursor = 0;
        for (objid kid; (kid = links_next(object_children(at), &cursor)) != NOTHING;) object_at(db, kid);
    }
}

/* ---- life ---- */

void db_create_at(struct db *db, objid id, objid parent, objid owner) {
    struct object *p = object_enter(db, parent);
    must(id >= 0 && !object_at(db, id));
    struct object *o = object_new(db, id, owner == NOTHING ? id : owner);
    object_dirty(db, o, OS_HEADER);
    usage_created(db, o);
    if (id > db->max) {
        while (++db->max < id) free_add(db, db->max);
    } else {
        free_remove(db, id);
    }
    if (p) {
        object_attach(o, p);
        add_child(db, p, o);
        shape_refit(db, o);
    }
    layout_assign(db, o);
    owned_add(db, o->owner, id);
    watch_object(db, o);
    db->meta_changed = true;
}

objid db_create(struct db *db, objid parent, objid owner) {
    objid id = db->max + 1;
    db_create_at(db, id, parent, owner);
    return id;
}

void object_drop_records(struct db *db, struct object *o) {
    history_drop_object(db, o);
    if (!(o->state & OS_STORED)) return; /* it lived between two saves */
    row_delete(db, ROW_OBJECT, (uint64_t)o->id, 0);
    row_delete(db, ROW_PROPDEF, (uint64_t)o->id, 0);
    for (uint32_t i = 0; i < o->shape->n; i++)
        if (slot_bits(o, i) & (SLOT_STORED | SLOT_PUTTING)) row_delete(db, ROW_PROPVAL, (uint64_t)o->id, o->shape->slots[i].id);
    for (uint32_t i = 0; o->defs && i < o->defs->nverbs; i++)
        if (o->defs->verbs[i].state & (VERB_STORED | VERB_PUTTING)) row_delete(db, ROW_VERBDEF, (uint64_t)o->id, o->defs->verbs[i].id);
}

void db_destroy(struct db *db, objid id) {
    struct object *o = object_must(db, id);
    object_load_children(db, o, NULL);
    object_load_contents(db, o, NULL);
    must(!links_count(object_children(o)) && !links_count(object_contents(o)) && o->location == NOTHING);
    object_touch(db, o);
    if (o->flags & OF_WIZARD) watch_moved(db);
    watch_object(db, o);
    usage_destroyed(db, o);
    if (o->flags & OF_PLAYER) players_remove(db, id);
    if (o->up) remove_child(db, o->up, o);
    object_detach(o);
    owned_remove(db, o->owner, id);
    object_drop_records(db, o);
    reading_forget_object(db, id);
    free_add(db, id);
    db->objects[id] = OBJECT_ABSENT;
    db->changed = true;
    object_free(db, o);
}

/* ---- header ---- */

struct str *db_name(struct db *db, objid o) { return object_must(db, o)->name; }

void object_set_name(struct db *db, struct object *o, struct str *name) {
    struct str *old = o->name;
    object_dirty(db, o, OS_HEADER);
    usage_grew(db, o, (int64_t)name->len - (int64_t)old->len);
    o->name = str_ref(name);
    str_unref(old);
}

void db_set_name(struct db *db, objid o, struct str *name) { object_set_name(db, object_must(db, o), name); }

objid db_owner(struct db *db, objid o) { return object_must(db, o)->owner; }

void object_set_owner(struct db *db, struct object *o, objid owner) {
    if (o->owner == owner) return;
    object_dirty(db, o, OS_HEADER);
    usage_owner_changes(db, o, owner);
    int64_t before = usage_of_object(db, o);
    owned_remove(db, o->owner, o->id);
    owned_add(db, owner, o->id);
    unsigned what = OS_HEADER;
    for (uint32_t i = 0; i < o->shape->n; i++) /* slots keep their owners: what was by default is so no more */
        if (slot_keep_owner(o, i) && !slot_is_unread(o, i)) { /* whose record names the owner */
            slot_add_bits(o, i, SLOT_DIRTY);
            what |= OS_SLOTS;
        }
    o->owner = owner;
    object_dirty(db, o, what);
    usage_grew(db, o, usage_of_object(db, o) - before);
}

void db_set_owner(struct db *db, objid o, objid owner) { object_set_owner(db, object_must(db, o), owner); }

unsigned db_flags(struct db *db, objid o) { return object_must(db, o)->flags; }

void db_set_flags(struct db *db, objid id, unsigned flags) {
    struct object *o = object_must(db, id);
    if (o->flags == flags) return;
    bool was = o->flags & OF_PLAYER, is = flags & OF_PLAYER;
    object_dirty(db, o, OS_HEADER);
    if ((o->flags ^ flags) & OF_WIZARD) watch_moved(db);
    o->flags = flags;
    if (is && !was) players_add(db, id);
    if (was && !is) players_remove(db, id);
}

bool db_flag(struct db *db, objid o, enum object_flag f) { return object_must(db, o)->flags & f; }

void db_set_flag(struct db *db, objid o, enum object_flag f, bool on) {
    unsigned flags = db_flags(db, o);
    db_set_flags(db, o, on ? flags | f : flags & ~(unsigned)f);
}

objid db_parent(struct db *db, objid o) { return object_parent(object_must(db, o)); }
objid db_location(struct db *db, objid o) { return object_must(db, o)->location; }

/* ---- lists ---- */

static struct links *contents_of(struct db *db, objid id) {
    struct object *o = object_must(db, id);
    object_load_contents(db, o, NULL);
    return object_contents(o);
}

static struct links *children_of(struct db *db, objid id) {
    struct object *o = object_must(db, id);
    object_load_children(db, o, NULL);
    return object_children(o);
}

static objid first_of(const struct links *l) {
    uint64_t cursor = 0;
    return links_next(l, &cursor);
}

bool db_load_contents(struct db *db, objid o, const struct patience *p) { return object_load_contents(db, object_must(db, o), &(struct read_limit){SIZE_MAX, p}); }

value db_contents(struct db *db, objid id, const struct patience *p) {
    struct object *o = object_must(db, id);
    return object_load_contents(db, o, &(struct read_limit){SIZE_MAX, p}) ? links_to_list(object_contents(o), p) : value_none();
}

value db_children(struct db *db, objid id, const struct patience *p) {
    struct object *o = object_must(db, id);
    return object_load_children(db, o, &(struct read_limit){SIZE_MAX, p}) ? links_to_list(object_children(o), p) : value_none();
}

size_t db_count_children(struct db *db, objid o) { return links_count(children_of(db, o)); }
size_t db_count_contents(struct db *db, objid o) { return links_count(contents_of(db, o)); }
objid db_first_content(struct db *db, objid o) { return first_of(contents_of(db, o)); }
objid db_first_child(struct db *db, objid o) { return first_of(children_of(db, o)); }
objid db_next_content(struct db *db, objid o, uint64_t *cursor) { return links_next(contents_of(db, o), cursor); }

void db_move(struct db *db, objid what, objid where) {
    struct object *o = object_must(db, what);
    struct object *from = object_at(db, o->location), *to = object_at(db, where);
    must(to || where == NOTHING);
    object_dirty(db, o, OS_HEADER);
    if (from) {
        object_dirty(db, from, OS_LISTS);
        links_remove(object_contents(from), o->content_key);
        row_delete(db, ROW_CONTENTS, (uint64_t)from->id, o->content_key);
    }
    o->location = where;
    o->content_key = 0;
    if (to) {
        o->content_key = db_next_key(db);
        object_put_content(db, to, o->content_key, what);
    }
}

/* ---- parents ---- */

static bool object_is_a(const struct object *o, objid ancestor) {
    for (; o; o = o->up)
        if (o->id == ancestor) return true;
    return false;
}

bool db_is_a(struct db *db, objid id, objid ancestor) { return object_is_a(object_enter(db, id), ancestor); }

/* Does something defined in the tree at o have a name that `shape' has already? */
static bool names_clash(struct object *o, const struct shape *shape) {
    for (struct object *at = o; at; at = object_next_below(at, o))
        for (uint32_t i = 0; at->defs && i < at->defs->nprops; i++)
            if (shape_find(shape, at->defs->props[i].name) >= 0) return true;
    return false;
}

enum error db_chparent(struct db *db, objid id, objid parent) {
    struct object *o = object_must(db, id), *p = object_at(db, parent);
    must(p || parent == NOTHING);
    if (p && object_is_a(p, id)) return E_RECMOVE;
    object_load_tree(db, o);
    if (p && names_clash(o, p->shape)) return E_INVARG;
    object_dirty(db, o, OS_HEADER);
    watch_object(db, o);
    if (o->up) remove_child(db, o->up, o);
    object_detach(o);
    object_attach(o, p);
    if (p) add_child(db, p, o);
    shape_refit_tree(db, o);
    layout_changed(db, o);
    watch_object(db, o);
    return E_NONE;
}

/* ---- size and permission ---- */

int64_t db_object_bytes(struct db *db, objid id) {
    struct object *o = object_must(db, id);
    int64_t n = (int64_t)sizeof *o + (int64_t)sizeof(void *) + o->name->len + 1;
    for (uint32_t i = 0; i < o->shape->n; i++) n += (int64_t)sizeof(objid) + slot_value_bytes(o, i); /* owner, value */
    for (uint32_t i = 0; o->defs && i < o->defs->nprops; i++) n += (int64_t)sizeof(struct propdef) + o->defs->props[i].name->len + 1;
    for (uint32_t i = 0; o->defs && i < o->defs->nverbs; i++)
        n += (int64_t)sizeof(struct verb) + o->defs->verbs[i].names->len + 1 + (int64_t)verb_code_bytes(db, &o->defs->verbs[i]);
    return n;
}

bool db_is_wizard(struct db *db, objid who) {
    struct object *o = object_enter(db, who);
    return o && (o->flags & OF_WIZARD);
}

bool db_is_programmer(struct db *db, objid who) {
    struct object *o = object_enter(db, who);
    return o && (o->flags & OF_PROGRAMMER);
}

bool db_controls(struct db *db, objid who, objid o) { return object_must(db, o)->owner == who || object_is_wizard(db, who); }

bool db_object_allows(struct db *db, objid id, objid who, enum object_flag f) {
    struct object *o = object_must(db, id);
    return (o->flags & f) || o->owner == who || object_is_wizard(db, who);
}
