/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "db/check.h"

typedef long long ll;
typedef unsigned long long ull;

struct check_object *check_object_at(struct check *c, objid o) { return o >= 0 && o < c->nobjects && c->objects[o].exists ? &c->objects[o] : NULL; }

/* Keys of one or two parts. */
static bool one_part(struct check *c, enum store_table t, const void *key, size_t klen, uint64_t *a) {
    if (key_parse_one(key, klen, a)) return true;
    check_fault(c, "%s: a key of %zu bytes instead of 8", store_table_name(t), klen);
    return false;
}

static bool two_parts(struct check *c, enum store_table t, const void *key, size_t klen, uint64_t *a, uint64_t *b) {
    if (key_parse_two(key, klen, a, b)) return true;
    check_fault(c, "%s: a key of %zu bytes instead of 16", store_table_name(t), klen);
    return false;
}

static void bad_fields(struct check *c, enum store_table t, objid o) { check_fault(c, "%s of #%lld: its fields cannot be read", store_table_name(t), (ll)o); }

/* ---- objects and the tree ---- */

static void row_object(struct check *c, objid o, struct dec *d) {
    struct rec_object rec;
    if (o < 0 || o >= c->nobjects) {
        check_fault(c, "object #%lld: above the highest number, #%lld", (ll)o, (ll)c->nobjects - 1);
        return;
    }
    if (rec_object_decode(&rec, d)) {
        bad_fields(c, T_OBJECT, o);
        return;
    }
    c->objects[o] = (struct check_object){.parent = rec.parent,
                                          .location = rec.location,
                                          .owner = rec.owner,
                                          .child_key = rec.child_key,
                                          .content_key = rec.content_key,
                                          .flags = (uint32_t)rec.flags,
                                          .exists = 1};
    if (rec.child_key > c->next_key || rec.content_key > c->next_key) check_fault(c, "object #%lld: its place in a list was not given out yet", (ll)o);
    rec_object_fini(&rec);
}

static objid link_of(const struct check_object *o, bool parent) { return parent ? o->parent : o->location; }

/* Who is on a circle. Each object is walked over once: numbers of earlier walks are known to be good. */
static void check_circles(struct check *c, bool parent) {
    uint32_t *walk = xcalloc((size_t)c->nobjects + 1, sizeof *walk), number = 0;
    for (objid o = 0; o < c->nobjects; o++) {
        objid at = o;
        number++;
        for (struct check_object *x; (x = check_object_at(c, at)) && !walk[at]; at = link_of(x, parent)) walk[at] = number;
        if (check_object_at(c, at) && walk[at] == number) {
            check_fault(c, "object #%lld: its %s lead in a circle", (ll)at, parent ? "parents" : "locations");
            if (parent) c->objects[at].parent = NOTHING; /* so that no later walk goes round */
            else c->objects[at].location = NOTHING;
        }
    }
    free(walk);
}

void check_objects_read(struct check *c) {
    for (objid o = 0; o < c->nobjects; o++) {
        struct check_object *x = check_object_at(c, o);
        if (!x) continue;
        if (x->parent != NOTHING && !check_object_at(c, x->parent)) check_fault(c, "object #%lld: its parent #%lld does not exist", (ll)o, (ll)x->parent);
        if (x->location != NOTHING && !check_object_at(c, x->location)) check_fault(c, "object #%lld: its location #%lld does not exist", (ll)o, (ll)x->location);
    }
    check_circles(c, true);
    check_circles(c, false);
}

static bool is_a(struct check *c, objid o, objid ancestor) {
    for (struct check_object *x; (x = check_object_at(c, o)); o = x->parent)
        if (o == ancestor) return true;
    return false;
}

