/* SPDX-License-Identifier: MIT */
#include "db/heirs.h"

#include <stdlib.h>

#include "db/load.h"
#include "db/records.h"
#include "db/usage.h"

/* ---- all of them ---- */

struct walk {
    struct db *db;
    objid *todo;
    size_t n, cap;
    uint64_t left; /* to be found. When there are more than there are objects the store is damaged: children in a circle */
    size_t rows; /* to be read of each list; some are of objects that have left */
    bool cut; /* there is more */
};

static void walk_add(struct walk *w, objid o) {
    if (w->left) w->left--;
    else w->cut = true;
    if (w->cut) return;
    if (w->n == w->cap) w->todo = xrealloc(w->todo, (w->cap = w->cap ? w->cap * 2 : 16) * sizeof *w->todo);
    w->todo[w->n++] = o;
}

/* No more than `most'. */
static struct walk walk_begin(struct db *db, const struct object *o, uint64_t most) {
    struct walk w = {.db = db, .left = most < (uint64_t)db->max + 1 ? most : (uint64_t)db->max + 1, .rows = most};
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
    else if (load_rows(w->db, ROW_CHILDREN, (uint64_t)of, &(struct read_limit){w->rows, NULL}, &read)) kids = read;
    else w->cut = true;
    uint64_t cursor = 0;
    for (objid kid; !w->cut && (kid = links_next(kids, &cursor)) != NOTHING;)
        if (kid >= 0 && (uint64_t)kid < w->db->cap) walk_add(w, kid); /* else damage */
    links_free(read);
}

