/* SPDX-License-Identifier: MIT */
#include "db/usage.h"

#include <stdlib.h>

#include "base/list.h"
#include "db/load.h"
#include "db/save.h"

/* ---- sums by owner ---- */

static struct usage_entry *entry_of(const struct usage_map *m, objid owner) {
    size_t at = (size_t)((uint64_t)owner * 0x9e3779b97f4a7c15u >> 20) & m->mask;
    while (m->v[at].used && m->v[at].owner != owner) at = (at + 1) & m->mask;
    return &m->v[at];
}

static void grow(struct usage_map *m) {
    struct usage_map old = *m;
    m->mask = m->v ? m->mask * 2 + 1 : 15;
    m->v = xcalloc(m->mask + 1, sizeof *m->v);
    for (size_t i = 0; old.v && i <= old.mask; i++)
        if (old.v[i].used) *entry_of(m, old.v[i].owner) = old.v[i];
    free(old.v);
}

void usage_add(struct usage_map *m, objid owner, int64_t bytes, int64_t objects) {
    if (!m->v || m->n * 2 > m->mask) grow(m);
    struct usage_entry *e = entry_of(m, owner);
    if (!e->used) {
        *e = (struct usage_entry){.owner = owner, .used = true};
        m->n++;
    }
    e->bytes += bytes;
    e->objects += objects;
}

void usage_map_free(struct usage_map *m) {
    free(m->v);
    *m = (struct usage_map){0};
}

static void add_from(struct usage_entry *sum, const struct usage_map *m) {
    const struct usage_entry *e = m->v ? entry_of(m, sum->owner) : NULL;
    if (!e || !e->used) return;
    sum->bytes += e->bytes;
    sum->objects += e->objects;
}

/* ---- one object ---- */

int64_t usage_of_slot(const struct object *o, uint32_t i) { return slot_is_default(o, i) ? 0 : usage_of_value(slot_value_bytes(o, i)); }

int64_t usage_of_object(struct db *db, struct object *o) {
    int64_t n = usage_of_header(o->name->len);
    for (uint32_t i = 0; i < o->shape->n; i++) n += usage_of_slot(o, i);
    for (uint32_t i = 0; o->defs && i < o->defs->nprops; i++) n += usage_of_propdef(o->defs->props[i].name->len);
    for (uint32_t i = 0; o->defs && i < o->defs->nverbs; i++) n += usage_of_verb(o->defs->verbs[i].names->len, verb_code_bytes(db, &o->defs->verbs[i]));
    return n;
}

/* ---- changes ---- */

void usage_free(struct usage *u) {
    usage_map_free(&u->map);
    u->bytes = 0;
}

void usage_fold(struct usage *u) {
    if (u->bytes) usage_add(&u->map, u->owner, u->bytes, 0);
    u->bytes = 0;
}

void usage_created(struct db *db, const struct object *o) {
    usage_add(&db->usage->map, o->owner, usage_of_header(o->name->len), 1);
}

void usage_destroyed(struct db *db, struct object *o) { usage_add(&db->usage->map, o->owner, -usage_of_object(db, o), -1); }

void usage_owner_changes(struct db *db, struct object *o, objid owner) {
    int64_t bytes = usage_of_object(db, o);
    usage_add(&db->usage->map, o->owner, -bytes, -1);
    usage_add(&db->usage->map, owner, bytes, 1);
}

void usage_record_goes(struct db *db, objid o, int64_t bytes) {
    objid owner;
    if (load_owner(db, o, &owner)) usage_add(&db->usage->map, owner, -bytes, 0);
}

/* ---- asking ---- */

/* As of the last cut. What the save under way writes is on disk already when the newest there is that save; what one that was reported to fail has written counts as not written. */
static void add_saved(struct db *db, struct usage_entry *sum) {
    struct key k = key_one(key_object(sum->owner));
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct rec_usage rec;
    const char *why;
    bool written = false;
    if (db->store && !store_read_begin(db->store)) {
        if (!record_get(db->store, T_USAGE, &k, &d, &scratch, &why) && !rec_usage_decode(&rec, &d)) {
            sum->bytes += rec.bytes;
            sum->objects += (int64_t)rec.objects;
        }
        uint64_t generation;
        int64_t time;
        load_newest(db->store, &generation, &time);
        written = db->usage_saving && generation == db->save_run->meta.generation && time == db->save_run->meta.time;
        const struct usage_map *undo = written ? NULL : save_thread_undo(db->save_thread, generation, time);
        if (undo) add_from(sum, undo);
        store_read_end(db->store);
    }
    if (db->usage_saving && !written) add_from(sum, &db->usage_saving->map);
    buf_fini(&scratch);
}

/* For a world of a format that had no such table, opened for reading. */
static void sum_up(struct db *db, struct usage_entry *sum) {
    value all = db_owned_objects(db, sum->owner, NULL);
    for (uint32_t i = 1; i <= all.u.l->len; i++) {
        struct object *o = object_at(db, list_get(all.u.l, i).u.o);
        if (!o) continue;
        sum->bytes += usage_of_object(db, o);
        sum->objects++;
    }
    value_unref(all);
}

int64_t db_owned_bytes(struct db *db, objid owner, int64_t *objects) {
    struct usage_entry sum = {.owner = owner};
    if (db->format < 2) {
        sum_up(db, &sum);
    } else {
        usage_fold(db->usage);
        add_saved(db, &sum);
        add_from(&sum, &db->usage->map);
    }
    if (objects) *objects = sum.objects;
    return sum.bytes;
}

/* ---- counting anew ---- */

static bool note_owner(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    uint64_t owner;
    (void)data, (void)len;
    if (key_parse_one(key, klen, &owner)) usage_add(ctx, object_of_key(owner), 0, 0);
    return true;
}

static void note_all(struct usage_map *to, const struct usage_map *m) {
    for (size_t i = 0; m->v && i <= m->mask; i++)
        if (m->v[i].used) usage_add(to, m->v[i].owner, 0, 0);
}

/* Everything that was ever counted for anybody goes, and what there is takes its place. */
void usage_recount(struct db *db) {
    struct usage_map now = {0};
    must(!db->usage_saving);
    usage_fold(db->usage);
    note_all(&now, &db->usage->map);
    if (db->store && !store_read_begin(db->store)) {
        store_scan(db->store, T_USAGE, NULL, 0, note_owner, &now);
        store_read_end(db->store);
    }
    for (objid id = 0; id <= db->max; id++) {
        struct object *o = object_at(db, id);
        if (o) usage_add(&now, o->owner, usage_of_object(db, o), 1);
        if (db->store && id % BATCH == BATCH - 1) db_evict_clean(db);
    }
    for (size_t i = 0; now.v && i <= now.mask; i++) {
        struct usage_entry saved = {.owner = now.v[i].owner};
        if (!now.v[i].used) continue;
        add_saved(db, &saved);
        now.v[i].bytes -= saved.bytes;
        now.v[i].objects -= saved.objects;
    }
    usage_map_free(&db->usage->map);
    db->usage->map = now;
}

/* ---- saves ---- */

struct usage usage_cut(struct db *db) {
    usage_fold(db->usage);
    struct usage u = *db->usage;
    *db->usage = (struct usage){0};
    return u;
}

/* A world in memory has nothing but this. */
void usage_settle(struct db *db, struct usage *u, bool saved) {
    for (size_t i = 0; !(saved && db->store) && u->map.v && i <= u->map.mask; i++)
        if (u->map.v[i].used) usage_add(&db->usage->map, u->map.v[i].owner, u->map.v[i].bytes, u->map.v[i].objects);
    usage_free(u);
}
