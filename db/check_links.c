/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "db/check.h"

typedef long long ll;
typedef unsigned long long ull;

struct check_object *check_object_at(struct check *c, objid o) { return o >= 0 && o < c->nobjects && c->objects[o].exists ? &c->objects[o] : NULL; }

/* Keys of one or two parts. */
static bool one_part(struct check_worker *w, enum store_table t, const void *key, size_t klen, uint64_t *a) {
    if (key_parse_one(key, klen, a)) return true;
    check_fault(w, "%s: a key of %zu bytes instead of 8", store_table_name(t), klen);
    return false;
}

static bool two_parts(struct check_worker *w, enum store_table t, const void *key, size_t klen, uint64_t *a, uint64_t *b) {
    if (key_parse_two(key, klen, a, b)) return true;
    check_fault(w, "%s: a key of %zu bytes instead of 16", store_table_name(t), klen);
    return false;
}

static void bad_fields(struct check_worker *w, enum store_table t, struct key k) {
    struct buf name = BUF_INIT;
    check_key_text(w->c, t, k.bytes, k.len, &name);
    check_fault(w, "%s: its fields cannot be read", buf_c(&name));
    buf_fini(&name);
}

static void see(struct check *c, enum seen what, objid o) { __atomic_store_n(&c->seen[what][o], 1, __ATOMIC_RELAXED); } /* two parts may name one object, if one is wrong */

/* ---- objects and the tree ---- */

static void row_object(struct check_worker *w, objid o, struct dec *d) {
    struct check *c = w->c;
    struct view_object rec;
    if (o < 0 || o >= c->nobjects) {
        check_fault(w, "object #%lld: above the highest number, #%lld", (ll)o, (ll)c->nobjects - 1);
        return;
    }
    if (view_object_decode(&rec, d)) {
        bad_fields(w, T_OBJECT, key_one(key_object(o)));
        return;
    }
    c->objects[o] = (struct check_object){.parent = rec.parent,
                                          .location = rec.location,
                                          .owner = rec.owner,
                                          .child_key = rec.child_key,
                                          .content_key = rec.content_key,
                                          .flags = (uint32_t)rec.flags,
                                          .exists = 1};
    check_usage_count(c, o, usage_of_header(rec.name.len));
    if (rec.child_key > c->next_key || rec.content_key > c->next_key) check_fault(w, "object #%lld: its place in a list was not given out yet", (ll)o);
}

static objid link_of(const struct check_object *o, bool parent) { return parent ? o->parent : o->location; }

/* Who is on a circle. Each object is walked over once: numbers of earlier walks are known to be good. */
static void check_circles(struct check_worker *w, bool parent) {
    struct check *c = w->c;
    uint32_t *walk = xcalloc((size_t)c->nobjects + 1, sizeof *walk), number = 0;
    for (objid o = 0; o < c->nobjects; o++) {
        objid at = o;
        number++;
        for (struct check_object *x; (x = check_object_at(c, at)) && !walk[at]; at = link_of(x, parent)) walk[at] = number;
        if (check_object_at(c, at) && walk[at] == number) {
            check_fault(w, "object #%lld: its %s lead in a circle", (ll)at, parent ? "parents" : "locations");
            if (parent) c->objects[at].parent = NOTHING; /* so that no later walk goes round */
            else c->objects[at].location = NOTHING;
        }
    }
    free(walk);
}

void check_objects_read(struct check_worker *w) {
    struct check *c = w->c;
    for (objid o = 0; o < c->nobjects; o++) {
        struct check_object *x = check_object_at(c, o);
        if (!x) continue;
        if (x->parent != NOTHING && !check_object_at(c, x->parent)) check_fault(w, "object #%lld: its parent #%lld does not exist", (ll)o, (ll)x->parent);
        if (x->location != NOTHING && !check_object_at(c, x->location)) check_fault(w, "object #%lld: its location #%lld does not exist", (ll)o, (ll)x->location);
    }
    check_circles(w, true);
    check_circles(w, false);
}

