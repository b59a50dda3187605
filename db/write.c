/* SPDX-License-Identifier: MIT */
/*
 * Captured records into the store. Programs are kept once under their hash; the ref table says who needs each ('v': a verb, 'f': a frame of a saved task). When the
 * last one goes, the program goes with the same transaction.
 */
#include <stdlib.h>
#include <string.h>

#include "base/dialect.h"
#include "db/save.h"

/* ---- sets of hashes ---- */

void hashes_add(struct hashes *h, const uint8_t hash[CODE_HASH_BYTES]) {
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 16;
        h->v = xrealloc(h->v, h->cap * sizeof *h->v);
    }
    memcpy(h->v[h->n++], hash, CODE_HASH_BYTES);
}

static int hash_order(const void *a, const void *b) { return memcmp(a, b, CODE_HASH_BYTES); }

void hashes_sort(struct hashes *h) {
    if (!h->n) return;
    qsort(h->v, h->n, sizeof *h->v, hash_order);
    size_t to = 1;
    for (size_t i = 1; i < h->n; i++)
        if (memcmp(h->v[i], h->v[to - 1], CODE_HASH_BYTES)) memmove(h->v[to++], h->v[i], CODE_HASH_BYTES);
    h->n = to;
}

void hashes_fini(struct hashes *h) {
    free(h->v);
    *h = (struct hashes){0};
}

/* ---- programs and who needs them ---- */

static int put_empty(struct writer *w, enum store_table t, struct key k) { return record_put(w->store, t, &k, &(struct buf)BUF_INIT, w->next_blob); }

static int put_code(struct writer *w, const struct capture *c) {
    const void *data;
    size_t len;
    int rc = store_get(w->store, T_CODE, c->key.bytes, c->key.len, &data, &len);
    if (rc != STORE_NOT_FOUND) return rc;
    const struct code *code = c->u.code;
    struct buf b = BUF_INIT;
    rec_code_encode(&(struct rec_code){code->version, code->imported, code->first_line, code->text}, &b);
    rc = record_put(w->store, T_CODE, &c->key, &b, w->next_blob);
    buf_fini(&b);
    return rc;
}

/* The program of the verb record that is stored under this key. false: none. */
static bool stored_hash(struct writer *w, const struct key *k, uint8_t hash[CODE_HASH_BYTES]) {
    struct dec d;
    struct buf scratch = BUF_INIT;
    struct rec_verbdef rec;
    const char *why;
    bool has = !record_get(w->store, T_VERBDEF, k, &d, &scratch, &why) && !rec_verbdef_decode(&rec, &d);
    if (has) {
        has = rec.code.len == CODE_HASH_BYTES;
        if (has) memcpy(hash, rec.code.p, CODE_HASH_BYTES);
        rec_verbdef_fini(&rec);
    }
    buf_fini(&scratch);
    return has;
}

/* A verb record changes or goes: `now' is its new payload or NULL. Keeps the ref table in step. */
static int move_verb_ref(struct writer *w, const struct key *k, const struct buf *now) {
    uint8_t old[CODE_HASH_BYTES];
    uint64_t o, id;
    must(key_parse_two(k->bytes, k->len, &o, &id));
    struct rec_verbdef rec = {0};
    struct dec d = dec_over(now ? now->data : NULL, now ? now->len : 0);
    must(!rec_verbdef_decode(&rec, &d));
    bool had = stored_hash(w, k, old), has = rec.code.len == CODE_HASH_BYTES;
    int rc = 0;
    if (!had || !has || memcmp(old, rec.code.p, CODE_HASH_BYTES)) {
        struct key ref;
        if (had) {
            ref = key_ref_verb(old, o, id);
            rc = record_delete(w->store, T_REF, &ref);
            hashes_add(&w->dropped, old);
        }
        if (!rc && has) rc = put_empty(w, T_REF, key_ref_verb(rec.code.p, o, id));
    }
    rec_verbdef_fini(&rec);
    return rc;
}

static bool found_one(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    (void)key, (void)klen, (void)data, (void)len;
    *(bool *)ctx = true;
    return false;
}

