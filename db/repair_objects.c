/* SPDX-License-Identifier: MIT */
/* Which objects there are and where they belong: from their records, and of those whose record is lost from the lists that name them. */
#include <stdlib.h>
#include <string.h>

#include "db/repair_parts.h"

typedef long long ll;

enum { SPACE = 65536 }; /* between two places in a list */
#define MOST_OBJECTS ((objid)1 << 26) /* above the highest number that is known: a number beyond is none */

/* Rows may be another table's, where a damaged page led: their numbers are believed within bounds only. */
static struct repair_object *object_at_number(struct repair *r, objid o) {
    if (o < 0 || o > (r->meta_found ? r->meta.max_object + 1 : MOST_OBJECTS)) return NULL;
    if (o >= r->cap) {
        objid cap = o + o / 2 + 1024;
        r->objects = xrealloc(r->objects, (size_t)cap * sizeof *r->objects);
        memset(r->objects + r->cap, 0, (size_t)(cap - r->cap) * sizeof *r->objects);
        r->cap = cap;
    }
    if (o >= r->n) r->n = o + 1;
    return &r->objects[o];
}

static bool exists(const struct repair *r, objid o) { return o >= 0 && o < r->n && r->objects[o].exists; }

/* ---- records ---- */

static void take_object(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    const char *why;
    struct view_object rec;
    uint64_t a;
    (void)t;
    bool sound = key_parse_one(key, klen, &a) && !repair_open_row(r, key, klen, data, len, &d, &scratch, &why) && repair_is_object(d) && !view_object_decode(&rec, &d);
    struct repair_object *x = sound ? object_at_number(r, object_of_key(a)) : NULL; /* a number from a damaged key could be any */
    if (x && !x->exists)
        *x = (struct repair_object){.parent = rec.parent, .location = rec.location, .owner = rec.owner, .child_key = rec.child_key, .content_key = rec.content_key, .flags = (uint32_t)rec.flags, .exists = true};
    buf_fini(&scratch);
}

/* Rows whose key says it all: an envelope around nothing. */
static bool says_nothing(struct repair *r, const void *key, size_t klen, const void *data, size_t len) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    const char *why;
    bool empty = !repair_open_row(r, key, klen, data, len, &d, &scratch, &why) && dec_at_end(&d);
    buf_fini(&scratch);
    return empty;
}

static void take_free(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    uint64_t a;
    (void)t;
    struct repair_object *x = key_parse_one(key, klen, &a) && says_nothing(r, key, klen, data, len) ? object_at_number(r, object_of_key(a)) : NULL;
    if (x && !x->exists) x->is_free = true;
}

/* ---- objects whose record is lost ---- */

static struct repair_object *missing(struct repair *r, objid o) {
    if (exists(r, o) && !r->objects[o].made) return NULL;
    struct repair_object *x = object_at_number(r, o);
    if (!x || x->is_free) return NULL;
    if (!x->exists) *x = (struct repair_object){.parent = NOTHING, .location = NOTHING, .owner = o, .exists = true, .changed = true, .made = true};
    return x;
}

static void hint_owned(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    uint64_t a, b;
    (void)t;
    struct repair_object *x = key_parse_two(key, klen, &a, &b) && says_nothing(r, key, klen, data, len) ? missing(r, object_of_key(b)) : NULL;
    if (x) x->owner = object_of_key(a);
}

static void hint_link(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    const char *why;
    struct view_link rec;
    uint64_t a = 0, b = 0;
    bool parsed = t == T_PLAYER ? key_parse_one(key, klen, &b) : key_parse_two(key, klen, &a, &b);
    if (parsed && !repair_open_row(r, key, klen, data, len, &d, &scratch, &why) && d.end - d.p < 12 && !view_link_decode(&rec, &d)) {
        struct repair_object *x = missing(r, rec.object);
        if (x && t == T_PLAYER) x->flags |= OF_PLAYER;
        else if (x && t == T_CHILDREN) x->parent = object_of_key(a), x->child_key = b;
        else if (x) x->location = object_of_key(a), x->content_key = b;
    }
    buf_fini(&scratch);
}

