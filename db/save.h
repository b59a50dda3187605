/* SPDX-License-Identifier: MIT */
/*
 * Saving. A save has three steps that never mix, so that a writer thread can take the last one later:
 *   cut       what is dirty becomes what is being saved; from here on new changes belong to the next save
 *   capture   records are taken as references to immutable values (a captured value has a second holder: nobody changes it in place) or as bytes
 *   write     captured records are encoded, sorted, and put in one transaction; it touches nothing but what was captured
 * What is being saved is clean only when the commit returned 0; else it goes back under what has changed since.
 */
#ifndef DB_SAVE_H
#define DB_SAVE_H

#include "db/internal.h"
#include "db/records.h"

enum capture_kind { CAPTURE_BYTES, CAPTURE_PROPVAL, CAPTURE_CODE, CAPTURE_DELETE };
struct capture {
    enum store_table table;
    enum capture_kind kind;
    struct key key;
    union {
        struct buf bytes; /* a payload */
        struct rec_propval propval;
        struct code *code;
    } u;
};
struct captures {
    struct capture *v;
    size_t n, cap;
};

struct saving_object {
    objid id;
    unsigned what; /* OS_ bits */
};

/* capture.c */
extern const enum store_table row_store_table[ROW_TABLES];
void capture_object(struct captures *out, const struct object *o, unsigned what);
void capture_rows(struct captures *out, const struct rowset *rows, uint32_t from, uint32_t to);
void capture_bytes(struct captures *out, enum store_table t, struct key k, struct buf *payload); /* takes its bytes */
void capture_program(struct captures *out, struct code *code);
void capture_delete(struct captures *out, enum store_table t, struct key k);
void captures_sort(struct captures *c);
void captures_release(struct captures *c); /* drops all references, keeps the array */
void captures_fini(struct captures *c);

/* write.c: inside a write transaction of the store. Results as store_put(). */
struct hashes {
    uint8_t (*v)[CODE_HASH_BYTES];
    size_t n, cap;
};
struct writer {
    struct store *store;
    uint64_t *next_blob;
    struct hashes dropped; /* programs that may have lost their last user */
};
int write_captures(struct writer *w, struct captures *c); /* sorts them */
int write_capture(struct writer *w, const struct capture *c);
int write_frame_codes(struct writer *w, const struct hashes *now, const uint8_t (*before)[CODE_HASH_BYTES], size_t nbefore);
int write_collect_codes(struct writer *w); /* deletes those of `dropped' that nothing refers to */
int write_meta(struct writer *w, struct db *db, uint64_t generation, int64_t time);
void hashes_add(struct hashes *h, const uint8_t hash[CODE_HASH_BYTES]);
void hashes_sort(struct hashes *h); /* each once */
void hashes_fini(struct hashes *h);

/* load.c */
int load_digests(struct db *db); /* again, after the store was opened anew: inside a write transaction */
extern const struct key meta_key;

#endif
