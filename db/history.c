/* SPDX-License-Identifier: MIT */
/* History on the main thread: noting versions, and putting together what is on disk, what a save is writing, and what waits for the next. */
#include "db/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/load.h"
#include "db/rowset.h"

void db_set_history_limits(struct db *db, const struct db_history_limits *limits) { db->history_limits = *limits; }

/* ---- noting ---- */

/* Of this moment, but each has its own. */
static int64_t next_time(struct db *db) {
    int64_t now = clock_wall_us();
    return db->history_time = now > db->history_time ? now : db->history_time + 1;
}

static void entry_fini(struct history_entry *e) {
    str_unref(e->names);
    code_unref(e->code);
}

void history_free(struct history *h) {
    for (size_t i = 0; i < h->n; i++) entry_fini(&h->v[i]);
    free(h->v);
    *h = (struct history){0};
}

void history_note_verb(struct db *db, const struct object *o, const struct verb *v, objid programmer) {
    struct history *h = db->history;
    if (!db->history_limits.versions || programmer == NOTHING) return;
    if (h->n == h->cap) h->v = xrealloc(h->v, (h->cap = h->cap ? h->cap * 2 : 16) * sizeof *h->v);
    struct history_entry *e = &h->v[h->n++];
    *e = (struct history_entry){.object = o->id,
                                .id = v->id,
                                .time = next_time(db),
                                .programmer = programmer,
                                .names = str_ref(v->names),
                                .code = v->code ? code_ref(v->code) : NULL,
                                .has_code = v->state & VERB_HAS_CODE};
    memcpy(e->hash, v->hash, sizeof e->hash);
}

/* Those of whom the object inherits it count too: 0 in `.history_versions' of a class of queues and logs spares the disk. */
static bool wants_none(struct db *db, const struct object *o) {
    if (!db->history_option) db->history_option = str_from("history_versions");
    int64_t i = shape_find(o->shape, db->history_option);
    for (uint64_t id = i < 0 ? 0 : o->shape->slots[i].id; i >= 0 && o && i < o->shape->n && o->shape->slots[i].id == id; o = o->up)
        if (slot_type(o, (uint32_t)i) != V_CLEAR) return !slot_is_unread(o, (uint32_t)i) && !value_is_true(slot_value(o, (uint32_t)i)); /* what is long is true */
    return false;
}

/* What is not on disk yet has no past. */
void history_note_setter(struct db *db, const struct object *o, uint32_t slot, objid programmer) {
    if (!db->rows || !db->history_limits.versions || programmer == NOTHING || !(o->state & OS_STORED) || wants_none(db, o)) return;
    row_put(db, ROW_SETTER, (uint64_t)o->id, o->shape->slots[slot].id, programmer);
}

/* Also those of the save under way: if it fails, what is noted here comes before them. */
static void drop_setters(struct db *db, const struct object *o) {
    for (uint32_t i = 0; i < o->shape->n; i++) {
        uint64_t id = o->shape->slots[i].id;
        if (rowset_find(db->rows, ROW_SETTER, (uint64_t)o->id, id) || rowset_find(db->rows_saving, ROW_SETTER, (uint64_t)o->id, id))
            row_delete(db, ROW_SETTER, (uint64_t)o->id, id);
    }
}

void history_drop_object(struct db *db, const struct object *o) {
    struct history *h = db->history;
    size_t to = 0;
    for (size_t i = 0; i < h->n; i++)
        if (h->v[i].object == o->id) entry_fini(&h->v[i]);
        else h->v[to++] = h->v[i];
    h->n = to; /* those of the save under way: drop_gone() */
    if (!db->rows || !(o->state & OS_STORED)) return;
    drop_setters(db, o);
    row_delete(db, ROW_HISTORY, (uint64_t)o->id, HISTORY_VERB);
    row_delete(db, ROW_HISTORY, (uint64_t)o->id, HISTORY_PROPERTY);
}

/* ---- saves ---- */

struct history history_cut(struct db *db) {
    struct history h = *db->history;
    h.limits = db->history_limits;
    *db->history = (struct history){0};
    return h;
}

/* Entries of objects that went while they were being saved. */
static void drop_gone(const struct db *db, struct history *h) {
    size_t to = 0;
    for (size_t i = 0; i < h->n; i++)
        if (rowset_find(db->rows, ROW_HISTORY, (uint64_t)h->v[i].object, HISTORY_VERB)) entry_fini(&h->v[i]);
        else h->v[to++] = h->v[i];
    h->n = to;
}

void history_settle(struct db *db, struct history *h, bool saved) {
    if (!saved) drop_gone(db, h);
    if (!saved && h->n) {
        struct history *now = db->history;
        now->cap = now->n + h->n;
        now->v = xrealloc(now->v, now->cap * sizeof *now->v);
        memmove(now->v + h->n, now->v, now->n * sizeof *now->v);
        memcpy(now->v, h->v, h->n * sizeof *now->v);
        now->n += h->n;
        h->n = 0;
    }
    history_free(h);
}

/* ---- reading ---- */

struct version_list {
    struct db *db;
    struct db_version *v; /* oldest first */
    size_t n, cap;
};

static struct db_version *list_add(struct version_list *l, int64_t time, objid programmer) {
    if (l->n == l->cap) l->v = xrealloc(l->v, (l->cap = l->cap ? l->cap * 2 : 16) * sizeof *l->v);
    l->v[l->n] = (struct db_version){.time = time, .programmer = programmer, .value = value_clear()};
    return &l->v[l->n++];
}

