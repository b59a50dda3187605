/* SPDX-License-Identifier: MIT */
/* Rows of other layers (tasks, queues, connections) in a save, and reading them back. */
#include <stdlib.h>
#include <string.h>

#include "db/save.h"

/* ---- handing over ---- */

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
    capture_bytes(&s->rows, saver_table(t), key_one(key), payload);
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

void saver_fini(struct db_saver *s) {
    captures_fini(&s->rows);
    captures_fini(&s->programs);
    hashes_fini(&s->codes);
    free(s->drops);
}

/* ---- writing ---- */

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
        if (later->v[i].table == t && later->v[i].kind == CAPTURE_BYTES) note_key(&again, later->v[i].key, later->v[i].klen, NULL, 0);
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
        if (i < s->rows.n && !rc) rc = write_capture(w, &s->rows, &s->rows.v[i]);
    }
    return rc;
}

int write_others(struct writer *w, struct db_saver *s, const struct hashes *kept) {
    int rc = 0;
    for (size_t i = 0; i < s->programs.n && !rc; i++) rc = write_capture(w, &s->programs, &s->programs.v[i]);
    if (!rc) rc = write_rows_of_others(w, s);
    return rc ? rc : write_frame_codes(w, &s->codes, kept);
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
