/* SPDX-License-Identifier: MIT */
#include "db/save.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/rowset.h"

enum { BATCH = 4096, ATTEMPTS = 24 };

/* ---- what others hand over ---- */

struct db_saver {
    struct captures rows; /* in the order given: later ones win */
    struct hashes codes;
    struct captures programs;
    struct drop_all {
        enum store_table table;
        size_t before; /* applies to what was stored, and to rows[0..before) */
    } *drops;
    size_t ndrops;
};

static enum store_table saver_table(enum db_table t) {
    switch (t) {
    case DB_TASK: return T_TASK;
    case DB_QUEUE: return T_QUEUE;
    case DB_CONNECTION: return T_CONNECTION;
    case DB_FOREIGN_TASK: return T_FOREIGN_TASK;
    case DB_EXTRA: return T_EXTRA;
    }
    must(!"a table for others");
    return T_EXTRA;
}

void db_saver_put(struct db_saver *s, enum db_table t, uint64_t key, const struct buf *payload) {
    struct buf copy = BUF_INIT;
    buf_add(&copy, buf_c(payload), payload->len);
    capture_bytes(&s->rows, saver_table(t), key_one(key), &copy);
}

void db_saver_drop(struct db_saver *s, enum db_table t, uint64_t key) { capture_delete(&s->rows, saver_table(t), key_one(key)); }

void db_saver_drop_all(struct db_saver *s, enum db_table t) {
    s->drops = xrealloc(s->drops, (s->ndrops + 1) * sizeof *s->drops);
    s->drops[s->ndrops++] = (struct drop_all){saver_table(t), s->rows.n};
}

void db_saver_keep_code(struct db_saver *s, struct code *code) {
    hashes_add(&s->codes, code->hash);
    capture_program(&s->programs, code);
}

static void saver_fini(struct db_saver *s) {
    captures_fini(&s->rows);
    captures_fini(&s->programs);
    hashes_fini(&s->codes);
    free(s->drops);
}

struct key_list {
    struct key *v;
    size_t n, cap;
};

static bool note_key(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct key_list *l = ctx;
    (void)data, (void)len;
    if (klen > sizeof l->v->bytes) return true;
    if (l->n == l->cap) l->v = xrealloc(l->v, (l->cap = l->cap ? l->cap * 2 : 64) * sizeof *l->v);
    memcpy(l->v[l->n].bytes, key, klen);
    l->v[l->n++].len = klen;
    return true;
}

static int key_order(const void *a, const void *b) {
    const struct key *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int c = memcmp(x->bytes, y->bytes, n);
    return c ? c : (x->len > y->len) - (x->len < y->len);
}

/* Deletes what is in the table, except what is put again afterwards: that is overwritten, or stays if it is the same. */
static int empty_table(struct writer *w, enum store_table t, const struct captures *later, size_t from) {
    struct key_list there = {0}, again = {0};
    int rc = store_scan(w->store, t, NULL, 0, note_key, &there);
    for (size_t i = from; i < later->n; i++)
        if (later->v[i].table == t && later->v[i].kind == CAPTURE_BYTES) note_key(&again, later->v[i].key.bytes, later->v[i].key.len, NULL, 0);
    if (again.n) qsort(again.v, again.n, sizeof *again.v, key_order);
    for (size_t i = 0; i < there.n && !rc; i++)
        if (!again.n || !bsearch(&there.v[i], again.v, again.n, sizeof *again.v, key_order)) rc = record_delete(w->store, t, &there.v[i]);
    free(there.v);
    free(again.v);
    return rc;
}

static int write_rows_of_others(struct writer *w, struct db_saver *s) {
    int rc = 0;
    size_t drop = 0;
    for (size_t i = 0; i <= s->rows.n && !rc; i++) {
        for (; drop < s->ndrops && s->drops[drop].before == i && !rc; drop++) rc = empty_table(w, s->drops[drop].table, &s->rows, i);
        if (i < s->rows.n && !rc) rc = write_capture(w, &s->rows.v[i]);
    }
    return rc;
}

/* ---- the cut ---- */

struct saving {
    struct saving_object *objects;
    size_t n;
    struct db_saver saver;
    bool with_parts;
    bool changed; /* objects or rows, not only what others handed over */
    uint64_t generation;
};