static void row_link(struct check *c, enum store_table t, objid holder, uint64_t seq, struct dec *d) {
    struct rec_link rec;
    const char *name = store_table_name(t);
    if (rec_link_decode(&rec, d)) {
        bad_fields(c, t, holder);
        return;
    }
    struct check_object *x = check_object_at(c, rec.object);
    if (!x) {
        check_fault(c, "%s of #%lld: #%lld in it does not exist", name, (ll)holder, (ll)rec.object);
    } else if (t == T_PLAYER) {
        if (!(x->flags & OF_PLAYER)) check_fault(c, "player: #%lld in it is none", (ll)rec.object);
        if (x->seen & SEEN_PLAYER) check_fault(c, "player: #%lld is in it twice", (ll)rec.object);
        x->seen |= SEEN_PLAYER;
    } else if (t == T_CHILDREN) {
        if (x->parent != holder || x->child_key != seq) check_fault(c, "children of #%lld: #%lld in it has the parent #%lld or another place", (ll)holder, (ll)rec.object, (ll)x->parent);
        else x->seen |= SEEN_CHILD;
    } else {
        if (x->location != holder || x->content_key != seq) check_fault(c, "contents of #%lld: #%lld in it has the location #%lld or another place", (ll)holder, (ll)rec.object, (ll)x->location);
        else x->seen |= SEEN_CONTENT;
    }
    rec_link_fini(&rec);
}

static void row_owned(struct check *c, objid owner, objid o) {
    struct check_object *x = check_object_at(c, o);
    if (!x) check_fault(c, "owned of #%lld: #%lld in it does not exist", (ll)owner, (ll)o);
    else if (x->owner != owner) check_fault(c, "owned of #%lld: #%lld in it is owned by #%lld", (ll)owner, (ll)o, (ll)x->owner);
    else x->seen |= SEEN_OWNED;
}

static void row_free(struct check *c, objid o) {
    if (check_object_at(c, o)) check_fault(c, "free: #%lld is in it, but exists", (ll)o);
    else if (o < 0 || o >= c->nobjects) check_fault(c, "free: #%lld is above the highest number", (ll)o);
    else c->objects[o].seen |= SEEN_FREE;
}

/* ---- properties ---- */

static void add_prop(struct check *c, uint64_t id, objid definer) {
    if (c->nprops == c->prop_cap) {
        c->prop_cap = c->prop_cap ? c->prop_cap * 2 : 1024;
        c->props = xrealloc(c->props, c->prop_cap * sizeof *c->props);
    }
    c->props[c->nprops++] = (struct check_prop){id, definer};
}

static void row_propdef(struct check *c, objid o, struct dec *d) {
    struct rec_propdefs rec;
    if (!check_object_at(c, o)) check_fault(c, "propdef of #%lld: the object does not exist", (ll)o);
    if (rec_propdefs_decode(&rec, d)) {
        bad_fields(c, T_PROPDEF, o);
        return;
    }
    struct dec items = dec_over(rec.items.p, rec.items.len);
    while (!items.bad && !dec_at_end(&items)) {
        size_t len;
        const void *p = dec_bytes(&items, &len);
        struct dec one = dec_over(p, len);
        struct rec_propdef def;
        if (items.bad || rec_propdef_decode(&def, &one)) {
            bad_fields(c, T_PROPDEF, o);
            return;
        }
        if (def.id >= c->next_prop) check_fault(c, "propdef of #%lld: the id of .%s was not given out yet", (ll)o, def.name->data);
        add_prop(c, def.id, o);
        rec_propdef_fini(&def);
    }
}

