/* SPDX-License-Identifier: MIT */
/*
 * Verifying a world. check.c: the child process in which it is done, and the order of things; check_tables.c: every page and every record of the tables (db/pages.h: nothing of it goes through
 * the library), in parts that several threads take in turns; check_links.c: what records say, alone and about each other. Works on arrays by object number, so memory is some 50 bytes an object
 * whatever else there is.
 *
 * Threads share `struct check': what a phase writes there is one byte an object and table, or belongs to the worker; what it reads was written in an earlier phase. The first has objects,
 * definitions and programs, the second everything that refers to them.
 */
#ifndef DB_CHECK_H
#define DB_CHECK_H

#include "db/internal.h"
#include "db/pages.h"
#include "db/records.h"
#include "db/usage.h"

enum seen { SEEN_CHILD, SEEN_CONTENT, SEEN_OWNED, SEEN_PLAYER, SEEN_FREE, SEEN_KINDS };

struct check_object {
    objid parent, location, owner;
    uint64_t child_key, content_key;
    uint32_t flags;
    uint8_t exists;
};

struct check_prop {
    uint64_t id;
    objid definer;
    size_t name, name_len; /* in names */
};

struct check_hash {
    uint8_t hash[CODE_HASH_BYTES];
};

struct check_props {
    struct check_prop *v; /* by id once all are read */
    size_t n, cap;
    struct buf names;
};

struct check_codes {
    struct check_hash *v; /* in order once all are read */
    size_t n, cap;
};

struct check_table {
    bool there;
    struct page_tree tree;
    uint64_t digest, rows; /* as meta has them */
    uint64_t digest_found, rows_found;
    uint64_t branches, leaves, overflows;
};

struct check {
    struct pages pages;
    struct opening *opening; /* check.c's own */
    void (*fault)(void *ctx, const char *text);
    void (*progress)(void *ctx, double part);
    void *ctx;
    unsigned threads;
    bool newer; /* of a format that is not known here */
    int64_t sample_us;
    int pause_ms; /* after each part, so as not to be in anybody's way */
    uint64_t faults;
    uint64_t rows_all, rows_done;
    struct check_table tables[T_COUNT];
    uint64_t next_prop, next_verb, next_key, next_blob;
    struct check_object *objects;
    uint8_t *seen[SEEN_KINDS]; /* by object */
    objid nobjects; /* highest number + 1 */
    uint64_t format;
    int64_t *bytes; /* by object: db/usage.h; NULL: they are not counted */
    struct usage_map usage; /* as the table has it */
    struct check_props props;
    struct check_codes codes;
    uint64_t verb_refs, verbs_with_code; /* sums of hashes of what must be the same */
    uint64_t chunks_there, chunks_used;
};

/* One thread's. */
struct check_worker {
    struct check *c;
    struct buf *faults; /* lines, of the part at hand */
    uint64_t nfaults, random;
    enum store_table table;
    struct buf scratch;
    struct check_table tables[T_COUNT];
    bool unknown_tables;
    struct check_props props;
    struct check_codes codes;
    uint64_t verb_refs, verbs_with_code, chunks_there, chunks_used;
    struct usage_map usage;
    struct { /* properties that are known to be inherited from this parent */
        objid parent;
        uint64_t id;
    } inherited[4096];
};

void check_fault(struct check_worker *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct check_object *check_object_at(struct check *c, objid o); /* NULL: invalid */

/* check_tables.c */
void check_tables(struct check *c, const bool which[T_COUNT]); /* every row of these */
void check_unused_pages(struct check *c);
void check_sample(struct check *c, int64_t microseconds); /* records here and there, by themselves */
void check_serial(struct check *c, void (*what)(struct check_worker *w)); /* on this thread */
void check_key_text(const struct check *c, enum store_table t, const void *key, size_t klen, struct buf *out); /* as people name it: property #12.description */

/* check_links.c: rows whose payload opened well, and what is left to say at the end. */
void check_row(struct check_worker *w, enum store_table t, const void *key, size_t klen, struct dec *d);
void check_props_read(struct check_worker *w); /* all definitions and objects are known */
void check_props_sort(struct check *c);
void check_objects_read(struct check_worker *w); /* all object records are known */
void check_codes_read(struct check_worker *w);
void check_finish(struct check_worker *w);
const struct check_prop *check_prop_by_id(const struct check *c, uint64_t id); /* NULL: defined nowhere */

/* check_usage.c */
void check_usage_count(struct check *c, objid o, int64_t bytes);
void check_usage_row(struct check_worker *w, objid owner, const struct view_usage *rec);
void check_usage_merge(struct check *c, struct check_worker *w); /* what the worker read becomes the check's */
void check_usage_finish(struct check_worker *w);

#endif
