/* SPDX-License-Identifier: MIT */
#include "db/heirs.h"

#include <stdlib.h>

#include "db/load.h"
#include "db/records.h"
#include "db/usage.h"

/* ---- all of them ---- */

struct walk {
    struct db *db;
    size_t most; /* how far, about: a child list that is not in memory is read no further */
    objid *todo;
    size_t n, cap;
    uint64_t left; /* when there are more than there are objects the store is damaged: children in a circle */
};

static void walk_add(struct walk *w, objid o) {
    if (w->n == w->cap) w->todo = xrealloc(w->todo, (w->cap = w->cap ? w->cap * 2 : 16) * sizeof *w->todo);
    w->todo[w->n++] = o;
}

static struct walk walk_begin(struct db *db, const struct object *o, size_t most) {
    struct walk w = {.db = db, .most = most, .left = (uint64_t)db->max + 1};
    walk_add(&w, o->id);
    return w;
}

static void walk_end(struct walk *w) { free(w->todo); }

static struct object *loaded(const struct db *db, objid o) { return (uintptr_t)db->objects[o] > 1 ? db->objects[o] : NULL; }
static bool is_cold(const struct db *db, objid o) { return !db->objects[o]; }

static void add_kids(struct walk *w, objid of) {
    const struct object *o = loaded(w->db, of);
    struct links *read = NULL;
    const struct links *kids = NULL;
    if (o && !(o->state & OS_COLD_CHILDREN)) kids = object_children(o);
    else load_some_rows(w->db, ROW_CHILDREN, (uint64_t)of, w->most, &read), kids = read;
    uint64_t cursor = 0;
    for (objid kid; (kid = links_next(kids, &cursor)) != NOTHING;)
        if (kid >= 0 && (uint64_t)kid < w->db->cap) walk_add(w, kid); /* else damage */
    links_free(read);
}

/* The object itself comes first, parents before children; NOTHING at the end. */
static objid walk_next(struct walk *w) {
    if (!w->n || !w->left--) return NOTHING;
    objid o = w->todo[--w->n];
    add_kids(w, o);
    return o;
}

/* ---- who defines a name ---- */

static bool defines(const struct object *o, const struct str *name) {
    for (uint32_t i = 0; o->defs && i < o->defs->nprops; i++)
        if (str_equal(o->defs->props[i].name, name)) return true;
    return false;
}

static bool loaded_define(struct object *o, const struct str *name) {
    for (struct object *at = object_next_below(o, o); at; at = object_next_below(at, o))
        if (defines(at, name)) return true;
    return false;
}

static bool record_defines(struct dec *d, const struct str *name) {
    struct rec_propdefs rec;
    bool found = false;
    if (rec_propdefs_decode(&rec, d)) return false;
    struct dec items = dec_over(rec.items.p, rec.items.len);
    while (!found && !items.bad && !dec_at_end(&items)) {
        size_t len;
        const void *p = dec_bytes(&items, &len);
        struct dec one = dec_over(p, len);
        struct rec_propdef def;
        if (items.bad || rec_propdef_decode(&def, &one)) break;
        found = str_equal(def.name, name);
        rec_propdef_fini(&def);
    }
    return found;
}

/* Cheapest for an object with few heirs: what each of them defines. */
static bool heirs_records_define(struct db *db, const struct object *o, const struct str *name) {
    struct walk w = walk_begin(db, o, SIZE_MAX);
    bool found = false;
    for (objid at; !found && (at = walk_next(&w)) != NOTHING;) {
        if (!is_cold(db, at)) continue;
        struct key k = key_one(key_object(at));
        struct buf scratch = BUF_INIT;
        struct dec d;
        const char *why;
        found = !record_get(db->store, T_PROPDEF, &k, &d, &scratch, &why) && record_defines(&d, name);
        buf_fini(&scratch);
    }
    walk_end(&w);
    return found;
}

/* For one with many: the table of definitions has one short record for each of the few objects that define anything. */
struct search {
    struct db *db;
    const struct str *name;
    objid *found; /* not in memory, and with this name */
    size_t n, cap;
};

static bool look_at_record(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct search *s = ctx;
    struct buf scratch = BUF_INIT;
    struct dec d;
    uint64_t k;
    const char *why;
    if (key_parse_one(key, klen, &k) && (uint64_t)object_of_key(k) < s->db->cap && is_cold(s->db, object_of_key(k)) &&
        !record_open(s->db->store, T_PROPDEF, key, klen, data, len, &d, &scratch, &why) && record_defines(&d, s->name)) {
        if (s->n == s->cap) s->found = xrealloc(s->found, (s->cap = s->cap ? s->cap * 2 : 8) * sizeof *s->found);
        s->found[s->n++] = object_of_key(k);
    }
    buf_fini(&scratch);
    return true;
}

static bool is_below(const struct object *o, const struct object *top) {
    while (o && o != top) o = o->up;
    return o != NULL;
}