/* The object itself comes first, parents before children; NOTHING at the end, or when it is known that there are too many. */
static objid walk_next(struct walk *w) {
    if (!w->n) return NOTHING;
    objid o = w->todo[--w->n];
    add_kids(w, o);
    return w->cut ? NOTHING : o;
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

/* For an object with few heirs: what each of them defines. */
static bool heirs_records_define(struct db *db, const struct object *o, const struct str *name) {
    struct walk w = walk_begin(db, o, UINT64_MAX);
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
    const struct object *top;
    const struct str *name;
    objid asked; /* the last parent of one with this name, */
    bool asked_is_below; /* and whether that one is below `top' */
    bool found;
};

static objid cold_parent(struct db *db, objid o) {
    struct key k = key_one(key_object(o));
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct view_object rec;
    const char *why;
    objid parent = record_get(db->store, T_OBJECT, &k, &d, &scratch, &why) || view_object_decode(&rec, &d) ? NOTHING : rec.parent;
    buf_fini(&scratch);
    return parent;
}

/* By headers alone: nothing is loaded. */
static bool is_below(struct db *db, objid o, const struct object *top) {
    for (objid steps = db->max + 1; o >= 0 && (uint64_t)o < db->cap && steps--;) {
        const struct object *at = loaded(db, o);
        if (o == top->id) return true;
        o = at ? object_parent(at) : is_cold(db, o) ? cold_parent(db, o) : NOTHING;
    }
    return false;
}

static void found_one(struct search *s, objid o) {
    objid parent = cold_parent(s->db, o);
    if (parent != s->asked) s->asked_is_below = is_below(s->db, parent, s->top);
    s->asked = parent;
    s->found |= s->asked_is_below;
}

static bool look_at_record(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct search *s = ctx;
    struct buf scratch = BUF_INIT;
    struct dec d;
    uint64_t k;
    const char *why;
    if (key_parse_one(key, klen, &k) && (uint64_t)object_of_key(k) < s->db->cap && is_cold(s->db, object_of_key(k)) &&
        !record_open(s->db->store, T_PROPDEF, key, klen, data, len, &d, &scratch, &why) && record_defines(&d, s->name))
        found_one(s, object_of_key(k));
    buf_fini(&scratch);
    return !s->found;
}

static bool table_defines(struct db *db, const struct object *o, const struct str *name) {
    struct search s = {.db = db, .top = o, .name = name, .asked = NOTHING};
    store_scan(db->store, T_PROPDEF, NULL, 0, look_at_record, &s);
    return s.found;
}

/* ---- how long it takes ---- */

/* For each heir, each slot of it that moves, each heir that is not in memory and is looked at or loses a record, or is loaded, and each record that is loaded with it or passed over. For a record of
   the table of definitions, and a look at who it is that defines the name. */
enum { HEIR_NS = 400, SLOT_NS = 80, LOOK_NS = 2000, LOAD_NS = 3500, RECORD_NS = 800, PASSED_NS = 100, BYTE_NS = 1, DEFINITION_NS = 1200, DEFINITION_BYTE_NS = 3 };

static bool add_value_loaded(void *ns, const void *key, size_t klen, const void *data, size_t len) {
    *(uint64_t *)ns += RECORD_NS + record_bytes_of_propval(key, klen, data, len) * BYTE_NS;
    return true;
}

static bool add_record(void *ns, const void *key, size_t klen, const void *data, size_t len) {
    *(uint64_t *)ns += RECORD_NS + record_bytes(key, klen, data, len) * BYTE_NS;
    return true;
}

static bool add_value(void *ns, const void *key, size_t klen, const void *data, size_t len) {
    *(uint64_t *)ns += PASSED_NS + record_bytes_of_propval(key, klen, data, len) * BYTE_NS;
    return true;
}

static uint64_t load_ns(struct db *db, objid o) {
    struct key k = key_one(key_object(o));
    uint64_t ns = LOAD_NS;
    store_scan(db->store, T_PROPDEF, k.bytes, k.len, add_record, &ns);
    store_scan(db->store, T_VERBDEF, k.bytes, k.len, add_record, &ns);
    store_scan(db->store, T_PROPVAL, k.bytes, k.len, add_value_loaded, &ns);
    return ns;
}

/* At what it defines. */
static uint64_t look_ns(struct db *db, objid o) {
    struct key k = key_one(key_object(o));
    const void *data;
    size_t len;
    return LOOK_NS + (store_get(db->store, T_PROPDEF, k.bytes, k.len, &data, &len) ? 0 : record_bytes(k.bytes, k.len, data, len) * DEFINITION_BYTE_NS);
}

/* Of one of its values, whichever that is. */
static uint64_t drop_ns(struct db *db, objid o) {
    struct key k = key_one(key_object(o));
    uint64_t ns = LOOK_NS;
    store_scan(db->store, T_PROPVAL, k.bytes, k.len, add_value, &ns);
    return ns;
}

static uint64_t loaded_ns(struct object *o, size_t slots, uint64_t most, size_t *made) {
    uint64_t ns = 0;
    *made = 0;
    for (struct object *at = o; at && ns <= most; at = object_next_below(at, o), ++*made) ns += HEIR_NS + slots * SLOT_NS;
    return ns;
}

static uint64_t one_ns(struct db *db, objid o, enum refit what, size_t slots, size_t *made) {
    bool cold = is_cold(db, o);
    if (cold && what == REFIT_DEFINE) return HEIR_NS + look_ns(db, o);
    if (cold && what == REFIT_UNDEFINE) return HEIR_NS + drop_ns(db, o);
    ++*made;
    return HEIR_NS + slots * SLOT_NS + (cold ? load_ns(db, o) : 0);
}

static uint64_t all_ns(struct db *db, struct object *o, enum refit what, size_t slots, uint64_t most, size_t *made) {
    uint64_t ns = 0;
    struct walk w = walk_begin(db, o, most / HEIR_NS + 1);
    *made = 0;
    for (objid at; ns <= most && (at = walk_next(&w)) != NOTHING;) ns += one_ns(db, at, what, slots, made);
    if (w.cut && ns <= most && most < UINT64_MAX) ns = most + 1;
    walk_end(&w);
    return ns;
}

static uint64_t table_ns(struct db *db) { return store_count(db->store, T_PROPDEF) * DEFINITION_NS + store_table_bytes(db->store, T_PROPDEF) * DEFINITION_BYTE_NS; }

/* Of the shorter way to find a name below o; no longer than `most'. *by_heirs: that is one by one. */
static uint64_t find_ns(struct db *db, struct object *o, uint64_t most, bool *by_heirs) {
    size_t none;
    uint64_t table = table_ns(db), heirs = all_ns(db, o, REFIT_DEFINE, 0, table < most ? table : most, &none);
    *by_heirs = heirs <= table;
    return *by_heirs ? heirs : table;
}

/* As far as that is known without reading. */
static bool is_leaf(const struct object *o) { return !(o->state & OS_COLD_CHILDREN) && !links_count(object_children(o)); }

bool db_is_leaf(struct db *db, objid o) { return is_leaf(object_must(db, o)); }

uint64_t db_refit_ns(struct db *db, objid id, enum refit what, size_t slots, uint64_t most, size_t *made) {
    struct object *o = object_must(db, id);
    if (!db->store || is_leaf(o)) return loaded_ns(o, slots, most, made);
    bool by_heirs;
    load_begin(db);
    uint64_t ns = what == REFIT_DEFINE ? loaded_ns(o, slots, most, made) + 2 * find_ns(db, o, most, &by_heirs) : all_ns(db, o, what, slots, most, made);
    store_read_end(db->store);
    return ns;
}

uint64_t db_change_ns(struct db *db, const struct list *objects, uint32_t from, uint64_t most) {
    uint64_t ns = 0;
    if (!db->store) return from < objects->len ? (uint64_t)(objects->len - from) * HEIR_NS : 0;
    load_begin(db);
    for (uint32_t i = from; i < objects->len && ns <= most; i++) {
        objid o = objects->items[i].u.o;
        ns += HEIR_NS + ((uint64_t)o < db->cap && is_cold(db, o) ? load_ns(db, o) : 0);
    }
    store_read_end(db->store);
    return ns;
}

bool heirs_define(struct db *db, struct object *o, const struct str *name) {
    if (loaded_define(o, name)) return true;
    if (!db->store || is_leaf(o)) return false;
    bool found, by_heirs;
    uint64_t before;
    do {
        before = db->damaged;
        load_begin(db);
        find_ns(db, o, UINT64_MAX, &by_heirs);
        found = by_heirs ? heirs_records_define(db, o, name) : table_defines(db, o, name);
        store_read_end(db->store);
    } while (recover_for_load(db, before));
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
    if (!record_open_propval(db->store, k.bytes, k.len, data, len, &d, &scratch, &why) && !view_propval_decode(&rec, &d))
        usage_record_goes(db, o, usage_of_record(&rec));
    buf_fini(&scratch);
}

void heirs_drop_prop(struct db *db, struct object *o, uint64_t prop) {
    if (!db->store || is_leaf(o)) return;
    load_begin(db);
    struct walk w = walk_begin(db, o, UINT64_MAX);
    for (objid at; (at = walk_next(&w)) != NOTHING;)
        if (!loaded(db, at)) drop_record(db, at, prop);
    walk_end(&w);
    store_read_end(db->store);
}
