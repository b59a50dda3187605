/* SPDX-License-Identifier: MIT */
#include "db/load.h"

#include <stdlib.h>
#include <string.h>

#include "base/dialect.h"
#include "base/log.h"
#include "base/patience.h"
#include "base/pool.h"
#include "db/cache.h"
#include "db/format.h"
#include "db/readings.h"
#include "db/records.h"
#include "db/rowset.h"
#include "db/save.h"

enum { READ_ATTEMPTS = 300, LOG_EVERY = 10 }; /* of some two seconds */
enum { READ_AT_ONCE = 1 << 18 /* value_bytes() that are read in a moment */ };

void load_damaged(struct db *db, enum store_table t, objid o, const char *why) {
    if (db->damaged++ < 20) log_error("%s of #%lld: %s; run `evermoo check'", store_table_name(t), (long long)o, why);
}

void load_begin(struct db *db) {
    for (int i = 0; store_read_begin(db->store); i++) {
        if (i % LOG_EVERY == 0) log_error("%s; everything waits until it can be read", store_error(db->store));
        if (i == READ_ATTEMPTS) must_fail(__FILE__, __LINE__, "the store can be read");
    }
}

/* ---- free numbers ---- */

struct free_reader {
    struct db *db;
    objid below;
    void (*found)(struct db *db, objid o);
};

static bool read_free(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct free_reader *r = ctx;
    uint64_t b = 0;
    struct dec d;
    struct buf scratch = BUF_INIT;
    const char *why = "its key has another form";
    bool ok = key_parse_one(key, klen, &b);
    objid o = object_of_key(b);
    if (ok && o >= r->below) return false;
    if (!ok || record_open(r->db->store, T_FREE, key, klen, data, len, &d, &scratch, &why)) load_damaged(r->db, T_FREE, o, why);
    else if (!rowset_find(r->db->rows, ROW_FREE, 0, (uint64_t)o) && !rowset_find(r->db->rows_saving, ROW_FREE, 0, (uint64_t)o)) r->found(r->db, o);
    buf_fini(&scratch);
    return true;
}

void load_free(struct db *db, objid from, objid below, void (*found)(struct db *db, objid o)) {
    struct free_reader r = {db, below, found};
    struct key first = key_one(key_object(from));
    uint64_t before;
    do {
        before = db->damaged;
        load_begin(db);
        if (store_scan_from(db->store, T_FREE, first.bytes, first.len, 0, read_free, &r)) load_damaged(db, T_FREE, from, store_error(db->store));
        store_read_end(db->store);
    } while (recover_for_load(db, before));
}

/* ---- programs ---- */

static struct code *read_code(struct db *db, const uint8_t hash[CODE_HASH_BYTES]) {
    struct key k = {.len = CODE_HASH_BYTES};
    memcpy(k.bytes, hash, CODE_HASH_BYTES);
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct rec_code rec;
    struct code *c = NULL;
    const char *why = "damaged";
    int rc = record_get(db->store, T_CODE, &k, &d, &scratch, &why);
    if (rc == STORE_NOT_FOUND) why = "not there";
    if (!rc && !rec_code_decode(&rec, &d)) {
        c = code_new(db->codes, rec.text, (int)rec.version, rec.imported, (int)rec.first_line);
        rec_code_fini(&rec);
        if (memcmp(c->hash, hash, CODE_HASH_BYTES)) code_unref(c), c = NULL, why = "damaged: its text has another hash";
    }
    if (!c) load_damaged(db, T_CODE, NOTHING, why);
    buf_fini(&scratch);
    return c;
}

struct code *load_code(struct db *db, const uint8_t hash[CODE_HASH_BYTES]) {
    struct code *c = code_find(db->codes, hash);
    if (c) return code_ref(c);
    if (!db->store) return NULL;
    uint64_t before;
    do {
        before = db->damaged;
        if (c) code_unref(c);
        load_begin(db);
        c = read_code(db, hash);
        store_read_end(db->store);
    } while (recover_for_load(db, before));
    return c;
}

struct code *db_load_code(struct db *db, const uint8_t hash[CODE_HASH_BYTES]) { return load_code(db, hash); }

