/* SPDX-License-Identifier: MIT */
#include "db/heirs.h"

#include <stdlib.h>

#include "db/load.h"
#include "db/records.h"
#include "db/usage.h"

static bool defines(const struct object *o, const struct str *name) {
    for (uint32_t i = 0; o->defs && i < o->defs->nprops; i++)
        if (str_equal(o->defs->props[i].name, name)) return true;
    return false;
}

/* ---- who defines a name: the table of definitions has one short record for each of the few objects that define anything ---- */

struct search {
    struct db *db;
    const struct str *name;
    objid *found; /* not in memory, and with this name */
    size_t n, cap;
};

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

static bool look_at_record(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct search *s = ctx;
    struct buf scratch = BUF_INIT;
    struct dec d;
    uint64_t k;
    const char *why;
    if (key_parse_one(key, klen, &k) && (uint64_t)object_of_key(k) < s->db->cap && !s->db->objects[object_of_key(k)] &&
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

bool heirs_define(struct db *db, struct object *o, const struct str *name) {
    for (struct object *at = object_next_below(o, o); at; at = object_next_below(at, o))
        if (defines(at, name)) return true;
    if (!db->store) return false;
    load_begin(db);
    struct search s = {.db = db, .name = name};
    store_scan(db->store, T_PROPDEF, NULL, 0, look_at_record, &s);
    store_read_end(db->store);
    bool below = false;
    for (size_t i = 0; i < s.n && !below; i++) below = is_below(object_at(db, s.found[i]), o);
    free(s.found);
    return below;
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
    objid *todo = xmalloc(sizeof *todo);
    size_t n = 1, cap = 1;
    todo[0] = o->id;
    while (n) {
        objid at = todo[--n], kid;
        struct links *kids = NULL;
        uint64_t cursor = 0;
        load_rows(db, ROW_CHILDREN, (uint64_t)at, &kids);
        while ((kid = links_next(kids, &cursor)) != NOTHING) {
            if ((uint64_t)kid >= db->cap) continue; /* damage */
            if (n == cap) todo = xrealloc(todo, (cap *= 2) * sizeof *todo);
            todo[n++] = kid;
        }
        links_free(kids);
        if ((uintptr_t)db->objects[at] <= 1) drop_record(db, at, prop);
    }
    free(todo);
    store_read_end(db->store);
}
