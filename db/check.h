/* SPDX-License-Identifier: MIT */
/*
 * Verifying a world, over one read transaction: check.c reads each table and each record in it (key, checksum, fields, digest, counts), check_links.c compares
 * what they say about each other. Works on arrays by object number, so memory is some 50 bytes an object whatever else there is.
 */
#ifndef DB_CHECK_H
#define DB_CHECK_H

#include "db/internal.h"
#include "db/records.h"

enum { SEEN_CHILD = 1, SEEN_CONTENT = 2, SEEN_OWNED = 4, SEEN_PLAYER = 8, SEEN_FREE = 16 };

struct check_object {
    objid parent, location, owner;
    uint64_t child_key, content_key;
    uint32_t flags;
    uint8_t exists, seen;
};

struct check_prop {
    uint64_t id;
    objid definer;
};

struct check_hash {
    uint8_t hash[CODE_HASH_BYTES];
};

struct check {
    struct store *store;
    void (*fault)(void *ctx, const char *text);
    void (*progress)(void *ctx, double part);
    void *ctx;
    uint64_t faults, rows_done, rows_all;
    uint64_t digest[T_COUNT], rows[T_COUNT]; /* as meta has them */
    uint64_t next_prop, next_verb, next_key, next_blob;
    struct check_object *objects;
    objid nobjects; /* highest number + 1 */
    struct check_prop *props; /* by id once all are read */
    size_t nprops, prop_cap;
    struct check_hash *codes; /* in order, as they come */
    size_t ncodes, code_cap;
    uint64_t verb_refs, verbs_with_code, blob_chunks;
};

void check_fault(struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct check_object *check_object_at(struct check *c, objid o); /* NULL: invalid */

/* check_links.c: rows whose payload opened well, and what is left to say at the end. */
void check_row(struct check *c, enum store_table t, const void *key, size_t klen, struct dec *d);
void check_props_read(struct check *c); /* all definitions are known */
void check_objects_read(struct check *c); /* all object records are known */
void check_finish(struct check *c);

#endif
