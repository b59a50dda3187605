/* SPDX-License-Identifier: MIT */
/*
 * Lists from the store: children, contents, possessions, players.
 *
 * What the store has, in order of key, and what changed since, sorted the same way, are merged. A long list can be read in portions: between them it stays cold, and changes
 * reach the part that is there (links_insert_read()), so that it is never read twice.
 */
#include <stdlib.h>

#include "db/format.h"
#include "db/load.h"
#include "db/records.h"
#include "db/rowset.h"
#include "db/save.h"

struct row_reader {
    struct db *db;
    enum row_table table;
    uint64_t a;
    struct links **out;
    struct read_limit left;
    uint64_t read_to;
    bool cut;
    struct link *changed; /* since the last save; LINK_DEAD: removed */
    size_t n, cap, at;
};

/* ---- what changed ---- */

static uint64_t link_key(enum row_table t, uint64_t b) { return t == ROW_OWNED ? b + 1 : b; }

static bool is_over(const struct row_reader *r, size_t done) { return done % PATIENCE_STEPS == PATIENCE_STEPS - 1 && patience_is_over(r->left.patience); }

/* false: no patience. */
static bool add_changed(struct row_reader *r, const struct rowset *rows, const struct rowset *newer) {
    size_t done = 0;
    for (const struct row *at = NULL; (at = rowset_next(rows, r->table, r->a, at));) {
        if (is_over(r, done++)) return false;
        if (link_key(r->table, at->b) <= r->read_to || rowset_find(newer, r->table, r->a, at->b)) continue;
        if (r->n == r->cap) r->changed = xrealloc(r->changed, (r->cap = r->cap ? r->cap * 2 : 16) * sizeof *r->changed);
        r->changed[r->n++] = (struct link){link_key(r->table, at->b), at->deleted ? LINK_DEAD : at->v};
    }
    return true;
}

/* Two runs that follow each other, of `run' links each as far as there are so many, become one. */
static bool merge_runs(const struct row_reader *r, const struct link *from, struct link *to, size_t at, size_t run) {
    size_t middle = at + run < r->n ? at + run : r->n, end = at + 2 * run < r->n ? at + 2 * run : r->n;
    for (size_t i = at, j = middle, k = at; k < end; k++) {
        to[k] = j == end || (i < middle && from[i].key < from[j].key) ? from[i++] : from[j++];
        if (is_over(r, k)) return false;
    }
    return true;
}

/* Merge sort, bottom up: the library's cannot be given up. */
static bool sort_unsorted(struct row_reader *r) {
    struct link *to = xmalloc(r->n * sizeof *to);
    bool done = true;
    for (size_t run = 1; done && run < r->n; run *= 2) {
        for (size_t at = 0; done && at < r->n; at += 2 * run) done = merge_runs(r, r->changed, to, at, run);
        struct link *other = r->changed;
        r->changed = to;
        to = other;
    }
    free(to);
    r->cap = r->n;
    return done;
}

/* They come newest first, and keys mostly rise with time. */
static bool sort_changed(struct row_reader *r) {
    bool sorted = true;
    for (size_t i = 0; i < r->n / 2; i++) {
        struct link other = r->changed[i];
        r->changed[i] = r->changed[r->n - 1 - i];
        r->changed[r->n - 1 - i] = other;
    }
    for (size_t i = 1; sorted && i < r->n; i++) sorted = r->changed[i - 1].key < r->changed[i].key;
    return sorted || sort_unsorted(r);
}

static void put(struct row_reader *r, struct link link) {
    if (link.o != LINK_DEAD) links_append(r->out, link.key, link.o);
}

static void put_changed_below(struct row_reader *r, uint64_t key) {
    while (r->at < r->n && r->changed[r->at].key < key) put(r, r->changed[r->at++]);
}

/* ---- what the store has ---- */

/* Its key, that of a link. */
static bool parse_key(const struct row_reader *r, const void *key, size_t klen, uint64_t *out, const char **why) {
    uint64_t a, b = 0;
    bool ok = r->table == ROW_PLAYER ? key_parse_one(key, klen, &b) : key_parse_two(key, klen, &a, &b);
    *out = r->table == ROW_OWNED ? (uint64_t)object_of_key(b) + 1 : b;
    *why = ok ? "its key is out of order: a page of the file is damaged" : "its key has another form";
    return ok && *out > r->read_to;
}

