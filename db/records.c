/* SPDX-License-Identifier: MIT */
#include "db/records.h"

#include <string.h>

#include "base/must.h"
#include "base/patience.h"
#include "base/str.h"

/* ---- fields ---- */

static void put_u64(struct buf *b, unsigned tag, rec_u64 n) {
    if (!n) return;
    enc_u64(b, tag << 1);
    enc_u64(b, n);
}

static void put_i64(struct buf *b, unsigned tag, rec_i64 n) {
    if (!n) return;
    enc_u64(b, tag << 1);
    enc_i64(b, n);
}

static void put_bytes(struct buf *b, unsigned tag, rec_bytes v) {
    if (!v.len) return;
    enc_u64(b, tag << 1 | 1);
    enc_bytes(b, v.p, v.len);
}

static void put_str(struct buf *b, unsigned tag, const struct str *s) {
    if (s) put_bytes(b, tag, (rec_bytes){s->data, s->len});
}

static void put_value(struct buf *b, unsigned tag, value v) {
    if (v.type == V_CLEAR) return;
    struct buf inner = BUF_INIT;
    enc_value(&inner, v);
    put_bytes(b, tag, (rec_bytes){inner.data, inner.len});
    buf_fini(&inner);
}

static void skip(struct dec *d, unsigned wire) {
    size_t len;
    if (wire) dec_bytes(d, &len);
    else dec_u64(d);
}

static void get_u64(struct dec *d, unsigned wire, rec_u64 *out) {
    if (wire) d->bad = true;
    else *out = dec_u64(d);
}

static void get_i64(struct dec *d, unsigned wire, rec_i64 *out) {
    if (wire) d->bad = true;
    else *out = dec_i64(d);
}

static void get_bytes(struct dec *d, unsigned wire, rec_bytes *out) {
    if (wire) out->p = dec_bytes(d, &out->len);
    else d->bad = true;
}

static void get_str(struct dec *d, unsigned wire, rec_str *out) {
    rec_bytes v = {NULL, 0};
    get_bytes(d, wire, &v);
    if (!d->bad && v.len > UINT32_MAX / 2) d->bad = true;
    if (d->bad) return;
    struct str *s = dec_text(d, v.p, v.len);
    if (!s) return;
    if (*out) str_unref(*out);
    *out = s;
}

static void get_value(struct dec *d, unsigned wire, rec_value *out) {
    rec_bytes v = {NULL, 0};
    get_bytes(d, wire, &v);
    if (d->bad) return;
    struct dec inner = dec_over(v.p, v.len);
    inner.strings = d->strings;
    value_unref(*out);
    *out = dec_value(&inner);
    if (inner.bad || !dec_at_end(&inner)) d->bad = true;
}

static void drop_u64(rec_u64 *n) { (void)n; }
static void drop_i64(rec_i64 *n) { (void)n; }
static void drop_bytes(rec_bytes *v) { (void)v; }
static void drop_str(rec_str *s) {
    if (*s) str_unref(*s);
    *s = NULL;
}
static void drop_value(rec_value *v) {
    value_unref(*v);
    *v = value_none();
}

static void zero_u64(rec_u64 *n) { *n = 0; }
static void zero_i64(rec_i64 *n) { *n = 0; }
static void zero_bytes(rec_bytes *v) { *v = (rec_bytes){NULL, 0}; }
static void zero_str(rec_str *s) { *s = NULL; }
static void zero_value(rec_value *v) { *v = value_clear(); }
/* A string that is left out is empty. */
static void settle_u64(rec_u64 *n) { (void)n; }
static void settle_i64(rec_i64 *n) { (void)n; }
static void settle_bytes(rec_bytes *v) { (void)v; }
static void settle_str(rec_str *s) {
    if (!*s) *s = str_empty();
}
static void settle_value(rec_value *v) { (void)v; }

/* ---- records ---- */

#define RECORD(name) void rec_##name##_encode(const struct rec_##name *r, struct buf *out) {
#define FIELD(rec, tag, type, name, since, doc) put_##type(out, tag, r->name);
#define END(name) }
#include "db/records.def"
#undef RECORD
#undef FIELD
#undef END

