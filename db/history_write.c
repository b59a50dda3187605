/* SPDX-License-Identifier: MIT */
/* Rows of history, on the writing thread. Their keys tell all that thinning out needs: what they belong to, and when it was. */
#include <stdlib.h>
#include <string.h>

#include "db/history.h"
#include "db/rowset.h"
#include "db/save.h"

enum { SWEEP_ROWS = 64 }; /* looked at in a save */
#define SWEEP_EVERY ((int64_t)3600 * 1000000)

struct row_keys {
    struct key *v;
    size_t n, cap;
    size_t most;
};

static bool note_key(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct row_keys *r = ctx;
    (void)data, (void)len;
    if (klen != HISTORY_KEY) return true;
    if (r->n == r->cap) r->v = xrealloc(r->v, (r->cap = r->cap ? r->cap * 2 : 16) * sizeof *r->v);
    memcpy(r->v[r->n].bytes, key, klen);
    r->v[r->n++].len = klen;
    return !r->most || r->n < r->most;
}

static int64_t time_of(const struct key *k) {
    enum history_kind kind;
    uint64_t o, id;
    int64_t time = 0;
    must(key_parse_history(k->bytes, k->len, &kind, &o, &id, &time));
    return time;
}

/* With what it says about a program. */
static int delete_row(struct writer *w, const struct key *k) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    rec_bytes code = {NULL, 0};
    uint8_t hash[CODE_HASH_BYTES];
    const char *why;
    int rc = record_get(w->store, T_HISTORY, k, &d, &scratch, &why);
    bool has = !rc && rec_find_bytes(d, REC_history_code, &code) && code.len == sizeof hash;
    if (has) memcpy(hash, code.p, sizeof hash);
    buf_fini(&scratch);
    rc = record_delete(w->store, T_HISTORY, k);
    if (rc || !has) return rc;
    struct key ref = key_ref_history(hash, k);
    hashes_add(&w->dropped, hash);
    return record_delete(w->store, T_REF, &ref);
}

static int delete_rows(struct writer *w, const struct row_keys *r, size_t n) {
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++) rc = delete_row(w, &r->v[i]);
    return rc;
}

int history_delete(struct writer *w, const struct key *beginning) {
    struct row_keys r = {0};
    int rc = store_scan(w->store, T_HISTORY, beginning->bytes, beginning->len, note_key, &r);
    if (!rc) rc = delete_rows(w, &r, r.n);
    free(r.v);
    return rc;
}

/* Of the verb or property to which the row k belongs. */
static int thin_out(struct writer *w, const struct key *k) {
    const struct db_history_limits *limits = &w->limits;
    struct row_keys r = {0};
    int64_t oldest = w->time - limits->age_us;
    int rc = store_scan(w->store, T_HISTORY, k->bytes, HISTORY_ID_KEY, note_key, &r);
    size_t n = r.n > limits->versions ? r.n - limits->versions : 0;
    while (n < r.n && time_of(&r.v[n]) < oldest) n++;
    if (!rc) rc = delete_rows(w, &r, n);
    free(r.v);
    return rc;
}

static int put_row(struct writer *w, const struct key *k, const struct rec_history *rec) {
    struct buf b = BUF_INIT;
    rec_history_encode(rec, &b);
    int rc = record_put(w->store, T_HISTORY, k, &b, w->next_blob);
    buf_fini(&b);
    return rc;
}

static int write_entry(struct writer *w, const struct history_entry *e) {
    struct key k = key_history(HISTORY_VERB, key_object(e->object), e->id, e->time);
    struct rec_history rec = {.programmer = e->programmer, .value = value_clear(), .names = e->names};
    if (e->has_code) rec.code = (rec_bytes){e->hash, sizeof e->hash};
    int rc = put_row(w, &k, &rec);
    if (rc || !e->has_code) return rc;
    struct key ref = key_ref_history(e->hash, &k);
    rc = record_put(w->store, T_REF, &ref, &(struct buf)BUF_INIT, w->next_blob);
    return rc || !e->code ? rc : write_program(w, e->code);
}