/* ---- objects ---- */

/* Strings that are read through it are kept once, if they were met lately. */
static struct dec *sharing(struct db *db, struct dec *d) {
    d->strings = db->strings;
    return d;
}

static void read_propdefs(struct db *db, struct object *o) {
    struct key k = key_one(key_object(o->id));
    struct buf scratch = BUF_INIT;
    struct dec d, items;
    struct rec_propdefs rec = {{NULL, 0}};
    const char *why = "damaged";
    int rc = record_get(db->store, T_PROPDEF, &k, &d, &scratch, &why);
    if (rc == STORE_NOT_FOUND) return;
    if (rc || rec_propdefs_decode(&rec, &d)) {
        load_damaged(db, T_PROPDEF, o->id, why);
        rec.items.len = 0;
    }
    for (items = dec_over(rec.items.p, rec.items.len); !items.bad && !dec_at_end(&items);) {
        size_t len;
        const void *p = dec_bytes(&items, &len);
        struct dec one = dec_over(p, len);
        struct rec_propdef def;
        if (items.bad || rec_propdef_decode(&def, sharing(db, &one))) {
            load_damaged(db, T_PROPDEF, o->id, "damaged");
            break;
        }
        struct defs *defs = object_defs(o);
        defs->props = xrealloc(defs->props, (defs->nprops + 1) * sizeof *defs->props);
        defs->props[defs->nprops++] = (struct propdef){def.id, def.name, def.owner, (uint8_t)def.perms};
    }
    buf_fini(&scratch);
}

struct object_reader {
    struct db *db;
    struct object *o;
};

static bool read_verb(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct object_reader *r = ctx;
    uint64_t o, id;
    struct dec d;
    struct buf scratch = BUF_INIT;
    struct rec_verbdef rec;
    const char *why = "damaged";
    if (!key_parse_two(key, klen, &o, &id) || record_open(r->db->store, T_VERBDEF, key, klen, data, len, &d, &scratch, &why) || rec_verbdef_decode(&rec, sharing(r->db, &d))) {
        load_damaged(r->db, T_VERBDEF, r->o->id, why);
    } else {
        struct verb *v = object_append_verb(r->o);
        *v = (struct verb){.id = id, .names = rec.names, .owner = rec.owner, .perms = (uint16_t)rec.perms, .prep = (int16_t)rec.prep, .state = VERB_STORED, .code_bytes = (uint32_t)rec.code_bytes};
        if (rec.code.len == CODE_HASH_BYTES) {
            v->state |= VERB_HAS_CODE;
            memcpy(v->hash, rec.code.p, CODE_HASH_BYTES);
        }
    }
    buf_fini(&scratch);
    return true;
}

/* Will the next save, or the one under way, delete it? */
static bool row_is_deleted(struct db *db, enum row_table t, uint64_t a, uint64_t b) {
    const struct row *r = rowset_find(db->rows, t, a, b);
    if (!r) r = rowset_find(db->rows_saving, t, a, b);
    return r && r->deleted;
}

/* Until somebody asks for a long value the slot has this. */
static value value_or_unread(const struct rec_propval *rec) {
    if (rec->value.type != V_CLEAR || !rec->bytes) return rec->value;
    return (value){.type = SLOT_UNREAD, .u.i = rec->bytes < VALUE_BYTES_MAX ? (int64_t)rec->bytes : VALUE_BYTES_MAX};
}

static bool read_propval(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct object_reader *r = ctx;
    uint64_t o, id;
    struct dec d;
    struct buf scratch = BUF_INIT;
    struct rec_propval rec;
    const char *why = "damaged";
    if (!key_parse_two(key, klen, &o, &id) || record_open_propval(r->db->store, key, klen, data, len, &d, &scratch, &why) || rec_propval_decode(&rec, sharing(r->db, &d))) {
        load_damaged(r->db, T_PROPVAL, r->o->id, why);
        buf_fini(&scratch);
        return true;
    }
    int64_t at = shape_find_id(r->o->shape, id);
    if (at >= 0) {
        slot_put_value(r->o, (uint32_t)at, value_or_unread(&rec));
        slot_set_perms(r->o, (uint32_t)at, (unsigned)rec.perms);
        slot_set_owner(r->o, (uint32_t)at, rec.owner);
        slot_add_bits(r->o, (uint32_t)at, SLOT_STORED);
    } else {
        if (!row_is_deleted(r->db, ROW_PROPVAL, (uint64_t)r->o->id, id)) load_damaged(r->db, T_PROPVAL, r->o->id, "a property that is not defined");
        rec_propval_fini(&rec);
    }
    buf_fini(&scratch);
    return true;
}