static bool parse_row(const struct row_reader *r, const void *key, size_t klen, const void *data, size_t len, struct link *out, const char **why) {
    struct dec d;
    struct buf scratch = BUF_INIT;
    struct rec_link rec = {.object = (objid)out->key - 1};
    bool ok = !record_open(r->db->store, row_store_table[r->table], key, klen, data, len, &d, &scratch, why);
    if (ok && r->table != ROW_OWNED && rec_link_decode(&rec, &d)) ok = false, *why = "damaged";
    out->o = rec.object;
    buf_fini(&scratch);
    return ok;
}

static bool is_enough(struct row_reader *r) { return r->left.rows-- == 0 || (r->left.rows % PATIENCE_STEPS == 0 && patience_is_over(r->left.patience)); }

static bool read_row(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct row_reader *r = ctx;
    struct link link;
    const char *why;
    if (is_enough(r)) {
        r->cut = true;
        return false;
    }
    if (!parse_key(r, key, klen, &link.key, &why)) {
        load_damaged(r->db, row_store_table[r->table], (objid)r->a, why);
        return true;
    }
    r->read_to = link.key;
    put_changed_below(r, link.key);
    bool is_sound = parse_row(r, key, klen, data, len, &link, &why), is_changed = r->at < r->n && r->changed[r->at].key == link.key;
    if (!is_sound) load_damaged(r->db, row_store_table[r->table], (objid)r->a, why);
    if (is_changed) put(r, r->changed[r->at++]);
    else if (is_sound) put(r, link);
    return true;
}

static struct key first_key(const struct row_reader *r) {
    if (r->table == ROW_PLAYER) return key_one(r->read_to + 1);
    return key_two(key_object((objid)r->a), r->table == ROW_OWNED ? key_object((objid)r->read_to) : r->read_to + 1);
}

static void read_rows(struct row_reader *r) {
    enum store_table t = row_store_table[r->table];
    struct key from = first_key(r), prefix = key_one(key_object((objid)r->a));
    if (store_scan_from(r->db->store, t, from.bytes, from.len, r->table == ROW_PLAYER ? 0 : prefix.len, read_row, r)) load_damaged(r->db, t, (objid)r->a, store_error(r->db->store));
}

/* ---- both ---- */

/* To where this portion began: it may have to be read again. false: what changed cannot even be gathered; that ends when a save has written it. */
static bool begin_portion(struct row_reader *r, const struct read_limit *limit, const struct links *before) {
    r->left = limit ? *limit : (struct read_limit){SIZE_MAX, NULL};
    r->read_to = before->read_to;
    r->n = r->at = 0;
    if (*r->out) {
        (*r->out)->first = before->first;
        (*r->out)->n = before->n;
        (*r->out)->live = before->live;
    }
    bool gathered = add_changed(r, r->db->rows, NULL) && add_changed(r, r->db->rows_saving, r->db->rows) && sort_changed(r);
    r->cut = !gathered;
    return gathered;
}

static void keep_part(struct row_reader *r) {
    if (!*r->out) *r->out = links_new();
    (*r->out)->read_to = r->read_to;
}

bool load_rows(struct db *db, enum row_table t, uint64_t a, const struct read_limit *limit, struct links **out) {
    if (!db->store) return true;
    const struct links before = *out ? **out : (struct links){0};
    struct row_reader r = {.db = db, .table = t, .a = a, .out = out};
    uint64_t damaged;
    do {
        damaged = db->damaged;
        if (!begin_portion(&r, limit, &before)) break;
        load_begin(db);
        read_rows(&r);
        store_read_end(db->store);
    } while (recover_for_load(db, damaged));
    if (r.cut) keep_part(&r);
    else put_changed_below(&r, UINT64_MAX);
    free(r.changed);
    return !r.cut;
}

/* ---- of objects ---- */

static bool load_list(struct db *db, struct object *o, unsigned cold, enum row_table t, const struct read_limit *limit) {
    o->state |= OS_LISTS_ASKED;
    if (!(o->state & cold)) return true;
    struct defs *defs = object_defs(o);
    if (!load_rows(db, t, (uint64_t)o->id, limit, t == ROW_CHILDREN ? &defs->children : &defs->contents)) return false;
    o->state &= (uint16_t)~cold;
    return true;
}

bool object_load_children(struct db *db, struct object *o, const struct read_limit *limit) { return load_list(db, o, OS_COLD_CHILDREN, ROW_CHILDREN, limit); }
bool object_load_contents(struct db *db, struct object *o, const struct read_limit *limit) { return load_list(db, o, OS_COLD_CONTENTS, ROW_CONTENTS, limit); }