int write_collect_codes(struct writer *w) {
    hashes_sort(&w->dropped);
    for (size_t i = 0; i < w->dropped.n; i++) {
        struct key frame = key_ref_frame(w->dropped.v[i]), verb = frame, code = {.len = CODE_HASH_BYTES};
        bool used = false;
        verb.bytes[0] = 'v';
        memcpy(code.bytes, w->dropped.v[i], CODE_HASH_BYTES);
        int rc = store_scan(w->store, T_REF, verb.bytes, verb.len, found_one, &used);
        if (!rc && !used) rc = store_scan(w->store, T_REF, frame.bytes, frame.len, found_one, &used);
        if (!rc && !used) rc = record_delete(w->store, T_CODE, &code);
        if (rc) return rc;
    }
    return 0;
}

int write_frame_codes(struct writer *w, const struct hashes *now, const uint8_t (*before)[CODE_HASH_BYTES], size_t nbefore) {
    int rc = 0;
    for (size_t i = 0; i < now->n && !rc; i++)
        if (!nbefore || !bsearch(now->v[i], before, nbefore, CODE_HASH_BYTES, hash_order)) rc = put_empty(w, T_REF, key_ref_frame(now->v[i]));
    for (size_t i = 0; i < nbefore && !rc; i++)
        if (!now->n || !bsearch(before[i], now->v, now->n, CODE_HASH_BYTES, hash_order)) {
            struct key k = key_ref_frame(before[i]);
            rc = record_delete(w->store, T_REF, &k);
            hashes_add(&w->dropped, before[i]);
        }
    return rc;
}

/* ---- all ---- */

static int write_propval(struct writer *w, const struct capture *c) {
    struct buf b = BUF_INIT;
    rec_propval_encode(&c->u.propval, &b);
    int rc = record_put(w->store, T_PROPVAL, &c->key, &b, w->next_blob);
    buf_fini(&b);
    return rc;
}

int write_capture(struct writer *w, const struct capture *c) {
    int rc = 0;
    switch (c->kind) {
    case CAPTURE_BYTES:
        if (c->table == T_VERBDEF) rc = move_verb_ref(w, &c->key, &c->u.bytes);
        return rc ? rc : record_put(w->store, c->table, &c->key, &c->u.bytes, w->next_blob);
    case CAPTURE_PROPVAL: return write_propval(w, c);
    case CAPTURE_CODE: return put_code(w, c);
    case CAPTURE_DELETE:
        if (c->table == T_VERBDEF) rc = move_verb_ref(w, &c->key, NULL);
        return rc ? rc : record_delete(w->store, c->table, &c->key);
    }
    return rc;
}

int write_captures(struct writer *w, struct captures *c) {
    captures_sort(c);
    for (size_t i = 0; i < c->n; i++) {
        int rc = write_capture(w, &c->v[i]);
        if (rc) return rc;
    }
    return 0;
}

int write_meta(struct writer *w, struct db *db, uint64_t generation, int64_t time) {
    struct buf digests = BUF_INIT, b = BUF_INIT;
    for (int t = 0; t < T_COUNT; t++) {
        if (t == T_META) continue;
        const char *name = store_table_name((enum store_table)t);
        enc_bytes(&digests, name, strlen(name));
        enc_u64(&digests, store_digest(w->store, (enum store_table)t));
        enc_u64(&digests, store_count(w->store, (enum store_table)t));
    }
    struct rec_meta m = {.format = FORMAT_VERSION,
                         .oldest_reader = OLDEST_READER,
                         .uuid = {db->uuid, sizeof db->uuid},
                         .encoding = db->encoding,
                         .dialect = {db->own_dialect->name, strlen(db->own_dialect->name)},
                         .generation = generation,
                         .time = time,
                         .max_object = db->max,
                         .next_prop = db->next_prop_id,
                         .next_verb = db->next_verb_id,
                         .next_key = db->next_key,
                         .next_blob = *w->next_blob,
                         .digests = {digests.data, digests.len}};
    rec_meta_encode(&m, &b);
    int rc = record_put(w->store, T_META, &meta_key, &b, w->next_blob);
    buf_fini(&digests);
    buf_fini(&b);
    return rc;
}