static void cut_slots(struct object *o) {
    for (uint32_t i = 0; i < o->shape->n; i++) {
        if (!(slot_bits(o, i) & SLOT_DIRTY)) continue;
        slot_drop_bits(o, i, SLOT_DIRTY);
        if (!slot_is_default(o, i)) slot_add_bits(o, i, SLOT_PUTTING);
        else if (slot_bits(o, i) & SLOT_STORED) slot_add_bits(o, i, SLOT_DELETING);
    }
}

static void cut_object(struct saving *save, struct object *o) {
    unsigned what = o->state & OS_DIRTY_MASK;
    save->objects[save->n++] = (struct saving_object){o->id, what};
    o->state &= (uint16_t)~(OS_DIRTY_MASK | OS_QUEUED);
    o->state |= OS_SAVING | OS_STORED;
    if (what & OS_SLOTS) cut_slots(o);
    for (uint32_t i = 0; (what & OS_VERBS) && o->defs && i < o->defs->nverbs; i++)
        if (o->defs->verbs[i].state & VERB_DIRTY) o->defs->verbs[i].state = (o->defs->verbs[i].state & ~(unsigned)VERB_DIRTY) | VERB_PUTTING;
}

static struct object *resident(struct db *db, objid id) {
    struct object *o = (uint64_t)id < db->cap ? db->objects[id] : NULL;
    return (uintptr_t)o > 1 ? o : NULL;
}

static void save_cut(struct db *db, struct saving *save) {
    save->generation = db->generation + 1;
    save->changed = db->changed || db->meta_changed;
    save->objects = xmalloc((db->ndirty + 1) * sizeof *save->objects);
    for (size_t i = 0; i < db->ndirty; i++) {
        struct object *o = resident(db, db->dirty[i]);
        if (o && (o->state & OS_QUEUED)) cut_object(save, o);
    }
    db->ndirty = 0;
    db->rows_saving = db->rows;
    db->cut_key = db->next_key;
    db->cut_max = db->max > db->cut_max ? db->max : db->cut_max;
    db->rows = rowset_new();
    db->changed = db->meta_changed = false;
}

/* ---- after it ---- */

static void settle_object(struct object *o, bool saved) {
    o->state &= (uint16_t)~OS_SAVING;
    for (uint32_t i = 0; i < o->shape->n; i++) {
        unsigned bits = slot_bits(o, i);
        if (!(bits & (SLOT_PUTTING | SLOT_DELETING))) continue;
        if (!saved) slot_add_bits(o, i, SLOT_DIRTY);
        else if (bits & SLOT_PUTTING) slot_add_bits(o, i, SLOT_STORED);
        else slot_drop_bits(o, i, SLOT_STORED);
        slot_drop_bits(o, i, SLOT_PUTTING | SLOT_DELETING);
    }
    for (uint32_t i = 0; o->defs && i < o->defs->nverbs; i++) {
        struct verb *v = &o->defs->verbs[i];
        if (!(v->state & VERB_PUTTING)) continue;
        v->state &= ~(unsigned)VERB_PUTTING;
        v->state |= saved ? VERB_STORED : VERB_DIRTY;
    }
}

static void save_settle(struct db *db, struct saving *save, bool saved) {
    for (size_t i = 0; i < save->n; i++) {
        struct object *o = resident(db, save->objects[i].id);
        if (!o || !(o->state & OS_SAVING)) continue;
        settle_object(o, saved);
        if (!saved) object_mark(db, o, save->objects[i].what);
    }
    if (!saved) {
        rowset_merge_under(db->rows, db->rows_saving);
        db->changed = db->meta_changed = true;
    }
    rowset_free(db->rows_saving);
    db->rows_saving = NULL;
    free(save->objects);
}

/* ---- the transaction ---- */

static int flush(struct writer *w, struct captures *batch, bool last) {
    if (batch->n < BATCH && !last) return 0;
    int rc = write_captures(w, batch);
    captures_release(batch);
    return rc;
}