static void find_missing(struct repair *r) {
    repair_each(r, T_FREE, take_free);
    repair_each(r, T_OWNED, hint_owned);
    repair_each(r, T_CHILDREN, hint_link);
    repair_each(r, T_CONTENTS, hint_link);
    repair_each(r, T_PLAYER, hint_link);
    for (objid o = 0; o < r->n; o++)
        if (r->objects[o].made)
            repair_note(r, "object #%lld: its record is lost; it is made anew with what lists say of it (owner #%lld, parent #%lld, location #%lld), without its name and flags", (ll)o, (ll)r->objects[o].owner,
                        (ll)r->objects[o].parent, (ll)r->objects[o].location);
}

/* ---- links ---- */

static void cut(struct repair *r, objid o, bool parent, const char *why) {
    struct repair_object *x = &r->objects[o];
    objid was = parent ? x->parent : x->location;
    repair_note(r, "object #%lld: its %s #%lld %s; now it has none", (ll)o, parent ? "parent" : "location", (ll)was, why);
    if (parent) x->parent = NOTHING, x->child_key = 0;
    else x->location = NOTHING, x->content_key = 0;
    x->changed = true;
}

static void cut_lost(struct repair *r) {
    for (objid o = 0; o < r->n; o++) {
        struct repair_object *x = &r->objects[o];
        if (!x->exists) continue;
        if (x->parent != NOTHING && !exists(r, x->parent)) cut(r, o, true, "is lost");
        if (x->location != NOTHING && !exists(r, x->location)) cut(r, o, false, "is lost");
    }
}

static void cut_circles(struct repair *r, bool parent) {
    uint32_t *walk = xcalloc((size_t)r->n + 1, sizeof *walk), number = 0;
    for (objid o = 0; o < r->n; o++) {
        objid at = o;
        number++;
        for (; exists(r, at) && !walk[at]; at = parent ? r->objects[at].parent : r->objects[at].location) walk[at] = number;
        if (exists(r, at) && walk[at] == number) cut(r, at, parent, "leads in a circle");
    }
    free(walk);
}

struct place {
    objid holder, o;
    uint64_t key;
};

static int place_order(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->holder != y->holder) return x->holder < y->holder ? -1 : 1;
    return x->key != y->key ? (x->key < y->key ? -1 : 1) : (x->o > y->o) - (x->o < y->o);
}

/* Two in one place of a list, or none: a place at its end. */
static void give_places(struct repair *r, bool parent) {
    struct place *all = xmalloc(((size_t)r->n + 1) * sizeof *all);
    size_t n = 0;
    for (objid o = 0; o < r->n; o++) {
        const struct repair_object *x = &r->objects[o];
        if (x->exists && (parent ? x->parent : x->location) != NOTHING) all[n++] = (struct place){parent ? x->parent : x->location, o, parent ? x->child_key : x->content_key};
    }
    if (n) qsort(all, n, sizeof *all, place_order);
    for (size_t i = 0; i < n; i++) {
        struct repair_object *x = &r->objects[all[i].o];
        if (all[i].key && !(i && all[i].holder == all[i - 1].holder && all[i].key == all[i - 1].key)) continue;
        *(parent ? &x->child_key : &x->content_key) = r->meta.next_key += SPACE;
        x->changed = true;
        repair_note(r, "object #%lld: a place at the end of the %s of #%lld", (ll)all[i].o, parent ? "children" : "contents", (ll)all[i].holder);
    }
    free(all);
}

static void raise_next_key(struct repair *r) {
    for (objid o = 0; o < r->n; o++) {
        const struct repair_object *x = &r->objects[o];
        if (x->child_key > r->meta.next_key) r->meta.next_key = x->child_key;
        if (x->content_key > r->meta.next_key) r->meta.next_key = x->content_key;
    }
}

void repair_objects(struct repair *r) {
    if (r->meta_found && r->meta.max_object >= 0) object_at_number(r, r->meta.max_object);
    repair_each(r, T_OBJECT, take_object);
    find_missing(r);
    cut_lost(r);
    cut_circles(r, true);
    cut_circles(r, false);
    raise_next_key(r);
    give_places(r, true);
    give_places(r, false);
}