static bool read_value(struct db *db, const struct object *o, uint32_t i, value *out) {
    struct key k = key_two(key_object(o->id), o->shape->slots[i].id);
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct rec_propval rec;
    const char *why = "damaged";
    int rc = record_get(db->store, T_PROPVAL, &k, &d, &scratch, &why);
    if (rc == STORE_NOT_FOUND) why = "a value that was there is there no more";
    bool ok = !rc && !rec_propval_decode(&rec, sharing(db, &d));
    if (ok && rec.value.type == V_CLEAR) ok = false, why = "damaged: it tells the size of its value, but has none";
    if (ok) *out = rec.value;
    else load_damaged(db, T_PROPVAL, o->id, why);
    buf_fini(&scratch);
    return ok;
}

static value read_now(struct db *db, const struct object *o, uint32_t i) {
    value v = value_none();
    uint64_t before;
    do {
        before = db->damaged;
        value_unref(v);
        load_begin(db);
        if (!read_value(db, o, i, &v)) v = value_clear();
        store_read_end(db->store);
    } while (recover_for_load(db, before));
    return v;
}

bool slot_load(struct db *db, struct object *o, uint32_t i, const struct patience *p) {
    int64_t taken = pool_account.taken; /* as in object_load() */
    uint64_t id = o->shape->slots[i].id;
    enum reading how = READING_FAILED;
    value v;
    if (p && o->slots[i] > READ_AT_ONCE) how = reading_go_on(db, o->id, id, p, &v);
    if (how == READING_FAILED) {
        reading_forget(db, o->id, id);
        v = read_now(db, o, i);
    }
    pool_account.taken = taken;
    if (how == READING_GIVEN_UP) return false;
    slot_put_value(o, i, v);
    if (v.type == V_CLEAR) layout_values_moved(db, o);
    cache_value_loaded(db, v);
    return true;
}

static void read_slots(struct db *db, struct object *o, const struct key *k) {
    bool own = o->defs && o->defs->nprops;
    const struct shape *base = o->up ? o->up->shape : db->no_shape;
    shape_unref(o->shape);
    o->shape = own ? shape_new(base, o->id, o->defs->props, o->defs->nprops) : shape_ref((struct shape *)base);
    slots_default(o);
    struct object_reader r = {db, o};
    if (o->shape->n && store_scan(db->store, T_PROPVAL, k->bytes, k->len, read_propval, &r)) load_damaged(db, T_PROPVAL, o->id, store_error(db->store));
}

/* One object whose parent is loaded, or invalid. Takes what is in rec. */
static void instantiate(struct db *db, objid id, struct rec_object *rec) {
    struct object *o = object_new(db, id, rec->owner), *p = NULL;
    str_unref(o->name);
    o->name = rec->name;
    o->flags = rec->flags & OBJECT_FLAGS_MAX;
    o->location = rec->location;
    o->child_key = rec->child_key;
    o->content_key = rec->content_key;
    o->state = OS_COLD_CHILDREN | OS_COLD_CONTENTS | OS_STORED;
    if (rec->parent >= 0 && (uint64_t)rec->parent < db->cap) p = db->objects[rec->parent];
    if ((uintptr_t)p <= 1) p = NULL;
    if (!p && rec->parent != NOTHING) load_damaged(db, T_OBJECT, id, "its parent is not valid");
    object_attach(o, p);
    struct key k = key_one(key_object(id));
    struct object_reader r = {db, o};
    read_propdefs(db, o);
    if (store_scan(db->store, T_VERBDEF, k.bytes, k.len, read_verb, &r)) load_damaged(db, T_VERBDEF, id, store_error(db->store));
    read_slots(db, o, &k);
    layout_assign(db, o);
    cache_loaded(db, o);
}