#define RECORD(name) static void zero_rec_##name(struct rec_##name *r) {
#define FIELD(rec, tag, type, name, since, doc) zero_##type(&r->name);
#define END(name) }
#include "db/records.def"
#undef RECORD
#undef FIELD
#undef END

#define RECORD(name) static void settle_rec_##name(struct rec_##name *r) {
#define FIELD(rec, tag, type, name, since, doc) settle_##type(&r->name);
#define END(name) }
#include "db/records.def"
#undef RECORD
#undef FIELD
#undef END

#define RECORD(name) void rec_##name##_fini(struct rec_##name *r) {
#define FIELD(rec, tag, type, name, since, doc) drop_##type(&r->name);
#define END(name) }
#include "db/records.def"
#undef RECORD
#undef FIELD
#undef END

/* A tag used twice in one record is a duplicate case: a compile error. */
#define RECORD(name) \
    int rec_##name##_decode(struct rec_##name *r, struct dec *d) { \
        zero_rec_##name(r); \
        while (!d->bad && !dec_at_end(d)) { \
            uint64_t head = dec_u64(d); \
            switch (head >> 1) {
#define FIELD(rec, tag, type, name, since, doc) \
    case tag: get_##type(d, head & 1, &r->name); break;
#define END(name) \
    default: skip(d, head & 1); \
        } \
        } \
        if (d->bad) rec_##name##_fini(r); \
        else settle_rec_##name(r); \
        return d->bad ? -1 : 0; \
        }
#include "db/records.def"
#undef RECORD
#undef FIELD
#undef END

void rec_add_bytes(struct buf *b, unsigned tag, rec_bytes v) { put_bytes(b, tag, v); }

bool rec_find_bytes(struct dec d, unsigned tag, rec_bytes *out) {
    bool found = false;
    while (!d.bad && !dec_at_end(&d)) {
        uint64_t head = dec_u64(&d);
        if (head != (tag << 1 | 1)) {
            skip(&d, head & 1);
            continue;
        }
        get_bytes(&d, 1, out);
        found = true;
    }
    return found && !d.bad;
}

/* ---- the same, borrowed ---- */

static void look_u64(struct dec *d, unsigned wire, view_u64 *out) { get_u64(d, wire, out); }
static void look_i64(struct dec *d, unsigned wire, view_i64 *out) { get_i64(d, wire, out); }
static void look_bytes(struct dec *d, unsigned wire, view_bytes *out) { get_bytes(d, wire, out); }

static void look_str(struct dec *d, unsigned wire, view_str *out) {
    get_bytes(d, wire, out);
    if (!d->bad && (!utf8_valid(out->p, out->len) || out->len > UINT32_MAX / 2)) d->bad = true;
}

static void look_value(struct dec *d, unsigned wire, view_value *out) {
    get_bytes(d, wire, &out->encoded);
    if (d->bad) return;
    struct dec inner = dec_over(out->encoded.p, out->encoded.len);
    out->bytes = dec_skip_value(&inner);
    if (inner.bad || !dec_at_end(&inner)) d->bad = true;
}

#define RECORD(name) \
    int view_##name##_decode(struct view_##name *r, struct dec *d) { \
        memset(r, 0, sizeof *r); \
        while (!d->bad && !dec_at_end(d)) { \
            uint64_t head = dec_u64(d); \
            switch (head >> 1) {
#define FIELD(rec, tag, type, name, since, doc) \
    case tag: look_##type(d, head & 1, &r->name); break;
#define END(name) \
    default: skip(d, head & 1); \
        } \
        } \
        return d->bad ? -1 : 0; \
        }
#include "db/records.def"
#undef RECORD
#undef FIELD
#undef END

/* ---- keys ---- */

static void key_add(struct key *k, uint64_t n) {
    for (int i = 7; i >= 0; i--) k->bytes[k->len++] = (unsigned char)(n >> 8 * i);
}

struct key key_one(uint64_t a) {
    struct key k = {.len = 0};
    key_add(&k, a);
    return k;
}

struct key key_two(uint64_t a, uint64_t b) {
    struct key k = key_one(a);
    key_add(&k, b);
    return k;
}

struct key key_ref_frame(const uint8_t hash[16]) {
    struct key k = {.bytes = {'f'}, .len = 17};
    memcpy(k.bytes + 1, hash, 16);
    return k;
}