static int write_changes(struct db *db, struct writer *w, const struct saving *save, struct captures *batch) {
    int rc = 0;
    uint32_t nrows = db->rows_saving->n;
    for (uint32_t i = 0; i < nrows && !rc; i += BATCH) {
        capture_rows(batch, db->rows_saving, i, i + BATCH < nrows ? i + BATCH : nrows);
        rc = flush(w, batch, true); /* deletions first: an object may have come back under its number */
    }
    for (size_t i = 0; i < save->n && !rc; i++) {
        struct object *o = resident(db, save->objects[i].id);
        if (o) capture_object(batch, o, save->objects[i].what);
        rc = flush(w, batch, false);
    }
    return rc ? rc : flush(w, batch, true);
}

static int write_all(struct db *db, struct writer *w, struct saving *save) {
    struct captures batch = {0};
    int rc = write_changes(db, w, save, &batch);
    captures_fini(&batch);
    if (!rc && save->with_parts) {
        for (size_t i = 0; i < save->saver.programs.n && !rc; i++) rc = write_capture(w, &save->saver.programs.v[i]);
        if (!rc) rc = write_rows_of_others(w, &save->saver);
        if (!rc) rc = write_frame_codes(w, &save->saver.codes, db->kept, db->nkept);
    }
    return rc ? rc : write_collect_codes(w);
}

/* One attempt. STORE_FULL and STORE_BROKEN ask for another; after the latter digests must be read again. */
static int attempt(struct db *db, struct saving *save, bool *broken) {
    struct writer w = {.store = store_writer(db->store), .next_blob = &db->next_blob};
    int rc = store_begin(w.store);
    if (!rc && *broken) rc = load_digests(db);
    if (!rc) *broken = false;
    if (!rc) rc = write_all(db, &w, save);
    hashes_fini(&w.dropped);
    if (!rc && !save->changed && !store_changes(w.store)) { /* all of it is on disk already */
        save->generation = db->generation;
        store_abort(w.store);
        return 0;
    }
    if (!rc) rc = write_meta(&w, db, save->generation, clock_wall_us());
    if (!rc) return store_commit(w.store);
    store_abort(w.store);
    return rc;
}

static int write_until_done(struct db *db, struct saving *save) {
    bool broken = false;
    int rc = attempt(db, save, &broken);
    for (int i = 1; i < ATTEMPTS && (rc == STORE_FULL || rc == STORE_BROKEN); i++) {
        if (rc == STORE_BROKEN) {
            log_error("%s; the store was opened again, the save is repeated", store_error(store_writer(db->store)));
            broken = true;
        }
        rc = attempt(db, save, &broken);
    }
    return rc;
}

/* ---- programs that frames keep ---- */

static bool note_kept(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    (void)data, (void)len;
    if (klen == 1 + CODE_HASH_BYTES) hashes_add(ctx, (const uint8_t *)key + 1);
    return true;
}

static int know_kept(struct db *db) {
    if (db->kept_known) return 0;
    struct hashes h = {0};
    if (store_read_begin(db->store)) return -1;
    int rc = store_scan(db->store, T_REF, "f", 1, note_kept, &h);
    store_read_end(db->store);
    if (rc) return hashes_fini(&h), rc;
    db->kept = h.v;
    db->nkept = h.n;
    db->kept_known = true;
    return 0;
}

static void take_kept(struct db *db, struct hashes *h) {
    free(db->kept);
    db->kept = h->v;
    db->nkept = h->n;
    *h = (struct hashes){0};
}

/* ---- db_save ---- */

static void save_in_memory(struct db *db, struct saving *save) {
    save->generation = ++db->generation;
    db->rows = rowset_new();
    save_cut(db, save);
    save_settle(db, save, true);
    rowset_free(db->rows);
    db->rows = NULL;
}

static int save_to_store(struct db *db, struct saving *save, struct buf *why) {
    int rc = know_kept(db);
    if (!rc) {
        save_cut(db, save);
        rc = write_until_done(db, save);
        save_settle(db, save, rc == 0);
    }
    if (rc) {
        buf_printf(why, "%s; nothing is lost, the next save tries again", store_error(store_writer(db->store)));
        return -1;
    }
    db->generation = save->generation;
    if (save->with_parts) take_kept(db, &save->saver.codes);
    return 0;
}