/* 0, or not: then the number is known to be invalid from now on. */
static int read_header(struct db *db, objid id, struct rec_object *rec) {
    struct key k = key_one(key_object(id));
    struct buf scratch = BUF_INIT;
    struct dec d;
    const char *why = "damaged";
    int rc = record_get(db->store, T_OBJECT, &k, &d, &scratch, &why);
    if (!rc) rc = rec_object_decode(rec, sharing(db, &d));
    if (rc) object_table_grow(db, id), db->objects[id] = OBJECT_ABSENT;
    if (rc < 0) load_damaged(db, T_OBJECT, id, why);
    buf_fini(&scratch);
    return rc;
}

bool load_owner(struct db *db, objid id, objid *owner) {
    struct rec_object rec;
    if (read_header(db, id, &rec)) return false;
    *owner = rec.owner;
    rec_object_fini(&rec);
    return true;
}

struct pending {
    objid id;
    struct rec_object rec;
};

/* What a call has brought into memory, from the leaf up. */
struct line {
    objid *v;
    size_t n, cap;
};

static void line_add(struct line *l, objid o) {
    if (l->n == l->cap) l->v = xrealloc(l->v, (l->cap = l->cap ? l->cap * 2 : 8) * sizeof *l->v);
    l->v[l->n++] = o;
}

/* As if it had not been read. */
static void unread_line(struct db *db, struct line *l) {
    for (size_t i = 0; i < l->n; i++) {
        struct object *o = db->objects[l->v[i]];
        if (o == OBJECT_ABSENT) db->objects[l->v[i]] = NULL;
        else if (o) cache_drop(db, o);
    }
    l->n = 0;
}

/* Headers from id up to the first loaded ancestor. NOTHING, or where patience ended. */
static objid read_headers(struct db *db, objid id, struct pending **line, size_t *n, struct line *made, const struct patience *p) {
    size_t cap = 0;
    for (objid at = id; at >= 0 && (uint64_t)at < db->cap && !db->objects[at]; at = (*line)[(*n)++].rec.parent) {
        if (*n % PATIENCE_STEPS == PATIENCE_STEPS - 1 && patience_is_over(p)) return at;
        if (*n == cap) *line = xrealloc(*line, (cap = cap ? cap * 2 : 8) * sizeof **line);
        (*line)[*n].id = at;
        line_add(made, at);
        if (read_header(db, at, &(*line)[*n].rec)) break;
        if (*n > (size_t)db->max + 1) { /* parents in a circle */
            (*line)[(*n)++].rec.parent = NOTHING;
            break;
        }
    }
    return NOTHING;
}

/* And then the objects from there down: at least one, whatever patience there is. false: not all. */
static bool read_line(struct db *db, objid id, struct line *made, const struct patience *p) {
    struct pending *line = NULL;
    size_t n = 0;
    db->bring_first = read_headers(db, id, &line, &n, made, p);
    bool given_up = db->bring_first != NOTHING;
    while (n--) {
        if (!given_up && !db->objects[line[n].id]) instantiate(db, line[n].id, &line[n].rec);
        else rec_object_fini(&line[n].rec);
        if (!given_up && n && patience_is_over(p)) given_up = true;
    }
    free(line);
    return !given_up;
}

static bool load_line(struct db *db, objid id, const struct patience *p) {
    struct line made = {NULL, 0, 0};
    int64_t taken = pool_account.taken; /* what is read is the world's: none of it is the task's that looks first */
    uint64_t before;
    bool all;
    do {
        before = db->damaged;
        unread_line(db, &made);
        load_begin(db);
        all = read_line(db, id, &made, p);
        store_read_end(db->store);
    } while (recover_for_load(db, before));
    free(made.v);
    pool_account.taken = taken;
    return all;
}

static bool is_cold(const struct db *db, objid id) { return id >= 0 && (uint64_t)id < db->cap && !db->objects[id]; }