static bool is_a(struct check *c, objid o, objid ancestor) {
    for (struct check_object *x; (x = check_object_at(c, o)); o = x->parent)
        if (o == ancestor) return true;
    return false;
}

static void row_link(struct check_worker *w, enum store_table t, objid holder, uint64_t seq, struct dec *d) {
    struct check *c = w->c;
    struct view_link rec;
    const char *name = store_table_name(t);
    if (view_link_decode(&rec, d)) {
        bad_fields(w, t, t == T_PLAYER ? key_one(seq) : key_two(key_object(holder), seq));
        return;
    }
    const struct check_object *x = check_object_at(c, rec.object);
    if (!x) {
        check_fault(w, "%s of #%lld: #%lld in it does not exist", name, (ll)holder, (ll)rec.object);
    } else if (t == T_PLAYER) {
        if (!(x->flags & OF_PLAYER)) check_fault(w, "player: #%lld in it is none", (ll)rec.object);
        if (c->seen[SEEN_PLAYER][rec.object]) check_fault(w, "player: #%lld is in it twice", (ll)rec.object);
        see(c, SEEN_PLAYER, rec.object);
    } else if (t == T_CHILDREN) {
        if (x->parent != holder || x->child_key != seq) check_fault(w, "children of #%lld: #%lld in it has the parent #%lld or another place", (ll)holder, (ll)rec.object, (ll)x->parent);
        else see(c, SEEN_CHILD, rec.object);
    } else {
        if (x->location != holder || x->content_key != seq) check_fault(w, "contents of #%lld: #%lld in it has the location #%lld or another place", (ll)holder, (ll)rec.object, (ll)x->location);
        else see(c, SEEN_CONTENT, rec.object);
    }
}

static void row_owned(struct check_worker *w, objid owner, objid o) {
    const struct check_object *x = check_object_at(w->c, o);
    if (!x) check_fault(w, "owned of #%lld: #%lld in it does not exist", (ll)owner, (ll)o);
    else if (x->owner != owner) check_fault(w, "owned of #%lld: #%lld in it is owned by #%lld", (ll)owner, (ll)o, (ll)x->owner);
    else see(w->c, SEEN_OWNED, o);
}

static void row_free(struct check_worker *w, objid o) {
    if (check_object_at(w->c, o)) check_fault(w, "free: #%lld is in it, but exists", (ll)o);
    else if (o < 0 || o >= w->c->nobjects) check_fault(w, "free: #%lld is above the highest number", (ll)o);
    else see(w->c, SEEN_FREE, o);
}

/* ---- properties ---- */

static void add_prop(struct check_props *p, const struct view_propdef *def, objid definer) {
    if (p->n == p->cap) p->v = xrealloc(p->v, (p->cap = p->cap ? p->cap * 2 : 256) * sizeof *p->v);
    p->v[p->n++] = (struct check_prop){def->id, definer, p->names.len, def->name.len};
    buf_add(&p->names, def->name.p, def->name.len);
}

static void row_propdef(struct check_worker *w, objid o, struct dec *d) {
    struct view_propdefs rec;
    if (view_propdefs_decode(&rec, d)) {
        bad_fields(w, T_PROPDEF, key_one(key_object(o)));
        return;
    }
    struct dec items = dec_over(rec.items.p, rec.items.len);
    while (!items.bad && !dec_at_end(&items)) {
        size_t len;
        const void *p = dec_bytes(&items, &len);
        struct dec one = dec_over(p, len);
        struct view_propdef def;
        if (items.bad || view_propdef_decode(&def, &one)) {
            bad_fields(w, T_PROPDEF, key_one(key_object(o)));
            return;
        }
        if (def.id >= w->c->next_prop) check_fault(w, "propdef of #%lld: the id of .%.*s was not given out yet", (ll)o, (int)def.name.len, (const char *)def.name.p);
        check_usage_count(w->c, o, usage_of_propdef(def.name.len));
        add_prop(&w->props, &def, o);
    }
}