int history_write(struct writer *w, const struct history *h) {
    int rc = 0;
    for (size_t i = 0; i < h->n && !rc; i++) {
        struct key k = key_history(HISTORY_VERB, key_object(h->v[i].object), h->v[i].id, 0);
        rc = write_entry(w, &h->v[i]);
        if (!rc) rc = thin_out(w, &k);
    }
    return rc;
}

/* ---- properties ---- */

/* Have there been so many changes of late that this one is not kept? Its history would be nothing but the last minute. *after: the row's time is to be above this one, whatever the clock was set to. */
static int is_burst(struct writer *w, const struct key *k, bool *burst, int64_t *after) {
    struct row_keys r = {0};
    int rc = store_scan(w->store, T_HISTORY, k->bytes, HISTORY_ID_KEY, note_key, &r);
    int64_t before = rc || r.n < HISTORY_BURST ? INT64_MIN : time_of(&r.v[r.n - HISTORY_BURST]);
    *burst = before > w->time - HISTORY_PAUSE_US && before <= w->time;
    *after = rc || !r.n ? INT64_MIN : time_of(&r.v[r.n - 1]);
    free(r.v);
    return rc;
}

static int put_old_value(struct writer *w, uint64_t o, uint64_t id, objid programmer, rec_bytes old) {
    struct key k = key_history(HISTORY_PROPERTY, o, id, w->time);
    struct buf b = BUF_INIT;
    bool burst;
    int64_t after;
    int rc = is_burst(w, &k, &burst, &after);
    if (rc || burst) return rc;
    if (after >= w->time) k = key_history(HISTORY_PROPERTY, o, id, after + 1);
    rec_history_encode(&(struct rec_history){.programmer = programmer, .value = value_clear()}, &b);
    rec_add_bytes(&b, REC_history_value, old);
    rc = record_put(w->store, T_HISTORY, &k, &b, w->next_blob);
    buf_fini(&b);
    return rc ? rc : thin_out(w, &k);
}

bool history_keeps(struct store *s, const struct key *propval) {
    const void *data;
    size_t len;
    return store_get(s, T_PROPVAL, propval->bytes, propval->len, &data, &len) || record_bytes(propval->bytes, propval->len, data, len) <= HISTORY_VALUE_BYTES;
}

int history_property(struct writer *w, const struct key *propval, const struct buf *record) {
    uint64_t o, id;
    must(key_parse_two(propval->bytes, propval->len, &o, &id));
    const struct row *setter = rowset_find(w->setters, ROW_SETTER, (uint64_t)object_of_key(o), id);
    if (!setter || setter->deleted || !history_keeps(w->store, propval)) return 0;
    struct buf scratch = BUF_INIT;
    struct dec d;
    rec_bytes old = {NULL, 0}, now = {NULL, 0};
    const char *why;
    int rc = record_get(w->store, T_PROPVAL, propval, &d, &scratch, &why);
    if (!rc) rec_find_bytes(d, REC_propval_value, &old);
    rec_find_bytes(dec_over(buf_c(record), record->len), REC_propval_value, &now);
    bool same = old.len == now.len && (!old.len || !memcmp(old.p, now.p, old.len));
    rc = 0; /* a record that cannot be read is replaced all the same */
    if (!same) {
        char *copy = xmalloc(old.len + 1); /* what the store lends ends with the first change */
        if (old.len) memcpy(copy, old.p, old.len);
        rc = put_old_value(w, o, id, setter->v, (rec_bytes){copy, old.len});
        free(copy);
    }
    buf_fini(&scratch);
    return rc;
}

int history_sweep(struct writer *w, struct history_sweep *sweep) {
    int64_t now = w->time;
    struct row_keys r = {.most = SWEEP_ROWS};
    if (!sweep->at.len && now < sweep->again && sweep->again - now <= SWEEP_EVERY) return 0; /* unless the clock was put back */
    int rc = store_scan_from(w->store, T_HISTORY, sweep->at.bytes, sweep->at.len, 0, note_key, &r);
    for (size_t i = 0; i < r.n && !rc; i++)
        if (time_of(&r.v[i]) < now - w->limits.age_us) rc = delete_row(w, &r.v[i]);
    if (r.n == r.most) {
        sweep->at = r.v[r.n - 1];
    } else {
        sweep->at.len = 0;
        sweep->again = now + SWEEP_EVERY;
    }
    free(r.v);
    return rc;
}