/* Of a line so long that there is no patience to find its end, what is above comes first. */
bool db_bring(struct db *db, objid id, const struct patience *p) {
    if (!is_cold(db, id) || !db->store) return true;
    objid first = db->bring_first;
    if (!is_cold(db, first)) return load_line(db, id, p);
    if (load_line(db, first, p)) return load_line(db, id, p);
    if (db->bring_first == NOTHING) db->bring_first = first; /* its own line is known, but not all there */
    return false;
}

struct object *object_load(struct db *db, objid id) {
    load_line(db, id, NULL);
    struct object *o = db->objects[id];
    return (uintptr_t)o > 1 ? o : NULL;
}

/* ---- meta ---- */

const struct key meta_key = {"world", 5};

static void read_digests(struct store *store, rec_bytes digests) {
    struct dec d = dec_over(digests.p, digests.len);
    struct meta_digest row;
    while (meta_digest_next(&d, &row))
        if (row.table != T_COUNT) store_set_digest(store, row.table, row.digest);
}

static int take_meta(struct db *db, const char *dir, const struct rec_meta *m, struct buf *why) {
    if (m->oldest_reader > FORMAT_VERSION) {
        buf_printf(why,
                   "%s: a world of format %llu, newer than this server knows (%d); use the server that wrote it or a newer one. If that one upgraded it, the world as it was "
                   "before is in %s/backups",
                   dir, (unsigned long long)m->format, FORMAT_VERSION, dir);
        return -1;
    }
    db->format = m->format < FORMAT_VERSION ? m->format : FORMAT_VERSION; /* what a newer one has more is skipped, and lost in what is saved */
    char name[32] = "";
    if (m->dialect.len < sizeof name) memcpy(name, m->dialect.p, m->dialect.len);
    const struct dialect *dialect = dialect_by_name(name);
    if (!m->format || !dialect || m->uuid.len != sizeof db->uuid || m->max_object < NOTHING || m->max_object >= OBJECT_LIMIT || m->encoding > ENC_LATIN1) {
        buf_printf(why, "%s: the world's meta record does not make sense; restore a backup", dir);
        return -1;
    }
    db->dialect = db->own_dialect = dialect;
    db->encoding = (enum db_encoding)m->encoding;
    memcpy(db->uuid, m->uuid.p, sizeof db->uuid);
    db->generation = m->generation;
    db->max = db->cut_max = m->max_object;
    db->next_prop_id = m->next_prop;
    db->next_verb_id = m->next_verb;
    db->next_key = db->cut_key = m->next_key;
    db->next_blob = m->next_blob;
    read_digests(db->store, m->digests);
    return 0;
}

int load_meta(struct db *db, const char *dir, struct buf *why) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct rec_meta m;
    const char *reason = "damaged";
    if (store_read_begin(db->store)) return buf_add_c(why, store_error(db->store)), -1;
    int rc = record_get(db->store, T_META, &meta_key, &d, &scratch, &reason);
    if (!rc) rc = rec_meta_decode(&m, &d);
    if (!rc) {
        rc = take_meta(db, dir, &m, why);
        rec_meta_fini(&m);
    } else if (rc == STORE_NOT_FOUND) {
        buf_printf(why, "%s: not a world: it has no meta record", dir);
    } else {
        buf_printf(why, "%s: the world's meta record: %s; restore a backup", dir, reason);
    }
    store_read_end(db->store);
    buf_fini(&scratch);
    return rc ? -1 : 0;
}

void load_newest(struct store *s, uint64_t *generation, int64_t *time) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct view_meta m = {0};
    const char *why;
    if (!record_get(s, T_META, &meta_key, &d, &scratch, &why) && view_meta_decode(&m, &d)) m = (struct view_meta){0};
    *generation = m.generation;
    *time = m.time;
    buf_fini(&scratch);
}

int load_digests(struct store *writer) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct rec_meta m;
    const char *reason;
    int rc = record_get(writer, T_META, &meta_key, &d, &scratch, &reason);
    if (!rc) rc = rec_meta_decode(&m, &d);
    if (!rc) read_digests(writer, m.digests);
    buf_fini(&scratch);
    return rc;
}