int db_save(struct db *db, const struct db_save_part *parts, size_t nparts, struct db_save_report *report, struct buf *why) {
    int64_t start = clock_monotonic_us();
    struct saving save = {.with_parts = nparts > 0};
    uint64_t puts = db->store ? store_puts(db->store) : 0, bytes = db->store ? store_put_bytes(db->store) : 0;
    int rc = 0;
    if (db->read_only) {
        buf_printf(why, "%s: opened for reading only", db->dir);
        return -1;
    }
    for (size_t i = 0; i < nparts; i++) parts[i].write(parts[i].ctx, &save.saver);
    hashes_sort(&save.saver.codes);
    if (!db->store) save_in_memory(db, &save);
    else rc = save_to_store(db, &save, why);
    saver_fini(&save.saver);
    for (size_t i = 0; i < nparts; i++)
        if (parts[i].done) parts[i].done(parts[i].ctx, rc == 0);
    if (rc || !report) return rc;
    report->generation = db->generation;
    report->records = db->store ? store_puts(db->store) - puts : 0;
    report->bytes = db->store ? store_put_bytes(db->store) - bytes : 0;
    report->microseconds = clock_monotonic_us() - start;
    return 0;
}

/* ---- in steps ---- */

struct save_run {
    struct db_save_part *parts;
    size_t nparts;
    struct db_save_end end;
};

int db_save_begin(struct db *db, const struct db_save_part *parts, size_t nparts, const struct db_save_end *end, struct buf *why) {
    if (db->save_run || db->read_only) {
        buf_printf(why, "%s: %s", db->dir, db->read_only ? "opened for reading only" : "a save is under way");
        return -1;
    }
    struct save_run *run = xcalloc(1, sizeof *run);
    run->parts = xmalloc((nparts + 1) * sizeof *parts);
    if (nparts) memcpy(run->parts, parts, nparts * sizeof *parts);
    run->nparts = nparts;
    if (end) run->end = *end;
    db->save_run = run;
    return 0;
}

enum db_save_state db_save_step(struct db *db, int64_t budget_us) {
    struct save_run *run = db->save_run;
    struct db_save_report report = {0};
    struct buf why = BUF_INIT;
    (void)budget_us;
    if (!run) return DB_SAVE_NONE;
    int rc = db_save(db, run->parts, run->nparts, &report, &why);
    db->save_run = NULL;
    if (run->end.ended) run->end.ended(run->end.ctx, &report, rc ? buf_c(&why) : NULL);
    free(run->parts);
    free(run);
    buf_fini(&why);
    return DB_SAVE_NONE;
}

bool db_save_under_way(const struct db *db) { return db->save_run != NULL; }

void db_save_finish(struct db *db) {
    while (db_save_under_way(db)) db_save_step(db, INT64_MAX);
}

void db_save_set_wake(struct db *db, void (*wake)(void *ctx), void *ctx) {
    db->save_wake = wake;
    db->save_wake_ctx = ctx;
}

/* ---- reading what others saved ---- */

struct other_row {
    struct db *db;
    enum store_table table;
    bool (*row)(void *ctx, uint64_t key, const void *payload, size_t len);
    void *ctx;
    struct buf *why;
    bool bad;
};

static bool hand_row(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct other_row *r = ctx;
    struct buf scratch = BUF_INIT;
    struct dec d;
    uint64_t number;
    const char *why = "its key has another form";
    bool go_on = false;
    r->bad = !key_parse_one(key, klen, &number) || record_open(r->db->store, r->table, key, klen, data, len, &d, &scratch, &why);
    if (r->bad) buf_printf(r->why, "table %s of the world: a record is %s; run `evermoo check'", store_table_name(r->table), why);
    else go_on = r->row(r->ctx, number, d.p, (size_t)(d.end - d.p));
    buf_fini(&scratch);
    return go_on;
}

int db_scan(struct db *db, enum db_table t, bool (*row)(void *ctx, uint64_t key, const void *payload, size_t len), void *ctx, struct buf *why) {
    if (!db->store) return 0;
    struct other_row r = {db, saver_table(t), row, ctx, why, false};
    int rc = store_read_begin(db->store);
    if (!rc) rc = store_scan(db->store, r.table, NULL, 0, hand_row, &r);
    if (rc) buf_add_c(why, store_error(db->store));
    store_read_end(db->store);
    return rc || r.bad ? -1 : 0;
}

int64_t db_disk_size(struct db *db) { return db->store ? store_disk_size(db->store) : -1; }