struct key key_ref_verb(const uint8_t hash[16], uint64_t object, uint64_t verb) {
    struct key k = key_ref_frame(hash);
    k.bytes[0] = 'v';
    key_add(&k, object);
    key_add(&k, verb);
    return k;
}

struct key key_history(enum history_kind kind, uint64_t object, uint64_t id, int64_t time) {
    struct key k = {.bytes = {(unsigned char)kind}, .len = 1};
    key_add(&k, object);
    key_add(&k, id);
    key_add(&k, (uint64_t)time);
    return k;
}

struct key key_ref_history(const uint8_t hash[16], const struct key *row) {
    struct key k = key_ref_frame(hash);
    k.bytes[0] = 'h';
    memcpy(k.bytes + k.len, row->bytes + 1, row->len - 1);
    k.len += row->len - 1;
    return k;
}

bool key_parse_one(const void *key, size_t len, uint64_t *a) {
    struct dec d = dec_over(key, len);
    *a = dec_be64(&d);
    return !d.bad && dec_at_end(&d);
}

bool key_parse_two(const void *key, size_t len, uint64_t *a, uint64_t *b) {
    struct dec d = dec_over(key, len);
    *a = dec_be64(&d);
    *b = dec_be64(&d);
    return !d.bad && dec_at_end(&d);
}

bool key_parse_history(const void *key, size_t len, enum history_kind *kind, uint64_t *object, uint64_t *id, int64_t *time) {
    struct dec d = dec_over(key, len);
    int first = len ? *(const unsigned char *)key : 0;
    if (first != HISTORY_PROPERTY && first != HISTORY_VERB) return false;
    *kind = (enum history_kind)first;
    d.p++;
    *object = dec_be64(&d);
    *id = dec_be64(&d);
    *time = (int64_t)dec_be64(&d);
    return !d.bad && dec_at_end(&d);
}

/* ---- large ones ---- */

enum { CHUNKED = 1, CHUNK_LIMIT = 64 << 10, PROPVAL_LIMIT = 2000 /* an object is looked through without what its values fill pages with */, PATIENCE_CHUNKS = 8 };
static const uint64_t max_payload = (uint64_t)1 << 32;

/* The fields of a propval record but its value, as they are. true: the size of that is among them. */
static bool rest_of_propval(struct dec d, struct buf *out) {
    bool tells = false;
    while (!d.bad && !dec_at_end(&d)) {
        const unsigned char *from = d.p;
        uint64_t head = dec_u64(&d);
        skip(&d, head & 1);
        if (d.bad || head >> 1 == REC_propval_value) continue;
        tells |= head >> 1 == REC_propval_bytes;
        buf_add(out, from, (size_t)(d.p - from));
    }
    return tells && !d.bad;
}

/* The pieces of a large payload, one after the other. 1: no patience, and *next is the first that is missing. */
static int gather_some(record_source *chunk, void *source, const struct rec_blob *blob, uint64_t *next, const struct patience *p, struct buf *to, const char **why) {
    for (unsigned done = 0; to->len < blob->bytes; ++*next) {
        if (++done % PATIENCE_CHUNKS == 0 && patience_is_over(p)) return 1;
        struct key k = key_two(blob->id, *next);
        const void *data;
        size_t len;
        unsigned version, flags;
        struct dec part;
        *why = "damaged: a chunk of it is missing";
        if (chunk(source, &k, &data, &len)) return -1;
        if (dec_envelope(data, len, k.bytes, k.len, &version, &flags, &part, why)) return -1;
        *why = "damaged: a chunk of it is empty";
        if (dec_at_end(&part)) return -1;
        buf_add(to, part.p, (size_t)(part.end - part.p));
    }
    *why = "damaged: its chunks have another length";
    return to->len == blob->bytes ? 0 : -1;
}

static int decode_head(struct dec *head, struct rec_blob *blob, const char **why) {
    *why = "damaged: its list of chunks cannot be read";
    return rec_blob_decode(blob, head) || blob->bytes > max_payload ? -1 : 0;
}

static int check_rest(const struct rec_blob *blob, struct dec payload, const char **why) {
    struct buf rest = BUF_INIT;
    *why = "damaged: what stands beside the list of its chunks is not what they say";
    bool ok = !blob->rest.len || (rest_of_propval(payload, &rest) && rest.len == blob->rest.len && !memcmp(rest.data, blob->rest.p, rest.len));
    buf_fini(&rest);
    return ok ? 0 : -1;
}