static bool table_defines(struct db *db, const struct object *o, const struct str *name) {
    struct search s = {.db = db, .name = name};
    store_scan(db->store, T_PROPDEF, NULL, 0, look_at_record, &s);
    bool below = false;
    for (size_t i = 0; i < s.n && !below; i++) below = is_below(object_at(db, s.found[i]), o);
    free(s.found);
    return below;
}

/* ---- how long it takes ---- */

/* For each heir, each slot of it that moves, each heir that is not in memory and is looked at or loses a record, or is loaded, and each value that is loaded with it; for a record of what an
   object defines, in the order of the table. */
enum { HEIR_NS = 400, SLOT_NS = 80, LOOK_NS = 2000, LOAD_NS = 3000, VALUE_NS = 1000, DEFINITION_NS = 250 };

static bool count_record(void *n, const void *key, size_t klen, const void *data, size_t len) {
    (void)key, (void)klen, (void)data, (void)len;
    ++*(uint64_t *)n;
    return true;
}

static uint64_t load_ns(struct db *db, objid o) {
    struct key k = key_one(key_object(o));
    uint64_t values = 0;
    store_scan(db->store, T_PROPVAL, k.bytes, k.len, count_record, &values);
    return LOAD_NS + values * VALUE_NS;
}

static uint64_t loaded_ns(struct object *o, size_t slots, uint64_t most, size_t *heirs) {
    uint64_t ns = 0;
    *heirs = 0;
    for (struct object *at = o; at && ns <= most; at = object_next_below(at, o), ++*heirs) ns += HEIR_NS + slots * SLOT_NS;
    return ns;
}

static uint64_t all_ns(struct db *db, struct object *o, bool load, size_t slots, uint64_t most, size_t *heirs) {
    uint64_t ns = 0;
    struct walk w = walk_begin(db, o, most / HEIR_NS + 1);
    *heirs = 0;
    for (objid at; ns <= most && (at = walk_next(&w)) != NOTHING; ++*heirs) {
        bool cold = is_cold(db, at);
        ns += HEIR_NS + (cold && !load ? LOOK_NS : slots * SLOT_NS) + (cold && load ? load_ns(db, at) : 0);
    }
    walk_end(&w);
    return ns;
}

/* Of looking at those that are not in memory one by one. */
static uint64_t look_ns(struct db *db, struct object *o, uint64_t most) {
    size_t heirs;
    return all_ns(db, o, false, 0, most, &heirs);
}

static uint64_t table_ns(struct db *db) { return store_count(db->store, T_PROPDEF) * DEFINITION_NS; }

static uint64_t define_ns(struct db *db, struct object *o, size_t slots, uint64_t most, size_t *heirs) {
    uint64_t table = table_ns(db), look = look_ns(db, o, table < most ? table : most);
    return loaded_ns(o, slots, most, heirs) + (look < table ? look : table) * 2; /* what is chosen, and the choosing */
}

uint64_t db_refit_ns(struct db *db, objid id, enum refit what, size_t slots, uint64_t most, size_t *heirs) {
    struct object *o = object_must(db, id);
    if (!db->store) return loaded_ns(o, slots, most, heirs);
    load_begin(db);
    uint64_t ns = what == REFIT_DEFINE ? define_ns(db, o, slots, most, heirs) : all_ns(db, o, what == REFIT_PARENT, slots, most, heirs);
    store_read_end(db->store);
    return ns;
}

bool heirs_define(struct db *db, struct object *o, const struct str *name) {
    if (loaded_define(o, name)) return true;
    if (!db->store) return false;
    load_begin(db);
    uint64_t table = table_ns(db);
    bool found = look_ns(db, o, table) <= table ? heirs_records_define(db, o, name) : table_defines(db, o, name);
    store_read_end(db->store);
    return found;
}

/* ---- records of a property ---- */

static void drop_record(struct db *db, objid o, uint64_t prop) {
    struct key k = key_two(key_object(o), prop);
    const void *data;
    size_t len;
    if (store_get(db->store, T_PROPVAL, k.bytes, k.len, &data, &len)) return;
    row_delete(db, ROW_PROPVAL, (uint64_t)o, prop);
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct view_propval rec;
    const char *why;
    if (!record_open(db->store, T_PROPVAL, k.bytes, k.len, data, len, &d, &scratch, &why) && !view_propval_decode(&rec, &d))
        usage_record_goes(db, o, usage_of_record(&rec));
    buf_fini(&scratch);
}

void heirs_drop_prop(struct db *db, struct object *o, uint64_t prop) {
    if (!db->store) return;
    load_begin(db);
    struct walk w = walk_begin(db, o, SIZE_MAX);
    for (objid at; (at = walk_next(&w)) != NOTHING;)
        if (!loaded(db, at)) drop_record(db, at, prop);
    walk_end(&w);
    store_read_end(db->store);
}
