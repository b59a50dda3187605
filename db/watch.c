/* SPDX-License-Identifier: MIT */
#include "db/watch.h"

#include <stdlib.h>

#include "db/internal.h"

enum { PLACES = 256, MOST_NAMES = 64 }; /* so that most names that are not watched are known not to be by one look */

struct watch {
    uint64_t count;
    unsigned n;
    struct str *names[PLACES]; /* open addressing */
};

struct watch *watch_new(void) { return xcalloc(1, sizeof(struct watch)); }

void watch_free(struct watch *w) {
    for (int i = 0; i < PLACES; i++)
        if (w->names[i]) str_unref(w->names[i]);
    free(w);
}

/* Where the name stands, or the free place for it. */
static uint32_t place_of(const struct watch *w, const struct str *name) {
    uint32_t at = str_hash(name) % PLACES;
    while (w->names[at] && !str_equal(w->names[at], name)) at = (at + 1) % PLACES;
    return at;
}

void db_watch(struct db *db, const char *name) {
    struct str *s = str_from(name);
    uint32_t at = place_of(db->watch, s);
    watch_moved(db);
    if (db->watch->names[at]) {
        str_unref(s);
        return;
    }
    must(++db->watch->n <= MOST_NAMES);
    db->watch->names[at] = s;
    db->prop_epoch++; /* places in programs that write to it are warm no longer */
}

uint64_t db_watch_count(const struct db *db) { return db->watch->count; }

bool watch_has(const struct db *db, const struct str *name) { return db->watch->names[place_of(db->watch, name)] != NULL; }

void watch_moved(struct db *db) { db->watch->count++; }

void watch_name(struct db *db, const struct str *name) {
    if (watch_has(db, name)) watch_moved(db);
}

void watch_object(struct db *db, const struct object *o) {
    for (uint32_t i = 0; i < o->shape->n; i++)
        if (watch_has(db, o->shape->slots[i].name)) {
            watch_moved(db);
            return;
        }
}