static int gather(record_source *chunk, void *source, struct dec *head, struct dec *d, struct buf *scratch, const char **why) {
    struct rec_blob blob;
    uint64_t next = 0;
    buf_clear(scratch);
    if (decode_head(head, &blob, why) || gather_some(chunk, source, &blob, &next, NULL, scratch, why)) return -1;
    *d = dec_over(scratch->data, scratch->len);
    return check_rest(&blob, *d, why);
}

int record_open_from(record_source *chunk, void *source, const void *key, size_t klen, const void *data, size_t len, struct dec *d, struct buf *scratch, const char **why) {
    unsigned version, flags;
    if (dec_envelope(data, len, key, klen, &version, &flags, d, why)) return -1;
    if (version > RECORD_VERSION) {
        *why = "written by a newer server";
        return -1;
    }
    return flags & CHUNKED ? gather(chunk, source, d, d, scratch, why) : 0;
}

static int chunk_of_store(void *source, const struct key *k, const void **data, size_t *len) { return store_get(source, T_BLOB, k->bytes, k->len, data, len); }

int record_open(struct store *s, enum store_table t, const void *key, size_t klen, const void *data, size_t len, struct dec *d, struct buf *scratch,
                const char **why) {
    (void)t;
    return record_open_from(chunk_of_store, s, key, klen, data, len, d, scratch, why);
}

int record_get_some(struct store *s, enum store_table t, const struct key *k, uint64_t *next, const struct patience *p, struct buf *payload, const char **why) {
    const void *data;
    size_t len;
    unsigned version, flags;
    struct dec d;
    struct rec_blob blob;
    if (store_get(s, t, k->bytes, k->len, &data, &len) || dec_envelope(data, len, k->bytes, k->len, &version, &flags, &d, why) || version > RECORD_VERSION) return -1;
    if (flags & CHUNKED) {
        if (decode_head(&d, &blob, why)) return -1;
        int rc = gather_some(chunk_of_store, s, &blob, next, p, payload, why);
        return rc ? rc : check_rest(&blob, dec_over(payload->data, payload->len), why);
    }
    buf_clear(payload);
    buf_add(payload, d.p, (size_t)(d.end - d.p));
    return 0;
}

/* ---- values that are read later ---- */

/* Without its value, of its payload, or of the head of its chunks. */
static bool rest_is_there(struct dec d, bool chunked, struct buf *out) {
    struct rec_blob blob;
    buf_clear(out);
    if (!chunked) return (size_t)(d.end - d.p) > LONG_PROPVAL && rest_of_propval(d, out);
    return !rec_blob_decode(&blob, &d) && rest_of_propval(dec_over(blob.rest.p, blob.rest.len), out);
}

int record_open_propval(struct store *s, const void *key, size_t klen, const void *data, size_t len, struct dec *d, struct buf *scratch, const char **why) {
    unsigned version, flags;
    if (dec_envelope(data, len, key, klen, &version, &flags, d, why)) return -1;
    if (version > RECORD_VERSION || !rest_is_there(*d, flags & CHUNKED, scratch)) return record_open(s, T_PROPVAL, key, klen, data, len, d, scratch, why);
    *d = dec_over(scratch->data, scratch->len);
    return 0;
}

uint64_t record_bytes_of_propval(const void *key, size_t klen, const void *data, size_t len) {
    unsigned version, flags;
    struct dec d;
    struct buf rest = BUF_INIT;
    const char *why;
    bool there = !dec_envelope(data, len, key, klen, &version, &flags, &d, &why) && rest_is_there(d, flags & CHUNKED, &rest);
    uint64_t n = there ? rest.len : record_bytes(key, klen, data, len);
    buf_fini(&rest);
    return n;
}

/* ---- their length ---- */

uint64_t record_bytes(const void *key, size_t klen, const void *data, size_t len) {
    unsigned version, flags;
    struct dec d;
    struct rec_blob blob;
    const char *why;
    if (dec_envelope(data, len, key, klen, &version, &flags, &d, &why)) return 0;
    if (!(flags & CHUNKED)) return (uint64_t)(d.end - d.p);
    return rec_blob_decode(&blob, &d) ? 0 : blob.bytes;
}

