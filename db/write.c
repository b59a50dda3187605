/* SPDX-License-Identifier: MIT */
/*
 * Captured records into the store. Programs are kept once under their hash; the ref table says who needs each ('v': a verb, 'f': a frame of a saved task, 'h': a version in the history). When the
 * last one goes, the program goes with the same transaction. All this is on the writing thread: it makes no strings and counts no references.
 */
#include <stdlib.h>
#include <string.h>

#include "db/rowset.h"
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

static int put_code(struct writer *w, const struct key *k, const struct code *code) {
    const void *data;
    size_t len;
    int rc = store_get(w->store, T_CODE, k->bytes, k->len, &data, &len);
    if (rc != STORE_NOT_FOUND) return rc;
    struct buf b = BUF_INIT;
    rec_code_encode(&(struct rec_code){code->version, code->imported, code->first_line, code->text}, &b);
    rc = record_put(w->store, T_CODE, k, &b, w->next_blob);
    buf_fini(&b);
    return rc;
}

int write_program(struct writer *w, const struct code *code) {
    struct key k = {.len = CODE_HASH_BYTES};
    memcpy(k.bytes, code->hash, CODE_HASH_BYTES);
    return put_code(w, &k, code);
}

/* The program of the verb record that is stored under this key. false: none. */
static bool stored_hash(struct writer *w, const struct key *k, uint8_t hash[CODE_HASH_BYTES]) {
    struct dec d;
    struct buf scratch = BUF_INIT;
    rec_bytes code;
    const char *why;
    bool has = !record_get(w->store, T_VERBDEF, k, &d, &scratch, &why) && rec_find_bytes(d, REC_verbdef_code, &code) && code.len == CODE_HASH_BYTES;
    if (has) memcpy(hash, code.p, CODE_HASH_BYTES);
    buf_fini(&scratch);
    return has;
}

/* A verb record changes or goes: `now' is its new payload, empty when it goes. Keeps the ref table in step. */
static int move_verb_ref(struct writer *w, const struct key *k, const struct buf *now) {
    uint8_t old[CODE_HASH_BYTES];
    uint64_t o, id;
    rec_bytes code = {NULL, 0};
    must(key_parse_two(k->bytes, k->len, &o, &id));
    rec_find_bytes(dec_over(buf_c(now), now->len), REC_verbdef_code, &code);
    bool had = stored_hash(w, k, old), has = code.len == CODE_HASH_BYTES;
    int rc = 0;
    if (!had || !has || memcmp(old, code.p, CODE_HASH_BYTES)) {
        struct key ref;
        if (had) {
            ref = key_ref_verb(old, o, id);
            rc = record_delete(w->store, T_REF, &ref);
            hashes_add(&w->dropped, old);
        }
        if (!rc && has) rc = put_empty(w, T_REF, key_ref_verb(code.p, o, id));
    }
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
        struct key ref = key_ref_frame(w->dropped.v[i]), code = {.len = CODE_HASH_BYTES};
        bool used = false;
        int rc = 0;
        memcpy(code.bytes, w->dropped.v[i], CODE_HASH_BYTES);
        for (const char *kind = "vfh"; *kind && !rc && !used; kind++) {
            ref.bytes[0] = (unsigned char)*kind;
            rc = store_scan(w->store, T_REF, ref.bytes, ref.len, found_one, &used);
        }
        if (!rc && !used) rc = record_delete(w->store, T_CODE, &code);
        if (rc) return rc;
    }
    return 0;
}

static bool hash_is_in(const struct hashes *h, const uint8_t hash[CODE_HASH_BYTES]) {
    return h->n && bsearch(hash, h->v, h->n, CODE_HASH_BYTES, hash_order);
}

int write_frame_codes(struct writer *w, const struct hashes *now, const struct hashes *before) {
    int rc = 0;
    for (size_t i = 0; i < now->n && !rc; i++)
        if (!hash_is_in(before, now->v[i])) rc = put_empty(w, T_REF, key_ref_frame(now->v[i]));
    for (size_t i = 0; i < before->n && !rc; i++) {
        if (hash_is_in(now, before->v[i])) continue;
        struct key k = key_ref_frame(before->v[i]);
        rc = record_delete(w->store, T_REF, &k);
        hashes_add(&w->dropped, before->v[i]);
    }
    return rc;
}

/* ---- all ---- */

static int write_propval(struct writer *w, const struct key *k, const struct capture *c) {
    struct buf b = BUF_INIT;
    value v = {.type = c->type, .u.i = c->u.propval.payload};
    rec_propval_encode(&(struct rec_propval){.value = v, .owner = c->u.propval.owner, .perms = c->perms}, &b);
    if (b.len > LONG_PROPVAL) rec_propval_encode(&(struct rec_propval){.value = value_clear(), .bytes = (uint64_t)value_bytes(v)}, &b); /* one field more */
    int rc = history_property(w, k, &b);
    if (!rc) rc = record_put(w->store, T_PROPVAL, k, &b, w->next_blob);
    buf_fini(&b);
    return rc;
}

int write_capture(struct writer *w, const struct captures *of, const struct capture *c) {
    struct key k = {.len = c->klen};
    memcpy(k.bytes, c->key, c->klen);
    struct buf payload = BUF_INIT; /* borrows */
    if (c->kind == CAPTURE_BYTES) payload.data = of->bytes.data + c->u.bytes.at, payload.len = c->u.bytes.len;
    int rc = c->table == T_VERBDEF ? move_verb_ref(w, &k, &payload) : c->table == T_PROPVAL && c->kind == CAPTURE_DELETE ? history_property(w, &k, &payload) : 0;
    if (rc) return rc;
    if (c->table == T_HISTORY) return history_delete(w, &k);
    switch ((enum capture_kind)c->kind) {
    case CAPTURE_BYTES: return record_put(w->store, (enum store_table)c->table, &k, &payload, w->next_blob);
    case CAPTURE_PROPVAL: return write_propval(w, &k, c);
    case CAPTURE_CODE: return put_code(w, &k, c->u.code);
    case CAPTURE_DELETE: return record_delete(w->store, (enum store_table)c->table, &k);
    }
    return rc;
}

int write_captures(struct writer *w, struct captures *c) {
    captures_sort(c);
    for (size_t i = 0; i < c->n; i++) {
        int rc = write_capture(w, c, &c->v[i]);
        if (rc) return rc;
    }
    return 0;
}

int write_rows(struct writer *w, const struct rowset *rows) {
    struct captures some = {0};
    int rc = 0;
    for (uint32_t i = 0; i < rows->n && !rc; i += BATCH) {
        capture_rows(&some, rows, i, i + BATCH < rows->n ? i + BATCH : rows->n);
        rc = write_captures(w, &some);
        captures_release(&some);
    }
    captures_fini(&some);
    return rc;
}

int write_meta(struct writer *w, const struct rec_meta *cut) {
    struct buf digests = BUF_INIT, b = BUF_INIT;
    for (int t = 0; t < T_COUNT; t++) {
        if (t == T_META) continue;
        const char *name = store_table_name((enum store_table)t);
        enc_bytes(&digests, name, strlen(name));
        enc_u64(&digests, store_digest(w->store, (enum store_table)t));
        enc_u64(&digests, store_count(w->store, (enum store_table)t));
    }
    struct rec_meta m = *cut;
    m.next_blob = *w->next_blob;
    m.digests = (rec_bytes){digests.data, digests.len};
    rec_meta_encode(&m, &b);
    int rc = record_put(w->store, T_META, &meta_key, &b, w->next_blob);
    buf_fini(&digests);
    buf_fini(&b);
    return rc;
}
