/* SPDX-License-Identifier: MIT */
/*
 * Records of the store: for each RECORD of records.def a struct rec_NAME and functions
 *     rec_NAME_encode(r, out)   appends the payload
 *     rec_NAME_decode(r, d)     0, or -1 when it is damaged; then nothing is owned. Borrowed fields point into the input
 *     rec_NAME_fini(r)          drops the references in it
 * and keys for each table.
 */
#ifndef DB_RECORDS_H
#define DB_RECORDS_H

#include "base/codec.h"
#include "db/code.h"
#include "db/store.h"

struct patience;

enum { RECORD_VERSION = 1, CHUNK_BYTES = 60 << 10, LONG_PROPVAL = 256 /* bytes of its payload: from there on it tells the size of its value */ };

struct rec_bytes {
    const void *p;
    size_t len;
};
typedef uint64_t rec_u64;
typedef int64_t rec_i64;
typedef struct str *rec_str;
typedef value rec_value;
typedef struct rec_bytes rec_bytes;

#define RECORD(name) struct rec_##name {
#define FIELD(rec, tag, type, name, since, doc) rec_##type name;
#define END(name) \
    } \
    ; \
    void rec_##name##_encode(const struct rec_##name *r, struct buf *out); \
    int rec_##name##_decode(struct rec_##name *r, struct dec *d); \
    void rec_##name##_fini(struct rec_##name *r);
#include "db/records.def"
#undef RECORD
#undef FIELD
#undef END

/* One row of the meta record's digests; false at the end, or when the rest is damaged (then d->bad). T_COUNT: a table of another format. */
struct meta_digest {
    enum store_table table;
    uint64_t digest, rows;
};
bool meta_digest_next(struct dec *d, struct meta_digest *out);
/* The same without owning anything: strings and values stay bytes, which are looked through all the same. For reading on other threads, where counts of references may not change. */
typedef struct rec_bytes view_str, view_bytes;
typedef struct view_value {
    rec_bytes encoded; /* none: left out */
    int64_t bytes; /* value_bytes() of it */
} view_value;
typedef uint64_t view_u64;
typedef int64_t view_i64;
#define RECORD(name) struct view_##name {
#define FIELD(rec, tag, type, name, since, doc) view_##type name;
#define END(name) \
    } \
    ; \
    int view_##name##_decode(struct view_##name *r, struct dec *d);
#include "db/records.def"
#undef RECORD
#undef FIELD
#undef END

enum {
#define RECORD(name)
#define FIELD(rec, tag, type, name, since, doc) REC_##rec##_##name = tag,
#define END(name)
#include "db/records.def"
#undef RECORD
#undef FIELD
#undef END
};
/* The counted field with this tag, without making anything of the others: strings belong to the main thread. false: it is not there. */
void rec_add_bytes(struct buf *b, unsigned tag, rec_bytes v); /* a counted field, already encoded, behind the others */
bool rec_find_bytes(struct dec d, unsigned tag, rec_bytes *out);

struct key {
    unsigned char bytes[48];
    size_t len;
};
struct key key_one(uint64_t a);
struct key key_two(uint64_t a, uint64_t b);
struct key key_ref_verb(const uint8_t hash[16], uint64_t object, uint64_t verb);
struct key key_ref_frame(const uint8_t hash[16]);
enum history_kind { HISTORY_PROPERTY = 'p', HISTORY_VERB = 'v' };
enum { HISTORY_OBJECT_KEY = 9, HISTORY_ID_KEY = 17, HISTORY_KEY = 25, REF_HISTORY_KEY = 1 + CODE_HASH_BYTES + 24 }; /* bytes: of the key, and of its beginnings */
struct key key_history(enum history_kind kind, uint64_t object, uint64_t id, int64_t time);
bool key_parse_history(const void *key, size_t len, enum history_kind *kind, uint64_t *object, uint64_t *id, int64_t *time);
struct key key_ref_history(const uint8_t hash[16], const struct key *row); /* of a verb's row */
/* Objects as key parts, and back. */
static inline uint64_t key_object(int64_t o) { return (uint64_t)o ^ (uint64_t)1 << 63; }
static inline int64_t object_of_key(uint64_t k) { return (int64_t)(k ^ (uint64_t)1 << 63); }
/* Parts of a key; false when it has another length. */
bool key_parse_one(const void *key, size_t len, uint64_t *a);
bool key_parse_two(const void *key, size_t len, uint64_t *a, uint64_t *b);

/* Opens a stored record: envelope, and the chunks when it is large (scratch then holds them and must live as long as d is read). 0, or -1 with static *why. */
int record_open(struct store *s, enum store_table t, const void *key, size_t klen, const void *data, size_t len, struct dec *d, struct buf *scratch,
                const char **why);
/* The same over another source of rows of the table blob: 0 when there is one. */
typedef int record_source(void *source, const struct key *k, const void **data, size_t *len);
int record_open_from(record_source *chunk, void *source, const void *key, size_t klen, const void *data, size_t len, struct dec *d, struct buf *scratch, const char **why);
/* Opens a record of propval. When it is long and tells the size of its value, d has all fields but that: its value is read when somebody asks for it. */
int record_open_propval(struct store *s, const void *key, size_t klen, const void *data, size_t len, struct dec *d, struct buf *scratch, const char **why);
/* Of the payload, chunks included, which are not read; 0: it cannot be told. */
uint64_t record_bytes(const void *key, size_t klen, const void *data, size_t len);
/* What is read of a propval record when its object is. */
uint64_t record_bytes_of_propval(const void *key, size_t klen, const void *data, size_t len);
/* store_get and record_open. STORE_NOT_FOUND; -1 with *why. */
int record_get(struct store *s, enum store_table t, const struct key *k, struct dec *d, struct buf *scratch, const char **why);
/* The same in portions: what there is of the payload is in *payload, and *next, 0 at first, says where to go on. 0: that is all of it; 1: no patience; -1. The record may not change meanwhile. */
int record_get_some(struct store *s, enum store_table t, const struct key *k, uint64_t *next, const struct patience *p, struct buf *payload, const char **why);
/* In a write transaction; large payloads go to chunks with ids from *next_blob. Results as store_put(). */
int record_put(struct store *s, enum store_table t, const struct key *k, const struct buf *payload, uint64_t *next_blob);
int record_delete(struct store *s, enum store_table t, const struct key *k);

#endif