int record_get(struct store *s, enum store_table t, const struct key *k, struct dec *d, struct buf *scratch, const char **why) {
    const void *data;
    size_t len;
    int rc = store_get(s, t, k->bytes, k->len, &data, &len);
    if (rc < 0) *why = store_error(s);
    if (rc) return rc;
    return record_open(s, t, k->bytes, k->len, data, len, d, scratch, why);
}

bool meta_digest_next(struct dec *d, struct meta_digest *out) {
    size_t len;
    if (d->bad || dec_at_end(d)) return false;
    const char *name = dec_bytes(d, &len);
    *out = (struct meta_digest){.table = T_COUNT, .digest = dec_u64(d)};
    out->rows = dec_u64(d);
    for (int t = 0; t < T_COUNT && !d->bad; t++)
        if (strlen(store_table_name((enum store_table)t)) == len && !memcmp(store_table_name((enum store_table)t), name, len)) out->table = (enum store_table)t;
    return !d->bad;
}

/* Chunks of the record that is under this key now, if it has any. */
static int drop_chunks(struct store *s, enum store_table t, const struct key *k) {
    const void *data;
    size_t len;
    unsigned version, flags;
    struct dec head;
    const char *why;
    struct rec_blob blob;
    int rc = store_get(s, t, k->bytes, k->len, &data, &len);
    if (rc) return rc == STORE_NOT_FOUND ? 0 : rc;
    if (dec_envelope(data, len, k->bytes, k->len, &version, &flags, &head, &why) || !(flags & CHUNKED) || rec_blob_decode(&blob, &head)) return 0;
    uint64_t n = (blob.bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;
    for (uint64_t i = 0; i < n && blob.bytes <= max_payload; i++) {
        struct key c = key_two(blob.id, i);
        if ((rc = store_delete(s, T_BLOB, c.bytes, c.len))) return rc;
    }
    return 0;
}

static int put_enveloped(struct store *s, enum store_table t, const struct key *k, unsigned flags, const struct buf *payload) {
    struct buf out = BUF_INIT;
    enc_envelope(&out, RECORD_VERSION, flags, k->bytes, k->len, payload);
    int rc = store_put_new(s, t, k->bytes, k->len, out.data, out.len); /* one look-up for most: they are new */
    if (rc == STORE_EXISTS) {
        rc = drop_chunks(s, t, k);
        if (!rc) rc = store_put(s, t, k->bytes, k->len, out.data, out.len);
    }
    buf_fini(&out);
    return rc;
}

static int put_chunks(struct store *s, const struct buf *payload, uint64_t id) {
    for (size_t at = 0, i = 0; at < payload->len; at += CHUNK_BYTES, i++) {
        size_t left = payload->len - at;
        struct key k = key_two(id, i);
        struct buf part = BUF_INIT;
        buf_add(&part, payload->data + at, left < CHUNK_BYTES ? left : CHUNK_BYTES);
        int rc = put_enveloped(s, T_BLOB, &k, 0, &part);
        buf_fini(&part);
        if (rc) return rc;
    }
    return 0;
}

int record_put(struct store *s, enum store_table t, const struct key *k, const struct buf *payload, uint64_t *next_blob) {
    int rc;
    if (payload->len < (t == T_PROPVAL ? PROPVAL_LIMIT : CHUNK_LIMIT)) return put_enveloped(s, t, k, 0, payload);
    struct rec_blob blob = {.id = (*next_blob)++, .bytes = payload->len};
    struct buf head = BUF_INIT, rest = BUF_INIT;
    if (t == T_PROPVAL && rest_of_propval(dec_over(payload->data, payload->len), &rest)) blob.rest = (rec_bytes){rest.data, rest.len};
    rec_blob_encode(&blob, &head);
    buf_fini(&rest);
    rc = put_chunks(s, payload, blob.id);
    if (!rc) rc = put_enveloped(s, t, k, CHUNKED, &head);
    buf_fini(&head);
    return rc;
}

int record_delete(struct store *s, enum store_table t, const struct key *k) {
    int rc = drop_chunks(s, t, k);
    return rc ? rc : store_delete(s, t, k->bytes, k->len);
}