static int by_id(const void *a, const void *b) {
    const struct check_prop *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

const struct check_prop *check_prop_by_id(const struct check *c, uint64_t id) {
    struct check_prop want = {.id = id};
    return c->props.n ? bsearch(&want, c->props.v, c->props.n, sizeof *c->props.v, by_id) : NULL;
}

void check_props_sort(struct check *c) {
    if (c->props.n) qsort(c->props.v, c->props.n, sizeof *c->props.v, by_id);
}

void check_props_read(struct check_worker *w) {
    struct check_props *p = &w->c->props;
    for (size_t i = 0; i < p->n; i++)
        if (!check_object_at(w->c, p->v[i].definer) && (!i || p->v[i].definer != p->v[i - 1].definer)) check_fault(w, "propdef of #%lld: the object does not exist", (ll)p->v[i].definer);
    check_props_sort(w->c);
    for (size_t i = 1; i < p->n; i++)
        if (p->v[i].id == p->v[i - 1].id)
            check_fault(w, "propdef of #%lld: property id %llu belongs to #%lld too", (ll)p->v[i].definer, (ull)p->v[i].id, (ll)p->v[i - 1].definer);
}

/* Does the object have the property from an ancestor? What holds for one child of a parent holds for the next. */
static bool inherits(struct check_worker *w, objid parent, const struct check_prop *p) {
    size_t at = ((uint64_t)parent * 31 + p->id) % (sizeof w->inherited / sizeof *w->inherited);
    if (w->inherited[at].parent == parent && w->inherited[at].id == p->id && parent != NOTHING) return true;
    if (!is_a(w->c, parent, p->definer)) return false;
    w->inherited[at].parent = parent;
    w->inherited[at].id = p->id;
    return true;
}

static void row_propval(struct check_worker *w, objid o, uint64_t id, struct dec *d) {
    struct view_propval rec;
    if (view_propval_decode(&rec, d)) {
        bad_fields(w, T_PROPVAL, key_two(key_object(o), id));
        return;
    }
    check_usage_count(w->c, o, usage_of_record(&rec));
    const struct check_object *x = check_object_at(w->c, o);
    const struct check_prop *p = check_prop_by_id(w->c, id);
    bool has_it = x && p && (p->definer == o || inherits(w, x->parent, p)), has_size = !rec.bytes || rec.bytes == (uint64_t)rec.value.bytes;
    if (has_it && has_size) return;
    struct buf name = BUF_INIT;
    struct key k = key_two(key_object(o), id);
    check_key_text(w->c, T_PROPVAL, k.bytes, k.len, &name);
    if (!has_size) check_fault(w, "%s: its value has %lld bytes, not %llu as it says", buf_c(&name), (ll)rec.value.bytes, (unsigned long long)rec.bytes);
    if (!x) check_fault(w, "%s: the object does not exist", buf_c(&name));
    else if (!p) check_fault(w, "%s: it is defined nowhere", buf_c(&name));
    else if (!has_it) check_fault(w, "%s: it is defined on #%lld, which is no ancestor", buf_c(&name), (ll)p->definer);
    buf_fini(&name);
}

/* ---- verbs and programs ---- */

static int by_hash(const void *a, const void *b) { return memcmp(a, b, CODE_HASH_BYTES); }

static bool code_exists(const struct check *c, const void *hash) { return c->codes.n && bsearch(hash, c->codes.v, c->codes.n, sizeof *c->codes.v, by_hash); }

static void row_code(struct check_worker *w, const void *key, size_t klen, struct dec *d) {
    struct check_codes *codes = &w->codes;
    struct view_code rec;
    uint8_t hash[CODE_HASH_BYTES];
    if (klen != CODE_HASH_BYTES || view_code_decode(&rec, d)) {
        check_fault(w, "code: a record's key or fields cannot be read");
        return;
    }
    code_hash(hash, rec.text.p, rec.text.len, (int)rec.version, rec.imported, (int)rec.first_line);
    if (memcmp(hash, key, CODE_HASH_BYTES)) check_fault(w, "code: a program stands under the hash of another one; it begins: %.*s", rec.text.len < 60 ? (int)rec.text.len : 60, (const char *)rec.text.p);
    if (codes->n == codes->cap) codes->v = xrealloc(codes->v, (codes->cap = codes->cap ? codes->cap * 2 : 256) * sizeof *codes->v);
    memcpy(codes->v[codes->n++].hash, key, CODE_HASH_BYTES);
}

void check_codes_read(struct check_worker *w) {
    if (w->c->codes.n) qsort(w->c->codes.v, w->c->codes.n, sizeof *w->c->codes.v, by_hash);
}

static bool is_verb_ref(const void *key, size_t klen) { return klen == 1 + CODE_HASH_BYTES + 16 && *(const char *)key == 'v'; }

static void row_ref(struct check_worker *w, const void *key, size_t klen) {
    const unsigned char *k = key;
    bool verb = is_verb_ref(key, klen), frame = klen == 1 + CODE_HASH_BYTES && *k == 'f', history = klen == REF_HISTORY_KEY && *k == 'h';
    if (!verb && !frame && !history) check_fault(w, "ref: a key of a kind that is not known");
    else if (!code_exists(w->c, k + 1)) check_fault(w, "ref: something refers to a program that does not exist");
    if (verb || history) w->verb_refs += store_row_hash(key, klen, NULL, 0);
}

static void row_verbdef(struct check_worker *w, objid o, uint64_t id, struct dec *d) {
    struct view_verbdef rec;
    if (view_verbdef_decode(&rec, d) || (rec.code.len && rec.code.len != CODE_HASH_BYTES)) {
        bad_fields(w, T_VERBDEF, key_two(key_object(o), id));
        return;
    }
    check_usage_count(w->c, o, usage_of_verb(rec.names.len, rec.code_bytes));
    int len = (int)rec.names.len;
    const char *names = rec.names.p;
    if (!check_object_at(w->c, o)) check_fault(w, "verb #%lld:%.*s: the object does not exist", (ll)o, len, names);
    if (id >= w->c->next_verb) check_fault(w, "verb #%lld:%.*s: its id was not given out yet", (ll)o, len, names);
    if (!rec.code.len) return;
    struct key ref = key_ref_verb(rec.code.p, key_object(o), id);
    w->verbs_with_code += store_row_hash(ref.bytes, ref.len, NULL, 0);
    if (!code_exists(w->c, rec.code.p)) check_fault(w, "verb #%lld:%.*s: its program does not exist", (ll)o, len, names);
}

static bool is_there(const struct check *c, enum store_table t, const struct key *k) {
    const void *data;
    size_t len;
    return !pages_get(&c->pages, &c->tables[t].tree, k->bytes, k->len, &data, &len);
}

static void find_missing_ref(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct check_worker *w = ctx;
    struct view_verbdef rec;
    struct dec d;
    unsigned version, flags;
    const char *why;
    uint64_t o, id;
    if (!key_parse_two(key, klen, &o, &id) || dec_envelope(data, len, key, klen, &version, &flags, &d, &why) || view_verbdef_decode(&rec, &d) || rec.code.len != CODE_HASH_BYTES) return;
    struct key ref = key_ref_verb(rec.code.p, o, id);
    if (!is_there(w->c, T_REF, &ref)) check_fault(w, "verb #%lld:%.*s: its ref is missing", (ll)object_of_key(o), (int)rec.names.len, (const char *)rec.names.p);
}

static void find_lone_ref(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct check_worker *w = ctx;
    struct key verb = {.len = 16};
    (void)data, (void)len;
    if (!is_verb_ref(key, klen)) return;
    memcpy(verb.bytes, (const char *)key + 1 + CODE_HASH_BYTES, 16);
    if (is_there(w->c, T_VERBDEF, &verb)) return;
    struct buf name = BUF_INIT;
    check_key_text(w->c, T_VERBDEF, verb.bytes, verb.len, &name);
    check_fault(w, "ref: %s does not exist, but a program is kept for it", buf_c(&name));
    buf_fini(&name);
}

/* Rows of history and their refs, both ways. */
static void find_missing_history_ref(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct check_worker *w = ctx;
    struct view_history rec;
    struct dec d;
    unsigned version, flags;
    const char *why;
    struct key row = {.len = klen};
    if (klen != HISTORY_KEY || dec_envelope(data, len, key, klen, &version, &flags, &d, &why) || view_history_decode(&rec, &d) || rec.code.len != CODE_HASH_BYTES) return;
    memcpy(row.bytes, key, klen);
    struct key ref = key_ref_history(rec.code.p, &row);
    if (!is_there(w->c, T_REF, &ref)) check_fault(w, "history: the ref of a version is missing");
}

static void find_lone_history_ref(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct check_worker *w = ctx;
    struct key row = {.bytes = {HISTORY_VERB}, .len = HISTORY_KEY};
    (void)data, (void)len;
    if (klen != REF_HISTORY_KEY || *(const char *)key != 'h') return;
    memcpy(row.bytes + 1, (const char *)key + 1 + CODE_HASH_BYTES, HISTORY_KEY - 1);
    if (!is_there(w->c, T_HISTORY, &row)) check_fault(w, "ref: a version in the history does not exist, but a program is kept for it");
}

static void no_fault(void *ctx, const struct page_part *where, const char *what) { (void)ctx, (void)where, (void)what; } /* it was told before */

static void look_again(struct check_worker *w, enum store_table t, void (*row)(void *ctx, const void *key, size_t klen, const void *data, size_t len)) {
    struct pages *p = &w->c->pages;
    if (!w->c->tables[t].there) return;
    unsigned char *used = p->used; /* another walk, with a memory of its own */
    p->used = xcalloc(p->meta.last / 8 + 2, 1);
    struct page_walk walk = {.pages = p, .row = row, .fault = no_fault, .ctx = w};
    pages_walk(&walk, &(struct page_part){.page = w->c->tables[t].tree.root, .depth = w->c->tables[t].tree.depth});
    free(p->used);
    p->used = used;
}

static void check_refs(struct check_worker *w) {
    if (w->c->verb_refs == w->c->verbs_with_code) return;
    uint64_t before = w->nfaults;
    look_again(w, T_VERBDEF, find_missing_ref);
    look_again(w, T_REF, find_lone_ref);
    look_again(w, T_HISTORY, find_missing_history_ref);
    look_again(w, T_REF, find_lone_history_ref);
    if (w->nfaults == before) check_fault(w, "ref: programs are kept for verbs that have others");
}

/* ---- what was, and who has how much ---- */

static void row_history(struct check_worker *w, const void *key, size_t klen, struct dec *d) {
    struct view_history rec;
    enum history_kind kind;
    uint64_t o, id;
    int64_t time;
    if (!key_parse_history(key, klen, &kind, &o, &id, &time)) {
        check_fault(w, "history: a key of a kind that is not known");
        return;
    }
    struct key k = key_history(kind, o, id, time);
    if (view_history_decode(&rec, d) || (rec.code.len && rec.code.len != CODE_HASH_BYTES)) {
        bad_fields(w, T_HISTORY, k);
        return;
    }
    if (!check_object_at(w->c, object_of_key(o))) check_fault(w, "history of #%lld: the object does not exist", (ll)object_of_key(o));
    if (!rec.code.len) return;
    struct key ref = key_ref_history(rec.code.p, &k);
    w->verbs_with_code += store_row_hash(ref.bytes, ref.len, NULL, 0);
    if (!code_exists(w->c, rec.code.p)) check_fault(w, "history of #%lld: a program in it does not exist", (ll)object_of_key(o));
}

static void row_usage(struct check_worker *w, uint64_t owner, struct dec *d) {
    struct view_usage rec;
    if (view_usage_decode(&rec, d)) bad_fields(w, T_USAGE, key_one(owner));
    else check_usage_row(w, object_of_key(owner), &rec);
}

/* ---- */

void check_row(struct check_worker *w, enum store_table t, const void *key, size_t klen, struct dec *d) {
    uint64_t a = 0, b = 0;
    switch (t) {
    case T_META: return;
    case T_CODE: row_code(w, key, klen, d); return;
    case T_REF: row_ref(w, key, klen); return;
    case T_HISTORY: row_history(w, key, klen, d); return;
    case T_USAGE:
        if (one_part(w, t, key, klen, &a)) row_usage(w, a, d);
        return;
    case T_OBJECT:
    case T_PROPDEF:
    case T_FREE:
        if (!one_part(w, t, key, klen, &a)) return;
        if (t == T_OBJECT) row_object(w, object_of_key(a), d);
        else if (t == T_PROPDEF) row_propdef(w, object_of_key(a), d);
        else row_free(w, object_of_key(a));
        return;
    case T_PLAYER:
        if (one_part(w, t, key, klen, &a)) row_link(w, t, 0, a, d);
        return;
    case T_ANON:
    case T_WAIF:
    case T_TASK:
    case T_QUEUE:
    case T_CONNECTION:
    case T_FOREIGN_TASK:
    case T_EXTRA: one_part(w, t, key, klen, &a); return;
    case T_CONTENTS:
    case T_CHILDREN:
    case T_OWNED:
    case T_PROPVAL:
    case T_VERBDEF:
        if (!two_parts(w, t, key, klen, &a, &b)) return;
        if (t == T_OWNED) row_owned(w, object_of_key(a), object_of_key(b));
        else if (t == T_PROPVAL) row_propval(w, object_of_key(a), b, d);
        else if (t == T_VERBDEF) row_verbdef(w, object_of_key(a), b, d);
        else row_link(w, t, object_of_key(a), b, d);
        return;
    case T_BLOB:
        if (two_parts(w, t, key, klen, &a, &b) && a >= w->c->next_blob) check_fault(w, "blob %llu: its id was not given out yet", (ull)a);
        return;
    case T_COUNT: break;
    }
    must(!"a table");
}

void check_finish(struct check_worker *w) {
    struct check *c = w->c;
    for (objid o = 0; o < c->nobjects; o++) {
        const struct check_object *x = &c->objects[o];
        if (!x->exists) {
            if (!c->seen[SEEN_FREE][o]) check_fault(w, "free: #%lld does not exist and is not in it", (ll)o);
            continue;
        }
        if (x->parent != NOTHING && !c->seen[SEEN_CHILD][o]) check_fault(w, "children of #%lld: #%lld is missing", (ll)x->parent, (ll)o);
        if (x->location != NOTHING && !c->seen[SEEN_CONTENT][o]) check_fault(w, "contents of #%lld: #%lld is missing", (ll)x->location, (ll)o);
        if (!c->seen[SEEN_OWNED][o]) check_fault(w, "owned of #%lld: #%lld is missing", (ll)x->owner, (ll)o);
        if ((x->flags & OF_PLAYER) && !c->seen[SEEN_PLAYER][o]) check_fault(w, "player: #%lld is missing", (ll)o);
    }
    check_refs(w);
    check_usage_finish(w);
    if (c->chunks_there != c->chunks_used) check_fault(w, "blob: there are parts of large values that no record has, or records have the same ones");
}