static int by_id(const void *a, const void *b) {
    const struct check_prop *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

void check_props_read(struct check *c) {
    if (!c->nprops) return;
    qsort(c->props, c->nprops, sizeof *c->props, by_id);
    for (size_t i = 1; i < c->nprops; i++)
        if (c->props[i].id == c->props[i - 1].id)
            check_fault(c, "propdef of #%lld: property id %llu belongs to #%lld too", (ll)c->props[i].definer, (ull)c->props[i].id, (ll)c->props[i - 1].definer);
}

static void row_propval(struct check *c, objid o, uint64_t id, struct dec *d) {
    struct rec_propval rec;
    if (rec_propval_decode(&rec, d)) {
        bad_fields(c, T_PROPVAL, o);
        return;
    }
    rec_propval_fini(&rec);
    struct check_prop want = {id, 0}, *p = c->nprops ? bsearch(&want, c->props, c->nprops, sizeof *c->props, by_id) : NULL;
    if (!check_object_at(c, o)) check_fault(c, "propval of #%lld: the object does not exist", (ll)o);
    else if (!p) check_fault(c, "propval of #%lld: property id %llu is defined nowhere", (ll)o, (ull)id);
    else if (!is_a(c, o, p->definer)) check_fault(c, "propval of #%lld: its property is defined on #%lld, which is no ancestor", (ll)o, (ll)p->definer);
}

/* ---- verbs and programs ---- */

static int by_hash(const void *a, const void *b) { return memcmp(a, b, CODE_HASH_BYTES); }

static bool code_exists(struct check *c, const void *hash) { return c->ncodes && bsearch(hash, c->codes, c->ncodes, sizeof *c->codes, by_hash); }

static void row_code(struct check *c, const void *key, size_t klen, struct dec *d) {
    struct rec_code rec;
    if (klen != CODE_HASH_BYTES || rec_code_decode(&rec, d)) {
        check_fault(c, "code: a record's key or fields cannot be read");
        return;
    }
    struct code *code = code_new(NULL, rec.text, (int)rec.version, rec.imported, (int)rec.first_line);
    if (memcmp(code->hash, key, CODE_HASH_BYTES)) check_fault(c, "code: a program stands under the hash of another one; it begins: %.60s", rec.text->data);
    code_unref(code);
    rec_code_fini(&rec);
    if (c->ncodes == c->code_cap) {
        c->code_cap = c->code_cap ? c->code_cap * 2 : 1024;
        c->codes = xrealloc(c->codes, c->code_cap * sizeof *c->codes);
    }
    memcpy(c->codes[c->ncodes++].hash, key, CODE_HASH_BYTES);
}

static void row_ref(struct check *c, const void *key, size_t klen) {
    const unsigned char *k = key;
    bool verb = klen == 1 + CODE_HASH_BYTES + 16 && *k == 'v', frame = klen == 1 + CODE_HASH_BYTES && *k == 'f';
    if (!verb && !frame) check_fault(c, "ref: a key of a kind that is not known");
    else if (!code_exists(c, k + 1)) check_fault(c, "ref: something refers to a program that does not exist");
    c->verb_refs += verb;
}

static void row_verbdef(struct check *c, objid o, uint64_t id, struct dec *d) {
    struct rec_verbdef rec;
    if (rec_verbdef_decode(&rec, d)) {
        bad_fields(c, T_VERBDEF, o);
        return;
    }
    if (!check_object_at(c, o)) check_fault(c, "verbdef of #%lld: the object does not exist", (ll)o);
    if (id >= c->next_verb) check_fault(c, "verbdef of #%lld: the id of :%s was not given out yet", (ll)o, rec.names->data);
    if (rec.code.len == CODE_HASH_BYTES) {
        struct key ref = key_ref_verb(rec.code.p, key_object(o), id);
        const void *data;
        size_t len;
        c->verbs_with_code++;
        if (!code_exists(c, rec.code.p)) check_fault(c, "verbdef of #%lld: the program of :%s does not exist", (ll)o, rec.names->data);
        if (store_get(c->store, T_REF, ref.bytes, ref.len, &data, &len)) check_fault(c, "verbdef of #%lld: the ref of :%s is missing", (ll)o, rec.names->data);
    } else if (rec.code.len) {
        bad_fields(c, T_VERBDEF, o);
    }
    rec_verbdef_fini(&rec);
}

/* ---- what was, and who has how much ---- */

static void row_history(struct check *c, const void *key, size_t klen, struct dec *d) {
    struct rec_history rec;
    enum history_kind kind;
    uint64_t o, id, sequence;
    if (!key_parse_history(key, klen, &kind, &o, &id, &sequence)) {
        check_fault(c, "history: a key of a kind that is not known");
        return;
    }
    if (rec_history_decode(&rec, d)) {
        bad_fields(c, T_HISTORY, object_of_key(o));
        return;
    }
    if (!check_object_at(c, object_of_key(o))) check_fault(c, "history of #%lld: the object does not exist", (ll)object_of_key(o));
    rec_history_fini(&rec);
}

static void row_usage(struct check *c, objid owner, struct dec *d) {
    struct rec_usage rec;
    if (rec_usage_decode(&rec, d)) bad_fields(c, T_USAGE, owner);
    else rec_usage_fini(&rec);
}

/* ---- */

void check_row(struct check *c, enum store_table t, const void *key, size_t klen, struct dec *d) {
    uint64_t a = 0, b = 0;
    switch (t) {
    case T_META: return;
    case T_CODE: row_code(c, key, klen, d); return;
    case T_REF: row_ref(c, key, klen); return;
    case T_HISTORY: row_history(c, key, klen, d); return;
    case T_USAGE:
        if (one_part(c, t, key, klen, &a)) row_usage(c, object_of_key(a), d);
        return;
    case T_OBJECT:
    case T_PROPDEF:
    case T_FREE:
        if (!one_part(c, t, key, klen, &a)) return;
        if (t == T_OBJECT) row_object(c, object_of_key(a), d);
        else if (t == T_PROPDEF) row_propdef(c, object_of_key(a), d);
        else row_free(c, object_of_key(a));
        return;
    case T_PLAYER:
        if (one_part(c, t, key, klen, &a)) row_link(c, t, 0, a, d);
        return;
    case T_ANON:
    case T_WAIF:
    case T_TASK:
    case T_QUEUE:
    case T_CONNECTION:
    case T_FOREIGN_TASK:
    case T_EXTRA: one_part(c, t, key, klen, &a); return;
    case T_CONTENTS:
    case T_CHILDREN:
    case T_OWNED:
    case T_PROPVAL:
    case T_VERBDEF:
        if (!two_parts(c, t, key, klen, &a, &b)) return;
        if (t == T_OWNED) row_owned(c, object_of_key(a), object_of_key(b));
        else if (t == T_PROPVAL) row_propval(c, object_of_key(a), b, d);
        else if (t == T_VERBDEF) row_verbdef(c, object_of_key(a), b, d);
        else row_link(c, t, object_of_key(a), b, d);
        return;
    case T_BLOB:
        if (two_parts(c, t, key, klen, &a, &b) && a >= c->next_blob) check_fault(c, "blob %llu: its id was not given out yet", (ull)a);
        return;
    case T_COUNT: break;
    }
    must(!"a table");
}

void check_finish(struct check *c) {
    for (objid o = 0; o < c->nobjects; o++) {
        const struct check_object *x = &c->objects[o];
        if (!x->exists) {
            if (!(x->seen & SEEN_FREE)) check_fault(c, "free: #%lld does not exist and is not in it", (ll)o);
            continue;
        }
        if (x->parent != NOTHING && !(x->seen & SEEN_CHILD)) check_fault(c, "children of #%lld: #%lld is missing", (ll)x->parent, (ll)o);
        if (x->location != NOTHING && !(x->seen & SEEN_CONTENT)) check_fault(c, "contents of #%lld: #%lld is missing", (ll)x->location, (ll)o);
        if (!(x->seen & SEEN_OWNED)) check_fault(c, "owned of #%lld: #%lld is missing", (ll)x->owner, (ll)o);
        if ((x->flags & OF_PLAYER) && !(x->seen & SEEN_PLAYER)) check_fault(c, "player: #%lld is missing", (ll)o);
    }
    if (c->verb_refs != c->verbs_with_code)
        check_fault(c, "ref: %llu verbs refer to programs, but %llu are noted", (ull)c->verbs_with_code, (ull)c->verb_refs);
}