static bool read_version(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct version_list *l = ctx;
    enum history_kind kind;
    uint64_t o, id;
    int64_t time;
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct rec_history rec;
    const char *why;
    if (key_parse_history(key, klen, &kind, &o, &id, &time) && !record_open(l->db->store, T_HISTORY, key, klen, data, len, &d, &scratch, &why) &&
        !rec_history_decode(&rec, &d)) {
        struct db_version *v = list_add(l, time, rec.programmer);
        v->value = value_ref(rec.value);
        v->names = str_ref(rec.names);
        if (rec.code.len == CODE_HASH_BYTES) v->code = load_code(l->db, rec.code.p);
        rec_history_fini(&rec);
    }
    buf_fini(&scratch);
    return true;
}

/* Will it go with the next save, or the one under way? */
static bool is_gone(const struct db *db, objid o, enum history_kind kind) {
    return rowset_find(db->rows, ROW_HISTORY, (uint64_t)o, (uint64_t)kind) || rowset_find(db->rows_saving, ROW_HISTORY, (uint64_t)o, (uint64_t)kind);
}

static void read_versions(struct version_list *l, enum history_kind kind, objid o, uint64_t id) {
    struct key k = key_history(kind, key_object(o), id, 0);
    if (!l->db->store || is_gone(l->db, o, kind) || store_read_begin(l->db->store)) return;
    store_scan(l->db->store, T_HISTORY, k.bytes, HISTORY_ID_KEY, read_version, l);
    store_read_end(l->db->store);
}

/* What a save is writing may be on disk already. */
static bool is_known(const struct version_list *l, int64_t time) {
    for (size_t i = l->n; i-- > 0;)
        if (l->v[i].time == time) return true;
    return false;
}

static void add_noted(struct version_list *l, const struct history *h, objid o, uint64_t id) {
    for (size_t i = 0; h && i < h->n; i++) {
        const struct history_entry *e = &h->v[i];
        if (e->object != o || e->id != id || is_known(l, e->time)) continue;
        struct db_version *v = list_add(l, e->time, e->programmer);
        v->names = str_ref(e->names);
        if (e->has_code) v->code = e->code ? code_ref(e->code) : load_code(l->db, e->hash);
    }
}

static void version_fini(struct db_version *v) {
    value_unref(v->value);
    if (v->names) str_unref(v->names);
    code_unref(v->code);
}

void db_versions_free(struct db_version *v, size_t n) {
    for (size_t i = 0; i < n; i++) version_fini(&v[i]);
    free(v);
}

/* Newest first, and within the limits: those of the disk are thinned out when something is put there. */
static size_t hand_over(struct version_list *l, struct db_version **out) {
    int64_t oldest = clock_wall_us() - l->db->history_limits.age_us;
    size_t n = 0;
    for (size_t i = 0, j = l->n; i + 1 < j; i++) {
        struct db_version swap = l->v[i];
        l->v[i] = l->v[--j];
        l->v[j] = swap;
    }
    while (n < l->n && n < l->db->history_limits.versions && l->v[n].time >= oldest) n++;
    for (size_t i = n; i < l->n; i++) version_fini(&l->v[i]);
    *out = l->v;
    return n;
}

size_t db_verb_history(struct db *db, struct verbref ref, struct db_version **out) {
    struct object *o = object_must(db, ref.definer);
    must(o->defs && ref.index < o->defs->nverbs);
    uint64_t id = o->defs->verbs[ref.index].id;
    struct version_list l = {.db = db};
    read_versions(&l, HISTORY_VERB, ref.definer, id);
    add_noted(&l, db->history_saving, ref.definer, id);
    add_noted(&l, db->history, ref.definer, id);
    return hand_over(&l, out);
}

/* ---- of a property ---- */

/* Who made the change that is not on disk yet; NOTHING: there is none, or nobody is noted. */
static objid setter_of(const struct db *db, objid o, uint64_t id) {
    const struct row *r = rowset_find(db->rows, ROW_SETTER, (uint64_t)o, id);
    if (!r) r = rowset_find(db->rows_saving, ROW_SETTER, (uint64_t)o, id);
    return r && !r->deleted ? r->v : NOTHING;
}

/* Owned; CLEAR: no record, or one that says so. */
static value value_on_disk(struct db *db, const struct key *k) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct rec_propval rec;
    const char *why;
    value v = value_clear();
    if (!record_get(db->store, T_PROPVAL, k, &d, &scratch, &why) && !rec_propval_decode(&rec, &d)) {
        v = value_ref(rec.value);
        rec_propval_fini(&rec);
    }
    buf_fini(&scratch);
    return v;
}

/* The last save's value, if another one has taken its place since. In a reading transaction. */
static void add_unsaved(struct version_list *l, const struct object *o, uint32_t slot) {
    uint64_t id = o->shape->slots[slot].id;
    struct key k = key_two(key_object(o->id), id);
    objid setter = setter_of(l->db, o->id, id);
    if (setter == NOTHING || !history_keeps(l->db->store, &k)) return;
    must(!slot_is_unread(o, slot)); /* it was set */
    value old = value_on_disk(l->db, &k), now = slot_value(o, slot);
    if (old.type == now.type && (old.type == V_CLEAR || value_identical(old, now))) value_unref(old);
    else list_add(l, next_time(l->db), setter)->value = old;
}

size_t db_property_history(struct db *db, const struct propref *p, struct db_version **out) {
    struct object *o = object_must(db, p->object);
    must(p->builtin == BP_NONE && p->slot < o->shape->n);
    struct version_list l = {.db = db};
    bool reading = db->store && !store_read_begin(db->store); /* one state for both: a save may end meanwhile */
    read_versions(&l, HISTORY_PROPERTY, o->id, o->shape->slots[p->slot].id);
    if (reading) add_unsaved(&l, o, p->slot);
    if (reading) store_read_end(db->store);
    return hand_over(&l, out);
}
