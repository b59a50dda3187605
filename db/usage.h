/* SPDX-License-Identifier: MIT */
/*
 * How many bytes and objects each owner has, exact at every moment: the table `usage' as last saved, what the save under way adds to it, and what changed since.
 *
 * An object's bytes are what is its own: USAGE_OBJECT and its name; each property that it defines, USAGE_PROPDEF and the name; each value that it has, USAGE_VALUE and value_bytes(), where
 * a property that is as its definition began (clear, with the first letters and owner) has none; each verb, USAGE_VERB, the names and the text of the program. Strings count one byte more than they have.
 * So nothing that happens to an ancestor changes the bytes of an heir that has nothing of its own there, and nobody needs to be loaded.
 */
#ifndef DB_USAGE_H
#define DB_USAGE_H

#include "base/list.h"
#include "base/map.h"
#include "db/internal.h"
#include "db/records.h"

enum { USAGE_OBJECT = 160, USAGE_PROPDEF = 40, USAGE_VALUE = 8, USAGE_VERB = 64 }; /* part of the world's format: other numbers are another format */

struct writer;

struct usage_entry {
    objid owner;
    int64_t bytes, objects;
    bool used;
};
struct usage_map { /* open addressing */
    struct usage_entry *v;
    size_t mask, n;
};
void usage_add(struct usage_map *m, objid owner, int64_t bytes, int64_t objects);
void usage_map_free(struct usage_map *m);

/* Changes since a cut. Most are made to things of the same owner as the one before: that sum is kept apart. */
struct usage {
    struct usage_map map;
    objid owner;
    int64_t bytes;
};
void usage_free(struct usage *u);

__attribute__((cold)) void usage_fold(struct usage *u); /* all of it into the map */
static inline void usage_grew(struct db *db, const struct object *o, int64_t bytes) { /* negative: shrank */
    struct usage *u = db->usage;
    if (u->owner != o->owner) {
        usage_fold(u);
        u->owner = o->owner;
    }
    u->bytes += bytes;
}
void usage_created(struct db *db, const struct object *o);
void usage_destroyed(struct db *db, struct object *o);
void usage_owner_changes(struct db *db, struct object *o, objid owner); /* still has the old one */
void usage_record_goes(struct db *db, objid o, int64_t bytes); /* of an object that is not in memory */
void usage_recount(struct db *db); /* from all objects: after changes that were not told of. No save may be under way */

/* value_bytes(v) - value_bytes(old); mostly a value takes the place of one of its kind. */
static inline int64_t value_growth(value v, value old) {
    if (v.type != old.type) return value_bytes(v) - value_bytes(old);
    if (v.type == V_STR) return (int64_t)v.u.s->len - (int64_t)old.u.s->len;
    if (v.type == V_MAP) return v.u.m->bytes - old.u.m->bytes;
    return v.type == V_LIST ? v.u.l->bytes - old.u.l->bytes : 0;
}
int64_t usage_of_object(struct db *db, struct object *o);
int64_t usage_of_slot(const struct object *o, uint32_t i);
static inline int64_t usage_of_propdef(size_t name) { return USAGE_PROPDEF + (int64_t)name + 1; }
static inline int64_t usage_of_verb(size_t names, size_t code) { return USAGE_VERB + (int64_t)names + 1 + (int64_t)code; }
static inline int64_t usage_of_header(size_t name) { return USAGE_OBJECT + (int64_t)name + 1; }
static inline int64_t usage_of_value(int64_t bytes) { return USAGE_VALUE + bytes; }
/* Its value may have been left out, if it is long. */
static inline int64_t usage_of_record(const struct view_propval *rec) {
    if (rec->value.encoded.len) return usage_of_value(rec->value.bytes);
    return usage_of_value(rec->bytes ? (int64_t)rec->bytes : value_bytes(value_clear()));
}

/* ---- saves ---- */

struct usage usage_cut(struct db *db);
void usage_settle(struct db *db, struct usage *u, bool saved); /* of the save that is over; releases it */
int usage_write(struct writer *w, const struct usage_map *m); /* on the writing thread, inside the transaction. Results as store_put() */
/* From the records of all objects up to max, where the table is empty; verbs get the length of their programs. *bad: records that cannot be read, and do not count. */
int usage_count(struct writer *w, objid max, uint64_t *bad);
int usage_upgrade(struct db *db, struct writer *w); /* the same, as a step of db/upgrade.c */

#endif
